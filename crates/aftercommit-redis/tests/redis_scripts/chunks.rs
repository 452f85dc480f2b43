//! More than a script may take at once, and keys that must not stay behind.

use std::time::Duration;

use aftercommit_core::{ArchiveLimits, Inspect as _, Outcome, Presence as _, Removal, Upkeep as _};

use crate::kit::{Bench, queue, worker};

/// Far more than Lua's `unpack` can take.
const MANY: usize = 20_000;

#[tokio::test]
async fn an_archive_of_twenty_thousand_is_trimmed_and_takes_more() {
    let bench = Bench::new();
    let fill = "for i = 1, tonumber(ARGV[2]) do
        redis.call('ZADD', ARGV[1] .. 'archived', i, 'old-' .. i)
        redis.call('HSET', ARGV[1] .. 't:old-' .. i, 'msg', '', 'state', 'archived')
      end";
    bench.redis(&["EVAL", fill, "0", "asynq:{q}:", &MANY.to_string()]);
    bench.put(&["new"]).await;
    let taken = bench.take(1).await.unwrap();
    assert_eq!(
        bench.settle(&[(&taken[0], Outcome::Archive { error: "e".to_owned() })]).await.unwrap(),
        [Ok(())]
    );
    let limits = ArchiveLimits { max_tasks: 10, max_age: Duration::from_secs(86_400) };
    let mut rounds = 0;
    while bench.backend.trim_archive(&[queue()], &limits, 1_000).await.unwrap() > 0 {
        rounds += 1;
    }
    assert!(rounds >= MANY / 1_000, "{rounds}: in chunks, so that Redis serves others between them");
    assert_eq!(bench.ask("ZRANGE", "archived", &["0", "-1"]), "new", "the old ones were beyond their age");
    let left: usize = bench.redis(&["DBSIZE"]).parse().unwrap();
    assert!(left < 20, "{left} keys stayed behind");
}

#[tokio::test]
async fn a_queue_that_another_program_removed_is_listed_again_by_a_running_client() {
    let bench = Bench::new();
    bench.put(&["a"]).await;
    let taken = bench.take(1).await.unwrap();
    assert_eq!(bench.settle(&[(&taken[0], Outcome::Done)]).await.unwrap(), [Ok(())]);
    assert_eq!(bench.another().remove_queue(&queue()).await.unwrap(), Removal::Removed);
    assert_eq!(bench.redis(&["EXISTS", "asynq:queues"]), "0");
    bench.clock.advance(Duration::from_secs(60));
    bench.put(&["b"]).await;
    assert_eq!(bench.redis(&["SMEMBERS", "asynq:queues"]), "q");
}

#[tokio::test]
async fn a_worker_that_left_is_struck_off_the_owners() {
    let bench = Bench::new();
    bench.put(&["a"]).await;
    let taken = bench.take(1).await.unwrap();
    assert_eq!(bench.settle(&[(&taken[0], Outcome::Done)]).await.unwrap(), [Ok(())]);
    assert_eq!(bench.ask("SCARD", "x:owners", &[]), "1");
    bench.backend.leave(&worker()).await.unwrap();
    for _ in 0..8 {
        bench.backend.orphans(&[queue()], 10).await.unwrap();
        bench.clock.advance(Duration::from_secs(2));
    }
    assert_eq!(bench.ask("SCARD", "x:owners", &[]), "0");
}
