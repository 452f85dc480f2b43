//! A Postgres that goes away: what callers are told, that nothing is half done, and that the bank finds its way back.

use crate::database::Database;
use crate::kit::{World, alice, user};
use aftercommit_servers::{ChaosProxy, PostgresServer, Shutdown};
use simplebank::password::PoolLimits;
use simplebank::service::{Replay, ServiceError};
use simplebank::store::users;
use simplebank::store::{Fault, Source, Store, migrate};
use std::num::NonZeroUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// A server of one's own, which may be hurt, and its only database.
async fn own_server() -> (PostgresServer, String) {
    let made = tokio::task::spawn_blocking(|| {
        let server = PostgresServer::builder().durable().start()?;
        let url = server.database_url()?;
        anyhow::Ok((server, url))
    });
    made.await.expect("no panic").expect("a Postgres for the test")
}

/// A bank on a database that the test has made.
pub(crate) async fn world(source: Source) -> World {
    let limits = PoolLimits { threads: NonZeroUsize::MIN, queue: 100 };
    World::on(Database::at(source), "argon2id:m=8,t=1,p=1", limits).await
}

/// Waits as short as a test can.
fn impatient(url: &str) -> Source {
    let Source::Postgres(mut source) = url.parse().expect("an address") else {
        panic!("{url} is a Postgres")
    };
    source.limits.acquire = Duration::from_secs(1);
    source.limits.statement = Duration::from_secs(1);
    Source::Postgres(source)
}

fn through(proxy: &ChaosProxy, url: &str) -> String {
    let (login, rest) = url.split_once('@').expect("a user");
    let (_, database) = rest.split_once('/').expect("a database");
    format!("{login}@{}/{database}?sslmode=disable", proxy.addr())
}

#[tokio::test]
async fn what_is_in_the_way_of_a_connection_is_one_clear_line() {
    let (server, url) = own_server().await;
    let closed = ChaosProxy::start(server.addr()).await.unwrap();
    closed.refuse().await;
    let silent = ChaosProxy::start(server.addr()).await.unwrap();
    silent.stall().await;
    let address = server.addr();
    for (url, place, said) in [
        (
            through(&closed, &url),
            closed.addr(),
            "no connection; check that Postgres runs and that DB_SOURCE names",
        ),
        (through(&silent, &url), silent.addr(), "no answer; check the server and the network"),
        (url.replace("/test_0", "/nowhere"), address, "no such database; create it or change DB_SOURCE"),
        (format!("{url}?sslmode=require"), address, "no trusted connection; check sslmode and sslrootcert"),
        (format!("{url}?sslmode=verify-full&sslrootcert=/no/file"), address, "no trusted connection"),
    ] {
        for error in [
            migrate::up(&impatient(&url)).await.unwrap_err(),
            Store::open(&impatient(&url)).await.map(drop).unwrap_err(),
        ] {
            let line = error.to_string();
            assert!(line.starts_with(&format!("database {place}/")) && line.contains(said), "{url}: {line}");
            assert_eq!(line.lines().count(), 1, "{line}");
        }
    }
}

#[tokio::test]
async fn a_refused_login_is_told_from_an_absent_server_and_shows_no_password() {
    let server = tokio::task::spawn_blocking(|| PostgresServer::builder().password("right").start());
    let server = server.await.unwrap().unwrap();
    let url = server.url("postgres").replace("right", "wr0ng");
    let error = Store::open(&impatient(&url)).await.map(drop).unwrap_err();
    assert_eq!(error.fault(), &Fault::LoginRefused);
    assert!(!format!("{error} {error:?}").contains("wr0ng"));
}

#[tokio::test]
async fn a_server_with_a_certificate_is_believed_if_its_authority_is() {
    let server =
        tokio::task::spawn_blocking(|| PostgresServer::builder().tls().start()).await.unwrap().unwrap();
    let url = server.url("postgres").replace("127.0.0.1", "localhost");
    let authority = server.authority().display();
    for mode in ["require", "verify-ca", "verify-full"] {
        let trusting = format!("{url}?sslmode={mode}&sslrootcert={authority}");
        Store::open(&impatient(&trusting)).await.unwrap_or_else(|error| panic!("{mode}: {error:?}"));
    }
    Store::open(&impatient(&format!("{url}?sslmode=require"))).await.unwrap();
    let error = Store::open(&impatient(&format!("{url}?sslmode=verify-full"))).await.map(drop).unwrap_err();
    assert_eq!(error.fault(), &Fault::Untrusted, "{error:?}");
}

#[tokio::test]
async fn requests_while_the_server_is_away_are_told_so_and_work_again_when_it_is_back() {
    let (mut server, url) = own_server().await;
    let world = world(impatient(&url)).await;
    world.bank.create_user(alice(), None).await.unwrap();
    server.stop(Shutdown::Immediate).unwrap();
    let error = world.bank.create_user(user("bob", "bob@example.com"), None).await.unwrap_err();
    assert!(matches!(error, ServiceError::Unavailable(_)), "{error:?}");
    assert_eq!(error.to_string(), "the database is not available, retry later");
    assert_eq!(world.store.ping().await.unwrap_err().fault(), &Fault::Unreachable);

    server.start_again().unwrap();
    world.bank.create_user(user("bob", "bob@example.com"), None).await.unwrap();
    world.store.ping().await.unwrap();
    assert_eq!(world.users_and_tasks().await, (2, 2));
}

#[tokio::test]
async fn connections_that_the_server_closed_are_replaced_unseen() {
    let (server, url) = own_server().await;
    let world = world(impatient(&url)).await;
    for n in 0..3 {
        world.bank.create_user(user(&format!("user_{n}"), &format!("u{n}@example.com")), None).await.unwrap();
        assert!(server.terminate_backends().unwrap() > 0);
    }
    assert_eq!(world.users_and_tasks().await, (3, 3));
}

#[tokio::test]
async fn a_request_whose_connection_is_closed_in_the_middle_leaves_nothing() {
    let (server, url) = own_server().await;
    let world = world(impatient(&url)).await;
    world.tasks.stops.store(true, Ordering::SeqCst);
    let bank = world.bank.clone();
    let request = tokio::spawn(async move { bank.create_user(alice(), Some("k".into())).await });
    world.tasks.stopped.acquire().await.unwrap().forget();
    server.terminate_backends().unwrap();
    world.tasks.go_on.add_permits(1);
    let error = request.await.unwrap().unwrap_err();
    assert!(matches!(error, ServiceError::Unavailable(_)), "{error:?}");
    assert_eq!(world.users_and_tasks().await, (0, 0));

    world.tasks.stops.store(false, Ordering::SeqCst);
    let answer = world.bank.create_user(alice(), Some("k".into())).await.unwrap();
    assert_eq!(answer.replay, Replay::Fresh);
}

/// The commit reaches the server and its answer does not come back: only the key can tell.
#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_resolved_by_the_idempotency_key() {
    let (server, url) = own_server().await;
    let proxy = ChaosProxy::start(server.addr()).await.unwrap();
    let world = world(impatient(&url)).await;
    let behind = world.other_process_at(&impatient(&through(&proxy, &url))).await;
    let commits = "SELECT count(*) FROM users";

    world.tasks.stops.store(true, Ordering::SeqCst);
    let bank = behind.clone();
    let request = tokio::spawn(async move { bank.create_user(alice(), Some("k".into())).await });
    world.tasks.stopped.acquire().await.unwrap().forget();
    // What is said from now on arrives late, and what comes back not at all.
    proxy.delay(Duration::from_millis(200)).await;
    world.tasks.go_on.add_permits(1);
    while world.count(commits).await == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    proxy.cut().await;
    let error = request.await.unwrap().unwrap_err();
    assert!(matches!(error, ServiceError::Unavailable(_)), "{error:?}");

    proxy.delay(Duration::ZERO).await;
    world.tasks.stops.store(false, Ordering::SeqCst);
    let answer = behind.create_user(alice(), Some("k".into())).await.unwrap();
    assert_eq!(answer.replay, Replay::Replayed);
    assert_eq!(world.users_and_tasks().await, (1, 1));
}

#[tokio::test]
async fn a_network_that_swallows_everything_is_given_up_on_in_time_and_left_behind() {
    let (server, url) = own_server().await;
    let proxy = ChaosProxy::start(server.addr()).await.unwrap();
    let through = impatient(&through(&proxy, &url));
    migrate::up(&through).await.unwrap();
    let store = Store::open(&through).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    proxy.stall().await;
    let begun = Instant::now();
    let error = users::find(tx.conn(), "alice").await.unwrap_err();
    assert_eq!(error.fault(), &Fault::NoAnswer);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    drop(tx);

    proxy.open().await;
    timeout(Duration::from_secs(10), async { while store.ping().await.is_err() {} })
        .await
        .expect("the store finds its way back");
}
