//! Small results and the pictures of them; and results of any kind, which must not panic.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Float64Array, RecordBatch, StringArray};
use proptest::prelude::*;

use super::*;

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn numbers(values: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

fn days(values: &[i32]) -> ArrayRef {
    Arc::new(Date32Array::from(values.to_vec()))
}

fn chart(columns: Vec<(&str, ArrayRef)>, words: &str) -> Result<Chart> {
    let batch = batch(columns);
    let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
    Chart::of(&batch.schema(), [&batch], &Request::parse(&words)?)
}

fn mark(chart: &Chart) -> String {
    chart.vega_lite()["mark"]["type"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn the_kind_is_chosen_by_types() {
    let number = || numbers(&[1.0, 2.0, 3.0]);
    let of = |columns| chart(columns, "").unwrap();
    assert_eq!(mark(&of(vec![("a", texts(&["x", "y", "z"])), ("n", number())])), "bar");
    assert_eq!(mark(&of(vec![("at", days(&[1, 2, 3])), ("n", number())])), "line");
    assert_eq!(mark(&of(vec![("n", number()), ("m", number())])), "point");
}

#[test]
fn nothing_in_a_result_steers_a_terminal_or_a_page() {
    let columns = || vec![("a", texts(&["</script><b>", "\u{1b}[31m"])), ("n", numbers(&[1.0, 2.0]))];
    let chart = chart(columns(), "").unwrap();
    assert!(!chart.text(60, 10, false).contains('\u{1b}'));
    assert!(!chart.html().unwrap().contains("</script><b>"));
    assert!(!chart.svg().unwrap().contains("<b>"));
}

#[test]
fn each_whole_number_has_its_bar() {
    let chart = chart(vec![("n", numbers(&[1.0, 2.0, 2.0, 3.0, 3.0, 3.0]))], "histogram").unwrap();
    let Drawing::Histogram(histogram) = &chart.drawing else { panic!("a histogram was asked for") };
    let scale = histogram.x.scale_of_steps(2);
    assert_eq!(histogram.counts(&scale).iter().filter(|count| **count > 0).count(), 3, "{:?}", scale.ticks);
}

#[test]
fn what_is_not_drawn_is_told() {
    let columns = vec![("a", texts(&["x", "y"])), ("n", numbers(&[1.0, f64::NAN]))];
    assert_eq!(chart(columns, "").unwrap().notes().len(), 1);
    let empty = vec![("n", numbers(&[]))];
    assert_eq!(chart(empty, "").err().unwrap().exit_code(), 2);
    assert_eq!(chart(vec![("n", numbers(&[1.0]))], "bar nope").err().unwrap().exit_code(), 2);
}

proptest! {
    #[test]
    fn no_result_panics(
        rows in prop::collection::vec((".{0,12}", any::<f64>(), any::<i32>()), 0..40),
        (width, height) in (0_u16..200, 0_u16..60),
        words in prop::sample::select(vec!["", "bar", "line", "histogram", "scatter", "line d n", "bar t n", "scatter n n"]),
    ) {
        let names: Vec<&str> = rows.iter().map(|(text, ..)| text.as_str()).collect();
        let values: Vec<f64> = rows.iter().map(|(_, value, _)| *value).collect();
        let dates: Vec<i32> = rows.iter().map(|(.., date)| *date).collect();
        let columns = vec![("t", texts(&names)), ("n", numbers(&values)), ("d", days(&dates))];
        if let Ok(chart) = chart(columns, words) {
            chart.text(width, height, true);
            prop_assert!(chart.svg().is_ok() && chart.html().is_ok());
        }
    }
}
