//! What of a source's files a query has not read yet.
//!
//! Files are told by what they are (their place on the disk, size and time) and, where that has changed, by what they hold: so
//! one that has grown is read from where it was left, and one that was moved or compressed is not read again. A file that is no
//! longer what was read under its name is told. It publishes nothing and remembers nothing: the ledger's words go in and out.

mod heads;

use std::collections::{HashMap, HashSet};

use crate::catalog::{Scope, Source};
use crate::error::{Error, Result};
use crate::ledger::Taken;
use crate::ndjson::fingerprint::{Beginning, Fingerprint, begins_line, lines_in, whole_lines};
use crate::ndjson::listing::{Compression, Identity, InputFile, Window};
use crate::ndjson::survey::Earlier;
use heads::Heads;

/// What to do with a file that does not begin with what was read of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnRewrite {
    /// Stop, and say so.
    #[default]
    Fail,
    /// Read it from its start.
    Reread,
}

/// What is new in a source, and what is to be remembered once it was read.
#[derive(Debug, Clone)]
pub struct Intake {
    /// What is to be read.
    pub scope: Scope,
    /// All that will have been read then.
    pub whole: Vec<InputFile>,
    /// Files that were read and that none of these begins with.
    pub missing: Vec<String>,
    /// Files that were written anew, and are read from their start.
    pub rewritten: Vec<String>,
    /// What is worth telling; one line each.
    pub notes: Vec<String>,
    /// Files that were read under a name that they no longer have.
    pub gone: Vec<String>,
    /// Files of which nothing is read now, which are other than they were.
    pub same: Vec<Taken>,
}

impl Intake {
    /// Looks at the `files` of a source; `taken` was read of them, and `earlier` learned of that.
    ///
    /// **Errors**: `Input`, if a file cannot be read, or does not hold what was read of it, unless it is to be read again.
    pub fn of(files: Vec<InputFile>, taken: &[Taken], earlier: Earlier, on: OnRewrite) -> Result<Self> {
        let sorting = Sorting::of(&files, taken)?;
        let rewritten: Vec<String> = sorting.rewritten().into_iter().map(str::to_owned).collect();
        if let (Some(file), OnRewrite::Fail) = (rewritten.first(), on) {
            return Err(Error::input(format!("`{file}` no longer begins with what was read of it")).with_hint(
                "if its writer begins it anew, set on_rewrite = \"reread\" and it is read from its start (not for \
                     replace_partitions); or move the output away, and compute everything again: --full-refresh",
            ));
        }
        let mut intake = sorting.conclude(earlier)?;
        intake
            .notes
            .extend(rewritten.iter().map(|file| format!("`{file}` was written anew, and is read from its start")));
        intake.rewritten = rewritten;
        intake.scope.all = files;
        Ok(intake)
    }

    /// The same, for the first time; files that were last changed before `since`, in nanoseconds since 1970, count as read.
    ///
    /// **Errors**: as [`Intake::of`].
    pub fn anew(source: &str, files: Vec<InputFile>, since: Option<i64>) -> Result<Self> {
        let mut intake = Self::of(files, &[], Earlier::default(), OnRewrite::Fail)?;
        let Some(since) = since else { return Ok(intake) };
        let is_old = |file: &InputFile| nanoseconds(&file.identity) < since;
        let (old, new) = intake.scope.read.into_iter().partition(is_old);
        intake.scope.read = new;
        if !old.is_empty() {
            intake
                .notes
                .push(format!("{} of `{source}` changed last before that, and count as read", files_are(old.len())));
        }
        for file in &old {
            intake.same.push(taken_of(file, file.window.bytes.end, None)?);
        }
        Ok(intake)
    }

    /// Files that were read and that none of `files` begins with.
    ///
    /// **Errors**: `Input`, if a file cannot be read.
    pub fn missing_of(files: &[InputFile], taken: &[Taken]) -> Result<Vec<String>> {
        Ok(Sorting::of(files, taken)?.missing())
    }

    /// Bytes that are to be read, as stored.
    pub fn bytes(&self) -> u64 {
        self.scope.read.iter().map(InputFile::size).sum()
    }

    /// What is to be remembered once `source`, which has this scope, was read.
    ///
    /// **Errors**: `Input`, if a file is no longer what was read.
    pub fn taken(&self, source: &Source) -> Result<Vec<Taken>> {
        let mut taken = self.same.clone();
        for (file, lines) in source.files.iter().zip(&source.survey.lines) {
            taken.push(taken_of(file, file.window.bytes.end, Some(file.window.lines_before + lines))?);
        }
        Ok(taken)
    }
}

fn taken_of(file: &InputFile, bytes: u64, lines: Option<u64>) -> Result<Taken> {
    let Some(Fingerprint { head, tail, .. }) = Fingerprint::of(file, bytes)? else {
        return Err(Error::input(format!("`{}` shrank while it was read", file.shown))
            .with_hint("nothing was published; run again when the file is at rest"));
    };
    let Identity { device, inode, size, born, .. } = file.identity;
    let (file, state) = (file.shown.clone(), (size, nanoseconds(&file.identity)));
    Ok(Taken { file, place: (device, inode), state, born, bytes, lines, is_copy: false, ends: (head, tail) })
}

/// The last change of a file: nanoseconds since 1970.
pub fn nanoseconds(identity: &Identity) -> i64 {
    identity.modified.0.saturating_mul(1_000_000_000).saturating_add(identity.modified.1)
}

fn files_are(count: usize) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}

/// So much of a file that is the same is no chance.
const SURE_BYTES: u64 = 4 << 10;

/// Of so many files that were moved it is told by name: a whole folder may be.
const MOVES_TOLD: usize = 10;

/// Files on their way to what was read of them.
struct Sorting<'a> {
    files: &'a [InputFile],
    taken: &'a [Taken],
    /// Of each file, what was read of it.
    known: Vec<Option<&'a Taken>>,
    /// Of each file that is a copy of another, what it holds, and the other's name.
    copies: Vec<Option<(Taken, &'a str)>>,
    /// Names of what was found again.
    found: HashSet<&'a str>,
    /// Names under which copies were known that stand for their originals now.
    stood_in: Vec<&'a str>,
    /// Names of files that are read whole though they begin with the few lines that were read of others.
    alike: Vec<(&'a str, &'a str)>,
}

impl<'a> Sorting<'a> {
    fn of(files: &'a [InputFile], taken: &'a [Taken]) -> Result<Self> {
        let (known, copies) = (vec![None; files.len()], vec![None; files.len()]);
        let mut sorting =
            Self { files, taken, known, copies, found: HashSet::new(), stood_in: Vec::new(), alike: Vec::new() };
        sorting.unchanged();
        sorting.by_place()?;
        sorting.by_name()?;
        sorting.in_copies()?;
        sorting.by_content()?;
        sorting.beside_originals()?;
        Ok(sorting)
    }

    /// Files that are what they were.
    fn unchanged(&mut self) {
        let by_name = self.by_names();
        for (at, file) in self.files.iter().enumerate() {
            if let Some(taken) = by_name.get(file.shown.as_str()).filter(|taken| is_unchanged(file, taken)) {
                self.find(at, taken);
            }
        }
    }

    /// Files that have grown or were moved: what is longer tells more, and what nothing was read of is in every file.
    fn by_place(&mut self) -> Result<()> {
        let mut by_place: HashMap<(u64, u64), Vec<&'a Taken>> = HashMap::new();
        for taken in self.lost_by_length() {
            by_place.entry(taken.place).or_default().push(taken);
        }
        for at in self.unknown() {
            let Identity { device, inode, .. } = self.files[at].identity;
            let mut beginning = Beginning::of(&self.files[at]);
            for taken in by_place.get(&(device, inode)).into_iter().flatten() {
                if taken.bytes > 0 && !is_born_again(&self.files[at], taken) && begins(taken, &mut beginning)? {
                    self.find(at, taken);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Files that were written anew with what they held, and more.
    fn by_name(&mut self) -> Result<()> {
        let by_name = self.by_names();
        for at in self.unknown() {
            let file = &self.files[at];
            let taken = by_name.get(file.shown.as_str()).filter(|taken| !self.found.contains(taken.file.as_str()));
            if let Some(taken) = taken
                && begins(taken, &mut Beginning::of(file))?
            {
                self.find(at, taken);
            }
        }
        Ok(())
    }

    /// Files that were copied or compressed, and are no longer where they were.
    fn by_content(&mut self) -> Result<()> {
        let heads = Heads::of(self.lost_by_length());
        for at in self.unknown() {
            let file = &self.files[at];
            let mut beginning = Beginning::of(file);
            for taken in heads.like(file, &mut beginning)? {
                // A few lines may well be the same.
                let is_likely = taken.bytes >= SURE_BYTES
                    || file.compression != Compression::None
                    || file.identity.size == taken.bytes
                    || is_copy_of(&file.shown, &taken.file);
                if self.found.contains(taken.file.as_str()) || !begins(taken, &mut beginning)? {
                    continue;
                }
                // So may be all of a small file, in the folder of another day.
                if is_likely && (taken.bytes >= SURE_BYTES || has_folders_of(file, &taken.file)?) {
                    self.find(at, taken);
                    break;
                }
                self.alike.push((file.shown.as_str(), taken.file.as_str()));
            }
        }
        Ok(())
    }

    /// What was read of files that are gone, or written anew, and whose copies were seen beside them. A copy may have been moved since.
    fn in_copies(&mut self) -> Result<()> {
        let lost = self.lost();
        let by_name: HashMap<&str, &'a Taken> = lost.iter().map(|taken| (taken.file.as_str(), *taken)).collect();
        for (at, file) in self.files.iter().enumerate() {
            let moved = self.known[at].filter(|known| known.is_copy && known.file != file.shown);
            let of_moved = moved.map(|known| lost.iter().copied().filter(|taken| taken.ends.0 == known.ends.0));
            let of_moved = of_moved.into_iter().flatten();
            for taken in originals(&file.shown).filter_map(|name| by_name.get(name).copied()).chain(of_moved) {
                if self.found.contains(taken.file.as_str()) || !begins(taken, &mut Beginning::of(file))? {
                    continue;
                }
                let tells_more = |known: &Taken| match moved {
                    None => known.bytes < taken.bytes,
                    Some(_) => known.bytes <= taken.bytes,
                };
                if self.known[at].is_none_or(|known| known.is_copy && tells_more(known)) {
                    let copy = self.known[at].replace(taken);
                    self.stood_in.extend(copy.map(|copy| copy.file.as_str()));
                }
                self.found.insert(&taken.file);
            }
        }
        Ok(())
    }

    /// Files that are copies of what stands beside them under the name that theirs begins with: their lines are those of that one.
    fn beside_originals(&mut self) -> Result<()> {
        let by_name: HashMap<&str, &'a InputFile> = self.files.iter().map(|file| (file.shown.as_str(), file)).collect();
        for (at, file) in self.files.iter().enumerate() {
            if self.known[at].is_some_and(|known| !known.is_copy) {
                continue;
            }
            let originals: Vec<&'a InputFile> =
                originals(&file.shown).filter_map(|name| by_name.get(name).copied()).collect();
            if originals.is_empty() {
                continue;
            }
            let whole = match self.known[at].filter(|taken| is_unchanged(file, taken)) {
                Some(taken) => taken.clone(),
                None => Taken { is_copy: true, ..taken_of(file, whole_lines(file)?, None)? },
            };
            // A few lines may well be the same, but for all of them compressed.
            let is_sure = |original: &InputFile| {
                whole.bytes >= SURE_BYTES
                    || file.compression != Compression::None && original.identity.size == whole.bytes
            };
            for original in originals.into_iter().filter(|original| whole.bytes > 0 && is_sure(original)) {
                if begins(&whole, &mut Beginning::of(original))? {
                    self.copies[at] = Some((whole, original.shown.as_str()));
                    break;
                }
            }
        }
        Ok(())
    }

    fn by_names(&self) -> HashMap<&'a str, &'a Taken> {
        self.taken.iter().map(|taken| (taken.file.as_str(), taken)).collect()
    }

    fn find(&mut self, at: usize, taken: &'a Taken) {
        self.known[at] = Some(taken);
        self.found.insert(&taken.file);
    }

    /// What was read and not found again so far.
    fn lost(&self) -> Vec<&'a Taken> {
        self.taken.iter().filter(|taken| !self.found.contains(taken.file.as_str())).collect()
    }

    /// The longest first, and what was read before copies of it.
    fn lost_by_length(&self) -> Vec<&'a Taken> {
        let mut lost = self.lost();
        lost.sort_by_key(|taken| (std::cmp::Reverse(taken.bytes), taken.is_copy));
        lost
    }

    /// What was read of files that are gone. The lines of a copy are those of another.
    fn lost_lines(&self) -> impl Iterator<Item = &'a str> {
        let lost = self.lost().into_iter().filter(|taken| taken.bytes > 0 && !taken.is_copy);
        lost.map(|taken| taken.file.as_str())
    }

    fn unknown(&self) -> Vec<usize> {
        (0..self.files.len()).filter(|at| self.known[*at].is_none()).collect()
    }

    /// Names under which something new stands, where what was read is nowhere. What was read elsewhere may stand there: of
    /// logs that are rotated the oldest goes like that.
    fn rewritten(&self) -> Vec<&'a str> {
        let names: HashSet<&str> = self.unknown().into_iter().map(|at| self.files[at].shown.as_str()).collect();
        self.lost_lines().filter(|name| names.contains(name)).collect()
    }

    fn missing(&self) -> Vec<String> {
        self.lost_lines().map(str::to_owned).collect()
    }

    fn conclude(self, earlier: Earlier) -> Result<Intake> {
        let names: HashSet<&str> = self.files.iter().map(|file| file.shown.as_str()).collect();
        let (scope, notes) = (Scope { earlier, ..Scope::default() }, Vec::new());
        let missing = self.missing();
        let (whole, rewritten, gone, same) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut intake = Intake { scope, whole, missing, rewritten, notes, gone, same };
        let copies = self.lost().into_iter().filter(|taken| taken.is_copy).map(|taken| taken.file.as_str());
        let stood_in = self.stood_in.iter().copied().chain(copies).filter(|name| !names.contains(name));
        intake.gone.extend(stood_in.map(str::to_owned));
        let (mut open, mut moved) = (Vec::new(), Vec::new());
        for ((file, known), copy) in self.files.iter().zip(&self.known).zip(self.copies) {
            if let Some((taken, original)) = copy {
                if known.is_none() {
                    intake.notes.push(format!("`{}` is a copy of `{original}`, and is not read beside it", file.shown));
                }
                intake.same.push(taken);
                continue;
            }
            if let Some(taken) = known.filter(|taken| taken.file != file.shown) {
                check_folders(file, &taken.file)?;
                moved.push(format!("`{}` is what was read as `{}`", file.shown, taken.file));
                if !names.contains(taken.file.as_str()) {
                    intake.gone.push(taken.file.clone());
                }
            }
            if let Some(taken) = known.filter(|taken| is_unchanged(file, taken)) {
                if file.compression == Compression::None && taken.bytes < file.identity.size {
                    open.push(file.shown.as_str());
                }
                intake.whole.push(up_to(file, taken.bytes));
                continue;
            }
            let end = whole_lines(file)?;
            intake.whole.push(up_to(file, known.map_or(end, |taken| end.max(taken.bytes))));
            let (start, lines) = known.map_or((0, Some(0)), |taken| (taken.bytes, taken.lines));
            if end > start && !begins_line(file, start)? {
                return Err(Error::input(format!("`{}` goes on behind a last line that had no newline", file.shown))
                    .with_hint("that line was read as it stood; compute everything again: --full-refresh"));
            }
            if file.compression == Compression::None && end < file.identity.size {
                open.push(file.shown.as_str());
            }
            if end > start {
                let lines_before = lines.map_or_else(|| lines_in(file, start), Ok)?;
                let window = Window { bytes: start..end, lines_before };
                intake.scope.read.push(InputFile { window, ..file.clone() });
            } else {
                intake.same.push(taken_of(file, start, lines)?);
            }
        }
        if let Some(more) = moved.len().checked_sub(MOVES_TOLD).filter(|more| *more > 0) {
            moved.truncate(MOVES_TOLD);
            moved.push(format!("{} more have other names, too", files_are(more)));
        }
        intake.notes.extend(moved);
        let alike = |(file, gone): &(&str, &str)| {
            format!("`{file}` begins with the few lines that were read of `{gone}`, which is gone, and is read whole")
        };
        intake.notes.extend(self.alike.iter().map(alike));
        if let Some(first) = open.first() {
            let and = if open.len() > 1 { format!(" and {} more", files_are(open.len() - 1)) } else { String::new() };
            intake
                .notes
                .push(format!("the last line of `{first}`{and} has no newline yet, and waits for the next run"));
        }
        Ok(intake)
    }
}

/// A file up to a byte.
fn up_to(file: &InputFile, end: u64) -> InputFile {
    InputFile { window: Window { bytes: 0..end, lines_before: 0 }, ..file.clone() }
}

/// Whether a name is one that copies of the file called `original` have.
fn is_copy_of(name: &str, original: &str) -> bool {
    originals(name).any(|known| known == original)
}

/// Names of files whose copies may be called `name`: `app.out.1.gz` is one of `app.out.1` and of `app.out`.
fn originals(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices(['.', '-']).map(|(end, _)| &name[..end]).filter(|name| !name.is_empty())
}

/// A file that was moved is read as if it had always been there, so its folders must say the same.
fn check_folders(file: &InputFile, before: &str) -> Result<()> {
    if has_folders_of(file, before)? {
        return Ok(());
    }
    let what =
        format!("`{}` is what was read as `{before}`, and the values that its folders name are others", file.shown);
    Err(Error::input(what).with_hint("move it back, or compute everything again: --full-refresh"))
}

/// Whether the folders of a file name the values that those of `other` do.
fn has_folders_of(file: &InputFile, other: &str) -> Result<bool> {
    Ok(file.partitions()? == (InputFile { shown: other.to_owned(), ..file.clone() }).partitions()?)
}

fn begins(taken: &Taken, beginning: &mut Beginning<'_>) -> Result<bool> {
    let (head, tail) = taken.ends.clone();
    Fingerprint { bytes: taken.bytes, head, tail }.begins(beginning)
}

/// Whether a file is what it was when it was read, as far as a file system can tell.
fn is_unchanged(file: &InputFile, taken: &Taken) -> bool {
    let Identity { device, inode, size, .. } = file.identity;
    let is_there = file.shown == taken.file && (device, inode) == taken.place && !is_born_again(file, taken);
    is_there && (size, nanoseconds(&file.identity)) == taken.state
}

/// Whether a file has the number of another that is gone.
fn is_born_again(file: &InputFile, taken: &Taken) -> bool {
    file.identity.born.zip(taken.born).is_some_and(|(now, before)| now != before)
}
