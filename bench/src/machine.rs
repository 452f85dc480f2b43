//! What the operating system says about this process and this machine.

use std::fs;
use std::time::Duration;

/// Clock ticks per second of `/proc/self/stat`; 100 on every Linux in use.
const TICKS_PER_SECOND: f64 = 100.0;

/// Fields of `/proc/PID/stat`, counted from the one behind the command's name: the parent, and ticks in user and system
/// mode, of the process and of those children that it has waited for.
const PARENT: usize = 1;
const OWN: [usize; 2] = [11, 12];
const ENDED_CHILDREN: [usize; 2] = [13, 14];

/// The CPU time this process has used, user and system. Zero where there is no `/proc`.
pub(crate) fn cpu_time() -> Duration {
    stat("self").and_then(|stat| ticks(&stat, OWN)).unwrap_or_default()
}

/// The CPU time of a process and of its children: those that run, and those that have ended and were waited for.
/// Grandchildren are not looked at; Postgres has none. `None` if there is no such process.
pub(crate) fn cpu_time_of_tree(process: u32) -> Option<Duration> {
    let ended = || ticks(&stat(&process.to_string())?, ENDED_CHILDREN);
    let mut before = ended()?;
    loop {
        let running = running_children(process)?;
        let after = ended()?;
        // A child that was waited for meanwhile is in neither number.
        if after == before {
            return Some(cpu_time_of(process)? + after + running);
        }
        before = after;
    }
}

fn running_children(process: u32) -> Option<Duration> {
    let children = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| {
        let child: u32 = entry.file_name().to_str()?.parse().ok()?;
        let parent = stat(&child.to_string())?.get(PARENT)?.parse();
        (parent == Ok(process)).then_some(child)
    });
    Some(children.filter_map(cpu_time_of).sum())
}

fn stat(process: &str) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The command name may contain spaces; the fields start after its closing parenthesis.
    Some(stat.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}

fn ticks(stat: &[String], fields: [usize; 2]) -> Option<Duration> {
    let ticks: Option<f64> = fields.iter().map(|field| stat.get(*field)?.parse::<f64>().ok()).sum();
    Some(Duration::from_secs_f64(ticks? / TICKS_PER_SECOND))
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
