//! When a command has to end, and who sees to it.

use std::io::{self, IsTerminal as _};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a command that is out of time may take to end by itself.
const GRACE: &str = "10";

/// What `timeout` exits with when it had to end the command.
pub(crate) const OUT_OF_TIME: i32 = 124;

/// The moment by which a whole run has to end.
#[derive(Debug)]
pub(crate) struct Deadline {
    started: Instant,
    limit: Duration,
}

/// Who would end a command that hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watcher {
    /// Somebody at a terminal, with Ctrl-C.
    Person,
    /// Nobody: this is CI, or a pipe.
    Nobody,
}

impl Deadline {
    /// A deadline so long from now.
    pub(crate) fn after(limit: Duration) -> Self {
        Self { started: Instant::now(), limit }
    }

    /// How much of the run is over.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// What is left of it; `None` once it is over.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.limit.checked_sub(self.elapsed()).filter(|left| left.as_secs() > 0)
    }
}

impl Watcher {
    /// Who watches this run.
    pub(crate) fn of_this_run() -> Self {
        // `timeout` belongs to every Linux, and to few other systems.
        if cfg!(target_os = "linux") && !io::stdin().is_terminal() { Self::Nobody } else { Self::Person }
    }
}

/// The command, ended with all its children when the time is over.
///
/// Where a person watches there is no such bound: it would take the command out of reach of Ctrl-C.
pub(crate) fn bounded(words: &[&str], left: Duration, watcher: Watcher) -> Command {
    let seconds = left.as_secs().to_string();
    let bound = match watcher {
        Watcher::Nobody => vec!["timeout", "-k", GRACE, &seconds],
        Watcher::Person => vec![],
    };
    let mut words = bound.into_iter().chain(words.iter().copied());
    // No words are a command that does nothing, well.
    let mut command = Command::new(words.next().unwrap_or("true"));
    command.args(words);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(watcher: Watcher) -> String {
        let command = bounded(&["cargo", "test"], Duration::from_secs(90), watcher);
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_command_that_nobody_watches_gets_the_time_that_is_left() {
        assert_eq!(line(Watcher::Nobody), "timeout -k 10 90 cargo test");
    }

    #[test]
    fn a_command_that_a_person_watches_is_left_to_the_terminal() {
        assert_eq!(line(Watcher::Person), "cargo test");
    }

    #[test]
    fn less_than_a_second_is_no_time() {
        assert_eq!(Deadline::after(Duration::from_millis(900)).left(), None);
        assert!(Deadline::after(Duration::from_secs(90)).left().is_some());
    }
}
