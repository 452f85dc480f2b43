//! Which events are logged: those of a level and above, with less from libraries that would drown the rest.

use tracing::{Level, level_filters::LevelFilter};
use tracing_subscriber::filter::Targets;

/// Libraries whose own details help nobody who debugs the bank.
const QUIET: [&str; 5] = ["h2", "hyper", "hyper_util", "tonic", "tower"];

pub(super) fn targets(level: Level) -> Targets {
    let level = LevelFilter::from_level(level);
    let quiet = level.min(LevelFilter::INFO);
    Targets::new().with_default(level).with_targets(QUIET.map(|module| (module, quiet)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_holds_for_the_bank_and_its_queue() {
        for module in ["simplebank::service", "aftercommit::worker", "sqlx::query"] {
            assert!(targets(Level::WARN).would_enable(module, &Level::WARN));
            assert!(!targets(Level::WARN).would_enable(module, &Level::INFO));
            assert!(targets(Level::DEBUG).would_enable(module, &Level::DEBUG));
        }
    }

    #[test]
    fn details_of_transports_are_never_shown() {
        assert!(!targets(Level::TRACE).would_enable("h2::codec", &Level::DEBUG));
        assert!(targets(Level::TRACE).would_enable("h2::codec", &Level::INFO));
        assert!(!targets(Level::ERROR).would_enable("h2::codec", &Level::WARN));
    }
}
