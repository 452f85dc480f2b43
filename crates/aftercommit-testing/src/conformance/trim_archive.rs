//! Cases about keeping an archive within its limits.

use std::time::Duration;

use aftercommit_core::{ArchiveLimits, Operation, QueueName, Refusal, Selection, State};

use super::Stage;
use super::stage::STATES;
use super::task::{MILLI, SECOND, TaskExt, queue, task};

area!(conformance_of_trim_archive, trim_archive:
    the_oldest_beyond_the_number_are_deleted,
    a_task_is_deleted_exactly_when_it_is_too_old,
    both_limits_hold,
    an_archive_within_its_limits_is_left_alone,
    no_more_than_the_limit_are_deleted_and_the_oldest_first,
    each_queue_has_its_own_archive,
    only_the_named_queues_are_trimmed,
    only_archived_tasks_are_trimmed,
    a_trimmed_task_frees_its_lock_and_its_id,
    a_lock_that_has_passed_on_is_not_freed_by_its_first_owner,
    limits_of_nothing_keep_nothing,
    trimming_counts_as_nothing,
    many_tasks_are_trimmed_in_steps,
);

const AGE: Duration = Duration::from_secs(3_600);

const fn limits(max_tasks: usize, max_age: Duration) -> ArchiveLimits {
    ArchiveLimits { max_tasks, max_age }
}

async fn trim(s: &Stage, names: &[&str], limits: ArchiveLimits, limit: usize) -> usize {
    let names: Vec<QueueName> = names.iter().map(|name| queue(name)).collect();
    s.backend().trim_archive(&names, &limits, limit).await.expect("trim")
}

/// Archives tasks, a second apart.
async fn archive(s: &Stage, name: &str, ids: &[&str]) {
    for id in ids {
        s.bring(name, id, State::Archived).await;
        s.pass(SECOND).await;
    }
}

async fn the_oldest_beyond_the_number_are_deleted(s: Stage) {
    archive(&s, "q", &["c", "a", "b", "d"]).await;
    assert_eq!(trim(&s, &["q"], limits(2, AGE), 10).await, 2);
    assert_eq!(s.listed("q", State::Archived).await, ["b", "d"]);
    assert_eq!(s.counts("q").await, [0, 0, 0, 0, 2, 0]);
    assert_eq!(s.find("q", "c").await, None);
    assert_eq!(trim(&s, &["q"], limits(2, AGE), 10).await, 0, "again");
}

async fn a_task_is_deleted_exactly_when_it_is_too_old(s: Stage) {
    s.bring("q", "a", State::Archived).await;
    s.pass(AGE - MILLI).await;
    assert_eq!(trim(&s, &["q"], limits(10, AGE), 10).await, 0, "a millisecond before");
    s.pass(MILLI).await;
    assert_eq!(trim(&s, &["q"], limits(10, AGE), 10).await, 1, "on time");
    assert_eq!(s.find("q", "a").await, None);
}

async fn both_limits_hold(s: Stage) {
    archive(&s, "q", &["a", "b"]).await;
    s.pass(AGE).await;
    archive(&s, "q", &["c", "d", "e"]).await;
    assert_eq!(trim(&s, &["q"], limits(4, AGE), 10).await, 2, "two are too old, one of them is too many");
    assert_eq!(trim(&s, &["q"], limits(1, AGE), 10).await, 2);
    assert_eq!(s.listed("q", State::Archived).await, ["e"]);
}

async fn an_archive_within_its_limits_is_left_alone(s: Stage) {
    archive(&s, "q", &["a", "b"]).await;
    for limits in [limits(2, AGE), ArchiveLimits::default(), limits(usize::MAX, Duration::MAX)] {
        assert_eq!(trim(&s, &["q"], limits, 10).await, 0, "{limits:?}");
    }
    assert_eq!(s.listed("q", State::Archived).await, ["a", "b"]);
}

async fn no_more_than_the_limit_are_deleted_and_the_oldest_first(s: Stage) {
    archive(&s, "q", &["a", "b", "c", "d", "e"]).await;
    assert_eq!(trim(&s, &["q"], limits(1, AGE), 0).await, 0);
    assert_eq!(trim(&s, &["q"], limits(1, AGE), 3).await, 3);
    assert_eq!(s.listed("q", State::Archived).await, ["d", "e"]);
    s.pass(AGE).await;
    assert_eq!(trim(&s, &["q"], limits(10, AGE), 1).await, 1);
    assert_eq!(s.listed("q", State::Archived).await, ["e"]);
}

async fn each_queue_has_its_own_archive(s: Stage) {
    archive(&s, "q", &["a", "b", "c"]).await;
    archive(&s, "r", &["a", "b"]).await;
    assert_eq!(trim(&s, &["q", "r"], limits(2, AGE), 10).await, 1);
    assert_eq!((s.counts("q").await[4], s.counts("r").await[4]), (2, 2));
    assert_eq!(trim(&s, &["q", "r"], limits(1, AGE), 1).await, 1, "the limit is for all queues together");
    assert_eq!(s.counts("q").await[4] + s.counts("r").await[4], 3);
}

async fn only_the_named_queues_are_trimmed(s: Stage) {
    archive(&s, "q", &["a"]).await;
    archive(&s, "r", &["a"]).await;
    assert_eq!(trim(&s, &["r", "nowhere"], limits(0, AGE), 10).await, 1);
    assert_eq!(trim(&s, &[], limits(0, AGE), 10).await, 0);
    assert_eq!(s.listed("q", State::Archived).await, ["a"]);
    assert_eq!(s.backend().queues().await.expect("queues"), ["q", "r"].map(queue));
}

async fn only_archived_tasks_are_trimmed(s: Stage) {
    for state in STATES.into_iter().rev() {
        s.bring("q", state.as_str(), state).await;
    }
    s.pass(AGE).await;
    assert_eq!(trim(&s, &["q"], limits(0, SECOND), 10).await, 1);
    assert_eq!(s.counts("q").await, [1, 1, 1, 1, 0, 1]);
}

async fn a_trimmed_task_frees_its_lock_and_its_id(s: Stage) {
    let unique = |task_id: &str| task("q", task_id).unique_for(AGE * 2);
    s.bring_task(unique("a"), State::Archived).await;
    assert_eq!(s.enqueue(unique("b")).await, Err(Refusal::Duplicate));
    s.pass(AGE).await;
    assert_eq!(trim(&s, &["q"], limits(10, AGE), 10).await, 1);
    assert_eq!(s.enqueue(unique("a")).await, Ok(()));
}

async fn a_lock_that_has_passed_on_is_not_freed_by_its_first_owner(s: Stage) {
    s.bring_task(task("q", "first").unique_for(SECOND * 60), State::Archived).await;
    s.pass(SECOND * 60).await;
    assert_eq!(s.enqueue(task("q", "second").unique_for(SECOND * 60)).await, Ok(()));
    assert_eq!(trim(&s, &["q"], limits(0, AGE), 10).await, 1);
    assert_eq!(s.enqueue(task("q", "third").unique_for(SECOND)).await, Err(Refusal::Duplicate));
}

async fn limits_of_nothing_keep_nothing(s: Stage) {
    archive(&s, "q", &["a"]).await;
    archive(&s, "r", &["a"]).await;
    assert_eq!(trim(&s, &["q"], limits(0, AGE), 10).await, 1);
    assert_eq!(trim(&s, &["r"], limits(10, Duration::ZERO), 10).await, 1);
}

async fn trimming_counts_as_nothing(s: Stage) {
    archive(&s, "q", &["a"]).await;
    let before = s.processed_and_failed("q").await;
    assert_eq!(trim(&s, &["q"], limits(0, AGE), 10).await, 1);
    assert_eq!(s.processed_and_failed("q").await, before);
}

async fn many_tasks_are_trimmed_in_steps(s: Stage) {
    s.put("q", (0..500).map(|i| i.to_string())).await;
    let all = Selection::State(State::Pending);
    let operation = Operation::Archive;
    let archived = s.backend().operate_all(&queue("q"), &all, operation, 500).await;
    assert_eq!(archived.expect("operate all"), 500);
    let steps = [trim(&s, &["q"], limits(50, AGE), 200).await, trim(&s, &["q"], limits(50, AGE), 200).await];
    assert_eq!(steps, [200, 200]);
    assert_eq!(trim(&s, &["q"], limits(50, AGE), 200).await, 50);
    assert_eq!(s.counts("q").await, [0, 0, 0, 0, 50, 0]);
}
