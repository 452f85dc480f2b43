//! The task that sends a new user the mail with the verification link. Safe to run twice: it finds the
//! code it made before, and sends the same mail under the same Message-ID.

use super::distributor::payload_text;
use crate::config::{MissingUser, TaskPayloads};
use crate::failpoint;
use crate::mail::templates::{self, VerifyEmailMail};
use crate::mail::{BaseUrl, Handover, MailError, Mailbox, Mailer, Message, MessageId, Receipt};
use crate::service::{Bank, Preparation, VerificationMail};
use aftercommit::{Clock, HandlerError, State, SystemClock, Task, TaskContext};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The payload: whose address is to be verified. The address itself is read when the task runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendVerifyEmail {
    /// The user.
    pub username: String,
}

impl Task for SendVerifyEmail {
    const TYPE: &'static str = "task:send_verify_email";
}

/// What the handler works with.
#[derive(Debug)]
pub struct Desk {
    /// The use cases.
    pub bank: Bank,
    /// Where mail leaves.
    pub mailer: Mailer,
    /// Who the mail is from.
    pub sender: Mailbox,
    /// What the link starts with.
    pub base_url: BaseUrl,
    /// What to do if there is no such user.
    pub missing_user: MissingUser,
    /// Whether payloads are logged.
    pub payloads: TaskPayloads,
}

/// Sends the mail. A failure for now is retried, one for good is archived.
///
/// # Errors
/// The database or the mail server is not available (retried); the address is refused, or the user does
/// not exist and that is final (archived).
pub async fn send_verify_email(
    State(desk): State<Arc<Desk>>,
    context: TaskContext,
    task: SendVerifyEmail,
) -> Result<(), HandlerError> {
    failpoint!("send_verify_email.start").await?;
    let mail = match desk.bank.prepare_verification(&task.username).await? {
        Preparation::Send(mail) => mail,
        Preparation::AlreadyVerified => return Ok(()),
        Preparation::NoSuchUser => return Err(no_such_user(desk.missing_user)),
    };
    let message = compose(&desk, &mail)?;
    failpoint!("send_verify_email.before_send").await?;
    let receipt = desk.mailer.send(&message).await.map_err(classify)?;
    failpoint!("send_verify_email.after_send").await?;
    desk.bank.mark_handed_over(mail.email_id).await?;
    log_processed(&desk, &context, &mail, &receipt);
    failpoint!("send_verify_email.before_settle").await?;
    Ok(())
}

fn no_such_user(missing_user: MissingUser) -> HandlerError {
    match missing_user {
        MissingUser::Retry => "failed to get user: user doesn't exist".into(),
        MissingUser::Skip => HandlerError::skip_retry("user doesn't exist: skip retry for the task"),
    }
}

fn compose(desk: &Desk, mail: &VerificationMail) -> Result<Message, HandlerError> {
    let link = desk.base_url.verify_email(mail.email_id, mail.code.expose());
    let name = desk.sender.name.as_deref().unwrap_or("Simple Bank");
    let content = templates::verify_email(&VerifyEmailMail {
        full_name: &mail.full_name,
        link: link.as_str(),
        valid_for: mail.valid_for,
        sender_name: name,
    })?;
    Ok(Message {
        message_id: MessageId::new(mail.message_id.clone(), &desk.sender.email)?,
        date: SystemClock.now().to_system_time(),
        from: desk.sender.clone(),
        to: Mailbox::new(
            Some(mail.full_name.clone()),
            mail.address.parse().map_err(HandlerError::skip_retry)?,
        ),
        subject: content.subject,
        text: content.text,
        html: content.html,
    })
}

/// What the mail server refuses for good, another attempt cannot change.
fn classify(error: MailError) -> HandlerError {
    if error.cause().is_for_the_operator() {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "mail cannot be sent until this is put right"
        );
    }
    match error {
        MailError::Permanent(_) => HandlerError::skip_retry(error),
        MailError::Temporary(_) => error.into(),
    }
}

fn log_processed(desk: &Desk, context: &TaskContext, mail: &VerificationMail, receipt: &Receipt) {
    // A worker that died after the handover may not have come to note it; then only the file knows.
    let again = mail.handovers > 0 || matches!(receipt, Receipt::File { handover: Handover::Again, .. });
    tracing::info!(
        r#type = SendVerifyEmail::TYPE,
        payload = payload_text(context.payload(), desk.payloads),
        email = mail.address,
        mail = %receipt,
        handover = again.then_some("again"),
        "processed task"
    );
}
