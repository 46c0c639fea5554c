//! The binary at a terminal: keys go in, and the screen is read as a terminal emulator would show it.

use std::io::{Read, Write};
use std::num::NonZero;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::project::Project;

/// What a slow machine may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a terminal is asked where its cursor is.
const WHERE: &[u8] = b"\x1b[6n";

/// A screen that has not changed for so long is taken for done.
const QUIET: Duration = Duration::from_millis(200);

pub const TAB: &str = "\t";
pub const ENTER: &str = "\r";
pub const ESC: &str = "\x1b";
pub const RIGHT: &str = "\x1b[C";
pub const UP: &str = "\x1b[A";
pub const CTRL_A: &str = "\x01";
pub const CTRL_C: &str = "\x03";
pub const CTRL_D: &str = "\x04";
pub const CTRL_L: &str = "\x0c";
pub const CTRL_R: &str = "\x12";
pub const CTRL_U: &str = "\x15";
pub const CTRL_W: &str = "\x17";

/// A running binary with a terminal of its own.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keys: Arc<Mutex<Box<dyn Write + Send>>>,
    screen: Arc<Mutex<vt100::Parser>>,
}

impl Terminal {
    /// `tidemill` in a project, with these arguments and variables, on a screen of so many rows and columns.
    pub fn start(project: &Project, args: &[&str], variables: &[(&str, &str)], (rows, cols): (u16, u16)) -> Self {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = command(project, args);
        for (name, value) in variables {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let keys = Arc::new(Mutex::new(pair.master.take_writer().unwrap()));
        let screen = Arc::new(Mutex::new(vt100::Parser::new(cells(rows), cells(cols), 1000)));
        let mut output = pair.master.try_clone_reader().unwrap();
        let (shown, answers) = (Arc::clone(&screen), Arc::clone(&keys));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read) = output.read(&mut bytes) {
                if read == 0 {
                    break;
                }
                show(&bytes[..read], &shown, &answers);
            }
        });
        Self { child, master: pair.master, keys, screen }
    }

    /// Types.
    pub fn send(&mut self, keys: &str) {
        let mut writer = self.keys.lock().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    /// Types a line and Enter.
    pub fn enter(&mut self, line: &str) {
        self.send(line);
        self.send(ENTER);
    }

    /// Pastes, as a terminal does: in brackets, if it was asked for them.
    pub fn paste(&mut self, text: &str) {
        let is_bracketed = self.screen.lock().unwrap().screen().bracketed_paste();
        self.send(&if is_bracketed { format!("\x1b[200~{text}\x1b[201~") } else { text.to_owned() });
    }

    /// What is on the screen.
    pub fn screen(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// The row of the cursor.
    pub fn line(&self) -> String {
        let parser = self.screen.lock().unwrap();
        let (row, _) = parser.screen().cursor_position();
        let (_, cols) = parser.screen().size();
        parser.screen().rows(0, cols.get()).nth(row.into()).unwrap()
    }

    /// Waits until the screen is so.
    pub fn wait(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let screen = self.screen();
            if is_so(&screen) {
                return screen;
            }
            assert!(begun.elapsed() < PATIENCE, "the screen never showed {what}:\n{screen}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until the screen shows `text`.
    pub fn shows(&self, text: &str) -> String {
        self.wait(&format!("`{text}`"), |screen| screen.contains(text))
    }

    /// Waits until an empty prompt is where the cursor is.
    pub fn prompt(&self) -> String {
        self.wait("an empty prompt", |_| self.is_at_prompt())
    }

    fn is_at_prompt(&self) -> bool {
        ["tidemill>", "tidemill:"].contains(&self.line().trim_end())
    }

    /// Waits until the screen stays as it is, but not for ever: something may go on showing things.
    pub fn settle(&self) {
        const RESTLESS: usize = 20;
        let look = || self.screen.lock().unwrap().screen().state_formatted();
        let mut before = look();
        for _ in 0..RESTLESS {
            std::thread::sleep(QUIET);
            let now = look();
            if now == before {
                return;
            }
            before = now;
        }
    }

    /// What a cell holds, and how it looks, in the words of a style sheet: `bold`, `underline`, `c4` for the fifth colour.
    pub fn cell(&self, row: u16, column: u16) -> (String, String) {
        let parser = self.screen.lock().unwrap();
        let cell = parser.screen().cell(row, column).unwrap();
        let text = if cell.has_contents() { cell.contents() } else { " " }.to_owned();
        let looks = [
            (cell.bold(), "bold"),
            (cell.dim(), "dim"),
            (cell.italic(), "italic"),
            (cell.underline(), "underline"),
            (cell.inverse(), "inverse"),
        ];
        let mut style: Vec<String> = looks.iter().filter(|(is, _)| *is).map(|(_, word)| (*word).to_owned()).collect();
        if let vt100::Color::Idx(colour) = cell.fgcolor() {
            style.push(format!("c{colour}"));
        }
        (text, style.join(" "))
    }

    /// Waits until Tab offers `name` behind what is typed: names are looked up beside the typing.
    pub fn wait_for_names(&mut self, typed: &str, name: &str) {
        let begun = Instant::now();
        loop {
            self.send(typed);
            self.settle();
            self.send(TAB);
            self.settle();
            let is_there = self.screen().contains(name);
            self.back_to_prompt();
            if is_there {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "`{name}` is never offered behind `{typed}`");
        }
    }

    /// Takes back whatever is typed or under way, until an empty prompt is there.
    pub fn back_to_prompt(&mut self) {
        let begun = Instant::now();
        loop {
            // The first may only end what is going on, such as a menu. Keys behind it in one burst would be lost.
            self.send(CTRL_C);
            self.settle();
            if self.is_at_prompt() {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "there is no way back to a prompt:\n{}", self.screen());
            // While a statement runs, the system edits what is typed, and Ctrl-U then takes the bracket from the end of a paste. All that
            // is typed belongs to that paste, until another one ends.
            self.paste("");
        }
    }

    /// How the last place where the screen shows `text` looks.
    pub fn style_of(&self, text: &str) -> String {
        let screen = self.screen();
        let found = screen.lines().enumerate().filter_map(|(row, line)| Some((row, line.rfind(text)?, line)));
        let (row, at, line) = found.last().unwrap_or_else(|| panic!("no `{text}` on the screen:\n{screen}"));
        self.cell(row as u16, line[..at].chars().count() as u16).1
    }

    /// The process, for those who look at it from outside.
    pub fn process(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Changes the size of the window.
    pub fn resize(&mut self, (rows, cols): (u16, u16)) {
        self.screen.lock().unwrap().screen_mut().set_size(cells(rows), cells(cols));
        self.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// Waits until the binary has ended, and returns its exit code.
    pub fn end(mut self) -> u32 {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(begun.elapsed() < PATIENCE, "it never ended:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

/// The binary in a project, with nothing of this person's own.
fn command(project: &Project, args: &[&str]) -> CommandBuilder {
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_tidemill"));
    command.args(args);
    command.cwd(project.root());
    for name in ["TIDEMILL_PROJECT", "NO_COLOR", "PAGER", "VISUAL", "EDITOR", "LESS", "COLORFGBG"] {
        command.env_remove(name);
    }
    command.env("TERM", "xterm-256color");
    command.env("HOME", project.path("home"));
    command.env("XDG_STATE_HOME", project.path("state"));
    command.env("XDG_CONFIG_HOME", project.path("config"));
    command
}

/// Starts the shell, types, and closes the terminal as it stands; returns when the shell has ended.
pub fn abandon(project: &Project, typed: &str) {
    let pair = native_pty_system().openpty(PtySize { rows: 30, cols: 100, pixel_width: 0, pixel_height: 0 }).unwrap();
    let mut child = pair.slave.spawn_command(command(project, &["repl"])).unwrap();
    drop(pair.slave);
    let (mut output, mut keys) = (pair.master.try_clone_reader().unwrap(), pair.master.take_writer().unwrap());
    let (mut seen, mut bytes) = (Vec::new(), [0; 4096]);
    // It asks where the cursor is when it is about to show its prompt.
    while !seen.windows(WHERE.len()).any(|part| part == WHERE) {
        let read = output.read(&mut bytes).unwrap();
        assert!(read > 0, "it ended by itself: {}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&bytes[..read]);
    }
    keys.write_all(format!("\x1b[1;1R{typed}").as_bytes()).unwrap();
    keys.flush().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    drop((output, keys, pair.master));
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < PATIENCE, "it outlives its terminal");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}

/// Shows bytes, and answers as a terminal does when it is asked where its cursor is.
fn show(bytes: &[u8], screen: &Mutex<vt100::Parser>, answers: &Mutex<Box<dyn Write + Send>>) {
    let mut rest = bytes;
    while let Some(at) = rest.windows(WHERE.len()).position(|bytes| bytes == WHERE) {
        let mut parser = screen.lock().unwrap();
        parser.process(&rest[..at]);
        let (row, column) = parser.screen().cursor_position();
        drop(parser);
        let _ = answers.lock().unwrap().write_all(format!("\x1b[{};{}R", row + 1, column + 1).as_bytes());
        rest = &rest[at + WHERE.len()..];
    }
    screen.lock().unwrap().process(rest);
}
