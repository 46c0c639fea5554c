//! `tidemill generate` from outside: files, pipes, signals, full disks, and the committed sample.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tidemill::generate::{Atlas, Generator, Settings};

fn tidemill(folder: &Path, typed: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
    command.current_dir(folder).arg("generate").args(typed.split_whitespace());
    command
}

fn run(folder: &Path, typed: &str) -> Output {
    tidemill(folder, typed).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn num_lines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

fn send(signal: &str, child: &Child) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

/// Starts it, reads one line, sends the signal, and reads the rest.
fn stop_with(signal: &str, typed: &str) -> (Option<i32>, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let mut child = tidemill(folder.path(), typed).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut lines = Vec::new();
    stdout.read_until(b'\n', &mut lines).unwrap();
    send(signal, &child);
    stdout.read_to_end(&mut lines).unwrap();
    (child.wait().unwrap().code(), lines)
}

/// `tidemill generate -e 2000 --seed 1 --start 2024-03-01 -l 86400 -o inputs/sample.out` wrote the sample.
#[test]
fn the_committed_sample_is_what_its_seed_gives() {
    let settings = Settings { seed: 1, max_lag: Duration::from_secs(86_400), ..Settings::default() };
    let mut generator = Generator::try_new(&settings, &Atlas::Cities).unwrap();
    let mut lines = Vec::new();
    for _ in 0..2_000 {
        generator.next_line(1_709_251_200_000, &mut lines).unwrap();
    }
    let sample = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/inputs/sample.out")).unwrap();
    assert!(sample == lines, "the generator's output changed: say so in the changelog and write the sample again");
    assert!(sample.len() < 1 << 20);
    let text = String::from_utf8(sample).unwrap();
    for part in
        ["\"lat\":\"\",\"lng\":\"\"", "\"opted_into_marketing\":true", "\"opted_into_marketing\":false", "\"id\":\"-"]
    {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn a_batch_has_exactly_the_lines_asked_for_whatever_the_dials() {
    let folder = tempfile::tempdir().unwrap();
    let dials = "--malformed-rate 0.1 --duplicate-rate 0.1 --late-rate 0.1 --drift-rate 0.1";
    let output = run(folder.path(), &format!("-e 12345 --seed 1 --start 2024-03-01 {dials}"));
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(output.stdout.is_empty());
    let files: Vec<_> = std::fs::read_dir(folder.path().join("inputs")).unwrap().collect();
    let [Ok(file)] = &files[..] else { panic!("one file: {files:?}") };
    assert_eq!(num_lines(&std::fs::read(file.path()).unwrap()), 12_345);
    let name = file.file_name().into_string().unwrap();
    assert!(stderr(&output).starts_with("wrote 12,345 events, "), "{}", stderr(&output));
    assert!(stderr(&output).contains(&name));
}

#[test]
fn a_batch_and_a_stream_of_one_seed_and_start_are_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let same = "-e 700 --seed 5 --start 2024-03-01T12:00:00+02:00 -l 60 --malformed-rate 0.01";
    let batch = run(folder.path(), &format!("{same} --output -"));
    let stream = run(folder.path(), &format!("{same} --source streaming"));
    let file = run(folder.path(), &format!("{same} -s streaming -o a.out"));
    assert!(batch.status.success() && stream.status.success() && file.status.success());
    assert_eq!(num_lines(&batch.stdout), 700);
    assert!(batch.stdout == stream.stdout);
    assert!(batch.stdout == std::fs::read(folder.path().join("a.out")).unwrap());
}

#[test]
fn an_unseeded_run_tells_the_seed_that_repeats_it() {
    let folder = tempfile::tempdir().unwrap();
    let first = run(folder.path(), "-e 10 --start 2024-03-01 -o -");
    let told = stderr(&first);
    let seed = told.trim_end().rsplit_once("(seed ").and_then(|(_, seed)| seed.strip_suffix(')')).unwrap();
    let again = run(folder.path(), &format!("-e 10 --start 2024-03-01 -o - --seed {seed}"));
    assert!(first.stdout == again.stdout);
    assert!(!stderr(&again).contains("seed"));
}

#[test]
fn an_endless_stream_ends_well_with_ctrl_c_and_in_whole_lines() {
    let (code, lines) = stop_with("-INT", "-s streaming -d 0.001");
    assert_eq!(code, Some(0));
    assert!(lines.ends_with(b"}\n"));
    let (code, lines) = stop_with("-INT", "--output -");
    assert_eq!(code, Some(0));
    assert!(lines.ends_with(b"}\n"));
}

#[test]
fn a_run_stopped_before_its_end_says_so() {
    let (code, lines) = stop_with("-INT", "-s streaming -d 3600 -e 2");
    assert_eq!((code, num_lines(&lines)), (Some(130), 1));
    let (code, lines) = stop_with("-TERM", "-s streaming -d 3600");
    assert_eq!((code, num_lines(&lines)), (Some(143), 1));
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = tidemill(folder.path(), "-o -").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("{\"ip\":\""));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// A limit on the size of files stands in for a full disk: it too lets a part of a write through.
#[test]
fn a_file_that_cannot_grow_keeps_whole_lines() {
    let folder = tempfile::tempdir().unwrap();
    let script = "trap '' XFSZ; ulimit -f 2000; exec \"$0\" generate --seed 1 -o a.out";
    let output = Command::new("sh")
        .current_dir(folder.path())
        .args(["-c", script, env!("CARGO_BIN_EXE_tidemill")])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let told = stderr(&output);
    assert!(told.contains("cannot write `a.out`: ") && told.contains("it holds the whole lines before that"), "{told}");
    let bytes = std::fs::read(folder.path().join("a.out")).unwrap();
    assert!(bytes.len() > 500_000 && bytes.ends_with(b"}\n"));
}

#[test]
fn refusals_exit_with_2_and_write_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("kept.out"), "data").unwrap();
    for typed in ["-u 0", "-l 1e18", "--start 9999-12-31 -l 1e6", "--late-rate 2", "-o kept.out", "-o .", "-d 1"] {
        let output = run(folder.path(), typed);
        assert_eq!(output.status.code(), Some(2), "{typed}: {}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
    assert_eq!(std::fs::read(folder.path().join("kept.out")).unwrap(), b"data");
    assert!(!folder.path().join("inputs").exists());
}
