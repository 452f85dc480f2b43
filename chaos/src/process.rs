//! One process of the bank: started, followed through what it prints, signalled. It dies with this process.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::evidence::Sign;
use crate::journal::Journal;

/// How long what a dead process has printed may take to be read.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What all processes of a fleet are started with.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) binary: PathBuf,
    /// Where they live: the database and the key are there.
    pub(crate) home: PathBuf,
    pub(crate) settings: Vec<(String, String)>,
}

/// What a process has said of itself.
#[derive(Debug, Clone, Copy, Default)]
struct Said {
    /// That it has begun to do what it is for.
    is_up: bool,
    /// How often a fail-point has acted.
    hits: u64,
}

/// What each role says when it begins, after it has begun to listen for signals.
const UP: [&str; 3] = ["start HTTP gateway server", "start task processor", "start task relay"];

/// One process.
pub(crate) struct Process {
    child: Child,
    said: watch::Receiver<Said>,
    reader: JoinHandle<()>,
}

impl Process {
    /// Starts the program with these arguments and further settings, and nothing else of our environment.
    pub(crate) fn start(
        program: &Arc<Program>,
        name: &str,
        arguments: &[&str],
        settings: &[(&str, String)],
        journal: &Journal,
    ) -> anyhow::Result<Self> {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(&program.binary).args(arguments);
        command.current_dir(&program.home).env_clear();
        command.envs(program.settings.iter().map(|(key, value)| (key, value)));
        command.envs(settings.iter().map(|(key, value)| (key, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("cannot start setpriv (package util-linux)")?;
        let stderr = child.stderr.take().expect("it was piped");
        let (tell, said) = watch::channel(Said::default());
        let reader = tokio::spawn(follow(stderr, name.to_owned(), journal.clone(), tell));
        Ok(Self { child, said, reader })
    }

    /// Sends a signal; one that has ended takes no notice.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        if let Some(pid) = pid {
            // It may have ended, and nobody has waited for it: then there is nobody to take notice.
            let _ = kill_process(pid, signal);
        }
    }

    /// Waits until the process has ended and all it printed is in the journal.
    pub(crate) async fn ended(&mut self) -> std::io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        if !self.reader.is_finished() {
            // What it started itself may hold its output for longer; nothing does today.
            let _ = timeout(LAST_WORDS, &mut self.reader).await;
        }
        Ok(status)
    }

    /// Whether it has ever begun to do what it is for; until then, it ends at once when it is told to.
    pub(crate) fn was_up(&self) -> bool {
        self.said.borrow().is_up
    }

    /// Waits until fail-points have acted so many times.
    pub(crate) async fn hit(&self, times: u64) {
        let mut said = self.said.clone();
        if said.wait_for(|said| said.hits >= times).await.is_err() {
            // It has ended, and prints no more.
            std::future::pending::<()>().await;
        }
    }
}

async fn follow(output: ChildStderr, name: String, journal: Journal, said: watch::Sender<Said>) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line).await.is_ok_and(|bytes| bytes > 0) {
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        journal.line(&name, text);
        if Sign::of_line(text) == Some(Sign::FailPoint) {
            said.send_modify(|said| said.hits += 1);
        }
        if UP.iter().any(|words| text.contains(words)) {
            said.send_modify(|said| said.is_up = true);
        }
        line.clear();
    }
}
