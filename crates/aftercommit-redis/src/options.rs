//! Where Redis is and how to talk to it.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aftercommit_core::{Error, Result};

/// How long connecting may take, log-in included.
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer may take.
const READ_TIMEOUT: Duration = Duration::from_secs(3);
/// One connection carries as many commands as Redis can run: commands of all callers share it without waiting for each
/// other's answers. The second keeps short commands from queueing behind one large payload.
const POOL_SIZE: NonZeroUsize = NonZeroUsize::new(2).expect("two is not zero");
/// The port of Redis.
pub(crate) const PORT: u16 = 6379;
/// The port of a sentinel.
pub(crate) const SENTINEL_PORT: u16 = 26379;

/// Where Redis is and how to talk to it. Nothing is connected before the first use.
///
/// ```
/// use std::time::Duration;
/// use aftercommit_redis::RedisOptions;
///
/// let options = RedisOptions::parse("redis://app:secret@redis.internal:6379/2")?.read_timeout(Duration::from_secs(1));
/// assert!(!format!("{options:?}").contains("secret"));
/// # Ok::<(), aftercommit_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RedisOptions {
    pub(crate) place: Place,
    pub(crate) login: Login,
    pub(crate) database: u32,
    pub(crate) dial_timeout: Duration,
    pub(crate) read_timeout: Option<Duration>,
    /// `None`: as the read timeout.
    pub(crate) write_timeout: Option<Option<Duration>>,
    pub(crate) pool_size: NonZeroUsize,
    pub(crate) tls: Option<RedisTls>,
}

/// What there is to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Tcp(HostPort),
    Unix(PathBuf),
    Sentinel { master: String, sentinels: Vec<HostPort>, login: Login },
    Cluster(Vec<HostPort>),
}

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostPort {
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// Who we say we are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
}

/// A password, which no message shows.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) String);

/// How a server proves who it is. Connections are always verified.
#[derive(Debug, Clone, Default)]
pub struct RedisTls {
    /// In PEM; `None`: the authorities that the public web trusts.
    pub(crate) authorities: Option<Vec<u8>>,
    pub(crate) server_name: Option<String>,
}

impl RedisOptions {
    /// One Redis, reached over TCP.
    pub fn tcp(host: &str, port: u16) -> Self {
        Self::at(Place::Tcp(HostPort { host: host.to_owned(), port }))
    }

    /// One Redis on this machine, reached through a unix socket.
    pub fn unix_socket(path: impl AsRef<Path>) -> Self {
        Self::at(Place::Unix(path.as_ref().to_owned()))
    }

    /// The primary that these sentinels name, asked anew at each connect. `sentinels` are `host` or `host:port`.
    pub fn sentinel<'a>(master: &str, sentinels: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        if master.is_empty() {
            return Err(Error::invalid("redis address", "the name of the sentinels' master is empty"));
        }
        let sentinels = HostPort::parse_all(sentinels, SENTINEL_PORT)?;
        Ok(Self::at(Place::Sentinel { master: master.to_owned(), sentinels, login: Login::default() }))
    }

    /// A Redis Cluster, of which these nodes are known. `nodes` are `host` or `host:port`.
    pub fn cluster<'a>(nodes: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        Ok(Self::at(Place::Cluster(HostPort::parse_all(nodes, PORT)?)))
    }

    pub(crate) fn at(place: Place) -> Self {
        Self {
            place,
            login: Login::default(),
            database: 0,
            dial_timeout: DIAL_TIMEOUT,
            read_timeout: Some(READ_TIMEOUT),
            write_timeout: None,
            pool_size: POOL_SIZE,
            tls: None,
        }
    }

    /// Logs in as this ACL user. Without, as `default`.
    pub fn username(mut self, user: impl Into<String>) -> Self {
        self.login.user = Some(user.into());
        self
    }

    /// The password of the user.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.login.password = Some(Secret(password.into()));
        self
    }

    /// Logs in at the sentinels as this user with this password. Their users are not those of Redis.
    ///
    /// An error where there are no sentinels.
    pub fn sentinel_login(mut self, user: Option<&str>, password: &str) -> Result<Self> {
        let Place::Sentinel { login, .. } = &mut self.place else {
            return Err(Error::invalid(
                "redis options",
                "a log-in for sentinels, but there are no sentinels",
            ));
        };
        *login = Login { user: user.map(str::to_owned), password: Some(Secret(password.to_owned())) };
        Ok(self)
    }

    /// The database, selected after connecting. A cluster has only 0.
    pub fn database(mut self, number: u32) -> Self {
        self.database = number;
        self
    }

    /// How long connecting may take, log-in included. 5 seconds by default.
    pub fn dial_timeout(mut self, timeout: Duration) -> Self {
        self.dial_timeout = timeout;
        self
    }

    /// How long an answer may take before the call fails. 3 seconds by default.
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.read_timeout = Some(timeout);
        self
    }

    /// Waits for answers without end. A connection that is dead without knowing it is then found by TCP keep-alive.
    pub fn without_read_timeout(mut self) -> Self {
        self.read_timeout = None;
        self
    }

    /// How long Redis may take no bytes before the connection is given up. By default as long as the read timeout.
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.write_timeout = Some(Some(timeout));
        self
    }

    /// Waits without end for Redis to take bytes.
    pub fn without_write_timeout(mut self) -> Self {
        self.write_timeout = Some(None);
        self
    }

    /// How many connections share the commands. Each carries many at a time: 2, the default, is enough for most.
    pub fn pool_size(mut self, connections: NonZeroUsize) -> Self {
        self.pool_size = connections;
        self
    }

    /// Talks TLS. Not for a unix socket.
    pub fn tls(mut self, tls: RedisTls) -> Self {
        self.tls = Some(tls);
        self
    }

    pub(crate) fn effective_write_timeout(&self) -> Option<Duration> {
        self.write_timeout.unwrap_or(self.read_timeout)
    }
}

/// The place, without secrets, as an operator knows it.
impl fmt::Display for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Tcp(address) => address.fmt(f),
            Place::Unix(path) => write!(f, "{}", path.display()),
            Place::Sentinel { master, sentinels, .. } => {
                write!(f, "{master}, as named by the sentinels {}", list(sentinels))
            }
            Place::Cluster(nodes) => write!(f, "the cluster of {}", list(nodes)),
        }
    }
}

impl RedisTls {
    /// Trusts the authorities that the public web trusts, for the host that is connected to.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts these authorities, in PEM, and no others.
    pub fn authorities(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authorities = Some(pem.into());
        self
    }

    /// Trusts the authorities in this PEM file, and no others. The file is read now.
    pub fn authorities_file(self, path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        match std::fs::read(path) {
            Ok(pem) => Ok(self.authorities(pem)),
            Err(error) => {
                Err(Error::invalid("redis TLS", format!("cannot read {}: {error}", path.display())))
            }
        }
    }

    /// Expects this name in the certificate, instead of the host that is connected to. Not for sentinels and clusters,
    /// where the hosts are told by Redis.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }
}

impl HostPort {
    /// Reads `host`, `host:port`, `[v6]` or `[v6]:port`. What is wrong is not repeated: where an @ is forgotten, it may be
    /// a password.
    pub(crate) fn parse(text: &str, default_port: u16) -> Result<Self> {
        let invalid = |why| Error::invalid("redis address", why);
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or_else(|| invalid("a host begins with [ and has no ]"))?,
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        if host.is_empty() {
            return Err(invalid("there is no host"));
        }
        let port = match port.strip_prefix(':') {
            Some(number) => number.parse().ok().filter(|port| *port != 0),
            None => port.is_empty().then_some(default_port),
        };
        let port = port.ok_or_else(|| invalid("the port behind a host is no number between 1 and 65535"))?;
        Ok(Self { host: host.to_owned(), port })
    }

    pub(crate) fn parse_all<'a>(
        texts: impl IntoIterator<Item = &'a str>,
        default_port: u16,
    ) -> Result<Vec<Self>> {
        let all: Vec<Self> =
            texts.into_iter().map(|text| Self::parse(text, default_port)).collect::<Result<_>>()?;
        if all.is_empty() { Err(Error::invalid("redis address", "no host is named")) } else { Ok(all) }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Login {
    /// The user as Redis calls it.
    pub(crate) fn user_name(&self) -> &str {
        self.user.as_deref().unwrap_or("default")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

fn list(addresses: &[HostPort]) -> String {
    addresses.iter().map(HostPort::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_printed_shows_a_password() {
        let options = RedisOptions::sentinel("main", ["one", "two:7"]).unwrap();
        let options =
            options.sentinel_login(Some("guard"), "hidden-1").unwrap().username("app").password("hidden-2");
        assert!(!format!("{options:?} {options}").contains("hidden"), "{options:?}");
        assert_eq!(options.to_string(), "main, as named by the sentinels one:26379, two:7");
    }

    #[test]
    fn write_timeout_follows_the_read_timeout_until_it_is_set() {
        let second = Duration::from_secs(1);
        let options = RedisOptions::tcp("h", 1);
        assert_eq!(options.effective_write_timeout(), Some(READ_TIMEOUT));
        assert_eq!(options.clone().read_timeout(second).effective_write_timeout(), Some(second));
        assert_eq!(options.clone().without_read_timeout().effective_write_timeout(), None);
        let set = options.clone().without_read_timeout().write_timeout(second);
        assert_eq!(set.effective_write_timeout(), Some(second));
        assert_eq!(options.without_write_timeout().effective_write_timeout(), None);
    }

    #[test]
    fn hosts_and_ports_are_read_in_each_form() {
        let parse = |text| {
            HostPort::parse(text, 6379).map(|it| (it.host, it.port)).map_err(|error| error.to_string())
        };
        assert_eq!(parse("h"), Ok(("h".to_owned(), 6379)));
        assert_eq!(parse("h:1"), Ok(("h".to_owned(), 1)));
        assert_eq!(parse("[::1]:2"), Ok(("::1".to_owned(), 2)));
        assert_eq!(parse("[::1]"), Ok(("::1".to_owned(), 6379)));
        for wrong in ["", ":1", "h:", "h:0", "h:65536", "h:a", "[::1", "[::1]x", "::1"] {
            assert!(parse(wrong).unwrap_err().starts_with("invalid redis address: "), "{wrong}");
        }
    }

    #[test]
    fn log_in_for_sentinels_needs_sentinels() {
        RedisOptions::tcp("h", 1).sentinel_login(None, "p").unwrap_err();
        RedisOptions::sentinel("m", []).unwrap_err();
        RedisOptions::sentinel("", ["h"]).unwrap_err();
    }
}
