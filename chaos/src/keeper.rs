//! Keeps a seat taken: starts its process, starts another when that has ended, and deals it the blows it is ordered to,
//! one after the other. After each, a process without a fail-point sits there.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::evidence::Sign;
use crate::journal::Journal;
use crate::plan::{Blow, Role, Seat};
use crate::process::{Process, Program};

/// How many blows may wait for their turn.
const ORDERS_MAX: usize = 64;
/// How long an ended process stays away, as under a service manager.
const AWAY: Duration = Duration::from_millis(100);
/// How long a fail-point is waited for.
const POINT: Duration = Duration::from_secs(8);
/// How long the bank waits for its requests and tasks when it stops.
pub(crate) const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);
/// How much longer a stop may take: the relay's last calls, the worker's last outcomes.
const STOP_GRACE: Duration = Duration::from_secs(12);
const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;

/// What became of a blow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Struck {
    Yes,
    /// The process did not come to the sync point in time.
    No,
}

/// A seat and whoever keeps it.
#[derive(Debug)]
pub(crate) struct Keeper {
    orders: mpsc::Sender<(Blow, oneshot::Sender<Struck>)>,
    keeping: JoinHandle<anyhow::Result<()>>,
}

impl Keeper {
    /// Starts the first process. `settings` are those of this seat.
    pub(crate) fn start(
        program: Arc<Program>,
        seat: Seat,
        settings: Vec<(&'static str, String)>,
        journal: Journal,
    ) -> anyhow::Result<Self> {
        let (orders, received) = mpsc::channel(ORDERS_MAX);
        let mut chair = Chair { program, seat, settings, journal, generation: 0, process: None };
        chair.sit("")?;
        Ok(Self { orders, keeping: tokio::spawn(chair.keep(received)) })
    }

    /// Deals a blow, after those that were ordered before, and waits until it is over.
    pub(crate) async fn strike(&self, blow: Blow) -> Struck {
        let (reply, struck) = oneshot::channel();
        // A keeper that is gone has an error of its own, said when the fleet is stopped.
        let sent = self.orders.send((blow, reply)).await.is_ok();
        if sent { struck.await.unwrap_or(Struck::No) } else { Struck::No }
    }

    /// Stops the process as a service manager would.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        drop(self.orders);
        self.keeping.await?
    }
}

struct Chair {
    program: Arc<Program>,
    seat: Seat,
    settings: Vec<(&'static str, String)>,
    journal: Journal,
    generation: u32,
    /// `None` only between two processes.
    process: Option<Process>,
}

impl Chair {
    async fn keep(
        mut self,
        mut orders: mpsc::Receiver<(Blow, oneshot::Sender<Struck>)>,
    ) -> anyhow::Result<()> {
        loop {
            tokio::select! {
                order = orders.recv() => {
                    let Some((blow, reply)) = order else { break };
                    let struck = self.suffer(blow).await?;
                    // Whoever ordered it may be gone.
                    let _ = reply.send(struck);
                }
                status = self.sitting().ended() => {
                    self.note_end(status?);
                    sleep(AWAY).await;
                    self.sit("")?;
                }
            }
        }
        self.stand_up().await
    }

    async fn suffer(&mut self, blow: Blow) -> anyhow::Result<Struck> {
        match blow {
            Blow::Kill => {
                self.sitting().signal(Signal::KILL);
                self.replace().await?;
                Ok(Struck::Yes)
            }
            Blow::Freeze(time) => {
                self.sitting().signal(Signal::STOP);
                self.journal.event(&self.name(), Sign::Frozen);
                sleep(time).await;
                self.sitting().signal(Signal::CONT);
                self.journal.event(&self.name(), Sign::Thawed);
                Ok(Struck::Yes)
            }
            Blow::Restart => {
                self.stand_up().await?;
                self.sit("")?;
                Ok(Struck::Yes)
            }
            Blow::KillAt { point, hit } => {
                self.stand_up().await?;
                self.sit(&format!("{point}=kill@{hit}"))?;
                let died = timeout(POINT, self.sitting().ended()).await;
                match died {
                    Ok(status) => {
                        let status = status?;
                        self.note_end(status);
                        sleep(AWAY).await;
                        self.sit("")?;
                        Ok(if status.signal() == Some(SIGKILL) { Struck::Yes } else { Struck::No })
                    }
                    Err(_) => {
                        self.stand_up().await?;
                        self.sit("")?;
                        Ok(Struck::No)
                    }
                }
            }
            Blow::Fail { point, times } => self.act(format!("{point}={times}*error(chaos)"), times).await,
            Blow::Delay { point, time, times } => {
                self.act(format!("{point}={times}*delay({}ms)", time.as_millis()), times).await
            }
        }
    }

    /// Lets a fail-point act so many times, and then replaces the process: in the middle of what it held up.
    async fn act(&mut self, failpoints: String, times: u32) -> anyhow::Result<Struck> {
        self.stand_up().await?;
        self.sit(&failpoints)?;
        let acted = timeout(POINT, self.sitting().hit(u64::from(times))).await;
        self.stand_up().await?;
        self.sit("")?;
        Ok(if acted.is_ok() { Struck::Yes } else { Struck::No })
    }

    fn sitting(&mut self) -> &mut Process {
        self.process.as_mut().expect("somebody sits here but between two processes")
    }

    /// What the process is called that sits here.
    fn name(&self) -> String {
        format!("{}.{}", self.seat, self.generation)
    }

    fn sit(&mut self, failpoints: &str) -> anyhow::Result<()> {
        self.generation += 1;
        let name = self.name();
        let role = match self.seat.role {
            Role::Serve => "serve",
            Role::Work => "worker",
            Role::Relay => "relay",
        };
        let mut settings = self.settings.clone();
        settings.push(("FAILPOINTS", failpoints.to_owned()));
        settings.push(("EMAIL_SENDER_ADDRESS", format!("{name}@bank.example")));
        self.journal.remark(&name, &format!("starts {failpoints}"));
        self.process = Some(Process::start(&self.program, &name, &[role], &settings, &self.journal)?);
        Ok(())
    }

    /// Waits for a process that has been killed, and puts another in its place.
    async fn replace(&mut self) -> anyhow::Result<()> {
        let status = self.sitting().ended().await?;
        self.note_end(status);
        sleep(AWAY).await;
        self.sit("")
    }

    /// Has the process end in order.
    async fn stand_up(&mut self) -> anyhow::Result<()> {
        let process = self.sitting();
        process.signal(Signal::TERM);
        match timeout(SHUTDOWN_TIMEOUT + STOP_GRACE, process.ended()).await {
            Ok(status) => {
                let status = status?;
                let began = self.sitting().was_up();
                if !status.success() && (began || status.signal() != Some(SIGTERM)) {
                    self.note_end(status);
                }
            }
            Err(_) => {
                process.signal(Signal::KILL);
                process.ended().await?;
                let name = self.name();
                self.journal.event(&name, Sign::Died);
                self.journal.misdeed(&name, "did not stop in time and was killed");
            }
        }
        Ok(())
    }

    fn note_end(&mut self, status: ExitStatus) {
        let name = self.name();
        self.journal.event(&name, Sign::Died);
        let was_up = self.sitting().was_up();
        if !was_up && self.journal.was_frozen_lately() {
            // A file that is locked by somebody who stands still cannot be opened: it says so and ends, and the next
            // one tries again.
            self.journal.remark(&name, &format!("could not start: {status}"));
        } else if status.signal() != Some(SIGKILL) {
            self.journal.misdeed(&name, &format!("ended by itself: {status}"));
        }
    }
}
