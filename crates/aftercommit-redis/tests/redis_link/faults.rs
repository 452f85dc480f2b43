//! Redis goes away in every way it can, and comes back.

use std::time::{Duration, Instant};

use aftercommit_core::Error;
use aftercommit_redis::RedisOptions;
use aftercommit_redis::internals::{Command, Link};
use aftercommit_servers::{AppendFsync, ChaosProxy, RedisServer};
use futures_util::FutureExt as _;
use futures_util::future::join_all;

use crate::kit::{Log, chain, eventually, increment, link, options, ping, until_it_fails};

const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn redis_may_be_absent_at_the_start() {
    let log = Log::listen();
    let mut server = RedisServer::start().unwrap();
    server.stop().unwrap();
    let link = link(&server);
    assert_eq!(log.text(), "", "nothing is tried before the first use");
    for _ in 0..3 {
        let error = ping(&link).await.unwrap_err();
        assert!(
            error.is_transient() && chain(&error).contains(&server.addr().to_string()),
            "{}",
            chain(&error)
        );
    }
    server.start_again().unwrap();
    eventually(async || ping(&link).await).await;
    assert_eq!(log.levels(), ["WARN", "INFO"], "{}", log.text());
    assert!(log.text().contains(&server.addr().to_string()), "{}", log.text());
}

#[tokio::test]
async fn stopped_and_started_again_is_said_once_each_and_keeps_what_redis_kept() {
    let log = Log::listen();
    let mut server = RedisServer::builder().append_only(AppendFsync::Always).start().unwrap();
    let link = link(&server);
    for expected in 1..=3 {
        assert_eq!(increment(&link).await.unwrap(), expected);
    }
    server.stop().unwrap();
    for _ in 0..3 {
        assert!(increment(&link).await.unwrap_err().is_transient());
    }
    server.start_again().unwrap();
    assert_eq!(eventually(async || increment(&link).await).await, 4);
    assert_eq!(log.levels(), ["WARN", "INFO"], "{}", log.text());
}

#[tokio::test]
async fn many_calls_without_redis_make_few_attempts_to_connect() {
    let mut server = RedisServer::start().unwrap();
    server.stop().unwrap();
    let link = link(&server);
    let started = Instant::now();
    let results = join_all((0..1000).map(|_| ping(&link))).await;
    assert!(results.iter().all(|result| result.as_ref().is_err_and(Error::is_transient)));
    // One attempt, whose failure all of them hear of. One after the other they would wait for minutes.
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(link.traffic().round_trips, 0);
}

#[tokio::test]
async fn killed_connections_are_made_again() {
    let log = Log::listen();
    let server = RedisServer::start().unwrap();
    let link = link(&server);
    increment(&link).await.unwrap();
    server.command(&["CLIENT", "KILL", "TYPE", "normal"]).unwrap();
    let counted = eventually(async || increment(&link).await).await;
    // Each call that counted was told so, or its failure; none was sent again.
    assert!(counted >= 2, "{counted}");
    assert!(log.levels().iter().filter(|level| *level == "WARN").count() <= 1, "{}", log.text());
}

#[tokio::test]
async fn call_whose_answer_is_lost_is_never_sent_again() {
    const ONE_WAY: Duration = Duration::from_millis(200);
    let server = RedisServer::start().unwrap();
    let proxy = ChaosProxy::start(server.addr()).await.unwrap();
    let link = Link::new(RedisOptions::parse(&proxy.addr().to_string()).unwrap());
    ping(&link).await.unwrap();
    proxy.delay(ONE_WAY).await;
    let call = tokio::spawn({
        let link = link.clone();
        async move { increment(&link).await }
    });
    // Redis has counted, and the answer is still on its way.
    eventually(async || match server.command(&["GET", "counter"]).unwrap().as_str() {
        "1" => Ok(()),
        _ => Err(Error::unavailable("wait", "not yet")),
    })
    .await;
    proxy.cut().await;
    assert!(call.await.unwrap().unwrap_err().is_transient());
    proxy.delay(Duration::ZERO).await;
    assert_eq!(eventually(async || increment(&link).await).await, 2);
}

#[tokio::test]
async fn half_open_connection_is_given_up_after_one_read_timeout() {
    let log = Log::listen();
    let server = RedisServer::start().unwrap();
    let proxy = ChaosProxy::start(server.addr()).await.unwrap();
    let options =
        RedisOptions::parse(&proxy.addr().to_string()).unwrap().read_timeout(SHORT).dial_timeout(SHORT);
    let link = Link::new(options);
    ping(&link).await.unwrap();
    proxy.stall().await;
    let error = until_it_fails(async || ping(&link).await).await;
    assert!(error.is_transient(), "{}", chain(&error));
    for _ in 0..3 {
        ping(&link).await.unwrap_err();
    }
    proxy.open().await;
    eventually(async || ping(&link).await).await;
    assert_eq!(log.levels(), ["WARN", "INFO"], "{}", log.text());
}

#[tokio::test]
async fn slow_network_delays_calls_and_does_not_serialise_them() {
    const ONE_WAY: Duration = Duration::from_millis(100);
    const CALLS: u32 = 200;
    let server = RedisServer::start().unwrap();
    let proxy = ChaosProxy::start(server.addr()).await.unwrap();
    let link = Link::new(RedisOptions::parse(&proxy.addr().to_string()).unwrap());
    ping(&link).await.unwrap();
    proxy.delay(ONE_WAY).await;
    let started = Instant::now();
    for result in join_all((0..CALLS).map(|_| increment(&link))).await {
        result.unwrap();
    }
    let took = started.elapsed();
    assert!(took >= ONE_WAY * 2 && took < ONE_WAY * 2 * CALLS / 10, "{took:?}");
}

#[tokio::test]
async fn replica_is_left_for_the_primary() {
    let log = Log::listen();
    let primary = RedisServer::start().unwrap();
    let server = RedisServer::start().unwrap();
    let link = link(&server);
    increment(&link).await.unwrap();
    let port = primary.addr().port().to_string();
    server.command(&["REPLICAOF", "127.0.0.1", &port]).unwrap();
    let error = until_it_fails(async || increment(&link).await).await;
    assert!(error.is_transient(), "{}", chain(&error));
    let error = until_it_fails(async || ping(&link).await).await;
    assert!(error.is_transient() && chain(&error).contains("replica"), "{}", chain(&error));
    server.command(&["REPLICAOF", "NO", "ONE"]).unwrap();
    eventually(async || increment(&link).await).await;
    assert_eq!(log.levels(), ["WARN", "INFO"], "{}", log.text());
}

#[tokio::test]
async fn redis_without_memory_refuses_for_now_and_the_connection_stays() {
    let server = RedisServer::builder().set("maxmemory", "1").start().unwrap();
    let link = link(&server);
    let error = increment(&link).await.unwrap_err();
    assert!(error.is_transient() && chain(&error).contains("OOM"), "{}", chain(&error));
    server.command(&["CONFIG", "SET", "maxmemory", "0"]).unwrap();
    assert_eq!(increment(&link).await.unwrap(), 1);
}

#[tokio::test]
async fn wrong_type_is_a_lasting_error() {
    let server = RedisServer::start().unwrap();
    server.command(&["LPUSH", "counter", "x"]).unwrap();
    assert!(matches!(increment(&link(&server)).await.unwrap_err(), Error::Store { .. }));
}

#[tokio::test]
async fn write_timeout_ends_a_connection_that_takes_nothing() {
    let server = RedisServer::start().unwrap();
    let options = options(&server).without_read_timeout().write_timeout(SHORT);
    let link = Link::new(options.pool_size(1.try_into().unwrap()));
    ping(&link).await.unwrap();
    server.pause();
    // More than the buffers of both ends hold.
    let huge = vec![b'x'; 64 * 1024 * 1024];
    let error = link.command("store", Command::new("SET").arg("huge").arg(huge)).await.unwrap_err();
    assert!(error.is_transient() && chain(&error).contains("took no bytes"), "{}", chain(&error));
    server.resume();
    eventually(async || ping(&link).await).await;
}

#[test]
fn call_while_the_runtime_shuts_down_hangs_nobody() {
    struct CallsAtTheEnd(Link);
    impl Drop for CallsAtTheEnd {
        fn drop(&mut self) {
            assert!(ping(&self.0).now_or_never().is_none(), "there is no connection, and nobody makes one");
        }
    }
    let mut server = RedisServer::start().unwrap();
    server.stop().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let at_the_end = CallsAtTheEnd(link(&server));
    runtime.spawn(async move {
        let _at_the_end = at_the_end;
        std::future::pending::<()>().await;
    });
    // What is spawned while it shuts down is dropped at once, wherever the spawner is.
    drop(runtime);
}
