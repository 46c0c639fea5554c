//! `tidemill repl`: what was typed and what the environment says, for the shell.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

use super::here;
use super::params::Params;
use crate::error::Result;
use crate::project::Project;
use crate::repl::{self, Pager, Scripts, Surroundings};
use crate::session::Access;

/// Ask in a session: statements and commands, at a terminal or from a script.
///
/// On a terminal it edits, completes and remembers. From a script (`tidemill repl < script.sql`) rows are JSON lines unless
/// the script says otherwise, and the first failure ends it.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = "Example: tidemill repl -c \"SELECT count(*) FROM events;\" -c \"\\d events\"")]
pub(super) struct Args {
    /// Do this instead of reading; may be repeated
    #[arg(short, long = "command", value_name = "TEXT")]
    commands: Vec<String>,

    /// A script to do first [default: tidemill/rc.sql in the folder for configuration, at a terminal]
    #[arg(long, value_name = "FILE", conflicts_with = "no_rc")]
    rc: Option<PathBuf>,

    /// Do no script first
    #[arg(long)]
    no_rc: bool,

    /// Go on after failures; the exit code is that of the gravest
    #[arg(long)]
    keep_going: bool,

    /// Colours for a ground that is dark, light, or none
    #[arg(long, value_name = "THEME", value_parser = ["dark", "light", "none"])]
    theme: Option<String>,

    #[command(flatten)]
    params: Params,

    /// Let statements create tables for this session, and COPY … TO files
    #[arg(long)]
    allow_writes: bool,
}

pub(super) fn run(args: &Args, project: Arc<Project>) -> Result<()> {
    let is_interactive = args.commands.is_empty() && std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let colour = anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never;
    let theme = args.theme.clone().unwrap_or_else(|| if colour { ground() } else { "none" }.to_owned());
    let surroundings = Surroundings {
        is_interactive,
        colour,
        theme,
        access: if args.allow_writes { Access::Writes } else { Access::ReadOnly },
        given: args.params.given(),
        history: folder("XDG_STATE_HOME", ".local/state").map(|folder| folder.join("tidemill/history.sqlite3")),
        editor: text("VISUAL").or_else(|| text("EDITOR")),
        pager: text("PAGER").map(|command| Pager {
            command,
            options: if text("LESS").is_none() { vec![("LESS", "-RS")] } else { Vec::new() },
        }),
        here: here(),
    };
    let usual = folder("XDG_CONFIG_HOME", ".config").map(|folder| folder.join("tidemill/rc.sql"));
    let usual = usual.filter(|rc| is_interactive && rc.exists());
    let rc = if args.no_rc { None } else { args.rc.clone().or(usual) };
    repl::run(project, surroundings, &Scripts { rc, commands: args.commands.clone(), keep_going: args.keep_going })
}

/// What the terminal says about its ground, if it says it: `COLORFGBG` ends with the ground's colour.
fn ground() -> &'static str {
    let ground = text("COLORFGBG").and_then(|colours| colours.rsplit(';').next().and_then(|last| last.parse().ok()));
    match ground {
        Some(7 | 9..=15_u8) => "light",
        _ => "dark",
    }
}

/// A folder of the person's own, as the XDG base directory specification finds it.
fn folder(variable: &str, usual: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| std::env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(usual)))
}

fn text(variable: &str) -> Option<String> {
    std::env::var_os(variable).map(OsString::into_string).and_then(Result::ok).filter(|text| !text.trim().is_empty())
}
