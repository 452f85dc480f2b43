//! The commands that do something and end: what they print, and how they end.

use crate::home::Home;
use aftercommit_servers::{PostgresServer, Shutdown};

#[tokio::test]
async fn the_schema_is_migrated_up_and_down_and_shown() {
    let server = PostgresServer::start().unwrap();
    let home = Home::on(&server);
    let run = async |arguments: &[&str]| {
        let ended = home.run(arguments, &[]).ended().await;
        assert!(ended.status.success(), "{arguments:?}: {ended:?}");
        ended
    };
    run(&["migrate", "up"]).await;
    let status = run(&["migrate", "status"]).await.stdout;
    assert!(status.iter().all(|line| line.contains(" applied ")), "{status:?}");
    run(&["migrate", "down", "1"]).await;
    let status = run(&["migrate", "status"]).await.stdout;
    assert!(status.last().is_some_and(|line| line.contains(" pending ")), "{status:?}");
    run(&["migrate", "down", "all"]).await;
    assert_eq!(server.psql("test_0", "SELECT to_regclass('users')").unwrap(), "");
}

#[tokio::test]
async fn a_command_does_not_wait_for_a_database_that_is_away() {
    let mut server = PostgresServer::start().unwrap();
    let home = Home::on(&server);
    server.stop(Shutdown::Fast).unwrap();
    for command in [&["migrate", "up"][..], &["migrate", "status"], &["audit"]] {
        let ended = home.run(command, &[]).ended().await;
        assert_eq!((ended.status.code(), ended.stderr.len()), (Some(1), 1), "{ended:?}");
        let place = format!("database {}/test_0: no connection; check that Postgres runs", server.addr());
        assert!(ended.stderr[0].contains(&place), "{ended:?}");
    }
}

#[tokio::test]
async fn an_audit_lists_what_breaks_the_rules_and_fails_if_something_does() {
    let server = PostgresServer::start().unwrap();
    let home = Home::on(&server);
    assert!(home.run(&["migrate", "up"], &[]).ended().await.status.success());
    let ended = home.run(&["audit"], &[]).ended().await;
    assert!(ended.status.success() && ended.stdout == ["every rule holds"], "{ended:?}");

    let overdrawn = "INSERT INTO users (username, hashed_password, full_name, email)
                         VALUES ('alice', 'h', 'Alice', 'a@b.co');
                     INSERT INTO accounts (owner, balance, currency) VALUES ('alice', -7, 'EUR')";
    server.psql("test_0", overdrawn).unwrap();
    let ended = home.run(&["audit"], &[]).ended().await;
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(
        ended.stdout,
        [
            "a balance is not negative, but for 1:",
            "  account 1: -7 EUR",
            "a balance is the sum of the account's entries, but for 1:",
            "  account 1: balance -7, entries 0",
        ]
    );
    assert!(ended.stderr[0].ends_with("rules are broken: 2"), "{ended:?}");
}
