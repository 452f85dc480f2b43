//! The migrations on real databases: there and back, with data, with other processes, with a later version.

use crate::database::Database;
use simplebank::domain::time::{Clock, SystemClock, Timestamp};
use simplebank::store::migrate::{self, State};
use simplebank::store::{Fault, StoreError};

/// Migrates all the way up and then back to this version; returns the newest.
async fn at_version(database: &Database, version: i64) -> i64 {
    migrate::up(database.source()).await.unwrap();
    let newest = newest(database).await;
    migrate::down(database.source(), usize::try_from(newest - version).unwrap()).await.unwrap();
    newest
}

async fn newest(database: &Database) -> i64 {
    migrate::status(database.source()).await.unwrap().last().unwrap().version
}

async fn run(database: &Database, sql: &str) {
    database.run(sql).await.unwrap();
}

fn fault(result: Result<Vec<i64>, StoreError>) -> Fault {
    result.unwrap_err().fault().clone()
}

#[tokio::test]
async fn up_down_up_ends_where_it_began_at_every_step() {
    let database = Database::new().await;
    let source = database.source();
    let applied = migrate::up(source).await.unwrap();
    let newest = newest(&database).await;
    assert_eq!(applied, (1..=newest).collect::<Vec<_>>());
    assert_eq!(migrate::up(source).await.unwrap(), Vec::<i64>::new());

    let mut on_the_way_down = vec![database.schema().await];
    for version in (1..=newest).rev() {
        assert_eq!(migrate::down(source, 1).await.unwrap(), [version]);
        on_the_way_down.push(database.schema().await);
    }
    assert_eq!(on_the_way_down[applied.len()], Vec::<String>::new(), "nothing is left at the bottom");
    assert_eq!(migrate::down(source, 1).await.unwrap(), Vec::<i64>::new());

    for version in 1..=applied.len() {
        let steps_back = applied.len() - version;
        migrate::up(source).await.unwrap();
        migrate::down(source, steps_back).await.unwrap();
        assert_eq!(database.schema().await, on_the_way_down[steps_back], "at version {version}");
    }
}

#[tokio::test]
async fn migrations_can_be_applied_one_by_one() {
    let (database, at_once) = (Database::new().await, Database::new().await);
    let source = database.source();
    assert_eq!(migrate::up_by(source, 0).await.unwrap(), Vec::<i64>::new());
    for version in [1, 2] {
        assert_eq!(migrate::up_by(source, 1).await.unwrap(), [version]);
        let states = migrate::status(source).await.unwrap();
        let applied = states.iter().filter(|migration| migration.state == State::Applied);
        assert_eq!(applied.map(|migration| migration.version).max(), Some(version));
    }
    assert_eq!(migrate::up_by(source, 2).await.unwrap(), [3, 4]);
    let newest = newest(&database).await;
    assert_eq!(migrate::up_by(source, usize::MAX).await.unwrap(), (5..=newest).collect::<Vec<_>>());
    assert_eq!(migrate::up_by(source, 1).await.unwrap(), Vec::<i64>::new());
    migrate::up(at_once.source()).await.unwrap();
    assert_eq!(database.schema().await, at_once.schema().await);
}

#[tokio::test]
async fn status_says_what_is_applied() {
    let database = Database::new().await;
    let newest = at_version(&database, 5).await;
    let status = migrate::status(database.source()).await.unwrap();
    let states: Vec<_> = status.iter().map(|migration| (migration.version, migration.state)).collect();
    let state = |version| if version <= 5 { State::Applied } else { State::Pending };
    assert_eq!(states, (1..=newest).map(|version| (version, state(version))).collect::<Vec<_>>());
    assert_eq!(status[1].name, "add users");
    assert_eq!(migrate::down(database.source(), 2).await.unwrap(), [5, 4]);
}

#[tokio::test]
async fn the_first_five_make_the_schema_that_this_bank_has_always_had() {
    let database = Database::new().await;
    at_version(&database, 5).await;
    for (table, names) in [
        (
            "users",
            "username hashed_password full_name email password_changed_at created_at is_email_verified role",
        ),
        ("accounts", "id owner balance currency created_at"),
        ("entries", "id account_id amount created_at"),
        ("transfers", "id from_account_id to_account_id amount created_at"),
        ("sessions", "id username refresh_token user_agent client_ip is_blocked expires_at created_at"),
        ("verify_emails", "id username email secret_code is_used created_at expired_at"),
    ] {
        let columns = database.columns(table).await;
        let found: Vec<_> = columns.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(found.join(" "), names, "{table}");
        let nullable: Vec<_> =
            columns.iter().filter(|(name, kind)| name != "id" && !kind.ends_with("NOT NULL")).collect();
        assert!(nullable.is_empty(), "{table}: {nullable:?}");
    }
}

#[tokio::test]
async fn defaults_are_the_present_in_microseconds() {
    let database = Database::new().await;
    at_version(&database, 5).await;
    let micros = async |column, table| {
        database.count(&format!("SELECT {} FROM {table}", database.micros(column))).await
    };
    let before = SystemClock.now().as_micros() - 2_000;
    run(
        &database,
        "INSERT INTO users (username, hashed_password, full_name, email) VALUES ('alice', 'h', 'Alice', 'a@b.co');
         INSERT INTO verify_emails (username, email, secret_code) VALUES ('alice', 'a@b.co', 'c')",
    )
    .await;
    let after = SystemClock.now().as_micros();
    let created = micros("created_at", "users").await;
    assert!((before..=after).contains(&created), "{before} {created} {after}");
    assert_eq!(Timestamp::from_micros(micros("password_changed_at", "users").await), Timestamp::YEAR_ONE);
    let life = micros("expired_at", "verify_emails").await - micros("created_at", "verify_emails").await;
    assert_eq!(life, 15 * 60 * 1_000_000);
    let fresh = "SELECT count(*) FROM users WHERE role = 'depositor' AND NOT is_email_verified";
    assert_eq!(database.count(fresh).await, 1);
}

#[tokio::test]
async fn users_and_their_accounts_survive_tightening_and_loosening() {
    let database = Database::new().await;
    at_version(&database, 5).await;
    run(
        &database,
        "INSERT INTO users (username, hashed_password, full_name, email, role)
             VALUES ('alice', 'h', 'Alice', 'Alice@b.co', 'banker');
         INSERT INTO accounts (owner, balance, currency) VALUES ('alice', 7, 'EUR');
         INSERT INTO entries (account_id, amount) SELECT id, 7 FROM accounts",
    )
    .await;
    let intact = "SELECT count(*) FROM users JOIN accounts ON owner = username JOIN entries ON account_id = accounts.id
                  WHERE email = 'Alice@b.co' AND role = 'banker' AND balance = 7";
    let newest = at_version(&database, 5).await;
    assert_eq!(database.count(intact).await, 1);
    migrate::up(database.source()).await.unwrap();
    assert_eq!(database.count(intact).await, 1);
    migrate::down(database.source(), usize::try_from(newest - 1).unwrap()).await.unwrap();
    let kept = "SELECT count(*) FROM accounts WHERE owner = 'alice' AND balance = 7";
    assert_eq!(database.count(kept).await, 1);
}

#[tokio::test]
async fn a_migration_that_fails_leaves_the_database_as_it_was() {
    let database = Database::new().await;
    at_version(&database, 4).await;
    run(&database, "CREATE TABLE idempotency_keys (somebody TEXT, elses TEXT)").await;
    let before = database.schema().await;
    assert_eq!(fault(migrate::up(database.source()).await), Fault::MigrationFailed(8));
    assert_eq!(database.schema().await, before);
    assert_eq!(database.count("SELECT max(version) FROM _simplebank_migrations").await, 4);
}

#[tokio::test]
async fn a_schema_that_is_newer_than_the_program_is_refused() {
    let database = Database::new().await;
    migrate::up(database.source()).await.unwrap();
    let known = newest(&database).await;
    run(
        &database,
        "INSERT INTO _simplebank_migrations (version, description, success, checksum, execution_time)
         SELECT version + 1, 'from the future', TRUE, checksum, 0 FROM _simplebank_migrations
         ORDER BY version DESC LIMIT 1",
    )
    .await;
    let error = migrate::up(database.source()).await.unwrap_err();
    let said = format!(
        "schema version {} is newer than this program, which knows {known}; use a newer simplebank",
        known + 1
    );
    assert!(error.to_string().ends_with(&said), "{error}");
    let newer = Fault::SchemaNewer { found: known + 1, known };
    assert_eq!(fault(migrate::down(database.source(), 1).await), newer);
    assert!(migrate::status(database.source()).await.is_err());
}

#[tokio::test]
async fn an_applied_migration_must_not_change() {
    let database = Database::new().await;
    migrate::up(database.source()).await.unwrap();
    run(
        &database,
        "UPDATE _simplebank_migrations SET checksum =
             (SELECT checksum FROM _simplebank_migrations WHERE version = 2)
         WHERE version = 3",
    )
    .await;
    assert_eq!(fault(migrate::up(database.source()).await), Fault::MigrationChanged(3));
}

#[tokio::test]
async fn processes_that_start_at_once_migrate_once() {
    let database = Database::new().await;
    let runs = futures_util::future::join_all((0..4).map(|_| migrate::up(database.source()))).await;
    let mut applied: Vec<_> = runs.into_iter().flat_map(|run| run.unwrap()).collect();
    applied.sort_unstable();
    assert_eq!(applied, (1..=newest(&database).await).collect::<Vec<_>>());
}
