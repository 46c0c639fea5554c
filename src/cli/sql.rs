//! `tidemill sql`: statements from the argument, a file or standard input; rows to standard output or a file.

use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use futures::{FutureExt, StreamExt};

use super::params::Params;
use super::{block_on, here, stdout_is_terminal};
use crate::dialect::{self, Deed, Given, Script, Statement, Step};
use crate::display::layout::{Expanded, Layout};
use crate::display::mode::Mode;
use crate::display::progress::shown;
use crate::display::report;
use crate::display::rows::Rows;
use crate::display::standard::{print, say};
use crate::document;
use crate::error::{Error, Problem, Result};
use crate::project::Project;
use crate::run::{self, Progress, Target};
use crate::session::{Access, Running, Session};
use crate::sink::{self, Format};

/// Answer SQL statements.
///
/// Rows go to standard output: as a table on a terminal, else as JSON lines. A SELECT that names columns and has no FROM
/// reads the default source. Statements only read, unless --allow-writes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: tidemill sql \"SELECT age_bracket, count(*) FROM events GROUP BY age_bracket\"")]
pub(super) struct Args {
    /// One or several statements; standard input without it
    #[arg(value_name = "SQL", conflicts_with = "file")]
    sql: Option<String>,

    /// Read the statements from a file; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// table, json (or ndjson), csv, parquet, arrow [default: table on a terminal, else json]
    #[arg(long, value_name = "FORMAT", value_parser = Shape::parse)]
    format: Option<Shape>,

    /// Publish the rows at FILE instead, whole or not at all; its extension tells the format, `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    params: Params,

    /// Let statements create tables for this session, and COPY … TO files
    #[arg(long)]
    allow_writes: bool,
}

/// What rows look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Table,
    Format(Format),
}

impl Shape {
    /// A table for people, lines for programs.
    fn here() -> Self {
        if stdout_is_terminal() { Self::Table } else { Self::Format(Format::Json) }
    }

    fn parse(word: &str) -> Result<Self, String> {
        match word {
            "table" => Ok(Self::Table),
            word => Format::from_str(word).map(Self::Format).map_err(|error| format!("{}; or table", error.chain())),
        }
    }
}

pub(super) fn run(args: &Args, project: Arc<Project>) -> Result<()> {
    let script = script(args)?;
    let parameters = run::parameters(&script, &args.params.given())?;
    let default_source = project.default_source().map(|source| source.name.as_str());
    let steps = dialect::program(&script, &parameters, default_source)?;
    let access = if args.allow_writes { Access::Writes } else { Access::ReadOnly };
    let shape = args.format.unwrap_or_else(Shape::here);
    let output = args.output.as_ref().filter(|output| output.as_os_str() != "-");
    if output.is_some() {
        check_output(args, &script, &steps)?;
    }
    let threads = project.limits.num_threads();
    let session = Session::new(project, access)?;
    block_on(threads, async {
        for Step { statement, options, .. } in &steps {
            let session = session.with_options(options)?;
            match output {
                Some(output) => {
                    let format = args.format.and_then(|shape| match shape {
                        Shape::Format(format) => Some(format),
                        Shape::Table => None,
                    });
                    publish(&session, &script, statement, Some(&Target::at(output, format)?)).await?;
                }
                None if dialect::deed(statement) == Deed::Copy => publish(&session, &script, statement, None).await?,
                None => answer(&session, &script, statement, shape).await?,
            }
        }
        Ok(())
    })
}

/// Where the rows of a script of ours go.
pub(super) enum Reply {
    /// To standard output: a table on a terminal, else JSON lines.
    Here,
    /// To standard output, as JSON lines.
    Lines,
    /// To this file, as JSON lines.
    File(PathBuf),
}

/// Answers a script as `tidemill sql` would.
pub(super) fn ask(script: Script, project: Arc<Project>, reply: &Reply) -> Result<()> {
    let steps = dialect::program(&script, &run::parameters(&script, &Given::default())?, None)?;
    let threads = project.limits.num_threads();
    let session = Session::new(project, Access::ReadOnly)?;
    block_on(threads, async {
        for Step { statement, .. } in &steps {
            match reply {
                Reply::Here => answer(&session, &script, statement, Shape::here()).await?,
                Reply::Lines => answer(&session, &script, statement, Shape::Format(Format::Json)).await?,
                Reply::File(path) => {
                    let target = Target::at(path, Some(Format::Json))?;
                    publish(&session, &script, statement, Some(&target)).await?;
                }
            }
        }
        Ok(())
    })
}

fn script(args: &Args) -> Result<Script> {
    let from_stdin = || {
        if std::io::stdin().is_terminal() {
            return Err(Error::request("there is no statement")
                .with_hint("give it as an argument: tidemill sql \"SELECT count(*) FROM events\""));
        }
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(|error| Error::input("cannot read standard input").with_source(error))?;
        Ok(Script { name: "standard input".into(), text })
    };
    match (&args.sql, &args.file) {
        (Some(text), _) => Ok(Script { name: "statement".into(), text: text.clone() }),
        (None, Some(path)) if path.as_os_str() != "-" => {
            let text = document::read(path)?;
            Ok(Script { name: path.display().to_string(), text })
        }
        (None, _) => from_stdin(),
    }
}

fn check_output(args: &Args, script: &Script, steps: &[Step]) -> Result<()> {
    if steps.len() > 1 {
        return Err(Error::request(format!("`{}` holds {} statements for one --output", script.name, steps.len()))
            .with_hint("one statement makes one file"));
    }
    if args.format == Some(Shape::Table) {
        return Err(Error::request("a table is for reading on a terminal, not for --output")
            .with_hint("formats of files are json, parquet, csv, arrow"));
    }
    Ok(())
}

async fn publish(session: &Session, script: &Script, statement: &Statement, target: Option<&Target>) -> Result<()> {
    let progress = Arc::new(Progress::default());
    let work = run::publish(session, "statement", script, statement, target, None, &progress);
    let done = shown("statement", &progress, work).await?;
    say(&report::text(&done, &here()));
    Ok(())
}

/// Prints the rows as they come.
async fn answer(session: &Session, script: &Script, statement: &Statement, shape: Shape) -> Result<()> {
    let progress = Arc::new(Progress::default());
    let tell = |note: &str| say(&format!("warning: {note}"));
    let answer = shown("reading", &progress, run::answer(session, script, statement, &progress, tell)).await?;
    match shape {
        _ if !answer.answers => drain(answer.running).await,
        Shape::Table => print_table(answer.running).await,
        Shape::Format(format) => stream(answer.running, format, session.catalog().project().limits.num_threads()).await,
    }?;
    run::windowless(progress.null_event_times()).iter().for_each(|warning| tell(warning));
    Ok(())
}

async fn drain(mut running: Running) -> Result<()> {
    while let Some(batch) = running.batches.next().await {
        batch?;
    }
    Ok(())
}

/// Rows that a table shows: more are not read by people.
const TABLE_ROWS: usize = 1000;

async fn print_table(mut running: Running) -> Result<()> {
    let mut rows = Rows::new(&running.schema, Mode::Table, layout())?;
    while let Some(batch) = running.batches.next().await {
        print(&rows.push(&batch?)?)?;
    }
    let more = if rows.rows_shown() < rows.rows_seen() { " (all: --format ndjson)" } else { "" };
    print(&format!("{}{}{more}\n", rows.finish()?, rows.count_line()))
}

/// A terminal has a width, and may have colours; a table in a file is as wide as its values.
fn layout() -> Layout {
    let size = stdout_is_terminal().then(crossterm::terminal::size).and_then(Result::ok);
    Layout {
        // A terminal that was never told its size says zero.
        width: size.map(|(columns, _)| usize::from(columns)).filter(|columns| *columns > 0),
        max_rows: Some(TABLE_ROWS),
        colour: anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never,
        expanded: Expanded::Auto,
        ..Layout::default()
    }
}

async fn stream(mut running: Running, format: Format, threads: usize) -> Result<()> {
    let out: Box<dyn Write + Send> = Box::new(std::io::stdout());
    let mut encoder = sink::encoder(format, &running.schema, threads, out)?;
    let mut next = running.batches.next().await;
    while let Some(batch) = next {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => return encoder.flush().map_err(named).and(Err(error)),
        };
        encoder.write(&batch).map_err(named)?;
        next = match running.batches.next().now_or_never() {
            Some(next) => next,
            None => {
                // Whoever reads sees the rows that there are while the next are made; one that went away is noticed.
                encoder.flush().map_err(named)?;
                running.batches.next().await
            }
        };
    }
    encoder.finish().map_err(named)
}

/// An encoder does not know what it writes to.
fn named(error: Error) -> Error {
    let Error::Machine(problem) = error else { return error };
    Error::Machine(Box::new(Problem { message: "cannot write to standard output".to_owned(), ..*problem }))
}
