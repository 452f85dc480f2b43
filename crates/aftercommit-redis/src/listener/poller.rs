//! Hints without knowing anything: what is left where Redis cannot tell, or cannot be heard.

use std::time::Duration;

use aftercommit_core::Wake;
use tokio::time::Instant;

use super::hub::Hub;
use crate::reconnect::jittered;

/// How long whoever waits for pending tasks waits at most; half of it at least.
const PENDING_INTERVAL: Duration = Duration::from_millis(100);
/// The same for due times and groups.
const OTHER_INTERVAL: Duration = Duration::from_secs(1);

const WAKES: [(Wake, Duration); 3] =
    [(Wake::Pending, PENDING_INTERVAL), (Wake::Due, OTHER_INTERVAL), (Wake::Groups, OTHER_INTERVAL)];

/// Gives hints now and then to those who wait. While nobody waits it does nothing.
#[derive(Default)]
pub(super) struct Poller {
    /// When the next hint of each kind is due.
    due: [Option<Instant>; WAKES.len()],
}

impl Poller {
    /// Polls until something else is done.
    pub(super) async fn during<T>(&mut self, hub: &Hub, something: impl Future<Output = T>) -> T {
        tokio::select! {
            done = something => done,
            () = self.poll(hub) => unreachable!("it polls without end"),
        }
    }

    async fn poll(&mut self, hub: &Hub) {
        loop {
            let now = Instant::now();
            hub.with_board(|board| {
                for ((wake, interval), due) in WAKES.into_iter().zip(&mut self.due) {
                    if due.is_some_and(|due| due <= now) {
                        *due = None;
                        board.hint(wake);
                    }
                    if due.is_none() && board.is_awaited(wake) {
                        *due = Some(now + jittered(interval));
                    }
                }
            });
            match self.due.iter().flatten().min() {
                None => hub.when_somebody_waits().await,
                Some(due) => tokio::select! {
                    () = tokio::time::sleep_until(*due) => {}
                    () = hub.when_somebody_waits() => {}
                },
            }
        }
    }
}
