//! Storing tasks: for a client, and for a relay.

use aftercommit_core::{
    Enqueue, MARKER_LIFE, Published, Publisher, QueueName, Refusal, Result, State, TaskId,
};
use async_trait::async_trait;

use crate::RedisBackend;
use crate::by_queue::by_queue;
use crate::command::Command;
use crate::item::{self, Origin};
use crate::keys::QUEUES;
use crate::reply::Reply;
use crate::script::{Invocation, Script};
use crate::time;

static ENQUEUE: Script = Script::new(concat!(include_str!("lua/store.lua"), include_str!("lua/enqueue.lua")));

/// The most tasks that one script stores; a larger batch is several scripts in one round trip.
const MAX_ITEMS: usize = 500;

const DOING: &str = "enqueue tasks";

impl RedisBackend {
    /// Stores a batch in one round trip, each queue by itself.
    pub(crate) async fn store(
        &self,
        batch: &[Enqueue],
        origin: Origin,
    ) -> Result<Vec<Result<Published, Refusal>>> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        self.make_known(batch.iter().map(|item| &item.message.queue)).await?;
        let groups = by_queue(batch, |item| &item.message.queue, MAX_ITEMS);
        let calls: Vec<Invocation> =
            groups.iter().map(|group| self.store_call(group.queue, &group.items, origin)).collect();
        let replies = self.link.eval_all(DOING, &calls).await;
        let mut answers = vec![Err(Refusal::IdConflict); batch.len()];
        for (group, reply) in groups.iter().zip(replies) {
            for ((index, _), reply) in group.items.iter().zip(reply?.into_list(DOING)?) {
                answers[*index] = answer(reply)?;
            }
        }
        Ok(answers)
    }

    fn store_call(&self, queue: &QueueName, items: &[(usize, &Enqueue)], origin: Origin) -> Invocation {
        let keys = self.keys(queue);
        let mut call = ENQUEUE.call(&[&keys.pending, &keys.scheduled, &keys.due, &keys.groups]);
        self.push_place(&mut call, &keys.prefix);
        for (_, item) in items {
            item::push(&mut call, &keys, item, origin);
        }
        call
    }

    /// The arguments before the items.
    pub(crate) fn push_place(&self, call: &mut Invocation, prefix: &str) {
        let now = self.now();
        call.arg(prefix).number(time::nanos(now)).number(time::second_at_or_after(now));
        call.number(item::millis(MARKER_LIFE));
    }

    /// Makes queues known to operators before anything is in them.
    async fn make_known<'a>(&self, queues: impl IntoIterator<Item = &'a QueueName>) -> Result<()> {
        let unknown = self.unknown(queues);
        if !unknown.is_empty() {
            let command = Command::new("SADD").arg(QUEUES).args(unknown.iter().map(QueueName::as_str));
            self.link.command(DOING, command).await?;
            self.is_known(&unknown);
        }
        Ok(())
    }
}

/// What the script says of one item.
pub(crate) fn answer(reply: Reply) -> Result<Result<Published, Refusal>> {
    Ok(match reply.into_int(DOING)? {
        1 => Ok(Published::Now),
        2 => Ok(Published::Before),
        0 => Err(Refusal::IdConflict),
        _ => Err(Refusal::Duplicate),
    })
}

#[async_trait]
impl Publisher for RedisBackend {
    async fn publish(&self, batch: &[Enqueue]) -> Result<Vec<Result<Published, Refusal>>> {
        self.store(batch, Origin::Relay).await
    }

    async fn forget(&self, tasks: &[(QueueName, TaskId)]) -> Result<()> {
        const DOING: &str = "drop the markers of published tasks";
        if tasks.is_empty() {
            return Ok(());
        }
        let commands: Vec<Command> = by_queue(tasks, |(queue, _)| queue, MAX_ITEMS)
            .into_iter()
            .map(|group| {
                let keys = self.keys(group.queue);
                Command::new("UNLINK").args(group.items.iter().map(|(_, (_, id))| keys.published(id)))
            })
            .collect();
        self.do_all(DOING, &commands).await
    }

    async fn look(&self, tasks: &[(QueueName, TaskId)]) -> Result<Vec<Option<State>>> {
        const DOING: &str = "look at published tasks";
        let command = |(queue, id): &(QueueName, TaskId)| {
            Command::new("HGET").arg(self.keys(queue).task(id)).arg("state")
        };
        let commands: Vec<Command> = tasks.iter().map(command).collect();
        let state = |reply: Result<Reply>| {
            let Some(state) = reply?.into_bytes(DOING)? else { return Ok(None) };
            // A word of another writer's is no end, and must not keep the others from being seen.
            let state = std::str::from_utf8(&state).ok().and_then(|state| state.parse().ok());
            Ok(state.or(Some(State::Pending)))
        };
        let states = self.link.pipeline(DOING, &commands).await.into_iter().map(state);
        let states: Vec<Option<State>> = states.collect::<Result<_>>()?;
        // Where a task is gone, all may be: the list of queues, too.
        let gone = tasks.iter().zip(&states).filter(|(_, state)| state.is_none());
        gone.for_each(|((queue, _), _)| self.forget_known(queue));
        Ok(states)
    }
}
