//! The suite through a pooler in transaction mode, with few sessions for many connections.

use std::sync::Arc;

use aftercommit_core::Backend;
use aftercommit_postgres::{PostgresOptions, PostgresQueue};
use aftercommit_servers::{PgBouncer, PostgresDatabase, PostgresServer};
use aftercommit_testing::ManualClock;
use aftercommit_testing::conformance::Fixture;

/// Fewer than the handles want.
const SESSIONS: u16 = 2;

/// Listening and migrations go past the pooler.
async fn pooled() -> Fixture {
    let database = PostgresServer::shared().and_then(PostgresDatabase::make).expect("a database");
    let pooler = PgBouncer::start(database.server(), SESSIONS).expect("a pooler");
    let (direct, clock) = (database.url(), ManualClock::new());
    let options = PostgresOptions::parse(&pooler.url(database.name())).expect("the pooler's address");
    let options = options.pooled().max_connections(4).direct(&direct).expect("the server's address");
    let open = {
        let clock = clock.clone();
        move || {
            let queue = PostgresQueue::new(&options).with_clock(Arc::new(clock.clone()));
            async move {
                queue.migrate().await.expect("the tables are created");
                Arc::new(queue) as Arc<dyn Backend>
            }
        }
    };
    let backend = open().await;
    Fixture::new(backend, clock).keep((pooler, database)).reopen(move || Box::pin(open()))
}

aftercommit_testing::conformance!(
    conformance_through_a_pooler,
    pooled,
    has: [presence, groups, handles],
    lacks: [publisher, schedules],
);
