//! Rows that wait in a file until it is known how many there are.
//!
//! It knows nothing of where they go then.

use std::fs::File;
use std::io::{BufReader, BufWriter, Seek};
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use super::arrow_ipc::self_contained;
use super::fault::cannot_write;
use super::recast::Recast;
use crate::error::{Error, Result};

/// Rows in a file; it has no name, and is gone with this.
pub(super) struct Spool {
    recast: Recast,
    writer: StreamWriter<BufWriter<File>>,
    rows: u64,
}

impl Spool {
    /// For batches of `schema`, in the file system of `folder`.
    ///
    /// **Errors**: [`Error::Machine`] if no file can be made there.
    pub(super) fn new(schema: &SchemaRef, folder: &Path) -> Result<Self> {
        let recast = Recast::new(schema, self_contained);
        let file = tempfile::tempfile_in(folder).map_err(cannot_write)?;
        let writer = StreamWriter::try_new_buffered(file, recast.schema()).map_err(cannot_write)?;
        Ok(Self { recast, writer, rows: 0 })
    }

    /// The schema of the batches that come back.
    pub(super) fn schema(&self) -> &SchemaRef {
        self.recast.schema()
    }

    /// **Errors**: [`Error::Machine`].
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        self.writer.write(&self.recast.apply(batch)?).map_err(cannot_write)
    }

    /// How many rows there are, and the rows.
    ///
    /// **Errors**: [`Error::Machine`]; the batches', too.
    pub(super) fn read(self) -> Result<(u64, impl Iterator<Item = Result<RecordBatch>>)> {
        let buffered = self.writer.into_inner().map_err(cannot_write)?;
        let mut file = buffered.into_inner().map_err(|error| cannot_write(error.into_error()))?;
        file.rewind().map_err(cannot_write)?;
        let unreadable = |error| Error::machine("cannot read back the rows that waited").with_source(error);
        let reader = StreamReader::try_new(BufReader::new(file), None).map_err(unreadable)?;
        Ok((self.rows, reader.map(move |batch| batch.map_err(unreadable))))
    }
}
