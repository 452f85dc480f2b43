//! Where the banks of these tests have their data: each in a database of its own, on a Postgres that they share.

use crate::home::Home;
use aftercommit_servers::PostgresServer;

/// What tables of trials call it.
pub(crate) const DATABASE: &str = "Postgres";

/// A directory for a bank.
pub(crate) fn home() -> Home {
    let server = PostgresServer::shared().unwrap();
    let mut home = Home::new();
    home.settings.push(("DB_SOURCE", server.database_url().unwrap()));
    home._shared = Some(server);
    home
}
