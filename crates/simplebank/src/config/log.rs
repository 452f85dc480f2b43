//! What is logged.

use super::keys::Key;
use super::reader::Reader;
use tracing::Level;

pub(super) const KEYS: &[Key] = &[LOG_LEVEL, LOG_TASK_PAYLOADS];
const LOG_LEVEL: Key = Key::new("LOG_LEVEL", "info", "`error`, `warn`, `info`, `debug` or `trace`.");
const LOG_TASK_PAYLOADS: Key = Key::without_value(
    "LOG_TASK_PAYLOADS",
    "true in development, false in production",
    "Whether log lines about tasks show their payloads, which name users.",
);

/// What is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// The least important lines that are still logged.
    pub level: Level,
    /// Payloads of tasks.
    pub task_payloads: TaskPayloads,
}

/// Whether log lines about tasks show their payloads. (At the debug level they always do.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskPayloads {
    /// They do.
    Shown,
    /// They do not.
    Hidden,
}

impl Log {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let level = reader.read(&LOG_LEVEL, |text| match text {
            "error" => Ok(Level::ERROR),
            "warn" => Ok(Level::WARN),
            "info" => Ok(Level::INFO),
            "debug" => Ok(Level::DEBUG),
            "trace" => Ok(Level::TRACE),
            _ => Err("error, warn, info, debug or trace".to_owned()),
        });
        let task_payloads = reader.read_optional(&LOG_TASK_PAYLOADS, |text| match text {
            "true" => Ok(TaskPayloads::Shown),
            "false" => Ok(TaskPayloads::Hidden),
            _ => Err("true or false".to_owned()),
        });
        let usual = if reader.is_production() { TaskPayloads::Hidden } else { TaskPayloads::Shown };
        Some(Self { level: level?, task_payloads: task_payloads?.unwrap_or(usual) })
    }
}
