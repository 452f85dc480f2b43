//! The private Redis: what it is told to be, and that it goes when it should.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use aftercommit_servers::{AppendFsync, RedisServer};

/// Ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(30);

fn ping(addr: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"PING\r\n")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line)
}

#[test]
fn it_answers_as_soon_as_it_is_started_and_keeps_nothing() {
    let server = RedisServer::start().unwrap();
    assert_eq!(ping(server.addr()).unwrap(), "+PONG\r\n");
    assert_eq!(server.command(&["CONFIG", "GET", "save"]).unwrap(), "save");
    assert_eq!(server.command(&["CONFIG", "GET", "appendonly"]).unwrap(), "appendonly\nno");
    assert_eq!(server.url(), format!("redis://{}", server.addr()));
}

#[test]
fn several_run_side_by_side() {
    let servers: Vec<_> = (0..3).map(|_| RedisServer::start().unwrap()).collect();
    for (number, server) in servers.iter().enumerate() {
        server.command(&["SET", "number", &number.to_string()]).unwrap();
    }
    for (number, server) in servers.iter().enumerate() {
        assert_eq!(server.command(&["GET", "number"]).unwrap(), number.to_string());
    }
}

#[test]
fn options_reach_the_server() {
    let builder = RedisServer::builder().unix_socket().tls().password("a\"b").databases(3);
    let server = builder.user("app", "pw", "~* &* +@all").set("maxmemory", "5mb").start().unwrap();
    assert_eq!(server.command(&["CONFIG", "GET", "databases"]).unwrap(), "databases\n3");
    assert_eq!(server.command(&["CONFIG", "GET", "maxmemory"]).unwrap(), "maxmemory\n5242880");
    assert_eq!(server.command(&["AUTH", "app", "pw"]).unwrap(), "OK");
    assert!(server.command(&["AUTH", "app", "wrong"]).unwrap_err().to_string().contains("WRONGPASS"));
    UnixStream::connect(server.socket()).unwrap();
    TcpStream::connect(server.tls_addr()).unwrap();
    assert!(std::fs::read_to_string(server.authority()).unwrap().starts_with("-----BEGIN CERTIFICATE"));
    assert!(ping(server.addr()).unwrap().starts_with("-NOAUTH"));
}

#[test]
fn it_comes_back_on_its_port_and_with_its_file() {
    let mut server = RedisServer::builder().append_only(AppendFsync::Always).start().unwrap();
    let addr = server.addr();
    server.command(&["SET", "kept", "yes"]).unwrap();
    server.kill().unwrap();
    ping(addr).unwrap_err();
    server.start_again().unwrap();
    assert_eq!(server.addr(), addr);
    assert_eq!(server.command(&["GET", "kept"]).unwrap(), "yes");
    server.stop().unwrap();
    ping(addr).unwrap_err();
    server.stop().unwrap_err();
    server.start_again().unwrap();
    assert_eq!(server.command(&["GET", "kept"]).unwrap(), "yes");
}

#[test]
fn paused_server_is_silent_and_resumed_one_answers() {
    let server = RedisServer::start().unwrap();
    let mut stream = TcpStream::connect(server.addr()).unwrap();
    server.pause();
    stream.write_all(b"PING\r\n").unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).unwrap_err();
    server.resume();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"+PONG\r\n");
}

#[test]
fn dropped_server_leaves_nothing_even_if_paused() {
    let server = RedisServer::start().unwrap();
    let (addr, directory) = (server.addr(), server.directory().to_owned());
    server.pause();
    drop(server);
    ping(addr).unwrap_err();
    assert!(!directory.exists());
}

#[test]
fn bad_configuration_is_an_error_with_what_redis_said() {
    let error = RedisServer::builder().set("no-such-directive", "1").start().unwrap_err().to_string();
    assert!(error.contains("no-such-directive"), "{error}");
}

#[test]
fn it_outlives_the_thread_that_started_it_but_not_the_process() {
    let server = std::thread::spawn(|| RedisServer::start().unwrap()).join().unwrap();
    assert_eq!(ping(server.addr()).unwrap(), "+PONG\r\n");

    let program = env!("CARGO_BIN_EXE_aftercommit-servers");
    let mut holder = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let addr: SocketAddr = url.trim_end().strip_prefix("redis://").unwrap().parse().unwrap();
    let mut connection = TcpStream::connect(addr).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    let started = Instant::now();
    holder.kill().unwrap();
    holder.wait().unwrap();
    // The end of the server ends its connections.
    assert_eq!(connection.read(&mut [0]).unwrap_or(0), 0);
    assert!(started.elapsed() < PATIENCE);
}
