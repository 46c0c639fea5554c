//! The functions by which a plan says where windows stand: `tumble`, `hop`, `session`, `session_end`; and `window_end`, which is
//! an ordinary one.
//!
//! The first four have a type and no value: [`PlaceWindows`](super::PlaceWindows) takes them out of every plan.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array, PrimitiveArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
};
use datafusion::arrow::error::ArrowError;
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::Misuse;
use super::grid::{self, Flaw};

pub(super) fn all() -> Vec<ScalarUDF> {
    let places = [Place::Tumble, Place::Hop, Place::Session, Place::SessionEnd];
    let mut functions: Vec<ScalarUDF> = places
        .map(|place| Marker { place, signature: Signature::variadic_any(Volatility::Immutable) })
        .map(ScalarUDF::from)
        .into();
    functions.push(ScalarUDF::from(WindowEnd { signature: Signature::any(2, Volatility::Immutable) }));
    functions
}

/// What a call stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// `tumble(event time, size [, offset])`: the start of the tumbling window.
    Tumble,
    /// `hop(event time, slide, size [, offset])`: the start of a hopping window.
    Hop,
    /// `session(event time, gap, keys…)`: the start of the session.
    Session,
    /// `session_end(event time, gap, keys…)`: the end of the session.
    SessionEnd,
}

impl Place {
    /// As users write it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Tumble => "TUMBLE",
            Self::Hop => "HOP",
            Self::Session | Self::SessionEnd => "SESSION",
        }
    }

    /// How many arguments there may be.
    fn takes(self, count: usize) -> bool {
        match self {
            Self::Tumble => (2..=3).contains(&count),
            Self::Hop => (3..=4).contains(&count),
            Self::Session | Self::SessionEnd => count >= 2,
        }
    }

    pub(super) fn misuse(self, message: String, hint: impl Into<String>) -> DataFusionError {
        DataFusionError::External(Box::new(Misuse { function: self.word(), message, hint: hint.into() }))
    }
}

/// A function that says where a window stands.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Marker {
    pub(super) place: Place,
    signature: Signature,
}

impl ScalarUDFImpl for Marker {
    fn name(&self) -> &'static str {
        match self.place {
            Place::Tumble => "tumble",
            Place::Hop => "hop",
            Place::Session => "session",
            Place::SessionEnd => "session_end",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let place = self.place;
        let Some((time, intervals)) = types.split_first().filter(|_| place.takes(types.len())) else {
            return Err(
                place.misuse(format!("`{}` does not take {} arguments", place.word(), types.len()), usage(place))
            );
        };
        let keys = usize::from(matches!(place, Place::Session | Place::SessionEnd));
        let lengths = if keys == 1 { &intervals[..1] } else { intervals };
        if let Some(other) = lengths.iter().find(|length| !matches!(length, DataType::Interval(_))) {
            return Err(place.misuse(
                format!("the lengths that `{}` takes are intervals, and one is {}", place.word(), described(other)),
                "write for example INTERVAL '1' MINUTE",
            ));
        }
        event_time(time).ok_or_else(|| {
            place.misuse(
                format!("`{}` takes a timestamp, and the event time is {}", place.word(), described(time)),
                match time {
                    DataType::Int64 | DataType::UInt64 => {
                        "make a timestamp of it: epoch_ms(…) of milliseconds since 1970"
                    }
                    _ => "make a timestamp of it: CAST(… AS TIMESTAMP(3)), or declare the column in tidemill.toml",
                },
            )
        })
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        // A row without an event time is in no window, so none is without a start.
        Ok(Arc::new(Field::new(self.name(), self.return_type(&types)?, false)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        static PAGES: LazyLock<[Documentation; 3]> = LazyLock::new(|| {
            [
                page(
                    "In GROUP BY: tumbling windows over event time; TUMBLE_START and TUMBLE_END are values",
                    "TUMBLE(ts, size [, offset])",
                ),
                page(
                    "In GROUP BY: hopping windows over event time; HOP_START and HOP_END are values",
                    "HOP(ts, slide, size [, offset])",
                ),
                page(
                    "In GROUP BY: sessions that a gap ends; SESSION_START and SESSION_END are values",
                    "SESSION(ts, gap)",
                ),
            ]
        });
        PAGES.get(match self.place {
            Place::Tumble => 0,
            Place::Hop => 1,
            Place::Session | Place::SessionEnd => 2,
        })
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("a call of `{}` was left in the plan", self.name())
    }
}

fn usage(place: Place) -> &'static str {
    match place {
        Place::Tumble => "it takes the event time and a size: TUMBLE(ts, INTERVAL '1' MINUTE)",
        Place::Hop => "it takes the event time, a slide and a size: HOP(ts, INTERVAL '30' MINUTE, INTERVAL '1' HOUR)",
        Place::Session | Place::SessionEnd => "it takes the event time and a gap: SESSION(ts, INTERVAL '5' MINUTE)",
    }
}

/// The type of windows over event times of a type, if they can have any.
pub(super) fn event_time(time: &DataType) -> Option<DataType> {
    match time {
        DataType::Timestamp(..) => Some(time.clone()),
        DataType::Date32 | DataType::Date64 => Some(DataType::Timestamp(TimeUnit::Millisecond, None)),
        _ => None,
    }
}

fn described(other: &DataType) -> &'static str {
    match other {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text",
        DataType::Null => "NULL",
        DataType::Boolean => "a boolean",
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => "a point in time",
        DataType::Interval(_) => "an interval",
        number if number.is_numeric() => "a number",
        _ => "of another type",
    }
}

/// What is wrong with the lengths of a window.
pub(super) fn flawed(place: Place, flaw: Flaw) -> DataFusionError {
    let word = place.word();
    let (message, hint) = match flaw {
        Flaw::NotPositive => ("is more than nothing", "write for example INTERVAL '1' MINUTE"),
        Flaw::Mixed if matches!(place, Place::Session | Place::SessionEnd) => {
            ("is of days and less: months are of different lengths", "write for example INTERVAL '31' DAY")
        }
        Flaw::Mixed => (
            "is either of months and years or of days and less, and slide and size are of one kind",
            "count all in days, or all in months; an offset is of days and less",
        ),
        Flaw::TooFine => {
            ("is a whole number of the event time's unit", "make the event time finer: CAST(… AS TIMESTAMP(9))")
        }
        Flaw::TooLong => ("fits what a timestamp can hold", "take a coarser timestamp: CAST(… AS TIMESTAMP(3))"),
        Flaw::OffsetTooLong => {
            ("leaves months where they are: its offset is less than 28 days", "write for example INTERVAL '14' DAY")
        }
    };
    place.misuse(format!("a length that `{word}` takes {message}"), hint)
}

/// `window_end(start, size)`: the end, exclusive, of the window that begins at `start`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct WindowEnd {
    signature: Signature,
}

impl ScalarUDFImpl for WindowEnd {
    fn name(&self) -> &'static str {
        "window_end"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [start, DataType::Interval(_)] if event_time(start).is_some() => {
                Ok(event_time(start).unwrap_or(DataType::Null))
            }
            _ => Err(misused_end("`window_end` takes a timestamp and an interval")),
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        static PAGE: LazyLock<Documentation> = LazyLock::new(|| {
            page("The end, exclusive, of the window that begins at a start", "window_end(start, INTERVAL '1' MINUTE)")
        });
        Some(&PAGE)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [start, size] = args.args.as_slice() else { return internal_err!("window_end takes two arguments") };
        let result = args.return_field.data_type();
        let DataType::Timestamp(unit, _) = result else { return internal_err!("window_end makes timestamps") };
        let start = cast(&start.to_array(args.number_rows)?, result)?;
        let size = cast(&size.to_array(args.number_rows)?, &DataType::Interval(IntervalUnit::MonthDayNano))?;
        let ends = ends(&start, size.as_primitive(), *unit)?;
        Ok(ColumnarValue::Array(cast(&ends, result)?))
    }
}

fn misused_end(message: &str) -> DataFusionError {
    let hint = "write for example window_end(start, INTERVAL '1' MINUTE)";
    DataFusionError::External(Box::new(Misuse { function: "WINDOW_END", message: message.into(), hint: hint.into() }))
}

/// What is told of a function about windows.
fn page(description: &str, usage: &str) -> Documentation {
    const WINDOWS: DocSection = DocSection { include: true, label: "Windows over Event Time", description: None };
    Documentation::builder(WINDOWS, description, usage).build()
}

/// NULL where either is.
fn ends(start: &ArrayRef, sizes: &PrimitiveArray<IntervalMonthDayNanoType>, unit: TimeUnit) -> Result<Int64Array> {
    let start = cast(start, &DataType::Int64)?;
    let mut last = None;
    let end = |(at, size): (Option<i64>, Option<IntervalMonthDayNano>)| {
        let (Some(at), Some(size)) = (at, size) else { return Ok(None) };
        // Mostly all are the same.
        let length = match last {
            Some((known, length)) if known == size => length,
            _ => last.insert((size, Length::of(size, unit)?)).1,
        };
        let end = match length {
            Length::Fixed(length) => at.checked_add(length),
            Length::Months(months) => grid::later(at, months, unit),
        };
        end.map(Some).ok_or_else(|| beyond(at, unit))
    };
    start.as_primitive::<Int64Type>().iter().zip(sizes).map(end).collect()
}

#[derive(Clone, Copy)]
enum Length {
    /// In the timestamp's unit.
    Fixed(i64),
    Months(u32),
}

impl Length {
    fn of(size: IntervalMonthDayNano, unit: TimeUnit) -> Result<Self> {
        let length = if size.months == 0 {
            grid::fixed(size, unit).map(Self::Fixed)
        } else {
            grid::months(size).map(Self::Months)
        };
        length.map_err(|_| {
            misused_end(
                "the size that `window_end` takes is either of months or of days and less, and fits the timestamp",
            )
        })
    }
}

/// The window of an event begins or ends where no timestamp of the unit can be.
pub(super) fn beyond(at: i64, unit: TimeUnit) -> DataFusionError {
    let unit = match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    };
    ArrowError::ComputeError(format!(
        "the window at {at} {unit} since 1970 is beyond what a timestamp({unit}) can hold"
    ))
    .into()
}
