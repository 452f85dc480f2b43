//! Redis, if tasks are to run from there.

use super::cli::Role;
use super::delivery::TaskDelivery;
use super::duration;
use super::keys::Key;
use super::number::whole;
use super::reader::Reader;
use crate::secret::Secret;
use aftercommit::redis::{RedisOptions, RedisTls};
use anyhow::Context;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

pub(super) const KEYS: &[Key] =
    &[ADDRESS, USERNAME, PASSWORD, DATABASE, TLS_CA, DIAL_TIMEOUT, READ_TIMEOUT, WRITE_TIMEOUT, POOL_SIZE];
pub(super) const ADDRESS: Key = Key::without_value(
    "REDIS_ADDRESS",
    "tasks are queued in the database",
    "Redis for background tasks: `host:port`, or a URI with `redis://`, `rediss://`, `redis-socket://` or \
     `redis-sentinel://`.",
)
.secret();
const USERNAME: Key = Key::without_value(
    "REDIS_USERNAME",
    "the one in `REDIS_ADDRESS`, else `default`",
    "The ACL user at Redis.",
);
const PASSWORD: Key = Key::without_value(
    "REDIS_PASSWORD",
    "the one in `REDIS_ADDRESS`, else no login",
    "The password at Redis.",
)
.secret();
const DATABASE: Key = Key::without_value(
    "REDIS_DB",
    "the one in `REDIS_ADDRESS`, else 0",
    "The number of the database at Redis.",
);
const TLS_CA: Key = Key::without_value(
    "REDIS_TLS_CA",
    "public authorities, where TLS is used",
    "A PEM file with the only certificates to trust at Redis. With a `host:port` it switches TLS on.",
);
const DIAL_TIMEOUT: Key =
    Key::new("REDIS_DIAL_TIMEOUT", "5s", "How long connecting to Redis may take, login included.");
const READ_TIMEOUT: Key =
    Key::new("REDIS_READ_TIMEOUT", "3s", "How long an answer of Redis may take; `-1` for no limit.");
const WRITE_TIMEOUT: Key = Key::without_value(
    "REDIS_WRITE_TIMEOUT",
    "as `REDIS_READ_TIMEOUT`",
    "How long Redis may take no bytes; `-1` for no limit.",
);
const POOL_SIZE: Key = Key::new(
    "REDIS_POOL_SIZE",
    "2",
    "How many connections to Redis share the commands; each carries many at a time.",
);
const DATABASES: RangeInclusive<u32> = 0..=9999;
const CONNECTIONS: RangeInclusive<usize> = 1..=1000;
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(600);

/// Where Redis is, and how to talk to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redis {
    /// As given; may contain a password.
    address: Secret,
    username: Option<String>,
    password: Option<Secret>,
    database: Option<u32>,
    /// The file with the certificates to trust.
    certificates: Option<PathBuf>,
    dial: Limit,
    read: Limit,
    write: Limit,
    pool_size: NonZeroUsize,
}

/// A bound on a wait, as Go's clients write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    Usual,
    Never,
    After(Duration),
}

impl Redis {
    /// `None` is a fault, `Some(None)` no Redis.
    pub(super) fn read(reader: &mut Reader, delivery: Option<TaskDelivery>) -> Option<Option<Self>> {
        let address = reader.read_optional(&ADDRESS, address);
        let username = reader.read_optional(&USERNAME, |text| Ok(text.to_owned()));
        let password = reader.read_optional(&PASSWORD, |text| Ok(Secret::new(text)));
        let database = reader.read_optional(&DATABASE, whole(DATABASES));
        let certificates = reader.read_optional(&TLS_CA, |text| Ok(PathBuf::from(text)));
        let dial = reader.read(&DIAL_TIMEOUT, dial_limit);
        let read = reader.read(&READ_TIMEOUT, limit);
        let write = reader.read_optional(&WRITE_TIMEOUT, limit);
        if delivery == Some(TaskDelivery::Direct) {
            check_bounds(reader, read, write.flatten());
        }
        let pool_size = reader.read(&POOL_SIZE, pool_size);
        match &address {
            Some(Some(address)) => check_conflicts(reader, &Said::by(address.expose())),
            Some(None) => check_without_address(reader),
            None => {}
        }
        let Some(address) = address? else { return Some(None) };
        Some(Some(Self {
            address,
            username: username?,
            password: password?,
            database: database?,
            certificates: certificates?,
            dial: dial?,
            read: read?,
            write: write?.unwrap_or(Limit::Usual),
            pool_size: pool_size?,
        }))
    }

    /// All of it, as the library takes it. Reads the file with the certificates.
    ///
    /// # Errors
    /// That file cannot be read.
    pub fn options(&self) -> anyhow::Result<RedisOptions> {
        let mut options = RedisOptions::parse(self.address.expose())?.pool_size(self.pool_size);
        if let Some(user) = &self.username {
            options = options.username(user);
        }
        if let Some(password) = &self.password {
            options = options.password(password.expose());
        }
        if let Some(number) = self.database {
            options = options.database(number);
        }
        if let Some(path) = &self.certificates {
            options = options.tls(RedisTls::new().authorities_file(path).context("REDIS_TLS_CA")?);
        }
        if let Limit::After(time) = self.dial {
            options = options.dial_timeout(time);
        }
        options = match self.read {
            Limit::After(time) => options.read_timeout(time),
            Limit::Never => options.without_read_timeout(),
            Limit::Usual => options,
        };
        Ok(match self.write {
            Limit::After(time) => options.write_timeout(time),
            Limit::Never => options.without_write_timeout(),
            Limit::Usual => options,
        })
    }
}

/// What an address that can be understood says besides the place.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    user: bool,
    password: bool,
    database: bool,
    /// It names a way to connect that is never encrypted.
    plain: bool,
}

impl Said {
    fn by(address: &str) -> Self {
        let Some((scheme, rest)) = address.split_once("://") else { return Self::default() };
        // As the library reads it: a password may contain whatever else has a meaning.
        let (login, rest) = rest.rsplit_once('@').unwrap_or(("", rest));
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let database = match scheme {
            "redis-socket" => query.split('&').any(|pair| pair.len() > 3 && pair.starts_with("db=")),
            _ => place.split_once('/').is_some_and(|(_, number)| !number.trim_matches('/').is_empty()),
        };
        // There, the login is that of the sentinels.
        let login = if scheme == "redis-sentinel" { "" } else { login };
        let (user, password) = login.split_once(':').map_or((login, None), |(user, pw)| (user, Some(pw)));
        Self {
            user: !user.is_empty(),
            password: password.is_some(),
            database,
            plain: matches!(scheme, "redis" | "redis-socket"),
        }
    }
}

/// What is said twice would be believed in the wrong place sooner or later.
fn check_conflicts(reader: &mut Reader, said: &Said) {
    let place = reader.where_given(ADDRESS.name).unwrap_or_default();
    for (key, is_said, what) in [
        (&USERNAME, said.user, "a user"),
        (&PASSWORD, said.password, "a password"),
        (&DATABASE, said.database, "a database"),
    ] {
        if is_said && reader.is_given(key) {
            reader.fault(key, format!("{place} has {what}, too: give it in one place"));
        }
    }
    if said.plain && reader.is_given(&TLS_CA) {
        reader.fault(&TLS_CA, format!("{place} asks for a connection without TLS: rediss:// is with TLS"));
    }
}

/// With an enqueue inside it, a transaction lasts as long as Redis is allowed to take.
fn check_bounds(reader: &mut Reader, read: Option<Limit>, write: Option<Limit>) {
    for (key, limit) in [(&READ_TIMEOUT, read), (&WRITE_TIMEOUT, write)] {
        if limit == Some(Limit::Never) {
            reader.fault(key, "TASK_DELIVERY=direct needs a limit: transactions wait for Redis");
        }
    }
}

fn check_without_address(reader: &mut Reader) {
    if reader.role() == Role::Relay {
        reader.fault(&ADDRESS, "the relay needs it: without Redis there is nowhere to publish to");
        return;
    }
    let idle = [&USERNAME, &PASSWORD, &DATABASE, &TLS_CA, &WRITE_TIMEOUT];
    let given: Vec<String> = idle.into_iter().filter_map(|key| reader.where_given(key.name)).collect();
    if !given.is_empty() {
        reader.notice(format!("without effect, because REDIS_ADDRESS is not set: {}", given.join(", ")));
    }
}

fn address(text: &str) -> Result<Secret, String> {
    match RedisOptions::parse(text) {
        Ok(_) => Ok(Secret::new(text)),
        // The library's words never repeat a part of the address that may be a password.
        Err(error) => Err(format!(
            "host:port, redis://user:password@host:port/db, rediss://.., redis-socket://path?db=.. or \
             redis-sentinel://host,host?master=..: {error}"
        )),
    }
}

/// A duration, `0` for the usual one, or `-1` for none.
fn limit(text: &str) -> Result<Limit, String> {
    match text {
        "-1" => Ok(Limit::Never),
        _ if duration::parse(text) == Some(Duration::ZERO) => Ok(Limit::Usual),
        _ => duration::within(TIMEOUT)(text)
            .map(Limit::After)
            .map_err(|duration| format!("{duration}, or 0 for the default, or -1 for no limit")),
    }
}

fn dial_limit(text: &str) -> Result<Limit, String> {
    match limit(text) {
        Ok(Limit::Never) | Err(_) => duration::within(TIMEOUT)(text)
            .map(Limit::After)
            .map_err(|duration| format!("{duration}, or 0 for the default")),
        limit => limit,
    }
}

fn pool_size(text: &str) -> Result<NonZeroUsize, String> {
    let size = whole(CONNECTIONS)(text)?;
    NonZeroUsize::new(size).ok_or_else(|| "at least 1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_go_writes_them() {
        assert_eq!(
            (limit("-1"), limit("0"), limit("0s")),
            (Ok(Limit::Never), Ok(Limit::Usual), Ok(Limit::Usual))
        );
        assert_eq!(limit("250ms"), Ok(Limit::After(Duration::from_millis(250))));
        assert_eq!(
            (dial_limit("0"), dial_limit("5s")),
            (Ok(Limit::Usual), Ok(Limit::After(Duration::from_secs(5))))
        );
        for bad in ["", "-1s", "3", "11m", "1us"] {
            assert!(limit(bad).is_err(), "{bad}");
        }
        assert!(dial_limit("-1").is_err(), "connecting without end would never try again");
    }

    #[test]
    fn what_an_address_says_is_known() {
        let said = |address| {
            RedisOptions::parse(address).expect("the library understands it");
            let Said { user, password, database, plain } = Said::by(address);
            (user, password, database, plain)
        };
        assert_eq!(said("h:1"), (false, false, false, false));
        assert_eq!(said("redis://h/"), (false, false, false, true));
        assert_eq!(said("rediss://app@h/0"), (true, false, true, false));
        assert_eq!(said("redis://:p@/?w@h"), (false, true, false, true));
        assert_eq!(said("redis-socket://:p@/r/x?db=4"), (false, true, true, true));
        assert_eq!(said("redis-socket:///r/x"), (false, false, false, true));
        assert_eq!(said("redis-sentinel://guard:p@one/3?master=m"), (false, false, true, false));
    }
}
