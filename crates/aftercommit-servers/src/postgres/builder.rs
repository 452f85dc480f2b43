//! What a private Postgres is to be like, and the configuration file that says so.

use std::fmt::Write as _;
use std::path::Path;

use super::PostgresServer;
use crate::certificates::Certificates;

/// Says what a private Postgres is to be like. By default: whoever connects from loopback is believed, and nothing is
/// written to the disk before its time, so that a test is fast; a machine that crashes may lose everything.
#[derive(Debug, Clone, Default)]
pub struct PostgresServerBuilder {
    pub(super) has_tls: bool,
    pub(super) password: Option<String>,
    is_durable: bool,
    extra: Vec<(String, String)>,
}

impl PostgresServerBuilder {
    /// Asks the user `postgres` for this password (SCRAM).
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// Speaks TLS to those who ask for it, with a throw-away certificate for `localhost`:
    /// [`PostgresServer::authority`].
    pub fn tls(mut self) -> Self {
        self.has_tls = true;
        self
    }

    /// Waits for the disk at each commit, as in production.
    pub fn durable(mut self) -> Self {
        self.is_durable = true;
        self
    }

    /// Any line of `postgresql.conf`, as in `set("max_connections", "20")`. A later one wins over an earlier one.
    pub fn set(mut self, parameter: &str, value: &str) -> Self {
        self.extra.push((parameter.to_owned(), value.to_owned()));
        self
    }

    /// Starts it and waits until it takes connections.
    pub fn start(self) -> anyhow::Result<PostgresServer> {
        PostgresServer::start_with(self)
    }

    /// The text of the configuration file.
    pub(super) fn file(&self, directory: &Path, port: u16, certificates: Option<&Certificates>) -> String {
        let mut text = String::new();
        let mut line = |parameter: &str, value: &str| {
            let value = value.replace('\\', r"\\").replace('\'', "''");
            writeln!(text, "{parameter} = '{value}'").expect("a string takes all text");
        };
        line("listen_addresses", "127.0.0.1");
        line("port", &port.to_string());
        line("unix_socket_directories", &directory.display().to_string());
        line("max_connections", "300");
        line("timezone", "UTC");
        line("log_timezone", "UTC");
        line("shared_buffers", "64MB");
        if !self.is_durable {
            line("fsync", "off");
            line("synchronous_commit", "off");
            line("full_page_writes", "off");
        }
        if let Some(certificates) = certificates {
            line("ssl", "on");
            line("ssl_cert_file", &certificates.server.display().to_string());
            line("ssl_key_file", &certificates.key.display().to_string());
        }
        for (parameter, value) in &self.extra {
            line(parameter, value);
        }
        text
    }
}
