//! A reader that is read ahead by a thread of its own: decompressing and parsing then overlap.
//!
//! It knows nothing of what is read. All that the reader yields comes out in its order: its bytes, then its end or its
//! error; an end that nobody told is an error.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

/// How much is read at once, as much as is parsed at once.
const PIECE_BYTES: usize = 256 << 10;

/// Pieces that wait to be taken: enough that neither side waits for the other at every piece.
const PIECES: usize = 2;

/// The end that is read from.
pub(super) struct Ahead {
    /// Full pieces; an empty one is the end. `None` once the thread is to stop.
    pieces: Option<Receiver<io::Result<Vec<u8>>>>,
    /// Pieces that were taken, on their way back.
    spare: SyncSender<Vec<u8>>,
    piece: Vec<u8>,
    /// Bytes of the piece that were taken.
    taken: usize,
    ended: bool,
    thread: Option<JoinHandle<()>>,
}

impl Ahead {
    /// Begins to read `reader`.
    ///
    /// **Errors**: that of the system, if it has no thread to give.
    pub(super) fn new(reader: impl Read + Send + 'static) -> io::Result<Self> {
        let (sender, pieces) = sync_channel(PIECES);
        let (spare, returned) = sync_channel(PIECES + 1);
        let read = move || read_all(reader, &sender, &returned);
        let thread = Builder::new().name("tidemill-decode".to_owned()).spawn(read)?;
        Ok(Self { pieces: Some(pieces), spare, piece: Vec::new(), taken: 0, ended: false, thread: Some(thread) })
    }

    /// Has a piece with bytes that were not taken, unless there are none.
    fn fetch(&mut self) -> io::Result<()> {
        if self.ended || self.taken < self.piece.len() {
            return Ok(());
        }
        // If there is no room, or the thread is gone, it is freed.
        let _ = self.spare.try_send(std::mem::take(&mut self.piece));
        self.taken = 0;
        let next = self.pieces.as_ref().and_then(|pieces| pieces.recv().ok());
        let next = next.unwrap_or_else(|| Err(io::Error::other("the thread that reads ahead has failed")));
        self.ended = !matches!(&next, Ok(piece) if !piece.is_empty());
        self.piece = next?;
        Ok(())
    }
}

impl Read for Ahead {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.fetch()?;
        let rest = &self.piece[self.taken..];
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.taken += count;
        Ok(count)
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        // With nobody to take its pieces it stops at the next one.
        self.pieces = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the reader was told as an error to whoever read.
            let _ = thread.join();
        }
    }
}

fn read_all(mut reader: impl Read, pieces: &SyncSender<io::Result<Vec<u8>>>, returned: &Receiver<Vec<u8>>) {
    loop {
        let mut piece = returned.try_recv().unwrap_or_default();
        piece.clear();
        let read = reader.by_ref().take(PIECE_BYTES as u64).read_to_end(&mut piece);
        // What came before an error is handed on before it.
        let failed = read.err();
        let is_end = failed.is_none() && piece.is_empty();
        let is_sent = (failed.is_some() && piece.is_empty()) || pieces.send(Ok(piece)).is_ok();
        if let Some(error) = failed {
            // Whoever went away does not want it.
            let _ = pieces.send(Err(error));
            return;
        }
        if is_end || !is_sent {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Yields at most so many bytes a call, and then fails if it is to.
    struct Slow(Vec<u8>, usize, bool);

    impl Read for Slow {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(into.len());
            into[..count].copy_from_slice(&self.0[..count]);
            self.0.drain(..count);
            if count == 0 && self.2 { Err(io::Error::other("broken")) } else { Ok(count) }
        }
    }

    proptest! {
        #[test]
        fn what_is_read_comes_out(length in 0..2_000_000_usize, step in 100_000..900_000_usize, fails in any::<bool>()) {
            let bytes: Vec<u8> = (0..length).map(|at| (at * 7 % 251) as u8).collect();
            let mut ahead = Ahead::new(Slow(bytes.clone(), step, fails)).unwrap();
            let mut found = Vec::new();
            let read = ahead.read_to_end(&mut found);
            prop_assert_eq!(read.is_err(), fails);
            prop_assert!(found == bytes);
            // The end stays the end.
            prop_assert_eq!(ahead.read(&mut [0; 8]).unwrap(), 0);
        }
    }

    #[test]
    fn it_may_be_left_at_any_time() {
        for taken in [0, 1, PIECE_BYTES + 1] {
            let mut ahead = Ahead::new(io::repeat(b'x')).unwrap();
            ahead.read_exact(&mut vec![0; taken]).unwrap();
        }
    }

    #[test]
    fn a_reader_that_panics_is_no_end() {
        struct Panics;
        impl Read for Panics {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                panic!("a defect")
            }
        }
        let mut ahead = Ahead::new(Panics).unwrap();
        assert!(ahead.read(&mut [0; 8]).unwrap_err().to_string().contains("has failed"));
    }
}
