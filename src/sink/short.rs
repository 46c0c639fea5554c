//! Doubles of few decimals as text, without a search for the shortest one.
//!
//! Event files are full of coordinates, prices and shares. Of a number of at most 15 digits no other one of as many
//! reads as the same double, so if it reads as the double at all, it is the shortest. It knows nothing of columns.

use super::text::append;

/// Decimals of a number at most, and by what they are divided.
const DECIMALS: usize = 6;
const SCALE: u64 = 10_u64.pow(DECIMALS as u32);

/// What is smaller may be written with an exponent.
const SMALLEST: f64 = 1e-5;

/// From here on 15 digits are not enough.
const LIMIT: f64 = 1e9;

/// As many bytes as a number has at most, and more: so many are copied at once.
const ROOM: usize = 24;

/// Where the point stands behind a sign and the most digits that there may be, and one zero.
const POINT: usize = 11;

/// What eight digits are less than.
const EIGHT: u64 = 100_000_000;

/// The most digits before the point: what is scaled has as many more as there are decimals.
const BEFORE: usize = 9;

const ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);

/// Appends the shortest number that reads back as `value`. False, and nothing, unless it has few digits and decimals.
#[inline]
pub(super) fn write(value: f64, out: &mut Vec<u8>) -> bool {
    let size = value.abs();
    if !((SMALLEST..LIMIT).contains(&size) || size == 0.0) {
        return false;
    }
    let scaled = (size * SCALE as f64 + 0.5) as i64;
    // The quotient is the double that is nearest to the decimal number.
    if scaled as f64 / SCALE as f64 != size {
        return false;
    }
    let scaled = scaled.cast_unsigned();
    let (high, low) = (digits(scaled / EIGHT), digits(scaled % EIGHT));
    let decimals = low >> (2 * u8::BITS);
    // Two of the eight last digits stand before the point. What is behind the last one does not count.
    let mut text = [b'0'; 2 * ROOM];
    text[1..9].copy_from_slice(&(high | ZEROS).to_le_bytes());
    text[9..17].copy_from_slice(&(low | ZEROS).to_le_bytes());
    text[POINT + 1..POINT + 9].copy_from_slice(&(decimals | ZEROS).to_le_bytes());
    text[POINT] = b'.';
    // How many digits there are is not to be guessed, so nothing here decides over a jump.
    // The first of ten digits is zero, and the last one stands there whatever it is: of those between, zeros come lowest.
    let between = high >> u8::BITS | low << (u64::BITS - u8::BITS);
    let before = BEFORE - between.trailing_zeros() as usize / u8::BITS as usize;
    let behind = (u64::BITS - (decimals | 1).leading_zeros()).div_ceil(u8::BITS) as usize;
    let start = POINT - before - usize::from(value.is_sign_negative());
    text[POINT - before - 1] = b'-';
    let length = POINT + 1 + behind - start;
    let room: &[u8; ROOM] = text[start..].first_chunk().expect("it begins in the first half");
    append(room, length, out);
    true
}

/// The eight digits of a number that has no more, the first one lowest: halves of four, quarters of two, and one by one, each time
/// all at once.
#[inline]
fn digits(number: u64) -> u64 {
    let halves = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((halves * 5243) >> 19) & 0x0000_007f_0000_007f;
    let quarters = hundreds | ((halves - hundreds * 100) << 16);
    let tens = ((quarters * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((quarters - tens * 10) << 8)
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
            -999_999_999.999_999,
        ] {
            assert!(check(value), "{value}");
        }
        for digits in 0..9 {
            let least = 10_f64.powi(digits);
            assert!(check(least) && check(-least) && check(least - 0.5) && check(least + 0.000_001), "{least}");
        }
        for value in [1e9, 1e-6, 9e-6, 0.1 + 0.2, 1.234_567_8, f64::MAX, f64::MIN_POSITIVE, f64::NAN, f64::INFINITY] {
            assert!(!check(value), "{value}");
        }
    }

    proptest! {
        #[test]
        fn digits_are_those_of_the_number(number in 0..EIGHT) {
            let bytes = (digits(number) | ZEROS).to_le_bytes();
            prop_assert_eq!(String::from_utf8(bytes.to_vec()).unwrap(), format!("{number:08}"));
        }

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
