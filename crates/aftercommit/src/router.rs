//! From task type to handler.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::Arc;

use aftercommit_core::{Task, TaskType};
use bytes::Bytes;
use serde_json::error::Category;
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::{Handler, HandlerError, TaskContext, TaskOutput};

/// A handler behind its layers, with its payload type erased.
pub type Route = BoxCloneSyncService<TaskContext, Option<Bytes>, HandlerError>;

/// Finds the handler of a task by its type: the exact type, else the longest registered prefix.
///
/// Faults (two handlers for one type, a type that is no type) are collected and reported by
/// [`WorkerBuilder::build`](crate::WorkerBuilder::build), so that they show at start.
#[derive(Debug)]
pub struct Router<S = ()> {
    state: Arc<S>,
    routes: HashMap<TaskType, Route>,
    /// By prefix; a longer prefix sorts after its own beginning.
    prefixes: BTreeMap<String, Route>,
    faults: Vec<String>,
}

impl Router {
    /// A router for handlers that need no state.
    pub fn new() -> Self {
        Self::with_state(())
    }
}

impl Default for Router {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Send + Sync + 'static> Router<S> {
    /// A router whose handlers may take `state`, or parts of it, as arguments.
    pub fn with_state(state: S) -> Self {
        Self { state: Arc::new(state), routes: HashMap::new(), prefixes: BTreeMap::new(), faults: Vec::new() }
    }

    /// Adds the handler of the task type that its payload names.
    #[must_use]
    pub fn route<Parts, H>(mut self, handler: H) -> Self
    where
        H: Handler<Parts, S>,
        Parts: 'static,
    {
        let state = Arc::clone(&self.state);
        let route = erase(move |context: TaskContext| {
            let (handler, state) = (handler.clone(), Arc::clone(&state));
            async move {
                let payload: H::Payload = serde_json::from_slice(context.payload())
                    .map_err(|error| HandlerError::skip_retry(undecodable::<H::Payload>(&error)))?;
                handler.call(context, &state, payload).await
            }
        });
        match TaskType::new(H::Payload::TYPE) {
            Err(error) => self.faults.push(format!("{error}: {:?}", H::Payload::TYPE)),
            Ok(task_type) => {
                if self.routes.insert(task_type, route).is_some() {
                    self.faults.push(format!("task type {} has two handlers", H::Payload::TYPE));
                }
            }
        }
        self
    }

    /// Adds a handler of undecoded payloads for every task type that starts with `prefix` and has no
    /// handler of its own.
    #[must_use]
    pub fn route_prefix<F, Fut>(mut self, prefix: impl Into<String>, handler: F) -> Self
    where
        F: Fn(TaskContext) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output: TaskOutput> + Send + 'static,
    {
        let prefix = prefix.into();
        let route = erase(move |context| {
            let attempt = handler(context);
            async move { attempt.await.into_result() }
        });
        if self.prefixes.insert(prefix.clone(), route).is_some() {
            self.faults.push(format!("task type prefix {prefix:?} has two handlers"));
        }
        self
    }

    /// Wraps every handler added so far. The layer added last is the outermost.
    #[must_use]
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<Route>,
        L::Service: Service<TaskContext, Response = Option<Bytes>, Error = HandlerError>
            + Clone
            + Send
            + Sync
            + 'static,
        <L::Service as Service<TaskContext>>::Future: Send + 'static,
    {
        for route in self.routes.values_mut().chain(self.prefixes.values_mut()) {
            *route = BoxCloneSyncService::new(layer.layer(route.clone()));
        }
        self
    }

    pub(crate) fn into_routes(self) -> Routes {
        Routes { routes: self.routes, prefixes: self.prefixes, faults: self.faults }
    }
}

/// Why a payload cannot be decoded, and where; without the decoder's own text, which may quote it.
pub(crate) fn undecodable<T>(error: &serde_json::Error) -> String {
    let fault = match error.classify() {
        Category::Eof => "it ends too early",
        Category::Data => "a value is missing or of another kind",
        Category::Syntax | Category::Io => "it is not valid JSON",
    };
    let (line, column) = (error.line(), error.column());
    format!("cannot decode payload as {}: {fault} (line {line}, column {column})", std::any::type_name::<T>())
}

/// A handler as a service that is always ready.
fn erase<F, Fut>(call: F) -> Route
where
    F: Fn(TaskContext) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Option<Bytes>, HandlerError>> + Send + 'static,
{
    BoxCloneSyncService::new(service_fn(call))
}

/// A finished router, its state erased.
#[derive(Debug)]
pub(crate) struct Routes {
    routes: HashMap<TaskType, Route>,
    prefixes: BTreeMap<String, Route>,
    faults: Vec<String>,
}

impl Routes {
    pub(crate) fn faults(&self) -> &[String] {
        &self.faults
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.routes.is_empty() && self.prefixes.is_empty()
    }

    pub(crate) fn find(&self, task_type: &TaskType) -> Option<&Route> {
        self.routes.get(task_type).or_else(|| {
            let name = task_type.as_str();
            self.prefixes
                .iter()
                .rev()
                .find(|(prefix, _)| name.starts_with(prefix.as_str()))
                .map(|(_, route)| route)
        })
    }

    /// Runs one attempt to its end.
    pub(crate) async fn run(&self, context: TaskContext) -> Result<Option<Bytes>, HandlerError> {
        match self.find(context.task_type()) {
            Some(route) => route.clone().oneshot(context).await,
            None => Err(format!("no handler for task type {}", context.task_type()).into()),
        }
    }
}
