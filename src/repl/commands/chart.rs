//! `\chart`: the last result as a picture, here or in a file.

use std::fs;
use std::path::Path;

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
    let (asked, file) = match words.rest().rsplit_once('>') {
        Some((asked, file)) => (asked, Some(file.trim())),
        None => (words.rest(), None),
    };
    let asked = shlex::split(asked).ok_or_else(|| Error::request("`\\chart`: a quote has no end"))?;
    let kept = shell.last_result()?;
    let batches = kept.batches().collect::<Result<Vec<_>>>()?;
    let chart = Chart::of(&kept.schema, &batches, &Request::parse(&asked)?)?;
    match file {
        Some(file) => {
            write(&chart, Path::new(file.trim_matches(['"', '\''])))?;
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

fn write(chart: &Chart, path: &Path) -> Result<()> {
    let text = match path.extension().and_then(|extension| extension.to_str()) {
        Some("svg") => chart.svg()?,
        Some("html") => chart.html()?,
        Some("json") => format!("{:#}\n", chart.vega_lite()),
        _ => {
            return Err(Error::request(format!("`{}` does not tell what kind of picture it is", path.display()))
                .with_hint("end it in .svg, .html, or .json for the Vega-Lite specification alone"));
        }
    };
    let written = fs::File::create(path).and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
    written.map_err(|error| Error::unwritable(path, error))
}
