//! The private Postgres: what it is told to be, and that it goes when it should.

use std::sync::Arc;

use aftercommit_servers::{PgBouncer, PostgresServer, Shutdown};

#[test]
fn it_answers_as_soon_as_it_is_started() {
    let server = PostgresServer::start().unwrap();
    assert_eq!(server.psql("postgres", "SELECT 1 + 1, 'a'").unwrap(), "2|a");
    assert_eq!(server.psql("postgres", "SHOW fsync").unwrap(), "off");
    assert_eq!(server.url("bank"), format!("postgresql://postgres@{}/bank", server.addr()));
    assert!(server.psql("postgres", "SELECT nonsense").is_err());
}

#[test]
fn those_who_share_one_have_databases_of_their_own() {
    let (one, other) = (PostgresServer::shared().unwrap(), PostgresServer::shared().unwrap());
    assert!(Arc::ptr_eq(&one, &other));
    let (first, second) = (one.database().unwrap(), other.database().unwrap());
    one.psql(&first, "CREATE TABLE t (a int)").unwrap();
    assert!(other.psql(&second, "SELECT * FROM t").is_err());
}

#[test]
fn options_reach_the_server() {
    let builder = PostgresServer::builder().tls().durable().password("a'b").set("max_connections", "17");
    let server = builder.start().unwrap();
    assert_eq!(server.psql("postgres", "SHOW max_connections").unwrap(), "17");
    assert_eq!(server.psql("postgres", "SHOW fsync").unwrap(), "on");
    let ssl = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    assert_eq!(server.psql("postgres", ssl).unwrap(), "t");
    assert!(std::fs::read_to_string(server.authority()).unwrap().starts_with("-----BEGIN CERTIFICATE"));
}

#[test]
fn it_comes_back_on_its_port_with_what_was_committed_however_it_ended() {
    let mut server = PostgresServer::builder().durable().start().unwrap();
    let addr = server.addr();
    server.psql("postgres", "CREATE TABLE t (a int)").unwrap();
    for (nth, how) in
        [Some(Shutdown::Smart), Some(Shutdown::Fast), Some(Shutdown::Immediate), None].iter().enumerate()
    {
        server.psql("postgres", "INSERT INTO t VALUES (1)").unwrap();
        match how {
            Some(how) => server.stop(*how).unwrap(),
            None => server.kill().unwrap(),
        }
        assert!(server.psql("postgres", "SELECT 1").is_err());
        server.start_again().unwrap();
        assert_eq!(server.addr(), addr);
        assert_eq!(server.psql("postgres", "SELECT count(*) FROM t").unwrap(), (nth + 1).to_string());
    }
}

#[test]
fn it_is_gone_with_its_directory_when_it_is_dropped() {
    let server = PostgresServer::start().unwrap();
    let (directory, pid) = (server.directory().to_owned(), server.directory().join("data/postmaster.pid"));
    let pid = std::fs::read_to_string(pid).unwrap().lines().next().unwrap().to_owned();
    drop(server);
    assert!(!directory.exists());
    assert!(!std::path::Path::new("/proc").join(pid).exists());
}

#[test]
fn pooler_lends_its_few_sessions_to_many() {
    let server = PostgresServer::start().unwrap();
    let pooler = PgBouncer::start(&server, 2).unwrap();
    let psql = |sql: &str| server.psql_at(&pooler.url("postgres"), sql).unwrap();
    let ids: std::collections::BTreeSet<String> = (0..10).map(|_| psql("SELECT pg_backend_pid()")).collect();
    assert!(ids.len() <= 2, "{ids:?}");
    // What a session is told stays with the server's session, not with the client: it is a pooler of transactions.
    assert_eq!(
        psql("BEGIN; SET LOCAL lock_timeout = 7; SHOW lock_timeout; COMMIT").lines().last(),
        Some("7ms")
    );
}
