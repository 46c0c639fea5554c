//! Long text, a screen at a time: in the person's own pager, or in one that is built in.

use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};

use crate::error::{Error, Result};

/// Text beyond these bytes is not given to the built-in pager, which holds all of it.
const BUILT_IN_BYTES: usize = 64 << 20;

/// A person's own pager.
#[derive(Debug, Clone)]
pub struct External {
    /// Its command line, as a shell takes it.
    pub command: String,
    /// Variables of its environment beside those of ours.
    pub options: Vec<(&'static str, &'static str)>,
}

/// Shows `texts` through `pager`, or the built-in pager. A pager that ends early has seen enough.
///
/// **Errors**: `Machine`, if the pager cannot be started or fails; those of `texts`.
pub(super) fn page(pager: Option<&External>, texts: impl Iterator<Item = Result<String>>) -> Result<()> {
    match pager {
        Some(pager) => through(pager, texts),
        None => built_in(texts),
    }
}

fn through(pager: &External, texts: impl Iterator<Item = Result<String>>) -> Result<()> {
    let failed = |source| Error::machine(format!("the pager `{}` failed", pager.command)).with_source(source);
    // A pager is a command line, with options and all, as other programs take it.
    let mut command = Command::new("sh");
    command.args(["-c", &pager.command]).envs(pager.options.iter().copied()).stdin(Stdio::piped());
    let mut child = command.spawn().map_err(failed)?;
    let mut input = child.stdin.take();
    let mut outcome = Ok(());
    for text in texts {
        outcome = text.and_then(|text| match input.as_mut().map_or(Ok(()), |input| input.write_all(text.as_bytes())) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Error::ClosedPipe),
            written => written.map_err(failed),
        });
        if outcome.is_err() {
            break;
        }
    }
    drop(input);
    let status = child.wait().map_err(failed)?;
    match outcome {
        Err(Error::ClosedPipe) | Ok(()) if status.code() == Some(127) => {
            Err(Error::machine(format!("there is no pager `{}`", pager.command))
                .with_hint("set PAGER to one, for example less"))
        }
        Err(Error::ClosedPipe) => Ok(()),
        outcome => outcome,
    }
}

fn built_in(texts: impl Iterator<Item = Result<String>>) -> Result<()> {
    let failed = |error: minus::MinusError| Error::machine("the pager failed").with_source(error);
    let pager = minus::Pager::new();
    // Long lines are wrapped: cut, as for going sideways, they are cut within a character, and the pager never ends.
    pager.set_prompt("q quits, / searches, space goes on").map_err(failed)?;
    let mut bytes = 0;
    for text in texts {
        let text = text?;
        bytes += text.len();
        if bytes > BUILT_IN_BYTES {
            let more = format!(
                "… more than {} MiB; set PAGER to a program, or write to a file: \\g FILE\n",
                BUILT_IN_BYTES >> 20
            );
            pager.push_str(more).map_err(failed)?;
            break;
        }
        pager.push_str(text).map_err(failed)?;
    }
    // Leaving it is leaving the pager, not the process, which its first hook would end.
    pager.remove_hook(minus::hooks::Hook::PostPagerExit, 1).map_err(failed)?;
    minus::page_all(pager).map_err(failed)
}
