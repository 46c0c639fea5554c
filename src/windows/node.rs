//! The step of a plan that gives rows their windows.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, IntervalMonthDayNano};
use datafusion::common::{DFSchema, DFSchemaRef, Result, internal_err};
use datafusion::logical_expr::logical_plan::UserDefinedLogicalNodeCore;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};

/// Which windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Tumbling windows are hopping windows that slide by their size.
    Hopping { slide: IntervalMonthDayNano, size: IntervalMonthDayNano, offset: IntervalMonthDayNano },
    /// Sessions that a gap ends.
    Session { gap: IntervalMonthDayNano },
}

/// Gives each row the start of its window, and that of a session also its end, as columns behind its own.
///
/// **Shape**: a row comes once for each of its windows, in no order; one without an event time does not come.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WindowAssign {
    pub(super) kind: Kind,
    pub(super) event_time: Expr,
    /// Whose sessions; of other windows there are none.
    pub(super) keys: Vec<Expr>,
    pub(super) input: LogicalPlan,
    /// The name of the column of starts; that of ends is made of it.
    pub(super) column: String,
    schema: DFSchemaRef,
}

/// The name of the column of ends.
pub(super) fn end_of(column: &str) -> String {
    format!("{column}_end")
}

impl WindowAssign {
    pub(super) fn try_new(
        kind: Kind,
        event_time: Expr,
        keys: Vec<Expr>,
        input: LogicalPlan,
        column: String,
    ) -> Result<Self> {
        let time = event_time.get_type(input.schema())?;
        let mut fields: Vec<_> = input.schema().iter().map(|(q, f)| (q.cloned(), Arc::clone(f))).collect();
        let new = |name: String, time: &DataType| (None, Arc::new(Field::new(name, time.clone(), false)));
        fields.push(new(column.clone(), &time));
        if matches!(kind, Kind::Session { .. }) {
            fields.push(new(end_of(&column), &time));
        }
        let schema = Arc::new(DFSchema::new_with_metadata(fields, input.schema().metadata().clone())?);
        Ok(Self { kind, event_time, keys, input, column, schema })
    }

    fn num_input_columns(&self) -> usize {
        self.input.schema().fields().len()
    }
}

impl PartialOrd for WindowAssign {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for WindowAssign {
    fn name(&self) -> &'static str {
        "WindowAssign"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        std::iter::once(&self.event_time).chain(&self.keys).cloned().collect()
    }

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        let names = |from: usize| self.schema.fields().iter().skip(from).map(|field| field.name().clone());
        match self.kind {
            Kind::Hopping { .. } => names(self.num_input_columns()).collect(),
            // A row less can split a session; all rows of a key less cannot.
            Kind::Session { .. } => {
                let is_key = |name: &String| {
                    // The engine asks by bare names, which columns of several tables may have.
                    let is_one = names(0).filter(|other| other == name).count() == 1;
                    is_one && self.keys.iter().any(|key| matches!(key, Expr::Column(c) if c.name == *name))
                };
                names(0).filter(|name| !is_key(name)).collect()
            }
        }
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let own = self.num_input_columns();
        // What the expressions need is added by the optimizer.
        Some(vec![output_columns.iter().copied().filter(|column| *column < own).collect()])
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WindowAssign: {} of {}", self.kind, self.event_time)?;
        if !self.keys.is_empty() {
            let keys: Vec<String> = self.keys.iter().map(ToString::to_string).collect();
            write!(f, ", per {}", keys.join(", "))?;
        }
        Ok(())
    }

    fn with_exprs_and_inputs(&self, mut exprs: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        let (Some(input), false) = (inputs.pop(), exprs.is_empty()) else {
            return internal_err!("windows have an event time and an input");
        };
        let event_time = exprs.remove(0);
        Self::try_new(self.kind, event_time, exprs, input, self.column.clone())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hopping { slide, size, offset } => {
                write!(f, "windows of {}", Length(*size))?;
                if slide != size {
                    write!(f, " every {}", Length(*slide))?;
                }
                if *offset != IntervalMonthDayNano::ZERO {
                    write!(f, " from {}", Length(*offset))?;
                }
                Ok(())
            }
            Self::Session { gap } => write!(f, "sessions with gaps of {}", Length(*gap)),
        }
    }
}

/// An interval in words.
struct Length(IntervalMonthDayNano);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let IntervalMonthDayNano { months, days, nanoseconds } = self.0;
        let mut parts = Vec::new();
        if months != 0 {
            parts.push(format!("{months} mon"));
        }
        if days != 0 {
            parts.push(format!("{days} d"));
        }
        if nanoseconds != 0 || parts.is_empty() {
            parts.push(format!("{} s", nanoseconds as f64 / 1e9));
        }
        f.write_str(&parts.join(" "))
    }
}
