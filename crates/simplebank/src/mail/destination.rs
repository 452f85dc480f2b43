//! `EMAIL_URL`: a directory for message files, or a mail server and how far it is trusted.

use crate::secret::Secret;
use percent_encoding::percent_decode_str;
use std::{fmt, net::IpAddr, path::PathBuf};
use url::Url;

/// Where e-mail goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// `file:DIR`: a file per message.
    Directory(PathBuf),
    /// `smtp://` or `smtps://`.
    Relay(Relay),
}

/// The mail server that takes messages over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// A host name or an address; IPv6 without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// The user to log in as, if any.
    pub credentials: Option<Credentials>,
    /// A PEM file with certificates to trust beside the public ones.
    pub certificates: Option<PathBuf>,
}

/// How a connection to a mail server is protected. Where TLS is used, the certificate must be valid for the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (`smtps://`).
    Tls,
    /// The server must offer STARTTLS (`smtp://` with a password, or with `?tls=required`).
    StartTls,
    /// STARTTLS where the server offers it (`smtp://` without a password). Someone on the path can strip the
    /// offer, but then there is no password to steal.
    StartTlsIfOffered,
    /// No TLS (`smtp://` to this machine): what never leaves the machine needs none, and local mail servers have
    /// certificates nobody could check.
    Plain,
}

/// A user of the mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user name.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// The port for handing in messages where the connection starts in plain text.
const SUBMISSION_PORT: u16 = 587;
/// The port for handing in messages over TLS.
const SUBMISSIONS_PORT: u16 = 465;

impl Destination {
    /// Reads an `EMAIL_URL`. `login` is used for what the URL leaves out: the password where it names only a
    /// user, both where it names nobody. An error says what was expected, and nothing of what was given.
    pub fn parse(text: &str, login: Option<&Credentials>) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("file", path)) => directory(path).map(Self::Directory),
            Some(("smtp" | "smtps", _)) => relay(text, login).map(Self::Relay),
            _ => {
                Err("file:DIR, smtp://user:password@host:port or smtps://user:password@host:port".to_owned())
            }
        }
    }
}

impl fmt::Display for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

fn directory(path: &str) -> Result<PathBuf, String> {
    let path = match path.strip_prefix("//") {
        Some(absolute) if absolute.starts_with('/') => absolute,
        Some(_) => return Err("file:DIR, with DIR a path on this machine".to_owned()),
        None => path,
    };
    if path.is_empty() {
        return Err("a directory after file:".to_owned());
    }
    Ok(path.into())
}

fn relay(text: &str, login: Option<&Credentials>) -> Result<Relay, String> {
    let form = || {
        let marks = "with '@', ':' and '/' in user or password written as %40, %3A and %2F";
        format!("smtp://user:password@host:port, {marks}")
    };
    let url = Url::parse(text).map_err(|_| form())?;
    let host =
        decoded(url.host_str().unwrap_or_default()).filter(|host| !host.is_empty()).ok_or_else(form)?;
    if !matches!(url.path(), "" | "/") || url.fragment().is_some() || url.port() == Some(0) {
        return Err(form());
    }
    let host = host.trim_matches(['[', ']']).to_owned();
    let credentials = credentials(&url, login)?;
    let security = match (url.scheme(), url.query()) {
        ("smtps", None) => Security::Tls,
        ("smtp", Some("tls=required")) => Security::StartTls,
        (_, Some(_)) => return Err("no parameter but tls=required, and that on smtp:// only".to_owned()),
        _ if is_this_machine(&host) => Security::Plain,
        _ if credentials.is_some() => Security::StartTls,
        _ => Security::StartTlsIfOffered,
    };
    let usual = if security == Security::Tls { SUBMISSIONS_PORT } else { SUBMISSION_PORT };
    Ok(Relay { host, port: url.port().unwrap_or(usual), security, credentials, certificates: None })
}

fn credentials(url: &Url, login: Option<&Credentials>) -> Result<Option<Credentials>, String> {
    let text = |part: &str| decoded(part).ok_or_else(|| "user and password in UTF-8".to_owned());
    match (text(url.username())?, url.password().map(text).transpose()?, login) {
        (user, Some(_), _) if user.is_empty() => Err("a user before the password".to_owned()),
        (user, Some(password), _) => Ok(Some(Credentials { user, password: Secret::new(password) })),
        (user, None, login) if user.is_empty() => Ok(login.cloned()),
        (user, None, Some(login)) => Ok(Some(Credentials { user, password: login.password.clone() })),
        (_, None, None) => Err("a password for the user, in the URL or in EMAIL_SENDER_PASSWORD".to_owned()),
    }
}

fn decoded(part: &str) -> Option<String> {
    percent_decode_str(part).decode_utf8().ok().map(|text| text.into_owned())
}

fn is_this_machine(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login() -> Credentials {
        Credentials { user: "bank@sender.example".into(), password: Secret::new("from-the-key") }
    }

    fn relay_of(url: &str, login: Option<&Credentials>) -> Relay {
        match Destination::parse(url, login) {
            Ok(Destination::Relay(relay)) => relay,
            other => panic!("{url}: {other:?}"),
        }
    }

    #[test]
    fn file_urls_name_a_directory() {
        for (url, path) in [("file:./mail", "./mail"), ("file:/var/m", "/var/m"), ("file:///var/m", "/var/m")]
        {
            assert_eq!(Destination::parse(url, None), Ok(Destination::Directory(path.into())), "{url}");
        }
    }

    #[test]
    fn everything_in_a_url_is_understood() {
        let relay = relay_of("smtp://al%40ice:p%3Aa%2Fss%20@mail.example:2525", None);
        assert_eq!((relay.host.as_str(), relay.port), ("mail.example", 2525));
        let credentials = relay.credentials.unwrap();
        assert_eq!((credentials.user.as_str(), credentials.password.expose()), ("al@ice", "p:a/ss "));
        assert_eq!(relay_of("smtp://mail.example", None).port, 587);
        assert_eq!(relay_of("smtps://mail.example/", None).port, 465);
        let relay = relay_of("smtp://[::1]:25", None);
        assert_eq!((relay.host.as_str(), relay.to_string().as_str()), ("::1", "[::1]:25"));
    }

    #[test]
    fn password_leaves_this_machine_only_encrypted() {
        let of = |url: &str, login: Option<&Credentials>| relay_of(url, login).security;
        assert_eq!(of("smtp://u:p@mail.example", None), Security::StartTls);
        assert_eq!(of("smtp://mail.example", Some(&login())), Security::StartTls);
        assert_eq!(of("smtp://mail.example", None), Security::StartTlsIfOffered);
        assert_eq!(of("smtp://mail.example?tls=required", None), Security::StartTls);
        assert_eq!(of("smtps://u:p@127.0.0.1", None), Security::Tls);
        for here in ["smtp://u:p@127.0.0.1", "smtp://localhost:25", "smtp://[::1]", "smtp://u:p@127.8.8.8:1"]
        {
            assert_eq!(of(here, None), Security::Plain, "{here}");
        }
        for there in ["smtp://u:p@localhost.example", "smtp://u:p@128.0.0.1", "smtp://u:p@127.0.0.1.example"]
        {
            assert_eq!(of(there, None), Security::StartTls, "{there}");
        }
    }

    #[test]
    fn separate_login_fills_in_what_the_url_leaves_out() {
        let of = |url: &str, login: Option<&Credentials>| relay_of(url, login).credentials;
        assert_eq!(of("smtp://h.example", Some(&login())), Some(login()));
        assert_eq!(of("smtp://h.example", None), None);
        let mixed = Credentials { user: "u".into(), ..login() };
        assert_eq!(of("smtp://u@h.example", Some(&login())), Some(mixed));
        let own = Credentials { user: "u".into(), password: Secret::new("p") };
        assert_eq!(of("smtp://u:p@h.example", Some(&login())), Some(own));
    }

    #[test]
    fn nonsense_is_refused_without_repeating_it() {
        let bad = [
            "",
            "hunter2",
            "file:",
            "file://hunter2",
            "http://hunter2",
            "smtp:hunter2",
            "smtp://",
            "smtp://u:hunter2@",
            "smtp://u:hunter2@h:99999",
            "smtp://u:hunter2@h:0",
            "smtp://u:hunter2@h/path",
            "smtp://u:hunter2@h?x=1",
            "smtp://u:hunter2@h#f",
            "smtps://u:hunter2@h?tls=required",
            "smtp://:hunter2@h",
            "smtp://hunter2@h",
            "smtp://u:hunter2%ff@h",
        ];
        for url in bad {
            let error = Destination::parse(url, None).expect_err(url);
            assert!(!error.contains("hunter2") && !error.is_empty(), "{url}: {error}");
        }
    }

    #[test]
    fn debug_output_has_no_password() {
        let relay = relay_of("smtp://user:hunter2@mail.example", None);
        assert!(!format!("{relay:?} {relay}").contains("hunter2"));
    }
}
