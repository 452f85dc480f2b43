//! One e-mail, and the id by which a second copy of it is recognised.

use super::{Address, Mailbox};
use std::{fmt, time::SystemTime};

/// One e-mail to one person. Everything that makes two copies of it alike comes from the caller, so that a
/// task that runs twice can send the same mail twice, told apart by its date at most.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The same for every copy of this message.
    pub message_id: MessageId,
    /// When the message was written.
    pub date: SystemTime,
    /// Who it says it is from; also where the mail server reports what it could not deliver.
    pub from: Mailbox,
    /// Who it goes to.
    pub to: Mailbox,
    /// The subject, any text.
    pub subject: String,
    /// The body for those who read plain text.
    pub text: String,
    /// The same in HTML.
    pub html: String,
}

/// Leaves out recipient and bodies: they hold names and verification codes.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("message_id", &self.message_id).finish_non_exhaustive()
    }
}

/// The Message-ID of a mail, `local@domain` without the angle brackets. The local part is also the name of the
/// message's file, hence its narrow alphabet.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MessageId {
    local: String,
    domain: String,
}

/// The longest local part of a Message-ID, in bytes. Leaves room for an ending within the 255 of a file name.
const MAX_LOCAL: usize = 200;

impl MessageId {
    /// Joins a local part (letters, digits, `-`, `_`, and dots between them) to the domain of the sender.
    pub fn new(local: impl Into<String>, sender: &Address) -> Result<Self, InvalidMessageId> {
        let local = local.into();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let dotted = local.split('.').all(|part| !part.is_empty() && part.chars().all(plain));
        if !dotted || local.len() > MAX_LOCAL {
            return Err(InvalidMessageId);
        }
        Ok(Self { local, domain: sender.domain().to_owned() })
    }

    /// The part before the `@`.
    pub fn local(&self) -> &str {
        &self.local
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{self}>")
    }
}

/// The text cannot be the local part of a Message-ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("message id must be 1 to {MAX_LOCAL} letters, digits, '-', '_' or single dots between them")]
pub struct InvalidMessageId;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_id_is_safe_as_a_header_and_as_a_file_name() {
        let sender: Address = "no-reply@bank.example".parse().unwrap();
        let id = MessageId::new("verify-email.42.a_B", &sender).unwrap();
        assert_eq!(id.to_string(), "verify-email.42.a_B@bank.example");
        let long = "a".repeat(MAX_LOCAL + 1);
        for bad in ["", ".", "..", ".a", "a.", "a/b", "a\\b", "a b", "a\r\nBcc: x", "a>", "é", "a\0", &long]
        {
            assert_eq!(MessageId::new(bad, &sender), Err(InvalidMessageId), "{bad:?}");
        }
    }
}
