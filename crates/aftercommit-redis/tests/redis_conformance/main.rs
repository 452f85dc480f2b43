//! The suite that every back-end passes, on a real server for each case.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::Backend;
use aftercommit_redis::internals::{Command, Link};
use aftercommit_redis::{RedisBackend, RedisOptions};
use aftercommit_servers::RedisServer;
use aftercommit_testing::ManualClock;
use aftercommit_testing::conformance::Fixture;

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
    let server = RedisServer::start().expect("a server");
    let (clock, url) = (ManualClock::new(), server.url());
    let options = move || RedisOptions::parse(&url).expect("the server's address");
    let link = Link::new(options());
    let open = {
        let clock = clock.clone();
        move || {
            let backend = RedisBackend::new(options()).with_clock(Arc::new(clock.clone()));
            async move { Arc::new(backend) as Arc<dyn Backend> }
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
