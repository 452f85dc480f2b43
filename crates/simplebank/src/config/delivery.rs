//! How tasks get to Redis: the safe way, or one of the two that the course begins with.

use super::keys::Key;
use super::reader::Reader;
use super::{Role, redis};
use std::time::Duration;

pub(super) const KEYS: &[Key] = &[TASK_DELIVERY];
const TASK_DELIVERY: Key = Key::new(
    "TASK_DELIVERY",
    "outbox",
    "How tasks get to Redis: `outbox`, committed with the data and published by a relay; `direct`, from within the \
     transaction; `direct_no_tx`, after the commit. The latter two lose tasks, and are there to be seen doing it.",
)
.refused_in_production("`direct`, `direct_no_tx`");

/// How long a task waits in the direct modes, where the course hopes that the commit is done by then.
const HOPE: Duration = Duration::from_secs(10);

/// How tasks get to Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskDelivery {
    /// Committed with the data, published by a relay.
    Outbox,
    /// Enqueued inside the transaction, before its commit.
    Direct,
    /// Enqueued after the commit.
    DirectNoTx,
}

impl TaskDelivery {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let delivery = reader.read(&TASK_DELIVERY, |text| match text {
            "outbox" => Ok(Self::Outbox),
            "direct" => Ok(Self::Direct),
            "direct_no_tx" => Ok(Self::DirectNoTx),
            _ => Err("outbox, direct or direct_no_tx".to_owned()),
        })?;
        if let Some(loses) = delivery.loses() {
            check_direct(reader, loses);
        }
        Some(delivery)
    }

    /// How long a task waits for its first attempt where nothing else is said.
    pub(super) const fn usual_delay(self) -> Duration {
        match self {
            Self::Outbox => Duration::ZERO,
            Self::Direct | Self::DirectNoTx => HOPE,
        }
    }

    /// What goes wrong this way sooner or later.
    const fn loses(self) -> Option<&'static str> {
        match self {
            Self::Outbox => None,
            Self::Direct => Some(
                "TASK_DELIVERY=direct enqueues before the commit: without Redis nobody can sign up, a commit that \
                 fails leaves a task without a user, and a commit that takes longer than TASK_PROCESS_IN a user \
                 without a mail",
            ),
            Self::DirectNoTx => Some(
                "TASK_DELIVERY=direct_no_tx enqueues after the commit: if Redis is away then, or this process dies, \
                 the user stays and the mail is lost",
            ),
        }
    }
}

fn check_direct(reader: &mut Reader, loses: &str) {
    if reader.is_production() {
        reader.fault(&TASK_DELIVERY, "loses tasks, for trying things out only: production needs outbox");
    }
    if reader.role() == Role::Relay {
        reader.fault(&TASK_DELIVERY, "leaves nothing for a relay: it publishes what outbox commits");
    } else if !reader.is_given(&redis::ADDRESS) {
        reader.fault(&TASK_DELIVERY, "enqueues to Redis: REDIS_ADDRESS must say where that is");
    }
    if reader.role().serves() {
        reader.notice(loses);
    }
}
