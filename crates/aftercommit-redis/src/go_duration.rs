//! Lengths of time as Go writes them, as in `1h30m5.25s`, `100ms` or `2µs`.

use std::time::Duration;

const SECOND: u128 = 1_000_000_000;

/// The text of a length of time. Below a second the unit is as small as it has to be; from a second on it
/// is seconds, with minutes and hours before them.
pub(crate) fn format(length: Duration) -> String {
    let nanos = length.as_nanos();
    match nanos {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => format!("{}µs", decimal(nanos, 1_000)),
        1_000_000..SECOND => format!("{}ms", decimal(nanos, 1_000_000)),
        _ => {
            let (minutes, rest) = (length.as_secs() / 60, nanos % (60 * SECOND));
            let seconds = decimal(rest, SECOND);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{seconds}s"),
                (0, minutes) => format!("{minutes}m{seconds}s"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

/// `nanos` in a unit of that many nanoseconds, without zeros at the end.
fn decimal(nanos: u128, unit: u128) -> String {
    let (whole, rest) = (nanos / unit, nanos % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let digits = unit.ilog10() as usize;
    format!("{whole}.{}", format!("{rest:0digits$}").trim_end_matches('0'))
}

/// Reads such a text, and every other that Go's `time.ParseDuration` reads, except that a length of time
/// below zero is none here.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut nanos: u128 = 0;
    loop {
        let number = take(&mut rest, |c| c.is_ascii_digit() || c == '.');
        let unit = unit(take(&mut rest, |c| !c.is_ascii_digit() && c != '.'))?;
        nanos = nanos.checked_add(scaled(number, unit)?)?;
        if rest.is_empty() {
            let secs = u64::try_from(nanos / SECOND).ok()?;
            return Some(Duration::new(secs, u32::try_from(nanos % SECOND).ok()?));
        }
    }
}

fn take<'a>(rest: &mut &'a str, belongs: fn(char) -> bool) -> &'a str {
    let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
    let (taken, after) = rest.split_at(end);
    *rest = after;
    taken
}

fn unit(name: &str) -> Option<u128> {
    Some(match name {
        "ns" => 1,
        // Three spellings: the letter u, the micro sign and the Greek letter.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => SECOND,
        "m" => 60 * SECOND,
        "h" => 3_600 * SECOND,
        _ => return None,
    })
}

/// A decimal number of units in nanoseconds, the rest cut off.
fn scaled(number: &str, unit: u128) -> Option<u128> {
    /// More digits than a nanosecond's part of an hour has.
    const DIGITS: usize = 15;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.len() + fraction.len() == 0 || fraction.contains('.') {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction: u64 = format!("{fraction:0<DIGITS$}")[..DIGITS].parse().ok()?;
    Some(u128::from(whole) * unit + u128::from(fraction) * unit / 10_u128.pow(15))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_are_written_as_go_writes_them() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "1ns"),
            (999, "999ns"),
            (1_500, "1.5µs"),
            (2_000, "2µs"),
            (1_500_000, "1.5ms"),
            (100_000_000, "100ms"),
            (1_000_000_000, "1s"),
            (1_001_000_000, "1.001s"),
            (59_999_999_999, "59.999999999s"),
            (60_000_000_000, "1m0s"),
            (3_600_000_000_000, "1h0m0s"),
            (5_405_250_000_000, "1h30m5.25s"),
            (86_400_000_000_000, "24h0m0s"),
            (i64::MAX.unsigned_abs(), "2562047h47m16.854775807s"),
        ] {
            assert_eq!(format(Duration::from_nanos(nanos)), text);
            assert_eq!(parse(text), Some(Duration::from_nanos(nanos)));
        }
    }

    #[test]
    fn whatever_go_reads_is_read() {
        for (text, nanos) in [
            ("1.5h", 5_400_000_000_000),
            ("2us", 2_000),
            ("2μs", 2_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("+2m", 120_000_000_000),
            ("0", 0),
            ("1m30.0000000001s", 90_000_000_000),
            ("1.9999999999ns", 1),
            ("1s1s", 2_000_000_000),
            ("0.3333333333333333333h", 1_199_999_999_999),
        ] {
            assert_eq!(parse(text), Some(Duration::from_nanos(nanos)), "{text}");
        }
        for bad in ["", "5", "s", "1d", "-3s", ".s", "1..s", "1s2", "99999999999999999999s", "é"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_length_reads_back(length: Duration) {
            prop_assert_eq!(parse(&format(length)), Some(length));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in ".{0,20}") {
            if let Some(length) = parse(&text) {
                prop_assert_eq!(parse(&format(length)), Some(length));
            }
        }
    }
}
