//! Listings of real folders.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};

use tempfile::TempDir;

use super::*;

/// A folder with these files; each holds its own name.
fn folder(files: &[&str]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for file in files {
        let path = root.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        io::Write::write_all(&mut File::create(path).unwrap(), file.as_bytes()).unwrap();
    }
    root
}

fn listed(root: &Path, patterns: &[&str]) -> Result<Vec<String>> {
    let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
    Ok(list(root, &patterns)?.into_iter().map(|file| file.shown).collect())
}

fn check(root: &TempDir, patterns: &[&str], expected: &[&str]) {
    assert_eq!(listed(root.path(), patterns).unwrap(), expected, "{patterns:?}");
}

/// The error and its causes, the folder cut out of it.
fn fails(root: &TempDir, pattern: &str, expected: &str) {
    let error = listed(root.path(), &[pattern]).unwrap_err();
    let message = error.chain().replace(&format!("{}/", root.path().display()), "");
    assert_eq!((message.as_str(), error.kind()), (expected, "input"), "{pattern}");
}

#[test]
fn files_come_sorted_and_once() {
    let root = folder(&["in/b.out", "in/a.out", "in/B.out", "in/x/c.out", "in-2/d.out", "in/readme.md"]);
    check(&root, &["in/*.out"], &["in/B.out", "in/a.out", "in/b.out"]);
    check(&root, &["in/b.out", "in/*.out", "./in//a.out"], &["in/B.out", "in/a.out", "in/b.out"]);
    check(&root, &["in*/**"], &["in-2/d.out", "in/B.out", "in/a.out", "in/b.out", "in/x/c.out"]);
    check(&root, &["in"], &["in/B.out", "in/a.out", "in/b.out", "in/x/c.out"]);
    check(&root, &["in/"], &["in/B.out", "in/a.out", "in/b.out", "in/x/c.out"]);
    check(&root, &["in/readme.md"], &["in/readme.md"]);
    check(&root, &[], &[]);
}

#[test]
fn nothing_there_is_an_empty_list() {
    let root = folder(&["in/a.out", "in/dir.out/b.txt"]);
    for pattern in ["in/*.json", "nowhere", "nowhere/*.out", "in/a.out/*.out", "in/a.out/b", "in/b.out", "in/d*.out"] {
        check(&root, &[pattern], &[]);
    }
}

#[test]
fn each_listing_is_fresh() {
    let root = folder(&["in/a.out"]);
    check(&root, &["in/*.out"], &["in/a.out"]);
    File::create(root.path().join("in/b.out")).unwrap();
    check(&root, &["in/*.out"], &["in/a.out", "in/b.out"]);
    fs::remove_file(root.path().join("in/a.out")).unwrap();
    check(&root, &["in/*.out"], &["in/b.out"]);
}

#[test]
fn extensions_count_where_the_pattern_names_none() {
    let all = ["in/1.out", "in/2.json", "in/3.ndjson.gz", "in/4.jsonl.zst", "in/5.log", "in/6", "in/7.out.tmp"];
    let root = folder(&all);
    check(&root, &["in/*"], &all[..4]);
    check(&root, &["in/*.log"], &["in/5.log"]);
    check(&root, &["in/[0-9]"], &["in/6"]);
    let patterns = ["in/*".to_owned()];
    let compressions: Vec<Compression> = list(root.path(), &patterns).unwrap().iter().map(|f| f.compression).collect();
    assert_eq!(compressions, [Compression::None, Compression::None, Compression::Gzip, Compression::Zstd]);
    assert_eq!(Compression::of(Path::new("a.GZIP")), Compression::Gzip);
    assert_eq!(Compression::of(Path::new("a.zstd")), Compression::Zstd);
}

#[test]
fn a_compression_that_is_not_read_is_refused_and_not_overlooked() {
    let root = folder(&["in/a.out.bz2", "in/notes.txt.xz"]);
    fails(&root, "in/*", "`in/a.out.bz2` is compressed as `.bz2`, which is not read");
    fails(&root, "in/*.xz", "`in/notes.txt.xz` is compressed as `.xz`, which is not read");
}

#[test]
fn hidden_files_are_skipped_unless_named() {
    let root = folder(&["in/a.out", "in/.b.out", "in/.stage-1/c.out", ".git/d.out"]);
    check(&root, &["**/*.out"], &["in/a.out"]);
    check(&root, &["in"], &["in/a.out"]);
    check(&root, &["in/.*.out"], &["in/.b.out"]);
    check(&root, &["in/.stage-1"], &["in/.stage-1/c.out"]);
    check(&root, &["in/.b.out"], &["in/.b.out"]);
}

#[test]
fn files_outside_are_shown_by_absolute_paths() {
    let root = folder(&["p/in/a.out", "other/b.out"]);
    let base = fs::canonicalize(root.path()).unwrap();
    let outside = base.join("other/b.out").to_str().unwrap().to_owned();
    let inside = base.join("p/in/*.out").to_str().unwrap().to_owned();
    let project = root.path().join("p");
    assert_eq!(listed(&project, &["../other/*.out"]).unwrap(), [outside.as_str()]);
    assert_eq!(listed(&project, &[&outside]).unwrap(), [outside.as_str()]);
    assert_eq!(listed(&project, &[&inside, "in/a.out", "../p/in"]).unwrap(), ["in/a.out"]);
}

#[test]
fn a_file_that_links_lead_to_is_read_once() {
    let root = folder(&["in/a.out", "in/z.out", "v3/b.out"]);
    symlink("z.out", root.path().join("in/latest.out")).unwrap();
    symlink("v3", root.path().join("current")).unwrap();
    symlink("../v3", root.path().join("in/linked")).unwrap();
    check(&root, &["in/*.out"], &["in/a.out", "in/z.out"]);
    check(&root, &["in/latest.out"], &["in/latest.out"]);
    check(&root, &["current/*.out"], &["current/b.out"]);
    check(&root, &["current/*.out", "v3/*.out", "in/**/*.out"], &["in/a.out", "in/z.out", "v3/b.out"]);
    check(&root, &["in/linked/*.out"], &["in/linked/b.out"]);
}

#[test]
fn links_above_the_root_do_not_matter() {
    let root = folder(&["p/in/a.out", "p/in/z.out"]);
    symlink("z.out", root.path().join("p/in/latest.out")).unwrap();
    symlink("p", root.path().join("linked")).unwrap();
    assert_eq!(listed(&root.path().join("linked"), &["in/*.out"]).unwrap(), ["in/a.out", "in/z.out"]);
}

#[test]
fn loops_of_links_end() {
    let root = folder(&["in/x/a.out"]);
    symlink("..", root.path().join("in/x/up")).unwrap();
    symlink("../..", root.path().join("in/x/root")).unwrap();
    symlink("self", root.path().join("in/self")).unwrap();
    check(&root, &["in/**/*.out"], &["in/x/a.out"]);
}

#[test]
fn a_link_to_nothing_is_an_error_where_it_would_be_read() {
    let root = folder(&["in/a.out"]);
    symlink("gone", root.path().join("in/b.out")).unwrap();
    check(&root, &["in/a*.out"], &["in/a.out"]);
    check(&root, &["in/*.json"], &[]);
    symlink("gone", root.path().join("in/.hidden.json")).unwrap();
    check(&root, &["in/*.json", "in/**/*.json"], &[]);
    fails(&root, "in/b.out", "the link `in/b.out` leads to nothing");
    let expected = "the link `in/b.out` leads to nothing: No such file or directory (os error 2)";
    fails(&root, "in/*.out", expected);
}

#[test]
fn what_is_no_regular_file_is_refused() {
    let root = folder(&["in/a.out"]);
    let pipe = root.path().join("in/p.out");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.path().join("in/s.sock")).unwrap();
    symlink("/dev/null", root.path().join("in/d.dev")).unwrap();
    fails(&root, "in/*.out", "`in/p.out` is a pipe, not a regular file");
    fails(&root, "in/p.out", "`in/p.out` is a pipe, not a regular file");
    fails(&root, "in/*.sock", "`in/s.sock` is a socket, not a regular file");
    fails(&root, "in/*.dev", "`in/d.dev` is a device, not a regular file");
    check(&root, &["in/a*"], &["in/a.out"]);
}

#[test]
fn names_that_are_not_utf8_are_refused_where_they_match() {
    let root = folder(&["in/a.json"]);
    File::create(root.path().join("in").join(OsStr::from_bytes(b"b\xff.out"))).unwrap();
    check(&root, &["in/*.json"], &["in/a.json"]);
    fails(&root, "in/*.out", r#"the name of "in/b\xFF.out" is not UTF-8"#);
}

#[test]
fn a_folder_that_cannot_be_read_is_an_error_where_the_pattern_leads_through_it() {
    let root = folder(&["in/a.out", "in/x/b.out", "in/y/c.out"]);
    let closed = root.path().join("in/x");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    check(&root, &["in/*.out"], &["in/a.out"]);
    check(&root, &["in/y*/*.out"], &["in/y/c.out"]);
    // Permissions do not stop the superuser, whose tests end here.
    if fs::read_dir(&closed).is_err() {
        fails(&root, "in/**", "cannot read `in/x`: Permission denied (os error 13)");
        fails(&root, "in/x/*", "cannot read `in/x`: Permission denied (os error 13)");
        symlink("x", root.path().join("in/linked")).unwrap();
        symlink("x/b.out", root.path().join("in/b.txt")).unwrap();
        fails(&root, "in/l*/*.out", "cannot read `in/linked`: Permission denied (os error 13)");
        check(&root, &["in/*.out", "in/y/**"], &["in/a.out", "in/y/c.out"]);
        fails(&root, "in/*.txt", "cannot read `in/b.txt`: Permission denied (os error 13)");
    }
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_identity_tells_states_apart() {
    let root = folder(&["a.out", "b.out"]);
    let identities = || -> Vec<Identity> {
        list(root.path(), &["*.out".to_owned()]).unwrap().into_iter().map(|file| file.identity).collect()
    };
    let before = identities();
    assert_eq!((before[0].size, &before), (5, &identities()));
    assert_ne!(before[0], before[1]);
    io::Write::write_all(&mut File::options().append(true).open(root.path().join("a.out")).unwrap(), b"more").unwrap();
    assert_ne!(identities()[0], before[0]);
    assert_eq!(identities()[1], before[1]);
}

#[test]
fn a_bad_pattern_among_good_ones_is_refused() {
    let root = folder(&["a.out"]);
    assert_eq!(listed(root.path(), &["a.out", "in/["]).unwrap_err().kind(), "request");
    assert_eq!(check_text("in/["), "`in/[` is not a pattern: this `[` is not closed");
}

fn check_text(pattern: &str) -> String {
    super::check(pattern).unwrap_err().to_string()
}
