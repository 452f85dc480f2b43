//! What the message holds in whole seconds only, exactly: a short text in a hash field of its own beside
//! it, as in `t1.5 f1795149409.21`. It is absent when nothing is lost, and every part of it is a hint:
//! what cannot be read, or no longer agrees with the message, is passed over.

use std::fmt::Write as _;
use std::time::Duration;

use aftercommit_core::{Message, Timestamp};

use crate::seconds;

/// The exact values, each only where the wire's is not exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Exact {
    /// `t`.
    pub(crate) timeout: Option<Duration>,
    /// `d`.
    pub(crate) deadline: Option<Timestamp>,
    /// `r`.
    pub(crate) retention: Option<Duration>,
    /// `f`.
    pub(crate) last_failed_at: Option<Timestamp>,
    /// `c`.
    pub(crate) completed_at: Option<Timestamp>,
}

impl Exact {
    /// What the wire would lose of a message.
    pub(crate) fn of(message: &Message) -> Self {
        let lost_length =
            |length: &Duration| seconds::length(seconds::of_length(*length), None) != Some(*length);
        Self {
            timeout: message.timeout.filter(lost_length),
            deadline: message
                .deadline
                .filter(|moment| seconds::deadline(seconds::of_deadline(*moment), None) != Some(*moment)),
            retention: Some(message.retention).filter(|length| !length.is_zero()).filter(lost_length),
            last_failed_at: message.last_failed_at.and_then(Self::past),
            completed_at: None,
        }
    }

    /// A past moment, if the wire would lose something of it.
    pub(crate) fn past(moment: Timestamp) -> Option<Timestamp> {
        Some(moment).filter(|moment| seconds::past(seconds::of_past(*moment), None) != Some(*moment))
    }

    /// Reads the text as far as it can be read.
    pub(crate) fn parse(text: &[u8]) -> Self {
        let mut exact = Self::default();
        for part in std::str::from_utf8(text).unwrap_or_default().split_ascii_whitespace() {
            let Some((name, number)) = part.split_at_checked(1) else { continue };
            match name {
                "t" => exact.timeout = length(number),
                "d" => exact.deadline = moment(number),
                "r" => exact.retention = length(number),
                "f" => exact.last_failed_at = moment(number),
                "c" => exact.completed_at = moment(number),
                _ => {}
            }
        }
        exact
    }

    /// The text to store; `None` if the field is to be absent.
    pub(crate) fn text(&self) -> Option<String> {
        let mut text = String::new();
        let mut put = |name: char, number: Option<Decimal>| {
            if let Some(number) = number {
                let gap = if text.is_empty() { "" } else { " " };
                write!(text, "{gap}{name}{number}").expect("a string takes any text");
            }
        };
        put('t', self.timeout.map(Decimal::of_length));
        put('d', self.deadline.map(Decimal::of_moment));
        put('r', self.retention.map(Decimal::of_length));
        put('f', self.last_failed_at.map(Decimal::of_moment));
        put('c', self.completed_at.map(Decimal::of_moment));
        Some(text).filter(|text| !text.is_empty())
    }
}

/// Seconds with a decimal fraction.
#[derive(Debug, Clone, Copy)]
struct Decimal {
    negative: bool,
    secs: u64,
    nanos: u32,
}

impl Decimal {
    const fn of_length(length: Duration) -> Self {
        Self { negative: false, secs: length.as_secs(), nanos: length.subsec_nanos() }
    }

    const fn of_moment(moment: Timestamp) -> Self {
        let millis = moment.as_millis();
        let length = Duration::from_millis(millis.unsigned_abs());
        Self { negative: millis < 0, ..Self::of_length(length) }
    }

    fn parse(text: &str) -> Option<Self> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (secs, fraction) = text.split_once('.').unwrap_or((text, ""));
        if !secs.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) || fraction.len() > 9 {
            return None;
        }
        let nanos: u32 = format!("{fraction:0<9}").parse().ok()?;
        Some(Self { negative, secs: secs.parse().ok()?, nanos })
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.negative { "-" } else { "" };
        write!(f, "{sign}{}", self.secs)?;
        if self.nanos > 0 {
            write!(f, ".{}", format!("{:09}", self.nanos).trim_end_matches('0'))?;
        }
        Ok(())
    }
}

fn length(text: &str) -> Option<Duration> {
    Decimal::parse(text).filter(|number| !number.negative).map(|it| Duration::new(it.secs, it.nanos))
}

fn moment(text: &str) -> Option<Timestamp> {
    let number = Decimal::parse(text)?;
    let millis = i128::from(number.secs) * 1000 + i128::from(number.nanos / 1_000_000);
    let millis = if number.negative { -millis } else { millis };
    i64::try_from(millis).ok().map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_text_is_short_and_names_each_value() {
        let exact = Exact {
            timeout: Some(Duration::from_millis(1500)),
            deadline: Some(Timestamp::from_millis(-250)),
            retention: Some(Duration::from_micros(20)),
            last_failed_at: Some(Timestamp::from_millis(1_795_149_409_210)),
            completed_at: None,
        };
        let text = exact.text().unwrap();
        assert_eq!(text, "t1.5 d-0.25 r0.00002 f1795149409.21");
        assert_eq!(Exact::parse(text.as_bytes()), exact);
        assert_eq!(Exact::default().text(), None);
    }

    #[test]
    fn what_cannot_be_read_is_passed_over() {
        for garbage in [
            "",
            "t",
            "t.5",
            "t+1",
            "t1.5.5",
            "t-1",
            "d1e9",
            "tt1",
            "é1",
            "t1.0000000001",
            "t99999999999999999999",
        ] {
            assert_eq!(Exact::parse(garbage.as_bytes()), Exact::default(), "{garbage}");
        }
        assert_eq!(Exact::parse(b"\xff t1.5"), Exact::default());
        let newer = Exact::parse(b"z7 t1.5 q d");
        assert_eq!(newer, Exact { timeout: Some(Duration::from_millis(1500)), ..Exact::default() });
    }

    proptest! {
        #[test]
        fn every_value_reads_back(
            timeout: Option<Duration>, deadline: Option<i64>, retention: Option<Duration>,
            failed: Option<i64>, completed: Option<i64>,
        ) {
            let exact = Exact {
                timeout,
                deadline: deadline.map(Timestamp::from_millis),
                retention,
                last_failed_at: failed.map(Timestamp::from_millis),
                completed_at: completed.map(Timestamp::from_millis),
            };
            prop_assert_eq!(Exact::parse(exact.text().unwrap_or_default().as_bytes()), exact);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(text: Vec<u8>) {
            let exact = Exact::parse(&text);
            prop_assert_eq!(Exact::parse(exact.text().unwrap_or_default().as_bytes()), exact);
        }
    }
}
