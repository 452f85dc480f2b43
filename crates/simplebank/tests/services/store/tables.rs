//! What the tables refuse, however a row gets there, and what a claim on a key is worth.

use crate::database::{Database, FOREIGN_KEY, UNIQUE};
use simplebank::domain::idempotency::IdempotencyKey;
use simplebank::domain::time::Timestamp;
use simplebank::store::idempotency::{Claim, Fingerprint, Life, Record, Scope, claim, complete, find};
use simplebank::store::{Fault, Store, migrate};

async fn store() -> (Database, Store) {
    let database = Database::new().await;
    migrate::up(database.source()).await.unwrap();
    let store = Store::open(database.source()).await.unwrap();
    (database, store)
}

async fn run(database: &Database, sql: &str) -> Result<(), String> {
    database.run(&database.in_its_words(sql)).await.map_err(|error| error.to_string())
}

fn assert_refused(result: Result<(), String>, rule: &str) {
    assert!(result.as_ref().is_err_and(|error| error.contains(rule)), "{rule}: {result:?}");
}

#[tokio::test]
async fn users_that_break_the_rules_are_refused_by_the_database_too() {
    let (database, _store) = store().await;
    let alice = "INSERT INTO users (username, hashed_password, full_name, email) VALUES ('alice', 'h', 'Alice', 'a@b.co')";
    run(&database, alice).await.unwrap();
    for (sql, rule) in [
        (alice, UNIQUE),
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
        ("INSERT INTO accounts (owner, balance, currency) VALUES ('nobody', 0, 'EUR')", FOREIGN_KEY),
    ] {
        assert_refused(run(&database, sql).await, rule);
    }
}

#[tokio::test]
async fn a_mailbox_has_one_live_code_and_any_number_of_used_ones() {
    let (database, _store) = store().await;
    run(
        &database,
        "INSERT INTO users (username, hashed_password, full_name, email) VALUES ('alice', 'h', 'Alice', 'a@b.co');
         INSERT INTO verify_emails (username, email, key_id, nonce, is_used, created_at, expired_at)
         VALUES ('alice', 'a@b.co', 'k', ZEROS(16), true, EPOCH, EPOCH), ('alice', 'a@b.co', 'k', ZEROS(16), true, EPOCH, EPOCH),
                ('alice', 'a@b.co', 'k', ZEROS(16), false, EPOCH, EPOCH)",
    )
    .await
    .unwrap();
    for (sql, rule) in [
        (
            "INSERT INTO verify_emails (username, email, key_id, nonce, created_at, expired_at)
             VALUES ('alice', 'A@B.CO', 'k', ZEROS(16), EPOCH, EPOCH)",
            "verify_emails_live_key",
        ),
        ("UPDATE verify_emails SET nonce = ZEROS(15)", "verify_emails_nonce_check"),
        ("UPDATE verify_emails SET code_hash = ZEROS(31)", "verify_emails_code_hash_check"),
    ] {
        assert_refused(run(&database, sql).await, rule);
    }
}

#[tokio::test]
async fn a_claimed_key_is_taken_once_its_transaction_has_committed() {
    let (_database, store) = store().await;
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
    complete(&mut tx, &scope, "another answer").await.unwrap();
    tx.commit().await.unwrap();
    let found = find(reader.conn(), &scope, later.now).await.unwrap();
    assert_eq!(found, Some(Record { fingerprint: other, response: "another answer".into() }));
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let (_database, store) = store().await;
    store.close().await;
    let error = store.begin().await.unwrap_err();
    assert_eq!(error.fault(), &Fault::Closed);
}
