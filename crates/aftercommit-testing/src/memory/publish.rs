//! Storing what a relay brings, once.

use aftercommit_core::{
    Enqueue, MARKER_LIFE, Published, Publisher, QueueName, Refusal, Result, State, TaskId,
};
use async_trait::async_trait;

use super::MemoryBackend;
use super::store::{Now, Store};

#[async_trait]
impl Publisher for MemoryBackend {
    async fn publish(&self, batch: &[Enqueue]) -> Result<Vec<Result<Published, Refusal>>> {
        self.check_groups(batch)?;
        let (now, mut store) = (self.both_now(), self.store());
        store.markers.retain(|_, kept_until| *kept_until > now.own);
        let answers: Vec<_> = batch.iter().map(|item| publish_one(&mut store, item, now)).collect();
        drop(store);
        for (item, answer) in batch.iter().zip(&answers) {
            if *answer == Ok(Published::Now) {
                self.wake_for(item);
            }
        }
        Ok(answers)
    }

    async fn forget(&self, tasks: &[(QueueName, TaskId)]) -> Result<()> {
        let mut store = self.store();
        for task in tasks {
            store.markers.remove(task);
        }
        Ok(())
    }

    async fn look(&self, tasks: &[(QueueName, TaskId)]) -> Result<Vec<Option<State>>> {
        let store = self.store();
        let state = |(queue, id): &(QueueName, TaskId)| Some(store.queues.get(queue)?.get(id)?.place.state());
        Ok(tasks.iter().map(state).collect())
    }
}

fn publish_one(store: &mut Store, item: &Enqueue, now: Now) -> Result<Published, Refusal> {
    let key = (item.message.queue.clone(), item.message.id.clone());
    if store.markers.contains_key(&key) {
        return Ok(Published::Before);
    }
    store.enqueue(item, now)?;
    store.markers.insert(key, now.own.plus(MARKER_LIFE));
    Ok(Published::Now)
}
