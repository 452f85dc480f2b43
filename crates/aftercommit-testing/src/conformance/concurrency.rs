//! Cases in which several act at the same moment: each transition happens once, and nothing is lost.

use std::collections::BTreeMap;
use std::sync::Arc;

use aftercommit_core::{
    Action, Backend, InspectExt, LeaseGrant, Leased, Outcome, Placement, Quota, Settlement, State, WorkerId,
};
use tokio::task::JoinSet;

use super::Stage;
use super::task::{LEASE, RECOVERED, SECOND, TaskExt, archive, complete, id, queue, settlement, task};

area!(conformance_of_concurrency, concurrency:
    five_thousand_tasks_are_given_once_each,
    tasks_that_come_while_others_take_are_all_processed,
    of_several_enqueues_of_one_id_exactly_one_wins,
    of_several_unique_tasks_exactly_one_wins,
    of_several_settles_of_one_lease_exactly_one_wins,
    of_several_recoverers_exactly_one_wins,
    several_forwarders_move_each_task_once,
    of_several_operators_exactly_one_runs_a_task,
    an_enqueue_in_one_queue_does_not_disturb_another,
);

/// How many act at once.
const ACTORS: usize = 8;

/// Runs `act` several times at once and collects what comes of it.
async fn at_once<F, T>(s: &Stage, act: impl Fn(Arc<dyn Backend>, usize) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let actors: JoinSet<T> = (0..ACTORS).map(|actor| act(s.shared(), actor)).collect();
    actors.join_all().await
}

fn grant(actor: usize) -> LeaseGrant {
    LeaseGrant { worker: WorkerId::from_stored(&format!("suite:1:actor-{actor}")), duration: LEASE }
}

/// Takes until nothing is left, a few at a time.
async fn take_all(backend: Arc<dyn Backend>, actor: usize, step: usize) -> Vec<Leased> {
    let mut mine = Vec::new();
    loop {
        let quotas = [Quota { queue: queue("q"), count: step }];
        let leased = backend.dequeue(&quotas, &grant(actor)).await.expect("dequeue");
        if leased.is_empty() {
            return mine;
        }
        mine.extend(leased);
        assert!(mine.len() <= 5_000, "there are not so many tasks");
    }
}

async fn five_thousand_tasks_are_given_once_each(s: Stage) {
    for chunk in 0..10 {
        s.put("q", (0..500).map(|i| format!("{}", chunk * 500 + i))).await;
    }
    let taken = at_once(&s, |backend, actor| take_all(backend, actor, 7 + actor * 5)).await;
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for leased in taken.iter().flatten() {
        *times.entry(leased.lease.id.to_string()).or_default() += 1;
    }
    assert_eq!(times.values().filter(|times| **times > 1).count(), 0, "given more than once");
    assert_eq!(times.len(), 5_000, "lost");
    assert_eq!(s.counts("q").await, [0, 5_000, 0, 0, 0, 0]);
}

const EACH: usize = 100;

/// Enqueues, takes and settles at the same time as others do; ends when all tasks are settled.
async fn produce_and_consume(backend: Arc<dyn Backend>, actor: usize) -> usize {
    let mut settled = 0;
    for i in 0..EACH {
        let new = [task("q", &format!("{actor}-{i}"))];
        assert_eq!(backend.enqueue(&new).await.expect("enqueue"), [Ok(())]);
        let quotas = [Quota { queue: queue("q"), count: 3 }];
        let leased = backend.dequeue(&quotas, &grant(actor)).await.expect("dequeue");
        let batch: Vec<Settlement> = leased.iter().map(|l| settlement(l, Outcome::Done)).collect();
        for answer in backend.settle(&batch).await.expect("settle") {
            assert_eq!(answer, Ok(()), "nobody else holds the lease");
            settled += 1;
        }
    }
    settled
}

async fn tasks_that_come_while_others_take_are_all_processed(s: Stage) {
    let settled = at_once(&s, produce_and_consume).await.into_iter().sum::<usize>();
    let rest = s.take("q", ACTORS * EACH).await;
    assert_eq!(settled + rest.len(), ACTORS * EACH);
    let batch: Vec<_> = rest.iter().map(|leased| settlement(leased, Outcome::Done)).collect();
    assert_eq!(s.settle_all(&batch).await, vec![Ok(()); rest.len()]);
    assert_eq!(s.counts("q").await, [0; 6]);
    assert_eq!(s.processed_and_failed("q").await, ((ACTORS * EACH) as u64, 0));
}

const ROUNDS: usize = 20;

async fn of_several_enqueues_of_one_id_exactly_one_wins(s: Stage) {
    for round in 0..ROUNDS {
        let won = at_once(&s, |backend, actor| async move {
            let placement = if actor % 2 == 0 {
                Placement::Now
            } else {
                Placement::At(aftercommit_core::Timestamp::from_millis(0))
            };
            let mine = task("q", &round.to_string()).with(|message| message.max_retry = actor as u32);
            let batch = [aftercommit_core::Enqueue { placement, ..mine }];
            backend.enqueue(&batch).await.expect("enqueue")[0].is_ok().then_some(actor as u32)
        })
        .await;
        let winners: Vec<u32> = won.into_iter().flatten().collect();
        assert_eq!(winners, [s.info("q", &round.to_string()).await.message.max_retry]);
    }
}

async fn of_several_unique_tasks_exactly_one_wins(s: Stage) {
    for round in 0..ROUNDS {
        let won = at_once(&s, |backend, actor| async move {
            let mine = task("q", &format!("{round}-{actor}")).unique_for(SECOND * 60);
            let mine = mine.with(|message| message.payload = round.to_string().into());
            backend.enqueue(&[mine]).await.expect("enqueue")[0].is_ok()
        })
        .await;
        assert_eq!(won.into_iter().filter(|won| *won).count(), 1, "round {round}");
    }
    assert_eq!(s.counts("q").await, [ROUNDS as u64, 0, 0, 0, 0, 0]);
}

async fn of_several_settles_of_one_lease_exactly_one_wins(s: Stage) {
    for round in 0..ROUNDS {
        s.put("q", [round.to_string()]).await;
        let leased = s.take_one("q").await;
        let won = at_once(&s, |backend, actor| {
            let outcome = [archive(), complete(SECOND)][actor % 2].clone();
            let batch = [settlement(&leased, outcome)];
            async move { backend.settle(&batch).await.expect("settle")[0].is_ok() }
        })
        .await;
        assert_eq!(won.into_iter().filter(|won| *won).count(), 1, "round {round}");
    }
    let (processed, failed) = s.processed_and_failed("q").await;
    assert_eq!((processed, failed), (ROUNDS as u64, s.counts("q").await[4]), "each counted once");
}

async fn of_several_recoverers_exactly_one_wins(s: Stage) {
    s.put("q", (0..100).map(|i| i.to_string())).await;
    s.take("q", 100).await;
    s.pass(LEASE).await;
    let recovered = at_once(&s, |backend, _| async move {
        let orphans = backend.orphans(&[queue("q")], 100).await.expect("orphans");
        let batch: Vec<_> = orphans.iter().map(|orphan| settlement(&orphan.leased, RECOVERED)).collect();
        let answers = backend.settle(&batch).await.expect("settle");
        answers.into_iter().filter(Result::is_ok).count()
    })
    .await;
    assert_eq!(recovered.into_iter().sum::<usize>(), 100);
    let pending = s.list("q", State::Pending).await;
    assert_eq!(pending.len(), 100);
    assert!(pending.iter().all(|info| info.message.recovered == 1), "each counted once");
}

async fn several_forwarders_move_each_task_once(s: Stage) {
    let due = s.after(SECOND);
    for chunk in 0..2 {
        let batch: Vec<_> = (0..500).map(|i| task("q", &format!("{}", chunk * 500 + i)).at(due)).collect();
        assert_eq!(s.enqueue_all(&batch).await, vec![Ok(()); 500]);
    }
    s.pass(SECOND).await;
    let moved = at_once(&s, |backend, _| async move {
        let mut moved = 0;
        // Enough calls for one of them to move all; that more are not needed is the case.
        for _ in 0..1_000 / 64 + 1 {
            moved += backend.forward(&[queue("q")], 64).await.expect("forward").moved;
        }
        moved
    })
    .await;
    assert_eq!(moved.into_iter().sum::<usize>(), 1_000);
    assert_eq!(s.counts("q").await, [1_000, 0, 0, 0, 0, 0]);
}

async fn of_several_operators_exactly_one_runs_a_task(s: Stage) {
    for round in 0..ROUNDS {
        s.bring(&format!("q{round}"), "a", State::Archived).await;
        let answers = at_once(&s, |backend, _| async move {
            backend.run(&queue(&format!("q{round}")), &id("a")).await.expect("run")
        })
        .await;
        let applied = answers.iter().filter(|answer| **answer == Action::Applied).count();
        let refused = answers.iter().filter(|answer| **answer == Action::Refused(State::Pending)).count();
        assert_eq!((applied, refused), (1, ACTORS - 1), "round {round}");
    }
}

async fn an_enqueue_in_one_queue_does_not_disturb_another(s: Stage) {
    at_once(&s, |backend, actor| async move {
        for i in 0..50 {
            let batch = [task(&format!("q{actor}"), &i.to_string())];
            assert_eq!(backend.enqueue(&batch).await.expect("enqueue"), [Ok(())]);
        }
    })
    .await;
    let wanted: Vec<String> = (0..50).map(|i| i.to_string()).collect();
    for actor in 0..ACTORS {
        assert_eq!(s.listed(&format!("q{actor}"), State::Pending).await, wanted);
    }
}
