//! Who is measured, and how its halves are run.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// Ends a measurement that hangs.
const PATIENCE: Duration = Duration::from_secs(400);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    Ours,
    /// The bare limit.
    Bare,
    /// asynq, in Go.
    Asynq,
}

/// The programs of the peers.
pub(super) struct Peers {
    us: PathBuf,
    asynq: Option<PathBuf>,
    /// Why asynq is left out.
    pub(super) skipped: Option<String>,
    _built: tempfile::TempDir,
}

impl Peers {
    /// Builds asynq's program where Go is installed.
    pub(super) async fn build() -> Result<Self> {
        let built = tempfile::tempdir()?;
        let program = built.path().join("bench-asynq");
        let output = Command::new("go")
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/asynq"))
            .args(["build", "-o"])
            .arg(&program)
            .arg(".")
            .output()
            .await;
        let skipped = match output {
            Ok(output) if output.status.success() => None,
            Ok(output) => Some(format!(
                "asynq skipped: {}",
                String::from_utf8_lossy(&output.stderr).trim().replace('\n', " ")
            )),
            Err(error) => Some(format!("asynq skipped: Go is not installed ({error})")),
        };
        let asynq = skipped.is_none().then_some(program);
        Ok(Self { us: std::env::current_exe()?, asynq, skipped, _built: built })
    }

    /// Those of the peers that can be measured here.
    pub(super) fn here(&self, peers: &[Peer]) -> Vec<Peer> {
        peers.iter().copied().filter(|peer| *peer != Peer::Asynq || self.asynq.is_some()).collect()
    }

    /// Starts a half: its words are the same for all peers.
    pub(super) fn start(&self, peer: Peer, words: &str) -> Result<Half> {
        let mut command = match (peer, &self.asynq) {
            (Peer::Asynq, Some(program)) => Command::new(program),
            (Peer::Asynq, None) => bail!("asynq is not here"),
            (Peer::Ours, _) => ours(&self.us, "ours"),
            (Peer::Bare, _) => ours(&self.us, "bare"),
        };
        let mut child = command
            .args(words.split_whitespace())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {peer:?} {words}"))?;
        let output = child.stdout.take().context("a child's output")?;
        Ok(Half { what: format!("{peer:?} {words}"), child, lines: BufReader::new(output).lines() })
    }

    /// Runs a half to its end, and returns what it measured.
    pub(super) async fn run(&self, peer: Peer, words: &str) -> Result<Measured> {
        self.start(peer, words)?.measured().await
    }

    /// Starts a worker and waits until it looks for tasks.
    pub(super) async fn work(&self, peer: Peer, words: &str) -> Result<Half> {
        let mut half = self.start(peer, words)?;
        half.line("ready").await?;
        Ok(half)
    }
}

fn ours(program: &Path, of: &str) -> Command {
    let mut command = Command::new(program);
    command.args(["half", of]);
    command
}

/// A half that runs. It ends with this handle.
pub(super) struct Half {
    what: String,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// What a half has measured.
#[derive(Debug)]
pub(super) struct Measured(Value);

impl Measured {
    pub(super) fn get(&self, name: &str) -> Result<f64> {
        self.0[name].as_f64().with_context(|| format!("no number {name} in {}", self.0))
    }
}

impl Half {
    /// Waits for the line with this key.
    pub(super) async fn line(&mut self, key: &str) -> Result<Value> {
        let read = async {
            while let Some(line) = self.lines.next_line().await? {
                let mut line: Value = serde_json::from_str(&line).with_context(|| line.clone())?;
                if let Some(value) = line.get_mut(key) {
                    return Ok(value.take());
                }
            }
            bail!("it ended without a line {key:?}")
        };
        match tokio::time::timeout(PATIENCE, read).await {
            Ok(line) => line.with_context(|| self.what.clone()),
            Err(_) => bail!("{}: no line {key:?} within {PATIENCE:?}", self.what),
        }
    }

    /// Waits for its end.
    pub(super) async fn measured(mut self) -> Result<Measured> {
        let mut result = self.line("result").await?;
        let status = self.child.wait().await?;
        ensure!(status.success(), "{}: {status}", self.what);
        Ok(Measured(result["measured"].take()))
    }

    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Ends it without warning (SIGKILL).
    pub(super) async fn kill(&mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }
}
