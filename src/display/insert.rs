//! Rows as `INSERT` statements, one each, in literals that the engine reads back as the same values.
//!
//! Columns are named in quotes, which is never wrong. Decimals are cast from their text: a bare `1.50` is a double to the
//! engine. It knows nothing of the table that is inserted into.

use arrow::array::{Array, ArrayRef, AsArray, ListLikeArray, MapArray, RecordBatch, StructArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::util::display::{ArrayFormatter, DurationFormat, FormatOptions};

use super::layout::Layout;
use super::rows::Look;
use crate::error::{Error, Result};
use crate::sink::{Recast, Texts, check_text};

/// A result as statements.
pub(super) struct Insert {
    recast: Recast,
    /// What stands before the values of a row.
    before: String,
}

impl Insert {
    pub(super) fn new(schema: &SchemaRef, layout: &Layout) -> Result<Self> {
        check_text(schema, "INSERT")?;
        let names: Vec<String> = schema.fields().iter().map(|field| quote(field.name(), '"')).collect();
        let before = format!("INSERT INTO {} ({}) VALUES (", layout.table_name, names.join(", "));
        Ok(Self { recast: Recast::plain(schema), before })
    }
}

impl Look for Insert {
    fn push(&mut self, batch: &RecordBatch) -> Result<String> {
        if batch.num_columns() == 0 {
            return Err(Error::sql("the result has no columns, and INSERT needs some"));
        }
        let batch = self.recast.apply(batch)?;
        let fields = self.recast.schema().fields().iter().zip(batch.columns());
        let columns: Vec<Literals<'_>> =
            fields.map(|(field, array)| Literals::new(array.as_ref(), field.name())).collect::<Result<_>>()?;
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            text.push_str(&self.before);
            separated(&columns, &mut text, |column, text| column.write(row, text))?;
            text.push_str(");\n");
        }
        Ok(text)
    }

    fn finish(&mut self) -> Result<String> {
        Ok(String::new())
    }
}

/// `text` between quotes.
fn quote(text: &str, mark: char) -> String {
    let doubled = text.replace(mark, &format!("{mark}{mark}"));
    format!("{mark}{doubled}{mark}")
}

/// Writes `items` with commas between them.
fn separated<T>(
    items: impl IntoIterator<Item = T>,
    text: &mut String,
    mut write: impl FnMut(T, &mut String) -> Result<()>,
) -> Result<()> {
    for (position, item) in items.into_iter().enumerate() {
        text.push_str(if position == 0 { "" } else { ", " });
        write(item, text)?;
    }
    Ok(())
}

type Put<'a> = Box<dyn Fn(usize, &mut String) -> Result<()> + 'a>;

/// The values of one array as literals.
struct Literals<'a> {
    nulls: Option<NullBuffer>,
    put: Put<'a>,
}

impl<'a> Literals<'a> {
    fn new(array: &'a dyn Array, name: &str) -> Result<Self> {
        Ok(Self { nulls: array.logical_nulls(), put: put(array, name)? })
    }

    fn write(&self, row: usize, text: &mut String) -> Result<()> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            text.push_str("NULL");
            return Ok(());
        }
        (self.put)(row, text)
    }
}

fn put<'a>(array: &'a dyn Array, name: &str) -> Result<Put<'a>> {
    let texts = |before: &str, after: &str| {
        let (texts, before, after) = (Texts::new(array, name)?, before.to_owned(), after.to_owned());
        Ok(Box::new(move |row, text: &mut String| {
            let value = quote(&text_of(&texts, row)?, '\'');
            text.extend([before.as_str(), &value, &after]);
            Ok(())
        }) as Put<'a>)
    };
    match array.data_type() {
        data_type if data_type.is_integer() => bare(array, name),
        DataType::Boolean => bare(array, name),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => float(array, name),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => {
            // Digits that a negative scale leaves out are in the text.
            let precision = i16::from(*precision) - i16::from(*scale).min(0);
            texts("CAST(", &format!(" AS DECIMAL({precision}, {}))", scale.max(&0)))
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => texts("", ""),
        data_type if data_type.is_binary() => texts("X", ""),
        DataType::Date32 => texts("DATE ", ""),
        DataType::Date64 | DataType::Timestamp(_, None) => texts("TIMESTAMP ", ""),
        // `TIMESTAMP WITH TIME ZONE` is one without to the engine.
        data_type @ DataType::Timestamp(_, Some(_)) => {
            texts("arrow_cast(", &format!(", {})", quote(&data_type.to_string(), '\'')))
        }
        DataType::Time32(_) | DataType::Time64(_) => texts("TIME ", ""),
        DataType::Duration(_) | DataType::Interval(_) => interval(array, name),
        _ => nested(array, name),
    }
}

fn text_of(texts: &Texts<'_>, row: usize) -> Result<String> {
    let mut bytes = Vec::new();
    texts.write(row, &mut bytes)?;
    String::from_utf8(bytes).map_err(|error| Error::internal("a value is not UTF-8").with_source(error))
}

/// Integers and truth values.
fn bare<'a>(array: &'a dyn Array, name: &str) -> Result<Put<'a>> {
    let texts = Texts::new(array, name)?;
    Ok(Box::new(move |row, text| {
        text.push_str(&text_of(&texts, row)?);
        Ok(())
    }))
}

/// SQL has no digits for NaN and infinities.
fn float<'a>(array: &'a dyn Array, name: &str) -> Result<Put<'a>> {
    let texts = Texts::new(array, name)?;
    Ok(Box::new(move |row, text| {
        let value = text_of(&texts, row)?;
        let is_digits = value.ends_with(|last: char| last.is_ascii_digit());
        text.push_str(&if is_digits { value } else { format!("CAST('{value}' AS DOUBLE)") });
        Ok(())
    }))
}

/// ISO 8601 has text for intervals that the engine does not read; it reads what Arrow writes.
fn interval<'a>(array: &'a dyn Array, name: &str) -> Result<Put<'a>> {
    const OPTIONS: FormatOptions<'static> = FormatOptions::new().with_duration_format(DurationFormat::Pretty);
    let no_text = |error| Error::internal(format!("column `{name}` has no literals")).with_source(error);
    let values = ArrayFormatter::try_new(array, &OPTIONS).map_err(no_text)?;
    Ok(Box::new(move |row, text| {
        let value = values.value(row).try_to_string();
        let value = value.map_err(|error| Error::internal("an interval has no literal").with_source(error))?;
        text.push_str(&format!("INTERVAL '{value}'"));
        Ok(())
    }))
}

fn nested<'a>(array: &'a dyn Array, name: &str) -> Result<Put<'a>> {
    match array.data_type() {
        DataType::Null => Ok(Box::new(|_, _| Ok(()))),
        DataType::List(_) => list(array.as_list::<i32>(), name),
        DataType::LargeList(_) => list(array.as_list::<i64>(), name),
        DataType::ListView(_) => list(array.as_list_view::<i32>(), name),
        DataType::LargeListView(_) => list(array.as_list_view::<i64>(), name),
        DataType::FixedSizeList(..) => list(array.as_fixed_size_list(), name),
        DataType::Struct(_) => object(array.as_struct(), name),
        DataType::Map(..) => map(array.as_map(), name),
        other => Err(Error::sql(format!("column `{name}` has type {other}, of which SQL has no literals"))
            .with_hint("leave it out, or cast it to another type")),
    }
}

fn list<'a>(array: &'a impl ListLikeArray, name: &str) -> Result<Put<'a>> {
    let items = Literals::new(array.values().as_ref(), name)?;
    Ok(Box::new(move |row, text| call("make_array", array.element_range(row), &items, text)))
}

fn map<'a>(array: &'a MapArray, name: &str) -> Result<Put<'a>> {
    let keys = Literals::new(array.keys().as_ref(), name)?;
    let values = Literals::new(array.values().as_ref(), name)?;
    let ends = array.value_offsets();
    Ok(Box::new(move |row, text| {
        let entries = ends[row] as usize..ends[row + 1] as usize;
        text.push_str("map(");
        call("make_array", entries.clone(), &keys, text)?;
        text.push_str(", ");
        call("make_array", entries, &values, text)?;
        text.push(')');
        Ok(())
    }))
}

fn call(function: &str, rows: std::ops::Range<usize>, of: &Literals<'_>, text: &mut String) -> Result<()> {
    text.push_str(function);
    text.push('(');
    separated(rows, text, |row, text| of.write(row, text))?;
    text.push(')');
    Ok(())
}

fn object<'a>(array: &'a StructArray, name: &str) -> Result<Put<'a>> {
    if array.fields().is_empty() {
        return Err(Error::sql(format!("column `{name}` is an object without fields, of which SQL has no literals"))
            .with_hint("leave it out"));
    }
    let member = |(field, column): (&arrow::datatypes::FieldRef, &'a ArrayRef)| {
        Ok((quote(field.name(), '\''), Literals::new(column.as_ref(), name)?))
    };
    let members: Vec<(String, Literals<'a>)> =
        array.fields().iter().zip(array.columns()).map(member).collect::<Result<_>>()?;
    Ok(Box::new(move |row, text| {
        text.push_str("named_struct(");
        separated(&members, text, |(key, values), text| {
            text.push_str(key);
            text.push_str(", ");
            values.write(row, text)
        })?;
        text.push(')');
        Ok(())
    }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::StreamExt;
    use proptest::prelude::*;

    use super::super::cell::Cells;
    use super::super::mode::Mode;
    use super::super::testing::{KINDS, batch, batches, column, integers, shown, texts};
    use super::*;
    use crate::catalog::Look;
    use crate::dialect::Script;
    use crate::ndjson::survey::Watch;
    use crate::project::Project;
    use crate::session::{Access, Session};

    fn insert(rows: &RecordBatch) -> Result<String> {
        shown(Mode::Insert, Layout::default(), std::slice::from_ref(rows))
    }

    #[test]
    fn a_row_is_a_statement() {
        let rows = batch([
            ("id", integers([1, 2])),
            ("na\"me", texts([Some("it's"), None])),
            ("at", column(6, &[Some((1_500, String::new())), None])),
            ("price", column(5, &[Some((1_500, String::new())), None])),
            ("list", column(13, &[Some((2, "x".into())), Some((0, "x".into()))])),
            ("object", column(14, &[Some((1, "x".into())), None])),
        ]);
        let before = r#"INSERT INTO result ("id", "na""me", "at", "price", "list", "object") VALUES ("#;
        let first = "1, 'it''s', TIMESTAMP '1970-01-01T00:00:01.500', CAST('1.500' AS DECIMAL(24, 3)), \
                     make_array('x', NULL), named_struct('a', 1, 'b \"''', 'x'));\n";
        let second = "2, NULL, NULL, NULL, make_array(), NULL);\n";
        assert_eq!(insert(&rows).unwrap(), format!("{before}{first}{before}{second}"));
    }

    #[test]
    fn what_has_no_literal_is_an_error() {
        let error = insert(&batch([("a", column(0, &[None]))])).unwrap_err();
        assert_eq!(error.to_string(), "column `a` is a union, which INSERT cannot hold");
    }

    /// The engine, and its thread.
    struct Engine(Session, tokio::runtime::Runtime);

    impl Engine {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            // Nothing is read: the folder need not stay.
            let project = Project::discover(folder.path()).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            Self(Session::new(Arc::new(project), Access::ReadOnly).unwrap(), runtime)
        }

        fn ask(&self, sql: &str) -> Vec<RecordBatch> {
            let Self(session, runtime) = self;
            let script = Script { name: "test".into(), text: sql.into() };
            let statement = script.parse().unwrap().remove(0);
            let work = async {
                let planned = session.plan(&script, &statement, Look::Whole, &Arc::<Watch>::default()).await?;
                let running = session.start(planned).await?;
                running.batches.collect::<Vec<_>>().await.into_iter().collect::<Result<_>>()
            };
            runtime.block_on(work).unwrap_or_else(|error: Error| panic!("{sql}: {}", error.chain()))
        }
    }

    fn values(rows: &RecordBatch) -> Vec<Vec<String>> {
        let cells = Cells::new(&rows.schema()).rows(rows, "NULL", None).unwrap();
        cells.into_iter().map(|row| row.into_iter().map(|cell| cell.text).collect()).collect()
    }

    fn check(engine: &Engine, rows: &RecordBatch) {
        for row in 0..rows.num_rows() {
            let row = rows.slice(row, 1);
            let statement = insert(&row).unwrap();
            let (_, literals) = statement.split_once(") VALUES (").unwrap();
            let sql = format!("SELECT * FROM (VALUES ({})", literals.trim_end().trim_end_matches(';'));
            let found: Vec<_> = engine.ask(&sql).iter().flat_map(values).collect();
            assert_eq!(found, values(&row), "{sql}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_engine_reads_the_same_values(batches in batches((1..KINDS).collect())) {
            let engine = Engine::new();
            batches.iter().for_each(|rows| check(&engine, rows));
        }
    }
}
