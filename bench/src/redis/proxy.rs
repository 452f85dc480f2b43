//! A network that takes its time: forwards a port, each way with a delay to a fraction of a millisecond, which the
//! runtime's timers are too coarse for. So these are threads.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

/// How much is read at a time.
const CHUNK_BYTES: usize = 256 * 1024;

/// Starts one, for the life of this process.
pub(super) fn start(server: SocketAddr, one_way: Duration) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // A client that cannot be served sees its connection end.
            let _ = connect(client, server, one_way);
        }
    });
    Ok(addr)
}

fn connect(client: TcpStream, server: SocketAddr, one_way: Duration) -> Result<()> {
    let server = TcpStream::connect(server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    forward(client.try_clone()?, server.try_clone()?, one_way);
    forward(server, client, one_way);
    Ok(())
}

/// One direction. Reading and writing are separate, so that what is delayed does not hold up what follows.
fn forward(from: TcpStream, to: TcpStream, delay: Duration) {
    let (chunks, due) = channel();
    thread::spawn(move || read(from, &chunks, delay));
    thread::spawn(move || write(&due, to));
}

fn read(mut from: TcpStream, chunks: &Sender<(Instant, Vec<u8>)>, delay: Duration) {
    let mut buffer = vec![0; CHUNK_BYTES];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if chunks.send((Instant::now() + delay, buffer[..count].to_vec())).is_err() {
            return;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a thread of its own, with no runtime to block")]
fn write(due: &Receiver<(Instant, Vec<u8>)>, mut to: TcpStream) {
    for (due, chunk) in due {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&chunk).is_err() {
            break;
        }
    }
    // The other end has gone, and so may this one.
    let _ = to.shutdown(Shutdown::Both);
}
