//! Tells whether a process of this machine is dead, where the system says so (Linux, through `/proc`).
//! Elsewhere nothing is known, and a worker is dead when its time to live is over.

use std::fs;

/// Where a process can be looked for: the boot of the machine and the namespace of the numbers, without
/// which a number says nothing. `None` if this system does not tell.
pub(crate) fn place() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let numbers = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), numbers.display()))
}

/// When a process started, in the system's own count: what tells it from a later one with its number.
pub(crate) fn started(pid: u32) -> Option<String> {
    match stat(pid)? {
        Stat::Runs { started } => Some(started),
        Stat::Ended => None,
    }
}

/// True if the process with this number that started then is certainly dead. The number must be of this
/// [`place`].
pub(crate) fn is_dead(pid: u32, started: &str) -> bool {
    match stat(pid) {
        Some(Stat::Runs { started: now }) => now != started,
        Some(Stat::Ended) => true,
        // Not there, or not ours to see. The first process is always there; whoever cannot see it
        // cannot tell the difference.
        None => stat(1).is_some(),
    }
}

enum Stat {
    Runs {
        started: String,
    },
    /// It has ended, and its parent has not taken note of that yet.
    Ended,
}

/// Reads `/proc/PID/stat`. The name in its second field may contain anything, so what counts starts
/// behind its last bracket: the state is the first field there, the start time the twentieth.
fn stat(pid: u32) -> Option<Stat> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat[stat.rfind(')')? + 1..].split_ascii_whitespace();
    let state = fields.next()?;
    let started = fields.nth(18)?;
    Some(match state {
        "Z" | "X" | "x" => Stat::Ended,
        _ => Stat::Runs { started: started.to_owned() },
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn this_process_is_alive_and_not_the_one_before_it_with_its_number() {
        let pid = std::process::id();
        let started = started(pid).unwrap();
        assert!(!is_dead(pid, &started));
        assert!(is_dead(pid, "0"), "another process had the number");
        assert!(place().is_some());
    }

    #[test]
    fn a_killed_process_is_dead_before_and_after_its_parent_takes_note() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let started = started(child.id()).unwrap();
        assert!(!is_dead(child.id(), &started));
        child.kill().unwrap();
        // Its end is seen here without being collected: the pipe it read from closes.
        while !is_dead(child.id(), &started) {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(is_dead(child.id(), &started));
    }
}
