//! Taking tasks, and giving back what was taken when the answer is lost.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{
    Lease, LeaseGrant, LeaseToken, Leased, QueueName, Quota, Result, TaskId, Timestamp, WorkerId,
};
use bytes::Bytes;

use crate::RedisBackend;
use crate::keys::QueueKeys;
use crate::link::Shape;
use crate::message::{self, Decoded};
use crate::reply::Reply;
use crate::script::Script;
use crate::unreadable::Holder;
use crate::{time, token};

static DEQUEUE: Script = Script::new(include_str!("lua/dequeue.lua"));
static RETURN_LOST: Script = Script::new(include_str!("lua/return_lost.lua"));

/// The most tasks that one script takes.
const MAX_TASKS: usize = 500;

const DOING: &str = "dequeue tasks";

/// How rarely a lost dequeue is looked for again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A dequeue whose answer was lost: what it may have taken is nobody's. It may also be on its way still, for a network that
/// was cut delivers late what it was given before. So it is looked for until it is found, or the leases that it could have
/// given are over.
#[derive(Debug, Clone)]
pub(crate) struct LostFetch {
    queues: Vec<QueueName>,
    token: LeaseToken,
    worker: WorkerId,
    expires_at: Timestamp,
    looked_at: Option<Timestamp>,
}

impl LostFetch {
    fn is_to_be_looked_for(&self, now: Timestamp) -> bool {
        self.looked_at.is_none_or(|looked_at| now.since(looked_at) >= LOOK_AGAIN)
    }
}

/// Which worker has a task, and under which token: what stands beside the task.
pub(crate) fn owner(token: LeaseToken, worker: &WorkerId) -> String {
    format!("{token}|{worker}")
}

impl RedisBackend {
    /// At most [`MAX_TASKS`] tasks, in one round trip; on a cluster in one for each queue.
    pub(crate) async fn take(&self, quotas: &[Quota], grant: &LeaseGrant) -> Result<Vec<Leased>> {
        self.return_lost().await?;
        let token = self.next_token();
        let expires_at = self.now().plus(grant.duration);
        let fetch = LostFetch {
            queues: quotas.iter().map(|quota| quota.queue.clone()).collect(),
            token,
            worker: grant.worker.clone(),
            expires_at,
            looked_at: None,
        };
        // Kept while the call is under way, so that a call that is dropped half-way counts as lost as well.
        let pending = PendingFetch { backend: self, fetch: Some(fetch) };
        let ends = self.lease_now().plus(grant.duration);
        let taken = self.take_some(quotas, token, ends, &grant.worker).await;
        match taken {
            Ok(rows) => {
                pending.answered();
                self.lease(rows, token, expires_at).await
            }
            Err(error) => Err(error),
        }
    }

    async fn take_some(
        &self,
        quotas: &[Quota],
        token: LeaseToken,
        ends: Timestamp,
        worker: &WorkerId,
    ) -> Result<Vec<Row>> {
        let right = Right { score: token::score(ends, token), owner: owner(token, worker), worker };
        let wanted = quotas.iter().map(|quota| quota.count).sum::<usize>().min(MAX_TASKS);
        let mut rows = Vec::with_capacity(wanted);
        if self.link.shape() == Shape::Cluster {
            // Queues lie on different nodes: each is asked by itself, first for its quota, then for what is left.
            for spill in [false, true] {
                for quota in quotas {
                    let left = wanted - rows.len();
                    let count = if spill { left } else { quota.count.min(left) };
                    if count > 0 {
                        let quota = [Quota { queue: quota.queue.clone(), count }];
                        rows.extend(self.take_once(&quota, wanted, &right).await?);
                    }
                }
            }
        } else {
            rows = self.take_once(quotas, wanted, &right).await?;
        }
        Ok(rows)
    }

    async fn take_once(&self, quotas: &[Quota], wanted: usize, right: &Right<'_>) -> Result<Vec<Row>> {
        let keys: Vec<Arc<QueueKeys>> = quotas.iter().map(|quota| self.keys(&quota.queue)).collect();
        let names: Vec<&str> = keys
            .iter()
            .flat_map(|keys| [&*keys.paused, &*keys.pending, &*keys.active, &*keys.lease, &*keys.owners])
            .collect();
        let mut call = DEQUEUE.call(&names);
        call.arg(&right.score).arg(&right.owner).arg(right.worker.as_str());
        let mut left = wanted;
        for (quota, keys) in quotas.iter().zip(&keys) {
            let count = quota.count.min(left);
            left -= count;
            call.arg(keys.tasks()).number(count);
        }
        let mut reply = self.link.eval(DOING, &call).await?.into_list(DOING)?.into_iter();
        let ghosts = reply.next().unwrap_or(Reply::Int(0)).into_int(DOING)?;
        if ghosts > 0 {
            tracing::warn!(ghosts, "dropped pending task ids that had no task");
        }
        let mut rows = Vec::new();
        for (quota, taken) in quotas.iter().zip(reply) {
            let mut values = taken.into_list(DOING)?.into_iter();
            while let Some(id) = values.next() {
                let mut next = || values.next().unwrap_or(Reply::Nil);
                rows.push(Row::new(&quota.queue, id, next(), next(), next())?);
            }
        }
        Ok(rows)
    }

    /// Decodes what was taken. What cannot be read is archived, with the reason.
    async fn lease(&self, rows: Vec<Row>, token: LeaseToken, expires_at: Timestamp) -> Result<Vec<Leased>> {
        let mut leased = Vec::with_capacity(rows.len());
        for row in rows {
            let lease = Lease { queue: row.queue.clone(), id: row.id.clone(), token, expires_at };
            match row.decode() {
                Ok(message) => leased.push(Leased { message, lease, stored: row.msg }),
                Err(unreadable) => self.archive_unreadable(&row, unreadable, Holder::Worker).await,
            }
        }
        Ok(leased)
    }

    /// Puts back what earlier calls took without our hearing of it.
    async fn return_lost(&self) -> Result<()> {
        let now = self.now();
        let lost: Vec<LostFetch> =
            self.lost_fetches().iter().filter(|fetch| fetch.is_to_be_looked_for(now)).cloned().collect();
        for fetch in lost {
            let returned = self.return_taken(&fetch, now).await?;
            // On a cluster it was several calls, of which others may come later.
            let is_over = now >= fetch.expires_at || (returned > 0 && self.link.shape() == Shape::Single);
            let mut lost = self.lost_fetches();
            lost.retain(|other| other.token != fetch.token || !is_over);
            for other in lost.iter_mut().filter(|other| other.token == fetch.token) {
                other.looked_at = Some(now);
            }
        }
        Ok(())
    }

    async fn return_taken(&self, lost: &LostFetch, now: Timestamp) -> Result<i64> {
        let call = |keys: &Arc<QueueKeys>| {
            let mut call = RETURN_LOST.call(&[&keys.active, &keys.lease, &keys.pending]);
            call.arg(keys.tasks()).number(lost.token).arg(owner(lost.token, &lost.worker));
            call.number(time::nanos(now));
            call
        };
        let calls: Vec<_> = lost.queues.iter().map(|queue| call(&self.keys(queue))).collect();
        let mut returned = 0;
        for reply in self.link.eval_all(DOING, &calls).await {
            returned += reply?.into_int(DOING)?;
        }
        if returned > 0 {
            tracing::info!(returned, "put back tasks of a dequeue whose answer was lost");
        }
        Ok(returned)
    }
}

/// Under what a dequeue takes tasks.
struct Right<'a> {
    score: String,
    owner: String,
    worker: &'a WorkerId,
}

/// Notes a fetch as lost unless it is answered.
struct PendingFetch<'a> {
    backend: &'a RedisBackend,
    fetch: Option<LostFetch>,
}

impl PendingFetch<'_> {
    fn answered(mut self) {
        self.fetch = None;
    }
}

impl Drop for PendingFetch<'_> {
    fn drop(&mut self) {
        /// A worker fetches one batch at a time, so there are few; beyond this their leases run out instead.
        const MAX_LOST: usize = 64;
        if let Some(fetch) = self.fetch.take() {
            let mut lost = self.backend.lost_fetches();
            if lost.len() < MAX_LOST {
                lost.push(fetch);
            }
        }
    }
}

/// A task as the scripts hand it out.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) queue: QueueName,
    /// As it can be shown; [`Self::stored_id`] is what stands in Redis.
    pub(crate) id: TaskId,
    pub(crate) stored_id: Bytes,
    pub(crate) msg: Bytes,
    exact: Option<Bytes>,
    recovered: Option<Bytes>,
}

impl Row {
    pub(crate) fn new(
        queue: &QueueName,
        id: Reply,
        msg: Reply,
        exact: Reply,
        recovered: Reply,
    ) -> Result<Self> {
        let stored_id = id.into_bytes(DOING)?.unwrap_or_default();
        Ok(Self {
            queue: queue.clone(),
            id: shown_id(&stored_id),
            stored_id,
            msg: msg.into_bytes(DOING)?.unwrap_or_default(),
            exact: exact.into_bytes(DOING)?,
            recovered: recovered.into_bytes(DOING)?,
        })
    }

    pub(crate) fn decode(&self) -> Result<aftercommit_core::Message, message::Undecodable> {
        let Decoded { mut message, .. } =
            message::decode(&self.msg, self.exact.as_deref(), &self.queue, self.id.clone())?;
        if self.id.as_str().as_bytes() != self.stored_id {
            // Go takes any bytes for an id. Nobody of ours could name this task, so nobody could settle it.
            return Err(message::Undecodable::new("the id of the task is no text".to_owned(), message));
        }
        message.recovered = count(self.recovered.as_deref());
        Ok(message)
    }
}

/// An id as it stands in Redis, as far as it is text.
pub(crate) fn shown_id(stored: &[u8]) -> TaskId {
    TaskId::from_stored(&String::from_utf8_lossy(stored))
}

/// A count in a hash field; what is no number counts as none.
pub(crate) fn count(text: Option<&[u8]>) -> u32 {
    text.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok()).unwrap_or(0)
}
