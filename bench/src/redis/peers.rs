//! Who is measured on Redis.

use anyhow::Result;

use crate::halves::Column;
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
    fn column(self) -> Column {
        match self {
            Self::Ours => Column::Ours,
            Self::Bare => Column::Bare,
            Self::Asynq => Column::Other("asynq"),
        }
    }
}

/// Builds asynq's program where Go is installed.
pub(super) async fn build(into: &std::path::Path) -> Result<Programs> {
    let mut programs = Programs::ours()?;
    programs.add("asynq", &[Peer::Asynq], toolchain::go("asynq", into).await);
    Ok(programs)
}
