//! The bytes of an object from one place on, asked for ahead of whoever reads.
//!
//! Requests are for pieces of bounded size, few at a time, each for the state of the object that was listed: if it is another by
//! then, that is an error. It knows nothing of what is in them.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use bytes::{Buf, Bytes};
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{Error as Fault, GetOptions, GetRange, ObjectStore};

use super::client::{self, Task};
use super::fault::failure;
use super::object::Object;
use crate::error::{Error, Result};

/// The most that is asked for in one request, about: a store takes tens of milliseconds to begin an answer, in which a line
/// of a gigabit carries as much.
const PIECE_BYTES: u64 = 4 << 20;

/// Requests that are under way at once for one reader.
const AHEAD: usize = 2;

/// How much is asked for at once behind the bytes that a reader said it wants: more than most lines have.
const BEHIND_BYTES: u64 = 64 << 10;

/// Reads an object.
pub struct Reader {
    object: Object,
    path: Path,
    store: Arc<AmazonS3>,
    /// The first byte that nobody has asked for.
    next: u64,
    /// Where the reader will end, as far as it knows.
    until: u64,
    piece_bytes: u64,
    coming: VecDeque<Coming>,
    piece: Bytes,
}

/// A piece on its way. Nobody waits for it any more when it is dropped.
struct Coming {
    bytes: Receiver<Result<Bytes, Fault>>,
    length: u64,
    _task: Task<()>,
}

impl Reader {
    /// Begins to read `object` at the start of `range`, and goes ahead up to its end; what is behind is read when it is asked for.
    ///
    /// **Errors**: [`Error::Request`] where the environment says too little of the store.
    pub fn new(object: &Object, range: Range<u64>) -> Result<Self> {
        let until = range.end.clamp(range.start, object.size.max(range.start));
        let pieces = (until - range.start).div_ceil(PIECE_BYTES + BEHIND_BYTES).max(1);
        Ok(Self {
            path: object.location.path()?,
            store: client::of(&object.location)?,
            next: range.start,
            until,
            // Of one size, so that none is a few bytes.
            piece_bytes: (until - range.start).div_ceil(pieces).max(1),
            object: object.clone(),
            coming: VecDeque::new(),
            piece: Bytes::new(),
        })
    }

    /// Asks for what comes next.
    fn ask(&mut self) -> Result<()> {
        while self.coming.len() < AHEAD && self.next < self.until {
            self.ask_for((self.next + self.piece_bytes).min(self.until))?;
        }
        if self.coming.is_empty() && self.next < self.object.size {
            self.ask_for((self.next + BEHIND_BYTES).min(self.object.size))?;
        }
        Ok(())
    }

    fn ask_for(&mut self, end: u64) -> Result<()> {
        let range = self.next..end;
        let options = GetOptions {
            range: Some(GetRange::Bounded(range.clone())),
            if_match: self.object.tag.as_ref().map(|tag| format!("\"{tag}\"")),
            if_unmodified_since: self.object.tag.is_none().then_some(self.object.modified),
            ..GetOptions::default()
        };
        let (store, path) = (Arc::clone(&self.store), self.path.clone());
        let (sender, bytes) = sync_channel(1);
        let task = client::start(async move {
            let got = async { store.get_opts(&path, options).await?.bytes().await };
            // Whoever went away does not want it.
            let _ = sender.send(got.await);
        })?;
        self.coming.push_back(Coming { bytes, length: end - self.next, _task: task });
        self.next = end;
        Ok(())
    }

    /// Waits for the next piece; an empty one is the end.
    fn fetch(&mut self) -> Result<Bytes> {
        self.ask()?;
        let Some(Coming { bytes, length, _task }) = self.coming.pop_front() else { return Ok(Bytes::new()) };
        let got = bytes.recv().map_err(|_| Error::internal("a piece of an object has no reader"))?;
        let piece = got.map_err(|fault| self.failure(fault))?;
        if piece.len() as u64 != length {
            return Err(self.changed());
        }
        self.ask()?;
        Ok(piece)
    }

    fn failure(&self, fault: Fault) -> Error {
        match fault {
            Fault::Precondition { .. } => self.changed(),
            fault => failure(fault, "read", &self.object.location, Error::input),
        }
    }

    fn changed(&self) -> Error {
        Error::input(format!("`{}` was replaced while it was read", self.object.location))
            .with_hint("nothing was published; run again when it is at rest, or have its writer create new objects")
    }
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() {
            self.piece = self.fetch().map_err(io::Error::other)?;
        }
        let count = self.piece.len().min(into.len());
        self.piece.copy_to_slice(&mut into[..count]);
        Ok(count)
    }
}
