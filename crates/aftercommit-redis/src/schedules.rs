//! The records of schedulers, where Go's tools look for them.

use std::time::Duration;

use aftercommit_core::{
    ENQUEUE_EVENTS_LIFE, EnqueueEvent, MAX_ENQUEUE_EVENTS, Page, Result, ScheduleEntry, SchedulerId,
    Schedules,
};
use async_trait::async_trait;
use bytes::Bytes;

use crate::RedisBackend;
use crate::command::Command;
use crate::item::millis;
use crate::keys::{self, SCHEDULERS};
use crate::{scheduler_entry, time};

const ANNOUNCING: &str = "announce schedule entries";
const READING: &str = "read schedule entries";
const RECORDING: &str = "record what was enqueued";

#[async_trait]
impl Schedules for RedisBackend {
    async fn announce(
        &self,
        scheduler: &SchedulerId,
        entries: &[ScheduleEntry],
        ttl: Duration,
    ) -> Result<()> {
        let key = keys::scheduler(scheduler);
        let until = time::second_at_or_after(self.now().plus(ttl)).to_string();
        let mut commands = vec![
            Command::new("ZADD").arg(SCHEDULERS).arg(until).arg(key.clone()),
            Command::new("DEL").arg(key.clone()),
        ];
        if !entries.is_empty() {
            // A reader gets the list from its head: pushed at the tail, the entries stand in their own order.
            let records = entries.iter().map(|entry| Bytes::from(scheduler_entry::encode(entry)));
            commands.push(Command::new("RPUSH").arg(key.clone()).args(records));
            commands.push(Command::new("PEXPIRE").arg(key).arg(millis(ttl).to_string()));
        }
        self.do_all(ANNOUNCING, &commands).await
    }

    async fn withdraw(&self, scheduler: &SchedulerId) -> Result<()> {
        let key = keys::scheduler(scheduler);
        let mut commands =
            vec![Command::new("ZREM").arg(SCHEDULERS).arg(key.clone()), Command::new("DEL").arg(key.clone())];
        let own = self.entries_of(std::slice::from_ref(&key)).await?;
        let mut others = self.believed(SCHEDULERS, READING).await?;
        others.retain(|other| *other != key);
        let others = self.entries_of(&others).await?;
        // The history of an entry that another scheduler has too is that one's as well.
        let alone = own.iter().filter(|entry| others.iter().all(|other| other.id != entry.id));
        commands.extend(alone.map(|entry| Command::new("DEL").arg(keys::scheduler_history(&entry.id))));
        self.do_all(ANNOUNCING, &commands).await
    }

    async fn entries(&self) -> Result<Vec<ScheduleEntry>> {
        let mut keys = self.believed(SCHEDULERS, READING).await?;
        keys.sort();
        self.entries_of(&keys).await
    }

    async fn record(&self, entry: &str, event: &EnqueueEvent) -> Result<()> {
        let key = keys::scheduler_history(entry);
        let keep = format!("-{}", MAX_ENQUEUE_EVENTS + 1);
        let commands = [
            Command::new("ZADD")
                .arg(key.clone())
                .arg(time::second(event.at).to_string())
                .arg(scheduler_entry::encode_event(event)),
            Command::new("ZREMRANGEBYRANK").arg(key.clone()).arg("0").arg(keep),
            Command::new("PEXPIRE").arg(key).arg(millis(ENQUEUE_EVENTS_LIFE).to_string()),
        ];
        self.do_all(RECORDING, &commands).await
    }

    async fn events(&self, entry: &str, page: Page) -> Result<Vec<EnqueueEvent>> {
        let Some(last) = page.limit.checked_sub(1) else { return Ok(Vec::new()) };
        let command = Command::new("ZREVRANGE")
            .arg(keys::scheduler_history(entry))
            .arg(page.offset.to_string())
            .arg(page.offset.saturating_add(last).to_string());
        let mut events = Vec::new();
        for record in self.link.command(READING, command).await?.into_list(READING)? {
            let record = record.into_bytes(READING)?.unwrap_or_default();
            events.extend(scheduler_entry::decode_event(&record));
        }
        Ok(events)
    }
}

impl RedisBackend {
    /// What stands in these lists; what cannot be read is left out, as in Go.
    async fn entries_of(&self, keys: &[String]) -> Result<Vec<ScheduleEntry>> {
        let commands: Vec<Command> =
            keys.iter().map(|key| Command::new("LRANGE").arg(key.clone()).arg("0").arg("-1")).collect();
        let mut entries = Vec::new();
        for records in self.link.pipeline(READING, &commands).await {
            for record in records?.into_list(READING)? {
                let record = record.into_bytes(READING)?.unwrap_or_default();
                entries.extend(scheduler_entry::decode(record).ok());
            }
        }
        Ok(entries)
    }

    /// The members of an index that are believed now; the others are taken out of it.
    pub(crate) async fn believed(&self, index: &'static str, doing: &'static str) -> Result<Vec<String>> {
        let now = time::second(self.now());
        let commands = [
            Command::new("ZREMRANGEBYSCORE").arg(index).arg("-inf").arg(format!("({now}")),
            Command::new("ZRANGEBYSCORE").arg(index).arg(format!("({now}")).arg("+inf"),
        ];
        let mut replies = self.link.pipeline(doing, &commands).await.into_iter();
        if let Some(removed) = replies.next() {
            removed?;
        }
        let mut members = Vec::new();
        for member in replies.next().transpose()?.map_or(Ok(Vec::new()), |reply| reply.into_list(doing))? {
            let member = member.into_bytes(doing)?.unwrap_or_default();
            members.push(String::from_utf8_lossy(&member).into_owned());
        }
        Ok(members)
    }

    /// Runs commands in one round trip, for their effect.
    pub(crate) async fn do_all(&self, doing: &'static str, commands: &[Command]) -> Result<()> {
        self.link.pipeline(doing, commands).await.into_iter().try_for_each(|reply| reply.map(drop))
    }
}
