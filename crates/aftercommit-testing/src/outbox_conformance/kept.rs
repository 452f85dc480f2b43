//! Cases about rows that are kept although their tasks are published, until somebody has seen that those ended.

use aftercommit_core::{Backlog, Error, Kept, NewTask, Observed, Options, RowState, Sight};

use super::OutboxStage;
use super::stage::{HOLD, LATER, SECOND, ids, keys, new, raw};

outbox_area!(outbox_conformance_of_kept, kept:
    a_kept_row_is_not_claimed_again,
    a_kept_row_is_due_for_a_look_at_its_moment,
    a_row_is_looked_at_by_one_at_a_time,
    those_that_are_due_longest_are_looked_at_first,
    a_row_is_kept_although_somebody_else_has_claimed_it_since,
    keeping_again_changes_nothing,
    a_kept_row_says_what_is_known_of_its_task,
    what_was_seen_is_told_at_the_next_look,
    who_lost_a_kept_row_writes_nothing_down,
    a_closed_row_is_gone_and_its_id_is_free,
);

async fn a_kept_row_is_not_claimed_again(s: OutboxStage) {
    s.add(["a", "b"]).await;
    let claim = s.claim(2).await;
    s.keep(claim.rows[0].key).await;
    s.pass(LATER);
    assert_eq!(ids(&s.claim(9).await), ["b"]);
    s.mark(&keys(&claim)[1..]).await;
    assert_eq!(s.claim(9).await.next_at, None, "nothing of it is waited for");
    assert_eq!(s.backlog().await, Backlog { kept: 1, ..Backlog::default() });
}

async fn a_kept_row_is_due_for_a_look_at_its_moment(s: OutboxStage) {
    assert_eq!((s.watch(9).await.rows, s.watch(9).await.next_at), (vec![], None));
    s.add(["a"]).await;
    let key = s.claim_one().await.key;
    assert_eq!(s.watch(9).await.next_at, None, "a claimed row is not looked at");
    s.keep(key).await;
    let due = s.after(SECOND);
    let early = s.watch(9).await;
    assert_eq!((early.rows.len(), early.next_at), (0, Some(due)));
    s.pass(SECOND);
    assert_eq!((s.watch(0).await.rows.len(), s.watch(9).await.rows.len()), (0, 1));
}

async fn a_row_is_looked_at_by_one_at_a_time(s: OutboxStage) {
    s.add(["a"]).await;
    let claimed = s.claim_one().await.key;
    s.keep(claimed).await;
    s.pass(SECOND);
    let first = s.watch_one().await.key;
    assert_ne!(first, claimed);
    let other = s.other_process().await.watch(9, HOLD).await.expect("watch");
    assert_eq!((other.rows.len(), other.next_at), (0, Some(s.after(HOLD))));
    s.pass(HOLD);
    let second = s.watch_one().await.key;
    assert_eq!(first.seq, second.seq);
    assert_ne!(first.epoch, second.epoch);
}

async fn those_that_are_due_longest_are_looked_at_first(s: OutboxStage) {
    s.add(["a", "b", "c"]).await;
    let claim = s.claim(3).await;
    let kept = |place: usize, seconds: u32| Kept {
        key: claim.rows[place].key,
        seen_at: s.now(),
        look_at: s.after(SECOND * seconds),
    };
    s.outbox().keep(&[kept(0, 3), kept(1, 1), kept(2, 2)]).await.expect("keep");
    s.pass(SECOND * 5);
    let watched = s.watch(2).await;
    assert_eq!(watched.rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["b", "c"]);
    assert_eq!(s.watch_one().await.id.as_str(), "a");
}

async fn a_row_is_kept_although_somebody_else_has_claimed_it_since(s: OutboxStage) {
    s.add(["a"]).await;
    let slow = s.claim_one().await.key;
    s.pass(LATER);
    let second = s.claim_one().await.key;
    s.keep(slow).await;
    s.postpone(second, s.after(SECOND)).await;
    assert_eq!(s.backlog().await, Backlog { kept: 1, ..Backlog::default() });
}

async fn keeping_again_changes_nothing(s: OutboxStage) {
    s.add(["a"]).await;
    let key = s.claim_one().await.key;
    s.keep(key).await;
    let published = s.now();
    s.pass(SECOND);
    s.keep(key).await;
    let row = s.watch_one().await;
    assert_eq!((row.published_at, row.seen_at), (published, published));
    s.outbox().keep(&[]).await.expect("keep");
}

async fn a_kept_row_says_what_is_known_of_its_task(s: OutboxStage) {
    let options = Options::new().id("a").queue("other").process_in(SECOND * 90);
    let due = s.after(SECOND * 90);
    s.commit(vec![NewTask::from(raw()).with(options)]).await.pop().expect("an answer").expect("it is stored");
    let key = s.claim_one().await.key;
    let seen_at = s.now();
    s.pass(SECOND);
    let kept = Kept { key, seen_at, look_at: s.after(SECOND) };
    s.outbox().keep(&[kept]).await.expect("keep");
    let published_at = s.now();
    s.pass(SECOND);
    let row = s.watch_one().await;
    assert_eq!((row.queue.as_str(), row.id.as_str()), ("other", "a"));
    assert_eq!((row.due_at, row.published_at, row.seen_at), (Some(due), published_at, seen_at));
    assert_eq!((row.missing_since, row.losses), (None, 0));
    let listed = s.list(RowState::Kept).await;
    assert_eq!((listed[0].published_at, &*listed[0].id), (Some(published_at), "a"));
}

async fn what_was_seen_is_told_at_the_next_look(s: OutboxStage) {
    s.add(["a"]).await;
    let key = s.claim_one().await.key;
    s.keep(key).await;
    s.pass(SECOND);
    let mut told = Vec::new();
    let first = s.now();
    for sight in [Sight::Seen(first), Sight::Missing(first.plus(SECOND)), Sight::Seen(first)] {
        let key = s.watch_one().await.key;
        let observed = Observed { key, sight, look_at: s.after(SECOND * 2) };
        s.outbox().observe(&[observed]).await.expect("observe");
        assert_eq!(s.watch(1).await.next_at, Some(s.after(SECOND * 2)));
        s.pass(SECOND * 2);
        let row = s.outbox().watch(1, SECOND).await.expect("watch").rows.pop().expect("it is due");
        told.push((row.seen_at, row.missing_since));
        s.pass(SECOND);
    }
    assert_eq!(told, [(first, None), (first, Some(first.plus(SECOND))), (first, None)]);
    s.outbox().observe(&[]).await.expect("observe");
}

async fn who_lost_a_kept_row_writes_nothing_down(s: OutboxStage) {
    s.add(["a"]).await;
    let key = s.claim_one().await.key;
    s.keep(key).await;
    s.pass(SECOND);
    let lost = s.watch_one().await.key;
    s.pass(HOLD);
    let held = s.watch_one().await.key;
    let missing = |key| Observed { key, sight: Sight::Missing(s.now()), look_at: s.after(SECOND) };
    s.outbox().observe(&[missing(lost)]).await.expect("observe");
    s.outbox().publish_again(&[lost]).await.expect("publish again");
    s.bury(lost, "why").await;
    assert_eq!(s.watch(1).await.next_at, Some(s.after(HOLD)), "the hold stands");
    assert_eq!(s.backlog().await, Backlog { kept: 1, ..Backlog::default() });
    s.outbox().observe(&[missing(held)]).await.expect("observe");
    s.pass(SECOND);
    assert_eq!(s.watch_one().await.missing_since, Some(held_at(&s)));
}

/// A second ago.
fn held_at(s: &OutboxStage) -> aftercommit_core::Timestamp {
    s.now().minus(SECOND)
}

async fn a_closed_row_is_gone_and_its_id_is_free(s: OutboxStage) {
    s.add(["a"]).await;
    let key = s.claim_one().await.key;
    s.keep(key).await;
    let refused = s.commit(vec![new("a")]).await;
    assert!(matches!(refused[0], Err(Error::IdConflict { .. })), "{refused:?}");
    s.pass(SECOND);
    let watched = s.watch_one().await.key;
    s.mark(&[watched]).await;
    assert_eq!(s.backlog().await, Backlog::default());
    s.add(["a"]).await;
    s.outbox().publish_again(&[watched]).await.expect("publish again");
    s.bury(watched, "late").await;
    assert_eq!(ids(&s.claim(9).await), ["a"]);
}
