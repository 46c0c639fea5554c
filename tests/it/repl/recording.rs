//! The session that the README shows: typed into the real binary, and drawn as a picture that moves.
//!
//! `TIDEMILL_RECORD=1 cargo test recording` draws `docs/repl.svg` anew; otherwise what it shows is compared with what the
//! binary shows now.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::terminal::{CTRL_L, ENTER, TAB, Terminal};
use crate::project::Project;

const ROWS: u16 = 26;
const COLUMNS: u16 = 88;
/// Size of a cell in pixels.
const WIDTH: f64 = 8.4;
const HEIGHT: f64 = 18.0;
const MARGIN: f64 = 12.0;

/// The screen at some time, and for how long.
struct Frame {
    rows: Vec<String>,
    seconds: f64,
}

struct Recording {
    terminal: Terminal,
    frames: Vec<Frame>,
}

impl Recording {
    fn take(&mut self, seconds: f64) {
        self.terminal.settle();
        let rows = (0..ROWS).map(|row| self.row(row)).collect();
        self.frames.push(Frame { rows, seconds });
    }

    /// Types as a person does.
    fn types(&mut self, text: &str) {
        for word in text.split_inclusive([' ', ',']) {
            self.terminal.send(word);
            self.take(0.25);
        }
    }

    /// Sends keys, waits for what they bring, and lets it be read.
    fn until(&mut self, keys: &str, shows: &str, seconds: f64) {
        self.terminal.send(keys);
        self.terminal.shows(shows);
        self.take(seconds);
    }

    /// Runs what was typed, and waits for the next prompt.
    fn enters(&mut self, seconds: f64) {
        self.terminal.send(ENTER);
        self.terminal.settle();
        self.terminal.prompt();
        self.take(seconds);
    }

    /// A row of the screen as elements of SVG: one for each run of cells that look the same.
    fn row(&self, row: u16) -> String {
        let mut out = String::new();
        let mut run: Option<Run> = None;
        for column in 0..COLUMNS {
            let (text, style) = self.terminal.cell(row, column);
            match &mut run {
                Some(run) if run.style == style => run.text += &text,
                _ => {
                    run.into_iter().for_each(|run| run.draw(&mut out));
                    run = Some(Run { column, text, style });
                }
            }
        }
        run.into_iter().for_each(|run| run.draw(&mut out));
        out
    }
}

struct Run {
    column: u16,
    text: String,
    /// Classes of the style sheet.
    style: String,
}

impl Run {
    fn draw(self, out: &mut String) {
        let is_inverse = self.style.contains("inverse");
        let text = if is_inverse { self.text.as_str() } else { self.text.trim_end() };
        let start = text.len() - text.trim_start().len();
        let (column, text) =
            if is_inverse { (self.column, text) } else { (self.column + start as u16, &text[start..]) };
        let x = f64::from(column) * WIDTH;
        let length = text.chars().count() as f64 * WIDTH;
        if is_inverse {
            write!(out, "<rect x=\"{x:.1}\" y=\"-14\" width=\"{length:.1}\" height=\"{HEIGHT}\"/>").unwrap();
        }
        if text.trim().is_empty() {
            return;
        }
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        let class = if self.style.is_empty() { String::new() } else { format!(" class=\"{}\"", self.style) };
        write!(out, "<text x=\"{x:.1}\" textLength=\"{length:.1}\"{class}>{text}</text>").unwrap();
    }
}

const STYLE: &str = "
text { font: 14px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #d8dee9; white-space: pre }
rect { fill: #d8dee9 } .inverse { fill: #1d2430 } .back { fill: #1d2430 }
.bold { font-weight: bold } .dim { opacity: .6 } .italic { font-style: italic } .underline { text-decoration: underline }
.c0, .c8 { fill: #6b7686 } .c1, .c9 { fill: #ff7b85 } .c2, .c10 { fill: #9ccf7d } .c3, .c11 { fill: #f0c674 }
.c4, .c12 { fill: #79b8ff } .c5, .c13 { fill: #d2a8ff } .c6, .c14 { fill: #70d6d6 } .c7, .c15 { fill: #d8dee9 }
";

fn svg(frames: &[Frame]) -> String {
    let (width, height) = (f64::from(COLUMNS) * WIDTH + 2.0 * MARGIN, f64::from(ROWS) * HEIGHT + 2.0 * MARGIN);
    let total: f64 = frames.iter().map(|frame| frame.seconds).sum();
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" xml:space=\"preserve\" viewBox=\"0 0 {width:.0} {height:.0}\">\n"
    );
    write!(out, "<title>A session of the tidemill shell</title>\n<style>{STYLE}").unwrap();
    let (mut keys, mut at) = (String::new(), 0.0);
    for (number, frame) in frames.iter().enumerate() {
        write!(keys, "{:.2}%{{transform:translateY({:.0}px)}}", at / total * 100.0, -height * number as f64).unwrap();
        at += frame.seconds;
    }
    let last = -height * (frames.len() - 1) as f64;
    writeln!(out, "@keyframes play {{{keys}100%{{transform:translateY({last:.0}px)}}}}").unwrap();
    writeln!(out, ".film {{ animation: play {total:.1}s step-end infinite }}").unwrap();
    writeln!(
        out,
        "@media (prefers-reduced-motion) {{ .film {{ animation: none; transform: translateY({last:.0}px) }} }}"
    )
    .unwrap();
    let different: BTreeSet<&String> = frames.iter().flat_map(|frame| &frame.rows).collect();
    let different: Vec<&String> = different.into_iter().collect();
    out += "</style>\n<defs>\n";
    for (number, row) in different.iter().enumerate().filter(|(_, row)| !row.is_empty()) {
        writeln!(out, "<g id=\"r{number}\">{row}</g>").unwrap();
    }
    writeln!(out, "</defs>\n<rect class=\"back\" width=\"100%\" height=\"100%\" rx=\"8\"/>\n<g class=\"film\">")
        .unwrap();
    for (number, frame) in frames.iter().enumerate() {
        for (row, text) in frame.rows.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
            let id = different.binary_search(&text).unwrap();
            let y = height * number as f64 + MARGIN + 14.0 + HEIGHT * row as f64;
            write!(out, "<use href=\"#r{id}\" x=\"{MARGIN}\" y=\"{y:.0}\"/>").unwrap();
        }
        out.push('\n');
    }
    out + "</g>\n</svg>\n"
}

/// The texts of a picture, but for those with times, which differ from run to run.
fn texts(svg: &str) -> BTreeSet<&str> {
    let texts = svg.split("<text ").skip(1).map(|part| part.split_once('>').unwrap().1.split('<').next().unwrap());
    texts.filter(|text| !(text.contains(" s, ") || text.ends_with(" s"))).collect()
}

#[test]
fn the_recording_shows_what_the_shell_does() {
    let project = Project::sample();
    let mut terminal = Terminal::start(&project, &[], &[], (ROWS, COLUMNS));
    terminal.prompt();
    terminal.wait_for_names("SELECT age", "age_bracket");
    terminal.send(CTRL_L);
    terminal.settle();
    let mut recording = Recording { terminal, frames: Vec::new() };
    recording.take(1.5);
    recording.types("SELECT age");
    recording.until(TAB, "varchar", 1.0);
    recording.until(ENTER, "age_bracket", 0.3);
    recording.types(", count(*) AS visits, max(file");
    recording.until(TAB, "bigint", 1.0);
    recording.until(ENTER, "file_size_bytes", 0.3);
    recording.types(") AS largest");
    recording.until(ENTER, "..>", 0.3);
    recording.types("FROM ev");
    recording.until(TAB, "event files", 0.8);
    recording.until(ENTER, "FROM events", 0.3);
    recording.types("WHERE opted_into_marketing");
    recording.until(ENTER, "..>", 0.3);
    recording.types("GROUP BY 1 ORDER BY 1;");
    recording.enters(3.5);
    recording.types("\\chart bar age_bracket visits");
    recording.enters(3.5);
    recording.types("\\save by_age");
    recording.enters(2.0);
    recording.types("SELECT max(visits) AS most FROM _;");
    recording.enters(4.0);
    let drawn = svg(&recording.frames);
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/repl.svg");
    if std::env::var_os("TIDEMILL_RECORD").is_some() {
        fs::write(&place, &drawn).unwrap();
    }
    let kept = fs::read_to_string(&place).unwrap();
    assert_eq!(texts(&kept), texts(&drawn), "draw it anew: TIDEMILL_RECORD=1 cargo test recording");
}
