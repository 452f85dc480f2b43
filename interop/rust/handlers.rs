//! What a task does is said by the prefix of its type. A type with another prefix has no handler.

use std::time::Duration;

use aftercommit::{Bytes, HandlerError, Json, Next, Router, TaskContext, from_fn};

use crate::effects::Effects;

/// What `nofail:` tasks fail with.
pub(crate) const NOT_A_FAILURE: &str = "not a failure";

pub(crate) fn router(effects: Effects) -> Router {
    Router::new()
        .route_prefix("ok:", succeed)
        .route_prefix("agg:", succeed)
        .route_prefix("fail:", |_| async { Err::<(), _>(HandlerError::from("failed as told")) })
        .route_prefix("skip:", |_| async { Err::<(), _>(HandlerError::skip_retry("told to")) })
        .route_prefix("revoke:", |_| async { Err::<(), _>(HandlerError::revoke("told to")) })
        .route_prefix("nofail:", |_| async { Err::<(), _>(HandlerError::from(NOT_A_FAILURE)) })
        .route_prefix("panic:", panic)
        .route_prefix("flaky:", fail_first)
        .route_prefix("sleep:", sleep)
        .route_prefix("result:", |context: TaskContext| async move { context.payload().clone() })
        .route_prefix("headers:", |context: TaskContext| async move { Json(context.headers().clone()) })
        .layer(from_fn(move |context, next| logged(effects.clone(), context, next)))
}

async fn logged(effects: Effects, context: TaskContext, next: Next) -> Result<Option<Bytes>, HandlerError> {
    let execution = effects.start(&context);
    let result = next.run(context).await;
    execution.end(&result);
    result
}

async fn succeed(_: TaskContext) {}

async fn panic(_: TaskContext) {
    panic!("panicked as told")
}

/// Fails as often as its payload, a decimal number, says.
async fn fail_first(context: TaskContext) -> Result<(), HandlerError> {
    let (retried, failures) = (u64::from(context.retried()), number(&context)?);
    if retried < failures {
        return Err(format!("failed as told: {} of {failures}", retried + 1).into());
    }
    Ok(())
}

/// Takes as many milliseconds as its payload, a decimal number, says, unless it is stopped.
async fn sleep(context: TaskContext) -> Result<(), HandlerError> {
    tokio::time::sleep(Duration::from_millis(number(&context)?)).await;
    Ok(())
}

fn number(context: &TaskContext) -> Result<u64, HandlerError> {
    let text = std::str::from_utf8(context.payload()).map_err(HandlerError::skip_retry)?;
    text.parse().map_err(HandlerError::skip_retry)
}
