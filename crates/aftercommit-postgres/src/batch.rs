//! How batches and bounds travel into statements.

use aftercommit_core::QueueName;

/// A list of queues.
pub(crate) fn names(queues: &[QueueName]) -> Vec<&str> {
    queues.iter().map(QueueName::as_str).collect()
}

/// A bound, as a number that SQL has.
pub(crate) fn saturated(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
