//! The bare limit: asynq's keys, whole batches in one Lua call, and no engine around it. It knows no retries, no lost
//! leases and no other workers, and so nothing that keeps its promises can be faster.

use anyhow::{Context, Result, bail};
use redis::{Connection, FromRedisValue, Script};

use super::cost::{Cost, Late, Moment, Window};
use super::words::{Drain, Enqueue, Lateness};
use super::{SendVerifyEmail, ready};
use crate::measure::Samples;

/// How many tasks it holds beyond its concurrency, as the engine may.
const HELD_BEYOND: usize = 200;
/// How many tasks go with one call of many callers.
const BATCH: usize = 500;

const ENQUEUE: &str = r"
local ids = {}
for at = 2, #ARGV, 2 do
  local id = ARGV[at]
  if redis.call('EXISTS', KEYS[2] .. id) == 0 then
    redis.call('HSET', KEYS[2] .. id, 'msg', ARGV[at + 1], 'state', 'pending', 'pending_since', ARGV[1])
    ids[#ids + 1] = id
  end
end
redis.call('LPUSH', KEYS[1], unpack(ids))
return #ids";

/// Ends what is done and takes the next.
const TURN: &str = r"
local pending, active, lease, prefix, done = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
if #ARGV > 2 then
  local ids, keys = {}, {}
  for at = 3, #ARGV do ids[at - 2] = ARGV[at]; keys[at - 2] = prefix .. ARGV[at] end
  redis.call('RPOP', active, #ids)
  redis.call('ZREM', lease, unpack(ids))
  redis.call('DEL', unpack(keys))
  redis.call('INCRBY', done, #ids)
end
local ids = redis.call('RPOP', pending, ARGV[1]) or {}
if #ids == 0 then return ids end
redis.call('LPUSH', active, unpack(ids))
local scores, rows = {}, {}
for at, id in ipairs(ids) do
  scores[at * 2 - 1] = ARGV[2]
  scores[at * 2] = id
  local key = prefix .. id
  redis.call('HSET', key, 'state', 'active')
  redis.call('HDEL', key, 'pending_since')
  rows[at * 2 - 1] = id
  rows[at * 2] = redis.call('HGET', key, 'msg')
end
redis.call('ZADD', lease, unpack(scores))
return rows";

const KEYS: [&str; 5] = [
    "asynq:{default}:pending",
    "asynq:{default}:active",
    "asynq:{default}:lease",
    "asynq:{default}:t:",
    "asynq:{default}:processed",
];

fn connect(url: &str) -> Result<Connection> {
    let client = redis::Client::open(url)?;
    client.get_connection().context("cannot connect")
}

pub(super) fn enqueue(url: &str, it: &Enqueue) -> Result<Cost> {
    let mut connection = connect(url)?;
    let script = Script::new(ENQUEUE);
    let payload = serde_json::to_vec(&SendVerifyEmail::plain())?;
    // Many callers of one process share their calls.
    let batch = if it.callers > 1 { it.callers.min(BATCH) } else { it.batch };
    let from = Moment::now();
    let mut sent = 0;
    while sent < it.tasks {
        let mut call = script.prepare_invoke();
        call.key(KEYS[0]).key(KEYS[3]).arg(0);
        for at in sent..it.tasks.min(sent + batch) {
            let id = format!("{at:036}");
            let message = message(&id, &payload);
            call.arg(id).arg(message);
        }
        let _: usize = call.invoke(&mut connection)?;
        sent += batch;
    }
    Ok(Cost::of(it.tasks as u64, from, Moment::now()))
}

pub(super) fn drain(url: &str, it: &Drain) -> Result<Cost> {
    let mut connection = connect(url)?;
    let mut turn = Turn::new(it.concurrency + HELD_BEYOND);
    let (window, mut handled) = (Window::default(), 0);
    ready();
    while handled < it.tasks {
        let rows = turn.take(&mut connection)?;
        if rows.is_empty() {
            bail!("nothing left after {handled} of {} tasks", it.tasks);
        }
        let before = handled;
        for row in rows.chunks_exact(2) {
            let _: SendVerifyEmail = serde_json::from_slice(payload(&row[1]))?;
            handled += 1;
        }
        if before < it.tasks / 10 && handled >= it.tasks / 10 {
            window.tenth();
        }
        turn.done(&rows);
    }
    window.all();
    turn.take(&mut connection)?;
    window.cost(it.tasks)
}

/// The soonest that a worker can hear of a task: it waits for the list itself.
pub(super) fn lateness(url: &str, it: &Lateness) -> Result<Late> {
    let mut connection = connect(url)?;
    let mut samples = Samples::default();
    ready();
    for at in 0..it.tasks {
        let id: String = redis::cmd("BLMOVE")
            .arg(KEYS[0])
            .arg(KEYS[1])
            .arg("RIGHT")
            .arg("LEFT")
            .arg(0)
            .query(&mut connection)?;
        let message: Vec<u8> =
            redis::cmd("HGET").arg(format!("{}{id}", KEYS[3])).arg("msg").query(&mut connection)?;
        let task: SendVerifyEmail = serde_json::from_slice(payload(&message))?;
        if at >= it.skip {
            samples.add(task.late_ms());
        }
    }
    Ok(Late::of(&samples))
}

/// Call after call, each ending what the last one took.
struct Turn {
    script: Script,
    count: usize,
    done: Vec<Vec<u8>>,
}

impl Turn {
    fn new(count: usize) -> Self {
        Self { script: Script::new(TURN), count, done: Vec::new() }
    }

    /// Ids and messages in turn.
    fn take(&mut self, connection: &mut Connection) -> Result<Vec<Vec<u8>>> {
        /// Any second to come will do.
        const LEASE_ENDS: u64 = 4_000_000_000;
        let mut call = self.script.prepare_invoke();
        for key in KEYS {
            call.key(key);
        }
        call.arg(self.count).arg(LEASE_ENDS);
        for id in self.done.drain(..) {
            call.arg(id);
        }
        Ok(Vec::<Vec<u8>>::from_redis_value(call.invoke(connection)?)?)
    }

    fn done(&mut self, rows: &[Vec<u8>]) {
        self.done.extend(rows.chunks_exact(2).map(|row| row[0].clone()));
    }
}

/// asynq's protobuf message with the fields that every task has. All are shorter than 128 bytes.
fn message(id: &str, payload: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    let fields = [b"task:send_verify_email".as_slice(), payload, id.as_bytes(), b"default"];
    for (number, field) in (1_u8..).zip(fields) {
        message.extend([number << 3 | 2, u8::try_from(field.len()).unwrap_or(0)]);
        message.extend(field);
    }
    // Retries 25, timeout 1,800 s.
    message.extend([5 << 3, 25, 8 << 3, 0x88, 0x0e]);
    message
}

/// The second field of a message whose first two are shorter than 128 bytes.
fn payload(message: &[u8]) -> &[u8] {
    let length = |at: usize| usize::from(message.get(at).copied().unwrap_or(0));
    let at = 4 + length(1);
    message.get(at..at + length(at - 1)).unwrap_or_default()
}
