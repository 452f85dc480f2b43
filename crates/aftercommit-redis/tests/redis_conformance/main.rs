//! The suite that every back-end passes, on a real server for each case: directly, and through a connection that is
//! decorated and slow.

mod histories;

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::Backend;
use aftercommit_redis::internals::{Command, Link};
use aftercommit_redis::{RedisBackend, RedisOptions};
use aftercommit_servers::RedisServer;
use aftercommit_testing::conformance::Fixture;
use aftercommit_testing::{Faults, Faulty, ManualClock, Odds};

/// Makes the server as old as if so many milliseconds had passed: keys that had less to live are gone.
const GROW_OLDER: &str = "
    for _, key in ipairs(redis.call('KEYS', '*')) do
      local left = redis.call('PTTL', key)
      if left >= 0 then
        if left <= tonumber(ARGV[1]) then redis.call('DEL', key)
        else redis.call('PEXPIRE', key, string.format('%d', left - tonumber(ARGV[1]))) end
      end
    end";

async fn redis() -> Fixture {
    on_a_server(|backend| Arc::new(backend)).await
}

/// A back-end, as `decorated` makes it, on a server of its own.
async fn on_a_server(decorated: fn(RedisBackend) -> Arc<dyn Backend>) -> Fixture {
    let server = RedisServer::start().expect("a server");
    let (clock, url) = (ManualClock::new(), server.url());
    let options = move || RedisOptions::parse(&url).expect("the server's address");
    let link = Link::new(options());
    let open = {
        let clock = clock.clone();
        move || {
            let backend = RedisBackend::new(options()).with_clock(Arc::new(clock.clone()));
            std::future::ready(decorated(backend))
        }
    };
    let backend = open().await;
    Fixture::new(backend, clock)
        .keep(server)
        .reopen(move || Box::pin(open()))
        .on_pass(move |duration| Box::pin(grow_older(link.clone(), duration)))
}

async fn grow_older(link: Link, duration: Duration) {
    let command = Command::new("EVAL").arg(GROW_OLDER).arg("0").number(duration.as_millis());
    link.command("grow older", command).await.expect("the server grows older");
}

aftercommit_testing::conformance!(
    conformance,
    redis,
    has: [presence, groups, publisher, schedules, handles],
    lacks: [],
);

/// A decorator without faults is as if it were not there.
async fn transparent() -> Fixture {
    on_a_server(|backend| Arc::new(Faulty::new(Arc::new(backend), Faults::none()))).await
}

aftercommit_testing::conformance!(
    conformance_through_a_transparent_decorator,
    transparent,
    has: [presence, groups, publisher, schedules, handles],
    lacks: [],
);

/// Slow calls change when things happen and nothing else.
async fn slow() -> Fixture {
    on_a_server(|backend| {
        let odds = Odds { delay: 0.05, longest_delay: Duration::from_millis(3), ..Odds::default() };
        Arc::new(Faulty::new(Arc::new(backend), Faults::random(7, odds)))
    })
    .await
}

aftercommit_testing::conformance!(
    conformance_through_a_slow_connection,
    slow,
    has: [presence, groups, publisher, schedules, handles],
    lacks: [],
);
