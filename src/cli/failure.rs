//! A failure, told to a person: what, where with the line and a caret, why, and what to do next.

use super::{picture, say};
use crate::error::Error;

/// Prints `error` on standard error; nothing for one that is no failure.
pub(super) fn print(error: &Error) {
    if !matches!(error, Error::ClosedPipe | Error::Told(_)) {
        say(tell(error).trim_end());
    }
}

/// The failure in a few lines, with colours.
pub(super) fn tell(error: &Error) -> String {
    let red = anstyle::AnsiColor::Red.on_default().bold();
    let mut text = format!("{red}error:{red:#} {}\n", error.chain());
    let Some(problem) = error.problem() else { return text };
    if let Some(excerpt) = &problem.excerpt {
        text.push_str(&picture::draw(excerpt));
    }
    if let Some(hint) = &problem.hint {
        let cyan = anstyle::AnsiColor::Cyan.on_default().bold();
        text.push_str(&format!("{cyan}hint:{cyan:#} {hint}\n"));
    }
    text
}
