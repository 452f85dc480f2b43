//! Catches what a test logs.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use tracing::Subscriber;
use tracing_subscriber::{
    Layer, Registry,
    fmt::{self, MakeWriter, layer},
    layer::SubscriberExt,
};

use crate::domain::time::Timestamp;

/// 2022-11-21T16:42:07.123456Z.
pub(crate) const AFTERNOON: Timestamp = Timestamp::from_micros(1_669_048_927_123_456);

/// The text that `emit` logs on this thread, in the format that `format` gives to the layer.
pub(crate) fn logged<L>(
    format: impl FnOnce(fmt::Layer<Registry, fmt::format::DefaultFields, fmt::format::Format, Caught>) -> L,
    emit: impl FnOnce(),
) -> String
where
    L: Layer<Registry> + Send + Sync,
    tracing_subscriber::layer::Layered<L, Registry>: Subscriber + Send + Sync,
{
    let caught = Caught::default();
    let subscriber = Registry::default().with(format(layer().with_writer(caught.clone())));
    tracing::subscriber::with_default(subscriber, emit);
    let bytes = caught.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

/// Collects lines in memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caught(Arc<Mutex<Vec<u8>>>);

impl Write for Caught {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Caught {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
