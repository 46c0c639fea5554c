//! Where events go: a new file, or standard output.
//!
//! Event files are data: it never writes over one, and it never leaves half a line in one. It does not know what
//! a line holds.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::plan::Target;
use crate::cli::from_here;
use crate::error::{Error, Result};

pub(super) struct Output {
    sink: Sink,
    /// Bytes written so far, all of them whole lines.
    pub(super) size_bytes: u64,
}

enum Sink {
    Stdout,
    File {
        path: PathBuf,
        file: File,
    },
    /// A pipe or a device: it can be written to, and not be cut.
    Special {
        path: PathBuf,
        file: File,
    },
}

impl Output {
    pub(super) fn create(target: &Target, project_root: &Path) -> Result<Self> {
        let sink = match target {
            Target::Stdout => Sink::Stdout,
            Target::File(path) => create_file(path.clone())?,
            Target::Inputs => {
                let folder = project_root.join("inputs");
                std::fs::create_dir_all(&folder).map_err(|source| Error::unwritable(&folder, source))?;
                create_file(folder.join(format!("{}.out", Uuid::new_v4())))?
            }
        };
        Ok(Self { sink, size_bytes: 0 })
    }

    /// Whether lines appear before a person's eyes.
    pub(super) fn is_terminal(&self) -> bool {
        matches!(self.sink, Sink::Stdout) && io::stdout().is_terminal()
    }

    /// A name for people.
    pub(super) fn name(&self) -> String {
        match &self.sink {
            Sink::Stdout => "standard output".into(),
            Sink::File { path, .. } | Sink::Special { path, .. } => format!("`{}`", from_here(path)),
        }
    }

    /// Hands whole lines to the operating system.
    pub(super) fn write(&mut self, lines: &[u8]) -> Result<()> {
        let written = match &mut self.sink {
            Sink::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(lines).and_then(|()| stdout.flush())
            }
            Sink::File { file, .. } | Sink::Special { file, .. } => file.write_all(lines),
        };
        written.map_err(|source| self.failure(source))?;
        self.size_bytes += lines.len() as u64;
        Ok(())
    }

    /// A write that failed may have got a part through: a file is cut back to the whole lines before it.
    fn failure(&self, source: io::Error) -> Error {
        if source.kind() == ErrorKind::BrokenPipe {
            return Error::ClosedPipe;
        }
        match &self.sink {
            Sink::Stdout => Error::machine("cannot write to standard output").with_source(source),
            Sink::Special { path, .. } => Error::unwritable(path, source),
            Sink::File { path, file } => {
                Error::unwritable(path, source).with_hint(match file.set_len(self.size_bytes) {
                    Ok(()) => {
                        format!("it holds the whole lines before that, {} bytes: keep it or remove it", self.size_bytes)
                    }
                    Err(_) => format!("only its first {} bytes are whole lines: remove it", self.size_bytes),
                })
            }
        }
    }
}

fn create_file(path: PathBuf) -> Result<Sink> {
    match OpenOptions::new().write(true).create_new(true).open(&path) {
        Ok(file) => Ok(Sink::File { path, file }),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => open_special(path),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(Error::unwritable(&path, error).with_hint("its folder does not exist: create that first"))
        }
        Err(error) => Err(Error::unwritable(&path, error)),
    }
}

/// Named pipes and devices exist before they are written to; all else that exists is left alone.
fn open_special(path: PathBuf) -> Result<Sink> {
    let kind = std::fs::metadata(&path).map(|metadata| metadata.file_type());
    match kind {
        Ok(kind) if kind.is_dir() => {
            Err(Error::request(format!("`{}` is a folder", path.display())).with_hint("name a new file in it"))
        }
        Ok(kind) if !kind.is_file() => match OpenOptions::new().write(true).open(&path) {
            Ok(file) => Ok(Sink::Special { path, file }),
            Err(source) => Err(Error::unwritable(&path, source)),
        },
        _ => Err(Error::request(format!("`{}` exists already", path.display()))
            .with_hint("event files are data and are not written over: name another file, or remove this one")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(path: &Path) -> Result<Output> {
        Output::create(&Target::File(path.to_owned()), Path::new("nowhere"))
    }

    #[test]
    fn a_file_that_exists_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.out");
        create(&path).unwrap().write(b"{}\n").unwrap();
        let error = create(&path).err().unwrap();
        assert_eq!((error.exit_code(), error.to_string()), (2, format!("`{}` exists already", path.display())));
        assert_eq!(std::fs::read(&path).unwrap(), b"{}\n");
        assert_eq!(create(folder.path()).err().unwrap().exit_code(), 2);
        std::os::unix::fs::symlink(folder.path().join("gone"), folder.path().join("link")).unwrap();
        assert_eq!(create(&folder.path().join("link")).err().unwrap().exit_code(), 2);
    }

    #[test]
    fn the_default_is_a_new_file_in_a_new_inputs_folder() {
        let root = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            Output::create(&Target::Inputs, root.path()).unwrap().write(b"{}\n").unwrap();
        }
        let files: Vec<_> = std::fs::read_dir(root.path().join("inputs")).unwrap().map(|e| e.unwrap().path()).collect();
        assert_eq!(files.len(), 2);
        assert!(files.iter().all(|path| path.extension().unwrap() == "out"));
    }

    #[test]
    fn a_full_device_and_a_missing_folder_are_named() {
        let error = create(Path::new("/dev/full")).unwrap().write(b"{}\n").unwrap_err();
        assert!(error.chain().starts_with("cannot write `/dev/full`: "), "{}", error.chain());
        let error = create(Path::new("/dev/null/a.out")).err().unwrap();
        assert_eq!(error.exit_code(), 1);
        let error = create(Path::new("no/such/folder/a.out")).err().unwrap();
        assert_eq!(error.problem().unwrap().hint.as_deref(), Some("its folder does not exist: create that first"));
    }
}
