//! One file of a result: encoded into a stage, and read back when it is whole.
//!
//! It knows nothing of where the file goes from there, nor of how a format is written.

use std::fs::File;
use std::io::{self, Write};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::follow::{Followed, Follower};
use super::place::Place;
use super::verify::{Held, ReadBack};
use super::{Encoder, Writing, encoder};
use crate::error::{Error, Result};

/// A file that is being written. `place`, in its methods, is that of the result: errors name it.
pub(super) struct Part {
    /// `None` after a failure, and when it is whole: what was written may end anywhere.
    encoder: Option<Box<dyn Encoder>>,
    rows: u64,
    /// Counts its bytes, and goes behind it when it is not small. The encoder is dropped before it ends.
    follower: Follower,
}

/// A file that is whole.
pub(super) struct Whole {
    pub(super) path: PathBuf,
    pub(super) rows: u64,
    /// Its size.
    pub(super) bytes: u64,
    /// The hash of its bytes, in hexadecimal digits.
    pub(super) blake3: String,
}

impl Part {
    /// A new file at `path`; `through` stands between the encoder and the file.
    ///
    /// **Errors**: [`Error::Machine`] if it cannot be made; those of [`encoder`].
    pub(super) fn create(
        path: PathBuf,
        writing: Writing,
        schema: &SchemaRef,
        threads: usize,
        place: &Place,
        through: impl FnOnce(File) -> Box<dyn Write + Send>,
    ) -> Result<Self> {
        let made = File::create_new(&path).and_then(|file| Ok((file.try_clone()?, file)));
        let (out, file) = made.map_err(|error| place.unwritable(error))?;
        let follower = Follower::new(file, path, writing.format);
        let out = follower.counting(through(out));
        let encoder = encoder(writing, schema, threads, out).map_err(|error| place.name_in(error))?;
        Ok(Self { encoder: Some(encoder), rows: 0, follower })
    }

    pub(super) fn path(&self) -> &Path {
        self.follower.path()
    }

    pub(super) fn file(&self) -> &File {
        self.follower.file()
    }

    /// Bytes that have been written so far; the encoder may hold more.
    pub(super) fn bytes(&self) -> u64 {
        self.follower.bytes()
    }

    /// Whether it is read back already.
    #[cfg(test)]
    pub(super) fn is_followed(&self) -> bool {
        self.follower.has_begun()
    }

    /// Has it believe that there is more.
    #[cfg(test)]
    pub(super) fn spoil(&mut self, rows: u64, bytes: u64) {
        self.rows += rows;
        self.follower.spoil(bytes);
    }

    /// Adds the rows of `batch`.
    ///
    /// **Errors**: those of [`Encoder::write`]; after one, the file can no longer be completed.
    pub(super) fn write(&mut self, batch: &RecordBatch, place: &Place) -> Result<()> {
        let mut encoder = self.encoder.take().ok_or_else(|| failed_before(place))?;
        encoder.write(batch).map_err(|error| place.name_in(error))?;
        self.encoder = Some(encoder);
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Completes the file, and reads what is left of it back while the disk takes it.
    ///
    /// **Errors**: [`Error::Machine`] if it cannot be written, [`Error::Internal`] if what is read back is not what was
    /// written.
    pub(super) fn finish(&mut self, place: &Place) -> Result<Whole> {
        let encoder = self.encoder.take().ok_or_else(|| failed_before(place))?;
        encoder.finish().map_err(|error| place.name_in(error))?;
        let Followed { read_back, synced } = self.follower.end();
        synced.map_err(|error| place.unwritable(error))?;
        let (verified, synced) = thread::scope(|scope| {
            let file = self.file();
            let sync = || file.sync_data();
            let syncing = thread::Builder::new().spawn_scoped(scope, sync);
            let verified = self.verify(read_back, place);
            // A sync that failed is not tried again: the second one may well claim success.
            let synced = match syncing {
                Ok(syncing) => syncing.join().unwrap_or_else(|panic| resume_unwind(panic)),
                Err(_) => sync(),
            };
            (verified, synced)
        });
        synced.map_err(|error| place.unwritable(error))?;
        verified
    }

    /// Reads back what is left of what was written.
    fn verify(&self, read_back: io::Result<ReadBack>, place: &Place) -> Result<Whole> {
        let broken = |what| Error::internal(format!("the file staged for `{}` {what}", place.target.display()));
        let written = self.bytes();
        let size = self.file().metadata().map_err(|error| place.unwritable(error))?.len();
        if size != written {
            return Err(broken(format!("has {size} bytes where {written} were written")));
        }
        let read = read_back.map_err(Into::into).and_then(ReadBack::finish);
        let read = read.map_err(|error| match is_of_the_system(&*error) {
            true => Error::machine(format!("cannot read back `{}`", self.path().display())).with_source(error),
            false => broken("cannot be read back".to_owned()).with_source(error),
        });
        let Held { rows, hash } = read?;
        if rows != self.rows {
            return Err(broken(format!("holds {rows} rows where {} were written", self.rows)));
        }
        Ok(Whole { path: self.path().to_owned(), rows, bytes: size, blake3: hash.to_hex().to_string() })
    }
}

/// Whether it is an error of the system, and not about what was read.
fn is_of_the_system(error: &(dyn std::error::Error + 'static)) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.raw_os_error().is_some()) || error.source().is_some_and(is_of_the_system)
}

fn failed_before(place: &Place) -> Error {
    Error::internal(format!("`{}` is still being written after a failure", place.target.display()))
}
