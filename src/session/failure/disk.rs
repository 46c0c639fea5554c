//! What memory does not hold, and could not be laid aside either. It knows no statement.
//!
//! The engine opens no other files: inputs and results are read and written by this crate, whose errors are told of before.

use std::io::{self, ErrorKind};

use crate::error::Error;
use crate::session::aside::OverLimit;

pub(super) fn of_spill(cause: &io::Error) -> Error {
    if let Some(limit) = cause.get_ref().and_then(|cause| cause.downcast_ref::<OverLimit>()) {
        return Error::machine(format!("the statement holds more than memory does, and laid aside more than {limit}"))
            .with_hint("raise one of them in tidemill.toml, [limits] memory or spill, or ask for less at once");
    }
    let first = match cause.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "free some space there, let",
        _ => "let",
    };
    let folder = std::env::temp_dir();
    Error::machine(format!(
        "the statement holds more than memory does, and the rest cannot be laid aside in `{}`: {cause}",
        folder.display()
    ))
    .with_hint(format!("{first} TMPDIR name another folder, or raise [limits] memory in tidemill.toml"))
}
