//! The outbox in a real Postgres: the suite that every outbox passes, and what it does not ask.


mod held;
mod kit;
mod statements;
mod transactional;
mod unreadable;
mod wakes;

use std::sync::Arc;

use aftercommit_core::Outbox;
use aftercommit_postgres::{PostgresOptions, PostgresOutbox};
use aftercommit_servers::PostgresServer;
use aftercommit_testing::ManualClock;
use aftercommit_testing::outbox_conformance::OutboxFixture;
use sqlx::PgPool;

async fn in_a_database() -> OutboxFixture {
    let server = PostgresServer::shared().expect("a server");
    let url = server.database_url().expect("a database");
    let (clock, pool) = (ManualClock::new(), PgPool::connect_lazy(&url).expect("an address"));
    let open = {
        let clock = clock.clone();
        move || {
            let options = PostgresOptions::parse(&url).expect("the server's address").max_connections(4);
            PostgresOutbox::new(&options).with_clock(Arc::new(clock.clone()))
        }
    };
    let outbox = open();
    outbox.migrate().await.expect("the tables are created");
    let host = outbox.clone();
    OutboxFixture::new(Arc::new(outbox), clock)
        .keep(server)
        .commit(move |tasks| {
            let (outbox, pool) = (host.clone(), pool.clone());
            Box::pin(async move {
                let mut tx = outbox.begin(&pool).await.expect("begin");
                let answers = outbox.enqueue_batch_in(&mut tx, tasks).await.expect("enqueue");
                tx.commit().await.expect("commit");
                answers
            })
        })
        .reopen(move || Box::pin(std::future::ready(Arc::new(open()) as Arc<dyn Outbox>)))
}

aftercommit_testing::outbox_conformance!(conformance, in_a_database);
