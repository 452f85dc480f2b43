//! What the tables refuse, however a row gets there, and what a claim on a key is worth.

use crate::domain::idempotency::IdempotencyKey;
use crate::domain::time::Timestamp;
use crate::store::idempotency::{Claim, Fingerprint, Life, Record, Scope, claim, complete, find};
use crate::store::{Source, Store, migrate};
use tempfile::TempDir;

async fn store() -> (TempDir, Store) {
    let dir = TempDir::new().unwrap();
    let source = Source::Sqlite(dir.path().join("bank.db"));
    migrate::up(&source).await.unwrap();
    (dir, Store::open(&source).await.unwrap())
}

async fn run(store: &Store, sql: &'static str) -> Result<(), String> {
    let Store::Sqlite(sqlite) = store else { panic!("the test is on SQLite") };
    let result = sqlx::raw_sql(sql).execute(&sqlite.queue().pools().writer).await;
    result.map(|_| ()).map_err(|error| error.to_string())
}

fn assert_refused(result: Result<(), String>, rule: &str) {
    assert!(result.as_ref().is_err_and(|error| error.contains(rule)), "{rule}: {result:?}");
}

#[tokio::test]
async fn users_that_break_the_rules_are_refused_by_the_database_too() {
    let (_dir, store) = store().await;
    let alice = "INSERT INTO users (username, hashed_password, full_name, email) VALUES ('alice', 'h', 'Alice', 'a@b.co')";
    run(&store, alice).await.unwrap();
    for (sql, rule) in [
        (alice, "UNIQUE"),
        (
            "INSERT INTO users (username, hashed_password, full_name, email) VALUES ('Bob', 'h', 'B', 'b@b.co')",
            "users_username_check",
        ),
        (
            "INSERT INTO users (username, hashed_password, full_name, email) VALUES ('bo', 'h', 'B', 'b@b.co')",
            "users_username_check",
        ),
        (
            "INSERT INTO users (username, hashed_password, full_name, email) VALUES ('bob', 'h', 'B', 'A@B.co')",
            "users_email_lower_key",
        ),
        ("UPDATE users SET role = 'root'", "users_role_check"),
        ("UPDATE users SET is_email_verified = 2", "users_is_email_verified_check"),
        ("UPDATE users SET created_at = 'yesterday'", "cannot store TEXT value in INTEGER column"),
        ("INSERT INTO accounts (owner, balance, currency) VALUES ('nobody', 0, 'EUR')", "FOREIGN KEY"),
    ] {
        assert_refused(run(&store, sql).await, rule);
    }
}

#[tokio::test]
async fn a_mailbox_has_one_live_code_and_any_number_of_used_ones() {
    let (_dir, store) = store().await;
    run(
        &store,
        "INSERT INTO users (username, hashed_password, full_name, email) VALUES ('alice', 'h', 'Alice', 'a@b.co');
         INSERT INTO verify_emails (username, email, key_id, nonce, is_used, created_at, expired_at)
         VALUES ('alice', 'a@b.co', 'k', zeroblob(16), 1, 0, 0), ('alice', 'a@b.co', 'k', zeroblob(16), 1, 0, 0),
                ('alice', 'a@b.co', 'k', zeroblob(16), 0, 0, 0)",
    )
    .await
    .unwrap();
    for (sql, rule) in [
        (
            "INSERT INTO verify_emails (username, email, key_id, nonce, created_at, expired_at)
             VALUES ('alice', 'A@B.CO', 'k', zeroblob(16), 0, 0)",
            "verify_emails_live_key",
        ),
        ("UPDATE verify_emails SET nonce = zeroblob(15)", "verify_emails_nonce_check"),
        ("UPDATE verify_emails SET code_hash = zeroblob(31)", "verify_emails_code_hash_check"),
    ] {
        assert_refused(run(&store, sql).await, rule);
    }
}

#[tokio::test]
async fn a_claimed_key_is_taken_once_its_transaction_has_committed() {
    let (_dir, store) = store().await;
    let scope =
        Scope { caller: "alice".into(), method: "CreateUser", key: IdempotencyKey::parse("k").unwrap() };
    let fingerprint = Fingerprint { key_id: "id".into(), mac: [7; 32] };
    let life = Life { now: Timestamp::from_micros(10), expires_at: Timestamp::from_micros(20) };

    let mut tx = store.begin().await.unwrap();
    assert_eq!(claim(&mut tx, &scope, &fingerprint, life).await.unwrap(), Claim::Claimed);
    tx.rollback().await.unwrap();

    let mut tx = store.begin().await.unwrap();
    assert_eq!(claim(&mut tx, &scope, &fingerprint, life).await.unwrap(), Claim::Claimed);
    complete(&mut tx, &scope, "answer").await.unwrap();
    tx.commit().await.unwrap();

    let record = Record { fingerprint: fingerprint.clone(), response: "answer".into() };
    let mut tx = store.begin().await.unwrap();
    let other = Fingerprint { key_id: "id".into(), mac: [8; 32] };
    assert_eq!(claim(&mut tx, &scope, &other, life).await.unwrap(), Claim::Used(record.clone()));
    tx.rollback().await.unwrap();

    let mut reader = store.reader().await.unwrap();
    let last_moment = Timestamp::from_micros(19);
    assert_eq!(find(reader.conn(), &scope, last_moment).await.unwrap(), Some(record));
    assert_eq!(find(reader.conn(), &scope, life.expires_at).await.unwrap(), None);

    let later = Life { now: life.expires_at, expires_at: Timestamp::from_micros(30) };
    let mut tx = store.begin().await.unwrap();
    assert_eq!(claim(&mut tx, &scope, &other, later).await.unwrap(), Claim::Claimed);
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let (_dir, store) = store().await;
    store.close().await;
    let error = store.begin().await.unwrap_err();
    assert_eq!(error.fault(), &crate::store::Fault::Closed);
}
