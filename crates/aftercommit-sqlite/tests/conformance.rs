//! The suite that every back-end passes, on real files.

use std::sync::Arc;

use aftercommit_core::Backend;
use aftercommit_sqlite::SqliteQueue;
use aftercommit_testing::ManualClock;
use aftercommit_testing::conformance::Fixture;

async fn sqlite() -> Fixture {
    let clock = ManualClock::new();
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("queue.db");
    let open = {
        let clock = clock.clone();
        move || {
            let (path, clock) = (path.clone(), clock.clone());
            async move {
                let queue = SqliteQueue::open(path).await.expect("the file opens");
                let queue = queue.with_clock(Arc::new(clock));
                queue.migrate().await.expect("the tables are created");
                Arc::new(queue) as Arc<dyn Backend>
            }
        }
    };
    let backend = open().await;
    Fixture::new(backend, clock).keep(dir).reopen(move || Box::pin(open()))
}

aftercommit_testing::conformance!(
    conformance,
    sqlite,
    has: [presence, groups, handles],
    lacks: [publisher, schedules],
);
