//! Says how far a run is: a bar at a terminal, a line now and then elsewhere.

use std::io::{IsTerminal as _, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval};

use crate::trial::Setup;

/// How often a line is printed where there is no terminal.
const LINES: Duration = Duration::from_secs(15);
/// How often a bar is drawn.
const FRAMES: Duration = Duration::from_millis(200);

/// Who follows a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watcher {
    /// Somebody at a terminal.
    Person,
    /// A file or a pipe.
    Log,
}

/// Following a trial, until this is dropped.
pub(crate) struct Following(JoinHandle<()>);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Watcher {
    /// Whoever reads standard error.
    #[must_use]
    pub fn of_this_run() -> Self {
        if stderr().is_terminal() { Self::Person } else { Self::Log }
    }

    pub(crate) fn follow(
        self,
        setup: &Setup,
        done: watch::Receiver<u64>,
        struck: watch::Receiver<u64>,
    ) -> Following {
        let (name, tasks, faults) = (setup.kind.name(), setup.tasks, setup.faults);
        let line = move || {
            format!("{name}: {}/{tasks} signed up, {}/{faults} faults", *done.borrow(), *struck.borrow())
        };
        Following(match self {
            Self::Person => tokio::spawn(draw(line)),
            Self::Log => tokio::spawn(print(line)),
        })
    }
}

async fn draw(line: impl Fn() -> String) {
    let style = ProgressStyle::with_template("{spinner} {elapsed} {msg}").expect("the template is right");
    let bar = ProgressBar::new_spinner().with_style(style);
    let mut frames = interval(FRAMES);
    loop {
        frames.tick().await;
        bar.set_message(line());
        bar.tick();
    }
}

async fn print(line: impl Fn() -> String) {
    let started = Instant::now();
    let mut lines = interval(LINES);
    lines.tick().await;
    loop {
        lines.tick().await;
        eprintln!("{:>4} s  {}", started.elapsed().as_secs(), line());
    }
}
