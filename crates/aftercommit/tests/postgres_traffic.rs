//! What a worker on Postgres costs while it has nothing to do. `--nocapture` prints the number.

use std::time::Duration;

use aftercommit::postgres::{PostgresOptions, PostgresQueue};
use aftercommit::{Router, Task, Worker};
use aftercommit_servers::PostgresServer;
use serde::{Deserialize, Serialize};

/// How long an idle worker is watched: a few beats and many looks.
const IDLE: Duration = Duration::from_secs(12);
/// How long it may take until the first looks, which follow each other closely, are over, and are counted.
const SETTLED: Duration = Duration::from_secs(5);
/// Four looks a second, two that the loops ask by the clock, and each once more when a connection prepares it.
const STATEMENTS_PER_SECOND_MAX: f64 = 12.0;
/// One listens; the others are those that the first calls needed at the same time.
const CONNECTIONS_MAX: i64 = 9;

#[derive(Debug, Serialize, Deserialize)]
struct Never {}

impl Task for Never {
    const TYPE: &'static str = "never";
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_worker_asks_a_few_times_a_second() {
    let server = PostgresServer::start().expect("a server");
    let database = server.database().expect("a database");
    let options = PostgresOptions::parse(&server.url(&database)).expect("the server's address");
    let queue = PostgresQueue::new(&options);
    queue.migrate().await.expect("the tables are created");
    let worker = Worker::builder(queue, Router::new().route(async |_: Never| {})).build().expect("a worker");
    let (stop, running) = (worker.stop_handle(), tokio::spawn(worker.run()));
    tokio::time::sleep(SETTLED).await;
    let ask = |what: &str| {
        let sql = format!("SELECT {what} FROM pg_stat_database WHERE datname = '{database}'");
        let answer = tokio::task::block_in_place(|| server.psql("postgres", &sql)).expect("an answer");
        answer.parse::<i64>().expect("a number")
    };
    // Each statement is a transaction.
    let before = ask("xact_commit + xact_rollback");
    tokio::time::sleep(IDLE).await;
    let statements = ask("xact_commit + xact_rollback") - before;
    let per_second = statements as f64 / IDLE.as_secs_f64();
    println!("idle worker: {per_second:.1} statements a second, {} connections", ask("numbackends"));
    assert!(per_second > 1.0, "it looks for what nobody tells of: {per_second}");
    assert!(per_second <= STATEMENTS_PER_SECOND_MAX, "{per_second}");
    assert!(ask("numbackends") <= CONNECTIONS_MAX);
    stop.shutdown();
    running.await.expect("it ends").expect("none of its loops has died");
}
