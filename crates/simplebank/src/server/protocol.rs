//! What the ports speak: HTTP/1.1 for the gateway, HTTP/2 for gRPC, each with its limits.

use std::{any::Any, convert::Infallible, io, io::Cursor, time::Duration};

use axum::{Router, response::Response};
use http::Request;
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::graceful::Watcher,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, join},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tower::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;

use super::connections::{self, Drained, PeerAddress};
use crate::{
    gateway::Refusal,
    grpc::status,
    telemetry::{Protocol, RequestLayer, log_panic},
};

/// The first line and all headers of a request, in bytes; more is answered with 431.
const MAX_HEADER_BYTES: u32 = 16 * 1024;

/// Headers of one request; more are answered with 431.
const MAX_HEADERS: usize = 64;

/// What a connection reads ahead, in bytes.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// How long a connection may take to send the head of a request, and how long it may idle between two.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// Calls at a time on one HTTP/2 connection.
const MAX_STREAMS: u32 = 256;

/// How often a silent HTTP/2 connection is asked whether it is alive, and how long it has to answer.
const PING_INTERVAL: Duration = Duration::from_secs(60);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// The length of the fixed text that opens every HTTP/2 connection.
const PREFACE_BYTES: usize = 24;

/// Serves HTTP/1.1 until `shutdown`, then lets requests finish for at most `deadline`.
pub async fn serve_gateway(
    listener: TcpListener,
    web: Router,
    shutdown: CancellationToken,
    deadline: Duration,
) -> Drained {
    let web = web.layer(CatchPanicLayer::custom(answer_panic)).layer(RequestLayer(Protocol::Http));
    connections::serve(listener, shutdown, deadline, |stream, peer, watcher| {
        http1_connection(stream, peer, watcher, web.clone())
    })
    .await
}

/// Serves gRPC until `shutdown`, then lets calls finish for at most `deadline`.
pub async fn serve_grpc(
    listener: TcpListener,
    services: Routes,
    shutdown: CancellationToken,
    deadline: Duration,
) -> Drained {
    let services = services.into_axum_router().layer(RequestLayer(Protocol::Grpc));
    connections::serve(listener, shutdown.clone(), deadline, |stream, peer, watcher| {
        let (services, shutdown) = (services.clone(), shutdown.clone());
        async move {
            // A connection that has not begun has nothing to finish.
            let begun = timeout(HEADER_TIMEOUT, after_preface(stream));
            if let Some(Ok(Ok(stream))) = shutdown.run_until_cancelled(begun).await {
                http2_connection(stream, peer, watcher, services).await;
            }
        }
    })
    .await
}

async fn http1_connection(stream: TcpStream, peer: PeerAddress, watcher: Watcher, router: Router) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEADER_BYTES as usize)
        .max_buf_size(READ_BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service_fn(|request| answer(router.clone(), peer, request)));
    report(watcher.watch(connection).await);
}

async fn http2_connection<I>(stream: I, peer: PeerAddress, watcher: Watcher, router: Router)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEADER_BYTES)
        .max_concurrent_streams(MAX_STREAMS)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .serve_connection(
            TokioIo::new(stream),
            service_fn(move |request| answer(router.clone(), peer, request)),
        );
    report(watcher.watch(connection).await);
}

/// Waits until the opening text of HTTP/2 is there. The protocol library would wait for it without end.
async fn after_preface(
    mut stream: TcpStream,
) -> io::Result<impl AsyncRead + AsyncWrite + Unpin + Send + 'static> {
    let mut preface = [0; PREFACE_BYTES];
    stream.read_exact(&mut preface).await?;
    let (read, write) = stream.into_split();
    Ok(join(Cursor::new(preface).chain(read), write))
}

async fn answer(
    router: Router,
    peer: PeerAddress,
    mut request: Request<Incoming>,
) -> Result<Response, Infallible> {
    request.extensions_mut().insert(peer);
    router.oneshot(request).await
}

/// Only a developer wants to know how a client misbehaved.
fn report(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection ended early");
    }
}

fn answer_panic(panic: Box<dyn Any + Send>) -> Response {
    log_panic(&*panic);
    Refusal::from(status::internal("internal error")).into_response()
}
