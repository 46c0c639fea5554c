//! What names there are, looked up beside everything else: typing never waits for it, however large the inputs are.
//!
//! It reads samples of sources whose files have changed. It decides nothing; what it has not seen yet is not offered.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, FieldRef, Fields, SchemaRef};
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::assist::{Column, Known, Table, TableKind};
use super::commands;
use super::shell::LAST;
use crate::catalog::Listed;
use crate::dialect::Definitions;
use crate::ndjson::listing::InputFile;
use crate::query;
use crate::session::{RecordBatch, Session, type_name};

/// A column with more different values than these is no choice of few.
const MAX_VALUES: usize = 24;
/// Longer texts are not offered.
const MAX_VALUE_CHARS: usize = 40;

/// Names, kept up to date in the background.
pub(super) struct Observer {
    session: Session,
    is_watching: bool,
    known: Arc<RwLock<Arc<Known>>>,
    /// What only the shell knows: its views, and values of parameters.
    told: Arc<Mutex<Told>>,
    wake: Arc<Notify>,
    work: JoinSet<()>,
}

#[derive(Debug, Clone, Default)]
struct Told {
    views: Vec<String>,
    parameters: Vec<(String, String)>,
}

/// A source as it was when it was looked at.
struct Seen {
    files: Vec<InputFile>,
    columns: Vec<Column>,
}

impl Observer {
    /// Of a session; it looks at nothing before [`Observer::start_once`], and never if nobody is watching.
    pub(super) fn new(session: &Session, is_watching: bool) -> Self {
        let known = Known {
            commands: commands::known(),
            functions: session.functions().unwrap_or_default(),
            default_table: session.catalog().project().default_source().map(|source| source.name.clone()),
            ..Known::default()
        };
        Self {
            session: session.clone(),
            is_watching,
            known: Arc::new(RwLock::new(Arc::new(known))),
            told: Arc::default(),
            wake: Arc::default(),
            work: JoinSet::new(),
        }
    }

    /// The names that are known, which others may read at any time.
    pub(super) fn known(&self) -> Arc<RwLock<Arc<Known>>> {
        Arc::clone(&self.known)
    }

    /// Starts to look, on threads of `runtime`, if it does not look yet.
    pub(super) fn start_once(&mut self, runtime: &Runtime) {
        if self.work.is_empty() {
            self.start(runtime);
        }
    }

    fn start(&mut self, runtime: &Runtime) {
        let (session, known) = (self.session.clone(), Arc::clone(&self.known));
        let (told, wake) = (Arc::clone(&self.told), Arc::clone(&self.wake));
        let task = async move {
            let mut seen = HashMap::new();
            loop {
                let now = told.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let found = look(&session, &current(&known), now, &mut seen).await;
                *known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(found);
                wake.notified().await;
            }
        };
        self.work.spawn_on(task, runtime.handle());
        self.wake.notify_one();
    }

    /// Looks at another session from now on.
    pub(super) fn rebind(&mut self, session: &Session, runtime: &Runtime) {
        self.session = session.clone();
        self.work.abort_all();
        self.work.detach_all();
        if self.is_watching {
            self.start(runtime);
        }
    }

    /// Says that there may be other names now.
    pub(super) fn look(&self, definitions: &Definitions, parameters: &[(String, String)]) {
        if !self.is_watching {
            return;
        }
        let views = definitions.views().map(str::to_owned).collect();
        let parameters = parameters.to_vec();
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Told { views, parameters };
        self.wake.notify_one();
    }
}

/// What is known now.
pub(super) fn current(known: &RwLock<Arc<Known>>) -> Arc<Known> {
    Arc::clone(&known.read().unwrap_or_else(PoisonError::into_inner))
}

async fn look(session: &Session, before: &Known, told: Told, seen: &mut HashMap<String, Seen>) -> Known {
    let mut tables = Vec::new();
    let project = session.catalog().project();
    for source in &project.sources {
        let name = &source.name;
        let Ok(listed) = session.catalog().list(name).await else { continue };
        let help = files(&listed);
        if seen.get(name).is_none_or(|seen| seen.files != listed.files) {
            let columns = match session.sample(name).await {
                Ok((schema, batch)) => columns(&schema, batch.as_ref()),
                Err(_) => Vec::new(),
            };
            seen.insert(name.clone(), Seen { files: listed.files, columns });
        }
        let columns = seen.get(name).map(|seen| seen.columns.clone()).unwrap_or_default();
        tables.push(Table::new(name.clone(), TableKind::Source, help, columns));
        let rejects = format!("lines of `{name}` that are no rows");
        tables.push(Table::new(format!("rejects.{name}"), TableKind::Rejects, rejects, Vec::new()));
    }
    for (name, schema) in session.tables().await {
        let (kind, help) = match name.as_str() {
            LAST => (TableKind::Result, "the last result"),
            _ => (TableKind::Created, "of this session"),
        };
        tables.push(Table::new(name, kind, help, columns(&schema, None)));
    }
    let view = |name: &String| Table::new(name.clone(), TableKind::View, "a view of this session", Vec::new());
    tables.extend(told.views.iter().map(view));
    let queries = project.queries().unwrap_or_default();
    let queries =
        queries.iter().filter_map(|path| query::name_of(path).ok()).map(|name| (name, "a saved query".to_owned()));
    Known {
        tables,
        default_table: project.default_source().map(|source| source.name.clone()),
        queries: queries.collect(),
        functions: before.functions.clone(),
        parameters: told.parameters,
        commands: before.commands.clone(),
    }
}

fn files(listed: &Listed) -> String {
    match listed.files.len() {
        1 => "event files: 1".to_owned(),
        count => format!("event files: {count}"),
    }
}

fn columns(schema: &SchemaRef, sample: Option<&RecordBatch>) -> Vec<Column> {
    let values = |at: usize| sample.map(|batch| few_values(batch.column(at))).unwrap_or_default();
    schema.fields().iter().enumerate().map(|(at, field)| column(field, values(at))).collect()
}

fn column(field: &FieldRef, values: Vec<String>) -> Column {
    let fields = match field.data_type() {
        DataType::Struct(fields) => inner(fields),
        _ => Vec::new(),
    };
    Column { name: field.name().clone(), data_type: type_name(field.data_type()), fields, values }
}

fn inner(fields: &Fields) -> Vec<Column> {
    fields.iter().map(|field| column(field, Vec::new())).collect()
}

/// The different texts of a column as SQL literals, in their order; none where they are many.
fn few_values(array: &dyn Array) -> Vec<String> {
    let Ok(texts) = arrow::compute::cast(array, &DataType::Utf8View) else { return Vec::new() };
    if !matches!(array.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) {
        return Vec::new();
    }
    let mut values = BTreeSet::new();
    for text in texts.as_string_view().iter().flatten() {
        values.insert(text);
        if values.len() > MAX_VALUES || text.chars().count() > MAX_VALUE_CHARS {
            return Vec::new();
        }
    }
    values.into_iter().map(|text| format!("'{}'", text.replace('\'', "''"))).collect()
}
