//! A child process that says when it is ready, and dies with the process that started it.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader, PipeReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::postgres::Owner;

/// How many lines of a server's output are kept for an error message.
const TAIL_LINES: usize = 20;

/// A running child.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    // A receiver belongs to one thread at a time, a server to all who share it.
    events: Mutex<Receiver<Event>>,
    tail: Arc<Mutex<VecDeque<String>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Ready,
    /// Nobody holds the child's output any more.
    Ended,
}

impl Process {
    /// Starts a program from `package` and waits until it prints a line with `ready` in it.
    pub(crate) fn start(
        program: &str,
        args: &[&str],
        package: &str,
        ready: &'static str,
        patience: Duration,
    ) -> anyhow::Result<Self> {
        Self::start_as(None, program, args, package, ready, patience)
    }

    /// The same as another user, if one is named.
    pub(crate) fn start_as(
        owner: Option<Owner>,
        program: &str,
        args: &[&str],
        package: &str,
        ready: &'static str,
        patience: Duration,
    ) -> anyhow::Result<Self> {
        is_installed(program, package)?;
        is_installed("setpriv", "util-linux")?;
        let (output, input) = io::pipe().context("cannot make a pipe")?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).args(owner.map(Owner::privileges).into_iter().flatten());
        command.args(["--", program]).args(args);
        command.stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input);
        let child = spawn(command).with_context(|| format!("cannot start {program}"))?;

        let (tell, events) = sync_channel(2);
        let tail = Arc::new(Mutex::new(VecDeque::new()));
        thread::spawn({
            let tail = Arc::clone(&tail);
            move || read(output, ready, &tail, &tell)
        });
        let mut process = Self { child, events: Mutex::new(events), tail };
        match process.next_event(patience) {
            Ok(Event::Ready) => Ok(process),
            Ok(Event::Ended) | Err(RecvTimeoutError::Disconnected) => {
                let status = process.child.wait().context("cannot wait for the child")?;
                bail!("{program} ended before it was ready ({status}): {}", process.tail())
            }
            Err(RecvTimeoutError::Timeout) => {
                process.kill();
                bail!("{program} was not ready after {patience:?}: {}", process.tail())
            }
        }
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("a child that nobody has waited for can be signalled");
    }

    /// Sends a signal to the children of the child.
    pub(crate) fn signal_children(&self, signal: Signal) {
        let pid = self.child.id();
        let children =
            std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|child| Pid::from_raw(child.parse().ok()?)) {
            // It may have ended by itself.
            let _ = kill_process(child, signal);
        }
    }

    /// Asks the child to end and waits for that.
    pub(crate) fn stop(self, patience: Duration) -> anyhow::Result<()> {
        self.stop_with(Signal::TERM, patience)
    }

    /// The same with another signal.
    pub(crate) fn stop_with(mut self, signal: Signal, patience: Duration) -> anyhow::Result<()> {
        self.signal(signal);
        if self.next_event(patience) == Err(RecvTimeoutError::Timeout) {
            self.kill();
            return Err(anyhow!("the server did not end within {patience:?}: {}", self.tail()));
        }
        self.child.wait().context("cannot wait for the child")?;
        Ok(())
    }

    /// Ends the child, paused or not, without asking.
    pub(crate) fn kill(&mut self) {
        // Both fail only for a child that has ended and been waited for, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn next_event(&mut self, patience: Duration) -> Result<Event, RecvTimeoutError> {
        self.events.get_mut().unwrap_or_else(PoisonError::into_inner).recv_timeout(patience)
    }

    fn tail(&self) -> String {
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.iter().map(String::as_str).collect::<Vec<_>>().join(" | ")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn is_installed(program: &str, package: &str) -> anyhow::Result<()> {
    let probe = Command::new(program).arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).status();
    match probe {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!("{program} is not installed; apt-get install {package}")
        }
        Err(error) => Err(error).with_context(|| format!("cannot start {program}")),
    }
}

/// Reads the child's output to its end, so that it never blocks on a full pipe.
fn read(output: PipeReader, ready: &str, tail: &Mutex<VecDeque<String>>, tell: &SyncSender<Event>) {
    let mut said = false;
    for line in BufReader::new(output).lines() {
        let Ok(line) = line else { break };
        if !said && line.contains(ready) {
            said = true;
            // Whoever waited may have given up.
            let _ = tell.send(Event::Ready);
        }
        let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
        if tail.len() == TAIL_LINES {
            tail.pop_front();
        }
        tail.push_back(line);
    }
    let _ = tell.send(Event::Ended);
}

/// Starts a child from a thread that lives as long as the process: the kernel sends a child its death signal when the
/// *thread* that started it ends, and the thread of a test ends with the test.
fn spawn(command: Command) -> io::Result<Child> {
    type Order = (Command, SyncSender<io::Result<Child>>);
    static SPAWNER: OnceLock<SyncSender<Order>> = OnceLock::new();

    let spawner = SPAWNER.get_or_init(|| {
        let (orders, received) = sync_channel::<Order>(1);
        thread::spawn(move || {
            for (mut command, reply) in received {
                // Whoever ordered waits for the reply.
                let _ = reply.send(command.spawn());
            }
        });
        orders
    });
    let (reply, child) = sync_channel(1);
    spawner.send((command, reply)).expect("the spawner ends with the process");
    child.recv().expect("the spawner answers every order")
}
