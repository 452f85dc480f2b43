//! Postgres has done what it was asked to, and the answer is lost on the way back.

use std::time::{Duration, Instant};

use aftercommit::postgres::PostgresTx;
use aftercommit::{Error, Result, TaskState};
use sqlx::PgPool;

use crate::answers::{
    ON_THE_WAY, enqueue_without_an_answer, is_done_all_the_same, lose_the_answer,
    lose_the_answer_to_a_settle_of_50, settles_that_do_not_arrive, setup,
};
use crate::audit::What;
use crate::kit::{Job, Rig, play};

const MS: Duration = Duration::from_millis(1);

#[test]
fn of_a_fetch() {
    let (verdict, lines) = play(setup("answer of a fetch lost"), async |rig| {
        let worker = rig.work(20, 5 * MS);
        // The worker has its connections and its statements, so that its next call is one round trip.
        rig.enqueue(20, Job::Held).await;
        rig.until(What::Started, 20).await;
        rig.proxy().delay(ON_THE_WAY).await;
        rig.let_go();
        rig.enqueue(100, Job::Short).await;
        let taken = "SELECT count(*) FROM aftercommit.tasks WHERE leased_until > 0 AND payload = '\"Short\"'";
        lose_the_answer(rig, rig.until_postgres_says(taken, "20")).await;
        let healed = Instant::now();
        rig.drained().await;
        // The next fetch gives back what nobody knows to have been taken.
        rig.recovered_in(healed.elapsed());
        assert_eq!(rig.counted().await.1, 0, "no attempt is burnt");
        worker.shut_down().await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    assert_eq!(lines.with(&["recovered a task"]), 0, "nothing waited for the end of its lease");
    assert_ne!(lines.with(&["the answer that gave them to this process was lost"]), 0);
}

#[test]
fn of_a_settle() {
    let (verdict, lines) = play(setup("answer of a settle lost"), async |rig| {
        let worker = rig.work(50, MS);
        rig.enqueue(100, Job::Short).await;
        rig.until(What::Finished, 100).await;
        rig.enqueue(50, Job::Held).await;
        rig.until(What::Started, 150).await;
        lose_the_answer_to_a_settle_of_50(rig).await;
        assert_eq!(rig.counted().await.0, 250, "each is counted once");
        worker.shut_down().await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    assert_eq!(lines.with(&["ERROR"]), 0);
}

#[test]
fn settles_that_never_arrive_are_tried_until_they_do() {
    let (verdict, lines) = play(setup("settles refused for 3 s"), settles_that_do_not_arrive);
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    assert_eq!(lines.with(&["lease lost"]), 0);
}

#[test]
fn of_an_enqueue() {
    let (verdict, _) = play(setup("answer of an enqueue lost"), async |rig| {
        rig.enqueue(10, Job::Short).await;
        let id = enqueue_without_an_answer(rig, rig.until_counted(TaskState::Pending, 11)).await;
        is_done_all_the_same(rig, &id).await;
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
        lose_the_answer(rig, rig.until_postgres_says(stored, "1")).await;
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
