//! What the library logs on the threads of one test, line by line.

use std::cell::RefCell;
use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, Once};

use tokio::sync::watch;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

thread_local! {
    static LINES: RefCell<Option<Lines>> = const { RefCell::new(None) };
}

/// The lines from info upwards, each with its level and its fields.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines {
    lines: Arc<Mutex<Vec<String>>>,
    /// Changes with each line.
    pub(crate) grown: watch::Sender<()>,
}

impl Lines {
    /// What this thread logs from now on is collected here. One subscriber serves all threads: with one for each, what
    /// one thread has decided about a line would hold for the others.
    pub(crate) fn listen(&self) {
        static LISTENING: Once = Once::new();
        LISTENING.call_once(|| tracing::subscriber::set_global_default(Listener).unwrap());
        LINES.set(Some(self.clone()));
    }

    /// The lines up to now, and no later ones.
    pub(crate) fn so_far(&self) -> Self {
        Self { lines: Arc::new(Mutex::new(self.all())), grown: watch::Sender::default() }
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// How many lines contain all of these.
    pub(crate) fn with(&self, texts: &[&str]) -> usize {
        let lines = self.lines.lock().unwrap();
        lines.iter().filter(|line| texts.iter().all(|text| line.contains(text))).count()
    }
}

struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO && metadata.target().starts_with("aftercommit")
    }

    fn event(&self, event: &Event<'_>) {
        struct Text(String);
        impl Visit for Text {
            fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
                write!(self.0, "{}={value:?} ", field.name()).unwrap();
            }
        }
        let mut text = Text(format!("{} ", event.metadata().level()));
        event.record(&mut text);
        LINES.with_borrow(|lines| {
            if let Some(Lines { lines, grown }) = lines {
                lines.lock().unwrap().push(text.0);
                grown.send_replace(());
            }
        });
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
