//! Doubles of few decimals as text, without a search for the shortest one.
//!
//! Event files are full of coordinates, prices and shares. Of a number of at most 15 digits no other one of as many
//! reads as the same double, so if it reads as the double at all, it is the shortest. It knows nothing of columns.

/// Decimals of a number at most, and by what they are divided.
const DECIMALS: usize = 6;
const SCALE: u64 = 10_u64.pow(DECIMALS as u32);

/// What is smaller may be written with an exponent.
const SMALLEST: f64 = 1e-5;

/// From here on 15 digits are not enough.
const LIMIT: f64 = 1e9;

/// Appends the shortest number that reads back as `value`. False, and nothing, unless it has few digits and decimals.
#[inline]
pub(super) fn write(value: f64, out: &mut Vec<u8>) -> bool {
    let size = value.abs();
    if !((SMALLEST..LIMIT).contains(&size) || size == 0.0) {
        return false;
    }
    let scaled = (size * SCALE as f64 + 0.5) as u64;
    // The quotient is the double that is nearest to the decimal number.
    if scaled as f64 / SCALE as f64 != size {
        return false;
    }
    // From behind: the decimals without the zeros at their end, the point, the digits before it, the sign.
    let mut text = [0; 20];
    let (mut decimals, mut integer) = (scaled % SCALE, scaled / SCALE);
    let mut end = DECIMALS;
    while end > 1 && decimals.is_multiple_of(10) {
        (decimals, end) = (decimals / 10, end - 1);
    }
    let mut at = text.len();
    let mut put = |byte: u8| {
        at -= 1;
        text[at] = byte;
    };
    for _ in 0..end {
        put(b'0' + (decimals % 10) as u8);
        decimals /= 10;
    }
    put(b'.');
    loop {
        put(b'0' + (integer % 10) as u8);
        integer /= 10;
        if integer == 0 {
            break;
        }
    }
    if value.is_sign_negative() {
        put(b'-');
    }
    out.extend_from_slice(&text[at..]);
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whether it is written here; then it must be what the library writes.
    fn check(value: f64) -> bool {
        let mut out = b"x".to_vec();
        let is_written = write(value, &mut out);
        let expected = if is_written { serde_json::to_string(&value).unwrap() } else { String::new() };
        assert_eq!(String::from_utf8(out).unwrap(), format!("x{expected}"));
        is_written
    }

    #[test]
    fn few_decimals_are_written_here() {
        for value in [
            0.0,
            -0.0,
            0.0009,
            1e-5,
            1.0,
            -75.5812,
            6.2442,
            0.001,
            0.1,
            123_456_789.123_456,
            999_999_999.999_999,
            100.0,
        ] {
            assert!(check(value), "{value}");
        }
        for value in [1e9, 1e-6, 9e-6, 0.1 + 0.2, 1.234_567_8, f64::MAX, f64::MIN_POSITIVE, f64::NAN, f64::INFINITY] {
            assert!(!check(value), "{value}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_the_shortest(value in prop_oneof![
            any::<f64>(),
            -2e9..2e9,
            (any::<i64>(), 0..9).prop_map(|(digits, decimals)| (digits >> 8) as f64 / 10_f64.powi(decimals)),
            (any::<i32>(), 0..9).prop_map(|(digits, decimals)| f64::from(digits) / 10_f64.powi(decimals)),
        ]) {
            check(value);
            // And those right beside it.
            check(value.next_up());
            check(value.next_down());
        }
    }
}
