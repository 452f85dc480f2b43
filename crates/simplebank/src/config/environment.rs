//! Where the bank runs.

use super::keys::Key;
use super::reader::Reader;

pub(super) const KEYS: &[Key] = &[ENVIRONMENT];
const ENVIRONMENT: Key = Key::new(
    "ENVIRONMENT",
    "development",
    "`development` or `production`: what is fit for trying things out is refused in production.",
);

/// Where the bank runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// On somebody's desk: readable logs, and defaults for everything.
    Development,
    /// For real people's money: JSON logs, and no unsafe defaults.
    Production,
}

impl Environment {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        reader.read(&ENVIRONMENT, |text| match text {
            "development" => Ok(Self::Development),
            "production" => Ok(Self::Production),
            _ => Err("development or production".to_owned()),
        })
    }
}
