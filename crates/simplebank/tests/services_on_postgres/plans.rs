//! No statement of the hot paths reads a whole table: looked at with ten thousand rows in each.

use crate::database::{Database, STATEMENTS};
use simplebank::store::migrate;
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{AssertSqlSafe, Either, Executor, SqlSafeStr, Statement};

const FILL: &str = "
    INSERT INTO users (username, hashed_password, full_name, email)
        SELECT 'user_' || i, 'h', 'User', 'user_' || i || '@example.com' FROM generate_series(1, 10000) AS i;
    INSERT INTO verify_emails (username, email, key_id, nonce, is_used, created_at, expired_at)
        SELECT username, email, 'k', decode(repeat('00', 16), 'hex'), i % 2 = 0, now(), now()
        FROM users, generate_series(1, 2) AS i;
    INSERT INTO idempotency_keys (caller, method, key, key_id, fingerprint, created_at, expires_at)
        SELECT username, 'CreateUser', 'k', 'id', decode(repeat('00', 32), 'hex'), now(),
               now() + random() * interval '1 day'
        FROM users;
    ANALYZE";

/// The plan for any parameters, as a connection uses it that has prepared the statement.
async fn plan(connection: &mut PgConnection, sql: &'static str) -> String {
    let statement = connection.prepare(sql.into_sql_str()).await.unwrap();
    let parameters = match statement.parameters() {
        Some(Either::Left(types)) => types.len(),
        Some(Either::Right(count)) => count,
        None => 0,
    };
    let nulls = vec!["NULL"; parameters].join(", ");
    let arguments = if nulls.is_empty() { nulls } else { format!("({nulls})") };
    let prepare = format!("DEALLOCATE PREPARE ALL; PREPARE it AS {sql}");
    sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *connection).await.unwrap();
    let lines: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("EXPLAIN EXECUTE it{arguments}")))
        .persistent(false)
        .fetch_all(connection)
        .await
        .unwrap();
    lines.join("\n")
}

#[tokio::test]
async fn no_hot_statement_reads_a_whole_table() {
    let database = Database::new().await;
    migrate::up(database.source()).await.unwrap();
    database.run(FILL).await.unwrap();
    let pool: &PgPool = database.pool();
    let mut connection = pool.acquire().await.unwrap();
    sqlx::raw_sql("SET plan_cache_mode = force_generic_plan").execute(&mut *connection).await.unwrap();

    let mut looked_at = 0;
    // An audit reads everything, and is meant to.
    for (file, statements) in STATEMENTS.iter().filter(|(file, _)| *file != "audit") {
        for (name, sql) in *statements {
            let plan = plan(&mut connection, sql).await;
            assert!(!plan.contains("Seq Scan"), "{file}::{name}:\n{plan}");
            looked_at += 1;
        }
    }
    assert!(looked_at > 15, "{looked_at}");
    let unindexed = plan(&mut connection, "SELECT 1 FROM users WHERE full_name = $1").await;
    assert!(unindexed.contains("Seq Scan"), "the test knows one when it sees it: {unindexed}");
}
