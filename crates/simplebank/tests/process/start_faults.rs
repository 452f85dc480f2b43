//! What can be in the way of a start: one clear line each, exit code 1, soon.

use crate::home::Home;
use crate::process::Ended;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::net::TcpListener;
use std::time::Duration;
use tokio::time::Instant;

/// The longest that a start waits for anything, and the time to start at all on a busy machine.
const BOUND: Duration = Duration::from_secs(15);

/// The words of the only line of a start that fails.
async fn failure(home: &Home, settings: &[(&str, &str)]) -> String {
    let started = Instant::now();
    let ended: Ended = home.run(&[], settings).ended().await;
    assert!(started.elapsed() < BOUND, "it took {:?}", started.elapsed());
    assert_eq!((ended.status.code(), &ended.stdout[..]), (Some(1), &[][..]), "{ended:?}");
    let [line] = &ended.stderr[..] else { panic!("expected one line: {ended:?}") };
    let (_, words) = line.split_once(" ERR ").unwrap_or_else(|| panic!("no error: {line}"));
    words.to_owned()
}

fn names_in(home: &Home) -> Vec<String> {
    let entries = std::fs::read_dir(home.path()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

async fn sqlite(home: &Home, name: &str) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(home.path().join(name)).create_if_missing(true);
    options.connect().await.unwrap()
}

async fn run(connection: &mut SqliteConnection, sql: &'static str) {
    sqlx::raw_sql(sql).execute(connection).await.unwrap();
}

#[tokio::test]
async fn port_that_is_taken_is_named_and_nothing_is_touched() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for key in ["HTTP_SERVER_ADDRESS", "GRPC_SERVER_ADDRESS"] {
        let home = Home::new();
        let words = failure(&home, &[(key, &address)]).await;
        let said = format!("cannot listen on {address}: the port is taken by another process");
        assert!(words.starts_with(&said), "{words}");
        assert_eq!(names_in(&home), [""; 0]);
    }
}

#[tokio::test]
async fn address_of_another_machine_is_named() {
    let words = failure(&Home::new(), &[("HTTP_SERVER_ADDRESS", "192.0.2.1:8080")]).await;
    assert!(
        words.starts_with("cannot listen on 192.0.2.1:8080: the address is not of this machine"),
        "{words}"
    );
}

#[tokio::test]
async fn path_that_cannot_be_a_database_is_named_and_nothing_is_touched() {
    let home = Home::new();
    std::fs::create_dir(home.path().join("directory")).unwrap();
    std::fs::write(home.path().join("notes.txt"), "dear diary, ".repeat(100)).unwrap();
    for (path, fault) in [
        ("directory", "this is a directory; DB_SOURCE must name a file"),
        ("missing/bank.db", "directory missing does not exist; create it or change DB_SOURCE"),
        ("notes.txt", "not an SQLite database; move the file away or change DB_SOURCE"),
        // Permission bits would not stop a test that runs as root; /proc takes files from nobody.
        ("/proc/bank.db", "not writable; check the owner and permissions of the file and its directory"),
    ] {
        let words = failure(&home, &[("DB_SOURCE", &format!("sqlite:{path}"))]).await;
        let said = format!("failed to run migrate up: database {path}: {fault}");
        assert!(words.starts_with(&said), "{words}");
    }
    let mut names = names_in(&home);
    names.sort_unstable();
    assert_eq!(names, ["directory", "notes.txt"]);
    assert_eq!(std::fs::read_to_string(home.path().join("notes.txt")).unwrap(), "dear diary, ".repeat(100));
}

#[tokio::test]
async fn database_that_another_process_keeps_locked_is_called_locked() {
    let home = Home::new();
    let mut other = sqlite(&home, "simplebank.db").await;
    run(&mut other, "PRAGMA locking_mode = EXCLUSIVE; CREATE TABLE mine (n INTEGER)").await;
    let words = failure(&home, &[]).await;
    let said = "database ./simplebank.db: locked by another process; stop that process or try again later";
    assert!(words.contains(said), "{words}");
    other.close().await.unwrap();
    home.bank(&[]).await;
}

#[tokio::test]
async fn database_of_a_newer_program_is_refused() {
    let home = Home::new();
    let ended = home.run(&["migrate", "up"], &[]).ended().await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    for (change, said) in [
        (
            "INSERT INTO _aftercommit_migrations (version, description, success, checksum, execution_time) \
             VALUES (99, 'later', 1, x'00', 0)",
            "failed to migrate the task queue: failed to migrate the tables of the queue: they are of version 99, and \
             this library knows 5 at most; use a newer one",
        ),
        (
            "INSERT INTO _simplebank_migrations (version, description, success, checksum, execution_time) \
             VALUES (99, 'later', 1, x'00', 0)",
            "failed to run migrate up: database ./simplebank.db: schema version 99 is newer than this program, which \
             knows 8; use a newer simplebank",
        ),
    ] {
        let mut database = sqlite(&home, "simplebank.db").await;
        run(&mut database, change).await;
        database.close().await.unwrap();
        assert_eq!(failure(&home, &[]).await, said);
    }
}

#[tokio::test]
async fn directory_for_mails_that_cannot_be_used_is_named_before_anything_is_served() {
    let ended = Home::new().run(&[], &[("EMAIL_URL", "file:/proc/mail")]).ended().await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let [migrated, fault] = &ended.stderr[..] else { panic!("expected two lines: {ended:?}") };
    assert!(migrated.ends_with("INF db migrated successfully"), "{migrated}");
    assert!(fault.contains("ERR EMAIL_URL: directory /proc/mail cannot be used: "), "{fault}");
    assert_eq!(fault.matches("os error").count(), 1, "nothing is said twice: {fault}");
}

#[tokio::test]
async fn key_file_that_holds_no_key_is_not_replaced() {
    let home = Home::new();
    std::fs::write(home.path().join("simplebank.key"), "short").unwrap();
    let ended = home.run(&[], &[]).ended().await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let said = "ERR key file simplebank.key does not hold 64 hexadecimal digits";
    assert_eq!(ended.stderr.iter().filter(|line| line.contains(said)).count(), 1, "{ended:?}");
    assert_eq!(std::fs::read_to_string(home.path().join("simplebank.key")).unwrap(), "short");
}
