//! Where a value stands that a statement failed on: a row of an event file that has it.
//!
//! The engine tells the value, and the statement which expressions may have met it. Each of them is asked for once more, as
//! a statement of its own over the one table that its columns are of; where there are several tables, nothing is looked for.

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::arrow::error::ArrowError;
use datafusion::common::DataFusionError;
use datafusion::physical_plan::collect;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType as SqlType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    Query, Select, SetExpr, Statement as Sql, Value, Visitor,
};

use super::{Session, engine, failure};
use crate::catalog::Look;
use crate::dialect::{self, Script};
use crate::ndjson::survey::Watch;

/// How many expressions are looked into.
const TRIED: usize = 4;

/// What is asked, with the table and the condition put in their places.
const TEMPLATE: &str = "SELECT _file, _offset FROM t WHERE true LIMIT 1";

/// A row that has such a value: its file, and the offset of its line.
pub(super) async fn find(session: &Session, statement: &Statement, error: &DataFusionError) -> Option<(String, i64)> {
    let culprit = Culprit::of(error)?;
    for question in questions(statement, &culprit).into_iter().take(TRIED) {
        if let Some(found) = ask(session, question).await {
            return Some(found);
        }
    }
    None
}

async fn ask(session: &Session, question: Statement) -> Option<(String, i64)> {
    let script = Script { name: "example".to_owned(), text: question.to_string() };
    let planned = session.plan(&script, &question, Look::Whole, &Arc::<Watch>::default()).await.ok()?;
    let frame = session.engine.execute_logical_plan(planned.plan).await.ok()?;
    let plan = engine::physical(frame).await.ok()?;
    let batches = collect(plan, session.engine.task_ctx()).await.ok()?;
    let batch = batches.iter().find(|batch| batch.num_rows() > 0)?;
    let file = datafusion::arrow::compute::cast(batch.column(0), &DataType::Utf8).ok()?;
    let offset = datafusion::arrow::compute::cast(batch.column(1), &DataType::Int64).ok()?;
    Some((file.as_string::<i32>().value(0).to_owned(), offset.as_primitive::<Int64Type>().value(0)))
}

/// What an expression met, as the engine says.
enum Culprit {
    /// Nothing to divide by.
    Zero,
    /// A value that is none of a type.
    Cast(String),
    /// Two numbers, and what was done with them.
    Overflow(String, String, String),
}

impl Culprit {
    fn of(error: &DataFusionError) -> Option<Self> {
        let of_cast = |message: &str| failure::value_of_cast(message).map(|(value, _)| Self::Cast(value.to_owned()));
        let error = match error.find_root() {
            DataFusionError::ArrowError(error, _) => error,
            DataFusionError::Execution(message) => return of_cast(message),
            _ => return None,
        };
        match error.as_ref() {
            ArrowError::DivideByZero => Some(Self::Zero),
            ArrowError::CastError(message) | ArrowError::ParseError(message) => of_cast(message),
            ArrowError::ArithmeticOverflow(message) => {
                let parts: Vec<&str> = message.strip_prefix("Overflow happened on: ")?.split(' ').collect();
                let [left, operator, right] = parts.as_slice() else { return None };
                Some(Self::Overflow((*left).to_owned(), (*operator).to_owned(), (*right).to_owned()))
            }
            _ => None,
        }
    }

    /// What is so of the rows where `expr` meets it, if it may.
    fn condition(&self, expr: &Expr) -> Option<Expr> {
        let text = |expr: &Expr| Expr::Cast {
            kind: CastKind::Cast,
            expr: Box::new(expr.clone()),
            data_type: SqlType::Varchar(None),
            array: false,
            format: None,
        };
        let equals = |expr: Expr, value: Value| Expr::BinaryOp {
            left: Box::new(expr),
            op: BinaryOperator::Eq,
            right: Box::new(Expr::Value(value.into())),
        };
        let is = |expr: &Expr, value: &str| equals(text(expr), Value::SingleQuotedString(value.to_owned()));
        match (self, expr) {
            (Self::Zero, Expr::BinaryOp { op: BinaryOperator::Divide | BinaryOperator::Modulo, right, .. }) => {
                Some(equals(Expr::Nested(right.clone()), Value::Number("0".to_owned(), false)))
            }
            (Self::Cast(value), Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr, .. }) => {
                Some(is(expr, value))
            }
            // What takes texts: `to_timestamp(t)`, `date_trunc('hour', t)`.
            (Self::Cast(value), Expr::Function(Function { args: FunctionArguments::List(list), .. })) => {
                let columns = list.args.iter().filter_map(|arg| match arg {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(
                        column @ (Expr::Identifier(_) | Expr::CompoundIdentifier(_)),
                    )) => Some(is(column, value)),
                    _ => None,
                });
                columns.reduce(|one, other| joined(one, BinaryOperator::Or, other))
            }
            (Self::Overflow(a, operator, b), Expr::BinaryOp { left, op, right }) if op.to_string() == *operator => {
                Some(joined(is(left, a), BinaryOperator::And, is(right, b)))
            }
            _ => None,
        }
    }
}

fn joined(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

/// The statements that find such rows, one for each expression that may have met the culprit.
fn questions(statement: &Statement, culprit: &Culprit) -> Vec<Statement> {
    let Statement::Statement(sql) = statement else { return Vec::new() };
    let mut finder = Finder { culprit, tables: Vec::new(), questions: Vec::new() };
    let _ = dialect::walk(sql.as_ref(), &mut finder);
    finder.questions
}

struct Finder<'a> {
    culprit: &'a Culprit,
    /// The FROM of each SELECT that an expression stands in, if that is one table.
    tables: Vec<Option<Select>>,
    questions: Vec<Statement>,
}

impl Visitor for Finder<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let is_one = select.from.len() == 1 && select.from.iter().all(|from| from.joins.is_empty());
        self.tables.push(is_one.then(|| select.clone()));
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _: &Select) -> ControlFlow<()> {
        self.tables.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let Some(Some(select)) = self.tables.last() else { return ControlFlow::Continue(()) };
        if let Some(condition) = self.culprit.condition(expr) {
            // Rows that the statement does not read did not fail it, unless it failed on the way to know.
            let condition = match &select.selection {
                Some(read) if !stands_in(expr, read) => {
                    joined(nested(read.clone()), BinaryOperator::And, nested(condition))
                }
                _ => condition,
            };
            self.questions.extend(question(select, condition));
        }
        if self.questions.len() < TRIED { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

fn nested(expr: Expr) -> Expr {
    Expr::Nested(Box::new(expr))
}

fn stands_in(expr: &Expr, within: &Expr) -> bool {
    let is_it = |found: &Expr| if found == expr { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    dialect::walk_expressions(within, is_it).is_break()
}

fn question(select: &Select, condition: Expr) -> Option<Statement> {
    let script = Script { name: "example".to_owned(), text: TEMPLATE.to_owned() };
    let Some(Statement::Statement(mut sql)) = script.parse().ok()?.pop() else { return None };
    let Sql::Query(query) = sql.as_mut() else { return None };
    let Query { body, .. } = query.as_mut();
    let SetExpr::Select(asked) = body.as_mut() else { return None };
    asked.from.clone_from(&select.from);
    asked.selection = Some(condition);
    Some(Statement::Statement(sql))
}
