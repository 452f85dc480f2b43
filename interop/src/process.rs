//! A running Go program: lines to it, lines from it, signals.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::Program;
use crate::reply::{Error, Reply};

/// How long a program may take for an answer or its end. Generous: it ends a test that hangs, and decides nothing else.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running program. Dropped, it is killed; it ends by itself when this process does, as its standard input then ends.
#[derive(Debug)]
pub struct GoProcess {
    child: Child,
    // `None` once it was closed.
    requests: Option<ChildStdin>,
    replies: Lines<BufReader<ChildStdout>>,
}

/// What a program says when it has started.
#[derive(Debug, Clone, Deserialize)]
pub struct Ready {
    /// Its process id.
    pub pid: u32,
    /// The ids of a scheduler's entries, in the order in which they were given.
    #[serde(default)]
    pub entries: Vec<String>,
    /// Where an HTTP server listens.
    #[serde(default)]
    pub addr: Option<String>,
}

impl GoProcess {
    /// Builds the program if need be and starts it. Its log goes to this process' standard error.
    pub async fn start<S: AsRef<str>>(program: Program, args: &[S]) -> anyhow::Result<Self> {
        Self::start_at(program.path().await?, args)
    }

    /// Starts the program that lies at `path`.
    pub fn start_at<S: AsRef<str>>(path: &Path, args: &[S]) -> anyhow::Result<Self> {
        let mut child = Command::new(path)
            .args(args.iter().map(AsRef::as_ref))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", path.display()))?;
        let requests = child.stdin.take();
        let replies = child.stdout.take().context("the child's output is a pipe")?;
        Ok(Self { child, requests, replies: BufReader::new(replies).lines() })
    }

    /// Waits for `{"ready": ..}`, the first line of a program that serves.
    pub async fn ready(&mut self) -> anyhow::Result<Ready> {
        #[derive(Deserialize)]
        struct Line {
            ready: Ready,
        }
        Ok(self.line::<Line>().await?.ready)
    }

    /// Sends a request and waits for its answer.
    pub async fn ask<T: DeserializeOwned>(&mut self, request: &impl Serialize) -> Result<T, Error> {
        let mut line = serde_json::to_vec(request).context("a request has no JSON form")?;
        line.push(b'\n');
        let requests = self.requests.as_mut().context("the program's input is closed")?;
        requests.write_all(&line).await.context("the program reads no requests any more")?;
        Ok(self.line::<Reply<T>>().await?.into_result()?)
    }

    /// The next line, as a value.
    pub async fn line<T: DeserializeOwned>(&mut self) -> anyhow::Result<T> {
        let next = timeout(PATIENCE, self.replies.next_line()).await;
        let next = next.map_err(|_| anyhow!("no line from the program within {PATIENCE:?}"))?;
        let Some(line) = next.context("cannot read from the program")? else {
            let status = self.wait().await?;
            bail!("the program ended ({status}) instead of saying something");
        };
        serde_json::from_str(&line).with_context(|| format!("not the line that was expected: {line}"))
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let id = self.child.id().context("the program has ended")?;
        let pid =
            i32::try_from(id).ok().and_then(Pid::from_raw).context("a process id is a positive number")?;
        kill_process(pid, signal).context("cannot signal the program")
    }

    /// Asks the program to end (SIGTERM, and the end of its input) and waits for that.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.signal(Signal::TERM)?;
        self.close();
        let status = self.wait().await?;
        // What only answers requests has no reason to catch the signal.
        let ended = status.success() || std::os::unix::process::ExitStatusExt::signal(&status).is_some();
        if ended { Ok(()) } else { bail!("the program ended badly: {status}") }
    }

    /// Ends the program without warning (SIGKILL).
    pub async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("cannot kill the program")
    }

    /// Ends its standard input.
    pub fn close(&mut self) {
        self.requests = None;
    }

    /// Waits until the program has ended.
    pub async fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        let ended = timeout(PATIENCE, self.child.wait()).await;
        ended
            .map_err(|_| anyhow!("the program did not end within {PATIENCE:?}"))?
            .context("cannot wait for the program")
    }
}
