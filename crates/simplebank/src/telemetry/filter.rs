//! Which events are logged: a level, and other levels for single modules.

use std::str::FromStr;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

/// Libraries whose own details help nobody who debugs the bank; they stay here unless they are named.
const QUIET: [&str; 5] = ["h2", "hyper", "hyper_util", "tonic", "tower"];

/// A parsed filter such as `info` or `info,sqlx=debug`.
#[derive(Debug, Clone, PartialEq)]
pub struct LogFilter(Targets);

/// A part of a filter that is neither a level nor `module=level`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a log level (off, error, warn, info, debug, trace) nor module=level")]
pub struct LogFilterError(String);

impl LogFilter {
    pub(super) fn into_targets(self) -> Targets {
        self.0
    }
}

impl FromStr for LogFilter {
    type Err = LogFilterError;

    fn from_str(text: &str) -> Result<Self, LogFilterError> {
        let mut default = LevelFilter::INFO;
        let mut modules = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (module, level) = match part.split_once('=') {
                Some((module, level)) => (Some(module.trim()), level.trim()),
                None => (None, part),
            };
            let level = level.parse().map_err(|_| LogFilterError(part.to_owned()))?;
            match module {
                Some("") => return Err(LogFilterError(part.to_owned())),
                Some(module) => modules.push((module.to_owned(), level)),
                None => default = level,
            }
        }
        let quiet = QUIET.map(|module| (module, default.min(LevelFilter::INFO)));
        Ok(Self(Targets::new().with_default(default).with_targets(quiet).with_targets(modules)))
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    fn enabled(filter: &str, module: &str, level: Level) -> bool {
        filter.parse::<LogFilter>().unwrap().0.would_enable(module, &level)
    }

    #[test]
    fn a_level_holds_for_every_module() {
        assert!(enabled("warn", "simplebank", Level::WARN));
        assert!(!enabled("warn", "simplebank", Level::INFO));
        assert!(!enabled("off", "simplebank", Level::ERROR));
    }

    #[test]
    fn nothing_means_info() {
        assert!(enabled("", "simplebank", Level::INFO));
        assert!(!enabled("", "simplebank", Level::DEBUG));
    }

    #[test]
    fn a_module_has_its_own_level() {
        assert!(enabled("info, sqlx=debug", "sqlx::query", Level::DEBUG));
        assert!(!enabled("info, sqlx=debug", "simplebank", Level::DEBUG));
    }

    #[test]
    fn transport_details_are_shown_only_when_asked_for_by_name() {
        assert!(!enabled("debug", "h2::codec", Level::DEBUG));
        assert!(enabled("debug,h2=trace", "h2::codec", Level::TRACE));
        assert!(!enabled("error", "h2::codec", Level::INFO));
    }

    #[test]
    fn a_mistyped_level_is_named() {
        for (text, part) in [("infoo", "infoo"), ("info,sqlx=loud", "sqlx=loud"), ("=info", "=info")] {
            assert_eq!(text.parse::<LogFilter>(), Err(LogFilterError(part.to_owned())));
        }
    }
}
