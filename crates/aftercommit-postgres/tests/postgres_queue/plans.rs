//! The statements: that Postgres knows what they mean, and how it goes about them.

use std::sync::Arc;

use aftercommit_postgres::internals::{STATEMENTS, connect_options};
use aftercommit_postgres::{PostgresOptions, PostgresQueue};
use aftercommit_servers::PostgresServer;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqlSafeStr};

/// How many tasks there are of each table: enough that reading all of them is the wrong plan.
const TASKS: i64 = 20_000;

const FILL: &str = "
    INSERT INTO aftercommit.tasks (state, leased_until, claim, pos, at, queue, id, task_type, group_name, batch, payload)
    SELECT (ARRAY[1, 2, 2, 4, 5])[1 + n % 5], CASE n % 5 WHEN 2 THEN n ELSE 0 END, n / 100, n, n, 'q' || n / 5 % 20, 'live-' || n, 't', CASE n % 5 WHEN 0 THEN 'g' || n % 3 END,
           CASE n % 50 WHEN 0 THEN n % 7 END, '{}'
      FROM generate_series(1, $1) AS n";
const FILL_CLAIMS: &str = "
    INSERT INTO aftercommit.claims (key, worker, look_at, seqs, queues)
    SELECT claim, 1, $1, array_agg(seq), array_agg(DISTINCT queue) FROM aftercommit.tasks WHERE leased_until > 0 GROUP BY claim";
const FILL_ENDED: &str = "
    INSERT INTO aftercommit.ended (state, ended_at, expires_at, queue, id, task_type, retried, recovered, payload)
    SELECT 6 + n % 2, n, CASE n % 2 WHEN 1 THEN n END, 'q' || n / 2 % 20, 'ended-' || n, 't', 0, 0, '{}'
      FROM generate_series(1, $1) AS n";
const FILL_OUTBOX: &str = "
    INSERT INTO aftercommit.outbox (state, due_next, enqueued_at, queue, id, task_type, payload)
    SELECT n % 4, n, n, 'q' || n % 20, 'outbox-' || n, 't', '{}' FROM generate_series(1, $1) AS n";

/// Statements that end with the first task they find, or that count.
const WHOLE_INDEX: [&str; 2] = ["LOOK", "OUTBOX_BACKLOG"];

/// A connection as the engine has them, to a database with the tables.
async fn conn() -> (Arc<PostgresServer>, PgConnection) {
    let server = PostgresServer::shared().expect("a server");
    let options = PostgresOptions::parse(&server.database_url().expect("a database")).expect("its address");
    PostgresQueue::new(&options).migrate().await.expect("the tables are made");
    (server, PgConnection::connect_with(&connect_options(&options)).await.expect("it works"))
}

#[tokio::test]
async fn every_statement_can_be_prepared() {
    let (_server, mut conn) = conn().await;
    for (name, statement) in STATEMENTS {
        if let Err(error) = conn.prepare((*statement).into_sql_str()).await {
            panic!("{name}: {error}");
        }
    }
}

#[tokio::test]
async fn no_statement_reads_a_whole_table_of_tasks() {
    let (_server, mut conn) = conn().await;
    // A statement that is prepared while the tables are empty keeps its plan, and what Postgres knows of a table may be
    // from that time too.
    let mut wrong = scans(&mut conn, "new").await;
    sqlx::query("VACUUM ANALYZE").execute(&mut conn).await.expect("it works");
    wrong.extend(scans(&mut conn, "empty").await);
    for fill in [FILL, FILL_CLAIMS, FILL_ENDED, FILL_OUTBOX] {
        sqlx::query(fill).bind(TASKS).execute(&mut conn).await.expect("it works");
    }
    wrong.extend(scans(&mut conn, "filled").await);
    sqlx::query("VACUUM ANALYZE").execute(&mut conn).await.expect("it works");
    wrong.extend(scans(&mut conn, "full").await);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The steps that read a table or an index of tasks from one end to the other.
async fn scans(conn: &mut PgConnection, of: &str) -> Vec<String> {
    let mut scans = Vec::new();
    for (name, statement) in STATEMENTS {
        let plan = plan(conn, statement).await;
        for (nth, line) in plan.iter().enumerate() {
            let is_whole_table = ["Seq Scan on tasks", "Seq Scan on ended", "Seq Scan on outbox"]
                .iter()
                .any(|it| line.contains(it));
            let is_index =
                ["using tasks_", "using ended_", "using outbox_"].iter().any(|it| line.contains(it));
            let has_place = plan.get(nth + 1).is_some_and(|next| next.contains("Index Cond"));
            let is_cut_short = nth > 0 && plan[nth - 1].contains("Limit");
            let is_whole_index = is_index && !has_place && !is_cut_short && !WHOLE_INDEX.contains(name);
            if is_whole_table || is_whole_index {
                scans.push(format!("{name} ({of}): {}", line.trim()));
            }
        }
    }
    scans
}

/// The lines of the plan for whatever values come, so that none need be bound.
async fn plan(conn: &mut PgConnection, statement: &str) -> Vec<String> {
    let parameters = (1..).take_while(|nth| statement.contains(&format!("${nth}"))).count();
    let nulls = vec!["NULL"; parameters].join(", ");
    let nulls = if nulls.is_empty() { nulls } else { format!("({nulls})") };
    let prepare = AssertSqlSafe(format!("PREPARE explained AS {statement}"));
    sqlx::raw_sql(prepare).execute(&mut *conn).await.expect("it works");
    let explain = AssertSqlSafe(format!("EXPLAIN EXECUTE explained {nulls}"));
    let lines = sqlx::query_scalar(explain).fetch_all(&mut *conn).await.expect("it works");
    sqlx::query("DEALLOCATE explained").execute(conn).await.expect("it works");
    lines
}
