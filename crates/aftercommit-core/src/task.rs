//! What users define: a payload type with a stable task type, or raw bytes.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::{Error, Options, Result};

/// A payload that knows its task type and its default options. It does not know its handler, so that
/// a service which only enqueues needs nothing but this type.
///
/// ```
/// use aftercommit_core::{Options, Task};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct SendVerifyEmail {
///     username: String,
/// }
///
/// impl Task for SendVerifyEmail {
///     const TYPE: &'static str = "task:send_verify_email";
///
///     fn options() -> Options {
///         Options::new().queue("critical").max_retry(10)
///     }
/// }
/// ```
pub trait Task: Serialize + DeserializeOwned + Send + 'static {
    /// The name on the wire, as in `email:send`. Handlers are found by it; never change it while
    /// tasks of the old name are waiting.
    const TYPE: &'static str;

    /// What holds for every task of this type unless the call says otherwise.
    fn options() -> Options {
        Options::new()
    }
}

/// A task without a payload type: what is on the wire and nothing more.
#[derive(Debug, Clone)]
pub struct RawTask {
    /// The task type.
    pub task_type: TaskType,
    /// The payload, byte for byte.
    pub payload: Bytes,
}

/// A task on its way to a queue: a raw task and the options given so far.
#[derive(Debug, Clone)]
pub struct NewTask {
    /// The task.
    pub task: RawTask,
    /// The options of the call, completed by those of the type.
    pub options: Options,
}

impl NewTask {
    /// Encodes a payload as JSON and takes the default options of its type.
    ///
    /// # Errors
    /// [`Error::Encode`] if the payload cannot be encoded, [`Error::Invalid`] if `T::TYPE` is no task type.
    pub fn of<T: Task>(payload: &T) -> Result<Self> {
        let task_type = TaskType::new(T::TYPE)?;
        match serde_json::to_vec(payload) {
            Ok(bytes) => {
                Ok(Self { task: RawTask { task_type, payload: bytes.into() }, options: T::options() })
            }
            Err(source) => Err(Error::Encode { task_type, source: source.into() }),
        }
    }

    /// Sets options for this one task; they win over those of the type.
    #[must_use]
    pub fn with(mut self, options: Options) -> Self {
        self.options = options.or(self.options);
        self
    }
}

impl From<RawTask> for NewTask {
    fn from(task: RawTask) -> Self {
        Self { task, options: Options::new() }
    }
}

/// The name of a kind of task, as in `email:send`: not blank, at most 255 bytes, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskType(Arc<str>);

impl TaskType {
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 255;

    /// Checks a name.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a blank or overlong name, or one with control characters.
    pub fn new(name: impl AsRef<str>) -> Result<Self> {
        let name = name.as_ref();
        if name.trim().is_empty() {
            return Err(Error::invalid("task type", "it is blank"));
        }
        if name.len() > Self::MAX_BYTES {
            return Err(Error::invalid("task type", format!("it is longer than {} bytes", Self::MAX_BYTES)));
        }
        if name.chars().any(char::is_control) {
            return Err(Error::invalid("task type", "it contains a control character"));
        }
        Ok(Self(name.into()))
    }

    /// A name read back from a store, where another writer may have been less strict.
    pub fn from_stored(name: &str) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names a task within its queue: any text of 1 to 255 bytes that is not blank. Blocked while the task is in any state.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(Arc<str>);

impl TaskId {
    /// The longest id, in bytes.
    pub const MAX_BYTES: usize = 255;

    /// Checks an id.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an empty, blank or overlong id.
    pub fn new(id: impl AsRef<str>) -> Result<Self> {
        let id = id.as_ref();
        if id.trim().is_empty() {
            return Err(Error::invalid("task id", "it is blank"));
        }
        if id.len() > Self::MAX_BYTES {
            return Err(Error::invalid("task id", format!("it is longer than {} bytes", Self::MAX_BYTES)));
        }
        Ok(Self(id.into()))
    }

    /// An id read back from a store, where another writer may have been less strict.
    pub fn from_stored(id: &str) -> Self {
        Self(id.into())
    }

    /// A new id: a UUID v7, so that ids made later sort later.
    pub fn random() -> Self {
        Self(Uuid::now_v7().to_string().into())
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
