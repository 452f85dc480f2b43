//! What the operating system says about this process and this machine.

use std::fs;
use std::time::Duration;

/// Clock ticks per second of `/proc/self/stat`; 100 on every Linux in use.
const TICKS_PER_SECOND: f64 = 100.0;

/// The CPU time this process has used, user and system. Zero where there is no `/proc`.
pub(crate) fn cpu_time() -> Duration {
    let ticks = || -> Option<f64> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The command name may contain spaces; the fields start after its closing parenthesis.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        Some(fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?)
    };
    Duration::from_secs_f64(ticks().unwrap_or(0.0) / TICKS_PER_SECOND)
}

/// The CPU time that the threads of a process have used, to the nanosecond; `None` if there is no such process.
pub(crate) fn cpu_time_of(process: u32) -> Option<Duration> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let nanos = threads.flatten().filter_map(|thread| {
        // The first number of three is the time on a processor.
        let stat = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        stat.split_whitespace().next()?.parse::<u64>().ok()
    });
    Some(Duration::from_nanos(nanos.sum()))
}

/// One line about the machine, for the head of a report.
pub(crate) fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let model = fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|info| {
            let line = info.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        })
        .unwrap_or_else(|| "unknown CPU".to_owned());
    format!("{cores} cores, {model}")
}
