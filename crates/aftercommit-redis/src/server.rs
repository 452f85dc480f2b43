//! A worker as Go's tools see it: one record of itself, which asynq calls a server, and one of each task it
//! runs, which asynq calls a worker.

use aftercommit_core::{
    QueueName, QueueOrder, RunningTask, TaskId, TaskType, Timestamp, WorkerId, WorkerInfo, WorkerStatus,
};
use bytes::Bytes;
use prost::Message as _;

use crate::{go_time, proto};

/// The status of a worker that takes tasks.
const ACTIVE: &str = "active";
/// That of one that takes no more. Go also knows `new` and `closed`; neither takes tasks.
const STOPPED: &str = "stopped";

/// The record of a worker itself.
pub(crate) fn encode(worker: &WorkerInfo) -> Vec<u8> {
    let queues = worker
        .queues
        .iter()
        .map(|(queue, weight)| proto::QueueWeight { queue: queue.to_string(), weight: int(*weight) });
    proto::ServerInfo {
        host: worker.host.clone(),
        pid: int(worker.pid),
        server_id: server_id(&worker.id).to_owned(),
        concurrency: int(worker.concurrency),
        queues: queues.collect(),
        strict_priority: worker.order == QueueOrder::Strict,
        status: match worker.status {
            WorkerStatus::Active => ACTIVE,
            WorkerStatus::Quiet => STOPPED,
        }
        .to_owned(),
        start_time: go_time::to_proto(Some(worker.started_at)),
        active_worker_count: int(worker.running.len()),
    }
    .encode_to_vec()
}

/// The record of one task that a worker runs. It is written at every beat, so the payload is left out: it
/// is in the task itself.
pub(crate) fn encode_running(worker: &WorkerInfo, task: &RunningTask) -> Vec<u8> {
    proto::WorkerInfo {
        host: worker.host.clone(),
        pid: int(worker.pid),
        server_id: server_id(&worker.id).to_owned(),
        task_id: task.id.to_string(),
        task_type: task.task_type.to_string(),
        task_payload: Bytes::new(),
        queue: task.queue.to_string(),
        start_time: go_time::to_proto(Some(task.started_at)),
        deadline: go_time::to_proto(Some(task.deadline)),
    }
    .encode_to_vec()
}

/// Reads the records of the worker `id`, which is named in their keys. Queues and tasks with names that we
/// do not allow are left out, and so is a record of a task that cannot be read.
///
/// # Errors
/// If the record of the worker itself is no protobuf.
pub(crate) fn decode<'a>(
    id: WorkerId,
    record: &[u8],
    running: impl IntoIterator<Item = &'a [u8]>,
) -> Result<WorkerInfo, prost::DecodeError> {
    let record = proto::ServerInfo::decode(record)?;
    let mut queues: Vec<(QueueName, u32)> = record.queues.iter().filter_map(queue).collect();
    queues.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Ok(WorkerInfo {
        id,
        host: record.host,
        pid: u32::try_from(record.pid).unwrap_or(0),
        started_at: go_time::from_proto(record.start_time.as_ref()).unwrap_or_default(),
        concurrency: usize::try_from(record.concurrency).unwrap_or(0),
        queues,
        order: if record.strict_priority { QueueOrder::Strict } else { QueueOrder::Weighted },
        status: if record.status == ACTIVE { WorkerStatus::Active } else { WorkerStatus::Quiet },
        running: running.into_iter().filter_map(decode_running).collect(),
    })
}

/// A queue that is served; as everywhere, one without a positive weight is not.
fn queue(entry: &proto::QueueWeight) -> Option<(QueueName, u32)> {
    let weight = u32::try_from(entry.weight).ok().filter(|weight| *weight > 0)?;
    Some((QueueName::new(&entry.queue).ok()?, weight))
}

fn decode_running(record: &[u8]) -> Option<RunningTask> {
    let record = proto::WorkerInfo::decode(record).ok()?;
    Some(RunningTask {
        queue: QueueName::new(record.queue).ok()?,
        id: TaskId::new(record.task_id).ok()?,
        task_type: TaskType::new(record.task_type).ok()?,
        started_at: go_time::from_proto(record.start_time.as_ref()).unwrap_or_default(),
        deadline: go_time::from_proto(record.deadline.as_ref()).unwrap_or(Timestamp::from_millis(i64::MAX)),
    })
}

/// The last part of `HOST:PID:UUID`. Go's tools join a task to its worker by it.
fn server_id(worker: &WorkerId) -> &str {
    worker.as_str().rsplit(':').next().unwrap_or_default()
}

/// A number as Go holds it: 32 bits, signed.
fn int(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Go worker on two queues, with one task.
    const SERVER: &str = "\
        0a02766d10f99c011a2464356562373933652d313834622d346238382d616161302d3561333134663631646466372004\
        2a060a02713210022a0b0a0764656661756c7410063a06616374697665420b08e19cffd7061086d2c2664801";
    const RUNNING: &str = "\
        0a02766d10f99c011a2464356562373933652d313834622d346238382d616161302d356133313466363164646637220a\
        69642d70656e64696e672a0a656d61696c3a73656e64320a7b2275736572223a317d3a0764656661756c74420b08e19c\
        ffd70610a2d3ff664a0b08e9aaffd70610bed2ff66";

    fn go_worker() -> WorkerInfo {
        let id = WorkerId::from_stored("vm:20089:d5eb793e-184b-4b88-aaa0-5a314f61ddf7");
        let queue = |name, weight| (QueueName::new(name).unwrap(), weight);
        WorkerInfo {
            id,
            host: "vm".into(),
            pid: 20089,
            started_at: Timestamp::from_millis(1_795_149_409_215),
            concurrency: 4,
            queues: vec![queue("default", 6), queue("q2", 2)],
            order: QueueOrder::Weighted,
            status: WorkerStatus::Active,
            running: vec![RunningTask {
                queue: QueueName::default(),
                id: TaskId::new("id-pending").unwrap(),
                task_type: TaskType::new("email:send").unwrap(),
                started_at: Timestamp::from_millis(1_795_149_409_216),
                deadline: Timestamp::from_millis(1_795_151_209_216),
            }],
        }
    }

    #[test]
    fn a_worker_written_by_go_is_read() {
        let (server, running) = (hex::decode(SERVER).unwrap(), hex::decode(RUNNING).unwrap());
        let worker = go_worker();
        let read = decode(worker.id.clone(), &server, [running.as_slice(), b"\xff"]);
        assert_eq!(read.unwrap(), worker);
    }

    #[test]
    fn the_records_keep_every_byte_that_go_wrote() {
        let (server, running) = (hex::decode(SERVER).unwrap(), hex::decode(RUNNING).unwrap());
        let read = proto::ServerInfo::decode(&*server).unwrap();
        assert_eq!(read.encode_to_vec(), server);
        let read = proto::WorkerInfo::decode(&*running).unwrap();
        assert_eq!(read.task_payload, r#"{"user":1}"#);
        assert_eq!(read.encode_to_vec(), running);
    }

    #[test]
    fn a_worker_of_ours_reads_back() {
        let worker = WorkerInfo { status: WorkerStatus::Quiet, order: QueueOrder::Strict, ..go_worker() };
        let running: Vec<_> = worker.running.iter().map(|task| encode_running(&worker, task)).collect();
        let read = decode(worker.id.clone(), &encode(&worker), running.iter().map(Vec::as_slice));
        assert_eq!(read.unwrap(), worker);
    }

    #[test]
    fn a_record_without_anything_is_a_worker_that_takes_nothing() {
        let worker = decode(WorkerId::from_stored("x"), b"", []).unwrap();
        assert_eq!((worker.status, worker.concurrency, worker.queues.len()), (WorkerStatus::Quiet, 0, 0));
        assert!(decode(WorkerId::from_stored("x"), b"\xff", []).is_err());
    }
}
