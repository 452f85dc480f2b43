//! What is logged.

use super::keys::Key;
use super::reader::Reader;
use crate::telemetry::LogFilter;

pub(super) const KEYS: &[Key] = &[LOG_LEVEL, LOG_TASK_PAYLOADS];
const LOG_LEVEL: Key = Key::new(
    "LOG_LEVEL",
    "info",
    "`error`, `warn`, `info`, `debug` or `trace`; single modules beside it, as in `info,sqlx=debug`.",
);
const LOG_TASK_PAYLOADS: Key = Key::without_value(
    "LOG_TASK_PAYLOADS",
    "true in development, false in production",
    "Whether log lines about tasks show their payloads, which name users.",
);

/// What is logged.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    /// The least important lines that are still logged.
    pub filter: LogFilter,
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
        let filter = reader.read(&LOG_LEVEL, |text| {
            text.parse().map_err(|_| "error, warn, info, debug or trace, and module=level beside it".to_owned())
        });
        let task_payloads = reader.read_optional(&LOG_TASK_PAYLOADS, |text| match text {
            "true" => Ok(TaskPayloads::Shown),
            "false" => Ok(TaskPayloads::Hidden),
            _ => Err("true or false".to_owned()),
        });
        let usual = if reader.is_production() { TaskPayloads::Hidden } else { TaskPayloads::Shown };
        Some(Self { filter: filter?, task_payloads: task_payloads?.unwrap_or(usual) })
    }
}
