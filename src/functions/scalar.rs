//! A function of one row, as the engine takes it: everything but its arrays is said here once for all of ours.

use std::hash::{Hash, Hasher};

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::common::types::{NativeType, logical_float64, logical_int64, logical_string};
use datafusion::functions::utils::make_scalar_function;
use datafusion::logical_expr::{
    Coercion, ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, TypeSignatureClass,
    Volatility,
};

/// A function that is NULL where one of its arguments is, and the same for the same arguments.
#[derive(Debug)]
pub(super) struct Scalar {
    name: &'static str,
    signature: Signature,
    returns: DataType,
    documentation: Documentation,
    body: fn(&[ArrayRef]) -> Result<ArrayRef>,
}

impl Scalar {
    /// `body` gets one array for each of `takes`, all of one length, and returns one of that length.
    pub(super) fn new(
        name: &'static str,
        takes: Vec<Coercion>,
        returns: DataType,
        body: fn(&[ArrayRef]) -> Result<ArrayRef>,
        documentation: Documentation,
    ) -> Self {
        Self { name, signature: Signature::coercible(takes, Volatility::Immutable), returns, documentation, body }
    }
}

/// Text, in whichever of its three layouts it comes.
pub(super) fn text() -> Coercion {
    Coercion::new_exact(TypeSignatureClass::Native(logical_string()))
}

/// Any integer, as 64 bits.
pub(super) fn bigint() -> Coercion {
    let wanted = TypeSignatureClass::Native(logical_int64());
    Coercion::new_implicit(wanted, vec![TypeSignatureClass::Integer], NativeType::Int64)
}

/// Any number, as the nearest double.
pub(super) fn double() -> Coercion {
    let wanted = TypeSignatureClass::Native(logical_float64());
    Coercion::new_implicit(wanted, vec![TypeSignatureClass::Numeric], NativeType::Float64)
}

impl ScalarUDFImpl for Scalar {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        make_scalar_function(self.body, vec![])(&args.args)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Scalar {}

impl Hash for Scalar {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}
