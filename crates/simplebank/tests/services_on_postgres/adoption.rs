//! Taking over a database that the bank's Go program has made and filled, with everything in it that our rules forbid.

use crate::database::Database;
use crate::kit::START;
use simplebank::domain::email::EmailAddress;
use simplebank::domain::name::{FullName, Username};
use simplebank::domain::password::PasswordHash;
use simplebank::domain::user::NewUser;
use simplebank::store::audit::audit;
use simplebank::store::migrate::{self, State};
use simplebank::store::users::{self, Insertion};
use simplebank::store::{Fault, Store};

const GO_DATABASE: &str = include_str!("go_database.sql");

fn new_user(username: &str, email: &str) -> NewUser {
    NewUser {
        username: Username::parse(username).unwrap(),
        full_name: FullName::parse("Erin Ten").unwrap(),
        email: EmailAddress::parse(email).unwrap(),
    }
}

async fn go_database() -> Database {
    let database = Database::new().await;
    database.run(GO_DATABASE).await.unwrap();
    database
}

#[tokio::test]
async fn our_first_five_migrations_make_the_same_schema() {
    let (theirs, ours) = (go_database().await, Database::new().await);
    let newest = migrate::up(ours.source()).await.unwrap().len();
    migrate::down(ours.source(), newest - 5).await.unwrap();
    assert_eq!(ours.schema().await, theirs.schema().await);
}

#[tokio::test]
async fn what_was_there_counts_as_applied_and_the_rest_is_applied_now() {
    let database = go_database().await;
    let status = migrate::status(database.source()).await.unwrap();
    let applied = |state| status.iter().filter(|entry| entry.state == state).count();
    assert_eq!(applied(State::Applied), 5);
    assert_eq!(database.count("SELECT count(*) FROM sessions").await, 1, "to look changes nothing");

    let done = migrate::up(database.source()).await.unwrap();
    assert_eq!(done, (6..).take(applied(State::Pending)).collect::<Vec<_>>());
    assert_eq!(migrate::up(database.source()).await.unwrap(), Vec::<i64>::new());
}

#[tokio::test]
async fn an_adopted_database_has_the_schema_of_a_new_one_but_for_rules_that_old_rows_break() {
    let (adopted, new) = (go_database().await, Database::new().await);
    migrate::up(adopted.source()).await.unwrap();
    migrate::up(new.source()).await.unwrap();
    let but_for = |schema: Vec<String>| -> Vec<String> {
        schema.into_iter().map(|line| line.replace(" NOT VALID", "")).collect()
    };
    let adopted_schema = adopted.schema().await;
    let not_valid: Vec<_> = adopted_schema.iter().filter(|line| line.contains("NOT VALID")).collect();
    assert_eq!(not_valid.len(), 2, "{not_valid:?}");
    assert_eq!(but_for(adopted_schema), new.schema().await);
}

#[tokio::test]
async fn users_and_money_stay_as_they_were_and_secrets_in_clear_are_gone() {
    let database = go_database().await;
    migrate::up(database.source()).await.unwrap();
    assert_eq!(database.count("SELECT count(*) FROM users").await, 4);
    assert_eq!(database.count("SELECT sum(balance)::bigint FROM accounts").await, 705);
    assert_eq!(database.count("SELECT count(*) FROM entries").await, 2);
    let dump = String::from_utf8(database.bytes().await).unwrap();
    assert!(dump.contains("alice@example.com"));
    for secret in ["token-in-clear", "code-in-clear"] {
        assert!(!dump.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn of_users_who_share_a_mailbox_the_first_keeps_it_and_nobody_can_join_them() {
    let database = go_database().await;
    migrate::up(database.source()).await.unwrap();
    let marked = "SELECT count(*) FROM users WHERE shares_mailbox AND username = 'bob'";
    assert_eq!(database.count(marked).await, 1);
    assert_eq!(database.count("SELECT count(*) FROM users WHERE shares_mailbox").await, 1);

    let store = Store::open(database.source()).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    let bob = users::find(tx.conn(), "bob").await.unwrap().unwrap();
    assert_eq!(bob.email, "Alice@Example.com", "whoever is there can be found");
    let new = new_user("erin", "ALICE@example.com");
    let (hash, now) = (PasswordHash::from_stored("h".to_owned()), START);
    let insertion = users::insert(&mut tx, &new, &hash, now).await.unwrap();
    assert!(matches!(insertion, Insertion::Taken(_)), "{insertion:?}");
}

#[tokio::test]
async fn the_rules_hold_for_every_row_that_is_written_from_now_on() {
    let database = go_database().await;
    migrate::up(database.source()).await.unwrap();
    for (sql, rule) in [
        ("UPDATE users SET role = 'root' WHERE username = 'alice'", "users_role_check"),
        (
            "INSERT INTO users (username, hashed_password, full_name, email) VALUES ('Eve', 'h', 'Eve', 'e@b.co')",
            "users_username_check",
        ),
    ] {
        let error = database.run(sql).await.unwrap_err().to_string();
        assert!(error.contains(rule), "{rule}: {error}");
    }
}

/// The same before and after: what is taken over is not repaired behind anybody's back.
#[tokio::test]
async fn the_audit_names_what_is_left_to_repair() {
    let database = go_database().await;
    let before = audit(database.source()).await.unwrap();
    migrate::up(database.source()).await.unwrap();
    let after = audit(database.source()).await.unwrap();
    assert_eq!(before, after);
    let rows: Vec<_> = after.iter().flat_map(|finding| &finding.rows).map(String::as_str).collect();
    assert_eq!(
        rows,
        [
            "user Carol",
            "user dave: root",
            "users alice, bob",
            "account 4: GBP",
            "account 2: -30 USD",
            "account 1: balance 700, entries 0",
            "account 4: balance 5, entries 0",
            "transfer 2: -1 from account 3 (USD) to account 3 (USD)",
        ]
    );
    database.run("INSERT INTO entries (account_id, amount) VALUES (1, 700)").await.unwrap();
    let rows: Vec<_> =
        audit(database.source()).await.unwrap().into_iter().flat_map(|finding| finding.rows).collect();
    assert!(!rows.contains(&"account 1: balance 700, entries 0".to_owned()));
    assert!(rows.contains(&"EUR: 700".to_owned()), "{rows:?}");
}

#[tokio::test]
async fn a_half_migrated_or_unknown_database_is_refused_with_what_to_do_and_left_alone() {
    for (note, fault, said) in [
        ("4, true", Fault::AdoptionDirty(4), "migration 4 stopped half-way; repair the tables by hand"),
        ("6, false", Fault::AdoptionUnknown(6), "stands at version 6; only a database of versions 1 to 5"),
        (
            "20240101120000, false",
            Fault::AdoptionUnknown(20_240_101_120_000),
            "only a database of versions 1 to 5",
        ),
    ] {
        let database = go_database().await;
        let sql = format!("DELETE FROM schema_migrations; INSERT INTO schema_migrations VALUES ({note})");
        database.run(&sql).await.unwrap();
        let before = database.schema().await;
        let error = migrate::up(database.source()).await.unwrap_err();
        assert_eq!(error.fault(), &fault);
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!(database.schema().await, before);
        assert_eq!(database.count("SELECT count(*) FROM sessions").await, 1);
    }
}

#[tokio::test]
async fn a_database_that_stands_earlier_is_migrated_from_there() {
    let database = Database::new().await;
    migrate::up(database.source()).await.unwrap();
    migrate::down(database.source(), migrate::status(database.source()).await.unwrap().len() - 2)
        .await
        .unwrap();
    database
        .run(
            "DROP TABLE _simplebank_migrations;
             CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL);
             INSERT INTO schema_migrations VALUES (2, false)",
        )
        .await
        .unwrap();
    assert_eq!(migrate::up(database.source()).await.unwrap()[0], 3);
}

#[tokio::test]
async fn a_table_of_the_same_name_that_is_somebody_elses_means_nothing() {
    let database = Database::new().await;
    database.run("CREATE TABLE schema_migrations (version varchar PRIMARY KEY)").await.unwrap();
    assert_eq!(migrate::up(database.source()).await.unwrap()[0], 1);
}
