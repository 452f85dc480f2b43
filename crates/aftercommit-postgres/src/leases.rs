//! Leases as columns, which is how a batch of them travels into a statement.

use aftercommit_core::Lease;
use aftercommit_core::stored::token;

/// What identifies each lease of a batch.
#[derive(Debug, Default)]
pub(crate) struct Leases<'a> {
    pub(crate) seqs: Vec<i64>,
    pub(crate) epochs: Vec<i32>,
    pub(crate) queues: Vec<&'a str>,
    pub(crate) ids: Vec<&'a str>,
}

impl<'a> Leases<'a> {
    pub(crate) fn with_capacity(count: usize) -> Self {
        Self {
            seqs: Vec::with_capacity(count),
            epochs: Vec::with_capacity(count),
            queues: Vec::with_capacity(count),
            ids: Vec::with_capacity(count),
        }
    }

    pub(crate) fn push(&mut self, lease: &'a Lease) {
        let (seq, epoch) = token::parts(lease.token);
        self.seqs.push(seq);
        self.epochs.push(i32::try_from(epoch).expect("a token has 16 bits of an epoch"));
        self.queues.push(lease.queue.as_str());
        self.ids.push(lease.id.as_str());
    }
}

/// The places of leases in the order in which every statement locks their rows, so that no two wait for each other.
pub(crate) fn in_order<'a>(leases: impl Iterator<Item = &'a Lease>) -> Vec<usize> {
    let mut places: Vec<(u64, usize)> =
        leases.enumerate().map(|(place, lease)| (lease.token.get(), place)).collect();
    places.sort_unstable();
    places.into_iter().map(|(_, place)| place).collect()
}
