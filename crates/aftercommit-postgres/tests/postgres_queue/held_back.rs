//! What a claim reads while somebody holds a transaction open: the index entries of all tasks that have gone stay, and
//! the claims must not lead over them.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{
    Broker, Clock, LeaseGrant, Leased, NewTask, Options, Outcome, QueueName, Quota, RawTask, Settlement,
    SystemClock, TaskType, WorkerId,
};
use aftercommit_postgres::internals::{BEGINNING, STATEMENTS, connect_options, floor};
use aftercommit_postgres::{PostgresOptions, PostgresQueue};
use aftercommit_servers::PostgresServer;
use sqlx::{Connection, PgConnection, Row};

struct Held {
    queue: PostgresQueue,
    options: PostgresOptions,
    _holder: PgConnection,
    _server: Arc<PostgresServer>,
}

impl Held {
    /// A queue with so many tasks, and a transaction that sees all that was there before the first of them.
    async fn with(tasks: usize) -> Self {
        let server = PostgresServer::shared().expect("it works");
        let url = server.database_url().expect("it works");
        let options = PostgresOptions::parse(&url).expect("it works");
        let queue = PostgresQueue::new(&options);
        queue.migrate().await.expect("it works");
        let mut holder = PgConnection::connect(&url).await.expect("it works");
        let hold = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM aftercommit.tasks";
        sqlx::raw_sql(hold).execute(&mut holder).await.expect("it works");
        let new = |_| {
            let task = RawTask { task_type: TaskType::new("t").expect("it works"), payload: "{}".into() };
            NewTask::from(task).resolve(&Options::new(), SystemClock.now()).expect("it works")
        };
        for _ in 0..tasks / 1_000 {
            queue.enqueue(&(0..1_000).map(new).collect::<Vec<_>>()).await.expect("it works");
        }
        Self { queue, options, _holder: holder, _server: server }
    }

    async fn take(&self, count: usize) -> Vec<Leased> {
        let grant = LeaseGrant { worker: WorkerId::from_stored("h:1:w"), duration: Duration::from_secs(60) };
        self.queue.dequeue(&[Quota { queue: QueueName::default(), count }], &grant).await.expect("it works")
    }

    /// Takes and settles, a hundred at a time.
    async fn process(&self, tasks: usize) {
        for _ in 0..tasks / 100 {
            let leased = self.take(100).await;
            assert_eq!(leased.len(), 100);
            let done = |leased| Settlement { leased: Arc::new(leased), outcome: Outcome::Done };
            let batch: Vec<_> = leased.into_iter().map(done).collect();
            assert_eq!(self.queue.settle(&batch).await.expect("it works"), vec![Ok(()); 100]);
        }
    }

    /// How many pages the search of a claim touches that looks for a hundred tasks from there on.
    async fn pages(&self, from: i64) -> i64 {
        let mut conn = PgConnection::connect_with(&connect_options(&self.options)).await.expect("it works");
        let (_, statement) = STATEMENTS.iter().find(|(name, _)| *name == "DEQUEUE_ONE").expect("it is there");
        let explain = format!("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}");
        let explain = sqlx::query(sqlx::AssertSqlSafe(explain))
            .bind("h:1:w")
            .bind(None::<i64>)
            .bind(60_000_i64)
            // The key of the claim: any that was not there.
            .bind(from)
            .bind(2_000_i64)
            .bind("default")
            .bind(100_i64)
            .bind(from);
        let plan: serde_json::Value =
            explain.fetch_one(&mut conn).await.expect("it works").try_get(0).expect("it works");
        assert_eq!(plan[0]["Plan"]["Actual Rows"].as_f64(), Some(100.0));
        pages_of_the_search(&plan[0]["Plan"])
    }

    fn floor(&self) -> i64 {
        floor(&self.queue, &QueueName::default())
    }
}

/// Those of the steps that use the index of the pending tasks.
fn pages_of_the_search(step: &serde_json::Value) -> i64 {
    let own = match step["Index Name"].as_str() {
        Some("tasks_ready") => {
            ["Shared Hit Blocks", "Shared Read Blocks"].map(|kind| step[kind].as_i64().unwrap_or_default())
        }
        _ => [0; 2],
    };
    let below = step["Plans"].as_array().into_iter().flatten().map(pages_of_the_search).sum::<i64>();
    own.iter().sum::<i64>() + below
}

#[tokio::test]
async fn claims_do_not_read_more_the_more_tasks_were_completed_while_a_transaction_is_open() {
    let held = Held::with(24_000).await;
    held.process(2_000).await;
    let early = held.pages(held.floor()).await;
    held.process(20_000).await;
    let late = held.pages(held.floor()).await;
    let full = held.pages(BEGINNING).await;
    assert!(late < early * 2, "{late} pages after {early}");
    assert!(
        full > late * 5,
        "{full} pages from the beginning and {late} from the floor: nothing to pass over"
    );
}
