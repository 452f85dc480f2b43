//! Tasks that were lost in part, as by eviction, and are brought again.

use std::time::Duration;

use aftercommit_core::{Options, Published, Publisher as _, Refusal, State};

use crate::kit::Bench;

#[tokio::test]
async fn a_lost_task_is_stored_again_though_its_own_lock_is_still_there() {
    let bench = Bench::new();
    let task = |id: &str| {
        let mut task = bench.task(id, Options::new().unique_for(Duration::from_secs(60)));
        task.message.payload = "the same".into();
        task
    };
    assert_eq!(bench.backend.publish(&[task("a")]).await.unwrap(), [Ok(Published::Now)]);
    let key = [(task("a").message.queue, task("a").message.id)];
    bench.backend.forget(&key).await.unwrap();
    bench.ask("DEL", "t:a", &[]);
    bench.ask("DEL", "pending", &[]);
    assert_eq!(bench.backend.look(&key).await.unwrap(), [None]);
    assert_eq!(bench.backend.publish(&[task("b")]).await.unwrap(), [Err(Refusal::Duplicate)], "another's");
    assert_eq!(bench.backend.publish(&[task("a")]).await.unwrap(), [Ok(Published::Now)]);
    assert_eq!(bench.backend.look(&key).await.unwrap(), [Some(State::Pending)]);
}

#[tokio::test]
async fn a_look_is_one_round_trip_and_takes_a_word_of_another_program_for_no_end() {
    let bench = Bench::new();
    bench.put(&["a", "b"]).await;
    bench.ask("HSET", "t:b", &["state", "frozen"]);
    let ids: Vec<String> = (0..700).map(|nth| format!("no-{nth}")).chain(["a".into(), "b".into()]).collect();
    let tasks: Vec<_> = ids
        .iter()
        .map(|id| bench.task(id, Options::new()).message)
        .map(|message| (message.queue, message.id))
        .collect();
    let before = aftercommit_redis::internals::traffic(&bench.backend).round_trips;
    let states = bench.backend.look(&tasks).await.unwrap();
    assert_eq!(aftercommit_redis::internals::traffic(&bench.backend).round_trips - before, 1);
    assert_eq!(states[700..], [Some(State::Pending), Some(State::Pending)]);
    assert!(states[..700].iter().all(Option::is_none));
}
