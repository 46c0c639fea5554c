//! Standard output, which carries data, and standard error, which carries everything else.

use std::io::{ErrorKind, Write};

use super::failure;
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

/// Prints a line for the person who watches. A closed standard error is no reason to stop.
pub fn say(line: &str) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// Prints a failure for the person who watches.
pub fn tell_failure(error: &Error) {
    if let Some(text) = failure::tell(error) {
        say(text.trim_end());
    }
}
