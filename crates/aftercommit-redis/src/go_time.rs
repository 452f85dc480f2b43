//! Moments as Go writes them: in protobuf records, in option texts, in the names of the day counters.

use aftercommit_core::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::Offset;

/// The seconds of Go's zero time, 1 January of the year 1: its way to say "never". A field left out would
/// be shown by Go's tools as 1970.
const NEVER_SECS: i64 = -62_135_596_800;
/// The first second that Go cannot write as JSON, 1 January of the year 10000.
const END_SECS: i64 = 253_402_300_800;
/// How Go's `UnixDate` reads, the zone aside.
const UNIX_DATE: (&str, &str) = ("%a %b %e %H:%M:%S", "%Y");

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

/// `Fri Nov 20 04:36:49 UTC 2026`: a moment in an option text, cut to the second.
pub(crate) fn unix_date(moment: Timestamp) -> String {
    let format = format!("{} UTC {}", UNIX_DATE.0, UNIX_DATE.1);
    strtime::format(&format, utc(moment)).expect("the format asks for nothing but date and time")
}

/// Reads what [`unix_date`] writes. Go writes such a text in its own zone and reads it back as UTC unless it
/// knows the zone's name, which is not told; so is every zone UTC here.
pub(crate) fn parse_unix_date(text: &str) -> Option<Timestamp> {
    let (rest, year) = text.rsplit_once(' ')?;
    let (rest, _zone) = rest.rsplit_once(' ')?;
    let format = format!("{} {}", UNIX_DATE.0, UNIX_DATE.1);
    let parsed = strtime::parse(format, format!("{rest} {year}")).ok()?.to_datetime().ok()?;
    let moment = Offset::UTC.to_timestamp(parsed).ok()?;
    Some(Timestamp::from_millis(moment.as_millisecond()))
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
    fn dates_are_written_as_go_writes_them_and_read_back() {
        for (at, text) in [
            (1_795_149_409, "Fri Nov 20 04:36:49 UTC 2026"),
            (0, "Thu Jan  1 00:00:00 UTC 1970"),
            (-1, "Wed Dec 31 23:59:59 UTC 1969"),
            (951_782_400, "Tue Feb 29 00:00:00 UTC 2000"),
            (NEVER_SECS, "Mon Jan  1 00:00:00 UTC 0001"),
        ] {
            assert_eq!(unix_date(secs(at)), text);
            assert_eq!(parse_unix_date(text), Some(secs(at)));
        }
        assert_eq!(parse_unix_date("Fri Nov 20 04:36:49 CET 2026"), Some(secs(1_795_149_409)));
        for bad in ["", "Fri Nov 20 04:36:49 2026", "Fri Nov 31 04:36:49 UTC 2026", "é é é"] {
            assert_eq!(parse_unix_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_ends_of_time_have_a_text_too() {
        for end in [i64::MIN, i64::MAX] {
            assert!(parse_unix_date(&unix_date(Timestamp::from_millis(end))).is_some());
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
