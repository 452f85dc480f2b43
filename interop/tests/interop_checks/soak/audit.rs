//! The verdict on the soak, from the log of what handlers did.

use std::collections::BTreeMap;
use std::path::Path;

use aftercommit_interop::effects::{self, Moment};
use aftercommit_interop::{Dump, Stored, Value, WireValue};

use super::Planned;
use super::chaos::Disturbances;

const SECOND_NS: i64 = 1_000_000_000;
/// How long after its handler's end a worker may still be writing that down when it is killed.
const ACK_NS: i64 = 2 * SECOND_NS;
/// How long before and after an outage a write may be lost in it: connections are made anew, and time out.
const OUTAGE_NS: i64 = 8 * SECOND_NS;

/// One run of a handler.
#[derive(Debug, Clone)]
struct Execution {
    attempt: u32,
    pid: u32,
    start_ns: i64,
    end: Option<(i64, String)>,
}

/// Every execution of every task, in the order of their starts.
pub(super) struct Audit<'a> {
    executions: BTreeMap<String, Vec<Execution>>,
    disturbances: &'a Disturbances,
}

/// Why a task ran once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    Failed,
    Killed,
    Stopped,
    AckLostWithWorker,
    AckLostWithRedis,
    Unexplained,
}

impl<'a> Audit<'a> {
    pub(super) fn of(log: &Path, disturbances: &'a Disturbances) -> Self {
        let mut executions: BTreeMap<String, Vec<Execution>> = BTreeMap::new();
        for effect in effects::read(log).unwrap() {
            let of_task = executions.entry(effect.id).or_default();
            match effect.moment {
                Moment::Start => {
                    let (attempt, pid, start_ns) = (effect.attempt, effect.pid, effect.at_ns);
                    of_task.push(Execution { attempt, pid, start_ns, end: None });
                }
                Moment::End { outcome } => {
                    let mut open = of_task.iter_mut().rev();
                    let open = open.find(|run| run.pid == effect.pid && run.end.is_none());
                    open.expect("what ends has begun").end = Some((effect.at_ns, outcome));
                }
            }
        }
        for of_task in executions.values_mut() {
            of_task.sort_by_key(|run| run.start_ns);
        }
        Self { executions, disturbances }
    }

    /// Fails unless everything ran, every repetition has its reason, and the counters are what was written down.
    pub(super) fn judge(&self, plan: &[Planned], dump: &Dump, counters: &[i64; 2]) -> String {
        let mut reasons: BTreeMap<Reason, usize> = BTreeMap::new();
        let (mut unexplained, mut expected) = (Vec::new(), [0, 0]);
        for task in plan {
            let Some(runs) = self.executions.get(&task.id) else { panic!("{} never ran", task.id) };
            let ended = if task.fails { "archived" } else { "completed" };
            assert_eq!(state(dump, task).as_deref(), Some(ended), "{task:?}: {runs:?}");
            for pair in runs.windows(2) {
                let reason = self.reason(&pair[0]);
                *reasons.entry(reason).or_default() += 1;
                if reason == Reason::Unexplained {
                    unexplained.push((task.id.clone(), runs.clone()));
                }
            }
            // Every retry that was burnt was counted as a failure, and so is the archiving; the end is counted once.
            let retries = retried(dump, task);
            let attempts = runs.iter().map(|run| i64::from(run.attempt)).max();
            assert!(attempts <= Some(retries), "{task:?} has {retries} retries: {runs:?}");
            expected[0] += retries + 1;
            expected[1] += retries + i64::from(task.fails);
        }
        assert!(unexplained.is_empty(), "{unexplained:#?} {:#?}", self.disturbances);
        assert_eq!(*counters, expected, "processed and failed are what was written down");
        let again: Vec<String> =
            reasons.iter().map(|(reason, count)| format!("{count} {reason:?}")).collect();
        format!(
            "{} kills, {} outages; none lost, none stuck; run again: {}; counters exact",
            self.disturbances.kills.len(),
            self.disturbances.outages.len(),
            again.join(", ")
        )
    }

    /// Why there was another run after this one.
    fn reason(&self, run: &Execution) -> Reason {
        let killed = self.disturbances.kills.get(&run.pid);
        let Some((end_ns, outcome)) = &run.end else {
            return if killed.is_some() { Reason::Killed } else { Reason::Unexplained };
        };
        let in_outage = |(from, to): &(i64, i64)| *end_ns > from - OUTAGE_NS && *end_ns < to + OUTAGE_NS;
        match &**outcome {
            "error" => Reason::Failed,
            "stopped" => Reason::Stopped,
            _ if killed.is_some_and(|at| (at - end_ns).abs() < ACK_NS) => Reason::AckLostWithWorker,
            _ if self.disturbances.outages.iter().any(in_outage) => Reason::AckLostWithRedis,
            _ => Reason::Unexplained,
        }
    }
}

/// How many retries the task says that it has had.
fn retried(dump: &Dump, task: &Planned) -> i64 {
    let fields = dump.message(task.queue, &task.id).and_then(|message| message.fields.as_ref()).unwrap();
    match fields.get("6").map(Vec::as_slice) {
        None => 0,
        Some([WireValue::Number(retried)]) => *retried,
        other => panic!("{task:?} has {other:?} retries"),
    }
}

fn state(dump: &Dump, task: &Planned) -> Option<String> {
    match dump.get(&format!("asynq:{{{}}}:t:{}", task.queue, task.id))? {
        Stored::Hash { fields } => match fields.get("state")? {
            Value::Bytes(bytes) => Some(crate::compare::text(bytes)),
            Value::Wire(_) => None,
        },
        _ => None,
    }
}
