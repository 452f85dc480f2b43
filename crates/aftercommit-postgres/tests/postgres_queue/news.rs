//! How commits are noticed: told at once in the process that committed, by a notification in others, by looking in all.

use std::time::{Duration, Instant};

use aftercommit_core::{Broker as _, Outbox as _, QueueName, Wake, Wakes};
use aftercommit_postgres::{PostgresOptions, PostgresOutbox, PostgresQueue};
use aftercommit_servers::{ChaosProxy, PgBouncer};
use futures_util::StreamExt as _;

use crate::kit::{Kit, task};

const MS: Duration = Duration::from_millis(1);
/// For what has to happen sooner or later; to fail, not to wait.
const SOON: Duration = Duration::from_secs(20);
/// After so long a quiet, looks are as far apart as they get.
const QUIET: Duration = Duration::from_millis(700);
/// The promise for what nobody tells of is 300 ms; the rest is for a machine that is busy with something else.
const BY_LOOKING: Duration = Duration::from_millis(1_500);
const ROUNDS: u32 = 8;

fn wakes(queue: &PostgresQueue) -> Wakes {
    queue.wakes(Wake::Pending, &[QueueName::default()])
}

/// Takes the hints there are, until none comes for a while.
async fn quiet(wakes: &mut Wakes) {
    while tokio::time::timeout(QUIET, wakes.next()).await.is_ok() {}
}

async fn hint(wakes: &mut Wakes) {
    tokio::time::timeout(SOON, wakes.next()).await.expect("a hint comes").expect("the stream goes on");
}

/// How a host commits.
#[derive(Debug, Clone, Copy)]
enum Commit {
    OfTheQueue,
    FollowedByWake,
    Alone,
}

/// Commits a task and deletes it once it is noticed; says how long that took, at the median.
async fn noticed(kit: &Kit, queue: &PostgresQueue, wakes: &mut Wakes, how: Commit) -> Duration {
    let mut took = Vec::new();
    for _ in 0..ROUNDS {
        quiet(wakes).await;
        let committed = match how {
            Commit::OfTheQueue => {
                let mut tx = queue.begin(&kit.pool).await.expect("a transaction");
                queue.enqueue_raw_in(&mut tx, task()).await.expect("it is stored");
                let committed = Instant::now();
                tx.commit().await.expect("it commits");
                committed
            }
            Commit::FollowedByWake | Commit::Alone => {
                let mut tx = kit.pool.begin().await.expect("a transaction");
                queue.enqueue_raw_in(&mut tx, task()).await.expect("it is stored");
                let committed = Instant::now();
                tx.commit().await.expect("it commits");
                if matches!(how, Commit::FollowedByWake) {
                    queue.wake();
                }
                committed
            }
        };
        hint(wakes).await;
        took.push(committed.elapsed());
        sqlx::query("DELETE FROM aftercommit.tasks").execute(&kit.pool).await.expect("it is deleted");
    }
    took.sort_unstable();
    took[took.len() / 2]
}

#[tokio::test]
async fn commit_is_told_at_once_in_its_process_and_soon_in_others() {
    let kit = Kit::new().await;
    let other = kit.handle();
    for how in [Commit::OfTheQueue, Commit::FollowedByWake] {
        let here = noticed(&kit, &kit.queue, &mut wakes(&kit.queue), how).await;
        let there = noticed(&kit, &kit.queue, &mut wakes(&other), how).await;
        // Looks alone would take 125 ms at the median.
        assert!(here < 50 * MS && there < 50 * MS, "{how:?}: {here:?} here, {there:?} there");
    }
}

#[tokio::test]
async fn commit_that_nobody_tells_of_is_found_by_looking() {
    let kit = Kit::new().await;
    let took = noticed(&kit, &kit.queue, &mut wakes(&kit.queue), Commit::Alone).await;
    assert!(took < BY_LOOKING, "{took:?}");
}

#[tokio::test]
async fn behind_a_pooler_alone_looks_find_everything() {
    let kit = Kit::new().await;
    let pooler = PgBouncer::start(&kit.server, 2).expect("a pooler");
    let options = PostgresOptions::parse(&pooler.url(&kit.database)).expect("the pooler's address").pooled();
    let queue = PostgresQueue::new(&options);
    queue.migrate().await.expect("the tables are there");
    let took = noticed(&kit, &kit.queue, &mut wakes(&queue), Commit::OfTheQueue).await;
    assert!(took < BY_LOOKING, "{took:?}");
    assert_eq!(kit.listeners().await, Vec::<i32>::new());
}

#[tokio::test]
async fn a_rollback_is_no_news() {
    let kit = Kit::new().await;
    let mut wakes = wakes(&kit.queue);
    quiet(&mut wakes).await;
    for explicit in [true, false] {
        let mut tx = kit.queue.begin(&kit.pool).await.expect("a transaction");
        kit.queue.enqueue_raw_in(&mut tx, task()).await.expect("it is stored");
        if explicit { tx.rollback().await.expect("it rolls back") } else { drop(tx) }
    }
    assert!(tokio::time::timeout(QUIET, wakes.next()).await.is_err(), "nothing was committed");
}

#[tokio::test]
async fn clones_listen_together_and_with_the_last_stream_it_ends() {
    let kit = Kit::new().await;
    let clone = kit.queue.clone();
    let mut streams =
        [wakes(&kit.queue), wakes(&clone), clone.wakes(Wake::Due, &[]), clone.wakes(Wake::Groups, &[])];
    for stream in &mut streams {
        quiet(stream).await;
    }
    let mut relays = PostgresOutbox::beside(&clone).wakes();
    kit.queue.wake();
    hint(&mut relays).await;
    assert_eq!(kit.listeners().await.len(), 1);
    drop((streams, relays));
    kit.until(async |kit| kit.listeners().await.is_empty()).await;
    let mut again = wakes(&clone);
    hint(&mut again).await;
    kit.until(async |kit| kit.listeners().await.len() == 1).await;
}

#[tokio::test]
async fn listener_that_was_ended_listens_again_and_gives_a_hint() {
    let kit = Kit::new().await;
    let mut wakes = wakes(&kit.queue);
    quiet(&mut wakes).await;
    let before = kit.listeners().await;
    sqlx::query("SELECT pg_terminate_backend($1)").bind(before[0]).execute(&kit.pool).await.expect("it ends");
    hint(&mut wakes).await;
    kit.until(async |kit| kit.listeners().await.len() == 1).await;
    assert_ne!(kit.listeners().await, before);
}

#[tokio::test]
async fn listener_notices_a_connection_that_has_silently_gone() {
    let kit = Kit::new().await;
    let proxy = ChaosProxy::start(kit.server.addr()).await.expect("a proxy");
    let through = kit.url.replace(&kit.server.addr().to_string(), &proxy.addr().to_string());
    // Calls go past the bad network, so only the silence itself can tell.
    let options = PostgresOptions::parse(&kit.url).expect("an address").direct(&through).expect("an address");
    let queue = PostgresQueue::new(&options);
    let mut wakes = wakes(&queue);
    quiet(&mut wakes).await;
    let before = kit.listeners().await;
    assert_eq!(before.len(), 1);
    proxy.stall().await;
    // A silence of two seconds, and two and a half to answer.
    tokio::time::sleep(Duration::from_secs(6)).await;
    proxy.open().await;
    kit.until(async |kit| kit.listeners().await.iter().any(|pid| !before.contains(pid))).await;
}

#[tokio::test]
async fn a_process_that_stores_a_task_and_closes_has_told_the_others() {
    let kit = Kit::new().await;
    let mut heard = sqlx::postgres::PgListener::connect(&kit.url).await.expect("a connection");
    heard.listen("aftercommit").await.expect("it listens");
    for _ in 0..ROUNDS {
        let queue = kit.handle();
        let mut tx = queue.begin(&kit.pool).await.expect("a transaction");
        queue.enqueue_raw_in(&mut tx, task()).await.expect("it is stored");
        tx.commit().await.expect("it commits");
        queue.close().await;
        let told = tokio::time::timeout(SOON, heard.recv()).await.expect("others are told");
        let topics =
            told.expect("the connection holds").payload().rsplit(' ').next().map(|it| it.contains('p'));
        assert_eq!(topics, Some(true), "of a pending task");
    }
}
