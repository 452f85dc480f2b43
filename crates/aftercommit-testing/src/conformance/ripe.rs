//! Cases about when a group is ripe, and when to look again.

use std::time::Duration;

use aftercommit_core::{GroupRules, Timestamp};

use super::Stage;
use super::group_steps::{AT_ONCE, GRACE, QUIET, RulesExt, add, gather, ids_of, sizes};
use super::task::{MILLI, SECOND, queue};

area!(conformance_of_ripe, ripe:
    a_group_is_ripe_when_nothing_was_added_for_the_grace_period,
    each_task_added_starts_the_grace_period_anew,
    a_group_is_ripe_when_its_oldest_task_has_waited_long_enough,
    a_group_is_ripe_when_it_is_full,
    the_rule_that_holds_first_counts,
    a_limit_of_zero_only_looks,
    the_next_ripe_moment_is_the_earliest_of_all_groups,
    no_group_means_no_next_moment,
);

/// Nothing to gather before a moment, exactly one batch with these tasks at it.
async fn is_ripe_exactly_at(s: &Stage, rules: &GroupRules, at: Timestamp, wanted: &[&str]) {
    let early = gather(s, &["q"], rules, 10).await;
    assert_eq!((early.batches, early.next_at), (Vec::new(), Some(at)));
    s.pass(at.since(s.now()) - MILLI).await;
    let early = gather(s, &["q"], rules, 10).await;
    assert_eq!((early.batches, early.next_at), (Vec::new(), Some(at)), "a millisecond before");
    s.pass(MILLI).await;
    let gathered = gather(s, &["q"], rules, 10).await;
    assert_eq!(gathered.batches.iter().map(ids_of).collect::<Vec<_>>(), [wanted], "on time");
    assert_eq!(gathered.next_at, None);
}

async fn a_group_is_ripe_when_nothing_was_added_for_the_grace_period(s: Stage) {
    s.pass(Duration::from_millis(501)).await;
    add(&s, "q", "g", ["a", "b"]).await;
    is_ripe_exactly_at(&s, &QUIET, s.after(GRACE), &["a", "b"]).await;
}

async fn each_task_added_starts_the_grace_period_anew(s: Stage) {
    for name in ["a", "b", "c"] {
        add(&s, "q", "g", [name]).await;
        s.pass(GRACE - SECOND).await;
    }
    is_ripe_exactly_at(&s, &QUIET, s.after(SECOND), &["a", "b", "c"]).await;
}

async fn a_group_is_ripe_when_its_oldest_task_has_waited_long_enough(s: Stage) {
    let rules = QUIET.max_delay(GRACE * 2);
    let wanted = s.after(GRACE * 2);
    for name in ["a", "b", "c", "d"] {
        add(&s, "q", "g", [name]).await;
        s.pass(GRACE / 2).await;
    }
    assert_eq!(s.now(), wanted);
    let gathered = gather(&s, &["q"], &rules, 10).await;
    assert_eq!(gathered.batches.iter().map(ids_of).collect::<Vec<_>>(), [["a", "b", "c", "d"]]);
    add(&s, "q", "g", ["e"]).await;
    s.pass(GRACE - MILLI).await;
    add(&s, "q", "g", ["f"]).await;
    s.pass(GRACE - MILLI).await;
    add(&s, "q", "g", ["h"]).await;
    is_ripe_exactly_at(&s, &rules, s.after(MILLI * 2), &["e", "f", "h"]).await;
}

async fn a_group_is_ripe_when_it_is_full(s: Stage) {
    let rules = QUIET.max_size(3);
    add(&s, "q", "g", ["a", "b"]).await;
    assert_eq!(gather(&s, &["q"], &rules, 10).await.batches, []);
    add(&s, "q", "g", ["c"]).await;
    let gathered = gather(&s, &["q"], &rules, 10).await;
    assert_eq!(gathered.batches.iter().map(ids_of).collect::<Vec<_>>(), [["a", "b", "c"]]);
    assert_eq!(gathered.next_at, None);
}

async fn the_rule_that_holds_first_counts(s: Stage) {
    let rules = QUIET.max_delay(GRACE * 3).max_size(100);
    add(&s, "q", "g", ["a"]).await;
    s.pass(SECOND).await;
    add(&s, "q", "g", ["b"]).await;
    is_ripe_exactly_at(&s, &rules, s.after(GRACE), &["a", "b"]).await;
    let rules = QUIET.max_delay(GRACE / 2).max_size(100);
    add(&s, "q", "g", ["c"]).await;
    is_ripe_exactly_at(&s, &rules, s.after(GRACE / 2), &["c"]).await;
}

async fn a_limit_of_zero_only_looks(s: Stage) {
    add(&s, "q", "g", ["a"]).await;
    let ripe = s.after(GRACE);
    let gathered = gather(&s, &["q"], &QUIET, 0).await;
    assert_eq!((gathered.batches, gathered.next_at), (Vec::new(), Some(ripe)));
    s.pass(GRACE).await;
    let gathered = gather(&s, &["q"], &QUIET, 0).await;
    assert_eq!(gathered.batches, []);
    assert!(gathered.next_at.is_some_and(|next| next <= s.now()));
    assert_eq!(sizes(&s, "q").await, [("g".into(), 1)]);
}

async fn the_next_ripe_moment_is_the_earliest_of_all_groups(s: Stage) {
    add(&s, "q", "late", ["a"]).await;
    s.pass(SECOND).await;
    add(&s, "r", "early", ["b"]).await;
    s.pass(SECOND * 3).await;
    add(&s, "q", "late", ["c"]).await;
    let next = gather(&s, &["q", "r"], &QUIET, 10).await.next_at;
    assert_eq!(next, Some(s.after(GRACE - SECOND * 3)));
    let rules = QUIET.max_delay(SECOND * 30);
    let next = gather(&s, &["q", "r"], &rules, 10).await.next_at;
    assert_eq!(next, Some(s.after(SECOND * 26)), "the oldest task of the first group");
}

async fn no_group_means_no_next_moment(s: Stage) {
    s.put("q", ["a"]).await;
    for names in [&["q", "nowhere"][..], &[]] {
        let gathered = gather(&s, names, &AT_ONCE, 10).await;
        assert_eq!((gathered.batches, gathered.next_at), (Vec::new(), None));
    }
    assert_eq!(s.backend().queues().await.expect("queues"), [queue("q")]);
}
