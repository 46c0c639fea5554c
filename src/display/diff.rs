//! What differs between two runs, in words.

use std::fmt::Write;

use super::text::message;
use crate::ledger::SourceCounts;
use crate::run::diff::{Diff, Files, Pair, Rows, Summary};

/// Files of a list that are shown.
const FILES: usize = 10;

/// The difference, a line for each thing that is not the same.
pub fn text(diff: &Diff) -> String {
    let Diff { before, after, settings, sql, sources, inputs, outputs, rows } = diff;
    let mut text = format!("{} run {} -> {} run {}\n", before.query, before.run, after.query, after.run);
    summary(before, after, &mut text);
    let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    for (name, Pair { before, after }) in settings {
        line(&mut text, name, &or_none(before), &or_none(after));
    }
    match sql {
        None => text.push_str("  SQL: the same\n"),
        Some(sql) => match &sql.lines {
            Some(lines) => {
                for line in lines.lines() {
                    let _ = writeln!(text, "  {}", message(line));
                }
            }
            None => line(&mut text, "SQL", &sql.sql_hash.before, &sql.sql_hash.after),
        },
    }
    for (name, Pair { before, after }) in sources {
        source(name, before.as_ref(), after.as_ref(), &mut text);
    }
    files("inputs", inputs, &mut text);
    files("outputs", outputs, &mut text);
    let _ = match rows {
        Rows::Compared { added: 0, removed: 0 } => writeln!(text, "  rows: the same"),
        Rows::Compared { added, removed } => writeln!(text, "  rows: {added} added, {removed} removed"),
        Rows::NotCompared(why) => writeln!(text, "  rows: not compared: {why}"),
    };
    text
}

fn summary(before: &Summary, after: &Summary, text: &mut String) {
    line(text, "started_at", &before.started_at, &after.started_at);
    let unknown = || "unknown".to_owned();
    let seconds = |summary: &Summary| summary.seconds.map_or_else(unknown, |seconds| format!("{seconds:.3}"));
    let count = |count: Option<u64>| count.map_or_else(unknown, |count| count.to_string());
    line(text, "seconds", &seconds(before), &seconds(after));
    line(text, "status", &before.status, &after.status);
    line(text, "rows", &count(before.rows), &count(after.rows));
    line(text, "bytes", &count(before.bytes), &count(after.bytes));
    line(text, "files", &before.files.to_string(), &after.files.to_string());
}

/// What is the same is not shown.
fn line(text: &mut String, name: &str, before: &str, after: &str) {
    if before != after {
        let _ = writeln!(text, "  {name}: {} -> {}", message(before), message(after));
    }
}

fn source(name: &str, before: Option<&SourceCounts>, after: Option<&SourceCounts>, text: &mut String) {
    let counts = |counts: &SourceCounts| {
        let SourceCounts { lines, rows, rejects, blank, .. } = counts;
        format!("{lines} lines = {rows} rows + {rejects} rejects + {blank} blank")
    };
    let [before, after] = [before, after].map(|side| side.map_or_else(|| "not read".to_owned(), counts));
    line(text, name, &before, &after);
}

fn files(what: &str, files: &Files, text: &mut String) {
    let Files { same, added, removed, changed } = files;
    if added.len() + removed.len() + changed.len() == 0 {
        let _ = writeln!(text, "  {what}: the same ({same})");
        return;
    }
    let (more, less, other) = (added.len(), removed.len(), changed.len());
    let _ = writeln!(text, "  {what}: {more} added, {less} removed, {other} changed, {same} the same");
    let changed = changed.iter().map(|(name, Pair { before, after })| format!("~ {name}: {before} -> {after} bytes"));
    let lines = added.iter().map(|name| format!("+ {name}")).chain(removed.iter().map(|name| format!("- {name}")));
    let lines: Vec<String> = lines.chain(changed).collect();
    for line in lines.iter().take(FILES) {
        let _ = writeln!(text, "    {}", message(line));
    }
    if lines.len() > FILES {
        let _ = writeln!(text, "    … and {} more: --json", lines.len() - FILES);
    }
}
