//! A task on its way into a script: what `lua/store.lua` takes for one item.

use std::time::Duration;

use aftercommit_core::{Enqueue, Placement};

use crate::exact::Exact;
use crate::keys::QueueKeys;
use crate::message;
use crate::script::Invocation;
use crate::time;

/// Who stores a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A client: a task that comes twice is refused the second time.
    Client,
    /// A relay: a marker tells that it was brought before.
    Relay,
}

/// Adds one item to the arguments.
pub(crate) fn push(call: &mut Invocation, keys: &QueueKeys, item: &Enqueue, origin: Origin) {
    let message = &item.message;
    let lock = item.unique_for.map(|ttl| (keys.unique(&message.task_type, &message.payload), ttl));
    let due = match item.placement {
        Placement::At(due) => Some(due),
        _ => None,
    };
    call.arg(message.id.as_str());
    call.arg(message::encode(message, lock.as_ref().map(|(key, _)| &**key)));
    let exact = Exact::of(message).text();
    let letters = [
        ('m', origin == Origin::Relay),
        ('x', exact.is_some()),
        ('u', lock.is_some()),
        ('s', due.is_some()),
        ('g', message.group.is_some()),
    ];
    call.arg(letters.iter().filter(|(_, here)| *here).map(|(letter, _)| *letter).collect::<String>());
    if let Some(exact) = exact {
        call.arg(exact);
    }
    if let Some((key, ttl)) = lock {
        call.arg(key);
        call.number(millis(ttl));
    }
    if let Some(due) = due {
        call.number(time::second_at_or_after(due)).number(due.as_millis());
    }
    if let Some(group) = &message.group {
        call.arg(group.as_str());
    }
}

/// A length of time for a key's life: Redis takes no zero, and adds it to its own clock without a check.
pub(crate) fn millis(length: Duration) -> u64 {
    const HUNDRED_YEARS_MS: u128 = 100 * 366 * 86_400_000;
    u64::try_from(length.as_millis().clamp(1, HUNDRED_YEARS_MS)).unwrap_or(u64::MAX)
}
