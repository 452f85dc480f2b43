//! Random histories, played on the back-end and on the memory broker side by side: every answer and
//! everything that can be seen must be the same after each step.

mod history;
mod look;
mod twin;

use std::sync::Arc;

use aftercommit_core::Backend;
use rand::SeedableRng;
use rand::rngs::StdRng;

use self::history::Writer;
use self::twin::Twin;
use super::{Fixture, Stage};
use crate::MemoryBackend;

area!(conformance_of_model, model:
    random_histories_read_as_in_the_memory_broker,
);

/// How many histories the suite plays, with the seeds from 0 on.
const HISTORIES: u64 = 30;
/// How many steps each has.
const STEPS: usize = 60;
/// With more steps, due times would begin to be the same.
pub const MAX_STEPS: usize = 240;

async fn random_histories_read_as_in_the_memory_broker(s: Stage) {
    explore(s.fixture, 0..HISTORIES, STEPS).await;
}

/// Plays the history of each seed on the back-end and on a memory broker. For a longer search than the
/// suite's, or to play the seed of a failure again.
///
/// # Panics
/// If an answer or a state differs; the message has the seed and the steps so far. If there are to be
/// more than [`MAX_STEPS`] steps.
pub async fn explore(fixture: Fixture, seeds: impl IntoIterator<Item = u64>, steps: usize) {
    assert!(steps <= MAX_STEPS, "a history has at most {MAX_STEPS} steps");
    let model: Arc<dyn Backend> = Arc::new(MemoryBackend::new(Arc::new(fixture.clock.clone())));
    for seed in seeds {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut writer = Writer::new(seed, &*fixture.backend);
        let mut twin = Twin::new(&fixture, &*model, seed, writer.queues().clone());
        twin.introduce_workers().await;
        for _ in 0..steps {
            let step = writer.next(&mut rng, &fixture.clock, twin.given());
            twin.play(step).await;
        }
        twin.compare_histories().await;
    }
}
