//! How e-mail is sent, and what its sender is called.

use super::duration;
use super::keys::Key;
use super::reader::Reader;
use crate::mail::{Address, Credentials, Destination, Mailbox, Security};
use crate::secret::Secret;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

pub(super) const KEYS: &[Key] =
    &[EMAIL_URL, SENDER_NAME, SENDER_ADDRESS, SENDER_PASSWORD, EMAIL_TLS_CA, VERIFY_EMAIL_DURATION];
const EMAIL_URL: Key = Key::new(
    "EMAIL_URL",
    "file:./mail",
    "Where e-mail goes: `file:DIR`, `smtp://user:password@host:port` or `smtps://user:password@host:port`.",
)
.secret();
const SENDER_NAME: Key = Key::new("EMAIL_SENDER_NAME", "Simple Bank", "The name in the From line.");
const SENDER_ADDRESS: Key =
    Key::new("EMAIL_SENDER_ADDRESS", "no-reply@simplebank.example", "The address in the From line.")
        .refused_in_production("missing, with SMTP");
const SENDER_PASSWORD: Key = Key::without_value(
    "EMAIL_SENDER_PASSWORD",
    "no login",
    "The password for the mail server, if `EMAIL_URL` has none. The user is the one in `EMAIL_URL`, else the \
     sender's address.",
)
.secret();
const EMAIL_TLS_CA: Key = Key::without_value(
    "EMAIL_TLS_CA",
    "public authorities only",
    "A PEM file with certificates to trust beside the public ones.",
);
const VERIFY_EMAIL_DURATION: Key =
    Key::new("VERIFY_EMAIL_DURATION", "15m", "How long the link in the verification e-mail works.");

const LIFETIME: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(30 * 24 * 3600);
/// The longest sender name, in characters.
const MAX_NAME: usize = 100;

/// How e-mail is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Where e-mail goes.
    pub destination: Destination,
    /// Who it is from.
    pub sender: Mailbox,
    /// How long a verification link works, from when its e-mail was handed over.
    pub verify_email_duration: Duration,
}

impl Mail {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let name = reader.read(&SENDER_NAME, sender_name);
        let address = reader.read(&SENDER_ADDRESS, sender_address);
        let password = reader.read_optional(&SENDER_PASSWORD, |text| Ok(Secret::new(text)));
        let certificates = reader.read_optional(&EMAIL_TLS_CA, |text| Ok(PathBuf::from(text)));
        let login = address.clone().zip(password.clone().flatten());
        let login = login.map(|(address, password)| Credentials { user: address.to_string(), password });
        let mut destination = reader.read(&EMAIL_URL, |text| Destination::parse(text, login.as_ref()));
        if let (Some(Destination::Relay(relay)), Some(certificates)) = (&mut destination, certificates) {
            relay.certificates = certificates;
        }
        if let Some(destination) = &destination {
            without_effect(reader, destination, login.as_ref());
            if reader.is_production() && reader.role().works() {
                check_production(reader, destination);
            }
        }
        let verify_email_duration = reader.read(&VERIFY_EMAIL_DURATION, duration::within(LIFETIME));
        Some(Self {
            destination: destination?,
            sender: Mailbox::new(Some(name?), address?),
            verify_email_duration: verify_email_duration?,
        })
    }
}

fn without_effect(reader: &mut Reader, destination: &Destination, login: Option<&Credentials>) {
    let (password_used, encrypted) = match destination {
        Destination::Directory(_) => (false, false),
        Destination::Relay(relay) => (
            login.is_some_and(|login| {
                relay.credentials.as_ref().is_some_and(|own| own.password == login.password)
            }),
            relay.security != Security::Plain,
        ),
    };
    if login.is_some() && !password_used {
        reader
            .notice("EMAIL_SENDER_PASSWORD has no effect: EMAIL_URL is a directory or has its own password");
    }
    if reader.is_given(&EMAIL_TLS_CA) && !encrypted {
        reader.notice("EMAIL_TLS_CA has no effect: EMAIL_URL asks for no encrypted connection");
    }
}

fn check_production(reader: &mut Reader, destination: &Destination) {
    match destination {
        Destination::Directory(directory) => {
            let directory = directory.display();
            reader
                .notice(format!("EMAIL_URL: e-mails are only written to {directory}, nobody receives them"));
        }
        Destination::Relay(_) if !reader.is_given(&SENDER_ADDRESS) => {
            reader.fault(&SENDER_ADDRESS, "production needs it: e-mails are from this address");
        }
        Destination::Relay(_) => {}
    }
}

/// Message-IDs end with its domain, and must be ASCII.
fn sender_address(text: &str) -> Result<Address, String> {
    let address = text.parse().ok().filter(|_| text.is_ascii());
    address.ok_or_else(|| "an e-mail address in ASCII".to_owned())
}

fn sender_name(text: &str) -> Result<String, String> {
    match text.chars().count() <= MAX_NAME && !text.chars().any(char::is_control) {
        true => Ok(text.to_owned()),
        false => Err(format!("at most {MAX_NAME} characters on one line")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sender_is_a_plain_address_with_a_name_on_one_line() {
        assert!(sender_address("no-reply@bank.example").is_ok());
        for bad in [
            "",
            "bank",
            "Bank <no-reply@bank.example>",
            "no-reply@b\u{fc}cher.example",
            "a@b.example\nBcc: c",
        ] {
            assert!(sender_address(bad).is_err(), "{bad:?}");
        }
        assert_eq!(sender_name("Zo\u{eb}'s Bank").as_deref(), Ok("Zo\u{eb}'s Bank"));
        assert!(sender_name("a\nb").is_err() && sender_name(&"x".repeat(MAX_NAME + 1)).is_err());
    }
}
