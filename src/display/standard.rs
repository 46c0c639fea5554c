//! Standard output, which carries data, and standard error, which carries everything else.

use std::io::{ErrorKind, Write};

use super::failure;
use super::text::clean;
use crate::error::{Error, Result};

/// Writes text to standard output.
///
/// **Errors**: `ClosedPipe` if whoever read it went away, else `Machine`.
pub fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(stdout_failure)
}

/// A failure to write to standard output.
pub fn stdout_failure(error: std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::BrokenPipe => Error::ClosedPipe,
        _ => Error::machine("cannot write to standard output").with_source(error),
    }
}

/// Prints lines for the person who watches, without what would steer a terminal: they may tell of somebody else's data. A closed
/// standard error is no reason to stop.
pub fn say(text: &str) {
    say_styled(&text.split('\n').map(|line| clean(line, None)).collect::<Vec<_>>().join("\n"));
}

/// The same for text of ours, which has colours and is clean.
fn say_styled(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Prints a failure for the person who watches.
pub fn tell_failure(error: &Error) {
    if let Some(text) = failure::tell(error) {
        say_styled(text.trim_end());
    }
}
