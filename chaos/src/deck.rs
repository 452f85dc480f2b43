//! The kinds of faults that a fleet can suffer, one card each, and how hard each strikes.

use std::ops::Range;
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;

use crate::kind::{FleetKind, Queue, Storage};
use crate::plan::{Blow, Ending, Fault, LinkFault, PostgresFault, RedisFault, Role, Seat, Way};

/// Where a server can die between a request and its answer.
const SERVER_POINTS: [&str; 2] = ["create_user.before_commit", "create_user.after_commit"];
/// Where a worker can die between a task's start and its settlement.
const WORKER_POINTS: [&str; 4] = [
    "send_verify_email.start",
    "send_verify_email.before_send",
    "send_verify_email.after_send",
    "send_verify_email.before_settle",
];
/// Where a relay can die with a batch in hand. Servers relay too.
const RELAY_POINTS: [&str; 3] = ["relay.claimed", "relay.published", "relay.marked"];

/// A point is lethal at one of its first so many hits.
const HITS: Range<u32> = 1..12;
/// Failures and delays of one fault.
const TIMES: Range<u32> = 1..4;
/// How long a process is frozen: on both sides of a lease.
const FREEZE: Range<Duration> = Duration::from_millis(500)..Duration::from_secs(8);
/// How long a transaction is held open before its commit.
const HELD: Range<Duration> = Duration::from_millis(500)..Duration::from_secs(3);
/// How long a handler hangs between its mail and its end: on both sides of a graceful stop.
const HUNG: Range<Duration> = Duration::from_secs(1)..Duration::from_secs(6);
/// How long a store or the way to it is away.
const AWAY: Range<Duration> = Duration::from_millis(200)..Duration::from_secs(5);
/// How long a transaction stays open that nobody needs.
const XMIN: Range<Duration> = Duration::from_secs(5)..Duration::from_secs(20);
/// What a slow network adds in each direction.
const SLOW: Range<Duration> = Duration::from_millis(20)..Duration::from_millis(400);

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Card {
    Kill(Role),
    KillAt(Role, &'static str),
    Fail(Role, &'static str),
    Delay(Role, &'static str),
    Freeze(Role),
    Restart(Role),
    Roll(Role),
    StopRedis,
    KillRedis,
    FreezeRedis,
    KillClients,
    ForgetScripts,
    Flush,
    EndPostgres(Ending),
    TerminateBackends,
    HoldTransaction,
    SlowLink(Way),
    HalfOpenLink(Way),
    CutLink(Way),
    RefuseLink(Way),
}

/// One card for each kind of fault that this fleet can suffer.
pub(crate) fn deck(kind: FleetKind) -> Vec<Card> {
    let mut deck = Vec::new();
    for role in kind.roles() {
        deck.extend([Card::Kill(*role), Card::Freeze(*role), Card::Restart(*role), Card::Roll(*role)]);
    }
    deck.extend(SERVER_POINTS.map(|point| Card::KillAt(Role::Serve, point)));
    deck.extend(SERVER_POINTS.map(|point| Card::Fail(Role::Serve, point)));
    deck.push(Card::Delay(Role::Serve, "create_user.before_commit"));
    deck.extend(WORKER_POINTS.map(|point| Card::KillAt(Role::Work, point)));
    deck.push(Card::Fail(Role::Work, "send_verify_email.after_send"));
    deck.push(Card::Delay(Role::Work, "send_verify_email.after_send"));
    if kind.queue() == Queue::Redis {
        deck.extend(RELAY_POINTS.map(|point| Card::KillAt(Role::Relay, point)));
        deck.extend(RELAY_POINTS.map(|point| Card::KillAt(Role::Serve, point)));
        deck.extend([
            Card::StopRedis,
            Card::KillRedis,
            Card::FreezeRedis,
            Card::KillClients,
            Card::ForgetScripts,
        ]);
        deck.extend(links(Way::ToRedis));
        if kind.retains_until_done() {
            deck.push(Card::Flush);
        }
    }
    if kind.storage() == Storage::Postgres {
        deck.extend([Ending::Fast, Ending::Immediate, Ending::Killed].map(Card::EndPostgres));
        deck.extend([Card::TerminateBackends, Card::HoldTransaction]);
        deck.extend(links(Way::ToPostgres));
    }
    deck
}

const fn links(way: Way) -> [Card; 4] {
    [Card::SlowLink(way), Card::HalfOpenLink(way), Card::CutLink(way), Card::RefuseLink(way)]
}

impl Card {
    /// A fault of this kind.
    pub(crate) fn play(self, random: &mut StdRng) -> Fault {
        match self {
            Self::Kill(role) => Fault::Process(Seat::any(role, random), Blow::Kill),
            Self::KillAt(role, point) => {
                let seat = Seat::any(role, random);
                Fault::Process(seat, Blow::KillAt { point, hit: random.random_range(HITS) })
            }
            Self::Fail(role, point) => {
                let seat = Seat::any(role, random);
                Fault::Process(seat, Blow::Fail { point, times: random.random_range(TIMES) })
            }
            Self::Delay(role, point) => {
                let seat = Seat::any(role, random);
                let time = random.random_range(if role == Role::Serve { HELD } else { HUNG });
                Fault::Process(seat, Blow::Delay { point, time, times: random.random_range(TIMES) })
            }
            Self::Freeze(role) => {
                let seat = Seat::any(role, random);
                Fault::Process(seat, Blow::Freeze(random.random_range(FREEZE)))
            }
            Self::Restart(role) => Fault::Process(Seat::any(role, random), Blow::Restart),
            Self::Roll(role) => Fault::Roll(role),
            Self::StopRedis => Fault::Redis(RedisFault::Stopped(random.random_range(AWAY))),
            Self::KillRedis => Fault::Redis(RedisFault::Killed(random.random_range(AWAY))),
            Self::FreezeRedis => Fault::Redis(RedisFault::Frozen(random.random_range(AWAY))),
            Self::KillClients => Fault::Redis(RedisFault::ClientsKilled),
            Self::ForgetScripts => Fault::Redis(RedisFault::ScriptsForgotten),
            Self::Flush => Fault::Redis(RedisFault::Flushed),
            Self::EndPostgres(how) => {
                Fault::Postgres(PostgresFault::Ended { how, away: random.random_range(AWAY) })
            }
            Self::TerminateBackends => Fault::Postgres(PostgresFault::BackendsTerminated),
            Self::HoldTransaction => {
                Fault::Postgres(PostgresFault::TransactionHeld(random.random_range(XMIN)))
            }
            Self::SlowLink(way) => {
                let (one_way, time) = (random.random_range(SLOW), random.random_range(AWAY));
                Fault::Link(way, LinkFault::Slow { one_way, time })
            }
            Self::HalfOpenLink(way) => Fault::Link(way, LinkFault::HalfOpen(random.random_range(AWAY))),
            Self::CutLink(way) => Fault::Link(way, LinkFault::Cut),
            Self::RefuseLink(way) => Fault::Link(way, LinkFault::Refused(random.random_range(AWAY))),
        }
    }
}
