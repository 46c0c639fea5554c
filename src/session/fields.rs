//! Fields of objects as people type them: one that differs in case only is found, and of one that is not there it is
//! told which there are.
//!
//! The engine asks it while it plans a path or an index; it knows no statement.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::{Column, DFSchema, DataFusionError, Result, ScalarValue, TableReference};
use datafusion::functions::core::get_field;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawFieldAccessExpr};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, GetFieldAccess, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, lit,
};

use super::types::type_name;

/// Stands before the engine's own planners.
#[derive(Debug)]
pub(super) struct FieldPlanner;

/// A field that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct UnknownField {
    /// As it is written; without quotes, in lower case.
    pub(super) name: String,
    /// What should have it.
    pub(super) object: String,
    pub(super) why: Why,
}

/// Why a field is not there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Why {
    /// The object has others.
    Others(Vec<String>),
    /// The object has several that differ in case only.
    Several(Vec<String>),
    /// It is a list, whose elements may have it.
    List,
    /// It has another type, in our words.
    NoObject(String),
}

impl fmt::Display for UnknownField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, object, why } = self;
        match why {
            Why::Others(_) => write!(f, "there is no field `{name}` in `{object}`"),
            Why::Several(_) => write!(f, "field `{name}` of `{object}` could be several"),
            Why::List => write!(f, "`{object}` is a list, and has no field `{name}`"),
            Why::NoObject(type_name) => write!(f, "`{object}` is {type_name}, and has no field `{name}`"),
        }
    }
}

impl std::error::Error for UnknownField {}

impl ExprPlanner for FieldPlanner {
    fn plan_compound_identifier(
        &self,
        field: &Field,
        qualifier: Option<&TableReference>,
        nested_names: &[String],
    ) -> Result<PlannerResult<Vec<Expr>>> {
        let mut expr = Expr::Column(Column::from((qualifier, field)));
        let (mut data_type, mut object) = (field.data_type(), field.name().clone());
        for name in nested_names {
            match find(data_type, name, &object) {
                Ok(None) => return Ok(PlannerResult::Original(Vec::new())),
                Ok(Some(found)) => {
                    expr = get_field().call(vec![expr, lit(found.name().clone())]);
                    object = format!("{object}.{}", found.name());
                    data_type = found.data_type();
                }
                // The engine drops an error that is returned here. A call that has no type is refused with its own.
                Err(unknown) => return Ok(PlannerResult::Planned(refused(unknown, expr))),
            }
        }
        Ok(PlannerResult::Planned(expr))
    }

    fn plan_field_access(
        &self,
        access: RawFieldAccessExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        let GetFieldAccess::NamedStructField { name: ScalarValue::Utf8(Some(name)) } = &access.field_access else {
            return Ok(PlannerResult::Original(access));
        };
        let Ok(data_type) = access.expr.get_type(schema) else { return Ok(PlannerResult::Original(access)) };
        match find(&data_type, name, &shown(&access.expr)) {
            Ok(None) => Ok(PlannerResult::Original(access)),
            Ok(Some(found)) => {
                let name = lit(found.name().clone());
                Ok(PlannerResult::Planned(get_field().call(vec![access.expr, name])))
            }
            Err(unknown) => Err(DataFusionError::External(Box::new(unknown))),
        }
    }
}

/// A column or field without its table.
fn shown(expr: &Expr) -> String {
    match expr {
        Expr::Column(column) | Expr::OuterReferenceColumn(_, column) => column.name.clone(),
        Expr::ScalarFunction(call) if call.name() == "get_field" => match call.args.as_slice() {
            [object, Expr::Literal(ScalarValue::Utf8(Some(field)), _)] => format!("{}.{field}", shown(object)),
            _ => expr.schema_name().to_string(),
        },
        Expr::ScalarFunction(call) if call.name() == "array_element" => match call.args.as_slice() {
            [list, Expr::Literal(index, _)] => format!("{}[{index}]", shown(list)),
            _ => expr.schema_name().to_string(),
        },
        other => other.schema_name().to_string(),
    }
}

/// The field that is called `name`, or else the only one that differs in case only; `None` for types of which only the
/// engine knows what a field is.
fn find<'a>(data_type: &'a DataType, name: &str, object: &str) -> Result<Option<&'a Field>, UnknownField> {
    let unknown = |why| Err(UnknownField { name: name.to_owned(), object: object.to_owned(), why });
    let fields = match data_type {
        DataType::Struct(fields) => fields,
        DataType::Map(_, _) | DataType::Dictionary(_, _) | DataType::Union(_, _) | DataType::Null => return Ok(None),
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(_, _) => return unknown(Why::List),
        other => return unknown(Why::NoObject(type_name(other))),
    };
    if let Some(exact) = fields.iter().find(|field| field.name() == name) {
        return Ok(Some(exact));
    }
    let wanted = name.to_lowercase();
    let alike: Vec<_> = fields.iter().filter(|field| field.name().to_lowercase() == wanted).collect();
    let names = |fields: &[&'a Arc<Field>]| fields.iter().map(|field| field.name().clone()).collect();
    match alike.as_slice() {
        [only] => Ok(Some(only)),
        [] => unknown(Why::Others(names(&fields.iter().collect::<Vec<_>>()))),
        several => unknown(Why::Several(names(several))),
    }
}

fn refused(unknown: UnknownField, object: Expr) -> Expr {
    ScalarUDF::from(Refused { unknown, signature: Signature::any(1, Volatility::Immutable) }).call(vec![object])
}

/// A call that fails when the engine asks for its type.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Refused {
    unknown: UnknownField,
    signature: Signature,
}

impl ScalarUDFImpl for Refused {
    fn name(&self) -> &'static str {
        "refused"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Err(DataFusionError::External(Box::new(self.unknown.clone())))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(DataFusionError::External(Box::new(self.unknown.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_count_where_it_need_not() {
        let fields = ["op", "OP", "Langs"].map(|name| Field::new(name, DataType::Utf8, true)).to_vec();
        let object = DataType::Struct(fields.into());
        let found = |name: &str| find(&object, name, "commit").map(|field| field.map(|field| field.name().as_str()));
        assert_eq!((found("op"), found("OP")), (Ok(Some("op")), Ok(Some("OP"))));
        assert_eq!(found("langs"), Ok(Some("Langs")));
        let several = found("Op").unwrap_err();
        assert_eq!(several.why, Why::Several(vec!["op".to_owned(), "OP".to_owned()]));
        assert_eq!(found("x").unwrap_err().to_string(), "there is no field `x` in `commit`");
    }

    #[test]
    fn what_has_no_fields_says_what_it_is() {
        let error = find(&DataType::Utf8View, "x", "id").unwrap_err();
        assert_eq!(error.to_string(), "`id` is varchar, and has no field `x`");
        assert_eq!(find(&DataType::Null, "x", "id"), Ok(None));
    }
}
