//! What the operating system says about this process and this machine.

use std::fs;
use std::time::Duration;

/// Clock ticks per second of `/proc/self/stat`; 100 on every Linux in use.
const TICKS_PER_SECOND: f64 = 100.0;

/// The CPU time this process has used, user and system. Zero where there is no `/proc`.
pub(crate) fn cpu_time() -> Duration {
    cpu_time_of(std::process::id()).unwrap_or_default()
}

/// The CPU time that a process has used; `None` if there is no such process.
pub(crate) fn cpu_time_of(process: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The command name may contain spaces; the fields start after its closing parenthesis.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(Duration::from_secs_f64(ticks / TICKS_PER_SECOND))
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
