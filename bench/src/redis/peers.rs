//! Who is measured on Redis.

use anyhow::Result;

use crate::{halves, toolchain};

pub(super) type Programs = halves::Programs<Peer>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    Ours,
    /// The bare limit.
    Bare,
    /// asynq, in Go.
    Asynq,
}

impl halves::Peer for Peer {
    fn of_us(self) -> Option<&'static str> {
        match self {
            Self::Ours => Some("ours"),
            Self::Bare => Some("bare"),
            Self::Asynq => None,
        }
    }
}

/// Builds asynq's program where Go is installed.
pub(super) async fn build(into: &std::path::Path) -> Result<Programs> {
    let mut programs = Programs::ours()?;
    programs.add("asynq", &[Peer::Asynq], toolchain::go("asynq", into).await);
    Ok(programs)
}
