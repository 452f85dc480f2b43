//! What a private Redis is to be like, and the configuration file that says so.

use std::fmt::Write as _;
use std::path::Path;

use super::RedisServer;
use crate::certificates::Certificates;

/// How often an append-only file reaches the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendFsync {
    /// Before every answer.
    Always,
    /// Once a second.
    EverySecond,
}

/// Says what a private Redis is to be like. By default: 16 databases, no password, nothing kept on disk.
#[derive(Debug, Clone, Default)]
pub struct RedisServerBuilder {
    pub(super) has_socket: bool,
    pub(super) has_tls: bool,
    pub(super) password: Option<String>,
    users: Vec<(String, String)>,
    append: Option<AppendFsync>,
    extra: Vec<(String, String)>,
}

/// Where a server listens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) plain: u16,
    pub(super) tls: Option<u16>,
}

impl RedisServerBuilder {
    /// Listens on a unix socket too: [`RedisServer::socket`].
    pub fn unix_socket(mut self) -> Self {
        self.has_socket = true;
        self
    }

    /// Listens on a second port with TLS, with a throw-away certificate: [`RedisServer::tls_addr`].
    pub fn tls(mut self) -> Self {
        self.has_tls = true;
        self
    }

    /// Asks for this password (`requirepass`).
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// Adds a user with a password. `rights` are ACL rules, as in `~* &* +@all`.
    pub fn user(mut self, name: &str, password: &str, rights: &str) -> Self {
        self.users.push((name.to_owned(), format!("on >{password} {rights}")));
        self
    }

    /// Keeps an append-only file.
    pub fn append_only(mut self, fsync: AppendFsync) -> Self {
        self.append = Some(fsync);
        self
    }

    /// How many databases there are.
    pub fn databases(self, count: u16) -> Self {
        self.set("databases", &count.to_string())
    }

    /// Any line of `redis.conf`, as in `set("maxmemory", "2mb")`. A later one wins over an earlier one.
    pub fn set(mut self, directive: &str, value: &str) -> Self {
        self.extra.push((directive.to_owned(), value.to_owned()));
        self
    }

    /// Starts it and waits until it takes connections (or, as a replica, could).
    pub fn start(self) -> anyhow::Result<RedisServer> {
        RedisServer::start_with(self)
    }

    /// The text of the configuration file. In a file, so that no password shows in the list of processes.
    pub(super) fn file(&self, directory: &Path, ports: Ports, certificates: Option<&Certificates>) -> String {
        let mut text = String::new();
        let mut line = |directive: &str, value: &str| {
            writeln!(text, "{directive} {value}").expect("a string takes all text");
        };
        line("bind", "127.0.0.1");
        line("port", &ports.plain.to_string());
        line("dir", &quoted(&directory.display().to_string()));
        line("save", "\"\"");
        // Below the smallest limit of any system, which would only be a warning in the log.
        line("tcp-backlog", "128");
        if self.has_socket {
            line("unixsocket", &quoted(&socket_in(directory).display().to_string()));
        }
        if let (Some(port), Some(certificates)) = (ports.tls, certificates) {
            line("tls-port", &port.to_string());
            line("tls-auth-clients", "no");
            line("tls-ca-cert-file", &quoted(&certificates.authority.display().to_string()));
            line("tls-cert-file", &quoted(&certificates.server.display().to_string()));
            line("tls-key-file", &quoted(&certificates.key.display().to_string()));
        }
        match self.append {
            None => line("appendonly", "no"),
            Some(fsync) => {
                line("appendonly", "yes");
                line("appendfsync", if fsync == AppendFsync::Always { "always" } else { "everysec" });
            }
        }
        if let Some(password) = &self.password {
            line("requirepass", &quoted(password));
        }
        for (name, rules) in &self.users {
            line("user", &format!("{name} {rules}"));
        }
        for (directive, value) in &self.extra {
            line(directive, value);
        }
        text
    }
}

/// The unix socket of a server that lives in this directory.
pub(super) fn socket_in(directory: &Path) -> std::path::PathBuf {
    directory.join("redis.sock")
}

/// A word as `redis.conf` takes it.
fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTS: Ports = Ports { plain: 1234, tls: None };

    #[test]
    fn nothing_is_kept_on_disk_by_default() {
        let text = RedisServerBuilder::default().file(Path::new("/d"), PORTS, None);
        assert!(text.contains("save \"\"\n") && text.contains("appendonly no\n"), "{text}");
        assert!(text.contains("bind 127.0.0.1\nport 1234\ndir \"/d\"\n"), "{text}");
    }

    #[test]
    fn what_the_caller_sets_comes_last() {
        let builder = RedisServerBuilder::default().password("a \"b\"").set("maxmemory", "1mb");
        let text = builder.file(Path::new("/d"), PORTS, None);
        assert!(text.ends_with("requirepass \"a \\\"b\\\"\"\nmaxmemory 1mb\n"), "{text}");
    }
}
