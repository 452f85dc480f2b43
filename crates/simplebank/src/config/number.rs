//! Whole numbers within bounds.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// A parser for decimal numbers within bounds. Its error says what is expected.
pub(super) fn whole<T: FromStr + Display + PartialOrd>(
    range: RangeInclusive<T>,
) -> impl FnOnce(&str) -> Result<T, String> {
    move |text| {
        // The standard parser takes a plus sign, which is more likely a slip.
        let number = text.parse().ok().filter(|number| range.contains(number) && !text.starts_with('+'));
        number.ok_or_else(|| format!("a whole number from {} to {}", range.start(), range.end()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_within_bounds() {
        let read = |text| whole(0..=1000_u32)(text);
        assert_eq!((read("0"), read("1000"), read("007")), (Ok(0), Ok(1000), Ok(7)));
        for bad in ["", "-1", "+1", "1001", "1.5", " 1", "ten", "99999999999999999999"] {
            assert_eq!(read(bad).unwrap_err(), "a whole number from 0 to 1000", "{bad}");
        }
        assert_eq!(whole(-5..=5_i32)("-5"), Ok(-5));
    }
}
