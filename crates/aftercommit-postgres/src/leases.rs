//! Leases as columns, which is how a batch of them travels into a statement.

use std::collections::HashSet;

use aftercommit_core::Lease;
use aftercommit_core::stored::token;

/// The leases of a batch, once each, in the order in which every statement locks their rows, so that no two wait for each
/// other.
#[derive(Debug)]
pub(crate) struct Leases<'a> {
    pub(crate) seqs: Vec<i64>,
    pub(crate) tokens: Vec<i64>,
    pub(crate) queues: Vec<&'a str>,
    pub(crate) ids: Vec<&'a str>,
    /// The place of each in the batch: the first, if it stands there more than once.
    pub(crate) places: Vec<usize>,
}

impl<'a> Leases<'a> {
    /// Those of a batch.
    pub(crate) fn of(batch: impl Iterator<Item = &'a Lease>) -> Self {
        let mut leases: Vec<(&Lease, usize)> =
            batch.enumerate().map(|(place, lease)| (lease, place)).collect();
        leases.sort_unstable_by_key(|(lease, place)| (lease.token, *place));
        leases.dedup_by_key(|(lease, _)| lease.token);
        Self {
            seqs: leases.iter().map(|(lease, _)| token::parts(lease.token).0).collect(),
            tokens: leases.iter().map(|(lease, _)| number(lease)).collect(),
            queues: leases.iter().map(|(lease, _)| lease.queue.as_str()).collect(),
            ids: leases.iter().map(|(lease, _)| lease.id.as_str()).collect(),
            places: leases.iter().map(|(_, place)| *place).collect(),
        }
    }
}

/// Which leases of a batch are current, by their tokens as a statement answers with them.
#[derive(Debug, Default)]
pub(crate) struct Current(pub(crate) HashSet<i64>);

impl Current {
    pub(crate) fn has(&self, lease: &Lease) -> bool {
        self.0.contains(&number(lease))
    }
}

/// A token as a number that SQL has.
const fn number(lease: &Lease) -> i64 {
    lease.token.get().cast_signed()
}

#[cfg(test)]
mod tests {
    use aftercommit_core::{QueueName, TaskId, Timestamp};

    use super::*;

    #[test]
    fn leases_go_by_seq_and_each_goes_once() {
        let lease = |seq, epoch, id: &str| Lease {
            queue: QueueName::new("q").unwrap(),
            id: TaskId::new(id).unwrap(),
            token: token::token(seq, epoch),
            expires_at: Timestamp::from_millis(0),
        };
        let batch =
            [lease(9, 1, "nine"), lease(2, 1, "two"), lease(9, 1, "again"), lease(9, 2, "taken again")];
        let leases = Leases::of(batch.iter());
        assert_eq!(leases.seqs, [2, 9, 9]);
        assert_eq!(leases.ids, ["two", "nine", "taken again"]);
        assert_eq!(leases.places, [1, 0, 3]);
        let current = Current([leases.tokens[1]].into());
        assert_eq!(batch.each_ref().map(|lease| current.has(lease)), [true, false, true, false]);
    }
}
