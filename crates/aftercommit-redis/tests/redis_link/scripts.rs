//! Scripts by hash: what a run costs, and what happens when Redis has forgotten them.

use aftercommit_core::Error;
use aftercommit_redis::internals::{Command, Invocation, Link, Reply, Script, Traffic};
use aftercommit_servers::RedisServer;

use crate::kit::{chain, link};

static ADD: Script = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
static READ: Script = Script::new("return redis.call('GET', KEYS[1])");
static FAIL: Script = Script::new("return redis.error_reply('ERR no')");

fn add(number: i64) -> Invocation {
    let mut call = ADD.call(&["sum"]);
    call.number(number);
    call
}

fn read() -> Invocation {
    READ.call(&["sum"])
}

/// What was sent since the last look.
struct Meter<'a>(&'a Link, Traffic);

impl<'a> Meter<'a> {
    fn of(link: &'a Link) -> Self {
        Self(link, link.traffic())
    }

    fn spent(&mut self) -> (u64, u64) {
        let before = std::mem::replace(&mut self.1, self.0.traffic());
        (self.1.round_trips - before.round_trips, self.1.commands - before.commands)
    }
}

#[tokio::test]
async fn script_is_sent_once_and_then_named() {
    let server = RedisServer::start().unwrap();
    let link = link(&server);
    let mut meter = Meter::of(&link);
    assert_eq!(link.eval("add", &add(1)).await.unwrap(), Reply::Int(1));
    assert_eq!(meter.spent(), (2, 2));
    assert_eq!(link.eval("add", &add(1)).await.unwrap(), Reply::Int(2));
    assert_eq!(meter.spent(), (1, 1));
    server.command(&["SCRIPT", "FLUSH"]).unwrap();
    assert_eq!(link.eval("add", &add(1)).await.unwrap(), Reply::Int(3));
    assert_eq!(meter.spent(), (2, 2));
}

#[tokio::test]
async fn batch_after_a_flush_runs_each_item_once() {
    let server = RedisServer::start().unwrap();
    let link = link(&server);
    let batch: Vec<Invocation> = (0..100).map(|_| add(1)).chain([read()]).collect();
    let mut meter = Meter::of(&link);
    for (run, expected) in [(1, (2, 101 + 2 + 101)), (2, (1, 101))] {
        let results = link.eval_all("add", &batch).await;
        assert_eq!(results.len(), 101);
        let last = results.into_iter().next_back().unwrap().unwrap();
        assert_eq!(last.into_bytes("read").unwrap().unwrap(), (run * 100).to_string());
        assert_eq!(meter.spent(), expected);
    }
    server.command(&["SCRIPT", "FLUSH"]).unwrap();
    assert!(link.eval_all("add", &batch).await.iter().all(Result::is_ok));
    assert_eq!(server.command(&["GET", "sum"]).unwrap(), "300");
}

#[tokio::test]
async fn only_what_redis_did_not_know_is_run_again() {
    let server = RedisServer::start().unwrap();
    let link = link(&server);
    link.eval("add", &add(1)).await.unwrap();
    let mut meter = Meter::of(&link);
    let results = link.eval_all("add", &[add(10), read(), add(100)]).await;
    // The script that was known ran at once; the other one came behind it.
    let values: Vec<Reply> = results.into_iter().map(Result::unwrap).collect();
    assert_eq!(values, [Reply::Int(11), Reply::Bytes("111".into()), Reply::Int(111)]);
    assert_eq!(meter.spent(), (2, 3 + 1 + 1));
}

#[tokio::test]
async fn item_that_fails_leaves_the_others_alone() {
    let server = RedisServer::start().unwrap();
    let link = link(&server);
    let results = link.eval_all("add", &[add(1), FAIL.call(&[]), add(1)]).await;
    assert_eq!(results.len(), 3);
    assert_eq!(*results[0].as_ref().unwrap(), Reply::Int(1));
    let error = results[1].as_ref().unwrap_err();
    assert!(matches!(error, Error::Store { .. }), "{}", chain(error));
    assert_eq!(*results[2].as_ref().unwrap(), Reply::Int(2));
}

#[tokio::test]
async fn batch_without_redis_has_an_error_for_each_item() {
    let mut server = RedisServer::start().unwrap();
    let link = link(&server);
    server.stop().unwrap();
    let results = link.eval_all("add", &[add(1), add(2)]).await;
    assert_eq!(results.len(), 2);
    assert!(results.iter().all(|result| result.as_ref().is_err_and(Error::is_transient)));
    assert!(link.eval_all("add", &[]).await.is_empty());
}

#[tokio::test]
async fn pipeline_has_a_result_for_each_command() {
    let server = RedisServer::start().unwrap();
    let link = link(&server);
    let mut meter = Meter::of(&link);
    let commands = [
        Command::new("SET").arg("text").arg("abc"),
        Command::new("INCR").arg("text"),
        Command::new("GET").arg("text"),
        Command::new("GET").arg("missing"),
    ];
    let results = link.pipeline("try", &commands).await;
    assert_eq!(*results[0].as_ref().unwrap(), Reply::Status("OK".to_owned()));
    assert!(matches!(results[1], Err(Error::Store { .. })));
    assert_eq!(*results[2].as_ref().unwrap(), Reply::Bytes("abc".into()));
    assert_eq!(*results[3].as_ref().unwrap(), Reply::Nil);
    assert_eq!(meter.spent(), (1, 4));
}
