//! Sign-ups per second through the bank's HTTP gateway, its data and its queue on Postgres.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::beside::{self, Host};
use super::{Bench, Peer};
use crate::bank::{Bank, Hash};
use crate::row::Row;

/// The column of the bare loop has transactions of the same kind without a task, without HTTP and without the bank.
pub(super) async fn measure(bench: &Bench, binary: &Path, clients: u32) -> Result<Vec<Row>> {
    let name = format!("create_user over HTTP, cheap hash, {clients} clients");
    let mut row =
        Row::new(name, "requests/s", "HTTP and JSON, the mail's task and its own commits beside it");
    let time = Duration::from_millis(bench.scope.count(4_000, 1_500) as u64);
    for _ in 0..bench.scope.runs {
        let url = bench.server.fresh(&bench.peers, Peer::Ours).await?;
        let without = beside::without(&url, Host::CreateUser, clients, time).await?;
        let url = bench.server.empty("bank")?;
        let bank = Bank { binary, hash: Hash::Cheap, database: Some(&url) };
        row.add(bank.sign_ups(clients as usize, time).await?, without);
    }
    Ok(vec![row])
}
