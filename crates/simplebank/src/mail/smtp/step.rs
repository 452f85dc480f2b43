//! One step of a conversation with a mail server: its time limit, and what its failure means.

use crate::mail::{Cause, MailError, Stage};
use lettre::transport::smtp::Error as SmtpError;
use std::error::Error;
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The longest piece of a server's answer that is repeated in an error, in characters.
const MAX_REPLY: usize = 200;

/// The steps of sending one message to one server, which together end by a deadline.
#[derive(Debug, Clone, Copy)]
pub(super) struct Steps<'a> {
    server: &'a str,
    whole: Duration,
    deadline: Instant,
}

impl<'a> Steps<'a> {
    /// The steps that may take `whole` together, from now on.
    pub(super) fn new(server: &'a str, whole: Duration) -> Self {
        Self { server, whole, deadline: Instant::now() + whole }
    }

    /// The server's name, `host:port`.
    pub(super) fn server(&self) -> &'a str {
        self.server
    }

    /// Waits for something that can only be late.
    pub(super) async fn wait<T>(
        &self,
        stage: Stage,
        limit: Duration,
        work: impl Future<Output = T>,
    ) -> Result<T, MailError> {
        let own = Instant::now() + limit;
        let late = |_| {
            let limit = if own <= self.deadline { limit } else { self.whole };
            MailError::Temporary(Cause::TimedOut { server: self.server.to_owned(), stage, limit })
        };
        timeout_at(own.min(self.deadline), work).await.map_err(late)
    }

    /// Takes one step.
    pub(super) async fn run<T>(
        &self,
        stage: Stage,
        limit: Duration,
        work: impl Future<Output = Result<T, SmtpError>>,
    ) -> Result<T, MailError> {
        self.wait(stage, limit, work).await?.map_err(|error| self.judge(stage, &error))
    }

    /// What an error means. 4xx and a broken connection pass; 5xx is about this message and final, unless the
    /// server has not yet heard of the message, or objects to who we are: that is for the operator to set right,
    /// and the message waits for it.
    fn judge(&self, stage: Stage, error: &SmtpError) -> MailError {
        let server = self.server.to_owned();
        match error.status().map(u16::from) {
            Some(code) if (500..600).contains(&code) && about_us(stage, code) => {
                MailError::Temporary(Cause::Credentials { server, detail: format!("answer {code}") })
            }
            Some(code) => {
                let text = error.source().map(|text| one_line(&text.to_string())).unwrap_or_default();
                let cause = Cause::Refused { server, stage, code, text };
                let heard_of_it = !matches!(stage, Stage::Connect | Stage::StartTls | Stage::Auth);
                match code >= 500 && heard_of_it {
                    true => MailError::Permanent(cause),
                    false => MailError::Temporary(cause),
                }
            }
            None => MailError::Temporary(self.broken(stage, error)),
        }
    }

    fn broken(&self, stage: Stage, error: &SmtpError) -> Cause {
        let server = self.server.to_owned();
        if let Some(tls) = tls_error(error) {
            return Cause::Encryption { server, detail: one_line(&tls.to_string()) };
        }
        if error.is_client() && stage == Stage::Auth {
            return Cause::Credentials { server, detail: "no common way to log in".to_owned() };
        }
        let detail = match (error.is_response(), error.source()) {
            // The bytes that came instead may be anything; they are not repeated.
            (true, _) => "answer is cut off or no SMTP".to_owned(),
            (false, Some(source)) => one_line(&source.to_string()),
            (false, None) => error.to_string(),
        };
        Cause::Connection { server, stage, detail }
    }
}

/// Answers by which a server wants another login, or a login at all (RFC 4954), or encryption (RFC 3207).
fn about_us(stage: Stage, code: u16) -> bool {
    stage == Stage::Auth || matches!(code, 530 | 534 | 535 | 538)
}

/// The TLS library's error, which hides inside an I/O error.
fn tls_error(error: &SmtpError) -> Option<&rustls::Error> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        source = inner.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source());
    }
    None
}

/// A server's words made fit for one line of a log.
pub(super) fn one_line(text: &str) -> String {
    text.chars().take(MAX_REPLY).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_words_are_cut_and_kept_on_one_line() {
        let said = format!("5.1.1 no\r\nsuch\x1b[31m user {}", "x".repeat(1000));
        let line = one_line(&said);
        assert!(line.starts_with("5.1.1 no  such [31m user x"));
        assert_eq!(line.len(), MAX_REPLY);
    }

    #[tokio::test(start_paused = true)]
    async fn step_ends_at_its_limit_or_at_the_deadline_of_all() {
        let second = Duration::from_secs(1);
        let steps = Steps::new("h:25", 3 * second);
        let never = std::future::pending::<()>;
        let error = steps.wait(Stage::Data, 2 * second, never()).await.unwrap_err();
        assert_eq!(error.cause().to_string(), "h:25 took longer than 2s at DATA");
        let error = steps.wait(Stage::Body, 2 * second, never()).await.unwrap_err();
        assert_eq!(error.cause().to_string(), "h:25 took longer than 3s at the end of the message");
        assert_eq!(steps.wait(Stage::Queue, second, async { 7 }).await.unwrap(), 7);
    }
}
