//! What is so on SQLite only: a file that may not be there, types that are checked by value, and rows that a migration
//! may leave without what they refer to.

use crate::database::Database;
use simplebank::store::{Fault, migrate};

#[tokio::test]
async fn looking_at_a_database_does_not_create_it() {
    let database = Database::new().await;
    assert_eq!(migrate::status(database.source()).await.unwrap_err().fault(), &Fault::NoFile);
    assert_eq!(migrate::down(database.source(), 1).await.unwrap_err().fault(), &Fault::NoFile);
    assert!(!database.exists());
}

#[tokio::test]
async fn values_of_another_type_are_refused() {
    let database = Database::new().await;
    migrate::up(database.source()).await.unwrap();
    let alice = "INSERT INTO users (username, hashed_password, full_name, email) VALUES ('alice', 'h', 'Alice', 'a@b.co')";
    database.run(alice).await.unwrap();
    for (sql, rule) in [
        ("UPDATE users SET is_email_verified = 2", "users_is_email_verified_check"),
        ("UPDATE users SET created_at = 'yesterday'", "cannot store TEXT value in INTEGER column"),
    ] {
        let error = database.run(sql).await.unwrap_err().to_string();
        assert!(error.contains(rule), "{rule}: {error}");
    }
}

#[tokio::test]
async fn addresses_that_differ_in_case_stop_the_migration_that_forbids_them() {
    let database = Database::new().await;
    let newest = migrate::up(database.source()).await.unwrap().len();
    migrate::down(database.source(), newest - 5).await.unwrap();
    let users = "INSERT INTO users (username, hashed_password, full_name, email)
                 VALUES ('alice', 'h', 'Alice', 'a@b.co'), ('bob', 'h', 'Bob', 'A@B.co')";
    database.run(users).await.unwrap();
    assert_eq!(migrate::up(database.source()).await.unwrap_err().fault(), &Fault::MigrationFailed(6));
}

#[tokio::test]
async fn rows_that_refer_to_nothing_stop_a_migration() {
    let database = Database::new().await;
    let newest = migrate::up(database.source()).await.unwrap().len();
    migrate::down(database.source(), newest - 5).await.unwrap();
    let orphan = "PRAGMA foreign_keys = off; INSERT INTO accounts (owner, balance, currency) VALUES ('nobody', 7, 'EUR')";
    database.run(orphan).await.unwrap();
    assert_eq!(migrate::up(database.source()).await.unwrap_err().fault(), &Fault::DanglingRows(1));
    assert_eq!(database.count("SELECT max(version) FROM _simplebank_migrations").await, 5);
}
