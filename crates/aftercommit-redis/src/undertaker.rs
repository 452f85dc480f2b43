//! Which workers are dead. A worker that does not beat any more is believed dead with care: after a restart of Redis
//! everybody's record is gone; an observer that was cut off has not seen anybody's beat; and while Redis takes no writes
//! nobody can beat.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::time::Duration;

use aftercommit_core::{QueueName, Result, Timestamp, WorkerId};

use crate::RedisBackend;
use crate::backend::whole;
use crate::command::Command;
use crate::keys;

/// How long we must have had no trouble with Redis before the absence of a worker means anything: longer than three beats.
const TRUST_AFTER: Duration = Duration::from_secs(9);
/// In how many looks in a row a worker must have been missing.
const MISSES: u32 = 2;

const DOING: &str = "find dead workers";

/// What was seen so far.
#[derive(Debug, Default)]
pub(crate) struct Undertaker(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// How much trouble there had been with Redis, and since when there is no more.
    troubles: Option<(u64, Timestamp)>,
    missing: HashMap<WorkerId, u32>,
}

impl Undertaker {
    /// Takes note of one look at all owners, and says which of them are dead.
    fn judge(&self, troubles: u64, now: Timestamp, alive: &HashMap<WorkerId, bool>) -> HashSet<WorkerId> {
        let mut seen = whole(&self.0);
        let since = match seen.troubles {
            Some((lost, since)) if lost == troubles => since,
            _ => {
                *seen = Seen { troubles: Some((troubles, now)), missing: HashMap::new() };
                now
            }
        };
        seen.missing.retain(|worker, _| alive.get(worker) == Some(&false));
        for (worker, _) in alive.iter().filter(|(_, alive)| !**alive) {
            *seen.missing.entry(worker.clone()).or_default() += 1;
        }
        if now.since(since) < TRUST_AFTER {
            return HashSet::new();
        }
        seen.missing
            .iter()
            .filter(|(_, misses)| **misses >= MISSES)
            .map(|(worker, _)| worker.clone())
            .collect()
    }
}

impl RedisBackend {
    /// For each queue, the dead ones among the workers that may have tasks of it.
    pub(crate) async fn dead_workers(&self, queues: &[QueueName]) -> Result<Vec<Vec<WorkerId>>> {
        let commands = queues.iter().map(|queue| Command::new("SMEMBERS").arg(&self.keys(queue).owners));
        let mut owners = Vec::with_capacity(queues.len());
        for reply in self.link.pipeline(DOING, &commands.collect::<Vec<_>>()).await {
            owners.push(workers(reply?.into_list(DOING)?)?);
        }
        let all: HashSet<&WorkerId> = owners.iter().flatten().collect();
        let all: Vec<&WorkerId> = all.into_iter().collect();
        let commands = all.iter().map(|worker| Command::new("EXISTS").arg(keys::server(worker)));
        let mut alive = HashMap::new();
        for (worker, reply) in all.iter().zip(self.link.pipeline(DOING, &commands.collect::<Vec<_>>()).await)
        {
            alive.insert((*worker).clone(), reply?.into_int(DOING)? == 1);
        }
        let dead = self.undertaker.judge(self.link.troubles(), self.now(), &alive);
        Ok(owners
            .into_iter()
            .map(|owners| owners.into_iter().filter(|worker| dead.contains(worker)).collect())
            .collect())
    }
}

fn workers(names: Vec<crate::reply::Reply>) -> Result<Vec<WorkerId>> {
    let read = |name: crate::reply::Reply| {
        let name = name.into_bytes(DOING)?.unwrap_or_default();
        Ok(WorkerId::from_stored(&String::from_utf8_lossy(&name)))
    };
    names.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEAT: i64 = 2_000;

    fn look(undertaker: &Undertaker, troubles: u64, at_ms: i64, alive: &[(&str, bool)]) -> Vec<String> {
        let alive = alive.iter().map(|(name, alive)| (WorkerId::from_stored(name), *alive)).collect();
        let dead = undertaker.judge(troubles, Timestamp::from_millis(at_ms), &alive);
        let mut dead: Vec<String> = dead.iter().map(WorkerId::to_string).collect();
        dead.sort();
        dead
    }

    #[test]
    fn a_worker_is_dead_when_it_is_missing_twice_in_a_row_on_a_connection_that_stood_for_long() {
        let undertaker = Undertaker::default();
        for tick in 0..5 {
            assert!(look(&undertaker, 1, tick * BEAT, &[("a", true), ("b", true)]).is_empty());
        }
        assert!(
            look(&undertaker, 1, 5 * BEAT, &[("a", false), ("b", true)]).is_empty(),
            "once is not enough"
        );
        assert_eq!(look(&undertaker, 1, 6 * BEAT, &[("a", false), ("b", true)]), ["a"]);
        assert!(look(&undertaker, 1, 7 * BEAT, &[("a", true), ("b", false)]).is_empty(), "it beats again");
    }

    #[test]
    fn nobody_is_dead_right_after_the_connection_was_made_anew() {
        let undertaker = Undertaker::default();
        for tick in 0..10 {
            assert!(look(&undertaker, 1, tick * BEAT, &[("a", true)]).is_empty());
        }
        for tick in 10..14 {
            assert!(
                look(&undertaker, 2, tick * BEAT, &[("a", false)]).is_empty(),
                "after a restart all look dead"
            );
        }
        assert_eq!(look(&undertaker, 2, 15 * BEAT, &[("a", false)]), ["a"]);
    }
}
