//! Reads the address of Redis as people write it: `host:port`, or a URI in one of four schemes.

use aftercommit_core::{Error, Result};
use percent_encoding::percent_decode_str;

use crate::options::{HostPort, Login, PORT, Place, RedisOptions, RedisTls, Secret};

impl RedisOptions {
    /// Reads an address:
    ///
    /// - `host` or `host:port`
    /// - `redis://[user[:password]@]host[:port][/database]`
    /// - `rediss://..`: the same with TLS; the certificate must be for the host
    /// - `redis-socket://[user[:password]@]/path[?db=database]`
    /// - `redis-sentinel://[user[:password]@]host[:port],host[:port]..[/database]?master=name`: user and password are
    ///   those of the sentinels; [`username`](Self::username) and [`password`](Self::password) set those of Redis
    ///
    /// User names count, unlike in Go's asynq, which drops them. What is percent-encoded is decoded. A query parameter that
    /// is not listed here is an error. Messages never repeat a password.
    pub fn parse(address: &str) -> Result<Self> {
        let Some((scheme, rest)) = address.split_once("://") else {
            return parse_plain(address);
        };
        let parts = Parts::split(rest)?;
        match scheme {
            "redis" => parse_tcp(parts),
            "rediss" => Ok(parse_tcp(parts)?.tls(RedisTls::new())),
            "redis-socket" => parse_socket(parts),
            "redis-sentinel" => parse_sentinel(parts),
            _ => Err(invalid(
                "the scheme is none of redis, rediss, redis-socket and redis-sentinel, nor is it host:port",
            )),
        }
    }
}

/// A URI behind its scheme.
struct Parts<'a> {
    login: Login,
    /// The hosts, as they stand.
    hosts: &'a str,
    /// Begins with `/`, or is empty.
    path: &'a str,
    query: Vec<(&'a str, String)>,
}

impl<'a> Parts<'a> {
    fn split(rest: &'a str) -> Result<Self> {
        if rest.contains('#') {
            return Err(invalid("there is a #; within a password it is written %23"));
        }
        // The last @ is the one: a password may contain whatever else has a meaning in a URI.
        let (login, rest) = match rest.rsplit_once('@') {
            Some((login, rest)) => (parse_login(login)?, rest),
            None => (Login::default(), rest),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (hosts, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Ok(Self { login, hosts, path, query: parse_query(query)? })
    }

    /// Takes a query parameter.
    fn parameter(&mut self, name: &str) -> Option<String> {
        let at = self.query.iter().position(|(given, _)| *given == name)?;
        Some(self.query.remove(at).1)
    }

    fn nothing_is_left_over(&self) -> Result<()> {
        match self.query.first() {
            None => Ok(()),
            Some((name, _)) => {
                Err(invalid(format!("the parameter {name} is not known here, or is there twice")))
            }
        }
    }

    fn database(&self) -> Result<u32> {
        parse_database(self.path.trim_start_matches('/'))
    }
}

fn parse_plain(address: &str) -> Result<RedisOptions> {
    if address.contains(['@', '/', '?']) {
        return Err(invalid("it is neither host:port nor does it begin with a scheme, as in redis://"));
    }
    Ok(RedisOptions::at(Place::Tcp(HostPort::parse(address, PORT)?)))
}

fn parse_tcp(parts: Parts<'_>) -> Result<RedisOptions> {
    parts.nothing_is_left_over()?;
    let database = parts.database()?;
    let options = RedisOptions::at(Place::Tcp(HostPort::parse(parts.hosts, PORT)?));
    Ok(RedisOptions { login: parts.login, ..options }.database(database))
}

fn parse_socket(mut parts: Parts<'_>) -> Result<RedisOptions> {
    let database = parts.parameter("db");
    parts.nothing_is_left_over()?;
    // A relative path begins where a host would.
    let path = decoded(&format!("{}{}", parts.hosts, parts.path))?;
    if path.is_empty() {
        return Err(invalid("there is no path to a socket"));
    }
    let options = RedisOptions { login: parts.login, ..RedisOptions::unix_socket(path) };
    Ok(options.database(parse_database(database.as_deref().unwrap_or_default())?))
}

fn parse_sentinel(mut parts: Parts<'_>) -> Result<RedisOptions> {
    let master = parts.parameter("master");
    parts.nothing_is_left_over()?;
    let database = parts.database()?;
    let master =
        master.ok_or_else(|| invalid("the parameter master, with the name of the primary, is missing"))?;
    let hosts = parts.hosts.split(',').filter(|host| !host.is_empty());
    let mut options = RedisOptions::sentinel(&master, hosts)?.database(database);
    if let Place::Sentinel { login, .. } = &mut options.place {
        *login = parts.login;
    }
    Ok(options)
}

fn parse_login(text: &str) -> Result<Login> {
    let (user, password) = match text.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (text, None),
    };
    let user = Some(decoded(user)?).filter(|user| !user.is_empty());
    Ok(Login { user, password: password.map(decoded).transpose()?.map(Secret) })
}

fn parse_query(text: &str) -> Result<Vec<(&str, String)>> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((name, decoded(value)?))
        })
        .collect()
}

fn parse_database(text: &str) -> Result<u32> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| invalid("the database is not a number"))
}

fn decoded(text: &str) -> Result<String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| invalid("what is percent-encoded in it is not UTF-8"))
}

/// Never with the address itself: it may hold a password.
fn invalid(why: impl Into<String>) -> Error {
    Error::invalid("redis address", why)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Place, user, password, database, TLS.
    fn read(address: &str) -> (String, Option<String>, Option<String>, u32, bool) {
        let options = RedisOptions::parse(address).unwrap();
        let login = match &options.place {
            Place::Sentinel { login, .. } => login.clone(),
            _ => options.login.clone(),
        };
        let place = options.to_string();
        (place, login.user, login.password.map(|it| it.0), options.database, options.tls.is_some())
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn every_form_is_read() {
        for (address, expected) in [
            ("127.0.0.1:6380", ("127.0.0.1:6380".to_owned(), None, None, 0, false)),
            ("cache", ("cache:6379".to_owned(), None, None, 0, false)),
            ("redis://h", ("h:6379".to_owned(), None, None, 0, false)),
            ("redis://h/", ("h:6379".to_owned(), None, None, 0, false)),
            ("redis://:pw@h:1/3", ("h:1".to_owned(), None, some("pw"), 3, false)),
            ("redis://app:p%40%2Fw@[::1]:1", ("[::1]:1".to_owned(), some("app"), some("p@/w"), 0, false)),
            ("rediss://app@h/2", ("h:6379".to_owned(), some("app"), None, 2, true)),
            ("redis-socket:///run/redis.sock", ("/run/redis.sock".to_owned(), None, None, 0, false)),
            ("redis-socket://a:p@/r/x?db=4", ("/r/x".to_owned(), some("a"), some("p"), 4, false)),
            (
                "redis-sentinel://g:p@one:1,two/5?master=main",
                (
                    "main, as named by the sentinels one:1, two:26379".to_owned(),
                    some("g"),
                    some("p"),
                    5,
                    false,
                ),
            ),
        ] {
            assert_eq!(read(address), expected, "{address}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_and_the_password_is_not() {
        for (address, word) in [
            ("http://hidden@h", "scheme"),
            ("redis://:hidden@", "no host"),
            ("redis://:hidden@h:port", "port"),
            ("redis://:hidden@h/first", "database"),
            ("redis://:hidden@h/-1", "database"),
            ("redis://:hidden@h?db=1", "parameter db"),
            ("redis://:hidden@h?timeout=1", "parameter timeout"),
            ("redis-socket://:hidden@", "path"),
            ("redis-socket://:hidden@/a?db=1&db=2", "parameter db"),
            ("redis-sentinel://:hidden@h", "master"),
            ("redis-sentinel://:hidden@?master=m", "no host"),
            ("redis://:hidden#@h", "%23"),
            ("redis://:hidden", "no host"),
            ("redis://h:hidden", "port"),
            ("redis://h/hidden", "database"),
            ("h:hidden", "port"),
            (":hidden@h", "scheme"),
            ("redis://:hidden%ff@h", "UTF-8"),
        ] {
            let message = RedisOptions::parse(address).unwrap_err().to_string();
            assert!(
                message.starts_with("invalid redis address: ") && message.contains(word),
                "{address}: {message}"
            );
            assert!(!message.contains("hidden"), "{address}: {message}");
        }
    }

    #[test]
    fn a_password_may_contain_what_has_a_meaning_elsewhere() {
        assert_eq!(read("redis://a:p@w@h").2, some("p@w"));
        assert_eq!(read("redis://a:p?/w@h").2, some("p?/w"));
    }
}
