//! A failure, told to a person: what, where with the line and a caret, why, and what to do next.

use super::picture;
use crate::error::Error;

/// The failure in a few lines, with colours; `None` for one that is no failure of anything, or was told.
pub fn tell(error: &Error) -> Option<String> {
    if matches!(error, Error::ClosedPipe | Error::Told(_)) {
        return None;
    }
    let red = anstyle::AnsiColor::Red.on_default().bold();
    let mut text = format!("{red}error:{red:#} {}\n", error.chain());
    let Some(problem) = error.problem() else { return Some(text) };
    if let Some(excerpt) = &problem.excerpt {
        text.push_str(&picture::draw(excerpt));
    }
    if let Some(hint) = &problem.hint {
        let cyan = anstyle::AnsiColor::Cyan.on_default().bold();
        text.push_str(&format!("{cyan}hint:{cyan:#} {hint}\n"));
    }
    Some(text)
}
