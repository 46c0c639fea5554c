//! `\chart`: the last result as a picture, here or in a file.

use std::path::Path;

use super::results;
use super::words::Words;
use crate::display::chart::{Chart, Request};
use crate::display::standard::say;
use crate::error::{Error, Result};
use crate::repl::settings::Theme;
use crate::repl::shell::{Shell, size};

/// Lines that a terminal has for the prompt and what stands around a chart.
const LINES_AROUND: usize = 4;
/// No chart needs to be higher.
const MAX_LINES: usize = 30;

/// `\chart`
pub(super) fn draw(shell: &mut Shell, words: &Words) -> Result<()> {
    let mut asked = words.args()?;
    let file = match asked.iter().position(|word| word.starts_with('>')) {
        None => None,
        Some(at) => {
            let to = asked.split_off(at);
            let file = to.concat().trim_start_matches('>').to_owned();
            if file.is_empty() || to.len() > 2 {
                return Err(Error::request("`>` takes one file").with_hint("\\chart > visits.svg"));
            }
            Some(file)
        }
    };
    let kept = shell.last_result()?;
    let batches = kept.batches().collect::<Result<Vec<_>>>()?;
    let chart = Chart::of(&kept.schema, &batches, &Request::parse(&asked)?)?;
    match file {
        Some(file) => {
            let path = Path::new(&file);
            let text = picture(&chart, path)?;
            results::check(shell, path)?;
            super::write_whole(path, &text)?;
            chart.notes().iter().for_each(|note| say(note));
            shell.note(&format!("drawn at {file}"));
            Ok(())
        }
        None => {
            let (columns, rows) = size();
            let layout = shell.layout();
            let columns = u16::try_from(layout.width.unwrap_or(columns)).unwrap_or(u16::MAX);
            let rows = u16::try_from(rows.saturating_sub(LINES_AROUND).min(MAX_LINES)).unwrap_or(24);
            let text = chart.text(columns, rows, layout.colour && shell.settings.theme != Theme::None);
            shell.output.write(&text)
        }
    }
}

/// The text of a file whose extension says what kind of picture it is.
fn picture(chart: &Chart, path: &Path) -> Result<String> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("svg") => chart.svg(),
        Some("html") => chart.html(),
        Some("json") => Ok(format!("{:#}\n", chart.vega_lite())),
        _ => Err(Error::request(format!("`{}` does not tell what kind of picture it is", path.display()))
            .with_hint("end it in .svg, .html, or .json for the Vega-Lite specification alone")),
    }
}
