//! The proxy between a client and a server that sends back what it gets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use aftercommit_servers::ChaosProxy;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(30);

async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut from, mut to) = stream.into_split();
                // Ends when a test cuts the connection.
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    addr
}

async fn proxied() -> (ChaosProxy, TcpStream) {
    let proxy = ChaosProxy::start(echo().await).await.unwrap();
    let client = TcpStream::connect(proxy.addr()).await.unwrap();
    client.set_nodelay(true).unwrap();
    (proxy, client)
}

async fn answer(client: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    tokio::time::timeout(PATIENCE, client.read_exact(&mut bytes)).await.unwrap().unwrap();
    bytes
}

#[tokio::test]
async fn bytes_pass_unchanged() {
    let (_proxy, mut client) = proxied().await;
    let sent: Vec<u8> = (0..300_000_u32).map(|n| n as u8).collect();
    let (mut from, mut to) = client.split();
    let mut back = vec![0; sent.len()];
    let (written, read) = tokio::join!(to.write_all(&sent), from.read_exact(&mut back));
    written.unwrap();
    read.unwrap();
    assert_eq!(back, sent);
}

#[tokio::test]
async fn delay_is_paid_each_way_and_once_for_all_that_is_under_way() {
    const ONE_WAY: Duration = Duration::from_millis(150);
    const MESSAGES: usize = 100;
    let (proxy, mut client) = proxied().await;
    proxy.delay(ONE_WAY).await;
    let started = Instant::now();
    for _ in 0..MESSAGES {
        client.write_all(b"x").await.unwrap();
    }
    answer(&mut client, MESSAGES).await;
    let took = started.elapsed();
    assert!(took >= ONE_WAY * 2, "{took:?}");
    // One after the other they would take thirty seconds.
    assert!(took < ONE_WAY * 2 * 50, "{took:?}");
}

#[tokio::test]
async fn stalled_connection_stays_and_goes_on_later() {
    let (proxy, mut client) = proxied().await;
    proxy.stall().await;
    client.write_all(b"before").await.unwrap();
    let mut other = TcpStream::connect(proxy.addr()).await.unwrap();
    other.write_all(b"accepted").await.unwrap();
    let silence = tokio::time::timeout(Duration::from_millis(100), client.read_u8()).await;
    assert!(silence.is_err(), "{silence:?}");

    proxy.open().await;
    assert_eq!(answer(&mut client, 6).await, b"before");
    assert_eq!(answer(&mut other, 8).await, b"accepted");
}

#[tokio::test]
async fn cut_ends_the_connections_there_are_and_no_later_one() {
    let (proxy, mut client) = proxied().await;
    client.write_all(b"a").await.unwrap();
    answer(&mut client, 1).await;
    proxy.cut().await;
    let ended = tokio::time::timeout(PATIENCE, client.read_u8()).await.unwrap();
    assert!(ended.is_err(), "{ended:?}");

    let mut next = TcpStream::connect(proxy.addr()).await.unwrap();
    next.write_all(b"b").await.unwrap();
    assert_eq!(answer(&mut next, 1).await, b"b");
}

#[tokio::test]
async fn refused_means_nobody_can_connect_until_it_opens() {
    let (proxy, mut client) = proxied().await;
    proxy.refuse().await;
    assert!(tokio::time::timeout(PATIENCE, client.read_u8()).await.unwrap().is_err());
    let refused = TcpStream::connect(proxy.addr()).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);

    proxy.open().await;
    let mut next = TcpStream::connect(proxy.addr()).await.unwrap();
    next.write_all(b"c").await.unwrap();
    assert_eq!(answer(&mut next, 1).await, b"c");
}
