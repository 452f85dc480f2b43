//! What a number of tasks took in this process, in the words of the peers' programs.

use std::fs;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

use crate::measure::Samples;

/// A point in time, and the processor time that this process had used by then.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    at: Instant,
    cpu: Duration,
}

impl Moment {
    pub(super) fn now() -> Self {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let cpu = Duration::new(cpu.tv_sec.unsigned_abs(), u32::try_from(cpu.tv_nsec).unwrap_or(0));
        Self { at: Instant::now(), cpu }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Cost {
    tasks: u64,
    seconds: f64,
    tasks_per_second: f64,
    cpu_ms_per_1000: f64,
    max_rss_mb: f64,
}

impl Cost {
    pub(super) fn of(tasks: u64, from: Moment, to: Moment) -> Self {
        let seconds = (to.at - from.at).as_secs_f64();
        Self {
            tasks,
            seconds,
            tasks_per_second: tasks as f64 / seconds,
            cpu_ms_per_1000: (to.cpu - from.cpu).as_secs_f64() * 1e6 / tasks as f64,
            max_rss_mb: max_rss_mb(),
        }
    }
}

/// The window of a drain: from the moment when a tenth is handled to the moment when all is.
#[derive(Debug, Default)]
pub(super) struct Window {
    tenth: OnceLock<Moment>,
    all: OnceLock<Moment>,
}

impl Window {
    pub(super) fn tenth(&self) {
        let _ = self.tenth.set(Moment::now());
    }

    pub(super) fn all(&self) {
        let _ = self.all.set(Moment::now());
    }

    pub(super) fn cost(&self, tasks: u64) -> Result<Cost> {
        let from = self.tenth.get().context("not even a tenth was handled")?;
        let to = self.all.get().context("not all was handled")?;
        Ok(Cost::of(tasks - tasks / 10, *from, *to))
    }
}

/// Milliseconds; less than zero is too early.
#[derive(Debug, Serialize)]
pub(super) struct Late {
    min_ms: f64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

impl Late {
    pub(super) fn of(samples: &Samples) -> Self {
        Self {
            min_ms: samples.min(),
            p50_ms: samples.median(),
            p99_ms: samples.percentile(99.0),
            max_ms: samples.max(),
        }
    }
}

/// The largest resident size of this process so far; zero where there is no `/proc`.
fn max_rss_mb() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) / 1024.0
}
