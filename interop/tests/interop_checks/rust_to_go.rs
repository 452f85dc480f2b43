//! Check 2: what we enqueue is what Go would have stored, and Go's worker leaves of it what it leaves of its own.

use std::collections::BTreeSet;

use aftercommit_interop::{Dump, GoClient, GoInspector};

use crate::compare::{differ_only_in, own_keys_are};
use crate::corpus::{self, Case};
use crate::ground::{Ground, hasty};
use crate::report;

const GO: u32 = 0;
const RUST: u32 = 1;

/// What asynq takes and we do not: a timeout of zero is a mistake, and there is one kind of empty payload.
const REFUSED_BY_US: [&str; 3] =
    ["timeout of zero", "timeout of zero and deadline of zero", "unique, nil and empty payload"];

/// Where what we store is not what Go stores.
const STORED_DIFFERENTLY: &[&str] = &[
    "asynq:queues holds",
    "timeout of zero: pending: only go's",
    "timeout of zero: t:id-1: only go's",
    "timeout of zero and deadline of zero: pending: only go's",
    "timeout of zero and deadline of zero: t:id-1: only go's",
    // What is shorter than a second is one, not none.
    "timeout below a second: t:id-1 msg.8",
    "retention below a second: t:id-1 msg.12",
    // A deadline that is given is there; a moment before 1970 is 1970 here.
    "deadline before the epoch: t:id-1 msg.9",
    "deadline of zero: t:id-1 msg.8",
    "deadline of zero: t:id-1 msg.9",
    // One kind of empty payload, with the lock of Go's nil.
    "unique, empty payload: t:id-1 field unique_key",
    "unique, empty payload: t:id-1 msg.10",
    "unique, empty payload: unique:ok:email:send:: only ours",
    "unique, empty payload: unique:ok:email:send:d41d8cd98f00b204e9800998ecf8427e: only go's",
    "unique, nil and empty payload: pending holds",
    "unique, nil and empty payload: t:empty: only go's",
    "unique, nil and empty payload: unique:ok:email:send:d41d8cd98f00b204e9800998ecf8427e: only go's",
    // The lock of a grouped task can be freed by deleting it.
    "group, unique: t:id-1 field unique_key",
    "everything in a group: t:id-1 field unique_key",
    // A scheduled task of a group gets there.
    "group, scheduled: groups: only ours",
    "group, scheduled: t:id-1 field group",
    // A refused id leaves no lock.
    "unique with an id that is taken: unique:ok:email:send:c2dfd55ca132de3681d3337e55684be7: only go's",
];

/// Where what Go's worker leaves of it is not what it leaves of its own.
const LEFT_DIFFERENTLY: &[&str] = &[
    "asynq:queues holds",
    "timeout of zero: processed: only go's",
    "timeout of zero: processed:DAY: only go's",
    "timeout of zero and deadline of zero: processed: only go's",
    "timeout of zero and deadline of zero: processed:DAY: only go's",
    "unique, nil and empty payload: processed holds",
    "unique, nil and empty payload: processed:DAY holds",
    "deadline before the epoch: t:id-1 msg.9",
    // The deadline had passed, where Go knows none.
    "deadline of zero: failed: only ours",
    "deadline of zero: failed:DAY: only ours",
    "deadline of zero: retry: only ours",
    "deadline of zero: t:id-1: only ours",
    "retention below a second: completed: only ours",
    "retention below a second: t:id-1: only ours",
    "everything in a group: t:id-1 field unique_key",
    "unique with an id that is taken: unique:ok:email:send:c2dfd55ca132de3681d3337e55684be7: only go's",
];

#[tokio::test]
async fn what_we_enqueue_is_what_go_would_have_stored_and_go_runs_it() {
    let ground = Ground::new();
    let cases = [corpus::enqueued(), corpus::ended()].concat();
    enqueue(&ground, &cases).await;
    let go = Dump::of(&ground.redis(GO)).await.unwrap();
    let ours = Dump::of(&ground.redis(RUST)).await.unwrap();
    differ_only_in(STORED_DIFFERENTLY, &ours, &go, &cases);
    let scheduled = cases.iter().filter(|case| case.is_scheduled());
    let due: BTreeSet<String> = scheduled.map(|case| format!("{}: x:due", case.name)).collect();
    own_keys_are(&due, &ours, &cases);
    report::passed("2", "Rust -> Go, stored", cases.len(), "the same bytes, but for those listed");

    let (go, ours) = tokio::join!(run(&ground, GO, &cases), run(&ground, RUST, &cases));
    differ_only_in(LEFT_DIFFERENTLY, &ours, &go, &cases);
    own_keys_are(&due, &ours, &cases);
    report::passed("2", "Rust -> Go, run", cases.len(), "the same keys and fields, but for those listed");
}

/// Enqueues everything twice, by each side in its own database.
async fn enqueue(ground: &Ground, cases: &[Case]) {
    let mut go = GoClient::start(&ground.redis(GO)).await.unwrap();
    let client = ground.client(RUST);
    let mut refused = BTreeSet::new();
    for case in cases {
        for task in &case.tasks {
            let go = go.enqueue(task).await.map(|info| info.state);
            let ours = corpus::enqueue(&client, task).await.map(|stored| stored.state.to_string());
            if ours.is_err() && go.is_ok() {
                refused.insert(&*case.name);
            } else {
                assert_eq!(ours.ok(), go.ok(), "{}", case.name);
            }
        }
    }
    assert_eq!(refused, BTreeSet::from(REFUSED_BY_US));
}

async fn run(ground: &Ground, db: u32, cases: &[Case]) -> Dump {
    let (redis, raw, queues) = (ground.redis(db), ground.raw(db), corpus::queues(cases));
    let worker = ground.go(db, &hasty(queues.iter().map(String::as_str)), "go").await;
    raw.drained_with_what_waits(&mut GoInspector::start(&redis).await.unwrap(), &queues).await;
    worker.stop().await.unwrap();
    Dump::of(&redis).await.unwrap()
}
