//! Redis has done what it was asked to, and the answer is lost on the way back.

use std::time::Duration;

use aftercommit::TaskState;

use crate::answers::{
    ON_THE_WAY, enqueue_without_an_answer, is_done_all_the_same, lose_the_answer,
    lose_the_answer_to_a_settle_of_50, settles_that_do_not_arrive, setup,
};
use crate::audit::What;
use crate::kit::{Job, Rig, Setup, play};

const MS: Duration = Duration::from_millis(1);

#[test]
fn of_a_fetch() {
    let (verdict, lines) = play(setup("answer of a fetch lost"), async |rig| {
        rig.enqueue(200, Job::Short).await;
        rig.proxy().delay(ON_THE_WAY).await;
        let worker = rig.work(20, 5 * MS);
        lose_the_answer(rig, rig.until_counted(TaskState::Active, 20)).await;
        rig.healed();
        rig.drained().await;
        assert_eq!(rig.counted().await.1, 0, "no attempt is burnt");
        worker.shut_down().await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    assert_eq!(lines.with(&["put back tasks of a dequeue whose answer was lost", "returned=20"]), 1);
    assert_eq!(lines.with(&["recovered"]), 0, "nobody had to wait for a lease to end");
}

#[test]
fn of_a_fetch_that_comes_late() {
    let setup = Setup::proxied("fetch delivered after it was given up", 500 * MS);
    let (verdict, lines) = play(setup, async |rig| {
        let worker = rig.work(20, 5 * MS);
        rig.enqueue(20, Job::Held).await;
        rig.until(What::Started, 20).await;
        // The worker has no slot. Once it has, its fetch is under way for longer than its answer is waited for.
        let producer = rig.produce(100, Duration::ZERO);
        producer.await.unwrap();
        rig.proxy().delay(2_000 * MS).await;
        rig.let_go();
        tokio::time::sleep(1_000 * MS).await;
        rig.proxy().delay(Duration::ZERO).await;
        rig.healed();
        rig.drained().await;
        worker.shut_down().await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    assert_eq!(lines.with(&["recovered"]), 0, "nobody had to wait for a lease to end");
}

#[test]
fn of_a_settle() {
    let (verdict, lines) = play(setup("answer of a settle lost"), async |rig| {
        let worker = rig.work(50, MS);
        rig.enqueue(50, Job::Held).await;
        rig.until(What::Started, 50).await;
        lose_the_answer_to_a_settle_of_50(rig).await;
        assert_eq!(rig.counted().await.0, 150, "each is counted once");
        worker.shut_down().await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    assert_eq!(lines.with(&["ERROR"]), 0);
    assert_eq!(lines.with(&["lease lost"]), 0, "they were written down");
    assert_eq!(lines.with(&["by a call whose answer was lost"]), 1);
}

#[test]
fn settles_that_never_arrive_are_tried_until_they_do() {
    let (verdict, lines) = play(setup("settles refused for 3 s"), settles_that_do_not_arrive);
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    assert_eq!(lines.with(&["lease lost"]), 0);
}

/// How many scripts Redis has run by their hash.
fn scripts_run(rig: &Rig) -> u64 {
    let stats = rig.redis(&["INFO", "commandstats"]);
    let calls = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls=")?.split(',').next());
    calls.unwrap().parse().unwrap()
}

#[test]
fn of_an_enqueue() {
    let (verdict, _) = play(setup("answer of an enqueue lost"), async |rig| {
        rig.enqueue(10, Job::Short).await;
        let before = scripts_run(rig);
        let stored = rig.until_redis_says(&["LLEN", "asynq:{default}:pending"], "11");
        let id = enqueue_without_an_answer(rig, stored).await;
        assert_eq!(scripts_run(rig), before + 1, "it was sent once");
        is_done_all_the_same(rig, &id).await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
}
