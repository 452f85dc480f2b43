//! Settling tasks and extending leases: only the holder of the current lease may.

use std::time::Duration;

use aftercommit_core::{
    Error, Lease, LeaseLost, LeaseToken, Outcome, QueueName, RequeueCause, Result, Settlement, Timestamp,
};

use crate::RedisBackend;
use crate::by_queue::by_queue;
use crate::exact::Exact;
use crate::message;
use crate::patch::{Change, Patch};
use crate::reply::Reply;
use crate::script::{Invocation, Script};
use crate::{time, token};

static SETTLE: Script = Script::new(include_str!("lua/settle.lua"));
static EXTEND: Script = Script::new(include_str!("lua/extend.lua"));

/// The most tasks that one script settles.
const MAX_ITEMS: usize = 500;
/// The most leases that one script extends.
const MAX_LEASES: usize = 1_000;
/// How long the counts of a day are kept, as asynq has it.
const DAY_COUNTS_KEPT: Duration = Duration::from_secs(90 * 86_400);

const SETTLING: &str = "settle tasks";
const EXTENDING: &str = "extend leases";

impl RedisBackend {
    pub(crate) async fn settle_batch(&self, batch: &[Settlement]) -> Result<Vec<Result<(), LeaseLost>>> {
        let groups = by_queue(batch, |item| &item.leased.lease.queue, MAX_ITEMS);
        let mut calls = Vec::with_capacity(groups.len());
        for group in &groups {
            calls.push(self.settle_call(group.queue, &group.items)?);
        }
        let mut answers = vec![Ok(()); batch.len()];
        for (group, reply) in groups.iter().zip(self.link.eval_all(SETTLING, &calls).await) {
            for lost in reply?.into_list(SETTLING)? {
                let place = usize::try_from(lost.into_int(SETTLING)?).ok().and_then(|it| it.checked_sub(1));
                let item = place.and_then(|place| group.items.get(place));
                let (index, _) = item.ok_or_else(|| {
                    Error::store(SETTLING, "redis answered about a task that it was not asked about")
                })?;
                answers[*index] = Err(LeaseLost);
            }
        }
        Ok(answers)
    }

    fn settle_call(&self, queue: &QueueName, items: &[(usize, &Settlement)]) -> Result<Invocation> {
        let (now, keys) = (self.now(), self.keys(queue));
        let mut call = SETTLE.call(&[
            &keys.active,
            &keys.lease,
            &keys.pending,
            &keys.completed,
            &keys.retry,
            &keys.archived,
            &keys.due,
            &keys.processed,
            &keys.failed,
            &keys.processed_on(now),
            &keys.failed_on(now),
        ]);
        call.arg(keys.tasks()).number(time::second(now)).number(time::nanos(now));
        call.number(DAY_COUNTS_KEPT.as_secs());
        for run in items.chunk_by(|(_, one), (_, next)| Run::of(one) == Run::of(next)) {
            if let [(_, first), ..] = run {
                Run::of(first).push(&mut call, run.len());
            }
            for (_, item) in run {
                push(&mut call, item, now)?;
            }
        }
        Ok(call)
    }

    pub(crate) async fn extend_batch(
        &self,
        leases: &[Lease],
        duration: Duration,
    ) -> Result<Vec<Result<Timestamp, LeaseLost>>> {
        let until = self.now().plus(duration);
        let groups = by_queue(leases, |lease| &lease.queue, MAX_LEASES);
        let calls = groups.iter().map(|group| {
            let mut call = EXTEND.call(&[&self.keys(group.queue).lease]);
            call.number(time::second_at_or_after(self.lease_now().plus(duration)));
            for (_, lease) in &group.items {
                call.arg(lease.id.as_str()).number(lease.token);
            }
            call
        });
        let calls: Vec<Invocation> = calls.collect();
        let mut answers = vec![Err(LeaseLost); leases.len()];
        for (group, reply) in groups.iter().zip(self.link.eval_all(EXTENDING, &calls).await) {
            for ((index, _), reply) in group.items.iter().zip(reply?.into_list(EXTENDING)?) {
                answers[*index] = holds(reply, EXTENDING)?.map(|()| until);
            }
        }
        Ok(answers)
    }
}

fn holds(reply: Reply, doing: &'static str) -> Result<Result<(), LeaseLost>> {
    Ok(if reply.into_int(doing)? == 1 { Ok(()) } else { Err(LeaseLost) })
}

/// What items have in common that stand in one run.
#[derive(Debug, PartialEq, Eq)]
struct Run {
    token: LeaseToken,
    expires_at: Timestamp,
    outcome: &'static str,
}

impl Run {
    fn of(item: &Settlement) -> Self {
        let lease = &item.leased.lease;
        let outcome = match &item.outcome {
            Outcome::Done if message::unique_key(&item.leased.stored).is_none() => "D",
            Outcome::Done => "d",
            Outcome::Complete { .. } => "c",
            Outcome::Retry { .. } => "r",
            Outcome::Snooze { .. } => "s",
            Outcome::Archive { .. } => "a",
            Outcome::Requeue(RequeueCause::Recovered) => "Q",
            Outcome::Requeue(RequeueCause::Returned) => "q",
        };
        Self { token: lease.token, expires_at: lease.expires_at, outcome }
    }

    fn push(&self, call: &mut Invocation, count: usize) {
        call.arg(token::proof(self.token, self.expires_at)).arg(token::score(self.expires_at, self.token));
        call.arg(self.outcome).number(count);
    }
}

/// Adds one item to the arguments. A message is written back by patching the bytes that were read, so that what we do
/// not understand of it survives.
fn push(call: &mut Invocation, item: &Settlement, now: Timestamp) -> Result<()> {
    let (message, stored) = (&item.leased.message, &item.leased.stored);
    call.arg(item.leased.lease.id.as_str());
    let patched = |call: &mut Invocation, patch: Patch<'_>| {
        let bytes = patch.apply(stored).map_err(|error| Error::store(SETTLING, error.to_string()))?;
        call.arg(bytes);
        call.arg(patch.exact(Exact::of(message)).unwrap_or_default());
        Ok(())
    };
    let failed = |error, retried| Patch {
        error: Change::Set(error),
        last_failed_at: Change::Set(now),
        retried,
        ..Patch::default()
    };
    match &item.outcome {
        Outcome::Done => {
            if let Some(lock) = message::unique_key(stored) {
                call.arg(lock);
            }
        }
        Outcome::Complete { retention, result } => {
            call.arg(message::unique_key(stored).unwrap_or_default());
            patched(call, Patch { completed_at: Change::Set(now), ..Patch::default() })?;
            call.arg(result.as_ref().map(|result| [b"+", &**result].concat()).unwrap_or_default());
            call.number(time::second_at_or_after(now.plus(*retention)));
        }
        Outcome::Retry { at, error } => {
            patched(call, failed(error, Change::Set(message.retried.saturating_add(1))))?;
            push_due(call, *at);
        }
        Outcome::Snooze { at, error } => {
            patched(call, failed(error, Change::Keep))?;
            push_due(call, *at);
        }
        Outcome::Archive { error } => {
            patched(call, failed(error, Change::Keep))?;
        }
        Outcome::Requeue(_) => {}
    }
    Ok(())
}

fn push_due(call: &mut Invocation, at: Timestamp) {
    call.number(time::second_at_or_after(at)).number(at.as_millis());
}
