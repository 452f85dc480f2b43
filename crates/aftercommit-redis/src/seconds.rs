//! Whole seconds, the wire's measure of time, and how our finer values become them.
//!
//! Zero stands for "none" on the wire, so a value that is there is never written as zero. A value read
//! from the wire is replaced by an exact one from beside it only if the exact one would have been written
//! as the same seconds: if a Go peer rewrote the message since, what it wrote counts.

use std::time::Duration;

use aftercommit_core::Timestamp;

/// The longest time that a Go program can hold (its unit is the nanosecond).
const GO_MAX_SECS: u64 = i64::MAX.unsigned_abs() / 1_000_000_000;

/// A length of time as Go writes it: the fraction is cut off, but what is shorter than a second is one.
pub(crate) fn of_length(length: Duration) -> i64 {
    if length.is_zero() {
        return 0;
    }
    i64::try_from(length.as_secs().clamp(1, GO_MAX_SECS)).expect("it is clamped to what fits")
}

/// A deadline. It is rounded up: a Go worker that reads it may stop the task up to a second late, but
/// never before the time that was asked for.
pub(crate) fn of_deadline(deadline: Timestamp) -> i64 {
    let millis = deadline.as_millis();
    present(millis.div_euclid(1000) + i64::from(millis.rem_euclid(1000) > 0))
}

/// A moment at which something happened, cut to the second as Go does.
pub(crate) fn of_past(moment: Timestamp) -> i64 {
    present(moment.as_millis().div_euclid(1000))
}

/// A length of time from the wire; none if it is zero or, as no sane writer means it, negative.
pub(crate) fn length(wire: i64, exact: Option<Duration>) -> Option<Duration> {
    let whole = u64::try_from(wire).ok().filter(|secs| *secs > 0).map(Duration::from_secs)?;
    Some(exact.filter(|exact| of_length(*exact) == wire).unwrap_or(whole))
}

/// A deadline from the wire.
pub(crate) fn deadline(wire: i64, exact: Option<Timestamp>) -> Option<Timestamp> {
    moment(wire, exact, of_deadline)
}

/// A past moment from the wire.
pub(crate) fn past(wire: i64, exact: Option<Timestamp>) -> Option<Timestamp> {
    moment(wire, exact, of_past)
}

fn moment(wire: i64, exact: Option<Timestamp>, written: fn(Timestamp) -> i64) -> Option<Timestamp> {
    if wire == 0 {
        return None;
    }
    let whole = Timestamp::from_millis(wire.saturating_mul(1000));
    Some(exact.filter(|exact| written(*exact) == wire).unwrap_or(whole))
}

/// The first second of 1970 is written as the second one.
const fn present(secs: i64) -> i64 {
    if secs == 0 { 1 } else { secs }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn lengths_are_cut_as_go_cuts_them_but_never_to_none() {
        for (millis, secs) in [(0, 0), (1, 1), (999, 1), (1000, 1), (1500, 1), (1999, 1), (90_000, 90)] {
            assert_eq!(of_length(Duration::from_millis(millis)), secs, "{millis} ms");
        }
        assert_eq!(of_length(Duration::from_nanos(1)), 1);
        assert_eq!(of_length(Duration::MAX), 9_223_372_036);
    }

    #[test]
    fn a_deadline_is_never_written_as_an_earlier_one() {
        for (millis, secs) in [(1, 1), (1000, 1), (1001, 2), (0, 1), (-1, 1), (-1000, -1), (-1500, -1)] {
            assert_eq!(of_deadline(ms(millis)), secs, "{millis} ms");
            assert!(secs * 1000 >= millis);
        }
        assert!(of_deadline(ms(i64::MAX)) > 0);
    }

    #[test]
    fn the_past_is_cut_to_the_second() {
        assert_eq!([of_past(ms(1999)), of_past(ms(500)), of_past(ms(-1))], [1, 1, -1]);
    }

    #[test]
    fn an_exact_value_counts_only_if_it_is_the_one_that_was_written() {
        let exact = Some(Duration::from_millis(1500));
        assert_eq!(length(1, exact), exact);
        assert_eq!(length(2, exact), Some(Duration::from_secs(2)));
        assert_eq!(length(0, exact), None);
        assert_eq!(length(-5, None), None);
        assert_eq!(deadline(2, Some(ms(1001))), Some(ms(1001)));
        assert_eq!(deadline(1, Some(ms(1001))), Some(ms(1000)));
        assert_eq!(past(1, Some(ms(1001))), Some(ms(1001)));
        assert_eq!(past(i64::MAX, None), Some(ms(i64::MAX)));
    }
}
