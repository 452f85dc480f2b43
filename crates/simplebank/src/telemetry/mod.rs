//! What the process says about itself: console or JSON log lines, and one line per request.

mod console;
mod fields;
mod filter;
mod json;
mod panics;
mod request_id;
mod request_line;
mod requests;
#[cfg(test)]
mod testing;

use std::{ffi::OsStr, io::IsTerminal, sync::Arc};

use jiff::tz::TimeZone;
use tracing::Level;
use tracing_subscriber::{
    Layer, Registry,
    fmt::{format::JsonFields, layer},
    layer::SubscriberExt,
    util::{SubscriberInitExt, TryInitError},
};

use crate::domain::time::Clock;

pub use console::{Colors, Console};
pub use fields::causes;
pub use json::Json;
pub(crate) use panics::log_panic;
pub use request_id::{REQUEST_ID, RequestId};
pub use requests::{Protocol, RequestLayer};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people: `4:42PM INF start gRPC server at [::]:9090 key=value`.
    Console(Colors),
    /// For machines: one JSON object per line.
    Json,
}

impl Colors {
    /// Colours where they can be seen: standard error is a terminal, and the environment's `NO_COLOR` is
    /// absent or empty.
    pub fn for_stderr(no_color: Option<&OsStr>) -> Self {
        let wanted = no_color.is_none_or(OsStr::is_empty);
        if wanted && std::io::stderr().is_terminal() { Self::On } else { Self::Off }
    }
}

/// Sends all events of this process, the libraries' included, to standard error: those of `level` and above.
/// For a binary, once.
///
/// # Errors
/// The process has a subscriber already.
///
/// ```
/// use std::sync::Arc;
///
/// use simplebank::{
///     domain::time::SystemClock,
///     telemetry::{Colors, LogFormat, init},
/// };
/// use tracing::Level;
///
/// init(LogFormat::Console(Colors::Off), Level::INFO, Arc::new(SystemClock))?;
/// assert!(init(LogFormat::Json, Level::INFO, Arc::new(SystemClock)).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn init(format: LogFormat, level: Level, clock: Arc<dyn Clock>) -> Result<(), TryInitError> {
    let lines = layer::<Registry>().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Console(colors) => {
            lines.event_format(Console::new(colors, clock, TimeZone::system())).boxed()
        }
        LogFormat::Json => lines.fmt_fields(JsonFields::new()).event_format(Json::new(clock)).boxed(),
    };
    Registry::default().with(lines.with_filter(filter::targets(level))).try_init()
}

/// The present, as the calendar knows it; 1970 where the calendar ends.
fn instant(clock: &dyn Clock) -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(clock.now().as_micros()).unwrap_or_default()
}
