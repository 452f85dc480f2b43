//! E-mails as files, one per Message-ID, for development and tests.

use super::{Cause, MailError, Message, OpenError, Receipt, compose::compose};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Writes each message to `DIR/<local part of the Message-ID>.eml`, readable by its owner only. A file is whole
/// and on the disk before it gets its name.
#[derive(Debug)]
pub struct FileMailer {
    directory: PathBuf,
}

/// Whether a message had been written before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handover {
    /// No file of this Message-ID was there.
    First,
    /// The file was there and has been replaced: the same message was sent again.
    Again,
}

impl FileMailer {
    /// Makes the directory if there is none, and makes sure that it can be written to.
    pub async fn open(directory: PathBuf) -> Result<Self, OpenError> {
        let made = directory.clone();
        let probe = move || {
            std::fs::create_dir_all(&made)?;
            new_file(&made)?.close()
        };
        match off_the_reactor(probe).await {
            Ok(()) => Ok(Self { directory }),
            Err(source) => Err(OpenError::Directory { path: directory, source }),
        }
    }

    /// Writes the message, replacing an earlier copy of it.
    pub async fn send(&self, message: &Message) -> Result<Receipt, MailError> {
        let bytes = compose(message)?.bytes;
        let path = self.directory.join(format!("{}.eml", message.message_id.local()));
        let (directory, target) = (self.directory.clone(), path.clone());
        match off_the_reactor(move || put(&directory, &target, &bytes)).await {
            Ok(handover) => Ok(Receipt::File { path, handover }),
            Err(source) => Err(MailError::Temporary(Cause::Storage { path, source })),
        }
    }
}

/// The new file takes its name only if nobody has it; that tells the first copy from the next one even when two
/// processes write the same message at once.
fn put(directory: &Path, target: &Path, bytes: &[u8]) -> io::Result<Handover> {
    let mut file = new_file(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    let handover = match file.persist_noclobber(target) {
        Ok(_) => Handover::First,
        Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => {
            refused.file.persist(target)?;
            Handover::Again
        }
        Err(refused) => return Err(refused.error),
    };
    std::fs::File::open(directory)?.sync_all()?;
    Ok(handover)
}

/// A file under a name that no `*.eml` reader looks at.
fn new_file(directory: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix(".").suffix(".tmp").tempfile_in(directory)
}

async fn off_the_reactor<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(io::Error::other(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{Address, Mailbox, MessageId};
    use std::time::UNIX_EPOCH;

    fn message(id: &str, text: &str) -> Message {
        let from: Address = "no-reply@bank.example".parse().unwrap();
        Message {
            message_id: MessageId::new(id, &from).unwrap(),
            date: UNIX_EPOCH,
            from: Mailbox::new(None, from),
            to: Mailbox::new(None, "alice10@email.com".parse().unwrap()),
            subject: "hello".into(),
            text: text.into(),
            html: String::new(),
        }
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[tokio::test]
    async fn directory_is_made_and_each_message_is_a_file() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("a/mail");
        let mailer = FileMailer::open(directory.clone()).await.unwrap();
        assert_eq!(names(&directory), Vec::<String>::new());
        let path = directory.join("verify-email.1.eml");
        let receipt = mailer.send(&message("verify-email.1", "hello")).await.unwrap();
        assert_eq!(receipt, Receipt::File { path: path.clone(), handover: Handover::First });
        assert_eq!(receipt.to_string(), path.to_str().unwrap());
        assert_eq!(names(&directory), ["verify-email.1.eml"]);
        assert!(std::fs::read_to_string(&path).unwrap().contains("\r\nhello\r\n"));
    }

    #[tokio::test]
    async fn second_copy_of_a_message_replaces_the_first_and_is_told_apart() {
        let home = tempfile::tempdir().unwrap();
        let mailer = FileMailer::open(home.path().into()).await.unwrap();
        mailer.send(&message("m", "one")).await.unwrap();
        let path = home.path().join("m.eml");
        let receipt = mailer.send(&message("m", "two")).await.unwrap();
        assert_eq!(receipt, Receipt::File { path: path.clone(), handover: Handover::Again });
        assert_eq!(names(home.path()), ["m.eml"]);
        assert!(std::fs::read_to_string(path).unwrap().contains("\r\ntwo\r\n"));
    }

    #[tokio::test]
    async fn of_many_copies_at_once_one_is_the_first() {
        let home = tempfile::tempdir().unwrap();
        let mailer = FileMailer::open(home.path().into()).await.unwrap();
        let message = message("m", "hello");
        let receipts = futures_util::future::join_all((0..8).map(|_| mailer.send(&message))).await;
        let first = |receipt: &&Result<Receipt, MailError>| {
            matches!(receipt, Ok(Receipt::File { handover: Handover::First, .. }))
        };
        assert_eq!(receipts.iter().filter(first).count(), 1);
        assert_eq!(names(home.path()), ["m.eml"]);
    }

    #[tokio::test]
    async fn directory_that_cannot_be_used_is_named_at_start() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("taken");
        std::fs::write(&file, "").unwrap();
        for unusable in [file.clone(), file.join("below")] {
            let error = FileMailer::open(unusable.clone()).await.unwrap_err().to_string();
            assert!(error.starts_with(&format!("EMAIL_URL: directory {} ", unusable.display())), "{error}");
        }
    }

    #[tokio::test]
    async fn directory_that_went_away_is_a_temporary_fault() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("mail");
        let mailer = FileMailer::open(directory.clone()).await.unwrap();
        std::fs::remove_dir(&directory).unwrap();
        let error = mailer.send(&message("m", "hello")).await.unwrap_err();
        assert!(matches!(&error, MailError::Temporary(cause) if cause.is_for_the_operator()), "{error}");
    }
}
