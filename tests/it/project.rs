//! A project in a folder of its own, and the binary run in it.

use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::fs::{Dir, FileType, Mode, OFlags, fstat, open, openat, stat};
use tempfile::TempDir;

/// Three events: a text of digits, an integer, a text that is empty once, and an integer that is 0 once.
pub const EVENTS: &str = "{\"id\":\"1\",\"n\":1,\"s\":\"x\",\"z\":0}
{\"id\":\"2\",\"n\":2,\"s\":\"\",\"z\":1}
{\"id\":\"3\",\"n\":3,\"s\":\"y\",\"z\":2}
";

/// A folder that is removed in the end.
pub struct Project {
    folder: TempDir,
}

impl Project {
    /// With the files that are given by path and text.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap() };
        for (path, text) in files {
            project.write(path, text);
        }
        project
    }

    /// With [`EVENTS`] and the query `ids`.
    pub fn with_events() -> Self {
        Self::new(&[("inputs/a.out", EVENTS), ("queries/ids.sql", "SELECT id FROM events ORDER BY id\n")])
    }

    /// A copy of the example project.
    pub fn sample() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let project = Self::new(&[]);
        let queries = fs::read_dir(root.join("queries")).unwrap().map(|query| query.unwrap().path());
        for path in queries.chain(["inputs/sample.out", "tidemill.toml"].map(|path| root.join(path))) {
            let place = path.strip_prefix(root).unwrap().to_str().unwrap();
            project.write(place, fs::read(&path).unwrap());
        }
        project
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// The names in a folder, sorted.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The binary in this project, without standard input.
    pub fn command(&self, args: &[&str]) -> Command {
        self.program(env!("CARGO_BIN_EXE_tidemill"), args)
    }

    /// Another program in this project, such as a shell that starts the binary.
    pub fn program(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.root()).args(args).stdin(Stdio::null()).env_remove("TIDEMILL_PROJECT");
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// The rows that a statement answers with, as they are written to a pipe.
    pub fn rows(&self, sql: &str) -> String {
        let output = self.run(&["sql", sql]);
        assert!(output.status.success(), "{sql}: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// The texts of the files in the folder that `path` leads to now, by their paths in it: whoever has opened it keeps it. `None` where
/// another has taken its place meanwhile, since then its files go one by one.
pub fn opened(path: &Path) -> Option<Vec<(String, String)>> {
    let folder = open(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).ok()?;
    let files = files_in(&folder, "")?;
    let (read, now) = (fstat(&folder).ok()?, stat(path).ok()?);
    (read.st_ino == now.st_ino).then_some(files)
}

/// Texts of the files below an open folder, by their paths in it; `None` if one is gone.
fn files_in(folder: impl AsFd, path: &str) -> Option<Vec<(String, String)>> {
    let mut found = Vec::new();
    for entry in Dir::read_from(&folder).ok()? {
        let entry = entry.ok()?;
        let name = entry.file_name().to_str().unwrap().to_owned();
        if name.starts_with('.') {
            continue;
        }
        let opened = openat(&folder, name.as_str(), OFlags::RDONLY, Mode::empty()).ok()?;
        let path = format!("{path}{name}");
        match entry.file_type() == FileType::Directory {
            true => found.extend(files_in(opened, &format!("{path}/"))?),
            false => found.push((path, std::io::read_to_string(fs::File::from(opened)).ok()?)),
        }
    }
    found.sort();
    Some(found)
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A disk of its own that is soon full, where the test may mount one.
pub struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `size` as mount takes it, such as `1m`.
    pub fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(folder.path())
            .output();
        mount.is_ok_and(|output| output.status.success()).then(|| Self(folder))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What still runs in it may keep it busy; then it goes with its last user.
        Command::new("umount").arg("--lazy").arg(self.0.path()).status().unwrap();
    }
}
