//! Redis, if tasks are to run from there.

use super::cli::Role;
use super::duration;
use super::keys::Key;
use super::number::whole;
use super::reader::Reader;
use aftercommit::redis::RedisOptions;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

pub(super) const KEYS: &[Key] = &[
    ADDRESS,
    USERNAME,
    PASSWORD,
    DATABASE,
    TLS_CA,
    DIAL_TIMEOUT,
    READ_TIMEOUT,
    WRITE_TIMEOUT,
    POOL_SIZE,
    TASK_DELIVERY,
];
const ADDRESS: Key = Key::without_value(
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
const TASK_DELIVERY: Key = Key::new(
    "TASK_DELIVERY",
    "outbox",
    "How tasks get to Redis: `outbox`, committed with the data and published by a relay.",
);

const DATABASES: RangeInclusive<u32> = 0..=9999;
const CONNECTIONS: RangeInclusive<usize> = 1..=1000;
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(600);

/// Where Redis is, and how to talk to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redis {
    /// Everything but the certificates in a file.
    pub options: RedisOptions,
    /// The file with the certificates to trust, of which nothing has been read yet.
    pub certificates: Option<PathBuf>,
}

/// An address, and what its form says.
struct Address {
    options: RedisOptions,
    /// Whether it names a way to connect that is never encrypted.
    is_plain: bool,
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
    pub(super) fn read(reader: &mut Reader) -> Option<Option<Self>> {
        let address = reader.read_optional(&ADDRESS, address);
        let username = reader.read_optional(&USERNAME, |text| Ok(text.to_owned()));
        let password = reader.read_optional(&PASSWORD, |text| Ok(text.to_owned()));
        let database = reader.read_optional(&DATABASE, whole(DATABASES));
        let certificates = reader.read_optional(&TLS_CA, |text| Ok(PathBuf::from(text)));
        let dial = reader.read(&DIAL_TIMEOUT, dial_limit);
        let read = reader.read(&READ_TIMEOUT, limit);
        let write = reader.read_optional(&WRITE_TIMEOUT, limit);
        let pool_size = reader.read(&POOL_SIZE, pool_size);
        let delivery = reader.read(&TASK_DELIVERY, delivery);

        let address = address?;
        match &address {
            Some(address) => check_conflicts(reader, address),
            None => check_without_address(reader),
        }
        let (username, password, database, certificates) = (username?, password?, database?, certificates?);
        let (dial, read, write, pool_size, ()) = (dial?, read?, write?, pool_size?, delivery?);
        let Some(Address { mut options, .. }) = address else { return Some(None) };
        if let Some(user) = username {
            options = options.username(user);
        }
        if let Some(password) = password {
            options = options.password(password);
        }
        if let Some(number) = database {
            options = options.database(number);
        }
        options = match dial {
            Limit::After(time) => options.dial_timeout(time),
            Limit::Usual | Limit::Never => options,
        };
        options = match read {
            Limit::After(time) => options.read_timeout(time),
            Limit::Never => options.without_read_timeout(),
            Limit::Usual => options,
        };
        options = match write {
            Some(Limit::After(time)) => options.write_timeout(time),
            Some(Limit::Never) => options.without_write_timeout(),
            Some(Limit::Usual) | None => options,
        };
        Some(Some(Self { options: options.pool_size(pool_size), certificates }))
    }
}

/// What is said twice would be believed in the wrong place sooner or later.
fn check_conflicts(reader: &mut Reader, Address { options, is_plain }: &Address) {
    let place = reader.where_given(ADDRESS.name).unwrap_or_default();
    for (key, is_said, what) in [
        (&USERNAME, options.has_username(), "a user"),
        (&PASSWORD, options.has_password(), "a password"),
        (&DATABASE, options.has_database(), "a database"),
    ] {
        if is_said && reader.is_given(key) {
            reader.fault(key, format!("{place} has {what}, too: give it in one place"));
        }
    }
    if *is_plain && reader.is_given(&TLS_CA) {
        reader.fault(&TLS_CA, format!("{place} asks for a connection without TLS: rediss:// is with TLS"));
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

fn address(text: &str) -> Result<Address, String> {
    match RedisOptions::parse(text) {
        Ok(options) => {
            let is_plain = ["redis://", "redis-socket://"].iter().any(|scheme| text.starts_with(scheme));
            Ok(Address { options, is_plain })
        }
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

/// The ways of the course that lose tasks are not silently replaced by one that does not.
fn delivery(text: &str) -> Result<(), String> {
    match text {
        "outbox" => Ok(()),
        "direct" | "direct_no_tx" => {
            Err("outbox (direct and direct_no_tx are not in this release)".to_owned())
        }
        _ => Err("outbox".to_owned()),
    }
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
}
