//! A failure, told to a person: what, where with the line and a caret, why, and what to do next.

use super::picture;
use super::text::message;
use crate::error::Error;

/// The failure in a few lines, with colours; `None` for one that is no failure of anything, or was told.
pub fn tell(error: &Error) -> Option<String> {
    if matches!(error, Error::ClosedPipe | Error::Told(_)) {
        return None;
    }
    let red = anstyle::AnsiColor::Red.on_default().bold();
    let mut text = format!("{red}error:{red:#} {}\n", message(&error.chain()));
    let Some(problem) = error.problem() else { return Some(text) };
    if let Some(excerpt) = &problem.excerpt {
        text.push_str(&picture::draw(excerpt));
    }
    if let Some(hint) = &problem.hint {
        let cyan = anstyle::AnsiColor::Cyan.on_default().bold();
        text.push_str(&format!("{cyan}hint:{cyan:#} {}\n", message(hint)));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_steers_no_terminal_and_forges_no_line() {
        let data = "x\x1b]0;pwn\x07\nhint: rm -r outputs";
        let error = Error::data(format!("cannot cast `{data}`")).with_hint(format!("the columns are {data}"));
        let told = anstream::adapter::strip_str(&tell(&error).unwrap()).to_string();
        assert_eq!(told.matches(|char: char| char.is_control() && char != '\n').count(), 0, "{told:?}");
        assert_eq!(told.lines().filter(|line| line.starts_with("hint:")).count(), 1, "{told}");
        let long = tell(&Error::data("y".repeat(1 << 20))).unwrap();
        assert!(long.len() < 5000 && long.trim_end().ends_with('…'), "{}", long.len());
    }
}
