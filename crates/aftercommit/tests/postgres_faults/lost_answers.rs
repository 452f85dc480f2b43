//! Postgres has done what it was asked to, and the answer is lost on the way back.

use std::time::{Duration, Instant};

use aftercommit::postgres::PostgresTx;
use aftercommit::{Error, Result};
use sqlx::PgPool;

use crate::audit::What;
use crate::kit::{Job, Network, Rig, Setup, play};

const MS: Duration = Duration::from_millis(1);
/// How long an answer is under way: long enough to cut it off.
const ON_THE_WAY: Duration = Duration::from_millis(400);
const ACTIVE: &str = "SELECT count(*) FROM aftercommit.tasks WHERE state = 3";

fn setup(fault: &'static str) -> Setup {
    let mut setup = Setup::new(fault);
    setup.network = Network::Proxied(Duration::from_secs(5));
    setup
}

/// Waits until Postgres has done it, and cuts off the answer.
async fn lose_the_answer(rig: &Rig, sql: &str, answer: &str) {
    rig.until_postgres_says(sql, answer).await;
    rig.proxy().cut().await;
    rig.proxy().delay(Duration::ZERO).await;
}

#[test]
fn of_a_fetch() {
    let (verdict, _) = play(setup("answer of a fetch lost"), async |rig| {
        let worker = rig.work(20, 5 * MS);
        // The worker has its connections and its statements, so that its next call is one round trip.
        rig.enqueue(20, Job::Held).await;
        rig.until(What::Started, 20).await;
        rig.proxy().delay(ON_THE_WAY).await;
        rig.let_go();
        rig.enqueue(100, Job::Short).await;
        lose_the_answer(rig, &format!("{ACTIVE} AND payload = '\"Short\"'"), "20").await;
        let healed = Instant::now();
        rig.drained().await;
        // Nobody knows of the tasks that were taken, so they wait until their lease ends.
        rig.recovered_in(healed.elapsed());
        assert_eq!(rig.counted().await.1, 0, "no attempt is burnt");
        worker.shut_down().await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
}

#[test]
fn of_a_settle() {
    let (verdict, lines) = play(setup("answer of a settle lost"), async |rig| {
        let worker = rig.work(50, MS);
        rig.enqueue(100, Job::Short).await;
        rig.until(What::Finished, 100).await;
        rig.enqueue(50, Job::Held).await;
        rig.until(What::Started, 150).await;
        rig.proxy().delay(ON_THE_WAY).await;
        rig.let_go();
        lose_the_answer(rig, ACTIVE, "0").await;
        rig.healed();
        rig.produce(100, Duration::ZERO).await.unwrap();
        rig.drained().await;
        assert_eq!(rig.counted().await.0, 250, "each is counted once");
        worker.shut_down().await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    assert_eq!(lines.with(&["ERROR"]), 0);
}

#[test]
fn settles_that_never_arrive_are_tried_until_they_do() {
    let (verdict, lines) = play(setup("settles refused for 3 s"), async |rig| {
        let worker = rig.work(50, MS);
        rig.enqueue(50, Job::Held).await;
        rig.until(What::Started, 50).await;
        rig.proxy().refuse().await;
        rig.let_go();
        rig.until(What::Finished, 50).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(rig.sql(ACTIVE), "50");
        rig.proxy().open().await;
        rig.healed();
        rig.produce(100, Duration::ZERO).await.unwrap();
        rig.drained().await;
        assert_eq!(rig.counted().await.0, 150, "each is counted once");
        worker.shut_down().await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    assert_eq!(lines.with(&["lease lost"]), 0);
}

#[test]
fn of_an_enqueue() {
    let (verdict, _) = play(setup("answer of an enqueue lost"), async |rig| {
        rig.enqueue(10, Job::Short).await;
        rig.proxy().delay(ON_THE_WAY).await;
        let id = rig.next_id();
        let call = tokio::spawn({
            let (client, id) = (rig.client.clone(), id.clone());
            async move { client.enqueue(&Job::Short).id(id).await }
        });
        lose_the_answer(rig, "SELECT count(*) FROM aftercommit.tasks", "11").await;
        assert!(call.await.unwrap().unwrap_err().is_transient(), "the caller hears that nothing is known");
        let worker = rig.work(10, MS);
        rig.until(What::Finished, 11).await;
        rig.drained().await;
        worker.shut_down().await;
        assert!(rig.ledger.ids(What::Finished).contains(&id), "it was stored all the same");
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
}

#[test]
fn of_a_commit() {
    let (verdict, _) = play(setup("answer of a commit lost, repeated"), async |rig| {
        let worker = rig.work(10, MS);
        let (id, pool) = (rig.next_id(), rig.host_pool_through_the_proxy());
        let tx = with_task(rig, &pool, &id).await.unwrap();
        rig.proxy().delay(ON_THE_WAY).await;
        let commit = tokio::spawn(tx.commit());
        let stored =
            "SELECT (SELECT count(*) FROM aftercommit.tasks) + (SELECT count(*) FROM aftercommit.ended)";
        rig.until_postgres_says(stored, "1").await;
        rig.proxy().cut().await;
        rig.proxy().delay(Duration::ZERO).await;
        let error = commit.await.unwrap().unwrap_err();
        assert!(error.is_transient(), "nobody knows whether it is stored: {error:?}");
        // The caller does the same once more, under the same id, and learns it.
        assert!(matches!(with_task(rig, &pool, &id).await, Err(Error::IdConflict { .. })));
        rig.ledger.note(&id, What::Acknowledged);
        rig.healed();
        rig.produce(10, MS).await.unwrap();
        rig.drained().await;
        worker.shut_down().await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
}

/// A transaction of the host in which a task is stored that is kept for a while.
async fn with_task(rig: &Rig, pool: &PgPool, id: &str) -> Result<PostgresTx> {
    let mut tx = rig.backend.begin(pool).await?;
    let retention = Duration::from_secs(3_600);
    rig.backend.enqueue_in(&mut tx, &Job::Short).id(id).retention(retention).await?;
    Ok(tx)
}
