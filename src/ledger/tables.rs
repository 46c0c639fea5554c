//! The ledger as tables of Arrow, for questions about runs.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Float64Builder, Int64Builder, RecordBatch, StringBuilder,
    TimestampMillisecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::{open_to_read, path_of, unusable};
use crate::error::{Error, Result};

/// What a column holds.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Whole,
    Number,
    Text,
    Bytes,
    Flag,
    /// Milliseconds since 1970.
    Instant,
}

/// A table of the ledger.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    columns: &'static [(&'static str, Kind)],
    sql: &'static str,
}

/// All tables.
pub const TABLES: [Table; 5] = [
    Table {
        name: "runs",
        columns: &[
            ("run", Kind::Whole),
            ("query", Kind::Text),
            ("status", Kind::Text),
            ("started_at", Kind::Instant),
            ("finished_at", Kind::Instant),
            ("seconds", Kind::Number),
            ("rows", Kind::Whole),
            ("bytes", Kind::Whole),
            ("files", Kind::Whole),
            ("path", Kind::Text),
            ("format", Kind::Text),
            ("params", Kind::Text),
            ("sql_hash", Kind::Text),
            ("version", Kind::Text),
            ("error", Kind::Text),
            ("kept", Kind::Flag),
            ("restores", Kind::Whole),
            ("sql", Kind::Text),
            ("rejects_not_kept", Kind::Whole),
        ],
        sql: "SELECT run, query, status, started_ms, finished_ms, (finished_ms - started_ms) / 1000.0, rows, bytes, \
              (SELECT nullif(count(*), 0) FROM run_outputs WHERE run_outputs.run = runs.run), path, format, params, \
              sql_hash, version, error, run IN (SELECT run FROM kept WHERE replaced_by IS NULL), restores, \
              (SELECT text FROM texts WHERE texts.sql_hash = runs.sql_hash), rejects_not_kept FROM runs ORDER BY run",
    },
    Table {
        name: "run_sources",
        columns: &[
            ("run", Kind::Whole),
            ("source", Kind::Text),
            ("files", Kind::Whole),
            ("bytes", Kind::Whole),
            ("lines", Kind::Whole),
            ("rows", Kind::Whole),
            ("rejects", Kind::Whole),
            ("blank", Kind::Whole),
        ],
        sql: "SELECT run, source, files, bytes, lines, rows, rejects, blank FROM run_sources ORDER BY run, source",
    },
    Table {
        name: "run_inputs",
        columns: &[
            ("run", Kind::Whole),
            ("source", Kind::Text),
            ("file", Kind::Text),
            ("bytes", Kind::Whole),
            ("modified_at", Kind::Instant),
        ],
        sql: "SELECT run, source, file, bytes, modified_ns / 1000000 FROM run_inputs ORDER BY run, source, file",
    },
    Table {
        name: "run_outputs",
        columns: &[
            ("run", Kind::Whole),
            ("file", Kind::Text),
            ("rows", Kind::Whole),
            ("bytes", Kind::Whole),
            ("blake3", Kind::Text),
        ],
        sql: "SELECT run, file, rows, bytes, blake3 FROM run_outputs ORDER BY run, file",
    },
    Table {
        name: "rejects",
        columns: &[
            ("reject", Kind::Whole),
            ("query", Kind::Text),
            ("run", Kind::Whole),
            ("source", Kind::Text),
            ("file", Kind::Text),
            ("line", Kind::Whole),
            ("offset", Kind::Whole),
            ("reason", Kind::Text),
            ("detail", Kind::Text),
            ("raw", Kind::Text),
            ("bytes", Kind::Bytes),
            ("cut", Kind::Flag),
            ("replayed_by", Kind::Whole),
        ],
        // Of a run that is under way it is not known yet what it found, nor what it replays.
        sql: "SELECT reject, query, run, source, file, line, \"offset\", reason, detail, raw, rejects.bytes, cut, \
              (SELECT replayed_by WHERE replayed_by NOT IN (SELECT run FROM runs WHERE status IN ('started', 'prepared'))) \
              FROM rejects JOIN runs USING (run) WHERE status = 'committed' ORDER BY reject",
    },
];

/// The columns of a table.
fn columns(table: &Table) -> SchemaRef {
    let field = |(name, kind): &(&str, Kind)| {
        let data_type = match kind {
            Kind::Whole => DataType::Int64,
            Kind::Number => DataType::Float64,
            Kind::Text => DataType::Utf8,
            Kind::Bytes => DataType::Binary,
            Kind::Flag => DataType::Boolean,
            Kind::Instant => DataType::Timestamp(TimeUnit::Millisecond, None),
        };
        Field::new(*name, data_type, true)
    };
    Arc::new(Schema::new(table.columns.iter().map(field).collect::<Vec<_>>()))
}

/// The rows of a table in the ledger of the project at `root`; none where there is no ledger.
///
/// **Errors**: `Machine`, if it cannot be read.
pub fn read(root: &Path, table: &Table) -> Result<RecordBatch> {
    let schema = columns(table);
    let Some(db) = open_to_read(root)? else { return Ok(RecordBatch::new_empty(schema)) };
    let failed = |error| unusable(&path_of(root), error);
    let arrays = arrays(&db, table).map_err(failed)?;
    RecordBatch::try_new(schema, arrays).map_err(|error| Error::internal("the ledger is no table").with_source(error))
}

/// The columns of what a table's statement answers, in one pass: another process may write meanwhile.
fn arrays(db: &Connection, table: &Table) -> rusqlite::Result<Vec<ArrayRef>> {
    let mut builders: Vec<Builder> = table.columns.iter().map(|(_, kind)| Builder::new(*kind)).collect();
    let mut statement = db.prepare(table.sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for (at, builder) in builders.iter_mut().enumerate() {
            builder.add(row.get_ref(at)?)?;
        }
    }
    Ok(builders.into_iter().map(Builder::finish).collect())
}

/// A column on its way.
enum Builder {
    Whole(Int64Builder),
    Number(Float64Builder),
    Text(StringBuilder),
    Bytes(BinaryBuilder),
    Flag(BooleanBuilder),
    Instant(TimestampMillisecondBuilder),
}

impl Builder {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Whole => Self::Whole(Int64Builder::new()),
            Kind::Number => Self::Number(Float64Builder::new()),
            Kind::Text => Self::Text(StringBuilder::new()),
            Kind::Bytes => Self::Bytes(BinaryBuilder::new()),
            Kind::Flag => Self::Flag(BooleanBuilder::new()),
            Kind::Instant => Self::Instant(TimestampMillisecondBuilder::new()),
        }
    }

    fn add(&mut self, value: ValueRef<'_>) -> rusqlite::Result<()> {
        match self {
            Self::Whole(whole) => whole.append_option(value.as_i64_or_null()?),
            Self::Number(numbers) => numbers.append_option(value.as_f64_or_null()?),
            Self::Text(texts) => texts.append_option(match value {
                ValueRef::Text(text) => Some(String::from_utf8_lossy(text)),
                _ => None,
            }),
            Self::Bytes(bytes) => bytes.append_option(value.as_blob_or_null()?),
            Self::Flag(flags) => flags.append_option(value.as_i64_or_null()?.map(|flag| flag != 0)),
            Self::Instant(instants) => instants.append_option(value.as_i64_or_null()?),
        }
        Ok(())
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Whole(mut whole) => Arc::new(whole.finish()),
            Self::Number(mut numbers) => Arc::new(numbers.finish()),
            Self::Text(mut texts) => Arc::new(texts.finish()),
            Self::Bytes(mut bytes) => Arc::new(bytes.finish()),
            Self::Flag(mut flags) => Arc::new(flags.finish()),
            Self::Instant(mut instants) => Arc::new(instants.finish()),
        }
    }
}
