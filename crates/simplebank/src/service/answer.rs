//! What a use case that can be replayed answers.

/// An answer, and whether it was given before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    /// What is answered.
    pub value: T,
    /// Whether anything was done for it.
    pub replay: Replay,
}

/// Whether an answer repeats an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// The use case happened now.
    Fresh,
    /// It happened at an earlier request with the same idempotency key; this is the answer of that time.
    /// Transports mark it with `idempotent-replayed: true`.
    Replayed,
}
