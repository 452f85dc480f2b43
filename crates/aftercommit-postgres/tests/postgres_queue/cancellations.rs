//! A wish that a task be stopped reaches every listener, in whatever order the wishes are committed.

use std::time::Duration;

use aftercommit_core::{Cancellations, Presence, QueueName, TaskId};
use futures_util::StreamExt;
use sqlx::{PgConnection, PgPool};

use crate::kit::Kit;

/// For what has to happen sooner or later; to fail, not to wait.
const SOON: Duration = Duration::from_secs(10);

async fn wish(conn: &mut PgConnection, id: &str) {
    let wish = "INSERT INTO aftercommit.cancellations (queue, id, requested_at)
                VALUES ('q', $1, aftercommit.moment(NULL))";
    sqlx::query(wish).bind(id).execute(conn).await.expect("it is written");
}

async fn committed(pool: &PgPool, id: &str) {
    wish(&mut pool.acquire().await.expect("a connection"), id).await;
}

async fn heard(listener: &mut Cancellations) -> String {
    let next = tokio::time::timeout(SOON, listener.next()).await.expect("it is heard soon");
    next.expect("the stream goes on").id.to_string()
}

#[tokio::test]
async fn a_wish_is_heard_although_one_with_a_later_number_was_heard_before() {
    let kit = Kit::new().await;
    let mut listener = kit.queue.cancellations();
    let mut slow = kit.pool.begin().await.expect("a transaction");
    wish(&mut slow, "slow").await;
    committed(&kit.pool, "fast").await;
    assert_eq!(heard(&mut listener).await, "fast");
    committed(&kit.pool, "second").await;
    kit.queue.wake();
    assert_eq!(heard(&mut listener).await, "second");
    slow.commit().await.expect("it commits");
    kit.queue.wake();
    assert_eq!(heard(&mut listener).await, "slow");
    committed(&kit.pool, "last").await;
    kit.queue.wake();
    assert_eq!(heard(&mut listener).await, "last", "and no other one again");
}

#[tokio::test]
async fn wishes_of_many_transactions_at_once_are_each_heard_once() {
    const WISHES: usize = 200;
    let kit = Kit::new().await;
    let listener = kit.queue.cancellations();
    let hearing = tokio::spawn(async move { listener.take(WISHES).collect::<Vec<_>>().await });
    let queue = QueueName::new("q").expect("a name");
    let wishes = (0..WISHES).map(|n| {
        let (kit_queue, queue) = (kit.queue.clone(), queue.clone());
        let id = TaskId::new(format!("task-{n:03}")).expect("an id");
        tokio::spawn(async move { kit_queue.cancel(&queue, &id).await })
    });
    for wish in wishes.collect::<Vec<_>>() {
        wish.await.expect("it ends").expect("it is written");
    }
    let heard = tokio::time::timeout(SOON, hearing).await.expect("all are heard").expect("it ends");
    let mut ids: Vec<_> = heard.into_iter().map(|wish| wish.id.to_string()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..WISHES).map(|n| format!("task-{n:03}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_wish_of_another_process_reaches_a_stream_that_was_opened_before() {
    let kit = Kit::new().await;
    let mut listener = kit.queue.cancellations();
    let (other, queue) = (kit.handle(), QueueName::new("q").expect("a name"));
    for id in ["first", "second"] {
        other.cancel(&queue, &TaskId::new(id).expect("an id")).await.expect("it is written");
        assert_eq!(heard(&mut listener).await, id);
    }
}

#[tokio::test]
async fn a_wish_between_the_subscription_and_the_first_look_is_heard_and_none_before() {
    let kit = Kit::new().await;
    let queue = QueueName::new("q").expect("a name");
    let cancel = async |id: &str| {
        let id = TaskId::new(id).expect("an id");
        kit.queue.cancel(&queue, &id).await.expect("it is written");
    };
    cancel("before").await;
    let mut listener = kit.queue.cancellations();
    cancel("after").await;
    assert_eq!(heard(&mut listener).await, "after");
}
