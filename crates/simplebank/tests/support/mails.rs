//! The mails that a bank has written into its directory.

use crate::home::Home;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// One mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mail {
    /// The file it is in.
    pub(crate) path: PathBuf,
    pub(crate) message_id: String,
    /// The address it goes to.
    pub(crate) to: String,
    /// The link in its text.
    pub(crate) link: String,
    /// When the file was written.
    pub(crate) written: SystemTime,
}

impl Mail {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let after = |start: &str| {
            let found = text.lines().find_map(|line| line.strip_prefix(start));
            found.unwrap_or_else(|| panic!("no line begins with {start:?} in {text}")).to_owned()
        };
        let to = after("To: ");
        Self {
            path: path.to_owned(),
            message_id: after("Message-ID: "),
            to: to.rsplit_once('<').map_or(&*to, |(_, address)| address.trim_end_matches('>')).to_owned(),
            link: format!("http{}", after("http")),
            written: path.metadata().unwrap().modified().unwrap(),
        }
    }

    /// What the link asks for, without the address of the server.
    pub(crate) fn path_and_query(&self) -> &str {
        let at = self.link.find("/v1/").expect("the link leads to the API");
        &self.link[at..]
    }

    /// The secret in the link.
    pub(crate) fn code(&self) -> &str {
        self.link.split_once("secret_code=").expect("the link has a code").1
    }
}

impl Home {
    /// All mails, by file name.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.mail_files().iter().map(|path| Mail::read(path)).collect()
    }

    /// The only mail to this address.
    pub(crate) fn mail_to(&self, address: &str) -> Mail {
        let mut mails = self.mails();
        mails.retain(|mail| mail.to == address);
        let [mail] = &mails[..] else { panic!("expected one mail to {address}, found {mails:?}") };
        mail.clone()
    }

    pub(crate) fn mail_files(&self) -> Vec<PathBuf> {
        // Without a worker nobody makes the directory.
        let Ok(entries) = std::fs::read_dir(self.path().join("mail")) else { return Vec::new() };
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
        paths.sort();
        paths
    }
}
