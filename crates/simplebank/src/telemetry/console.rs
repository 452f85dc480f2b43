//! Log lines for people: `4:42PM INF processed task email=.. type=..`, fields by name, `error` first.

use std::{fmt, sync::Arc};

use jiff::tz::TimeZone;
use serde_json::Value;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use super::{fields::Fields, instant};
use crate::domain::time::Clock;

/// Whether lines carry terminal colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colors {
    /// Escape sequences around time, level and names.
    On,
    /// Plain text.
    Off,
}

/// The format, with the clock and the time zone that make the time of day.
#[derive(Debug, Clone)]
pub struct Console {
    colors: Colors,
    clock: Arc<dyn Clock>,
    zone: TimeZone,
}

impl Console {
    /// Lines with the time that this clock shows in this zone.
    pub fn new(colors: Colors, clock: Arc<dyn Clock>, zone: TimeZone) -> Self {
        Self { colors, clock, zone }
    }

    fn paint(&self, color: Color, text: impl fmt::Display) -> String {
        match (self.colors, color) {
            (Colors::Off, _) | (_, Color::None) => text.to_string(),
            (Colors::On, color) => format!("\x1b[{}m{text}\x1b[0m", color as u8),
        }
    }
}

impl<S, N> FormatEvent<S, N> for Console
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::of(event);
        // Stable, so that of two equal names the first stays first; `false` sorts before `true`.
        fields.others.sort_by_key(|(name, _)| (*name != "error", *name));
        let (level, color) = level(*event.metadata().level());
        let time = instant(&*self.clock).to_zoned(self.zone.clone()).strftime("%-I:%M%p").to_string();
        write!(to, "{} {}", self.paint(Color::Gray, time), self.paint(color, level))?;
        if !fields.message.is_empty() {
            write!(to, " {}", one_line(&fields.message))?;
        }
        for (name, value) in &fields.others {
            let color = if *name == "error" { Color::Red } else { Color::None };
            let name = self.paint(Color::Cyan, format_args!("{name}="));
            write!(to, " {name}{}", self.paint(color, plain(value)))?;
        }
        writeln!(to)
    }
}

/// Colours by their terminal code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Color {
    None = 0,
    Red = 31,
    Green = 32,
    Yellow = 33,
    Blue = 34,
    Cyan = 36,
    Gray = 90,
}

fn level(level: Level) -> (&'static str, Color) {
    match level {
        Level::TRACE => ("TRC", Color::Blue),
        Level::DEBUG => ("DBG", Color::None),
        Level::INFO => ("INF", Color::Green),
        Level::WARN => ("WRN", Color::Yellow),
        Level::ERROR => ("ERR", Color::Red),
    }
}

/// A value without quotes where nothing in it could be mistaken for the end of it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text)
            if text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte)) =>
        {
            text.clone()
        }
        other => one_line(&other.to_string()),
    }
}

/// Nobody may begin a line of his own, or command the terminal, from inside a message or a value.
fn one_line(text: &str) -> String {
    text.chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::time::{ManualClock, Timestamp},
        telemetry::testing::{AFTERNOON, logged},
    };

    /// What is logged at 4:42PM.
    fn line(emit: impl FnOnce()) -> String {
        line_at(AFTERNOON, Colors::Off, emit)
    }

    fn line_at(time: Timestamp, colors: Colors, emit: impl FnOnce()) -> String {
        let format = Console::new(colors, Arc::new(ManualClock::at(time)), TimeZone::UTC);
        logged(|layer| layer.event_format(format), emit)
    }

    #[test]
    fn a_message_alone_is_a_whole_line() {
        let printed = line(|| tracing::info!("start gRPC server at {}", "[::]:9090"));
        assert_eq!(printed, "4:42PM INF start gRPC server at [::]:9090\n");
    }

    #[test]
    fn hours_run_from_twelve_to_eleven() {
        let after_midnight = Timestamp::from_micros(1_669_075_500_000_000);
        let printed = line_at(after_midnight, Colors::Off, || tracing::warn!("late"));
        assert_eq!(printed, "12:05AM WRN late\n");
    }

    #[test]
    fn fields_are_sorted_and_quoted_where_needed() {
        let printed = line(|| {
            let payload = r#"{"username":"alice10"}"#;
            tracing::info!(
                r#type = "task:send_verify_email",
                queue = "critical",
                max_retry = 10,
                payload,
                "enqueued task"
            );
        });
        assert_eq!(
            printed,
            concat!(
                r#"4:42PM INF enqueued task max_retry=10 payload="{\"username\":\"alice10\"}" "#,
                "queue=critical type=task:send_verify_email\n"
            )
        );
    }

    #[test]
    fn error_comes_first_with_its_causes() {
        let printed = line(|| {
            let cause = std::io::Error::other("no such row");
            let error: Box<dyn std::error::Error> = Box::new(Outer(cause));
            tracing::error!(attempt = 1.5, error = &*error, "process task failed");
        });
        assert_eq!(
            printed,
            "4:42PM ERR process task failed error=\"failed to get user: no such row\" attempt=1.5\n"
        );
    }

    #[test]
    fn no_value_and_no_message_can_begin_a_line() {
        let printed = line(|| tracing::debug!(name = "a\n\u{9b}forged", empty = "", "b\r\nc\x1b[2J"));
        assert_eq!(printed, "4:42PM DBG b\\r\\nc\\u{1b}[2J empty= name=\"a\\n\\u{9b}forged\"\n");
    }

    #[test]
    fn colours_surround_time_level_names_and_the_error() {
        let printed = line_at(AFTERNOON, Colors::On, || tracing::error!(error = "x", "failed"));
        assert_eq!(
            printed,
            "\x1b[90m4:42PM\x1b[0m \x1b[31mERR\x1b[0m failed \x1b[36merror=\x1b[0m\x1b[31mx\x1b[0m\n"
        );
    }

    #[derive(Debug, thiserror::Error)]
    #[error("failed to get user")]
    struct Outer(#[source] std::io::Error);
}
