//! What is recorded or measured with the Go programs: the corpus is up to date, and the benchmark's peer runs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

use std::path::Path;

use serde_json::Value;

use aftercommit_interop::{GoProcess, Program, Redis};
use aftercommit_servers::RedisServer;

const CORPUS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/aftercommit-redis/tests/corpus/enqueue.json");

#[tokio::test]
async fn recorded_corpus_is_what_asynq_writes() {
    let program = Program::Go.path().await.unwrap();
    let printed = tokio::process::Command::new(program).arg("corpus").output().await.unwrap();
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let recorded = std::fs::read_to_string(Path::new(CORPUS)).unwrap();
    let fresh = String::from_utf8(printed.stdout).unwrap();
    for (fresh, recorded) in fresh.lines().zip(recorded.lines()) {
        assert_eq!(fresh, recorded);
    }
    assert_eq!(fresh.lines().count(), recorded.lines().count());
}

async fn bench(redis: &Redis, command: &str, options: &[&str]) -> GoProcess {
    let mut args = redis.args_for(command);
    args.extend(options.iter().map(|option| (*option).to_owned()));
    GoProcess::start(Program::Bench, &args).await.unwrap()
}

async fn result(process: &mut GoProcess) -> Value {
    let mut line: Value = process.line().await.unwrap();
    assert!(process.wait().await.unwrap().success());
    line["result"].take()
}

#[tokio::test]
async fn peer_of_the_benchmark_drains_what_it_enqueued() {
    let server = RedisServer::start().unwrap();
    let redis = Redis::at(server.addr(), 0);
    let enqueued = result(&mut bench(&redis, "enqueue", &["--tasks", "200", "--callers", "4"]).await).await;
    assert_eq!(enqueued["version"], "v0.26.0");
    assert_eq!(enqueued["measured"]["tasks"], 200);

    let mut worker = bench(&redis, "drain", &["--tasks", "200", "--concurrency", "3"]).await;
    worker.ready().await.unwrap();
    let drained = result(&mut worker).await;
    assert_eq!((&drained["measured"]["tasks"], &drained["knobs"]["concurrency"]), (&180.into(), &3.into()));
    assert!(drained["measured"]["tasks_per_second"].as_f64().unwrap() > 0.0);
}

#[tokio::test]
async fn peer_of_the_benchmark_tells_how_late_it_was() {
    let server = RedisServer::start().unwrap();
    let redis = Redis::at(server.addr(), 0);
    let mut worker = bench(&redis, "lateness", &["--tasks", "5", "--task-check", "5ms"]).await;
    worker.ready().await.unwrap();
    let paced = bench(&redis, "pace", &["--tasks", "5", "--per-second", "100"]);
    assert_eq!(result(&mut paced.await).await["measured"]["tasks"], 5);
    let measured = result(&mut worker).await["measured"].take();
    assert!(measured["min_ms"].as_f64().unwrap() > 0.0, "{measured}");
    assert!(measured["max_ms"].as_f64() >= measured["p50_ms"].as_f64(), "{measured}");
}
