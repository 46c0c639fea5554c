//! Files for what memory does not hold. They have no names: of a process that is killed nothing is left behind.
//!
//! It knows nothing of what they hold.

use std::fmt::{self, Debug, Display, Formatter};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::memory_pool::human_readable_size;
use datafusion::execution::{SpillFile, SpillWriter, TempFileFactory};
use futures::{Stream, stream};

/// Bytes that are read back at once.
const READ_BYTES: usize = 128 << 10;

/// The files of an engine, in the folder for temporary files.
pub(super) struct Aside(Arc<Room>);

impl Aside {
    /// For no more than `limit` bytes in all of them.
    pub(super) fn new(limit: u64) -> Self {
        Self(Arc::new(Room { limit, used: AtomicU64::new(0) }))
    }
}

impl TempFileFactory for Aside {
    fn create_temp_file(&self, _: &str) -> Result<Arc<dyn SpillFile>> {
        let file = tempfile::tempfile().map_err(DataFusionError::IoError)?;
        Ok(Arc::new(Nameless(Arc::new(Written { file, bytes: AtomicU64::new(0), room: Arc::clone(&self.0) }))))
    }
}

/// The room on disk.
struct Room {
    limit: u64,
    used: AtomicU64,
}

impl Room {
    fn take(&self, bytes: u64) -> io::Result<()> {
        let fits = |used: u64| used.checked_add(bytes).filter(|used| *used <= self.limit);
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
        taken.map(drop).map_err(|_| io::Error::other(OverLimit(self.limit)))
    }
}

/// Why nothing more is written: the bytes that all files may take.
#[derive(Debug)]
pub(super) struct OverLimit(u64);

impl Display for OverLimit {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&human_readable_size(usize::try_from(self.0).unwrap_or(usize::MAX)))
    }
}

impl std::error::Error for OverLimit {}

/// What was written to a file.
struct Written {
    file: File,
    bytes: AtomicU64,
    room: Arc<Room>,
}

impl Drop for Written {
    fn drop(&mut self) {
        self.room.used.fetch_sub(*self.bytes.get_mut(), Ordering::Relaxed);
    }
}

struct Nameless(Arc<Written>);

impl SpillFile for Nameless {
    fn size(&self) -> Option<u64> {
        Some(self.0.bytes.load(Ordering::Relaxed))
    }

    fn read_stream(&self) -> Result<Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>> {
        let bytes = stream::try_unfold((Arc::clone(&self.0), 0), |(written, from)| async move {
            let read = tokio::task::spawn_blocking(move || read(&written, from).map(|bytes| (bytes, written)));
            let (bytes, written) = read.await.map_err(|error| DataFusionError::External(error.into()))??;
            let next = (written, from + bytes.len() as u64);
            Ok((!bytes.is_empty()).then_some((bytes, next)))
        });
        Ok(Box::pin(bytes))
    }

    fn open_writer(&self) -> Result<Box<dyn SpillWriter>> {
        Ok(Box::new(Writer(Arc::clone(&self.0))))
    }
}

/// The bytes that follow each other from a place on; none at the end.
fn read(written: &Written, from: u64) -> io::Result<Bytes> {
    let mut bytes = vec![0; READ_BYTES];
    let length = loop {
        match written.file.read_at(&mut bytes, from) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => break read?,
        }
    };
    bytes.truncate(length);
    Ok(bytes.into())
}

/// Writes behind what is there.
struct Writer(Arc<Written>);

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.room.take(bytes.len() as u64)?;
        // What was taken is given back with the file.
        let end = self.0.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.0.file.write_all_at(bytes, end)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SpillWriter for Writer {
    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;

    use super::*;

    #[tokio::test]
    async fn what_is_written_is_read_while_it_grows_and_its_room_is_given_back() {
        let aside = Aside::new(3 * READ_BYTES as u64);
        let file = aside.create_temp_file("test").unwrap();
        assert!(file.path().is_none());
        let bytes: Vec<u8> = (0..2 * READ_BYTES + 5).map(|at| (at % 251) as u8).collect();
        let (first, rest) = bytes.split_at(READ_BYTES + 1);
        let mut writer = file.open_writer().unwrap();
        writer.write_all(first).unwrap();
        let all = || file.read_stream().unwrap().try_collect::<Vec<Bytes>>();
        assert_eq!(all().await.unwrap().concat(), first);
        writer.write_all(rest).unwrap();
        writer.finish().unwrap();
        assert_eq!(all().await.unwrap().concat(), bytes);
        assert_eq!(file.size(), Some(bytes.len() as u64));

        let other = aside.create_temp_file("test").unwrap();
        let refused = other.open_writer().unwrap().write_all(&bytes).unwrap_err();
        let refused = refused.get_ref().unwrap().downcast_ref::<OverLimit>().unwrap();
        assert_eq!(refused.to_string(), "384.0 KB");
        assert_eq!(other.size(), Some(0));
        let read = file.read_stream().unwrap();
        drop((file, writer));
        // Whoever reads it holds it.
        assert!(other.open_writer().unwrap().write_all(&bytes).is_err());
        assert_eq!(read.try_collect::<Vec<Bytes>>().await.unwrap().concat(), bytes);
        other.open_writer().unwrap().write_all(&bytes).unwrap();
    }
}
