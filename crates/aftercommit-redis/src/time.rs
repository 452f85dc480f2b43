//! Moments as the scripts take them.

use aftercommit_core::Timestamp;

/// The last whole second at or before a moment.
pub(crate) const fn second(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(1000)
}

/// The first whole second at or after a moment.
pub(crate) const fn second_at_or_after(at: Timestamp) -> i64 {
    let millis = at.as_millis();
    if millis.rem_euclid(1000) == 0 { millis.div_euclid(1000) } else { millis.div_euclid(1000) + 1 }
}

/// Nanoseconds since the Unix epoch.
pub(crate) const fn nanos(at: Timestamp) -> i64 {
    at.as_millis().saturating_mul(1_000_000)
}

/// A moment from nanoseconds.
pub(crate) const fn from_nanos(nanos: i64) -> Timestamp {
    Timestamp::from_millis(nanos.div_euclid(1_000_000))
}

/// A moment from whole seconds.
pub(crate) const fn from_secs(secs: i64) -> Timestamp {
    Timestamp::from_millis(secs.saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_cut_or_rounded_up() {
        for (millis, down, up) in
            [(0, 0, 0), (1, 0, 1), (1000, 1, 1), (1001, 1, 2), (-1, -1, 0), (-1000, -1, -1)]
        {
            let at = Timestamp::from_millis(millis);
            assert_eq!((second(at), second_at_or_after(at)), (down, up), "{millis}");
        }
    }
}
