//! What schedulers tell operators about themselves.

use std::collections::VecDeque;
use std::time::Duration;

use aftercommit_core::{
    ENQUEUE_EVENTS_LIFE, EnqueueEvent, MAX_ENQUEUE_EVENTS, Page, Result, ScheduleEntry, SchedulerId,
    Schedules,
};
use async_trait::async_trait;

use super::MemoryBackend;
use super::store::{Events, Scheduler};

#[async_trait]
impl Schedules for MemoryBackend {
    async fn announce(
        &self,
        scheduler: &SchedulerId,
        entries: &[ScheduleEntry],
        ttl: Duration,
    ) -> Result<()> {
        let said = Scheduler { entries: entries.to_vec(), believed_until: self.both_now().own.plus(ttl) };
        self.store().schedulers.insert(scheduler.clone(), said);
        Ok(())
    }

    async fn withdraw(&self, scheduler: &SchedulerId) -> Result<()> {
        let (now, mut store) = (self.both_now().own, self.store());
        let Some(gone) = store.schedulers.remove(scheduler) else { return Ok(()) };
        store.schedulers.retain(|_, other| other.believed_until > now);
        for entry in gone.entries {
            let mut others = store.schedulers.values().flat_map(|other| &other.entries);
            if !others.any(|other| other.id == entry.id) {
                store.events.remove(&entry.id);
            }
        }
        Ok(())
    }

    async fn entries(&self) -> Result<Vec<ScheduleEntry>> {
        let (now, store) = (self.both_now().own, self.store());
        let alive = store.schedulers.values().filter(|scheduler| scheduler.believed_until > now);
        Ok(alive.flat_map(|scheduler| scheduler.entries.iter().cloned()).collect())
    }

    async fn record(&self, entry: &str, event: &EnqueueEvent) -> Result<()> {
        let (now, mut store) = (self.both_now().own, self.store());
        store.events.retain(|_, events| events.kept_until > now);
        let kept_until = now.plus(ENQUEUE_EVENTS_LIFE);
        let fresh = || Events { newest_first: VecDeque::new(), kept_until };
        let events = store.events.entry(entry.to_owned()).or_insert_with(fresh);
        events.kept_until = kept_until;
        let older = events.newest_first.partition_point(|earlier| earlier.at > event.at);
        events.newest_first.insert(older, event.clone());
        events.newest_first.truncate(MAX_ENQUEUE_EVENTS);
        Ok(())
    }

    async fn events(&self, entry: &str, page: Page) -> Result<Vec<EnqueueEvent>> {
        let (now, store) = (self.both_now().own, self.store());
        let kept = store.events.get(entry).filter(|events| events.kept_until > now);
        let events = kept.into_iter().flat_map(|events| &events.newest_first);
        Ok(events.skip(page.offset).take(page.limit).cloned().collect())
    }
}
