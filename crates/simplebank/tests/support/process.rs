//! A process of the bank: started by a test, followed through what it prints, killed when the test is over.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// How long a test waits for anything: long enough for a loaded machine, short enough to notice a hang.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A process of the bank. It is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    stdout: Printed,
    stderr: Printed,
}

impl Process {
    /// Starts the process. With a prefix, each line of its log is printed behind that as it comes.
    pub(crate) fn start(command: &mut Command, prefix: Option<&'static str>) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the bank has been built");
        let stdout = Printed::by(child.stdout.take().expect("it was piped"), None);
        let stderr = Printed::by(child.stderr.take().expect("it was piped"), prefix);
        Self { child, stdout, stderr }
    }

    /// Waits for the first line of the log that contains a text.
    pub(crate) async fn line(&self, text: &str) -> String {
        let mut lines = self.lines(text, 1).await;
        lines.remove(0)
    }

    /// Waits until so many lines of the log contain a text.
    pub(crate) async fn lines(&self, text: &str, count: usize) -> Vec<String> {
        let found = || self.matching(text);
        self.stderr.until(&format!("{count} lines with {text:?}"), || found().len() >= count).await;
        found()
    }

    /// The lines of the log that contain a text, so far.
    pub(crate) fn matching(&self, text: &str) -> Vec<String> {
        self.stderr.lines().into_iter().filter(|line| line.contains(text)).collect()
    }

    /// The log so far.
    pub(crate) fn log(&self) -> String {
        self.stderr.lines().join("\n")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the process has not been waited for");
    }

    /// Waits until the process has ended, and returns all there is to know about it.
    pub(crate) async fn ended(mut self) -> Ended {
        self.stderr.until_closed().await;
        self.stdout.until_closed().await;
        let status = self.child.wait().expect("the process is a child of this one");
        Ended { status, stdout: self.stdout.lines(), stderr: self.stderr.lines() }
    }

    /// Asks the process to stop, and waits until it has.
    pub(crate) async fn stop(self) -> Ended {
        self.signal(Signal::TERM);
        self.ended().await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone after the wait.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What is left of a process.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: Vec<String>,
}

impl Ended {
    /// All it printed, for messages and for searching.
    pub(crate) fn printed(&self) -> String {
        [&self.stdout[..], &self.stderr[..]].concat().join("\n")
    }
}

/// The lines of an output, while they come.
struct Printed {
    lines: Arc<Mutex<Vec<String>>>,
    /// Changes with every line, and closes at the end.
    news: watch::Receiver<()>,
}

impl Printed {
    fn by(output: impl Read + Send + 'static, prefix: Option<&'static str>) -> Self {
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let (tell, news) = watch::channel(());
        let kept = Arc::clone(&lines);
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            while output.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                if let Some(prefix) = prefix {
                    println!("{prefix}{text}");
                }
                kept.lock().expect("no holder panics").push(text);
                tell.send_replace(());
                line.clear();
            }
        });
        Self { lines, news }
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no holder panics").clone()
    }

    async fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let mut news = self.news.clone();
        let waiting = async {
            loop {
                news.mark_unchanged();
                if holds() {
                    return true;
                }
                if news.changed().await.is_err() {
                    return holds();
                }
            }
        };
        let why = match timeout(PATIENCE, waiting).await {
            Ok(true) => return,
            Ok(false) => "the process has ended".to_owned(),
            Err(_) => format!("{PATIENCE:?} are over"),
        };
        panic!("expected {what}, but {why}; it printed:\n{}", self.lines().join("\n"));
    }

    async fn until_closed(&self) {
        let mut news = self.news.clone();
        let closed = async { while news.changed().await.is_ok() {} };
        if timeout(PATIENCE, closed).await.is_err() {
            panic!("the process still runs after {PATIENCE:?}; it printed:\n{}", self.lines().join("\n"));
        }
    }
}
