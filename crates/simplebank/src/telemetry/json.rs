//! Log lines for machines: one JSON object per line, `level` first, then `time`, the fields as they were
//! given, those of the surrounding spans, and `message` last.

use std::{fmt, sync::Arc};

use serde_json::{Map, Value};
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, format::Writer},
    registry::LookupSpan,
};

use super::{fields::Fields, instant};
use crate::domain::time::Clock;

/// The format, with the clock it takes the time from. Needs spans formatted as JSON.
#[derive(Debug, Clone)]
pub struct Json {
    clock: Arc<dyn Clock>,
}

impl Json {
    /// Lines with the time that this clock shows, in UTC.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut to: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let fields = Fields::of(event);
        let level = event.metadata().level().as_str().to_ascii_lowercase();
        write!(to, r#"{{"level":"{level}","time":"{:.6}""#, instant(&*self.clock))?;
        for (name, value) in &fields.others {
            write!(to, ",{}:{value}", quoted(name))?;
        }
        for (name, value) in span_fields(context, &fields) {
            write!(to, ",{}:{value}", quoted(&name))?;
        }
        writeln!(to, r#","message":{}}}"#, quoted(&fields.message))
    }
}

/// What the surrounding spans add, the inner ones winning, and the event itself over all.
fn span_fields<S, N>(context: &FmtContext<'_, S, N>, own: &Fields) -> Map<String, Value>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
{
    let mut all = Map::new();
    for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
        let extensions = span.extensions();
        let formatted = extensions.get::<FormattedFields<N>>();
        if let Some(Ok(fields)) = formatted.map(|text| serde_json::from_str::<Map<String, Value>>(text)) {
            all.extend(fields);
        }
    }
    all.retain(|name, _| own.others.iter().all(|(taken, _)| taken != name));
    all
}

fn quoted(text: &str) -> Value {
    Value::String(text.to_owned())
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::fmt::format::JsonFields;

    use super::*;
    use crate::{
        domain::time::ManualClock,
        telemetry::testing::{AFTERNOON, logged},
    };

    fn line(emit: impl FnOnce()) -> String {
        let format = Json::new(Arc::new(ManualClock::at(AFTERNOON)));
        logged(|layer| layer.fmt_fields(JsonFields::new()).event_format(format), emit)
    }

    #[test]
    fn keys_keep_the_order_of_emission_between_time_and_message() {
        let printed = line(|| {
            tracing::info!(r#type = "task:x", queue = "critical", max_retry = 10, "enqueued \"task\"")
        });
        assert_eq!(
            printed,
            concat!(
                r#"{"level":"info","time":"2022-11-21T16:42:07.123456Z","type":"task:x","queue":"critical","#,
                r#""max_retry":10,"message":"enqueued \"task\""}"#,
                "\n"
            )
        );
    }

    #[test]
    fn spans_add_their_fields_and_the_event_wins() {
        let printed = line(|| {
            let outer = tracing::info_span!("request", request_id = "r1", step = 1);
            let _outer = outer.enter();
            let inner = tracing::info_span!("call", step = 2);
            let _inner = inner.enter();
            tracing::warn!(request_id = "mine", "inside");
        });
        let value: Map<String, Value> = serde_json::from_str(&printed).unwrap();
        assert_eq!((&value["request_id"], &value["step"]), (&Value::from("mine"), &Value::from(2)));
        assert_eq!(printed.matches("request_id").count(), 1);
    }

    #[test]
    fn every_line_is_one_object_whatever_is_in_it() {
        let printed = line(|| tracing::error!(name = "a\n\"b\"\u{1}", bad = f64::NAN, "line\nbreak"));
        assert_eq!(printed.matches('\n').count(), 1);
        let value: Map<String, Value> = serde_json::from_str(&printed).unwrap();
        assert_eq!(value["message"], "line\nbreak");
        assert_eq!(value["name"], "a\n\"b\"\u{1}");
        assert_eq!(value["bad"], Value::Null);
    }
}
