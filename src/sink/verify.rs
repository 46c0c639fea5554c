//! Reads a finished file back, counts its rows and hashes its bytes, so that what is published is known to be whole, and can be
//! told again.
//!
//! It trusts nothing that the encoder said, and it does not decode values.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
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
pub(super) struct ReadBack {
    /// Its rows.
    pub(super) rows: u64,
    /// The hash of its bytes.
    pub(super) hash: Hash,
}

/// What the file at `path` holds.
///
/// **Errors**: whatever shows that it cannot be read, or is not a whole file of `format`.
pub(super) fn read_back(path: &Path, format: Format) -> Result<ReadBack, Box<dyn Error + Send + Sync>> {
    let file = File::open(path)?;
    let mut rows = 0;
    let hash = match format {
        // Line ends: JSON text has none within a value.
        Format::Json => for_each_piece(file, |piece| rows += memchr_iter(b'\n', piece).count() as u64)?,
        Format::Csv => {
            let mut quoted = false;
            let hash = for_each_piece(file, |piece| rows += csv_records(piece, &mut quoted))?;
            rows = rows.checked_sub(1).ok_or("there is no header")?;
            hash
        }
        Format::Parquet => {
            rows = parquet_rows(&file)?;
            hash_of(path)?
        }
        Format::Arrow => {
            rows = arrow_rows(file)?;
            hash_of(path)?
        }
    };
    Ok(ReadBack { rows, hash })
}

/// The hash of a file's bytes.
pub(super) fn hash_of(path: &Path) -> io::Result<Hash> {
    for_each_piece(File::open(path)?, |_| {})
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

/// Gives all bytes to `look`, and returns their hash.
fn for_each_piece(file: File, mut look: impl FnMut(&[u8])) -> io::Result<Hash> {
    let mut reader = BufReader::with_capacity(PIECE_BYTES, file);
    let mut hasher = Hasher::new();
    loop {
        let piece = match reader.fill_buf() {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            piece => piece?,
        };
        if piece.is_empty() {
            return Ok(hasher.finalize());
        }
        hasher.update(piece);
        look(piece);
        let length = piece.len();
        reader.consume(length);
    }
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
