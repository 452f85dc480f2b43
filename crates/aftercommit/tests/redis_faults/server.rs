//! What a test tells Redis, and asks it, past the code under test.

use tokio::task::block_in_place;

use crate::kit::Rig;
use crate::store::LOOK_AGAIN;

impl Rig {
    /// Waits until Redis answers so.
    pub(crate) async fn until_redis_says(&self, words: &[&str], answer: &str) {
        while self.redis(words) != answer {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// A command, past the code under test.
    pub(crate) fn redis(&self, words: &[&str]) -> String {
        block_in_place(|| self.store.server.command(words)).unwrap()
    }
}
