//! Where a result goes, of which files it is made, and how they are written.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::dialect::Key;
use crate::error::{Error, Result};
use crate::intake::OnRewrite;
use crate::ledger;
use crate::ndjson::listing::{self, InputFile};
use crate::paths;
use crate::project::{Project, SourceConfig};
use crate::query::{Files, Increment, SavedQuery};
use crate::session::Planned;
use crate::sink::{Compression, Format, Shape, Writing};
use crate::store::{Location, MANIFEST};
use crate::suggest;

/// What the person who starts a run may say about its outputs.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Instead of the query's own format.
    pub format: Option<Format>,
    /// Instead of the folder of outputs.
    pub output_dir: Option<PathBuf>,
}

/// What a run does with what runs before have published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Replaces it by the result over all lines.
    #[default]
    Replace,
    /// Adds the rows of new lines to it.
    Append,
    /// Replaces it by the result over all lines, of which it reads only new ones: groups are kept, and added to.
    Merge,
    /// Computes those folders of it again that new lines belong to.
    ReplacePartitions,
}

impl Mode {
    const ALL: [(&str, Self); 4] = [
        ("replace", Self::Replace),
        ("append", Self::Append),
        ("merge", Self::Merge),
        ("replace_partitions", Self::ReplacePartitions),
    ];

    /// Its name.
    pub fn name(&self) -> &'static str {
        Self::ALL.iter().find(|(_, mode)| mode == self).map_or("replace", |(name, _)| name)
    }
}

impl FromStr for Mode {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let known = Self::ALL.iter().find(|(known, _)| *known == name);
        known.map(|(_, mode)| *mode).ok_or_else(|| {
            let names = Self::ALL.map(|(name, _)| name);
            let hint = suggest::nearest(name, names).map(|near| format!("did you mean `{near}`?"));
            Error::request(format!("unknown mode `{name}`: they are {}", names.join(", "))).with_hint_if(hint)
        })
    }
}

/// Where a query's result goes, and as what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The file, or the folder.
    pub path: PathBuf,
    /// Of which files it is made.
    pub shape: Shape,
    /// How they are written.
    pub writing: Writing,
    /// What becomes of what stands there.
    pub mode: Mode,
    /// What to do with an input that was written anew.
    pub on_rewrite: OnRewrite,
    /// How many outputs that were replaced can be brought back.
    pub keep: usize,
    /// What its folders are for.
    pub(super) keys: Vec<Key>,
}

impl Target {
    /// The target of a saved query: what the options say, else its settings, else `outputs/<name>.json`, or the folder
    /// `outputs/<name>` if its settings ask for more files than one.
    ///
    /// A format that nobody names is told by the extension of the output, if that is one.
    ///
    /// **Errors**: `Request` with the place, if the query's settings name no format, or an output whose extension does
    /// not tell one, or contradict each other.
    pub fn of(query: &SavedQuery, project: &Project, options: &Options) -> Result<Self> {
        let keys = query.settings.files.partition_by.iter().map(|text| Key::parse(text)).collect::<Result<Vec<_>>>();
        let keys = keys.map_err(|error| error.at(query.place_of("partition_by")))?;
        let (mode, on_rewrite) = mode(query)?;
        let shape = match shape(query, &keys)? {
            // A folder for each run.
            Shape::File if mode == Mode::Append => Shape::Sized(u64::MAX),
            shape => shape,
        };
        let named = match &query.settings.format {
            Some(word) => Some(Format::from_str(word).map_err(|error| error.at(query.place_of("format")))?),
            None => None,
        };
        let output = query.settings.output.as_deref();
        if let Some(output) = output {
            // The place of a secret is not shown.
            let place = if Location::holds_secret(&output.to_string_lossy()) { None } else { query.place_of("output") };
            Location::of(output).map_err(|error| error.at(place))?;
        }
        let format = match (options.format.or(named), output) {
            (Some(format), _) => format,
            (None, Some(output)) if !shape.is_folder() => {
                format_of(output).map_err(|error| error.at(query.place_of("output")))?
            }
            (None, _) => Format::Json,
        };
        let default_name = match shape {
            Shape::File => PathBuf::from(format!("{}.{}", query.name, format.extension())),
            _ => PathBuf::from(&query.name),
        };
        let path = match (&options.output_dir, output) {
            (Some(dir), output) => dir.join(output.and_then(Path::file_name).map_or(default_name, PathBuf::from)),
            (None, Some(output)) if Location::is_url(output) => output.to_owned(),
            (None, Some(output)) => project.root.join(output),
            (None, None) => project.outputs_dir.join(default_name),
        };
        let is_in_store = Location::of(&path)?.is_some();
        if mode != Mode::Replace && is_in_store {
            let (shown, mode) = (path.display(), mode.name());
            return Err(Error::request(format!("mode = \"{mode}\" does not publish in a store, as `{shown}` is"))
                .with_hint("publish in a folder, or leave `mode` out: the whole result is computed and replaced then")
                .at(query.place_of("mode")));
        }
        let keep = keep(query, project, mode, is_in_store)?;
        Ok(Self { path, shape, writing: writing(query, format)?, mode, on_rewrite, keep, keys })
    }

    /// The target that a person named by its path: its extension tells the format, unless `format` does.
    ///
    /// **Errors**: `Request`, if neither does.
    pub fn at(path: &Path, format: Option<Format>) -> Result<Self> {
        let format = match format {
            Some(format) => format,
            // A folder is refused in better words when it comes to writing.
            None if path.is_dir() => Format::Json,
            None => format_of(path)?,
        };
        let (mode, on_rewrite) = (Mode::Replace, OnRewrite::Fail);
        let (shape, keys) = (Shape::File, Vec::new());
        Ok(Self { path: path.to_owned(), shape, writing: format.into(), mode, on_rewrite, keep: 0, keys })
    }

    /// The target of a planned statement: the one that was given, or where it goes itself, being a `COPY`.
    ///
    /// **Errors**: `Request`, if there is none, or both.
    pub(super) fn of_statement(target: Option<&Self>, planned: &Planned) -> Result<Self> {
        match (target, &planned.copy_to) {
            (Some(target), None) => Ok(target.clone()),
            (None, Some(copy)) => {
                let format = copy.format.as_deref().map(|word| Format::from_str(&word.to_lowercase())).transpose()?;
                Self::at(&copy.path, format)
            }
            _ => Err(Error::request("the statement has no place for its rows, or two")
                .with_hint("either COPY (SELECT …) TO 'file', or a SELECT and --output FILE")),
        }
    }

    /// Where it goes, from wherever one stands: an absolute path, or a URL, which ends in a slash if it is a folder's.
    pub fn place(&self) -> PathBuf {
        if Location::is_url(&self.path) {
            return if self.shape.is_folder() { self.path.join("") } else { self.path.clone() };
        }
        std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone())
    }

    /// The same, whatever links it is named by: two results with one such path replace each other.
    pub fn real_place(&self) -> PathBuf {
        if Location::is_url(&self.path) { self.path.clone() } else { paths::real(&self.path) }
    }

    /// **Errors**: `Request`, if the result would replace what results are made of, or what is noted of them.
    pub fn check(&self, project: &Project) -> Result<()> {
        if let Some(location) = Location::of(&self.path)? {
            return self.check_objects(&location, project);
        }
        let real = paths::real(&self.path);
        let file = match self.shape {
            Shape::File => real.clone(),
            _ => real.join(format!("part-00000-of-00001.{}", self.writing.format.extension())),
        };
        let input_of = project.sources.iter().find(|source| listing::names(&project.root, &source.paths, &file));
        let is_within = |folder: &Path| real.starts_with(paths::real(folder));
        let what = match input_of {
            Some(source) => format!("an input of source `{}`", source.name),
            None if project.file.as_ref().is_some_and(|file| real == paths::real(file)) => {
                "the project file".to_owned()
            }
            None if is_within(&project.queries_dir) => "in the folder of saved queries".to_owned(),
            None if is_within(&ledger::folder(&project.root)) => "in the folder of what is noted of runs".to_owned(),
            None => return Ok(()),
        };
        Err(self.refused(&what))
    }

    /// **Errors**: `Request`, if the result would replace one of these `files`, of which it is made.
    pub(super) fn check_apart<'a>(&self, files: impl Iterator<Item = &'a InputFile>) -> Result<()> {
        if Location::is_url(&self.path) {
            return Ok(());
        }
        let real = paths::real(&self.path);
        if !real.exists() {
            return Ok(());
        }
        // Many files have one folder.
        let mut folders: HashMap<&Path, PathBuf> = HashMap::new();
        let mut is_there = |file: &&'a InputFile| match file.path.parent() {
            _ if file.object.is_some() => false,
            Some(folder) if !file.path.is_symlink() => {
                let folder = folders.entry(folder).or_insert_with(|| paths::real(folder));
                folder.starts_with(&real) || file.path.file_name().is_some_and(|name| folder.join(name) == real)
            }
            _ => paths::real(&file.path).starts_with(&real),
        };
        match { files }.find(|file| is_there(file)) {
            None => Ok(()),
            Some(file) if self.shape.is_folder() => {
                Err(self.refused(&format!("the folder of its input `{}`", file.shown)))
            }
            Some(file) => Err(self.refused(&format!("its input `{}`", file.shown))),
        }
    }

    fn check_objects(&self, location: &Location, project: &Project) -> Result<()> {
        let objects = match self.shape {
            Shape::File => vec![location.clone()],
            _ => {
                let file = format!("run-0/part-00000-of-00001.{}", self.writing.format.extension());
                vec![location.join(&file), location.join(MANIFEST)]
            }
        };
        let names = |source: &&SourceConfig| {
            let is_named =
                |object: &Location| listing::names(&project.root, &source.paths, Path::new(&object.to_string()));
            objects.iter().any(is_named)
        };
        match project.sources.iter().find(names) {
            None => Ok(()),
            Some(source) => Err(self.refused(&format!("an input of source `{}`", source.name))),
        }
    }

    fn refused(&self, what: &str) -> Error {
        Error::request(format!("the result cannot go to `{}`, which is {what}", self.path.display()))
            .with_hint("results have a folder of their own, outputs/")
    }
}

/// What a query's settings have runs do with what was published.
fn mode(query: &SavedQuery) -> Result<(Mode, OnRewrite)> {
    let Increment { mode, on_rewrite, key, .. } = &query.settings.increment;
    let mode = match mode {
        Some(word) => word.parse().map_err(|error: Error| error.at(query.place_of("mode")))?,
        None => Mode::Replace,
    };
    if mode != Mode::Merge && !key.is_empty() {
        return Err(Error::request("`key` is for mode = \"merge\"")
            .with_hint("it names the columns of the groups that are added to")
            .at(query.place_of("key")));
    }
    if mode == Mode::ReplacePartitions && query.settings.files.partition_by.is_empty() {
        return Err(Error::request("mode = \"replace_partitions\" is for outputs with `partition_by`")
            .with_hint("name the columns that folders are for: partition_by = [\"day\"]")
            .at(query.place_of("mode")));
    }
    let on_rewrite = match on_rewrite.as_deref() {
        Some(_) if mode == Mode::Replace => {
            return Err(Error::request("`on_rewrite` is for queries that read only what is new")
                .with_hint("leave it out, or set mode = \"append\"")
                .at(query.place_of("on_rewrite")));
        }
        None | Some("fail") => OnRewrite::Fail,
        Some("reread") if mode == Mode::ReplacePartitions => {
            return Err(Error::request("`on_rewrite = \"reread\"` is not for mode = \"replace_partitions\"")
                .with_hint("folders are computed of all of their lines, and those of a file that begins anew are gone")
                .at(query.place_of("on_rewrite")));
        }
        Some("reread") => OnRewrite::Reread,
        Some(word) => {
            return Err(Error::request(format!("unknown value `{word}`: it is `fail` or `reread`"))
                .at(query.place_of("on_rewrite")));
        }
    };
    Ok((mode, on_rewrite))
}

/// How many outputs a query keeps that it has replaced.
fn keep(query: &SavedQuery, project: &Project, mode: Mode, is_in_store: bool) -> Result<usize> {
    let asked = query.settings.increment.keep;
    if is_in_store {
        return match asked {
            None | Some(0) => Ok(0),
            Some(_) => Err(Error::request("`keep` is not for results in a store")
                .with_hint("have the bucket keep versions, or publish in a folder")
                .at(query.place_of("keep"))),
        };
    }
    match (asked, mode) {
        (Some(keep), Mode::Replace) => Ok(keep),
        (None, Mode::Replace) => Ok(project.outputs.keep),
        (None | Some(0), _) => Ok(0),
        (Some(_), mode) => Err(Error::request(format!("`keep` is not for mode = \"{}\"", mode.name()))
            .with_hint(
                "what was read would have to go back with the output, or the next run would leave it out: \
                 --full-refresh computes it from all lines",
            )
            .at(query.place_of("keep"))),
    }
}

/// Of which files a query's settings make its output.
fn shape(query: &SavedQuery, keys: &[Key]) -> Result<Shape> {
    let Files { shards, target_file_size, partition_by, .. } = &query.settings.files;
    let contradicts = |setting: &str, other: &str| {
        Err(Error::request(format!("`{setting}` and `{other}` both say of which files the output is made"))
            .with_hint("leave one of them out")
            .at(query.place_of(setting)))
    };
    let file_bytes = target_file_size.map(|bytes| bytes as u64);
    match (shards, file_bytes, partition_by.as_slice()) {
        (Some(_), Some(_), _) => contradicts("shards", "target_file_size"),
        (Some(_), None, [_, ..]) => contradicts("shards", "partition_by"),
        (Some(shards), None, []) => Ok(Shape::Shards(*shards)),
        (None, Some(bytes), []) => Ok(Shape::Sized(bytes)),
        (None, file_bytes, [_, ..]) => {
            let names: Vec<String> = keys.iter().map(|key| key.name().to_owned()).collect();
            let twice = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name));
            match twice {
                Some((_, name)) => Err(Error::request(format!("two folders would be called `{name}`"))
                    .with_hint("name one of them: \"left(id, 1) AS first\"")
                    .at(query.place_of("partition_by"))),
                None => Ok(Shape::Partitions { names, file_bytes }),
            }
        }
        (None, None, []) => Ok(Shape::File),
    }
}

/// How a query's settings have its output written.
fn writing(query: &SavedQuery, format: Format) -> Result<Writing> {
    let Files { compression, row_group_rows, .. } = &query.settings.files;
    let set = [("compression", compression.is_some()), ("row_group_rows", row_group_rows.is_some())];
    if let Some((setting, _)) = set.iter().find(|(_, is_set)| *is_set && format != Format::Parquet) {
        return Err(Error::request(format!("`{setting}` is for parquet, and the output is {format}"))
            .with_hint("leave it out, or set format = \"parquet\"")
            .at(query.place_of(setting)));
    }
    let compression = match compression {
        Some(word) => Compression::from_str(word).map_err(|error| error.at(query.place_of("compression")))?,
        None => Compression::default(),
    };
    Ok(Writing { format, compression, row_group_rows: *row_group_rows })
}

/// A file named `.gz` that holds plain lines would be refused by the next reader, so nothing is guessed here.
fn format_of(path: &Path) -> Result<Format> {
    let shown = path.display();
    Location::of(path)?;
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    Format::from_str(extension).map_err(|_| {
        Error::request(format!("the name `{shown}` does not tell a format"))
            .with_hint("end it in .json, .parquet, .csv or .arrow, or name the format too")
    })
}
