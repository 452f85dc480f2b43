//! Accepting connections within a bound, and draining them: each may finish what it is at, until the
//! deadline.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::{JoinError, JoinSet},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// Connections that one port serves at a time; further ones wait in the kernel.
pub const MAX_CONNECTIONS: usize = 4096;

/// How long to wait when the process has no file descriptor left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Who is at the other end of the connection, among the extensions of each request on either port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);

impl PeerAddress {
    /// One client, one address: a dual stack port sees an IPv4 client as IPv6 (`::ffff:1.2.3.4`), which is
    /// undone.
    fn of(peer: SocketAddr) -> Self {
        Self(SocketAddr::new(peer.ip().to_canonical(), peer.port()))
    }
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every connection finished what it was at.
    Completely,
    /// So many connections were cut off at the deadline.
    Cut(usize),
}

/// Serves connections with `connect` until `shutdown`, then drains them for at most `deadline`.
pub(super) async fn serve<C, F>(
    listener: TcpListener,
    shutdown: CancellationToken,
    deadline: Duration,
    connect: C,
) -> Drained
where
    C: Fn(TcpStream, PeerAddress, Watcher) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let (place, stream, peer) = tokio::select! {
            () = shutdown.cancelled() => break,
            Some(ended) = connections.join_next() => {
                report_panic(ended);
                continue;
            }
            accepted = accept(&listener, &places) => accepted,
        };
        let connection = connect(stream, peer, graceful.watcher());
        connections.spawn(async move {
            connection.await;
            drop(place);
        });
    }
    drop(listener);
    match timeout(deadline, graceful.shutdown()).await {
        Ok(()) => Drained::Completely,
        Err(_) => {
            let cut = connections.len();
            connections.shutdown().await;
            Drained::Cut(cut)
        }
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (OwnedSemaphorePermit, TcpStream, PeerAddress) {
    let place = Arc::clone(places).acquire_owned().await.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // An answer is one small write; waiting to fill a packet would only delay it.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "failed to switch off delayed sending");
                }
                return (place, stream, PeerAddress::of(peer));
            }
            Err(error) if is_of_one_connection(&error) => tracing::debug!(%error, "a connection broke off"),
            Err(error) => {
                tracing::error!(%error, "failed to accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

fn report_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection panicked");
    }
}
