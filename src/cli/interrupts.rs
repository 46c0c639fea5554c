//! The signals that ask to stop: Ctrl-C, SIGTERM and SIGHUP. What one means is decided by the caller.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::{Error, Result};

/// The number of SIGINT.
pub(super) const CTRL_C: u8 = 2;
const TERMINATE: u8 = 15;
/// The terminal was closed.
const HANG_UP: u8 = 1;

pub(super) struct Interrupts {
    ctrl_c: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Interrupts {
    /// From now on these signals no longer end the process by themselves. Needs a runtime around it.
    pub(super) fn listen() -> Result<Self> {
        let listen =
            |kind| signal(kind).map_err(|source| Error::machine("cannot listen for signals").with_source(source));
        Ok(Self {
            ctrl_c: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for a signal and returns its number.
    pub(super) async fn next(&mut self) -> u8 {
        tokio::select! {
            biased;
            _ = self.ctrl_c.recv() => CTRL_C,
            _ = self.terminate.recv() => TERMINATE,
            _ = self.hang_up.recv() => HANG_UP,
        }
    }

    /// Waits for `pause`, or until a signal comes, whose number it returns.
    pub(super) async fn during(&mut self, pause: Duration) -> Option<u8> {
        tokio::select! {
            biased;
            signal = self.next() => Some(signal),
            () = rest(pause) => None,
        }
    }
}

/// Without a pause it still gives the runtime a turn, which is when it notices signals.
async fn rest(pause: Duration) {
    if pause.is_zero() {
        tokio::task::yield_now().await;
    } else {
        tokio::time::sleep(pause).await;
    }
}
