//! Whether something that ran twice, or a task that was lost, is explained by what is on record.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::effects::Effect;
use crate::evidence::{Evidence, Sign};

/// From a mail to the settlement of its task, at most: a database may be locked for five seconds, a lease lasts three,
/// and a stop waits for three more.
const UNSETTLED_MS: u64 = 15_000;
/// From the moment that somebody else sent the mail again until the first holder says that it has lost the task: it may
/// have been frozen all the while.
const LATE_MS: u64 = 15_000;
/// How long a mail may be on its way after its sender has been told to stop, or that the task is no longer his.
const ON_THE_WAY_MS: u64 = 1_000;
/// How long before a worker says that it has lost a task the line about the recovery may be missing, if a worker died or
/// a store failed: whoever took the task died before saying so, or was never told that it had succeeded.
const UNHEARD_MS: u64 = 15_000;

/// One more mail to an address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Copy<'a> {
    pub(crate) username: &'a str,
    /// The mail before it.
    pub(crate) first: &'a Effect,
    pub(crate) again: &'a Effect,
}

/// The copies that nothing on record explains. A store that forgot everything explains what ran before and after; a death
/// every task in hand, a failure those of its user; each loss that a process reports one copy of what it had sent.
pub(crate) fn unexplained<'a>(copies: Vec<Copy<'a>>, evidence: &[Evidence]) -> Vec<Copy<'a>> {
    let forgot = |copy: &Copy<'_>| {
        let between = copy.first.at_ms..=copy.again.at_ms;
        evidence
            .iter()
            .any(|evidence| evidence.sign == Sign::StoreForgot && between.contains(&evidence.at_ms))
    };
    let mut open: Vec<Copy<'a>> =
        copies.into_iter().filter(|copy| !forgot(copy) && !copy.is_interrupted(evidence)).collect();
    for evidence in evidence {
        for _ in 0..losses(&evidence.sign) {
            // The copy that the fewest of those that follow could explain.
            let fitting = open.iter().enumerate().filter(|(_, copy)| copy.could_be_of(evidence));
            let Some((at, _)) = fitting.min_by_key(|(_, copy)| copy.again.at_ms) else { break };
            open.swap_remove(at);
        }
    }
    open
}

impl Copy<'_> {
    /// Whether the sender of the first mail died, or its attempt failed, between the mail and the settlement of its task;
    /// or whether the sender of the second had been frozen with the task in hand, sent it after all, and died.
    fn is_interrupted(&self, evidence: &[Evidence]) -> bool {
        let (first, again) = (self.first, self.again);
        let unsettled = first.at_ms..=again.at_ms.min(first.at_ms + UNSETTLED_MS);
        // A mail that is on its way arrives though its sender dies.
        let died_since = first.at_ms.saturating_sub(ON_THE_WAY_MS)..=*unsettled.end();
        let thawed = first.at_ms..=again.at_ms + ON_THE_WAY_MS;
        let late = again.at_ms..=again.at_ms + UNSETTLED_MS;
        let happened = |by: &str, when: &RangeInclusive<u64>, what: &dyn Fn(&Sign) -> bool| {
            evidence.iter().any(|it| it.by == by && when.contains(&it.at_ms) && what(&it.sign))
        };
        let died = |sign: &Sign| *sign == Sign::Died;
        let failed = |sign: &Sign| matches!(sign, Sign::Failed { username } if username == self.username);
        happened(&first.by, &died_since, &died)
            || happened(&first.by, &unsettled, &failed)
            || happened(&again.by, &thawed, &|sign| *sign == Sign::Thawed)
                && happened(&again.by, &late, &died)
    }

    /// Whether the loss that a process reports can have been that of this task: of its first holder, who was slow to
    /// settle it; or of the one that sent the second mail, who was slow to send it.
    fn could_be_of(&self, evidence: &Evidence) -> bool {
        let until = self.again.at_ms + LATE_MS;
        let settled_late = self.first.at_ms.saturating_sub(ON_THE_WAY_MS)..=until;
        let sent_late = self.again.at_ms.saturating_sub(ON_THE_WAY_MS)..=until;
        evidence.by == self.first.by && settled_late.contains(&evidence.at_ms)
            || evidence.by == self.again.by && sent_late.contains(&evidence.at_ms)
    }
}

/// How many tasks a process says to have lost.
fn losses(sign: &Sign) -> u64 {
    match sign {
        Sign::LeaseLost { .. } | Sign::NotSettled { .. } => 1,
        Sign::PerhapsSettled { count } | Sign::CutOff { count } => *count,
        _ => 0,
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
