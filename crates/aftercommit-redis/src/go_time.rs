//! Moments as Go writes them: in protobuf records and in the names of the day counters.

use aftercommit_core::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// The seconds of Go's zero time, 1 January of the year 1: its way to say "never". A field left out would
/// be shown by Go's tools as 1970.
const NEVER_SECS: i64 = -62_135_596_800;
/// The first second that Go cannot write as JSON, 1 January of the year 10000.
const END_SECS: i64 = 253_402_300_800;

/// A moment for a protobuf record; what is beyond the years that Go can show is never.
pub(crate) fn to_proto(moment: Option<Timestamp>) -> Option<prost_types::Timestamp> {
    let never = prost_types::Timestamp { seconds: NEVER_SECS, nanos: 0 };
    let written = moment.and_then(|moment| {
        let millis = moment.as_millis();
        let seconds = millis.div_euclid(1000);
        let nanos = i32::try_from(millis.rem_euclid(1000)).ok()? * 1_000_000;
        (NEVER_SECS..END_SECS).contains(&seconds).then_some(prost_types::Timestamp { seconds, nanos })
    });
    Some(written.unwrap_or(never))
}

/// A moment from a protobuf record, cut to the millisecond; `None` for never.
pub(crate) fn from_proto(moment: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    let moment = moment.filter(|moment| moment.seconds != NEVER_SECS)?;
    let millis = moment.seconds.saturating_mul(1000).saturating_add(i64::from(moment.nanos) / 1_000_000);
    Some(Timestamp::from_millis(millis))
}

/// `2026-11-20`: the UTC day on which a moment falls.
pub(crate) fn day(moment: Timestamp) -> String {
    utc(moment).date().to_string()
}

/// What is beyond the years 1 to 9999 is their end.
fn utc(moment: Timestamp) -> DateTime {
    let secs = moment.as_millis().div_euclid(1000).clamp(NEVER_SECS, jiff::Timestamp::MAX.as_second());
    let moment = jiff::Timestamp::from_second(secs).expect("it is clamped to what jiff can hold");
    Offset::UTC.to_datetime(moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: i64) -> Timestamp {
        Timestamp::from_millis(secs * 1000)
    }

    #[test]
    fn the_ends_of_time_have_a_day_too() {
        for end in [i64::MIN, i64::MAX] {
            assert!(!day(Timestamp::from_millis(end)).is_empty());
        }
    }

    #[test]
    fn never_is_the_year_one_and_so_is_what_go_cannot_show() {
        for moment in [None, Some(secs(END_SECS)), Some(Timestamp::from_millis(i64::MIN))] {
            let never = to_proto(moment);
            assert_eq!(never.unwrap().seconds, NEVER_SECS);
            assert_eq!(from_proto(never.as_ref()), None);
        }
        assert_eq!(from_proto(None), None);
    }

    #[test]
    fn moments_keep_their_milliseconds() {
        for millis in [1_795_149_409_210, 0, -1, -1500] {
            let moment = Timestamp::from_millis(millis);
            assert_eq!(from_proto(to_proto(Some(moment)).as_ref()), Some(moment));
        }
    }

    #[test]
    fn a_day_is_the_utc_day() {
        assert_eq!(day(secs(1_795_149_409)), "2026-11-20");
        assert_eq!([day(Timestamp::from_millis(-1)), day(secs(0))], ["1969-12-31", "1970-01-01"]);
    }
}
