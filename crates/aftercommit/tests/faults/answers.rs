//! How an answer is lost: the store has done what it was asked to, and the network breaks on the way back.

use std::future::Future;
use std::time::Duration;

use aftercommit::TaskState;

use crate::audit::What;
use crate::kit::{Job, Rig, Setup};
use crate::store::SLOW_ANSWER;

const MS: Duration = Duration::from_millis(1);
/// How long an answer is under way: long enough to cut it off.
pub(crate) const ON_THE_WAY: Duration = Duration::from_millis(400);

/// A network on which an answer that is under way is waited for.
pub(crate) fn setup(fault: &'static str) -> Setup {
    Setup::proxied(fault, SLOW_ANSWER)
}

/// Waits until the store has done it, and cuts off the answer.
pub(crate) async fn lose_the_answer(rig: &Rig, done: impl Future<Output = ()>) {
    done.await;
    rig.proxy().cut().await;
    rig.proxy().delay(Duration::ZERO).await;
}

/// Fifty tasks end at the same time, while answers are under way, and the one to their settle is lost.
pub(crate) async fn lose_the_answer_to_a_settle_of_50(rig: &Rig) {
    rig.proxy().delay(ON_THE_WAY).await;
    rig.let_go();
    lose_the_answer(rig, rig.until_counted(TaskState::Active, 0)).await;
    rig.healed();
    rig.produce(100, Duration::ZERO).await.unwrap();
    rig.drained().await;
}

/// Outcomes of fifty tasks that cannot be written down for 3 s.
pub(crate) async fn settles_that_do_not_arrive(rig: &mut Rig) {
    let worker = rig.work(50, MS);
    rig.enqueue(50, Job::Held).await;
    rig.until(What::Started, 50).await;
    rig.proxy().refuse().await;
    rig.let_go();
    rig.until(What::Finished, 50).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(rig.in_state(TaskState::Active).await, 50);
    rig.proxy().open().await;
    rig.healed();
    rig.produce(100, Duration::ZERO).await.unwrap();
    rig.drained().await;
    assert_eq!(rig.counted().await.0, 150, "each is counted once");
    worker.shut_down().await;
}

/// Stores a task beside ten others, and loses the answer once it is stored. Returns its id.
pub(crate) async fn enqueue_without_an_answer(rig: &Rig, stored: impl Future<Output = ()>) -> String {
    rig.proxy().delay(ON_THE_WAY).await;
    let id = rig.next_id();
    let call = tokio::spawn({
        let (client, id) = (rig.client.clone(), id.clone());
        async move { client.enqueue(&Job::Short).id(id).await }
    });
    lose_the_answer(rig, stored).await;
    assert!(call.await.unwrap().unwrap_err().is_transient(), "the caller hears that nothing is known");
    id
}

/// Works off the eleven tasks, of which this one was not acknowledged.
pub(crate) async fn is_done_all_the_same(rig: &Rig, id: &str) {
    let worker = rig.work(10, MS);
    rig.until(What::Finished, 11).await;
    rig.drained().await;
    worker.shut_down().await;
    assert!(rig.ledger.ids(What::Finished).contains(id), "it was stored all the same");
}
