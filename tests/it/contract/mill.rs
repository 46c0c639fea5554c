//! A project whose inputs are all read, and what a case of the contract asks of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::library::Library;
use crate::project::Project;

/// A project in a folder of its own.
pub(super) struct Mill {
    project: Project,
}

/// How a run of the binary ended, and what it said.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Mill {
    /// `toml` is the project file; every file in `inputs/` is read.
    pub(super) fn new(toml: &str) -> Self {
        let mill = Self { project: Project::new(&[]) };
        std::fs::create_dir(mill.path("inputs")).unwrap();
        mill.put("tidemill.toml", format!("[sources.events]\npath = \"inputs/**\"\n{toml}"));
        mill
    }

    pub(super) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.project.root().join(name)
    }

    pub(super) fn put(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// The binary under limits of the shell.
    pub(super) fn run_limited(&self, limits: &str, args: &[&str]) -> Ran {
        let script = format!("ulimit {limits}; exec \"$0\" \"$@\"");
        let args = [&["-c", &script, env!("CARGO_BIN_EXE_tidemill")], args].concat();
        Ran::of(self.project.program("sh", &args))
    }

    pub(super) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.project.command(args))
    }

    /// The rows of one statement or several, as they are printed.
    pub(super) fn sql(&self, statements: &str) -> Vec<String> {
        self.run(&["sql", statements]).ok().lines().map(str::to_owned).collect()
    }

    /// What `schema --json` tells of `events`.
    pub(super) fn schema(&self) -> Value {
        serde_json::from_str::<Value>(&self.run(&["schema", "events", "--json"]).ok()).unwrap()["sources"][0].take()
    }

    /// Names and types of the columns that `SELECT *` shows, without those of folders.
    pub(super) fn types(&self) -> Vec<(String, String)> {
        let schema = self.schema();
        let columns = schema["columns"].as_array().unwrap().iter().filter(|column| column["origin"] != "hidden");
        columns.map(|column| (text(&column["name"]), text(&column["type"]))).collect()
    }

    /// Fails as `sql` and as `schema` with exit code 3, and says `told`.
    pub(super) fn is_refused(&self, row: &str, told: &[&str]) {
        for args in [["sql", "SELECT count(*) FROM events"], ["schema", "events"]] {
            let ran = self.run(&args);
            assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), ""), "{row}: {}", ran.stderr);
            for part in told {
                assert!(ran.stderr.contains(part), "{row}: `{part}` is not told:\n{}", ran.stderr);
            }
        }
    }

    pub(super) fn library(&self) -> Library {
        Library::open(tidemill::project::Project::open(self.project.root()).unwrap())
    }
}

impl Ran {
    pub(crate) fn of(mut command: Command) -> Self {
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// What a run that ended well has printed.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    /// What a run that ended well has told.
    pub(crate) fn stderr_of_ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        self.stderr
    }
}

/// One case of the contract: what is fed, and what must become of every line of it.
#[derive(Default, Clone, Copy)]
pub(super) struct Case<'a> {
    /// More lines for `[sources.events]`.
    pub(super) toml: &'a str,
    /// Files in `inputs/`.
    pub(super) files: &'a [(&'a str, &'a [u8])],
    /// `SELECT *`, in the order of files and lines.
    pub(super) rows: &'a [&'a str],
    /// Line number, offset and code.
    pub(super) rejects: &'a [(u64, u64, &'a str)],
    pub(super) blank: u64,
    /// Names and types of the columns, where the case is about them.
    pub(super) types: &'a [(&'a str, &'a str)],
}

impl Case<'_> {
    /// `row` quotes the contract.
    pub(super) fn check(&self, row: &str) {
        let mill = Mill::new(self.toml);
        for (name, bytes) in self.files {
            mill.put(format!("inputs/{name}"), bytes);
        }
        // A table without columns has nothing to select.
        let columns = if self.rows.is_empty() { "_offset" } else { "*" };
        let rows = format!("SELECT {columns} FROM events ORDER BY _file, _offset");
        let rejects = "SELECT line, \"offset\", reason FROM rejects.events ORDER BY file, line";
        let expected = self
            .rejects
            .iter()
            .map(|(line, offset, reason)| format!("{{\"line\":{line},\"offset\":{offset},\"reason\":\"{reason}\"}}"));
        let expected: Vec<String> = self.rows.iter().map(|row| (*row).to_owned()).chain(expected).collect();
        assert_eq!(mill.sql(&format!("{rows}; {rejects}")), expected, "{row}");
        let schema = mill.schema();
        let counts = ["rows", "rejects", "blank", "lines"].map(|name| schema[name].as_u64().unwrap());
        let [num_rows, num_rejects] = [self.rows.len(), self.rejects.len()].map(|count| count as u64);
        assert_eq!(counts, [num_rows, num_rejects, self.blank, num_rows + num_rejects + self.blank], "{row}");
        if !self.files.iter().any(|(name, _)| name.ends_with(".gz") || name.ends_with(".zst")) {
            let fed: u64 = self.files.iter().map(|(_, bytes)| num_lines(bytes)).sum();
            assert_eq!(counts[3], fed, "{row}");
        }
        if !self.types.is_empty() {
            let types: Vec<_> = self.types.iter().map(|(n, t)| ((*n).to_owned(), (*t).to_owned())).collect();
            assert_eq!(mill.types(), types, "{row}");
        }
    }
}

/// The plain meaning of a line.
fn num_lines(bytes: &[u8]) -> u64 {
    bytes.split_inclusive(|byte| *byte == b'\n').count() as u64
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 0).unwrap()
}
