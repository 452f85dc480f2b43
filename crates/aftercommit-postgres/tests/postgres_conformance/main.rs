//! The suite that every back-end passes, on a real server, in a database for each case: directly and through a pooler.

mod histories;
mod pooler;

use std::sync::Arc;

use aftercommit_core::Backend;
use aftercommit_postgres::{PostgresOptions, PostgresQueue};
use aftercommit_servers::{PostgresDatabase, PostgresServer};
use aftercommit_testing::ManualClock;
use aftercommit_testing::conformance::Fixture;

async fn postgres() -> Fixture {
    in_a_database(|queue| Arc::new(queue)).await
}

/// A queue, as `decorated` makes it, in a database of its own.
async fn in_a_database(decorated: fn(PostgresQueue) -> Arc<dyn Backend>) -> Fixture {
    let database = PostgresServer::shared().and_then(PostgresDatabase::make).expect("a database");
    let url = database.url();
    let clock = ManualClock::new();
    let open = {
        let clock = clock.clone();
        move || {
            let options = PostgresOptions::parse(&url).expect("the server's address").max_connections(4);
            let queue = PostgresQueue::new(&options).with_clock(Arc::new(clock.clone()));
            async move {
                queue.migrate().await.expect("the tables are created");
                decorated(queue)
            }
        }
    };
    let backend = open().await;
    Fixture::new(backend, clock).keep(database).reopen(move || Box::pin(open()))
}

aftercommit_testing::conformance!(
    conformance,
    postgres,
    has: [presence, groups, handles],
    lacks: [publisher, schedules],
);
