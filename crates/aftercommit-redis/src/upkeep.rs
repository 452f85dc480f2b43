//! Forwarding what is due, finding what is nobody's, deleting what is over.

use aftercommit_core::{
    ArchiveLimits, Forwarded, Lease, Leased, Orphan, OrphanCause, QueueName, Result, Timestamp, Upkeep,
    WorkerId,
};
use async_trait::async_trait;

use crate::RedisBackend;
use crate::dequeue::Row;
use crate::reply::Reply;
use crate::script::Script;
use crate::unreadable::Holder;
use crate::{time, token};

static FORWARD: Script = Script::new(include_str!("lua/forward.lua"));
static ORPHANS: Script = Script::new(include_str!("lua/orphans.lua"));
static EXPIRE: Script = Script::new(concat!(include_str!("lua/lock.lua"), include_str!("lua/expire.lua")));

/// The most tasks that one script moves, lists or deletes, whatever the caller asks for: Redis serves nobody else
/// meanwhile.
const MAX_ITEMS: usize = 500;

const FORWARDING: &str = "forward due tasks";
const FINDING: &str = "find orphaned tasks";
const EXPIRING: &str = "delete tasks that are over";

#[async_trait]
impl Upkeep for RedisBackend {
    async fn check(&self) -> Result<()> {
        self.link.check().await.map(drop)
    }

    async fn forward(&self, queues: &[QueueName], limit: usize) -> Result<Forwarded> {
        let mut forwarded = Forwarded { moved: 0, next_due: None };
        for queue in queues {
            let left = (limit - forwarded.moved).min(MAX_ITEMS);
            let [moved, next_ms] = self.forward_one(queue, left).await?;
            forwarded.moved += usize::try_from(moved).unwrap_or(0);
            let next = Some(next_ms).filter(|ms| *ms >= 0).map(Timestamp::from_millis);
            forwarded.next_due = [forwarded.next_due, next].into_iter().flatten().min();
        }
        Ok(forwarded)
    }

    async fn orphans(&self, queues: &[QueueName], limit: usize) -> Result<Vec<Orphan>> {
        if limit == 0 || queues.is_empty() {
            return Ok(Vec::new());
        }
        let dead = self.dead_workers(queues).await?;
        let mut orphans = Vec::new();
        for (queue, dead) in queues.iter().zip(dead) {
            let left = (limit - orphans.len()).min(MAX_ITEMS);
            if left > 0 {
                orphans.extend(self.orphans_of(queue, left, &dead).await?);
            }
        }
        Ok(orphans)
    }

    async fn delete_expired(&self, queues: &[QueueName], limit: usize) -> Result<usize> {
        let over = time::second(self.now()).to_string();
        let mut deleted = 0;
        for queue in queues {
            let keys = self.keys(queue);
            deleted += self.expire(&keys.completed, &keys.prefix, limit - deleted, &over, None).await?;
        }
        Ok(deleted)
    }

    async fn trim_archive(
        &self,
        queues: &[QueueName],
        limits: &ArchiveLimits,
        limit: usize,
    ) -> Result<usize> {
        let over = time::second(self.now().minus(limits.max_age)).to_string();
        let mut deleted = 0;
        for queue in queues {
            let (keys, may_stay) = (self.keys(queue), Some(limits.max_tasks));
            deleted += self.expire(&keys.archived, &keys.prefix, limit - deleted, &over, may_stay).await?;
        }
        Ok(deleted)
    }
}

impl RedisBackend {
    async fn forward_one(&self, queue: &QueueName, limit: usize) -> Result<[i64; 2]> {
        let (now, keys) = (self.now(), self.keys(queue));
        let mut call = FORWARD.call(&[&keys.scheduled, &keys.retry, &keys.due, &keys.pending, &keys.groups]);
        call.arg(&keys.prefix).number(now.as_millis()).number(time::nanos(now)).number(limit);
        call.number(time::second_at_or_after(now));
        let [moved, next_ms] = self.link.eval(FORWARDING, &call).await?.into_array(FORWARDING)?;
        Ok([moved.into_int(FORWARDING)?, next_ms.into_int(FORWARDING)?])
    }

    async fn orphans_of(&self, queue: &QueueName, limit: usize, dead: &[WorkerId]) -> Result<Vec<Orphan>> {
        let keys = self.keys(queue);
        let mut call = ORPHANS.call(&[&keys.active, &keys.lease, &keys.owners]);
        call.arg(keys.tasks()).number(time::second(self.lease_now())).number(limit).number(self.next_token());
        for worker in dead {
            call.arg(worker.as_str());
        }
        let mut reply = self.link.eval(FINDING, &call).await?.into_list(FINDING)?.into_iter();
        let dropped = reply.next().unwrap_or(Reply::Int(0)).into_int(FINDING)?;
        if dropped > 0 {
            tracing::warn!(%queue, dropped, "dropped ids without a task, or leases without an active one");
        }
        let mut orphans = Vec::new();
        for found in reply {
            let [cause, id, score, msg, exact, recovered] = found.into_array(FINDING)?;
            let cause = cause_of(cause)?;
            let (token, expires_at) = token::parts(score.into_float(FINDING)?.unwrap_or_default());
            let row = Row::new(queue, id, msg, exact, recovered)?;
            let lease = Lease { queue: queue.clone(), id: row.id.clone(), token, expires_at };
            match row.decode() {
                Ok(message) => {
                    orphans.push(Orphan { leased: Leased { message, lease, stored: row.msg }, cause })
                }
                Err(unreadable) => self.archive_unreadable(&row, unreadable, Holder::Worker).await,
            }
        }
        Ok(orphans)
    }

    async fn expire(
        &self,
        set: &str,
        prefix: &str,
        limit: usize,
        over: &str,
        may_stay: Option<usize>,
    ) -> Result<usize> {
        let mut call = EXPIRE.call(&[set]);
        call.arg(prefix).number(limit.min(MAX_ITEMS)).arg(over);
        match may_stay {
            Some(count) => call.number(count),
            None => call.arg("-1"),
        };
        let deleted = self.link.eval(EXPIRING, &call).await?.into_int(EXPIRING)?;
        Ok(usize::try_from(deleted).unwrap_or(0))
    }
}

fn cause_of(letter: Reply) -> Result<OrphanCause> {
    Ok(match letter.into_bytes(FINDING)?.as_deref() {
        Some(b"w") => OrphanCause::WorkerDead,
        Some(b"n") => OrphanCause::NoLease,
        _ => OrphanCause::LeaseExpired,
    })
}
