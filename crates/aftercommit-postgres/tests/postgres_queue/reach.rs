//! How the engine reaches its database: over TLS, with a password, with a few connections, and never waiting for ever.

use std::time::{Duration, Instant};

use aftercommit_core::{Inspect as _, QueueName};
use aftercommit_postgres::{PostgresOptions, PostgresQueue};
use aftercommit_servers::{ChaosProxy, PostgresServer};

use crate::kit::{Kit, task};

const MS: Duration = Duration::from_millis(1);

fn queue(url: &str) -> PostgresQueue {
    PostgresQueue::new(&PostgresOptions::parse(url).expect("an address"))
}

#[tokio::test]
async fn certificate_and_password_are_checked() {
    let server = PostgresServer::builder().tls().password("right").start().expect("a server");
    let authority = server.authority().display().to_string();
    let with = |mode: &str| format!("{}?sslmode={mode}&sslrootcert={authority}", server.url("postgres"));
    queue(&with("verify-full")).migrate().await.expect("the certificate names the host");

    let elsewhere = PostgresServer::builder().tls().start().expect("another server");
    let stranger = with("verify-full").replace(&authority, &elsewhere.authority().display().to_string());
    let error = queue(&stranger).queues().await.expect_err("nobody vouches for it");
    assert!(error.is_transient(), "a certificate may be put right at any moment: {error:?}");

    let error =
        queue(&with("require").replace(":right@", ":wrong@")).queues().await.expect_err("a wrong password");
    let text = format!("{error:?}");
    assert!(error.is_transient() && text.contains("check user and password"), "{text}");
    assert!(!text.contains("wrong@"), "{text}");
}

#[tokio::test]
async fn many_calls_share_a_few_connections_that_have_a_name() {
    let kit = Kit::new().await;
    let options = PostgresOptions::parse(&kit.url).expect("an address").max_connections(3);
    let queue = PostgresQueue::new(&options);
    let calls = (0..50).map(|_| {
        let queue = queue.clone();
        tokio::spawn(async move { queue.queues().await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.expect("it ends").expect("it is answered");
    }
    let named = "SELECT count(*) FROM pg_stat_activity
                  WHERE datname = current_database() AND application_name = 'aftercommit'";
    // Three of this handle, and those of the one that made the tables.
    let count = kit.number(named).await;
    assert!((1..=3).contains(&count), "{count}");
}

#[tokio::test]
async fn statement_that_has_to_wait_for_too_long_is_given_up_and_the_connection_stays() {
    let kit = Kit::new().await;
    let options = PostgresOptions::parse(&kit.url).expect("an address").max_connections(1);
    let queue = PostgresQueue::new(&options.call_timeout(1_000 * MS));
    queue.queues().await.expect("it connects");
    let mut tx = kit.pool.begin().await.expect("a transaction");
    let lock = "LOCK TABLE aftercommit.pauses, aftercommit.tasks IN ACCESS EXCLUSIVE MODE";
    sqlx::query(lock).execute(&mut *tx).await.expect("a lock");
    let started = Instant::now();
    let error = queue.pause(&QueueName::default()).await.expect_err("the table is locked");
    assert!(error.is_transient(), "{error:?}");
    assert!(started.elapsed() < 5_000 * MS, "{:?}", started.elapsed());
    tx.rollback().await.expect("it rolls back");
    queue.pause(&QueueName::default()).await.expect("nothing is in the way any more");
}

#[tokio::test]
async fn silent_server_costs_a_bounded_time_and_is_used_again_when_it_speaks() {
    let kit = Kit::new().await;
    let proxy = ChaosProxy::start(kit.server.addr()).await.expect("a proxy");
    let through = kit.url.replace(&kit.server.addr().to_string(), &proxy.addr().to_string());
    let options = PostgresOptions::parse(&through).expect("an address").max_connections(2);
    let queue = PostgresQueue::new(&options.call_timeout(500 * MS).connect_timeout(500 * MS));
    queue.queues().await.expect("it connects");
    proxy.stall().await;
    for _ in 0..4 {
        let started = Instant::now();
        let error = queue.queues().await.expect_err("no answer comes");
        assert!(error.is_transient(), "{error:?}");
        // An answer, a sign of life and a new connection at most; and a machine that is busy with something else.
        assert!(started.elapsed() < 5_000 * MS, "{:?}", started.elapsed());
    }
    proxy.open().await;
    let answered = async { while queue.queues().await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(20), answered).await.expect("it is used again");
}

#[tokio::test]
async fn call_that_is_cut_off_leaves_its_connection_in_order() {
    let kit = Kit::new().await;
    let options = PostgresOptions::parse(&kit.url).expect("an address").max_connections(1);
    let queue = PostgresQueue::new(&options);
    let name = QueueName::default();
    for micros in (0..2_000).step_by(100) {
        // Whether it comes to its end in time does not matter.
        let _ = tokio::time::timeout(Duration::from_micros(micros), queue.pause(&name)).await;
        queue.queues().await.expect("the next call is answered");
    }
    assert_eq!(kit.number("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND datname = current_database()").await, 0);
}

#[tokio::test]
async fn commit_of_the_host_through_a_pooler_is_a_transaction() {
    let kit = Kit::new().await;
    let pooler = aftercommit_servers::PgBouncer::start(&kit.server, 2).expect("a pooler");
    let url = pooler.url(&kit.database);
    let queue = PostgresQueue::new(&PostgresOptions::parse(&url).expect("an address").pooled());
    // As a host has to, behind a pooler.
    let options: sqlx::postgres::PgConnectOptions = url.parse().expect("an address");
    let pool = sqlx::PgPool::connect_lazy_with(options.statement_cache_capacity(0));
    let enqueues = (0..8).map(|_| {
        let (queue, pool) = (queue.clone(), pool.clone());
        tokio::spawn(async move {
            for nth in 0..10 {
                let mut tx = queue.begin(&pool).await?;
                queue.enqueue_raw_in(&mut tx, task()).await?;
                if nth % 2 == 0 { tx.commit().await? } else { tx.rollback().await? }
            }
            aftercommit_core::Result::<()>::Ok(())
        })
    });
    for enqueue in enqueues.collect::<Vec<_>>() {
        enqueue.await.expect("it ends").expect("it is stored");
    }
    assert_eq!(kit.number("SELECT count(*) FROM aftercommit.tasks").await, 40);
}
