//! Halves of measurements: processes that take the same words, whoever is measured, and answer with lines of JSON.

use std::fmt::Debug;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// Ends a measurement that hangs.
const PATIENCE: Duration = Duration::from_secs(400);

/// Who is measured.
pub(crate) trait Peer: Copy + Eq + Debug {
    /// Where its samples go.
    fn column(self) -> Column;

    /// The half of this program that is measured; `None` for those who bring a program.
    fn of_us(self) -> Option<&'static str> {
        match self.column() {
            Column::Ours => Some("ours"),
            Column::Bare => Some("bare"),
            Column::Other(_) => None,
        }
    }
}

/// A column of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Ours,
    /// The bare limit.
    Bare,
    /// A peer's, by its name.
    Other(&'static str),
}

/// What starts a peer: a program, and what stands before the words.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    path: PathBuf,
    first: Vec<PathBuf>,
}

impl Program {
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self { path, first: Vec::new() }
    }

    /// One that an interpreter runs.
    pub(crate) fn script(interpreter: PathBuf, script: PathBuf) -> Self {
        Self { path: interpreter, first: vec![script] }
    }
}

/// The programs of the peers.
#[derive(Debug)]
pub(crate) struct Programs<P> {
    us: PathBuf,
    others: Vec<(P, Program)>,
    /// Who is left out, and why.
    pub(crate) skipped: Vec<String>,
}

impl<P: Peer> Programs<P> {
    /// Ours and the bare loop.
    pub(crate) fn ours() -> Result<Self> {
        Ok(Self { us: std::env::current_exe()?, others: Vec::new(), skipped: Vec::new() })
    }

    /// Those that one program measures, or why it is not here.
    pub(crate) fn add(&mut self, name: &str, peers: &[P], program: Result<Program>) {
        match program {
            Ok(program) => self.others.extend(peers.iter().map(|peer| (*peer, program.clone()))),
            Err(why) => self.skipped.push(format!("{name} skipped: {why:#}").replace('\n', " ")),
        }
    }

    /// Those of the peers that can be measured here.
    pub(crate) fn here(&self, peers: &[P]) -> Vec<P> {
        let is_here = |peer: &P| peer.of_us().is_some() || self.others.iter().any(|(it, _)| it == peer);
        peers.iter().copied().filter(is_here).collect()
    }

    /// Starts a half: its words are the same for all peers.
    pub(crate) fn start(&self, peer: P, words: &str) -> Result<Half> {
        let mut command = match peer.of_us() {
            Some(of) => {
                let mut command = Command::new(&self.us);
                command.args(["half", of]);
                command
            }
            None => {
                let found = self.others.iter().find(|(it, _)| *it == peer);
                let (_, program) = found.with_context(|| format!("{peer:?} is not here"))?;
                let mut command = Command::new(&program.path);
                command.args(&program.first);
                command
            }
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
    pub(crate) async fn run(&self, peer: P, words: &str) -> Result<Measured> {
        self.start(peer, words)?.measured().await
    }

    /// Starts a worker and waits until it looks for tasks.
    pub(crate) async fn work(&self, peer: P, words: &str) -> Result<Half> {
        let mut half = self.start(peer, words)?;
        half.line("ready").await?;
        Ok(half)
    }
}

/// A half that runs. It ends with this handle.
#[derive(Debug)]
pub(crate) struct Half {
    what: String,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// What a half has measured.
#[derive(Debug)]
pub(crate) struct Measured(Value);

impl Measured {
    pub(crate) fn get(&self, name: &str) -> Result<f64> {
        self.0[name].as_f64().with_context(|| format!("no number {name} in {}", self.0))
    }
}

impl Half {
    /// Waits for the line with this key.
    pub(crate) async fn line(&mut self, key: &str) -> Result<Value> {
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
    pub(crate) async fn measured(mut self) -> Result<Measured> {
        let mut result = self.line("result").await?;
        let status = self.child.wait().await?;
        ensure!(status.success(), "{}: {status}", self.what);
        Ok(Measured(result["measured"].take()))
    }

    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Ends it without warning (SIGKILL).
    pub(crate) async fn kill(&mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }
}
