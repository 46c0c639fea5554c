//! What of a file's columns is read: whole columns, or only some fields of a struct.
//!
//! `commit['operation']` needs that field and nothing else of `commit`. Found by looking at the expressions that a scan
//! computes and filters by; it evaluates nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};

use super::layout::{Layout, Reading};

/// How much of a value is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Need {
    Whole,
    /// Only these fields; what is no struct counts as whole.
    Fields(BTreeMap<String, Need>),
}

/// What is needed, by column.
pub(super) type Needs = BTreeMap<usize, Need>;

/// What `exprs` need of columns that are numbered as those of `layout`; those behind it are no values of lines.
pub(super) fn of<'a>(exprs: impl Iterator<Item = &'a Arc<dyn PhysicalExpr>>, layout: &Layout) -> Needs {
    let mut needs = Needs::new();
    exprs.for_each(|expr| look(expr, layout, &mut needs));
    needs
}

/// Recurses as deep as the expression is, which the dialect bounds.
fn look(expr: &Arc<dyn PhysicalExpr>, layout: &Layout, needs: &mut Needs) {
    match path_of(expr) {
        Some((column, path)) => {
            let whole = Need::Fields(BTreeMap::new());
            let reading = layout.fields().get(column).map(|(_, reading)| reading);
            needs.entry(column).or_insert(whole).add(&path, reading);
        }
        None => expr.children().into_iter().for_each(|child| look(child, layout, needs)),
    }
}

impl Need {
    /// The types of what is needed of the value at `path`.
    pub(super) fn types(&self, path: &str, reading: &Reading, types: &mut BTreeMap<String, String>) {
        let Reading::Struct(inside) = reading else {
            types.insert(path.to_owned(), reading.name());
            return;
        };
        for (name, reading) in inside.fields() {
            let path = format!("{path}.{name}");
            match self {
                Self::Whole => self.types(&path, reading, types),
                Self::Fields(fields) => fields.get(name).into_iter().for_each(|need| need.types(&path, reading, types)),
            }
        }
    }

    fn add(&mut self, path: &[String], reading: Option<&Reading>) {
        let Self::Fields(fields) = self else { return };
        let (Some((name, rest)), Some(Reading::Struct(inside))) = (path.split_first(), reading) else {
            *self = Self::Whole;
            return;
        };
        let reading = inside.fields().iter().find(|(field, _)| field == name).map(|(_, reading)| reading);
        fields.entry(name.clone()).or_insert(Self::Fields(BTreeMap::new())).add(rest, reading);
    }
}

/// The column that `expr` is, or is a field of, and the names that lead to the field.
fn path_of(expr: &Arc<dyn PhysicalExpr>) -> Option<(usize, Vec<String>)> {
    if let Some(column) = expr.downcast_ref::<Column>() {
        return Some((column.index(), Vec::new()));
    }
    let function = expr.downcast_ref::<ScalarFunctionExpr>().filter(|function| function.name() == "get_field")?;
    let (base, names) = function.args().split_first()?;
    let (column, mut path) = path_of(base)?;
    for name in names {
        match name.downcast_ref::<Literal>()?.value() {
            ScalarValue::Utf8(Some(name)) | ScalarValue::Utf8View(Some(name)) => path.push(name.clone()),
            _ => return None,
        }
    }
    Some((column, path))
}
