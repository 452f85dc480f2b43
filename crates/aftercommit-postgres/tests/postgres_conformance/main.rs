//! The suite that every back-end passes, on a real server, in a database for each case: directly, through a connection
//! that is decorated and slow, and through a pooler.

mod histories;
mod pooler;

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::Backend;
use aftercommit_postgres::{PostgresOptions, PostgresQueue};
use aftercommit_servers::PostgresServer;
use aftercommit_testing::conformance::Fixture;
use aftercommit_testing::{Faults, Faulty, ManualClock, Odds};

async fn postgres() -> Fixture {
    in_a_database(|queue| Arc::new(queue)).await
}

/// A queue, as `decorated` makes it, in a database of its own.
async fn in_a_database(decorated: fn(PostgresQueue) -> Arc<dyn Backend>) -> Fixture {
    let server = PostgresServer::shared().expect("a server");
    let url = server.database_url().expect("a database");
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
    Fixture::new(backend, clock).keep(server).reopen(move || Box::pin(open()))
}

aftercommit_testing::conformance!(
    conformance,
    postgres,
    has: [presence, groups, handles],
    lacks: [publisher, schedules],
);

/// A decorator without faults is as if it were not there.
async fn transparent() -> Fixture {
    in_a_database(|queue| Arc::new(Faulty::new(Arc::new(queue), Faults::none()))).await
}

aftercommit_testing::conformance!(
    conformance_through_a_transparent_decorator,
    transparent,
    has: [presence, groups, handles],
    lacks: [publisher, schedules],
);

/// Slow calls change when things happen and nothing else.
async fn slow() -> Fixture {
    in_a_database(|queue| {
        let odds = Odds { delay: 0.05, longest_delay: Duration::from_millis(3), ..Odds::default() };
        Arc::new(Faulty::new(Arc::new(queue), Faults::random(7, odds)))
    })
    .await
}

aftercommit_testing::conformance!(
    conformance_through_a_slow_connection,
    slow,
    has: [presence, groups, handles],
    lacks: [publisher, schedules],
);
