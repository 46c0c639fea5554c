//! What the tests of this module share: batches, and writers that remember or fail.

use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Mutex};

use arrow::array::{Array, ArrayRef, RecordBatch};

use super::{Format, encoder};
use crate::error::Result;

/// A batch of one column `v`.
pub(super) fn column(array: impl Array + 'static) -> RecordBatch {
    batch([("v", Arc::new(array))])
}

pub(super) fn batch<const N: usize>(columns: [(&str, ArrayRef); N]) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap()
}

/// What an encoder of `format` makes of `batches`, of which there is at least one.
pub(super) fn encode(format: Format, batches: &[RecordBatch]) -> Result<Vec<u8>> {
    let out = Memory::default();
    encode_to(format, batches, 1, Box::new(out.clone()))?;
    Ok(out.bytes())
}

/// As [`encode`], as text.
pub(super) fn encode_text(format: Format, batches: &[RecordBatch]) -> Result<String> {
    Ok(String::from_utf8(encode(format, batches)?).unwrap())
}

pub(super) fn encode_to(
    format: Format,
    batches: &[RecordBatch],
    threads: usize,
    out: Box<dyn Write + Send>,
) -> Result<()> {
    let mut encoder = encoder(format, &batches[0].schema(), threads, out)?;
    batches.iter().try_for_each(|batch| encoder.write(batch))?;
    encoder.finish()
}

/// A writer that can still be looked at when an encoder owns it.
#[derive(Clone, Default)]
pub(super) struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl Write for Memory {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A writer that takes some bytes, and then fails for ever.
pub(super) struct FailAfter<W> {
    pub(super) out: W,
    pub(super) left: usize,
    pub(super) kind: ErrorKind,
}

impl<W: Write> Write for FailAfter<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(self.kind.into());
        }
        let taken = self.out.write(&buffer[..buffer.len().min(self.left)])?;
        self.left -= taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
