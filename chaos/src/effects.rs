//! The effect log: append-only, one line for each mail at the moment it was taken over, whatever became of its task.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// One mail that was taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Effect {
    /// When, in milliseconds on the run's clock.
    pub(crate) at_ms: u64,
    /// The process that sent it, as in `worker-1.3`.
    pub(crate) by: String,
    /// The address it went to.
    pub(crate) to: String,
    /// The same for every copy of a mail.
    pub(crate) message_id: String,
    /// The SHA-256 of the code in its link, in hexadecimal, as the bank stores it.
    pub(crate) code_hash: String,
}

/// The log, while mails come.
#[derive(Debug)]
pub(crate) struct EffectLog {
    file: File,
}

impl EffectLog {
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        let file = OpenOptions::new().append(true).create_new(true).open(path);
        Ok(Self { file: file.with_context(|| format!("cannot create {}", path.display()))? })
    }

    /// Appends one line with one call, so that no reader sees half of it.
    pub(crate) fn append(&mut self, effect: &Effect) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(effect)?;
        line.push(b'\n');
        self.file.write_all(&line).context("cannot append to the effect log")
    }
}

/// All effects, in order.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Effect>> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut effects = Vec::new();
    for line in BufReader::new(file).lines() {
        effects.push(serde_json::from_str(&line?).context("a line of the effect log cannot be read")?);
    }
    Ok(effects)
}

/// What the bank stores of a code.
pub(crate) fn code_hash(code: &str) -> String {
    hex::encode(Sha256::digest(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_appended_is_read_in_order() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("effects.jsonl");
        let mut log = EffectLog::create(&path).unwrap();
        let effects = ["a@x.example", "b@x.example"].map(|to| Effect {
            at_ms: 1,
            by: "worker-1.1".to_owned(),
            to: to.to_owned(),
            message_id: "<m@x>".to_owned(),
            code_hash: code_hash("c"),
        });
        for effect in &effects {
            log.append(effect).unwrap();
        }
        assert_eq!(read(&path).unwrap(), effects);
        assert!(EffectLog::create(&path).is_err(), "an earlier log is not written on");
    }
}
