//! Where the banks of these tests have their data: each in an SQLite file of its own.

use crate::home::Home;

/// What tables of trials call it.
pub(crate) const DATABASE: &str = "SQLite";

/// A directory for a bank.
pub(crate) fn home() -> Home {
    Home::new()
}
