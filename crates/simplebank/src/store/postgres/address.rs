//! Where a Postgres is and who we are there: `postgresql://user:password@host:port/database?sslmode=..`, parsed.

use crate::secret::Secret;
use crate::store::SourceError;
use percent_encoding::percent_decode_str;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::fmt;
use std::path::PathBuf;
use url::Url;

/// What a server calls us in its list of connections, unless the address says otherwise.
const APPLICATION_NAME: &str = "simplebank";

/// Where Postgres listens if the address does not say.
const PORT: u16 = 5432;

/// Where a Postgres is, who we are there, and how far its word is trusted. Prints without the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresAddress {
    host: Host,
    port: u16,
    user: String,
    password: Option<Secret>,
    database: String,
    tls: Tls,
    application_name: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    /// A name or an IP address.
    Network(String),
    /// The directory of a unix socket.
    Socket(PathBuf),
}

/// Whether the connection is encrypted, and whose certificate is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Tls {
    Disable,
    /// Encrypted if the server can.
    Prefer,
    /// Encrypted, whoever the server is.
    Require,
    /// Encrypted, and the certificate is from an authority in this file (without one, a public authority).
    VerifyCa(Option<PathBuf>),
    /// And it is for the host that was asked for.
    VerifyFull(Option<PathBuf>),
}

const SSL_MODES: &str = "disable, prefer, require, verify-ca or verify-full";

impl PostgresAddress {
    /// Reads an address. A parameter that has no effect here is refused by name, and so is what is missing.
    ///
    /// # Errors
    /// In words that may be shown: no part of the text that may hold a password is repeated.
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let url = Url::parse(text).map_err(|_| malformed())?;
        if !matches!(url.scheme(), "postgres" | "postgresql") || url.fragment().is_some() {
            return Err(malformed());
        }
        let parameters = Parameters::of(&url)?;
        let host = match decoded(url.host_str().unwrap_or_default())? {
            host if host.is_empty() => return Err(SourceError::new("the host is missing")),
            directory if directory.starts_with('/') => Host::Socket(directory.into()),
            // The brackets belong to the notation, not to the address.
            host => Host::Network(host.trim_matches(['[', ']']).to_owned()),
        };
        let database = decoded(url.path().trim_start_matches('/'))?;
        let user = decoded(url.username())?;
        if user.is_empty() {
            return Err(SourceError::new("the user is missing"));
        }
        if database.is_empty() || database.contains('/') {
            return Err(SourceError::new("the name of the database is missing"));
        }
        Ok(Self {
            host,
            port: url.port().unwrap_or(PORT),
            user,
            password: url.password().map(decoded).transpose()?.map(Secret::new),
            database,
            tls: parameters.tls,
            application_name: parameters.application_name.unwrap_or_else(|| APPLICATION_NAME.to_owned()),
        })
    }

    /// The address as the driver takes it.
    pub(super) fn options(&self) -> PgConnectOptions {
        // Said outright, all of it: what is not said, the driver takes from variables of the environment.
        let options = PgConnectOptions::new_without_pgpass()
            .port(self.port)
            .username(&self.user)
            .database(&self.database)
            .application_name(&self.application_name);
        let options = match &self.host {
            Host::Network(host) => options.host(host),
            Host::Socket(directory) => options.socket(directory),
        };
        let options = match &self.password {
            Some(password) => options.password(password.expose()),
            None => options,
        };
        let (mode, authorities) = match &self.tls {
            Tls::Disable => (PgSslMode::Disable, None),
            Tls::Prefer => (PgSslMode::Prefer, None),
            Tls::Require => (PgSslMode::Require, None),
            Tls::VerifyCa(authorities) => (PgSslMode::VerifyCa, authorities.as_ref()),
            Tls::VerifyFull(authorities) => (PgSslMode::VerifyFull, authorities.as_ref()),
        };
        let options = options.ssl_mode(mode);
        match authorities {
            Some(file) => options.ssl_root_cert(file),
            None => options,
        }
    }
}

impl fmt::Display for PostgresAddress {
    /// `host:port/database`: what an operator needs to know it by.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Network(host) if host.contains(':') => write!(f, "[{host}]:{}", self.port)?,
            Host::Network(host) => write!(f, "{host}:{}", self.port)?,
            Host::Socket(directory) => write!(f, "{}:{}", directory.display(), self.port)?,
        }
        write!(f, "/{}", self.database)
    }
}

/// What stands behind the question mark.
struct Parameters {
    tls: Tls,
    application_name: Option<String>,
}

impl Parameters {
    fn of(url: &Url) -> Result<Self, SourceError> {
        let (mut mode, mut authorities, mut application_name) = (None, None, None);
        for (name, value) in url.query_pairs() {
            let place = match &*name {
                "sslmode" => &mut mode,
                "sslrootcert" => &mut authorities,
                "application_name" => &mut application_name,
                name => return Err(SourceError::new(format!("the parameter {name:?} is not supported"))),
            };
            if place.replace(value.into_owned()).is_some() {
                return Err(SourceError::new(format!("{name} is given twice")));
            }
        }
        let tls = tls(mode.as_deref().unwrap_or("prefer"), authorities.map(PathBuf::from))?;
        Ok(Self { tls, application_name })
    }
}

fn tls(mode: &str, authorities: Option<PathBuf>) -> Result<Tls, SourceError> {
    match (mode, authorities) {
        ("disable", None) => Ok(Tls::Disable),
        ("prefer", None) => Ok(Tls::Prefer),
        ("require", None) => Ok(Tls::Require),
        // As psql has it: whoever names authorities wants the certificate to be from one of them.
        ("require", authorities) | ("verify-ca", authorities) => Ok(Tls::VerifyCa(authorities)),
        ("verify-full", authorities) => Ok(Tls::VerifyFull(authorities)),
        ("disable" | "prefer", Some(_)) => {
            Err(SourceError::new(format!("sslrootcert has no effect with sslmode={mode}")))
        }
        _ => Err(SourceError::new(format!("sslmode must be {SSL_MODES}"))),
    }
}

fn decoded(text: &str) -> Result<String, SourceError> {
    percent_decode_str(text).decode_utf8().map(Into::into).map_err(|_| malformed())
}

fn malformed() -> SourceError {
    SourceError::new("it cannot be read; special characters of the password must be percent-encoded")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> PostgresAddress {
        PostgresAddress::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn the_address_of_the_course_is_read_and_printed_without_its_password() {
        let address = parse("postgresql://root:secret@localhost:5432/simple_bank?sslmode=disable");
        assert_eq!(address.to_string(), "localhost:5432/simple_bank");
        assert!(!format!("{address:?}").contains("secret"), "{address:?}");
        let options = address.options();
        assert_eq!((options.get_host(), options.get_port()), ("localhost", 5432));
        assert_eq!((options.get_username(), options.get_database()), ("root", Some("simple_bank")));
        assert!(matches!(options.get_ssl_mode(), PgSslMode::Disable));
        assert_eq!(options.get_application_name(), Some("simplebank"));
    }

    #[test]
    fn what_may_be_left_out_has_the_usual_values() {
        let address = parse("postgres://bank@db.example.com/bank");
        assert_eq!(address.to_string(), "db.example.com:5432/bank");
        assert_eq!((address.tls, address.password), (Tls::Prefer, None));
        assert_eq!(parse("postgres://b@[::1]/bank").to_string(), "[::1]:5432/bank");
        assert_eq!(parse("postgres://b@[::1]/bank").options().get_host(), "::1");
    }

    #[test]
    fn a_socket_may_be_the_host() {
        let address = parse("postgres://b@%2Frun%2Fpg/bank");
        assert_eq!(address.to_string(), "/run/pg:5432/bank");
        assert_eq!(address.options().get_socket(), Some(&PathBuf::from("/run/pg")));
    }

    #[test]
    fn special_characters_are_percent_encoded() {
        let address = parse("postgres://b%40nk:p%2F%23%3A@h/my%20bank?application_name=till%201");
        assert_eq!(address.password, Some(Secret::new("p/#:")));
        assert_eq!((&*address.user, &*address.database), ("b@nk", "my bank"));
        assert_eq!(address.application_name, "till 1");
    }

    #[test]
    fn how_far_a_server_is_trusted_is_said_by_sslmode_and_sslrootcert() {
        let tls = |query: &str| parse(&format!("postgres://b@h/d?{query}")).tls;
        assert_eq!(tls("sslmode=require"), Tls::Require);
        assert_eq!(tls("sslmode=verify-full"), Tls::VerifyFull(None));
        let file = Some(PathBuf::from("/ca.pem"));
        assert_eq!(tls("sslmode=require&sslrootcert=/ca.pem"), Tls::VerifyCa(file.clone()));
        assert_eq!(tls("sslrootcert=/ca.pem&sslmode=verify-full"), Tls::VerifyFull(file));
    }

    #[test]
    fn what_is_wrong_is_said_without_repeating_what_may_be_a_password() {
        for (text, said) in [
            ("postgresql://root:s3cret@/d", "it cannot be read"),
            ("postgresql://root:s3cret@h/", "the name of the database is missing"),
            ("postgresql://h/d", "the user is missing"),
            ("postgresql://:s3cret@h/d", "the user is missing"),
            ("postgresql://root:s3#cret@h/d", "it cannot be read"),
            ("postgresql://root:s3/cret@h/d", "it cannot be read"),
            ("postgresql://r:s3cret@h:70000/d", "it cannot be read"),
            ("postgresql:s3cret", "the host is missing"),
            ("postgres://r:s3cret@h/d?sslmod=disable", "the parameter \"sslmod\" is not supported"),
            ("postgres://r:p@h/d?password=s3cret", "the parameter \"password\" is not supported"),
            ("postgres://r:p@h/d?sslmode=allow", "sslmode must be disable, prefer"),
            ("postgres://r:p@h/d?sslmode=disable&sslmode=prefer", "sslmode is given twice"),
            ("postgres://r:p@h/d?sslrootcert=/a", "sslrootcert has no effect with sslmode=prefer"),
            ("postgres://r:p@h/d?host=/run", "the parameter \"host\" is not supported"),
        ] {
            let error = PostgresAddress::parse(text).expect_err(text).to_string();
            assert!(error.starts_with(said) && !error.contains("s3"), "{text}: {error}");
        }
    }
}
