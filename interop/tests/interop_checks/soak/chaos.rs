//! What goes wrong in the soak, and when.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use aftercommit::{Clock as _, SystemClock};
use aftercommit_interop::{Config, Worker};
use rand::RngExt as _;
use rand::rngs::StdRng;

use super::QUEUES;
use crate::ground::Ground;

/// How many workers there are; every other one is Go's, and the first two of each language are strict.
const WORKERS: usize = 6;
/// Between two kills.
const BETWEEN_KILLS_MS: Range<u64> = 300..1_800;
/// After which share of the time Redis is killed, to be started again, and after which it is paused.
const RESTART_AT: f64 = 0.35;
const PAUSE_AT: f64 = 0.7;
/// How long Redis is away, either way.
const AWAY: Duration = Duration::from_millis(2_000);

/// The fleet and its misfortunes.
pub(super) struct Chaos {
    pub(super) ground: Ground,
    rng: StdRng,
    workers: Vec<Worker>,
    disturbances: Disturbances,
}

/// When what happened, in Unix nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Disturbances {
    /// Worker processes by id.
    pub(super) kills: BTreeMap<u32, i64>,
    /// In which Redis did not answer.
    pub(super) outages: Vec<(i64, i64)>,
}

pub(super) fn now_ns() -> i64 {
    SystemClock.now().as_millis() * 1_000_000
}

impl Chaos {
    pub(super) async fn start(ground: Ground, rng: StdRng) -> Self {
        let mut workers = Vec::new();
        for place in 0..WORKERS {
            workers.push(worker(&ground, place).await);
        }
        Self { ground, rng, workers, disturbances: Disturbances::default() }
    }

    /// Kills and starts workers for so long; once, Redis too.
    pub(super) async fn disturb(&mut self, length: Duration) {
        let began = Instant::now();
        let mut events = vec![(length.mul_f64(RESTART_AT), true), (length.mul_f64(PAUSE_AT), false)];
        while began.elapsed() < length {
            tokio::time::sleep(Duration::from_millis(self.rng.random_range(BETWEEN_KILLS_MS))).await;
            if let Some(position) = events.iter().position(|(at, _)| *at < began.elapsed()) {
                let (_, restart) = events.remove(position);
                let from = now_ns();
                if restart {
                    self.restart_redis().await
                } else {
                    self.pause_redis().await
                }
                self.disturbances.outages.push((from, now_ns()));
            } else {
                self.kill_one().await;
            }
        }
    }

    async fn kill_one(&mut self) {
        let place = self.rng.random_range(0..WORKERS);
        let fresh = worker(&self.ground, place).await;
        let old = std::mem::replace(&mut self.workers[place], fresh);
        self.disturbances.kills.insert(old.pid, now_ns());
        old.kill().await.unwrap();
    }

    async fn restart_redis(&mut self) {
        self.ground.server.kill().unwrap();
        tokio::time::sleep(AWAY).await;
        self.ground.server.start_again().unwrap();
    }

    async fn pause_redis(&mut self) {
        let length = AWAY.as_millis().to_string();
        self.ground.server.command(&["CLIENT", "PAUSE", &length, "ALL"]).unwrap();
        tokio::time::sleep(AWAY).await;
    }

    /// Stops the fleet gracefully.
    pub(super) async fn stop(self) -> (Ground, Disturbances) {
        for worker in self.workers {
            worker.stop().await.unwrap();
        }
        (self.ground, self.disturbances)
    }
}

async fn worker(ground: &Ground, place: usize) -> Worker {
    let config = Config {
        concurrency: Some(8),
        queues: QUEUES.map(|(queue, weight)| (queue.to_owned(), weight)).into(),
        strict: place < 2,
        retry_delay_ms: Some(100),
        delayed_check_ms: Some(200),
        task_check_ms: Some(50),
        shutdown_timeout_ms: Some(8_000),
        log_level: Some("fatal".to_owned()),
        ..Config::default()
    };
    if place.is_multiple_of(2) {
        ground.go(0, &config, "effects").await
    } else {
        ground.rust(0, &config, "effects").await
    }
}
