//! What this back-end promises beyond the suite that all of them pass: the caller's transaction, other
//! processes, dead workers, migrations.

mod complete;
mod handles;
mod migrations;
mod support;
mod transactional;
mod unreadable;
mod upgrade;
mod upkeep;
