//! Check 1: what Go enqueued, our worker runs; what is left is what Go's own worker leaves.

use std::collections::BTreeSet;

use aftercommit_interop::{Dump, GoClient, GoInspector};

use crate::compare::{differ_only_in, own_fields, own_keys_are};
use crate::corpus::{self, Case};
use crate::ground::{Ground, hasty};
use crate::report;

const GO: u32 = 0;
const RUST: u32 = 1;

/// Where what our worker leaves is not what Go's leaves. Texts of errors; and an error that is no failure does not send a
/// task to the archive, at the limit of its retries neither.
const DIFFERENT: &[&str] = &[
    "deadline before the epoch: t:id-1 msg.7",
    "archived at once: t:archived-at-once msg.7",
    "no handler: t:no-handler msg.7",
    "panic: t:panic msg.7",
    "timeout: t:timeout msg.7",
    "no failure at the limit: archived: only go's",
    "no failure at the limit: failed: only go's",
    "no failure at the limit: failed:DAY: only go's",
    "no failure at the limit: processed: only go's",
    "no failure at the limit: processed:DAY: only go's",
    "no failure at the limit: retry: only ours",
    "no failure at the limit: t:no-failure-at-the-limit field state",
];

/// The cases that end in a retry, whose exact time lies beside.
const RETRIED: [&str; 7] = [
    "deadline before the epoch",
    "retry",
    "no failure",
    "no failure at the limit",
    "panic",
    "no handler",
    "timeout",
];

#[tokio::test]
async fn what_go_enqueued_leaves_the_same_behind_whoever_runs_it() {
    let ground = Ground::new();
    let cases = [corpus::enqueued(), corpus::ended()].concat();
    let (go, ours) = tokio::join!(run(&ground, GO, &cases), run(&ground, RUST, &cases));

    differ_only_in(DIFFERENT, &ours, &go, &cases);
    let ran = cases.iter().filter(|case| !case.queues().is_empty() && !REFUSED.contains(&&*case.name));
    let owners = ran.flat_map(|case| {
        case.queues().iter().map(|_| format!("{}: x:owners", case.name)).collect::<Vec<_>>()
    });
    let due = RETRIED.iter().map(|case| format!("{case}: x:due"));
    own_keys_are(&owners.chain(due).collect(), &ours, &cases);
    assert_eq!(own_fields(&ours), BTreeSet::from(["x_exact".to_owned()]), "moments to the millisecond");
    report::passed("1", "Go -> Rust", cases.len(), "the same keys and fields, but for those listed");
}

/// The cases that asynq refuses.
const REFUSED: [&str; 5] = ["blank type", "blank queue", "blank id", "blank group", "unique below a second"];

/// Lets Go enqueue, and a worker run everything, also what is scheduled or in a group.
async fn run(ground: &Ground, db: u32, cases: &[Case]) -> Dump {
    let (redis, raw, queues) = (ground.redis(db), ground.raw(db), corpus::queues(cases));
    let mut client = GoClient::start(&redis).await.unwrap();
    for case in cases {
        client.enqueue_many(&case.tasks).await.unwrap();
    }
    let config = hasty(queues.iter().map(String::as_str));
    let worker =
        if db == GO { ground.go(db, &config, "go").await } else { ground.rust(db, &config, "rust").await };
    raw.drained_with_what_waits(&mut GoInspector::start(&redis).await.unwrap(), &queues).await;
    worker.stop().await.unwrap();
    Dump::of(&redis).await.unwrap()
}
