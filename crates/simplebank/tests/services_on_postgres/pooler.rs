//! The bank behind pgbouncer in transaction mode: fewer sessions than callers, and another one for each transaction.

use crate::kit::{alice, mail, user};
use crate::outages::world;
use aftercommit_servers::{PgBouncer, PostgresServer};
use futures_util::future::join_all;
use simplebank::service::{Replay, VerifyEmail};
use simplebank::store::{Source, postgres::PostgresAddress};
use std::sync::Arc;

/// Fewer than callers, so that whoever relies on a session is found out.
const SESSIONS: u16 = 2;

async fn pooled() -> (Arc<PostgresServer>, PgBouncer, Source, String) {
    let started = tokio::task::spawn_blocking(|| {
        let server = PostgresServer::shared()?;
        let name = server.database()?;
        let pooler = PgBouncer::start(&server, SESSIONS)?;
        anyhow::Ok((server, pooler, name))
    });
    let (server, pooler, name) = started.await.expect("no panic").expect("a pooler for the test");
    let source: Source = pooler.url(&name).parse().expect("an address");
    let Source::Postgres(mut postgres) = source else { panic!("{source:?} is a Postgres") };
    postgres.direct = Some(PostgresAddress::parse(&server.url(&name)).expect("an address"));
    (server, pooler, Source::Postgres(postgres), name)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_gets_the_answer_to_their_own_question() {
    let (_server, _pooler, source, _) = pooled().await;
    let world = world(source).await;
    let sign_ups = (0..24).map(|n| {
        let bank = world.bank.clone();
        let (name, email) = (format!("user_{n}"), format!("user_{n}@example.com"));
        tokio::spawn(async move {
            let key = Some(format!("key-{n}"));
            let first = bank.create_user(user(&name, &email), key.clone()).await.unwrap();
            let again = bank.create_user(user(&name, &email), key).await.unwrap();
            assert_eq!((first.replay, again.replay), (Replay::Fresh, Replay::Replayed));
            assert_eq!((&first.value.username, &again.value), (&name, &first.value));
            let mail = mail(&bank, &name).await;
            assert_eq!(mail.address, email);
            let request = VerifyEmail { email_id: mail.email_id, secret_code: mail.code.expose().to_owned() };
            assert!(bank.verify_email(request).await.unwrap());
            bank.mark_handed_over(mail.email_id).await.unwrap();
        })
    });
    for ended in join_all(sign_ups).await {
        ended.unwrap();
    }
    assert_eq!(world.users_and_tasks().await, (24, 24));
    assert_eq!(world.count("SELECT count(*) FROM users WHERE is_email_verified").await, 24);
}

#[tokio::test]
async fn nothing_is_left_behind_in_a_session_and_the_bounds_hold_in_it() {
    let (server, _pooler, source, name) = pooled().await;
    let world = world(source.clone()).await;
    world.bank.create_user(alice(), Some("k".into())).await.unwrap();
    mail(&world.bank, "alice").await;

    let Source::Postgres(postgres) = source else { panic!("it is a Postgres") };
    let session = sqlx::PgPool::connect_lazy(&format!("postgresql://postgres@{postgres}")).unwrap();
    let left: (i64, String) = {
        let mut tx = session.begin().await.unwrap();
        let row = sqlx::query_as(
            "SELECT (SELECT count(*) FROM pg_prepared_statements), current_setting('lock_timeout')",
        );
        row.persistent(false).fetch_one(&mut *tx).await.unwrap()
    };
    assert_eq!(left, (0, "0".to_owned()));

    let mut tx = world.store.begin().await.unwrap();
    let simplebank::store::Tx::Postgres(inner) = &mut tx else { panic!("it is a Postgres") };
    let bound: String = sqlx::query_scalar("SELECT current_setting('lock_timeout')")
        .persistent(false)
        .fetch_one(&mut **inner)
        .await
        .unwrap();
    assert_eq!(bound, "5s");
    drop(tx);
    assert_eq!(server.psql(&name, "SELECT count(*) FROM users").unwrap(), "1");
}
