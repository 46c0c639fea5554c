//! Suggestions that are literals or paths: values that columns have, and files.

use std::ops::Range;

use super::complete::Files;
use super::known::Column;
use super::offers::{Kind, Made, Offers, Suggestion};

/// Offers the values that were seen of a column.
pub(super) fn offer_values<'a>(offers: &mut Offers<'a>, column: &'a Column) {
    for value in &column.values {
        let made =
            || Made { insert: value.clone(), detail: column.data_type.clone(), space_after: true, ..Made::default() };
        // Outside of quotes their beginning counts, too.
        let is_text = value.starts_with('\'') && !offers.typed().starts_with('\'');
        offers.offer(Kind::Value, if is_text { &value[1..] } else { value }, made);
    }
}

/// The files whose paths go on as a text in single quotes does, which is replaced.
pub(super) fn quoted_files(typed: &str, replace: Range<usize>, files: Files<'_>) -> Vec<Suggestion> {
    let path = typed.trim_start_matches('\'').replace("''", "'");
    let written = |path: &str, is_done: bool| {
        let end = if is_done { "'" } else { "" };
        format!("'{}{end}", path.replace('\'', "''"))
    };
    found(&path, replace, files, &written)
}

/// The files whose paths go on as a command's argument does.
pub(super) fn plain_files(typed: &str, replace: Range<usize>, files: Files<'_>) -> Vec<Suggestion> {
    let path = typed.trim_start_matches('\'');
    let written = |path: &str, is_done: bool| match path.contains(|c: char| c.is_whitespace() || c == '\'') {
        false => path.to_owned(),
        // What is no text of a shell stays as it is.
        true if is_done => shlex::try_quote(path).map_or_else(|_| path.to_owned(), |quoted| quoted.into_owned()),
        true => format!("'{path}"),
    };
    found(path, replace, files, &written)
}

fn found(
    path: &str,
    replace: Range<usize>,
    files: Files<'_>,
    written: &dyn Fn(&str, bool) -> String,
) -> Vec<Suggestion> {
    // Who lists files has looked at what is typed; a name in the middle of one does not go on as it does.
    let mut offers = Offers::new(String::new(), replace);
    for (found, is_folder) in files(path) {
        let insert = match is_folder {
            true => written(&format!("{}/", found.trim_end_matches('/')), false),
            false => written(&found, true),
        };
        let detail = if is_folder { "folder" } else { "file" }.to_owned();
        offers.offer(Kind::File, &found, move || Made { insert, detail, space_after: !is_folder, ..Made::default() });
    }
    offers.finish()
}
