//! What the check at the start says about a real Redis.

use aftercommit_redis::internals::{Concern, Link};
use aftercommit_servers::{AppendFsync, RedisServer};

use crate::kit::{Log, link, options};

#[tokio::test]
async fn redis_that_keeps_its_tasks_raises_no_concern() {
    let log = Log::listen();
    let server = RedisServer::builder().append_only(AppendFsync::EverySecond).start().unwrap();
    assert_eq!(link(&server).check().await.unwrap(), []);
    assert_eq!(log.text(), "");
}

#[tokio::test]
async fn eviction_and_missing_persistence_are_warnings_that_say_what_to_change() {
    let log = Log::listen();
    let builder = RedisServer::builder().set("maxmemory", "100mb").set("maxmemory-policy", "allkeys-lru");
    let server = builder.start().unwrap();
    let concerns = link(&server).check().await.unwrap();
    assert_eq!(concerns, [Concern::Evicts { policy: "allkeys-lru".to_owned() }, Concern::KeepsNothing]);
    assert_eq!(log.levels(), ["WARN", "WARN"]);
    assert!(log.text().contains("set maxmemory-policy to noeviction"), "{}", log.text());
    assert!(log.text().contains("set appendonly to yes"), "{}", log.text());
}

#[tokio::test]
async fn forbidden_config_leaves_what_info_tells() {
    let builder = RedisServer::builder().user("app", "pw", "~* &* +@all -config");
    let server = builder.set("maxmemory", "100mb").set("maxmemory-policy", "volatile-ttl").start().unwrap();
    let link = Link::new(options(&server).username("app").password("pw"));
    assert_eq!(link.check().await.unwrap(), [Concern::Evicts { policy: "volatile-ttl".to_owned() }]);
}

#[tokio::test]
async fn forbidden_info_and_config_are_no_error() {
    let log = Log::listen();
    let server = RedisServer::builder().user("app", "pw", "~* &* +@all -config -info").start().unwrap();
    let link = Link::new(options(&server).username("app").password("pw"));
    assert_eq!(link.check().await.unwrap(), []);
    assert_eq!(log.text(), "");
}
