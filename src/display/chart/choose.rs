//! Which kind of chart a result gets, and of which columns, by their types.
//!
//! It sees the schema and the request, never a value.

use arrow::datatypes::{DataType, Schema};

use super::request::{Kind, Request, USAGE};
use crate::error::{Error, Result};
use crate::suggest;

/// Columns that are drawn where none were named: more lines than this are not told apart.
const DRAWN: usize = 8;

/// What a column can be in a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Has a size.
    Number,
    /// Has a place in time.
    Moment,
    /// Names things.
    Name,
    /// Is nothing that a chart shows: lists, objects, bytes.
    Other,
}

/// Kind and columns, by their index in the schema.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub kind: Kind,
    pub x: usize,
    /// None for a histogram, and for bars of how many rows have each value.
    pub ys: Vec<usize>,
    /// The columns of names beside x: their values part the rows into series, or stand in the name of a bar.
    pub by: Vec<usize>,
    /// How many number columns are not drawn although none were named.
    pub undrawn: usize,
}

/// The role of a column of a type.
pub(super) fn role(data_type: &DataType) -> Role {
    match data_type {
        DataType::Dictionary(_, values) => role(values),
        DataType::RunEndEncoded(_, values) => role(values.data_type()),
        DataType::Duration(_) => Role::Number,
        number if number.is_numeric() => Role::Number,
        DataType::Timestamp(_, _) | DataType::Date32 | DataType::Date64 | DataType::Time32(_) | DataType::Time64(_) => {
            Role::Moment
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Boolean => Role::Name,
        _ => Role::Other,
    }
}

/// The plan for what was asked of a result of these columns.
pub(super) fn plan(schema: &Schema, request: &Request) -> Result<Plan> {
    let columns = Columns { schema, roles: schema.fields().iter().map(|field| role(field.data_type())).collect() };
    let named = request.x.as_deref().map(|name| columns.find(name)).transpose()?;
    let ys = request.y.iter().map(|name| columns.find(name)).collect::<Result<Vec<_>>>()?;
    // Without an x, the first of the others is all there is to begin with.
    let (named, ys) = match named {
        None if !ys.is_empty() && request.kind == Some(Kind::Histogram) => (Some(ys[0]), ys[1..].to_vec()),
        named => (named, ys),
    };
    let kind = match request.kind {
        Some(kind) => kind,
        None => columns.kind(named, &ys)?,
    };
    columns.plan(kind, named, ys)
}

struct Columns<'a> {
    schema: &'a Schema,
    roles: Vec<Role>,
}

impl Columns<'_> {
    /// The column of a name; case counts only where it must.
    fn find(&self, name: &str) -> Result<usize> {
        let fields = self.schema.fields();
        let alike = |index: &usize| fields[*index].name().to_lowercase() == name.to_lowercase();
        let exact = (0..fields.len()).find(|index| fields[*index].name() == name);
        exact.or_else(|| (0..fields.len()).find(alike)).ok_or_else(|| {
            let names = fields.iter().map(|field| field.name().as_str());
            let kind = suggest::nearest(name, Kind::ALL.map(Kind::name));
            let hint = match kind {
                Some(kind) => Some(format!("did you mean the kind `{kind}`?")),
                None => suggest::hint("columns", name, names),
            };
            Error::request(format!("the result has no column `{name}`")).with_hint_if(hint)
        })
    }

    fn name(&self, column: usize) -> &str {
        self.schema.field(column).name()
    }

    fn first(&self, role: Role) -> Option<usize> {
        self.roles.iter().position(|found| *found == role)
    }

    fn numbers(&self, except: Option<usize>) -> Vec<usize> {
        (0..self.roles.len()).filter(|at| self.roles[*at] == Role::Number && Some(*at) != except).collect()
    }

    /// The kind that fits the columns that were named, or all of them.
    fn kind(&self, x: Option<usize>, ys: &[usize]) -> Result<Kind> {
        let Some(x) = x.or_else(|| (!ys.is_empty()).then(|| self.along(ys)).flatten()) else {
            return self.kind_of_all();
        };
        Ok(match self.roles[x] {
            Role::Name | Role::Other => Kind::Bar,
            // One column that was named is shown by itself.
            Role::Number if ys.is_empty() => Kind::Histogram,
            Role::Number => Kind::Scatter,
            Role::Moment if ys.is_empty() && self.numbers(None).is_empty() => Kind::Histogram,
            Role::Moment => Kind::Line,
        })
    }

    fn kind_of_all(&self) -> Result<Kind> {
        let (numbers, moment) = (self.numbers(None).len(), self.first(Role::Moment).is_some());
        match (moment, self.first(Role::Name).is_some(), numbers) {
            (true, _, 1..) => Ok(Kind::Line),
            (false, true, _) => Ok(Kind::Bar),
            (false, false, 2..) => Ok(Kind::Scatter),
            (_, _, 1) | (true, false, 0) => Ok(Kind::Histogram),
            (true, true, 0) => Ok(Kind::Bar),
            (false, false, 0) => Err(Error::request("the result has no column that a chart can show")
                .with_hint("select a number, a time or a text; a field of an object is selected by its path, as a.b")),
        }
    }

    /// The column along the chart where only those over it were named.
    fn along(&self, ys: &[usize]) -> Option<usize> {
        let among = |role| (0..self.roles.len()).find(|at| self.roles[*at] == role && !ys.contains(at));
        among(Role::Moment).or_else(|| among(Role::Name)).or_else(|| among(Role::Number))
    }

    fn plan(&self, kind: Kind, named: Option<usize>, ys: Vec<usize>) -> Result<Plan> {
        if self.roles.is_empty() {
            return Err(Error::request("the result has no columns, so there is nothing to draw"));
        }
        let x = match named.or_else(|| self.x_of(kind, &ys)) {
            Some(x) => x,
            None => return Err(self.missing(kind)),
        };
        self.check_x(kind, x)?;
        let chosen = ys.is_empty();
        let mut ys = match kind {
            Kind::Histogram => self.check_alone(ys)?,
            _ if chosen => self.numbers(Some(x)),
            _ => self.check_numbers(ys)?,
        };
        if ys.is_empty() && matches!(kind, Kind::Line | Kind::Scatter) {
            return Err(self.missing(kind));
        }
        let undrawn = if chosen { ys.len().saturating_sub(DRAWN) } else { 0 };
        ys.truncate(ys.len() - undrawn);
        let parts = match kind {
            Kind::Bar => named.is_none() && !ys.is_empty(),
            Kind::Line | Kind::Scatter => ys.len() == 1,
            Kind::Histogram => false,
        };
        let names = (0..self.roles.len()).filter(|at| parts && self.roles[*at] == Role::Name && *at != x);
        let by = names.collect();
        Ok(Plan { kind, x, ys, by, undrawn })
    }

    /// The column along a chart of a kind, where it was not named.
    fn x_of(&self, kind: Kind, ys: &[usize]) -> Option<usize> {
        let roles: &[Role] = match kind {
            Kind::Bar => &[Role::Name, Role::Moment, Role::Number],
            Kind::Line => &[Role::Moment, Role::Number],
            Kind::Histogram => &[Role::Number, Role::Moment],
            // The first number is x, whatever else there is.
            Kind::Scatter if ys.is_empty() && self.numbers(None).len() > 1 => &[Role::Number],
            Kind::Scatter => &[Role::Moment, Role::Number],
        };
        let among = |role: &Role| (0..self.roles.len()).find(|at| self.roles[*at] == *role && !ys.contains(at));
        roles.iter().find_map(among)
    }

    fn missing(&self, kind: Kind) -> Error {
        let needs = match kind {
            Kind::Line => "a line needs a time or a number along it, and another number",
            Kind::Scatter => "a scatter needs two columns of numbers, or a time and a number",
            Kind::Histogram => "a histogram needs a number or a time",
            Kind::Bar => "bars need a column to name them",
        };
        let columns: Vec<String> = self.schema.fields().iter().map(|field| format!("`{}`", field.name())).collect();
        Error::request(format!("{needs}; the result has {}", columns.join(", "))).with_hint(USAGE)
    }

    fn check_x(&self, kind: Kind, x: usize) -> Result<()> {
        let fits = kind == Kind::Bar || matches!(self.roles[x], Role::Number | Role::Moment);
        if fits {
            return Ok(());
        }
        let message = format!("`{}` is neither a number nor a time, so no {kind} goes along it", self.name(x));
        Err(Error::request(message).with_hint(format!("\\chart bar {} draws bars", self.name(x))))
    }

    fn check_numbers(&self, ys: Vec<usize>) -> Result<Vec<usize>> {
        match ys.iter().find(|y| self.roles[**y] != Role::Number) {
            None => Ok(ys),
            Some(y) => {
                let numbers = self.numbers(None);
                let names: Vec<String> = numbers.iter().map(|at| format!("`{}`", self.name(*at))).collect();
                let hint = (!names.is_empty()).then(|| format!("columns of numbers are {}", names.join(", ")));
                let message = format!("`{}` is no number, so it cannot be drawn over another column", self.name(*y));
                Err(Error::request(message).with_hint_if(hint))
            }
        }
    }

    fn check_alone(&self, ys: Vec<usize>) -> Result<Vec<usize>> {
        match ys.first() {
            None => Ok(ys),
            Some(y) => {
                Err(Error::request(format!("a histogram shows one column, and `{}` is a second", self.name(*y)))
                    .with_hint("leave it out, or draw both: \\chart scatter X Y"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{Field, TimeUnit};

    use super::*;

    /// Columns are named by what they are: `t1` is a time, `n1` a number, `s1` a text, `l1` a list.
    fn schema(columns: &str) -> Schema {
        let field = |name: &str| {
            let data_type = match &name[..1] {
                "t" => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
                "n" => DataType::Decimal128(10, 2),
                "s" => DataType::Utf8View,
                _ => DataType::new_list(DataType::Int64, true),
            };
            Field::new(name, data_type, true)
        };
        Schema::new(columns.split_whitespace().map(field).collect::<Vec<_>>())
    }

    fn planned(columns: &str, words: &str) -> Result<String> {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        let schema = schema(columns);
        let plan = plan(&schema, &Request::parse(&words)?)?;
        let name = |at: &usize| schema.field(*at).name().as_str();
        let ys: Vec<&str> = plan.ys.iter().map(name).collect();
        let by: Vec<&str> = plan.by.iter().map(name).collect();
        let by = if by.is_empty() { String::new() } else { format!(" by {}", by.join(" ")) };
        Ok(format!("{} {}: {}{by}", plan.kind, name(&plan.x), ys.join(" ")))
    }

    fn check(columns: &str, words: &str, expected: &str) {
        assert_eq!(planned(columns, words).unwrap(), expected);
    }

    fn refused(columns: &str, words: &str, message: &str, hint: &str) {
        let error = planned(columns, words).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(error.problem().unwrap().hint.as_deref(), Some(hint));
    }

    #[test]
    fn the_types_of_the_columns_choose() {
        check("t1 n1", "", "line t1: n1");
        check("n1 t1 n2", "", "line t1: n1 n2");
        check("t1 s1 n1", "", "line t1: n1 by s1");
        check("s1 n1 n2", "", "bar s1: n1 n2");
        check("s1 n1 s2", "", "bar s1: n1 by s2");
        check("s1 s2", "", "bar s1: ");
        check("s1", "", "bar s1: ");
        check("l1 s1", "", "bar s1: ");
        check("n1", "", "histogram n1: ");
        check("t1", "", "histogram t1: ");
        check("t1 s1", "", "bar s1: ");
        check("n1 n2 n3", "", "scatter n1: n2 n3");
    }

    #[test]
    fn what_was_named_is_taken() {
        check("t1 n1 n2", "t1 n2", "line t1: n2");
        check("t1 n1 n2", "n2", "histogram n2: ");
        check("t1 n1 n2", "n2 n1", "scatter n2: n1");
        check("t1 s1 n1", "S1", "bar s1: n1");
        check("t1 s1 n1", "scatter", "scatter t1: n1 by s1");
        check("t1 n1 n2", "scatter", "scatter n1: n2");
        check("n1 n2", "line", "line n1: n2");
        check("n1 n2", "histogram", "histogram n1: ");
        check("t1 n1", "bar", "bar t1: n1");
    }

    #[test]
    fn columns_over_an_x_that_was_not_named_find_one() {
        let request = Request { y: vec!["n1".into()], ..Request::default() };
        let planned = plan(&schema("n1 t1"), &request).unwrap();
        assert_eq!(planned, Plan { kind: Kind::Line, x: 1, ys: vec![0], by: vec![], undrawn: 0 });
        let request = Request { kind: Some(Kind::Histogram), ..request };
        assert_eq!(plan(&schema("n2 n1"), &request).unwrap().x, 1);
    }

    #[test]
    fn more_columns_than_are_told_apart_are_counted() {
        let planned = plan(&schema("t1 n1 n2 n3 n4 n5 n6 n7 n8 n9"), &Request::default()).unwrap();
        assert_eq!((planned.ys.len(), planned.undrawn), (8, 1));
    }

    #[test]
    fn what_does_not_fit_is_told_with_what_does() {
        refused("s1 n1", "histgram", "the result has no column `histgram`", "did you mean the kind `histogram`?");
        refused("s1 n1", "q", "the result has no column `q`", "columns are `s1`, `n1`");
        refused(
            "s1 n1",
            "line s1",
            "`s1` is neither a number nor a time, so no line goes along it",
            "\\chart bar s1 draws bars",
        );
        refused(
            "s1 n1",
            "n1 s1",
            "`s1` is no number, so it cannot be drawn over another column",
            "columns of numbers are `n1`",
        );
        refused(
            "n1",
            "line",
            "a line needs a time or a number along it, and another number; the result has `n1`",
            USAGE,
        );
        refused(
            "n1 n2",
            "histogram n1 n2",
            "a histogram shows one column, and `n2` is a second",
            "leave it out, or draw both: \\chart scatter X Y",
        );
        refused(
            "l1",
            "",
            "the result has no column that a chart can show",
            "select a number, a time or a text; a field of an object is selected by its path, as a.b",
        );
    }
}
