//! The engine's types in the words in which columns are declared: `bigint`, `timestamp(ms)`, `list(varchar)`.

use datafusion::arrow::datatypes::{DataType, TimeUnit};

/// What a column of this type is called, in the words in which one is declared.
pub fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Null => "null".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int8 => "tinyint".to_owned(),
        DataType::Int16 => "smallint".to_owned(),
        DataType::Int32 => "integer".to_owned(),
        DataType::Int64 => "bigint".to_owned(),
        DataType::UInt8 => "unsigned tinyint".to_owned(),
        DataType::UInt16 => "unsigned smallint".to_owned(),
        DataType::UInt32 => "unsigned integer".to_owned(),
        DataType::UInt64 => "unsigned bigint".to_owned(),
        DataType::Float16 | DataType::Float32 => "real".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => format!("decimal({precision},{scale})"),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "varchar".to_owned(),
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Time32(_) | DataType::Time64(_) => "time".to_owned(),
        DataType::Timestamp(unit, None) => format!("timestamp({})", unit_word(*unit)),
        DataType::Timestamp(unit, Some(zone)) => format!("timestamp({}) in {zone}", unit_word(*unit)),
        DataType::Duration(_) | DataType::Interval(_) => "interval".to_owned(),
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::FixedSizeList(field, _) => format!("list({})", type_name(field.data_type())),
        DataType::Struct(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|field| format!("{} {}", field.name(), type_name(field.data_type()))).collect();
            format!("struct({})", fields.join(", "))
        }
        DataType::Dictionary(_, values) => type_name(values),
        DataType::RunEndEncoded(_, values) => type_name(values.data_type()),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            "varbinary".to_owned()
        }
        DataType::Map(_, _) => "map".to_owned(),
        DataType::Union(_, _) => "union".to_owned(),
    }
}

fn unit_word(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::datatypes::Field;

    use super::*;

    #[test]
    fn types_are_called_as_they_are_declared() {
        let list = DataType::List(Arc::new(Field::new("item", DataType::Utf8View, true)));
        let fields = vec![Field::new("a", DataType::Int64, true), Field::new("b", list, true)];
        assert_eq!(type_name(&DataType::Struct(fields.into())), "struct(a bigint, b list(varchar))");
        assert_eq!(type_name(&DataType::Timestamp(TimeUnit::Millisecond, None)), "timestamp(ms)");
        assert_eq!(type_name(&DataType::Decimal128(10, 2)), "decimal(10,2)");
    }
}
