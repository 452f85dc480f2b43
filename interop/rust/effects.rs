//! The effect log, written as `interop-go worker` writes it.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use aftercommit::{Clock as _, SystemClock, TaskContext};
use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::groups::AGGREGATED;

/// The log. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Effects(Arc<File>);

impl Effects {
    /// Opens the file to append.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::options().append(true).create(true).open(path);
        let file = file.with_context(|| format!("cannot open {}", path.display()))?;
        Ok(Self(Arc::new(file)))
    }

    /// Notes that an execution begins; it ends with what is returned.
    pub(crate) fn start(&self, context: &TaskContext) -> Execution {
        let members = (context.task_type().as_str() == AGGREGATED)
            .then(|| format!(" payload={}", URL_SAFE_NO_PAD.encode(context.payload())));
        self.write(context, "start", &members.unwrap_or_default());
        Execution { effects: self.clone(), context: context.clone(), outcome: None }
    }

    fn write(&self, context: &TaskContext, what: &str, more: &str) {
        let escape = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        let line = format!(
            "{} {} {what} {} {} lang=rust type={}{more}\n",
            escape(context.id().as_str()),
            context.retried(),
            SystemClock.now().as_millis() * 1_000_000,
            std::process::id(),
            escape(context.task_type().as_str()),
        );
        // One write a line: lines of several processes do not mix. An auditor who misses one judges wrongly; better no
        // worker than that.
        if let Err(error) = (&*self.0).write_all(line.as_bytes()) {
            eprintln!("interop-rust: cannot write to the effect log: {error}");
            std::process::abort();
        }
    }
}

/// An execution under way. One that is dropped without an outcome was stopped, or panicked.
#[derive(Debug)]
pub(crate) struct Execution {
    effects: Effects,
    context: TaskContext,
    outcome: Option<&'static str>,
}

impl Execution {
    /// Notes how it ended.
    pub(crate) fn end<T, E>(mut self, result: &Result<T, E>) {
        self.outcome = Some(if result.is_ok() { "ok" } else { "error" });
    }
}

impl Drop for Execution {
    fn drop(&mut self) {
        let dropped = if std::thread::panicking() { "panic" } else { "stopped" };
        let outcome = self.outcome.unwrap_or(dropped);
        self.effects.write(&self.context, "end", &format!(" outcome={outcome}"));
    }
}
