//! What the library logs on the thread of a test, line by line.

use std::cell::RefCell;
use std::fmt::{Debug, Write};
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

thread_local! {
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// The lines of this thread from info upwards, each with its fields. A test on one thread sees its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lines;

impl Lines {
    /// Listens from now on. One subscriber serves all threads: with one for each, what one thread has decided
    /// about a line would hold for the others.
    pub(crate) fn listen() -> Self {
        static LISTENING: Once = Once::new();
        LISTENING.call_once(|| tracing::subscriber::set_global_default(Listener).unwrap());
        LINES.with_borrow_mut(Vec::clear);
        Self
    }

    /// How many lines contain this.
    pub(crate) fn with(self, text: &str) -> usize {
        LINES.with_borrow(|lines| lines.iter().filter(|line| line.contains(text)).count())
    }

    pub(crate) fn all(self) -> Vec<String> {
        LINES.with_borrow(Vec::clone)
    }
}

struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
    }

    fn event(&self, event: &Event<'_>) {
        struct Text(String);
        impl Visit for Text {
            fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
                write!(self.0, "{}={value:?} ", field.name()).unwrap();
            }
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        LINES.with_borrow_mut(|lines| lines.push(text.0));
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
