//! A key of the queue is somebody else's, and of another type. Lua takes nothing back, so what has happened until the error
//! must be something that nobody loses a task by.

use std::time::Duration;

use aftercommit_core::{Broker as _, Clock as _, Options, Outcome, Refusal, Upkeep as _};

use crate::kit::{Bench, chain, ids, queue};

#[tokio::test]
async fn nothing_is_stored_where_pending_is_no_list() {
    let bench = Bench::new();
    bench.occupy("pending");
    let batch = [
        bench.task("a", Options::new()),
        bench.task("b", Options::new().unique_for(Duration::from_secs(60))),
    ];
    let error = bench.backend.enqueue(&batch).await.unwrap_err();
    assert!(chain(&error).contains("WRONGTYPE"), "{}", chain(&error));
    bench.ask("DEL", "pending", &[]);
    // Else a caller who tries again would be told that his task is there.
    assert_eq!(bench.backend.enqueue(&batch).await.unwrap(), [Ok(()), Ok(())]);
}

#[tokio::test]
async fn tasks_before_one_that_fails_are_stored_whole_and_it_takes_neither_id_nor_lock() {
    for (key, options) in [
        ("scheduled", Options::new().process_in(Duration::from_secs(60))),
        ("x:due", Options::new().process_in(Duration::from_secs(60))),
        ("groups", Options::new().group("g")),
        ("g:g", Options::new().group("g")),
    ] {
        let bench = Bench::new();
        bench.occupy(key);
        let failing = bench.task("b", options.unique_for(Duration::from_secs(60)));
        let batch = [bench.task("a", Options::new()), failing, bench.task("c", Options::new())];
        let error = bench.backend.enqueue(&batch).await.unwrap_err();
        assert!(chain(&error).contains("WRONGTYPE"), "{key}: {}", chain(&error));
        bench.ask("DEL", key, &[]);
        let again = bench.backend.enqueue(&batch).await.unwrap();
        assert_eq!(again, [Err(Refusal::IdConflict), Ok(()), Ok(())], "{key}");
        assert_eq!(ids(&bench.take(10).await.unwrap()), ["a", "c"], "{key}");
    }
}

#[tokio::test]
async fn what_cannot_become_active_stays_pending_in_its_order() {
    let bench = Bench::new();
    bench.put(&["a", "b", "c"]).await;
    bench.occupy("active");
    for _ in 0..2 {
        bench.take(2).await.unwrap_err();
    }
    bench.ask("DEL", "active", &[]);
    assert_eq!(ids(&bench.take(10).await.unwrap()), ["a", "b", "c"]);
}

#[tokio::test]
async fn what_cannot_be_leased_is_put_back_or_found() {
    for key in ["lease", "x:owners"] {
        let bench = Bench::new();
        bench.put(&["a", "b"]).await;
        bench.occupy(key);
        bench.take(2).await.unwrap_err();
        bench.ask("DEL", key, &[]);
        let mut left: Vec<String> =
            ids(&bench.take(2).await.unwrap()).into_iter().map(str::to_owned).collect();
        let orphans = bench.backend.orphans(&[queue()], 10).await.unwrap();
        left.extend(orphans.iter().map(|orphan| orphan.leased.lease.id.to_string()));
        left.sort();
        assert_eq!(left, ["a", "b"], "{key}");
    }
}

#[tokio::test]
async fn an_outcome_that_cannot_be_kept_leaves_its_task_active_and_can_be_tried_again() {
    let retry = |bench: &Bench| Outcome::Retry { at: bench.clock.now(), error: "e".to_owned() };
    for key in ["retry", "x:due"] {
        let bench = Bench::new();
        bench.put(&["a", "b"]).await;
        let taken = bench.take(2).await.unwrap();
        bench.occupy(key);
        bench.settle(&[(&taken[0], Outcome::Done), (&taken[1], retry(&bench))]).await.unwrap_err();
        assert_eq!(bench.settle(&[(&taken[0], Outcome::Done)]).await.unwrap(), [Ok(())], "{key}");
        bench.ask("DEL", key, &[]);
        assert_eq!(bench.settle(&[(&taken[1], retry(&bench))]).await.unwrap(), [Ok(())], "{key}");
        assert_eq!(bench.backend.forward(&[queue()], 10).await.unwrap().moved, 1, "{key}");
        assert_eq!(ids(&bench.take(2).await.unwrap()), ["b"], "{key}");
    }
}

#[tokio::test]
async fn settled_stays_settled_whatever_has_become_of_the_counters() {
    for (total, expected) in [("9223372036854775807", "1"), ("not ours", "1"), ("41", "42")] {
        let bench = Bench::new();
        bench.put(&["a", "b"]).await;
        let taken = bench.take(2).await.unwrap();
        assert_eq!(bench.settle(&[(&taken[1], Outcome::Done)]).await.unwrap(), [Ok(())]);
        bench.ask("SET", "processed", &[total]);
        let day = bench.redis(&["KEYS", "asynq:{q}:processed:*"]);
        bench.redis(&["SET", &day, "not ours"]);
        assert_eq!(bench.settle(&[(&taken[0], Outcome::Done)]).await.unwrap(), [Ok(())], "{total}");
        assert_eq!(bench.ask("GET", "processed", &[]), expected, "{total}");
    }
}
