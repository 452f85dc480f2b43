//! Cases about serving several queues: a worker's draw and the back-end's spill-over together keep the
//! weights, starve nobody, and keep strict priority strict.

use std::collections::BTreeMap;

use aftercommit_core::{LeaseGrant, QueueOrder, QueueSet, WorkerId};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::Stage;
use super::task::{LEASE, queue};

area!(conformance_of_weights, weights:
    tasks_are_taken_in_proportion_to_the_weights,
    single_tasks_are_taken_in_proportion_too,
    the_lightest_queue_does_not_starve,
    an_empty_heavy_queue_leaves_its_share_to_the_others,
    a_weight_of_zero_or_less_is_ignored,
    strict_priority_serves_the_heaviest_until_it_is_empty,
);

fn queues(order: QueueOrder, weights: &[(&str, i32)]) -> QueueSet {
    QueueSet::new(order, weights.iter().map(|(name, weight)| (queue(name), *weight)))
}

/// Makes so many calls, each for so many tasks, and counts what each queue gave.
async fn served(s: &Stage, queues: &QueueSet, calls: usize, wanted: usize) -> BTreeMap<String, usize> {
    let mut rng = StdRng::seed_from_u64(7);
    let grant = LeaseGrant { worker: WorkerId::from_stored("suite:1:worker"), duration: LEASE };
    let mut served = BTreeMap::new();
    for _ in 0..calls {
        let leased = s.backend().dequeue(&queues.draw(wanted, &mut rng), &grant).await.expect("dequeue");
        for leased in leased {
            *served.entry(leased.lease.queue.to_string()).or_default() += 1;
        }
    }
    served
}

async fn fill(s: &Stage, name: &str, tasks: usize) {
    s.put(name, (0..tasks).map(|i| i.to_string())).await;
}

const WEIGHTS: [(&str, i32); 3] = [("critical", 6), ("default", 3), ("low", 1)];

async fn tasks_are_taken_in_proportion_to_the_weights(s: Stage) {
    for (name, _) in WEIGHTS {
        fill(&s, name, 500).await;
    }
    let served = served(&s, &queues(QueueOrder::Weighted, &WEIGHTS), 10, 50).await;
    let wanted = [("critical", 300), ("default", 150), ("low", 50)];
    assert_eq!(served, wanted.map(|(name, count)| (name.to_owned(), count)).into());
}

async fn single_tasks_are_taken_in_proportion_too(s: Stage) {
    for (name, _) in WEIGHTS {
        fill(&s, name, 400).await;
    }
    let served = served(&s, &queues(QueueOrder::Weighted, &WEIGHTS), 300, 1).await;
    assert_eq!(served.values().sum::<usize>(), 300);
    for (name, weight) in WEIGHTS {
        let wanted = 30 * weight.unsigned_abs() as usize;
        assert!(served[name].abs_diff(wanted) <= 25, "{name} gave {} where {wanted} are due", served[name]);
    }
}

async fn the_lightest_queue_does_not_starve(s: Stage) {
    fill(&s, "heavy", 400).await;
    fill(&s, "light", 10).await;
    let weights = queues(QueueOrder::Weighted, &[("heavy", 20), ("light", 1)]);
    let served = served(&s, &weights, 300, 1).await;
    assert!(served["light"] > 0, "{served:?}");
}

async fn an_empty_heavy_queue_leaves_its_share_to_the_others(s: Stage) {
    fill(&s, "default", 40).await;
    fill(&s, "low", 40).await;
    let served = served(&s, &queues(QueueOrder::Weighted, &WEIGHTS), 2, 20).await;
    assert_eq!(served.values().sum::<usize>(), 40, "each call is full: {served:?}");
}

async fn a_weight_of_zero_or_less_is_ignored(s: Stage) {
    for name in ["served", "zero", "less"] {
        fill(&s, name, 5).await;
    }
    let weights = queues(QueueOrder::Weighted, &[("served", 1), ("zero", 0), ("less", -3)]);
    let served = served(&s, &weights, 3, 10).await;
    assert_eq!(served, [("served".to_owned(), 5)].into());
}

async fn strict_priority_serves_the_heaviest_until_it_is_empty(s: Stage) {
    for (name, _) in WEIGHTS {
        fill(&s, name, 30).await;
    }
    let strict = queues(QueueOrder::Strict, &WEIGHTS);
    let mut gave = Vec::new();
    for _ in 0..5 {
        let served = served(&s, &strict, 1, 20).await;
        gave.push(WEIGHTS.map(|(name, _)| served.get(name).copied().unwrap_or(0)));
    }
    assert_eq!(gave, [[20, 0, 0], [10, 10, 0], [0, 20, 0], [0, 0, 20], [0, 0, 10]]);
}
