//! Where a path leads: symbolic links are followed, whether something stands at their end or not.
//!
//! It knows nothing of what stands there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// As many links as Linux follows.
const MOST_LINKS: usize = 40;

/// What `path` leads to through symbolic links, if the last part of it is one; else the path itself.
///
/// **Errors**: where links lead round in a circle.
pub(crate) fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&path) {
            Ok(next) => path = folder_of(&path).join(next),
            // Not a link, or nothing there: both end the way, and the caller finds out which it is.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// The one absolute path of what is at `path`, or would be, whatever links and `..` it is named by. What cannot be looked at, or
/// leads round in a circle, counts as it is named.
pub(crate) fn real(path: &Path) -> PathBuf {
    let named = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let parts_of = |path: &Path| path.components().rev().map(|part| part.as_os_str().to_owned()).collect::<Vec<_>>();
    let (mut real, mut links) = (PathBuf::new(), MOST_LINKS);
    let mut left = parts_of(&named);
    while let Some(part) = left.pop() {
        match part.as_encoded_bytes() {
            b"." => {}
            b".." => drop(real.pop()),
            // A root begins the path anew.
            _ => {
                let next = real.join(&part);
                match fs::read_link(&next) {
                    Ok(leads_to) if links > 0 => {
                        links -= 1;
                        left.extend(parts_of(&leads_to));
                    }
                    _ => real = next,
                }
            }
        }
    }
    real
}

/// The folder that a file is in.
pub(crate) fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the files that a test finds there are not outputs")]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_place_has_one_path() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("data/deep")).unwrap();
        fs::write(root.join("data/a"), "").unwrap();
        symlink("data", root.join("link")).unwrap();
        symlink("../data/a", root.join("data/to_a")).unwrap();
        symlink("deep/new", root.join("data/to_new")).unwrap();
        symlink("not/../data/new", root.join("beyond")).unwrap();
        symlink("circle", root.join("circle")).unwrap();
        symlink("below/itself", root.join("below")).unwrap();
        for (named, expected) in [
            ("data/a", "data/a"),
            ("link/a", "data/a"),
            ("link/to_a", "data/a"),
            ("data/../link/./a", "data/a"),
            ("link/new", "data/new"),
            ("link/not/there", "data/not/there"),
            ("link/to_new", "data/deep/new"),
            ("link/deep/../new", "data/new"),
            ("not/there/../../data/a", "data/a"),
            ("not/../link/new", "data/new"),
            ("beyond", "data/new"),
            ("circle", "circle"),
            ("not/../data/../circle/..", ""),
            ("circle/a", "circle/a"),
            ("link/", "data"),
        ] {
            assert_eq!(real(&root.join(named)), root.join(expected), "{named}");
        }
        assert!(real(&root.join("below")).starts_with(root.join("below")), "it comes to an end");
        assert_eq!(real(Path::new("/")), Path::new("/"));
        assert!(real(Path::new("not there")).is_absolute());
    }
}
