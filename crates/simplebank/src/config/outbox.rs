//! How long a task that is published to Redis stays in the outbox.

use super::duration;
use super::keys::Key;
use super::reader::Reader;
use std::ops::RangeInclusive;
use std::time::Duration;

pub(super) const KEYS: &[Key] = &[RETAIN_UNTIL_DONE, LOST_AFTER];
const RETAIN_UNTIL_DONE: Key = Key::new(
    "OUTBOX_RETAIN_UNTIL_DONE",
    "true",
    "Whether a published task stays in the outbox until it has ended, and is published again if Redis loses it. It costs \
     a look now and then, and an hour in Redis for each finished task.",
);
const LOST_AFTER: Key = Key::new(
    "OUTBOX_LOST_AFTER",
    "1m",
    "How far apart the two looks are that do not find a task in Redis, before it is published again; well above the time a \
     failover takes.",
);

const APART: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(1_800);

/// How long a published task stays in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retain {
    /// Until it is published.
    UntilPublished,
    /// Until it has ended.
    UntilDone {
        /// How far apart two looks are that do not find it before it is taken for lost.
        lost_after: Duration,
    },
}

impl Retain {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let until_done = reader.read(&RETAIN_UNTIL_DONE, |text| match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err("true or false".to_owned()),
        });
        let lost_after = reader.read(&LOST_AFTER, duration::within(APART));
        let (until_done, lost_after) = (until_done?, lost_after?);
        Some(if until_done { Self::UntilDone { lost_after } } else { Self::UntilPublished })
    }
}

#[cfg(test)]
mod tests {
    use super::super::load;
    use super::*;

    fn retain(environment: &[(&str, &str)]) -> Result<Retain, String> {
        let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let read = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
        load(["simplebank".into()], environment, read)
            .map(|config| config.retain)
            .map_err(|refusal| format!("{refusal}"))
    }

    #[test]
    fn published_tasks_are_watched_unless_somebody_does_not_want_that() {
        let minute = Duration::from_secs(60);
        assert_eq!(retain(&[]), Ok(Retain::UntilDone { lost_after: minute }));
        assert_eq!(retain(&[("OUTBOX_RETAIN_UNTIL_DONE", "false")]), Ok(Retain::UntilPublished));
        let soon = Retain::UntilDone { lost_after: Duration::from_secs(2) };
        assert_eq!(retain(&[("OUTBOX_LOST_AFTER", "2s")]), Ok(soon));
        for (name, value) in [("OUTBOX_RETAIN_UNTIL_DONE", "yes"), ("OUTBOX_LOST_AFTER", "2h")] {
            assert!(retain(&[(name, value)]).is_err(), "{name}={value}");
        }
    }
}
