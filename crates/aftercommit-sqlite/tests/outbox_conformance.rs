//! The suite that every outbox passes, on a file of its own for each case.

use std::sync::Arc;

use aftercommit_core::Outbox;
use aftercommit_sqlite::SqliteOutbox;
use aftercommit_testing::ManualClock;
use aftercommit_testing::outbox_conformance::OutboxFixture;

async fn on_a_file() -> OutboxFixture {
    let (dir, clock) = (tempfile::tempdir().expect("a directory"), ManualClock::new());
    let path = dir.path().join("app.db");
    let open = {
        let clock = clock.clone();
        move || {
            let (path, clock) = (path.clone(), clock.clone());
            async move {
                let outbox = SqliteOutbox::open(path).await.expect("the file opens");
                outbox.with_clock(Arc::new(clock))
            }
        }
    };
    let outbox = open().await;
    outbox.migrate().await.expect("the tables are created");
    let host = outbox.clone();
    OutboxFixture::new(Arc::new(outbox), clock)
        .keep(dir)
        .commit(move |tasks| {
            let outbox = host.clone();
            Box::pin(async move {
                let mut tx = outbox.begin().await.expect("begin");
                let answers = outbox.enqueue_batch_in(&mut tx, tasks).await.expect("enqueue");
                tx.commit().await.expect("commit");
                answers
            })
        })
        .reopen(move || {
            let opening = open();
            Box::pin(async move { Arc::new(opening.await) as Arc<dyn Outbox> })
        })
}

aftercommit_testing::outbox_conformance!(outbox, on_a_file);
