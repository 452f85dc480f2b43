//! The plan: which faults, when, and to whom. A pure function of its seed, so that a run can be repeated.
//!
//! The moments are drawn uniformly and independently, so faults overlap as they do when things go wrong together.

use std::fmt;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::deck::{Card, deck};
use crate::kind::{FleetKind, PER_ROLE};

/// Nothing is broken before: the first sign-ups show that all is well.
const LEAD: Duration = Duration::from_secs(2);

/// What a process of the bank does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    Serve,
    Work,
    Relay,
}

/// The place of a process: it keeps its name when the process in it is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seat {
    pub(crate) role: Role,
    pub(crate) number: usize,
}

/// Something that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// To one process.
    Process(Seat, Blow),
    /// To all processes of a role, one after the other.
    Roll(Role),
    /// To the Redis of the fleet.
    Redis(RedisFault),
    /// To the Postgres of the fleet.
    Postgres(PostgresFault),
    /// To the network between the fleet and one of its servers.
    Link(Way, LinkFault),
}

/// Where a link leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    ToRedis,
    ToPostgres,
}

/// What happens to one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Blow {
    /// SIGKILL, at any moment.
    Kill,
    /// SIGKILL to itself, at the nth time it comes to a sync point.
    KillAt { point: &'static str, hit: u32 },
    /// A step fails so many times.
    Fail { point: &'static str, times: u32 },
    /// A step takes this long, the next so many times.
    Delay { point: &'static str, time: Duration, times: u32 },
    /// SIGSTOP, and SIGCONT after this time.
    Freeze(Duration),
    /// SIGTERM, and a new process when it has ended.
    Restart,
}

/// What happens to Redis. Times are how long it lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RedisFault {
    Stopped(Duration),
    Killed(Duration),
    Frozen(Duration),
    ClientsKilled,
    ScriptsForgotten,
    /// Everything in it is gone.
    Flushed,
}

/// What happens to Postgres.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PostgresFault {
    /// It ends, and is away for this time.
    Ended { how: Ending, away: Duration },
    /// Every connection is closed by an administrator.
    BackendsTerminated,
    /// Somebody's transaction stays open, so that nothing can be vacuumed.
    TransactionHeld(Duration),
}

/// How Postgres ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Open transactions are rolled back.
    Fast,
    /// Nothing is written down; the next start recovers.
    Immediate,
    /// SIGKILL.
    Killed,
}

/// What happens to the network. Times are how long it lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LinkFault {
    Slow { one_way: Duration, time: Duration },
    HalfOpen(Duration),
    Cut,
    Refused(Duration),
}

/// A fault with its moment, counted from the first sign-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) at: Duration,
    pub(crate) fault: Fault,
}

/// So many faults for a fleet within a time, in the order of their moments. Each kind of fault comes about as often as
/// any other.
pub(crate) fn plan(seed: u64, kind: FleetKind, faults: usize, span: Duration) -> Vec<Planned> {
    let mut random = StdRng::seed_from_u64(seed);
    let cards = deck(kind);
    let mut hand: Vec<Card> = Vec::with_capacity(faults + cards.len());
    while hand.len() < faults {
        let mut round = cards.clone();
        round.shuffle(&mut random);
        hand.extend(round);
    }
    hand.truncate(faults);
    let span = span.max(LEAD * 2);
    let mut planned: Vec<Planned> = hand
        .into_iter()
        .map(|card| Planned { at: random.random_range(LEAD..span), fault: card.play(&mut random) })
        .collect();
    planned.sort_by_key(|planned| planned.at);
    planned
}

impl Seat {
    /// Any place of a role.
    pub(crate) fn any(role: Role, random: &mut StdRng) -> Self {
        Self { role, number: random.random_range(1..=PER_ROLE) }
    }

    /// All places of a fleet.
    pub(crate) fn all(kind: FleetKind) -> impl Iterator<Item = Self> {
        let of = |role: &Role| {
            (1..=PER_ROLE).map({
                let role = *role;
                move |number| Self { role, number }
            })
        };
        kind.roles().iter().flat_map(of)
    }
}

impl Fault {
    /// The kind of fault, for counting; without moments and numbers.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Process(seat, blow) => match blow {
                Blow::Kill => format!("{} killed", seat.role),
                Blow::KillAt { point, .. } => format!("{} killed at {point}", seat.role),
                Blow::Fail { point, .. } => format!("{} fails at {point}", seat.role),
                Blow::Delay { point, .. } => format!("{} held up at {point}", seat.role),
                Blow::Freeze(_) => format!("{} frozen", seat.role),
                Blow::Restart => format!("{} restarted", seat.role),
            },
            Self::Roll(role) => format!("{role} rolled"),
            Self::Redis(fault) => match fault {
                RedisFault::Stopped(_) => "redis stopped",
                RedisFault::Killed(_) => "redis killed",
                RedisFault::Frozen(_) => "redis frozen",
                RedisFault::ClientsKilled => "redis clients killed",
                RedisFault::ScriptsForgotten => "redis scripts forgotten",
                RedisFault::Flushed => "redis flushed",
            }
            .to_owned(),
            Self::Postgres(fault) => match fault {
                PostgresFault::Ended { how: Ending::Fast, .. } => "postgres restarted, fast",
                PostgresFault::Ended { how: Ending::Immediate, .. } => "postgres restarted, immediate",
                PostgresFault::Ended { how: Ending::Killed, .. } => "postgres killed",
                PostgresFault::BackendsTerminated => "postgres backends terminated",
                PostgresFault::TransactionHeld(_) => "postgres transaction held open",
            }
            .to_owned(),
            Self::Link(way, fault) => {
                let to = match way {
                    Way::ToRedis => "redis",
                    Way::ToPostgres => "postgres",
                };
                let what = match fault {
                    LinkFault::Slow { .. } => "slow",
                    LinkFault::HalfOpen(_) => "half-open",
                    LinkFault::Cut => "cut",
                    LinkFault::Refused(_) => "refused",
                };
                format!("link to {to} {what}")
            }
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Serve => "server",
            Self::Work => "worker",
            Self::Relay => "relay",
        })
    }
}

impl fmt::Display for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.role, self.number)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const SPAN: Duration = Duration::from_secs(600);

    #[test]
    fn same_seed_makes_the_same_plan_and_another_one_another() {
        for kind in FleetKind::ALL {
            assert_eq!(plan(7, kind, 100, SPAN), plan(7, kind, 100, SPAN));
            assert_ne!(plan(7, kind, 100, SPAN), plan(8, kind, 100, SPAN));
        }
    }

    #[test]
    fn plan_has_as_many_faults_as_asked_for_in_order_and_in_time() {
        let plan = plan(7, FleetKind::SqliteRedis, 97, SPAN);
        assert_eq!(plan.len(), 97);
        assert!(plan.is_sorted_by_key(|planned| planned.at));
        assert!(plan.iter().all(|planned| (LEAD..SPAN).contains(&planned.at)));
    }

    #[test]
    fn every_kind_of_fault_comes_about_as_often_as_any_other() {
        for kind in FleetKind::ALL {
            let faults = deck(kind).len() * 3;
            let mut counts: BTreeMap<String, usize> = BTreeMap::new();
            for planned in plan(7, kind, faults, SPAN) {
                *counts.entry(planned.fault.label()).or_default() += 1;
            }
            assert!(counts.values().all(|count| *count == 3), "{counts:?}");
        }
    }

    #[test]
    fn redis_is_flushed_only_where_the_outbox_could_fill_it_again() {
        for kind in FleetKind::ALL {
            let plan = plan(7, kind, 200, SPAN);
            let flushed = plan.iter().any(|planned| planned.fault == Fault::Redis(RedisFault::Flushed));
            assert_eq!(flushed, kind.queue() == crate::kind::Queue::Redis && kind.retains_until_done());
        }
    }
}
