//! Durations as they are written in Go: `15m`, `1h30m`, `500ms`, `0s`.

use jiff::SignedDuration;
use jiff::fmt::friendly::{Spacing, SpanPrinter};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Reads a duration that is not negative. `None` for everything else.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    // Go takes a zero without a unit, and nothing else without one.
    if text == "0" {
        return Some(Duration::ZERO);
    }
    // Beside Go's form, the library knows ISO 8601 and words; one way to write a duration is enough.
    let go = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'h' | 'm' | 's' | 'u' | 'µ' | 'μ' | 'n');
    if !text.chars().all(go) {
        return None;
    }
    let parsed: SignedDuration = text.parse().ok()?;
    Duration::try_from(parsed).ok()
}

/// A parser for durations within bounds. Its error says what is expected.
pub(super) fn within(range: RangeInclusive<Duration>) -> impl FnOnce(&str) -> Result<Duration, String> {
    move |text| {
        let expected = || {
            let (least, most) = (written(*range.start()), written(*range.end()));
            format!("a duration from {least} to {most}, such as 15m or 1h30m")
        };
        parse(text).filter(|duration| range.contains(duration)).ok_or_else(expected)
    }
}

fn written(duration: Duration) -> String {
    let signed = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    SpanPrinter::new().spacing(Spacing::None).duration_to_string(&signed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations_are_read() {
        let cases = [
            ("0", 0),
            ("0s", 0),
            ("15m", 900_000),
            ("1h30m", 5_400_000),
            ("500ms", 500),
            ("1.5h", 5_400_000),
            ("2m3.5s", 123_500),
            ("720h", 2_592_000_000),
            ("90m", 5_400_000),
            ("1000us", 1),
            ("1000µs", 1),
            ("1000000ns", 1),
        ];
        for (text, millis) in cases {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn nonsense_is_not_a_duration() {
        let bad = [
            "",
            "15",
            "-15m",
            "+15m",
            "m",
            "15x",
            "15 m",
            "15 minutes",
            "PT15M",
            "1d",
            "15m ago",
            "1h-30m",
            "1e3s",
            "999999999999999999999h",
            "1..5h",
            "30m1h",
            "15M",
            "fifteen",
            "µ",
        ];
        for text in bad {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn bounds_are_inclusive_and_said() {
        let read = |text| within(Duration::from_secs(1)..=Duration::from_secs(5400))(text);
        assert_eq!(read("1s"), Ok(Duration::from_secs(1)));
        assert_eq!(read("1h30m"), Ok(Duration::from_secs(5400)));
        for text in ["0s", "999ms", "1h30m1ms", "x"] {
            assert_eq!(
                read(text).unwrap_err(),
                "a duration from 1s to 1h30m, such as 15m or 1h30m",
                "{text}"
            );
        }
    }
}
