//! The options of a periodic task as its record spells them, as in `Timeout(30s)` or `Queue("low")`. Go's
//! tools show these texts and read them back.

use std::fmt;
use std::time::Duration;

use aftercommit_core::{Options, Timestamp};

use crate::go_quote::{quote, unquote};
use crate::{go_duration, go_time};

/// One option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EntryOption {
    /// How often a failed task runs again; Go allows, and means by, a number below zero none.
    MaxRetry(i64),
    Queue(String),
    TaskId(String),
    Timeout(Duration),
    Deadline(Timestamp),
    /// How long the unique lock holds.
    Unique(Duration),
    ProcessAt(Timestamp),
    ProcessIn(Duration),
    Retention(Duration),
    Group(String),
    Header(String, String),
    /// What a newer or another writer wrote, as it stands.
    Other(String),
}

impl fmt::Display for EntryOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MaxRetry(count) => write!(f, "MaxRetry({count})"),
            Self::Queue(name) => write!(f, "Queue({})", quote(name)),
            Self::TaskId(id) => write!(f, "TaskID({})", quote(id)),
            Self::Timeout(length) => write!(f, "Timeout({})", go_duration::format(*length)),
            Self::Deadline(moment) => write!(f, "Deadline({})", go_time::unix_date(*moment)),
            Self::Unique(length) => write!(f, "Unique({})", go_duration::format(*length)),
            Self::ProcessAt(moment) => write!(f, "ProcessAt({})", go_time::unix_date(*moment)),
            Self::ProcessIn(length) => write!(f, "ProcessIn({})", go_duration::format(*length)),
            Self::Retention(length) => write!(f, "Retention({})", go_duration::format(*length)),
            Self::Group(name) => write!(f, "Group({})", quote(name)),
            Self::Header(key, value) => write!(f, "Header([{},{}])", quote(key), quote(value)),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl EntryOption {
    /// Reads one option; what cannot be read is [`Self::Other`].
    pub(crate) fn parse(text: &str) -> Self {
        Self::read(text).unwrap_or_else(|| Self::Other(text.to_owned()))
    }

    fn read(text: &str) -> Option<Self> {
        let (name, argument) = text.strip_suffix(')')?.split_once('(')?;
        Some(match name {
            "MaxRetry" => Self::MaxRetry(argument.parse().ok()?),
            "Queue" => Self::Queue(quoted(argument)?),
            "TaskID" => Self::TaskId(quoted(argument)?),
            "Timeout" => Self::Timeout(go_duration::parse(argument)?),
            "Deadline" => Self::Deadline(go_time::parse_unix_date(argument)?),
            "Unique" => Self::Unique(go_duration::parse(argument)?),
            "ProcessAt" => Self::ProcessAt(go_time::parse_unix_date(argument)?),
            "ProcessIn" => Self::ProcessIn(go_duration::parse(argument)?),
            "Retention" => Self::Retention(go_duration::parse(argument)?),
            "Group" => Self::Group(quoted(argument)?),
            "Header" => {
                let (key, rest) = unquote(argument.strip_prefix('[')?)?;
                let rest = rest.strip_prefix(',')?;
                Self::Header(key, quoted(rest.trim_start().strip_suffix(']')?)?)
            }
            _ => return None,
        })
    }

    /// Sets this option among others. A group and what is not understood have no place there and are left
    /// out; so is a timeout of zero, which means the default to Go.
    pub(crate) fn set(self, options: Options) -> Options {
        match self {
            Self::MaxRetry(count) => options.max_retry(u32::try_from(count.max(0)).unwrap_or(u32::MAX)),
            Self::Queue(name) => options.queue(name),
            Self::TaskId(id) => options.id(id),
            Self::Timeout(length) if !length.is_zero() => options.timeout(length),
            Self::Deadline(moment) => options.deadline(moment.to_system_time()),
            Self::Unique(length) => options.unique_for(length),
            Self::ProcessAt(moment) => options.process_at(moment.to_system_time()),
            Self::ProcessIn(length) => options.process_in(length),
            Self::Retention(length) => options.retention(length),
            Self::Header(key, value) => options.header(key, value),
            Self::Timeout(_) | Self::Group(_) | Self::Other(_) => options,
        }
    }
}

/// A text in quotes and nothing after it.
fn quoted(text: &str) -> Option<String> {
    unquote(text).filter(|(_, rest)| rest.is_empty()).map(|(text, _)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_spelled_as_go_spells_it_and_reads_back() {
        let moment = Timestamp::from_millis(1_795_149_409_000);
        for (option, text) in [
            (EntryOption::MaxRetry(3), "MaxRetry(3)"),
            (EntryOption::Queue("q(1)\"".into()), r#"Queue("q(1)\"")"#),
            (EntryOption::TaskId("x".into()), r#"TaskID("x")"#),
            (EntryOption::Timeout(Duration::from_secs(30)), "Timeout(30s)"),
            (EntryOption::Deadline(moment), "Deadline(Fri Nov 20 04:36:49 UTC 2026)"),
            (EntryOption::Unique(Duration::from_secs(3600)), "Unique(1h0m0s)"),
            (EntryOption::ProcessAt(moment), "ProcessAt(Fri Nov 20 04:36:49 UTC 2026)"),
            (EntryOption::ProcessIn(Duration::from_secs(600)), "ProcessIn(10m0s)"),
            (EntryOption::Retention(Duration::from_secs(86_400)), "Retention(24h0m0s)"),
            (EntryOption::Group("g".into()), r#"Group("g")"#),
            (EntryOption::Header("k".into(), "v],\"".into()), r#"Header(["k","v],\""])"#),
        ] {
            assert_eq!(option.to_string(), text);
            assert_eq!(EntryOption::parse(text), option);
        }
    }

    #[test]
    fn what_is_not_understood_is_kept_as_it_stands() {
        for text in [
            "",
            "Queue",
            "Queue(q)",
            "Shiny(1)",
            "Timeout(-3s)",
            "Header([\"k\"])",
            "MaxRetry(1)x",
            "Deadline(soon)",
        ] {
            assert_eq!(EntryOption::parse(text), EntryOption::Other(text.to_owned()));
            assert_eq!(EntryOption::parse(text).to_string(), text);
        }
    }

    #[test]
    fn options_read_from_a_record_are_those_of_the_builder() {
        let texts =
            ["Queue(\"q2\")", "MaxRetry(-1)", "Timeout(0s)", "Timeout(30s)", "Group(\"g\")", "Shiny(1)"];
        let read =
            texts.into_iter().fold(Options::new(), |options, text| EntryOption::parse(text).set(options));
        let built = Options::new().queue("q2").max_retry(0).timeout(Duration::from_secs(30));
        assert_eq!(read, built);
    }
}
