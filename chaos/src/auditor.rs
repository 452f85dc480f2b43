//! The auditor: judges a run by the stores, the effect log, and the lines of the processes that explain why something
//! ran twice. It asks nobody who took part.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::alibi::{Copy, robbed, unexplained};
use crate::books::Books;
use crate::effects::Effect;
use crate::evidence::{Evidence, Sign};
use crate::load::{Ledger, address_of};

/// How many findings of a kind are told in words.
const WORDS_MAX: usize = 5;

/// What an audit came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// Sign-ups that were asked for.
    pub attempted: u64,
    /// Of these, those that were answered with a user.
    pub acknowledged: u64,
    /// Users in the database, each with one task.
    pub committed: u64,
    /// Of these, those whose address has been sent the one code that verifies it.
    pub ok: u64,
    /// Acknowledged or committed, and not there, not done, or never sent a mail.
    pub lost: u64,
    /// Ran although its transaction rolled back, or before it committed.
    pub unexpected: u64,
    /// Mails beyond the first to an address, where a lost lease, a dead worker or a failed attempt is on record.
    pub duplicated_explained: u64,
    /// Mails beyond the first to an address, where nothing is.
    pub duplicated_unexplained: u64,
    /// Tasks that were taken back from a worker that was gone.
    pub recovered: u64,
    /// Settlements that were accepted from an attempt that did not hold the task any more.
    pub stale_accepted: u64,
    /// Addresses that were sent, or could be verified with, another code than the one.
    pub wrong_codes: u64,
    /// Clients that were told nothing, or something wrong, however often they asked.
    pub unanswered: u64,
    /// Batches that came to Redis a second time and were recognised.
    pub republished: u64,
    /// Examples of what must not be, in words.
    pub words: Vec<String>,
}

/// What is on the table of the auditor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) books: &'a Books,
    pub(crate) effects: &'a [Effect],
    pub(crate) evidence: &'a [Evidence],
}

impl Findings {
    /// The sum of what must be zero.
    #[must_use]
    pub const fn faults(&self) -> u64 {
        self.lost
            + self.unexpected
            + self.duplicated_unexplained
            + self.stale_accepted
            + self.wrong_codes
            + self.unanswered
    }

    fn say(&mut self, what: &str, who: &[String]) {
        if !who.is_empty() {
            let some = who.iter().take(WORDS_MAX).cloned().collect::<Vec<_>>().join(", ");
            self.words.push(format!("{what} ({}): {some}", who.len()));
        }
    }
}

/// Judges a bank at rest.
pub(crate) fn judge(case: Case<'_>) -> Findings {
    let mut findings = Findings {
        attempted: count(case.ledger.attempted.len()),
        acknowledged: count(case.ledger.acknowledged.len()),
        committed: count(case.books.users.len()),
        unanswered: count(case.ledger.unanswered.len() + case.ledger.refused.len()),
        ..Findings::default()
    };
    let unanswered: Vec<String> = case.ledger.unanswered.iter().cloned().collect();
    findings.say("unanswered", &unanswered);
    findings.say("refused", &case.ledger.refused);
    let mut by_address: BTreeMap<&str, Vec<&Effect>> = BTreeMap::new();
    for effect in case.effects {
        by_address.entry(&effect.to).or_default().push(effect);
    }
    judge_losses(&mut findings, case, &by_address);
    judge_ghosts(&mut findings, case);
    judge_copies(&mut findings, case, &by_address);
    judge_settlements(&mut findings, case);
    findings
}

fn judge_losses(findings: &mut Findings, case: Case<'_>, by_address: &BTreeMap<&str, Vec<&Effect>>) {
    let missing: Vec<String> = case
        .ledger
        .acknowledged
        .iter()
        .filter(|name| !case.books.users.contains_key(*name))
        .cloned()
        .collect();
    let (mut silent, mut wrong) = (Vec::new(), Vec::new());
    for (username, address) in &case.books.users {
        let sent: BTreeSet<&str> =
            by_address.get(&**address).into_iter().flatten().map(|effect| &*effect.code_hash).collect();
        let stored = case.books.codes.get(username);
        if sent.is_empty() {
            silent.push(username.clone());
        } else if sent.len() == 1 && stored.is_some_and(|stored| stored.iter().map(|hash| &**hash).eq(sent)) {
            findings.ok += 1;
        } else {
            wrong.push(username.clone());
        }
    }
    findings.say("lost: told to be users, and are none", &missing);
    findings.say("lost: users without a mail", &silent);
    findings.say("not one code that verifies", &wrong);
    // Who has no mail has no task that is done, and is counted once.
    findings.lost = count(missing.len()) + count(silent.len()).max(not_done(findings, case));
    findings.wrong_codes = count(wrong.len());
}

/// Tasks that are not done: still there, set aside, or gone from the queue without a settlement.
fn not_done(findings: &mut Findings, case: Case<'_>) -> u64 {
    let Books { unfinished, set_aside, succeeded, .. } = *case.books;
    let there = unfinished + set_aside;
    if there > 0 {
        findings.words.push(format!("lost: {unfinished} tasks are not done, {set_aside} were set aside"));
    }
    let gone = match forgotten(case.evidence) {
        true => 0,
        false => findings.committed.saturating_sub(succeeded + there),
    };
    if gone > 0 {
        findings.words.push(format!("lost: {gone} tasks left the queue without a settlement"));
    }
    there + gone
}

/// Whether the store that counts settlements has lost its counts.
fn forgotten(evidence: &[Evidence]) -> bool {
    evidence.iter().any(|evidence| evidence.sign == Sign::StoreForgot)
}

fn judge_ghosts(findings: &mut Findings, case: Case<'_>) {
    let addresses: BTreeSet<&str> = case.books.users.values().map(|address| &**address).collect();
    let mut ghosts: Vec<String> = case
        .effects
        .iter()
        .filter(|effect| !addresses.contains(&*effect.to))
        .map(|effect| format!("a mail to {} at {} ms, who is no user", effect.to, effect.at_ms))
        .collect();
    for evidence in case.evidence {
        if let Sign::NoSuchUser { username } = &evidence.sign {
            let Evidence { by, at_ms, .. } = evidence;
            ghosts.push(format!("{by} ran the task of {username} at {at_ms} ms, who was no user yet"));
        }
    }
    findings.unexpected += count(ghosts.len());
    findings.say("unexpected", &ghosts);
}

fn judge_copies(findings: &mut Findings, case: Case<'_>, by_address: &BTreeMap<&str, Vec<&Effect>>) {
    let usernames: BTreeMap<String, &str> =
        case.ledger.attempted.iter().map(|name| (address_of(name), &**name)).collect();
    let mut copies = Vec::new();
    for (address, effects) in by_address {
        let username = usernames.get(*address).copied().unwrap_or_default();
        copies.extend(effects.windows(2).map(|pair| Copy { username, first: pair[0], again: pair[1] }));
    }
    let all = count(copies.len());
    let unexplained: Vec<String> = unexplained(copies, case.evidence)
        .into_iter()
        .map(|Copy { first, again, .. }| {
            let (to, by, at) = (&first.to, &first.by, first.at_ms);
            format!("{to} by {by} at {at} ms and by {} at {} ms", again.by, again.at_ms)
        })
        .collect();
    findings.duplicated_explained += all - count(unexplained.len());
    findings.duplicated_unexplained += count(unexplained.len());
    findings.say("unexplained copies", &unexplained);
}

/// Each task is settled as done once. More often: an attempt was believed that did not hold its task. And who holds a
/// task loses it only to somebody who took it.
fn judge_settlements(findings: &mut Findings, case: Case<'_>) {
    let (accepted, committed) = (case.books.succeeded, findings.committed);
    let surplus = accepted.saturating_sub(committed);
    if surplus > 0 {
        findings.words.push(format!("stale: {accepted} settlements were accepted for {committed} tasks"));
    }
    let robbed = robbed(case.evidence);
    findings.say("stale: lost by their last holder, to nobody", &robbed);
    findings.stale_accepted += surplus + count(robbed.len());
    let recovered = case.evidence.iter().filter_map(|evidence| match &evidence.sign {
        Sign::Recovered { task } => Some(task),
        _ => None,
    });
    findings.recovered = count(recovered.collect::<BTreeSet<_>>().len());
    findings.republished =
        count(case.evidence.iter().filter(|evidence| evidence.sign == Sign::Republished).count());
}

fn count(number: usize) -> u64 {
    u64::try_from(number).expect("a count fits")
}

#[cfg(test)]
mod tests;
