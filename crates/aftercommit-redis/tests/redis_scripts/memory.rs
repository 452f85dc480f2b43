//! Redis has no memory left. It refuses a script at its first write, and never later: so a script does all or nothing; and
//! what makes memory free again, or keeps a task with its worker, goes through.

use std::time::Duration;

use aftercommit_core::{Broker as _, Clock as _, Lease, Options, Outcome, RequeueCause, Upkeep as _};

use crate::kit::{Bench, LEASE, chain, ids, queue};

fn no_memory(bench: &Bench) {
    bench.redis(&["CONFIG", "SET", "maxmemory", "1"]);
}

fn memory(bench: &Bench) {
    bench.redis(&["CONFIG", "SET", "maxmemory", "0"]);
}

#[tokio::test]
async fn nothing_of_a_refused_batch_is_stored() {
    let bench = Bench::new();
    let minute = Duration::from_secs(60);
    let batch = [
        bench.task("a", Options::new()),
        bench.task("b", Options::new().unique_for(minute)),
        bench.task("c", Options::new().process_in(minute)),
        bench.task("d", Options::new().group("g")),
    ];
    for _ in 0..batch.len() {
        no_memory(&bench);
        let error = bench.backend.enqueue(&batch).await.unwrap_err();
        assert!(error.is_transient(), "{}", chain(&error));
        memory(&bench);
    }
    assert_eq!(bench.backend.enqueue(&batch).await.unwrap(), [Ok(()); 4]);
}

#[tokio::test]
async fn what_waits_is_worked_off() {
    let bench = Bench::new();
    bench.put(&["a", "b", "c", "d", "e"]).await;
    // Known already: the list of queues is a write of its own.
    no_memory(&bench);
    let taken = bench.take(10).await.unwrap();
    assert_eq!(taken.len(), 5);
    let (at, error) = (bench.clock.now(), "e".to_owned());
    let retention = Duration::from_secs(60);
    let outcomes = [
        Outcome::Retry { at, error: error.clone() },
        Outcome::Complete { retention, result: Some("result".into()) },
        Outcome::Archive { error },
        Outcome::Requeue(RequeueCause::Returned),
        Outcome::Done,
    ];
    let batch: Vec<_> = taken.iter().zip(outcomes).collect();
    assert_eq!(bench.settle(&batch).await.unwrap(), [Ok(()); 5]);
    assert_eq!(bench.backend.forward(&[queue()], 10).await.unwrap().moved, 1);
    assert_eq!(ids(&bench.take(10).await.unwrap()), ["d", "a"]);
}

#[tokio::test]
async fn a_worker_keeps_what_it_runs() {
    let bench = Bench::new();
    bench.put(&["a"]).await;
    let taken = bench.take(1).await.unwrap();
    bench.beat().await;
    no_memory(&bench);
    let leases: Vec<Lease> = taken.iter().map(|leased| leased.lease.clone()).collect();
    for _ in 0..3 {
        bench.clock.advance(LEASE / 2);
        let until = bench.clock.now().plus(LEASE);
        assert_eq!(bench.backend.extend(&leases, LEASE).await.unwrap(), [Ok(until)]);
        assert_eq!(bench.backend.orphans(&[queue()], 10).await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_archived_once_there_is_memory() {
    let bench = Bench::new();
    bench.ask("HSET", "t:bad", &["msg", "\u{1}bad", "state", "pending"]);
    bench.ask("LPUSH", "pending", &["bad"]);
    no_memory(&bench);
    assert_eq!(bench.take(1).await.unwrap(), []);
    assert_eq!(bench.ask("LLEN", "active", &[]), "1", "it stands where it is found again");
    memory(&bench);
    bench.clock.advance(LEASE);
    assert_eq!(bench.backend.orphans(&[queue()], 10).await.unwrap(), []);
    assert_eq!(
        (bench.ask("LLEN", "active", &[]), bench.ask("ZCARD", "archived", &[])),
        ("0".into(), "1".into())
    );
}
