//! Tasks that the back-end cannot take.

use std::sync::Arc;
use std::time::Duration;

use super::outbox::FakeOutbox;
use super::{carry, fine, pending, relay, rows};
use crate::lines::Lines;
use crate::spy::{Abilities, Spy};

#[tokio::test(start_paused = true)]
async fn one_task_that_cannot_be_taken_is_found_and_does_not_hold_up_the_others() {
    let (bench, spy) = Spy::bench(Abilities::All);
    let outbox = FakeOutbox::new(Arc::clone(&bench.clock));
    outbox.commit(rows("a", 1_500, |i| if i == 333 { "no entry" } else { "fine" }));
    let begun = bench.now();
    let relay = carry(relay(&bench, &outbox, Arc::clone(&spy) as _));
    outbox.reaches("one left", |rows| rows.len() == 1).await;
    assert!(bench.now().since(begun) <= Duration::from_millis(50), "took {:?}", bench.now().since(begun));
    assert!(spy.seen().published.len() <= 50, "{} calls", spy.seen().published.len());
    let left = outbox.rows();
    assert_eq!((left[0].task.message.id.as_str(), left[0].attempts), ("a-0333", 1));
    assert_eq!(left[0].error.as_deref(), Some("failed to write a batch: one of it cannot be written"));
    relay.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn it_is_tried_again_and_again_and_then_set_aside() {
    let lines = Lines::listen();
    let (bench, spy) = Spy::bench(Abilities::All);
    let outbox = FakeOutbox::new(Arc::clone(&bench.clock));
    outbox.commit(rows("poison", 1, |_| "no entry"));
    let begun = bench.now();
    let relay = carry(relay(&bench, &outbox, spy).max_attempts(5));
    for i in 0..60 {
        outbox.commit(rows(&format!("{i:02}"), 1, fine));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(pending(&bench).await.len(), i + 1, "the others go on");
        if outbox.rows()[0].buried {
            break;
        }
    }
    assert!(outbox.rows()[0].buried);
    let lasted = bench.now().since(begun);
    assert!(lasted >= Duration::from_secs(7), "the pauses between its attempts grow: {lasted:?}");
    assert_eq!((relay.monitor.counts().postponed, relay.monitor.counts().buried), (4, 1));
    assert_eq!(lines.with("was set aside in the outbox"), 1, "{:#?}", lines.all());
    relay.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_back_end_that_refuses_everything_gets_no_task_set_aside() {
    let lines = Lines::listen();
    let (bench, spy) = Spy::bench(Abilities::All);
    let outbox = FakeOutbox::new(Arc::clone(&bench.clock));
    outbox.commit(rows("a", 600, |_| "no entry"));
    let relay = carry(relay(&bench, &outbox, Arc::clone(&spy) as _).max_attempts(3));
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert_eq!(outbox.rows().iter().filter(|row| row.buried).count(), 0);
    assert!(outbox.rows().iter().any(|row| row.attempts > 3));
    assert_eq!(lines.with("relay was refused by the back-end"), 1, "{} lines", lines.all().len());
    let calls = spy.seen().published.len();
    assert!(calls <= 30_000, "{calls} calls in an hour");
    // Somebody puts it right.
    outbox.commit(rows("b", 3, fine));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(pending(&bench).await.len(), 3);
    relay.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_breaks_the_connection_does_not_hold_up_the_others_for_long() {
    let (bench, spy) = Spy::bench(Abilities::All);
    let outbox = FakeOutbox::new(Arc::clone(&bench.clock));
    outbox.commit(rows("a", 200, |i| if i == 0 { "cut" } else { "fine" }));
    let begun = bench.now();
    let relay = carry(relay(&bench, &outbox, spy).max_attempts(3));
    outbox.reaches("one left", |rows| rows.len() == 1).await;
    assert!(bench.now().since(begun) <= Duration::from_secs(15), "took {:?}", bench.now().since(begun));
    for i in 0..100 {
        outbox.commit(rows(&format!("{i:02}"), 1, fine));
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let left = outbox.rows();
    assert_eq!((left.len(), left[0].buried), (1, true), "{left:?}");
    relay.shut_down().await;
}
