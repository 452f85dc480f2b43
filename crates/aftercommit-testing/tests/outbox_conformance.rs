//! The suite of outboxes on the one in memory, which it describes.

use std::sync::Arc;

use aftercommit_testing::outbox_conformance::OutboxFixture;
use aftercommit_testing::{ManualClock, MemoryOutbox};

async fn memory() -> OutboxFixture {
    let clock = ManualClock::new();
    let outbox = Arc::new(MemoryOutbox::new(Arc::new(clock.clone())));
    let another = Arc::clone(&outbox);
    OutboxFixture::new(outbox.clone(), clock)
        .commit(move |tasks| Box::pin(std::future::ready(outbox.commit(tasks))))
        .reopen(move || Box::pin(std::future::ready(another.clone() as _)))
}

aftercommit_testing::outbox_conformance!(outbox, memory);
