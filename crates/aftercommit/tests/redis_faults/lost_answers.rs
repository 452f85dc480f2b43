//! Redis has done what it was asked to, and the answer is lost on the way back.

use std::time::Duration;

use crate::audit::What;
use crate::kit::{Job, Network, Rig, Setup, play};

const MS: Duration = Duration::from_millis(1);
/// How long an answer is under way: long enough to cut it off.
const ON_THE_WAY: Duration = Duration::from_millis(400);

fn setup(fault: &'static str) -> Setup {
    let mut setup = Setup::new(fault);
    setup.network = Network::Proxied(Duration::from_secs(3));
    setup
}

/// Waits until Redis has done it, and cuts off the answer.
async fn lose_the_answer(rig: &mut Rig, words: &[&str], answer: &str) {
    rig.until_redis_says(words, answer).await;
    rig.proxy().cut().await;
    rig.proxy().delay(Duration::ZERO).await;
    rig.healed();
}

#[test]
fn of_a_fetch() {
    let (verdict, lines) = play(setup("answer of a fetch lost"), async |rig| {
        rig.enqueue(200, Job::Short).await;
        rig.proxy().delay(ON_THE_WAY).await;
        let worker = rig.work(20, 5 * MS);
        lose_the_answer(rig, &["LLEN", "asynq:{default}:active"], "20").await;
        rig.drained().await;
        assert_eq!(rig.redis(&["GET", "asynq:{default}:failed"]), "", "no attempt is burnt");
        worker.shut_down().await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    assert_eq!(lines.with(&["put back tasks of a dequeue whose answer was lost", "returned=20"]), 1);
    assert_eq!(lines.with(&["recovered"]), 0, "nobody had to wait for a lease to end");
}

#[test]
fn of_a_fetch_that_comes_late() {
    let mut setup = Setup::new("fetch delivered after it was given up");
    setup.network = Network::Proxied(500 * MS);
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
        rig.proxy().delay(ON_THE_WAY).await;
        rig.let_go();
        lose_the_answer(rig, &["LLEN", "asynq:{default}:active"], "0").await;
        rig.produce(100, Duration::ZERO).await.unwrap();
        rig.drained().await;
        assert_eq!(rig.redis(&["GET", "asynq:{default}:processed"]), "150", "each is counted once");
        worker.shut_down().await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    assert_eq!(lines.with(&["ERROR"]), 0);
    assert_eq!(lines.with(&["lease lost"]), 0, "they were written down");
    assert_eq!(lines.with(&["by a call whose answer was lost"]), 1);
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
        assert_eq!(rig.redis(&["LLEN", "asynq:{default}:active"]), "50");
        rig.proxy().open().await;
        rig.healed();
        rig.produce(100, Duration::ZERO).await.unwrap();
        rig.drained().await;
        assert_eq!(rig.redis(&["GET", "asynq:{default}:processed"]), "150", "each is counted once");
        worker.shut_down().await;
    });
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
        rig.proxy().delay(ON_THE_WAY).await;
        let id = rig.next_id();
        let call = tokio::spawn({
            let (client, id) = (rig.client.clone(), id.clone());
            async move { client.enqueue(&Job::Short).id(id).await }
        });
        lose_the_answer(rig, &["LLEN", "asynq:{default}:pending"], "11").await;
        assert!(call.await.unwrap().unwrap_err().is_transient(), "the caller hears that nothing is known");
        assert_eq!(scripts_run(rig), before + 1, "it was sent once");
        let worker = rig.work(10, MS);
        rig.until(What::Finished, 11).await;
        rig.drained().await;
        worker.shut_down().await;
        assert!(rig.ledger.ids(What::Finished).contains(&id), "it was stored all the same");
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
}
