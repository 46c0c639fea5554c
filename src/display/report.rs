//! What a run did, in words.

use std::fmt::Write;
use std::path::Path;

use super::text::message;
use crate::run::{self, Outcome, Report, Rollback, ScanReport, SourceReport};

/// The report in a few lines; the path of the result as one would type it `here`.
pub fn text(report: &Report, here: &Path) -> String {
    let Report { query, path, rows, bytes, files, seconds, .. } = report;
    let path = message(&path.strip_prefix(here).unwrap_or(path).to_string_lossy());
    let size = indicatif::HumanBytes(*bytes);
    let mut text = match report.status {
        Outcome::Published => format!("{query}: {rows} rows, {size} in {seconds:.2} s -> {path}"),
        Outcome::NothingNew => format!("{query}: nothing to do, {path} is up to date"),
        Outcome::DryRun => format!("{query}: for {path} a run would read"),
    };
    if report.status == Outcome::Published && *files != 1 {
        let _ = write!(text, " ({files} files)");
    }
    for source in &report.sources {
        describe(source, &mut text);
    }
    for note in run::windowless(report.null_event_times).iter().chain(&report.notes) {
        let _ = write!(text, "\n  {}", message(note));
    }
    text
}

/// What was brought back, in a few lines; its path as one would type it `here`.
pub fn rollback(done: &Rollback, here: &Path) -> String {
    let Rollback { query, run, restores, keeps, path, rows, bytes, .. } = done;
    let path = message(&path.strip_prefix(here).unwrap_or(path).to_string_lossy());
    let size = indicatif::HumanBytes(*bytes);
    let mut text = format!("{query}: {path} is what run {restores} published, {rows} rows, {size} (run {run})");
    if let Some(kept) = keeps {
        let _ = write!(text, "\n  what stood there is kept: tidemill rollback {query} {kept}");
    }
    for note in &done.notes {
        let _ = write!(text, "\n  {}", message(note));
    }
    text
}

/// How the input was read.
pub fn scan(scan: &ScanReport) -> String {
    let ScanReport { bytes, bytes_skipped, lines, lines_careful, .. } = scan;
    let ScanReport { seconds_reading, seconds_parsing, seconds_decoding, .. } = scan;
    let size = indicatif::HumanBytes(*bytes);
    let skipped = match bytes_skipped {
        0 => String::new(),
        bytes => format!(" ({} need not be read, as their files taught)", indicatif::HumanBytes(*bytes)),
    };
    format!(
        "  scanned {lines} lines, {size}{skipped}, of which {lines_careful} lines were unlike those before; \
         all threads: {seconds_reading:.3} s reading, {seconds_parsing:.3} s parsing, {seconds_decoding:.3} s decoding"
    )
}

fn describe(source: &SourceReport, text: &mut String) {
    let SourceReport { source: name, files, lines, rows, rejects, blank, .. } = source;
    let files_word = if *files == 1 { "file" } else { "files" };
    let _ = write!(
        text,
        "\n  {name}: {lines} lines = {rows} rows + {rejects} rejects + {blank} blank ({files} {files_word}, {})",
        indicatif::HumanBytes(source.bytes)
    );
    for (column, count) in &source.empty_as_null {
        let _ = write!(text, "\n  {name}.{}: {count} \"\" read as NULL", message(column));
    }
    if source.duplicate_keys > 0 {
        let _ = write!(text, "\n  {name}: {} rows with a duplicate-key, the last one won", source.duplicate_keys);
    }
    for reject in &source.first_rejects {
        let (file, detail) = (message(&reject.file), message(&reject.detail));
        let _ = write!(text, "\n  {file}:{}: {}: {detail}", reject.line, reject.reason);
    }
    let told = source.first_rejects.len() as u64;
    if *rejects > told {
        let _ = write!(text, "\n  … and {} more: SELECT * FROM rejects.{name}", rejects - told);
    }
}
