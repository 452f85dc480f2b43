//! Whether something that ran twice, or a task that was lost, is explained by what is on record.

use std::collections::BTreeMap;

use crate::effects::Effect;
use crate::evidence::{Evidence, Sign};

/// From a mail to the settlement of its task, at most: a database may be locked for five seconds, a lease lasts three,
/// and a stop waits for three more.
const UNSETTLED_MS: u64 = 15_000;
/// From the moment that somebody else sent the mail again until the first holder says that it has lost the task: it may
/// have been frozen all the while.
const LATE_MS: u64 = 15_000;
/// How long before a worker says that it has lost a task the line about the recovery may be missing, if a worker died or
/// a store failed: whoever took the task died before saying so, or was never told that it had succeeded.
const UNHEARD_MS: u64 = 15_000;

/// Evidence by process, each piece of which explains one copy at most; a death explains every task in hand.
pub(crate) struct Alibis<'a> {
    by_process: BTreeMap<&'a str, Vec<(&'a Evidence, Spent)>>,
}

/// Whether a piece of evidence has explained something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spent {
    No,
    Yes,
}

impl<'a> Alibis<'a> {
    pub(crate) fn new(evidence: &'a [Evidence]) -> Self {
        let mut by_process: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for evidence in evidence {
            by_process.entry(&evidence.by).or_default().push((evidence, Spent::No));
        }
        Self { by_process }
    }

    /// Whether the first of two mails to a user was followed by something that kept its task from being settled.
    pub(crate) fn explain(&mut self, username: &str, first: &Effect, again: &Effect) -> bool {
        let Some(record) = self.by_process.get_mut(&*first.by) else { return false };
        let soon = first.at_ms..=first.at_ms + UNSETTLED_MS;
        let late = first.at_ms..=again.at_ms + LATE_MS;
        for (evidence, spent) in record {
            let at = evidence.at_ms;
            match &evidence.sign {
                Sign::Died | Sign::CutOff if soon.contains(&at) && at <= again.at_ms => return true,
                Sign::Failed { username: failed }
                    if failed == username && soon.contains(&at) && at <= again.at_ms =>
                {
                    return true;
                }
                Sign::LeaseLost { .. } | Sign::NotSettled { .. }
                    if *spent == Spent::No && late.contains(&at) =>
                {
                    *spent = Spent::Yes;
                    return true;
                }
                _ => {}
            }
        }
        false
    }
}

/// Tasks that were lost more often than taken, though nobody died and no store failed to whom the line about it could
/// have been lost: their last holder was refused because an earlier one had been believed.
pub(crate) fn robbed(evidence: &[Evidence]) -> Vec<String> {
    let mut balance: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
    for evidence in evidence {
        match &evidence.sign {
            Sign::LeaseLost { task } => {
                let (lost, _, at) = balance.entry(task).or_default();
                *lost += 1;
                *at = evidence.at_ms;
            }
            Sign::Recovered { task } => balance.entry(task).or_default().1 += 1,
            _ => {}
        }
    }
    let unheard = |at: u64| {
        let since = at.saturating_sub(UNHEARD_MS)..=at;
        evidence.iter().filter(|evidence| since.contains(&evidence.at_ms)).any(|evidence| {
            match evidence.sign {
                Sign::Died => evidence.by.starts_with("worker"),
                Sign::StoreFailed | Sign::StoreBack => true,
                _ => false,
            }
        })
    };
    let robbed = balance.into_iter().filter(|(_, (lost, taken, at))| lost > taken && !unheard(*at));
    robbed
        .map(|(task, (lost, taken, _))| format!("{task} was lost {lost} times and taken {taken} times"))
        .collect()
}
