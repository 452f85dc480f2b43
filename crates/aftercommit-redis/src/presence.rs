//! Which workers are alive, and what they are running, where Go's tools look for it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::time::Duration;

use aftercommit_core::{Cancellations, Presence, QueueName, Result, TaskId, Timestamp, WorkerId, WorkerInfo};
use async_trait::async_trait;
use bytes::Bytes;

use crate::RedisBackend;
use crate::backend::whole;
use crate::command::Command;
use crate::item::millis;
use crate::keys::{self, CANCEL, SERVERS, WORKERS};
use crate::reply::Reply;
use crate::{server, time};

const BEATING: &str = "say that a worker is alive";
const READING: &str = "read the workers";

/// What each of our workers said last, so that a beat sends only what is new.
#[derive(Debug, Default)]
pub(crate) struct Said(Mutex<HashMap<WorkerId, Running>>);

/// The tasks that stand in a worker's record, with their starts: a task may run again.
type Running = BTreeMap<TaskId, Timestamp>;

#[async_trait]
impl Presence for RedisBackend {
    async fn beat(&self, worker: &WorkerInfo, ttl: Duration) -> Result<()> {
        let (server, running) = (keys::server(&worker.id), keys::workers(&worker.id));
        let until = time::second_at_or_after(self.now().plus(ttl)).to_string();
        let ttl = millis(ttl).to_string();
        let commands = [
            Command::new("PEXPIRE").arg(running.clone()).arg(ttl.clone()),
            Command::new("SET").arg(server.clone()).arg(server::encode(worker)).arg("PX").arg(ttl.clone()),
            Command::new("ZADD").arg(SERVERS).arg(until.clone()).arg(server),
            Command::new("ZADD").arg(WORKERS).arg(until).arg(running.clone()),
            Command::new("TIME"),
        ];
        // What was said before still stands if its key does: then only the difference is sent.
        let mut stands = self.link.pipeline(BEATING, &commands).await;
        // Where nobody may ask for the time, our own clock has to do.
        if let Some(Ok(time)) = stands.pop() {
            self.link.note_time(time);
        }
        let mut stood = false;
        for (index, reply) in stands.into_iter().enumerate() {
            let reply = reply?;
            stood |= index == 0 && reply == Reply::Int(1);
        }
        let said = whole(&self.said.0).remove(&worker.id).filter(|_| stood);
        let now_running: Running =
            worker.running.iter().map(|task| (task.id.clone(), task.started_at)).collect();
        let changes = changes(worker, &running, said.as_ref(), &ttl);
        self.do_all(BEATING, &changes).await?;
        whole(&self.said.0).insert(worker.id.clone(), now_running);
        Ok(())
    }

    async fn leave(&self, worker: &WorkerId) -> Result<()> {
        whole(&self.said.0).remove(worker);
        let (server, running) = (keys::server(worker), keys::workers(worker));
        let commands = [
            Command::new("ZREM").arg(SERVERS).arg(server.clone()),
            Command::new("ZREM").arg(WORKERS).arg(running.clone()),
            Command::new("DEL").arg(server),
            Command::new("DEL").arg(running),
        ];
        self.do_all("say that a worker is gone", &commands).await
    }

    async fn workers(&self) -> Result<Vec<WorkerInfo>> {
        let mut ids: Vec<WorkerId> =
            self.believed(SERVERS, READING).await?.iter().filter_map(|key| keys::worker_of(key)).collect();
        ids.sort();
        let records: Vec<Command> = ids.iter().map(|id| Command::new("GET").arg(keys::server(id))).collect();
        let running: Vec<Command> =
            ids.iter().map(|id| Command::new("HVALS").arg(keys::workers(id))).collect();
        let commands = [records, running].concat();
        let mut records = self.link.pipeline(READING, &commands).await;
        let running = records.split_off(ids.len());
        let mut workers = Vec::with_capacity(ids.len());
        for (id, (record, running)) in ids.into_iter().zip(records.into_iter().zip(running)) {
            let Some(record) = record?.into_bytes(READING)? else { continue };
            let mut tasks = Vec::new();
            for task in running?.into_list(READING)? {
                tasks.push(task.into_bytes(READING)?.unwrap_or_default());
            }
            // A record that cannot be read is left out, as in Go.
            workers.extend(server::decode(id, &record, tasks.iter().map(|task| &**task)).ok());
        }
        Ok(workers)
    }

    async fn cancel(&self, _queue: &QueueName, id: &TaskId) -> Result<()> {
        // What is published before this process is subscribed would reach all but its own listeners.
        self.listener.when_heard().await;
        let command = Command::new("PUBLISH").arg(CANCEL).arg(id.as_str());
        self.link.command("cancel a task", command).await.map(drop)
    }

    fn cancellations(&self) -> Cancellations {
        self.listener.cancellations()
    }
}

/// What has to be sent so that a worker's record says what it is running now.
fn changes(worker: &WorkerInfo, key: &str, said: Option<&Running>, ttl: &str) -> Vec<Command> {
    let key = || Bytes::copy_from_slice(key.as_bytes());
    let mut commands = Vec::new();
    match said {
        None => commands.push(Command::new("DEL").arg(key())),
        Some(said) => {
            let over: Vec<Bytes> = said
                .keys()
                .filter(|id| worker.running.iter().all(|task| task.id != **id))
                .map(|id| Bytes::copy_from_slice(id.as_str().as_bytes()))
                .collect();
            if !over.is_empty() {
                commands.push(Command::new("HDEL").arg(key()).args(over));
            }
        }
    }
    let new: Vec<Bytes> = worker
        .running
        .iter()
        .filter(|task| said.and_then(|said| said.get(&task.id)) != Some(&task.started_at))
        .flat_map(|task| {
            [Bytes::copy_from_slice(task.id.as_str().as_bytes()), server::encode_running(worker, task).into()]
        })
        .collect();
    if !new.is_empty() {
        commands.push(Command::new("HSET").arg(key()).args(new));
        commands.push(Command::new("PEXPIRE").arg(key()).arg(ttl));
    }
    commands
}
