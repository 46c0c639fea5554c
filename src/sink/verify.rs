//! Reads a file back, counts its rows and hashes its bytes, so that what is published is known to be whole, and can be told again.
//!
//! It trusts nothing that the encoder said, and it does not decode values.

use std::error::Error;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use arrow::error::ArrowError;
use arrow::ipc::reader::read_footer_length;
use arrow::ipc::{root_as_footer, root_as_message};
use blake3::{Hash, Hasher};
use datafusion::parquet::file::metadata::ParquetMetaDataReader;
use memchr::{memchr_iter, memchr2_iter};

use super::Format;

/// A piece of a file that is read back.
const PIECE_BYTES: usize = 256 * 1024;

/// What a file holds.
pub(super) struct Held {
    /// Its rows.
    pub(super) rows: u64,
    /// The hash of its bytes.
    pub(super) hash: Hash,
}

/// A file that is read back, from its start on.
pub(super) struct ReadBack {
    file: File,
    format: Format,
    hasher: Hasher,
    piece: Vec<u8>,
    /// How many bytes were read, and how many rows end in them, as far as text tells.
    bytes: u64,
    rows: u64,
    quoted: bool,
}

impl ReadBack {
    /// Begins with the file at `path`.
    ///
    /// **Errors**: those of the system.
    pub(super) fn open(path: &Path, format: Format) -> io::Result<Self> {
        let (file, piece) = (File::open(path)?, vec![0; PIECE_BYTES]);
        Ok(Self { file, format, hasher: Hasher::new(), piece, bytes: 0, rows: 0, quoted: false })
    }

    /// Reads on, up to byte `end` or the file's end.
    ///
    /// **Errors**: those of the system.
    pub(super) fn read_to(&mut self, end: u64) -> io::Result<()> {
        while self.bytes < end {
            let wanted = usize::try_from(end - self.bytes).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
            let piece = match self.file.read(&mut self.piece[..wanted]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                count => &self.piece[..count?],
            };
            if piece.is_empty() {
                break;
            }
            self.hasher.update(piece);
            match self.format {
                // Line ends: JSON text has none within a value.
                Format::Json => self.rows += memchr_iter(b'\n', piece).count() as u64,
                Format::Csv => self.rows += csv_records(piece, &mut self.quoted),
                Format::Parquet | Format::Arrow => {}
            }
            self.bytes += piece.len() as u64;
        }
        Ok(())
    }

    /// Reads what is left; what all of it is.
    ///
    /// **Errors**: whatever shows that it cannot be read, or is not a whole file of its format.
    pub(super) fn finish(mut self) -> Result<Held, Box<dyn Error + Send + Sync>> {
        self.read_to(u64::MAX)?;
        let rows = match self.format {
            Format::Json => self.rows,
            Format::Csv => self.rows.checked_sub(1).ok_or("there is no header")?,
            Format::Parquet => parquet_rows(&self.file)?,
            Format::Arrow => arrow_rows(self.file)?,
        };
        Ok(Held { rows, hash: self.hasher.finalize() })
    }
}

/// The hash of a file's bytes.
pub(super) fn hash_of(path: &Path) -> io::Result<Hash> {
    let mut hasher = Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize())
}

/// Line ends outside quotes; a quote in a quoted field is doubled, and so changes nothing.
fn csv_records(piece: &[u8], quoted: &mut bool) -> u64 {
    let mut records = 0;
    for position in memchr2_iter(b'"', b'\n', piece) {
        match piece[position] {
            b'"' => *quoted = !*quoted,
            _ if !*quoted => records += 1,
            _ => {}
        }
    }
    records
}

fn parquet_rows(file: &File) -> datafusion::parquet::errors::Result<u64> {
    let metadata = ParquetMetaDataReader::new().parse_and_finish(file)?;
    Ok(metadata.row_groups().iter().map(|group| group.num_rows().unsigned_abs()).sum())
}

/// The rows that the messages named in the footer say they hold. Their bodies are not read.
fn arrow_rows(mut file: File) -> Result<u64, ArrowError> {
    let malformed = |error: &dyn std::fmt::Display| ArrowError::ParseError(error.to_string());
    let mut tail = [0; 10];
    file.seek(SeekFrom::End(-10))?;
    file.read_exact(&mut tail)?;
    let mut footer = vec![0; read_footer_length(tail)?];
    file.seek(SeekFrom::End(-10 - footer.len() as i64))?;
    file.read_exact(&mut footer)?;
    let footer = root_as_footer(&footer).map_err(|error| malformed(&error))?;
    let mut rows = 0;
    for block in footer.recordBatches().iter().flatten() {
        let mut message = vec![0; usize::try_from(block.metaDataLength()).map_err(|error| malformed(&error))?];
        file.seek(SeekFrom::Start(block.offset().unsigned_abs()))?;
        file.read_exact(&mut message)?;
        // Before the message stand a marker and its length, four bytes each.
        let message = message.get(8..).ok_or_else(|| malformed(&"a message shorter than its prefix"))?;
        let message = root_as_message(message).map_err(|error| malformed(&error))?;
        let batch = message.header_as_record_batch().ok_or_else(|| malformed(&"a block that is no batch"))?;
        rows += batch.length().unsigned_abs();
    }
    Ok(rows)
}
