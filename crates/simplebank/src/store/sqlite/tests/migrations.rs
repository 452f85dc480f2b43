//! The migrations on real files: there and back, with data, with other processes, with a later version.

use crate::domain::time::{Clock, SystemClock};
use crate::store::migrate::State;
use crate::store::sqlite::{migrate, open};
use crate::store::{Fault, StoreError};
use sqlx::{Row, SqlitePool};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const NEWEST: usize = 8;

fn file() -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("bank.db");
    (dir, path)
}

async fn pool(path: &Path) -> SqlitePool {
    SqlitePool::connect_with(open::options(path, open::BUSY_TIMEOUT).foreign_keys(false)).await.unwrap()
}

async fn run(path: &Path, sql: &'static str) {
    let pool = pool(path).await;
    sqlx::raw_sql(sql).execute(&pool).await.unwrap();
    pool.close().await;
}

/// Everything that defines the schema, but for the table of migrations itself.
async fn schema(path: &Path) -> Vec<String> {
    let pool = pool(path).await;
    let rows = sqlx::query(
        "SELECT type || ' ' || name || ' ' || tbl_name || ': ' || coalesce(sql, '') AS line FROM sqlite_schema
         WHERE tbl_name <> '_simplebank_migrations' AND name <> 'sqlite_sequence' ORDER BY 1",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    pool.close().await;
    rows.iter().map(|row| row.get("line")).collect()
}

async fn columns(path: &Path, table: &str) -> Vec<(String, String)> {
    let pool = pool(path).await;
    let rows = sqlx::query(
        "SELECT name, type || iif(\"notnull\", ' NOT NULL', '') AS type FROM pragma_table_info(?1)",
    )
    .bind(table)
    .fetch_all(&pool)
    .await
    .unwrap();
    pool.close().await;
    rows.iter().map(|row| (row.get("name"), row.get("type"))).collect()
}

async fn count(path: &Path, sql: &'static str) -> i64 {
    let pool = pool(path).await;
    let count = sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap();
    pool.close().await;
    count
}

fn fault(result: Result<Vec<i64>, StoreError>) -> Fault {
    result.unwrap_err().fault().clone()
}

#[tokio::test]
async fn up_down_up_ends_where_it_began_at_every_step() {
    let (_dir, path) = file();
    assert_eq!(migrate::up(&path, usize::MAX).await.unwrap(), (1..=8).collect::<Vec<_>>());
    assert_eq!(migrate::up(&path, usize::MAX).await.unwrap(), Vec::<i64>::new());

    let mut on_the_way_down = vec![schema(&path).await];
    for version in (1..=8).rev() {
        assert_eq!(migrate::down(&path, 1).await.unwrap(), [version]);
        on_the_way_down.push(schema(&path).await);
    }
    assert_eq!(on_the_way_down[NEWEST], Vec::<String>::new(), "nothing is left at the bottom");
    assert_eq!(migrate::down(&path, 1).await.unwrap(), Vec::<i64>::new());

    for version in 1..=NEWEST {
        let steps_back = NEWEST - version;
        migrate::up(&path, usize::MAX).await.unwrap();
        migrate::down(&path, steps_back).await.unwrap();
        assert_eq!(schema(&path).await, on_the_way_down[steps_back], "at version {version}");
    }
}

#[tokio::test]
async fn status_says_what_is_applied() {
    let (_dir, path) = file();
    migrate::up(&path, usize::MAX).await.unwrap();
    assert_eq!(migrate::down(&path, 3).await.unwrap(), [8, 7, 6]);
    let status = migrate::status(&path).await.unwrap();
    let states: Vec<_> = status.iter().map(|migration| (migration.version, migration.state)).collect();
    let expected: Vec<_> = (1..=8)
        .map(|version| (version, if version <= 5 { State::Applied } else { State::Pending }))
        .collect();
    assert_eq!(states, expected);
    assert_eq!(status[1].name, "add users");
}

#[tokio::test]
async fn the_first_five_make_the_schema_that_this_bank_has_always_had() {
    let (_dir, path) = file();
    migrate::up(&path, usize::MAX).await.unwrap();
    migrate::down(&path, NEWEST - 5).await.unwrap();
    let expected: [(&str, &[&str]); 6] = [
        (
            "users",
            &[
                "username",
                "hashed_password",
                "full_name",
                "email",
                "password_changed_at",
                "created_at",
                "is_email_verified",
                "role",
            ],
        ),
        ("accounts", &["id", "owner", "balance", "currency", "created_at"]),
        ("entries", &["id", "account_id", "amount", "created_at"]),
        ("transfers", &["id", "from_account_id", "to_account_id", "amount", "created_at"]),
        (
            "sessions",
            &[
                "id",
                "username",
                "refresh_token",
                "user_agent",
                "client_ip",
                "is_blocked",
                "expires_at",
                "created_at",
            ],
        ),
        ("verify_emails", &["id", "username", "email", "secret_code", "is_used", "created_at", "expired_at"]),
    ];
    for (table, names) in expected {
        let columns = columns(&path, table).await;
        let found: Vec<_> = columns.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(found, names, "{table}");
        let nullable: Vec<_> =
            columns.iter().filter(|(name, kind)| name != "id" && !kind.ends_with("NOT NULL")).collect();
        assert!(nullable.is_empty(), "{table}: {nullable:?}");
    }
}

#[tokio::test]
async fn defaults_are_the_present_in_microseconds() {
    let (_dir, path) = file();
    migrate::up(&path, usize::MAX).await.unwrap();
    migrate::down(&path, NEWEST - 5).await.unwrap();
    let before = SystemClock.now().as_micros() - 2_000;
    run(
        &path,
        "INSERT INTO users (username, hashed_password, full_name, email) VALUES ('alice', 'h', 'Alice', 'a@b.co');
         INSERT INTO verify_emails (username, email, secret_code) VALUES ('alice', 'a@b.co', 'c')",
    )
    .await;
    let after = SystemClock.now().as_micros();
    let created = count(&path, "SELECT created_at FROM users").await;
    assert!((before..=after).contains(&created), "{before} {created} {after}");
    assert_eq!(count(&path, "SELECT password_changed_at FROM users").await, -62_135_596_800_000_000);
    assert_eq!(count(&path, "SELECT expired_at - created_at FROM verify_emails").await, 15 * 60 * 1_000_000);
    assert_eq!(count(&path, "SELECT role = 'depositor' AND is_email_verified = 0 FROM users").await, 1);
}

#[tokio::test]
async fn users_and_their_accounts_survive_tightening_and_loosening() {
    let (_dir, path) = file();
    migrate::up(&path, usize::MAX).await.unwrap();
    migrate::down(&path, NEWEST - 5).await.unwrap();
    run(
        &path,
        "INSERT INTO users (username, hashed_password, full_name, email, role)
             VALUES ('alice', 'h', 'Alice', 'Alice@b.co', 'banker');
         INSERT INTO accounts (owner, balance, currency) VALUES ('alice', 7, 'EUR');
         INSERT INTO entries (account_id, amount) SELECT id, 7 FROM accounts",
    )
    .await;
    let intact = "SELECT count(*) FROM users JOIN accounts ON owner = username JOIN entries ON account_id = accounts.id
                  WHERE email = 'Alice@b.co' AND role = 'banker' AND balance = 7";
    migrate::up(&path, usize::MAX).await.unwrap();
    assert_eq!(count(&path, intact).await, 1);
    migrate::down(&path, NEWEST - 5).await.unwrap();
    assert_eq!(count(&path, intact).await, 1);
    migrate::down(&path, 4).await.unwrap();
    assert_eq!(count(&path, "SELECT count(*) FROM accounts WHERE owner = 'alice' AND balance = 7").await, 1);
}

#[tokio::test]
async fn a_migration_that_fails_leaves_the_database_as_it_was() {
    let (_dir, path) = file();
    migrate::up(&path, usize::MAX).await.unwrap();
    migrate::down(&path, NEWEST - 4).await.unwrap();
    run(
        &path,
        "INSERT INTO users (username, hashed_password, full_name, email)
         VALUES ('alice', 'h', 'Alice', 'a@b.co'), ('bob', 'h', 'Bob', 'A@B.co')",
    )
    .await;
    let before = schema(&path).await;
    assert_eq!(fault(migrate::up(&path, usize::MAX).await), Fault::MigrationFailed(6));
    assert_eq!(schema(&path).await, before);
    assert_eq!(count(&path, "SELECT max(version) FROM _simplebank_migrations").await, 4);
}

#[tokio::test]
async fn rows_that_refer_to_nothing_stop_a_migration() {
    let (_dir, path) = file();
    migrate::up(&path, usize::MAX).await.unwrap();
    migrate::down(&path, 3).await.unwrap();
    run(&path, "INSERT INTO accounts (owner, balance, currency) VALUES ('nobody', 7, 'EUR')").await;
    assert_eq!(fault(migrate::up(&path, usize::MAX).await), Fault::DanglingRows(1));
    assert_eq!(count(&path, "SELECT max(version) FROM _simplebank_migrations").await, 5);
}

#[tokio::test]
async fn a_schema_that_is_newer_than_the_program_is_refused() {
    let (_dir, path) = file();
    migrate::up(&path, usize::MAX).await.unwrap();
    run(
        &path,
        "INSERT INTO _simplebank_migrations (version, description, success, checksum, execution_time)
         VALUES (9, 'from the future', TRUE, x'00', 0)",
    )
    .await;
    let error = migrate::up(&path, usize::MAX).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "database {}: schema version 9 is newer than this program, which knows 8; use a newer simplebank",
            path.display()
        )
    );
    assert_eq!(fault(migrate::down(&path, 1).await), Fault::SchemaNewer { found: 9, known: 8 });
    assert!(migrate::status(&path).await.is_err());
}

#[tokio::test]
async fn an_applied_migration_must_not_change() {
    let (_dir, path) = file();
    migrate::up(&path, usize::MAX).await.unwrap();
    run(&path, "UPDATE _simplebank_migrations SET checksum = x'00' WHERE version = 3").await;
    assert_eq!(fault(migrate::up(&path, usize::MAX).await), Fault::MigrationChanged(3));
}

#[tokio::test]
async fn processes_that_start_at_once_migrate_once() {
    let (_dir, path) = file();
    let runs = futures_util::future::join_all((0..4).map(|_| migrate::up(&path, usize::MAX))).await;
    let mut applied: Vec<_> = runs.into_iter().flat_map(|run| run.unwrap()).collect();
    applied.sort_unstable();
    assert_eq!(applied, (1..=8).collect::<Vec<_>>());
}

#[tokio::test]
async fn looking_at_a_database_does_not_create_it() {
    let (_dir, path) = file();
    assert_eq!(migrate::status(&path).await.unwrap_err().fault(), &Fault::NoFile);
    assert_eq!(fault(migrate::down(&path, 1).await), Fault::NoFile);
    assert!(!path.exists());
}

#[tokio::test]
async fn migrations_can_be_applied_one_by_one() {
    let (_dir, path) = file();
    for version in [1, 2] {
        assert_eq!(migrate::up(&path, 1).await.unwrap(), [version]);
    }
    assert_eq!(migrate::up(&path, usize::MAX).await.unwrap().len(), NEWEST - 2);
    assert_eq!(migrate::up(&path, 1).await.unwrap(), [0; 0]);
    let (_dir, at_once) = file();
    migrate::up(&at_once, usize::MAX).await.unwrap();
    assert_eq!(schema(&path).await, schema(&at_once).await);
}
