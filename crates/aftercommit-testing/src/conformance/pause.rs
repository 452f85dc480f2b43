//! Cases about pausing a queue: it stops giving tasks, and nothing else stops.

use aftercommit_core::{Outcome, State};

use super::Stage;
use super::task::{LEASE, SECOND, TaskExt, complete, ids, queue, retry, task};

area!(conformance_of_pause, pause:
    a_paused_queue_says_since_when,
    a_second_pause_changes_nothing,
    a_resumed_queue_gives_again,
    resuming_what_is_not_paused_changes_nothing,
    a_queue_may_be_paused_before_it_exists,
    a_queue_that_was_only_paused_does_not_exist_yet,
    a_pause_is_for_one_queue,
    a_pause_stops_nothing_but_giving,
);

async fn pause(s: &Stage, name: &str) {
    s.backend().pause(&queue(name)).await.expect("pause");
}

async fn resume(s: &Stage, name: &str) {
    s.backend().resume(&queue(name)).await.expect("resume");
}

async fn a_paused_queue_says_since_when(s: Stage) {
    s.put("q", ["a"]).await;
    assert_eq!(s.queue_info("q").await.paused_since, None);
    pause(&s, "q").await;
    assert_eq!(s.queue_info("q").await.paused_since, Some(s.now()));
    resume(&s, "q").await;
    assert_eq!(s.queue_info("q").await.paused_since, None);
}

async fn a_second_pause_changes_nothing(s: Stage) {
    s.put("q", ["a"]).await;
    let since = s.now();
    pause(&s, "q").await;
    s.pass(SECOND).await;
    pause(&s, "q").await;
    assert_eq!(s.queue_info("q").await.paused_since, Some(since));
    resume(&s, "q").await;
    assert_eq!(s.take("q", 1).await.len(), 1, "one resume is enough");
}

async fn a_resumed_queue_gives_again(s: Stage) {
    s.put("q", ["a", "b"]).await;
    pause(&s, "q").await;
    assert_eq!(s.take("q", 2).await, []);
    resume(&s, "q").await;
    assert_eq!(ids(&s.take("q", 2).await), ["a", "b"]);
}

async fn resuming_what_is_not_paused_changes_nothing(s: Stage) {
    s.put("q", ["a"]).await;
    let before = s.queue_info("q").await;
    resume(&s, "q").await;
    resume(&s, "nowhere").await;
    assert_eq!(s.queue_info("q").await, before);
    assert_eq!(s.backend().queues().await.expect("queues"), [queue("q")]);
}

async fn a_queue_may_be_paused_before_it_exists(s: Stage) {
    let since = s.now();
    pause(&s, "q").await;
    s.pass(SECOND).await;
    s.put("q", ["a"]).await;
    assert_eq!(s.queue_info("q").await.paused_since, Some(since));
    assert_eq!(s.take("q", 1).await, []);
    resume(&s, "q").await;
    assert_eq!(s.take("q", 1).await.len(), 1);
}

async fn a_queue_that_was_only_paused_does_not_exist_yet(s: Stage) {
    pause(&s, "q").await;
    assert_eq!(s.backend().queues().await.expect("queues"), []);
    assert_eq!(s.backend().queue(&queue("q")).await.expect("queue"), None);
}

async fn a_pause_is_for_one_queue(s: Stage) {
    s.put("q", ["a"]).await;
    s.put("r", ["b"]).await;
    pause(&s, "q").await;
    assert_eq!(ids(&s.take_from(&[("q", 1), ("r", 1)]).await), ["b"]);
    assert_eq!(s.queue_info("r").await.paused_since, None);
}

async fn a_pause_stops_nothing_but_giving(s: Stage) {
    s.put("q", ["done", "kept", "failed"]).await;
    let taken = s.take("q", 3).await;
    pause(&s, "q").await;
    assert!(s.extend(&[taken[0].lease.clone()], LEASE).await[0].is_ok(), "leases are extended");
    assert_eq!(s.settle(&taken[0], Outcome::Done).await, Ok(()));
    assert_eq!(s.settle(&taken[1], complete(SECOND)).await, Ok(()));
    assert_eq!(s.settle(&taken[2], retry(s.after(SECOND))).await, Ok(()));
    assert_eq!(s.enqueue(task("q", "new")).await, Ok(()), "tasks are stored");
    assert_eq!(s.enqueue(task("q", "later").at(s.after(SECOND * 2))).await, Ok(()));
    s.pass(SECOND * 2).await;
    assert_eq!(s.forward("q").await, 2, "due tasks are forwarded");
    assert_eq!(s.backend().delete_expired(&[queue("q")], 10).await.expect("delete expired"), 1);
    assert_eq!(s.listed("q", State::Pending).await, ["new", "failed", "later"]);
}
