//! What a look at a published task comes to. Pure: the moment is an argument.

use std::time::Duration;

use aftercommit_core::{KeptRow, Sight, State, Timestamp};

use super::retain::{RetainUntilDone, WATCHED_RETENTION};

/// What there is to do about a kept row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    /// Its task has ended: the row is of no further use.
    Ended,
    /// Look again then.
    Watched(Sight, Timestamp),
    /// It is gone: publish it again.
    Lost,
    /// It is gone again and again.
    Vanishes,
}

/// Decides what a look means.
pub(super) fn judge(row: &KeptRow, state: Option<State>, rules: &RetainUntilDone, now: Timestamp) -> Finding {
    match state {
        Some(State::Completed | State::Archived) => Finding::Ended,
        Some(_) => {
            let age = now.since(row.published_at);
            let shortest = rules.first_look.min(rules.longest_pause);
            let pause = age.clamp(shortest, rules.longest_pause);
            Finding::Watched(Sight::Seen(now), now.plus(pause))
        }
        None => {
            let since = row.missing_since.unwrap_or(now);
            if row.missing_since.is_none() || now.since(since) < rules.lost_after {
                Finding::Watched(Sight::Missing(since), since.plus(rules.lost_after))
            } else if row.losses >= rules.max_losses {
                Finding::Vanishes
            } else {
                Finding::Lost
            }
        }
    }
}

/// Whether a lost task may have ended unseen: nobody has looked at it for as long as its end can be seen.
pub(super) fn may_have_ended(row: &KeptRow, now: Timestamp) -> bool {
    row.missing_since.unwrap_or(now).since(row.seen_at) >= WATCHED_RETENTION
}

/// Since how long a task that is still there should have run.
pub(super) fn overdue(row: &KeptRow, now: Timestamp) -> Duration {
    now.since(row.due_at.map_or(row.published_at, |due| due.max(row.published_at)))
}

#[cfg(test)]
mod tests {
    use aftercommit_core::{QueueName, RowKey, TaskId};

    use super::*;

    const PUBLISHED: Timestamp = Timestamp::from_millis(1_000_000);
    const RULES: RetainUntilDone = RetainUntilDone::new();

    fn row(missing_since: Option<u64>, losses: u32) -> KeptRow {
        KeptRow {
            key: RowKey { seq: 1, epoch: 1 },
            queue: QueueName::default(),
            id: TaskId::new("a").unwrap(),
            due_at: None,
            published_at: PUBLISHED,
            seen_at: PUBLISHED,
            missing_since: missing_since.map(after),
            losses,
        }
    }

    fn after(seconds: u64) -> Timestamp {
        PUBLISHED.plus(Duration::from_secs(seconds))
    }

    #[test]
    fn a_row_is_closed_when_its_task_has_ended_and_not_before() {
        for state in State::ALL {
            let ended = matches!(state, State::Completed | State::Archived);
            let finding = judge(&row(None, 0), Some(state), &RULES, after(10));
            assert_eq!(finding == Finding::Ended, ended, "{state}");
        }
    }

    #[test]
    fn a_task_that_is_there_is_looked_for_ever_more_rarely_up_to_a_bound() {
        let (mut now, mut pauses) = (10, Vec::new());
        for _ in 0..7 {
            let finding = judge(&row(Some(3), 0), Some(State::Pending), &RULES, after(now));
            let Finding::Watched(Sight::Seen(_), next) = finding else { panic!("{finding:?}") };
            pauses.push(next.since(after(now)).as_secs());
            now += pauses[pauses.len() - 1];
        }
        assert_eq!(pauses, [10, 20, 40, 80, 160, 300, 300]);
    }

    #[test]
    fn a_task_is_lost_only_after_two_looks_that_are_far_enough_apart() {
        let missing = |since: u64| Finding::Watched(Sight::Missing(after(since)), after(since + 60));
        assert_eq!(judge(&row(None, 0), None, &RULES, after(100)), missing(100));
        assert_eq!(judge(&row(Some(100), 0), None, &RULES, after(159)), missing(100));
        assert_eq!(judge(&row(Some(100), 4), None, &RULES, after(160)), Finding::Lost);
        assert_eq!(judge(&row(Some(100), 5), None, &RULES, after(160)), Finding::Vanishes);
    }

    #[test]
    fn a_task_that_nobody_looked_at_for_long_may_have_ended() {
        assert!(!may_have_ended(&row(Some(300), 0), after(7_200)));
        assert!(may_have_ended(&row(Some(3_600), 0), after(3_660)));
    }
}
