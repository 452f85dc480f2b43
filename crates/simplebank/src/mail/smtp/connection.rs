//! One connection to a mail server: opening it as safely as the configuration asks, and handing a message over.

use super::Timeouts;
use super::step::{Steps, one_line};
use crate::mail::compose::Letter;
use crate::mail::{Cause, MailError, OpenError, Relay, Security, Stage};
use lettre::Address;
use lettre::transport::smtp::authentication::{Credentials as Login, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use std::fmt;

/// What a server answers when it is about to hang up.
pub(super) const CLOSING: u16 = 421;
/// What a server answers when it is ready for the message itself.
const GO_AHEAD: u16 = 354;

/// A mail server and all that is needed to connect to it.
pub(super) struct Server {
    relay: Relay,
    name: String,
    hello: ClientId,
    tls: TlsParameters,
}

impl Server {
    pub(super) async fn prepare(relay: &Relay) -> Result<Self, OpenError> {
        let tls = trust(relay).await?;
        Ok(Self { name: relay.to_string(), hello: ClientId::default(), tls, relay: relay.clone() })
    }

    /// `host:port`, for errors.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.relay.fmt(f)
    }
}

/// Whom to trust: the public certificate authorities, and those of `EMAIL_TLS_CA`.
async fn trust(relay: &Relay) -> Result<TlsParameters, OpenError> {
    let builder = TlsParameters::builder(relay.host.clone());
    let Some(path) = relay.certificates.clone() else {
        return builder.build().map_err(|error| OpenError::Tls(error.to_string()));
    };
    let unusable = |detail: String| OpenError::Certificates { path: path.clone(), detail };
    let pem = tokio::fs::read(&path).await.map_err(|error| unusable(error.to_string()))?;
    if !String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----") {
        return Err(unusable("holds no certificate in PEM format".to_owned()));
    }
    let certificate = Certificate::from_pem(&pem).map_err(|error| unusable(error.to_string()))?;
    builder.add_root_certificate(certificate).build().map_err(|error| unusable(error.to_string()))
}

/// An open connection, logged in where there is a login.
pub(super) struct Connection {
    smtp: AsyncSmtpConnection,
}

impl Connection {
    pub(super) async fn open(
        server: &Server,
        steps: &Steps<'_>,
        timeouts: &Timeouts,
    ) -> Result<Self, MailError> {
        let Server { relay, hello, tls, name } = server;
        let at_once = (relay.security == Security::Tls).then(|| tls.clone());
        let address = (relay.host.as_str(), relay.port);
        let opening =
            AsyncSmtpConnection::connect_tokio1(address, Some(timeouts.connect), hello, at_once, None);
        let mut smtp = steps.run(Stage::Connect, timeouts.connect, opening).await?;

        let offered = smtp.can_starttls();
        match relay.security {
            Security::StartTls if !offered => {
                let detail = "it does not offer STARTTLS".to_owned();
                return Err(MailError::Temporary(Cause::Encryption { server: name.clone(), detail }));
            }
            Security::StartTls | Security::StartTlsIfOffered if offered => {
                steps.run(Stage::StartTls, timeouts.command, smtp.starttls(tls.clone(), hello)).await?;
            }
            _ => {}
        }
        if let Some(credentials) = &relay.credentials {
            let login = Login::new(credentials.user.clone(), credentials.password.expose().to_owned());
            steps.run(Stage::Auth, timeouts.command, smtp.auth(DEFAULT_MECHANISMS, &login)).await?;
        }
        Ok(Self { smtp })
    }

    /// Hands one message over and returns the server's answer. After an error the connection is of no more use.
    pub(super) async fn deliver(
        &mut self,
        letter: &Letter,
        steps: &Steps<'_>,
        timeouts: &Timeouts,
    ) -> Result<String, MailError> {
        let (smtp, limit) = (&mut self.smtp, timeouts.command);
        let from = Mail::new(letter.envelope.from().cloned(), parameters(smtp, letter)?);
        steps.run(Stage::MailFrom, limit, smtp.command(from)).await?;
        for to in letter.envelope.to() {
            steps.run(Stage::RcptTo, limit, smtp.command(Rcpt::new(to.clone(), Vec::new()))).await?;
        }
        let answer = steps.run(Stage::Data, limit, smtp.command(Data)).await?;
        if !answer.has_code(GO_AHEAD) {
            let (stage, code) = (Stage::Data, u16::from(answer.code()));
            let text = one_line(answer.first_line().unwrap_or_default());
            let server = steps.server().to_owned();
            return Err(MailError::Temporary(Cause::Refused { server, stage, code, text }));
        }
        let answer = steps.run(Stage::Body, timeouts.body, smtp.message(&letter.bytes)).await?;
        Ok(one_line(&format!("{} {}", answer.code(), answer.first_line().unwrap_or_default())))
    }
}

/// What the server must be able to do for this message. Only an address outside ASCII asks for anything.
fn parameters(smtp: &AsyncSmtpConnection, letter: &Letter) -> Result<Vec<MailParameter>, MailError> {
    let ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
    if letter.envelope.from().is_none_or(ascii) && letter.envelope.to().iter().all(ascii) {
        return Ok(Vec::new());
    }
    if !smtp.server_info().supports_feature(Extension::SmtpUtfEight) {
        let text = "mail server takes no addresses outside ASCII".to_owned();
        return Err(MailError::Permanent(Cause::Message(text)));
    }
    Ok(vec![MailParameter::SmtpUtfEight, MailParameter::Body(MailBodyParameter::EightBitMime)])
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}
