//! A bad network on loopback: a proxy that can be slow, silent, cut or absent.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::port;

/// How much is read at a time.
const CHUNK_BYTES: usize = 64 * 1024;
/// How many chunks may be under way in one direction: enough that a delay does not limit what fits through.
const CHUNKS_UNDER_WAY_MAX: usize = 1024;

/// Forwards a port on loopback to a server. Dropped, it closes everything.
#[derive(Debug)]
pub struct ChaosProxy {
    addr: SocketAddr,
    weather: watch::Sender<Weather>,
    /// The weather that the acceptor has acted upon.
    seen: watch::Receiver<Weather>,
    acceptor: JoinHandle<()>,
}

/// What the network is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Weather {
    /// One way.
    delay: Duration,
    flow: Flow,
    /// How many times all connections were closed.
    cuts: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Open,
    Stalled,
    Refused,
}

impl ChaosProxy {
    /// A proxy to this server, which need not be there yet. Forwards at once and everything, until told otherwise.
    pub async fn start(server: SocketAddr) -> anyhow::Result<Self> {
        let listener = listen_somewhere().await?;
        let addr = listener.local_addr()?;
        let fair = Weather { delay: Duration::ZERO, flow: Flow::Open, cuts: 0 };
        let (weather, changes) = watch::channel(fair);
        let (tell, seen) = watch::channel(fair);
        let acceptor = tokio::spawn(accept(listener, addr, server, changes, tell));
        Ok(Self { addr, weather, seen, acceptor })
    }

    /// Where to connect to.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Delays what is read from now on, in each direction by this much. Throughput stays: what follows is delayed by as
    /// much, not by more.
    pub async fn delay(&self, one_way: Duration) {
        self.change(|weather| weather.delay = one_way).await;
    }

    /// Forwards nothing more. Connections stay, new ones are accepted: a half-open network.
    pub async fn stall(&self) {
        self.change(|weather| weather.flow = Flow::Stalled).await;
    }

    /// Closes every connection that there is.
    pub async fn cut(&self) {
        self.change(|weather| weather.cuts += 1).await;
    }

    /// Closes every connection, and the port: nobody can connect.
    pub async fn refuse(&self) {
        self.change(|weather| {
            weather.flow = Flow::Refused;
            weather.cuts += 1;
        })
        .await;
    }

    /// Forwards again, what was held back included.
    pub async fn open(&self) {
        self.change(|weather| weather.flow = Flow::Open).await;
    }

    /// Changes the weather and waits until it is so.
    async fn change(&self, change: impl FnOnce(&mut Weather)) {
        self.weather.send_modify(change);
        let wanted = *self.weather.borrow();
        let mut seen = self.seen.clone();
        let reached = seen.wait_for(|seen| *seen == wanted).await;
        reached.expect("the acceptor lives as long as the proxy, and its port stays free");
    }
}

impl Drop for ChaosProxy {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

async fn listen_somewhere() -> anyhow::Result<TcpListener> {
    loop {
        match TcpListener::bind(("127.0.0.1", port::probably_free()?)).await {
            // Somebody was faster; there are many ports.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            listener => return Ok(listener?),
        }
    }
}

/// Accepts while the weather allows. Its connections end with it.
async fn accept(
    listener: TcpListener,
    addr: SocketAddr,
    server: SocketAddr,
    mut weather: watch::Receiver<Weather>,
    tell: watch::Sender<Weather>,
) {
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    let mut cuts = 0;
    loop {
        let now = *weather.borrow_and_update();
        if now.cuts != cuts {
            cuts = now.cuts;
            connections.shutdown().await;
            // A client may hold a connection that nobody has accepted yet: it ends with the listener.
            listener = None;
        }
        if now.flow != Flow::Refused && listener.is_none() {
            let Ok(again) = TcpListener::bind(addr).await else { return };
            listener = Some(again);
        }
        tell.send_replace(now);
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Ok((client, _)) = accepted => {
                connections.spawn(connect(client, server, weather.clone()));
            }
            changed = weather.changed() => if changed.is_err() { return },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One client's connection, until an end closes it.
async fn connect(client: TcpStream, server: SocketAddr, weather: watch::Receiver<Weather>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    if client.set_nodelay(true).and(server.set_nodelay(true)).is_err() {
        return;
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = forward(from_client, to_server, weather.clone()) => {}
        () = forward(from_server, to_client, weather) => {}
    }
}

/// One direction. Reading and writing are separate, so that what is delayed does not hold up what follows.
async fn forward(from: OwnedReadHalf, to: OwnedWriteHalf, weather: watch::Receiver<Weather>) {
    let (chunks, due) = mpsc::channel(CHUNKS_UNDER_WAY_MAX);
    tokio::join!(read(from, chunks, weather.clone()), write(due, to, weather));
}

async fn read(
    mut from: OwnedReadHalf,
    chunks: mpsc::Sender<(Instant, Vec<u8>)>,
    weather: watch::Receiver<Weather>,
) {
    loop {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        match from.read_buf(&mut chunk).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return,
        }
        let due = Instant::now() + weather.borrow().delay;
        if chunks.send((due, chunk)).await.is_err() {
            return;
        }
    }
}

async fn write(
    mut chunks: mpsc::Receiver<(Instant, Vec<u8>)>,
    mut to: OwnedWriteHalf,
    mut weather: watch::Receiver<Weather>,
) {
    while let Some((due, chunk)) = chunks.recv().await {
        tokio::time::sleep_until(due).await;
        if weather.wait_for(|weather| weather.flow != Flow::Stalled).await.is_err() {
            return;
        }
        if to.write_all(&chunk).await.is_err() {
            return;
        }
    }
}
