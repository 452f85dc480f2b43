//! Binding a port: dual stack where the machine has IPv6, and one clear line where it cannot be had.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

/// An address that could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {}", reason(.source))]
pub struct BindError {
    /// The address as it was asked for.
    pub address: SocketAddr,
    source: io::Error,
}

/// Listens on an address. `[::]` takes IPv4 connections as well, and means `0.0.0.0` on a machine without
/// IPv6; ask the listener for the address that it got.
///
/// # Errors
/// The address is taken, forbidden, or not of this machine.
pub fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    let any_v6 = address.is_ipv6() && address.ip().is_unspecified();
    let bound = match listen(address) {
        Err(error) if any_v6 && lacks_ipv6(&error) => {
            listen(SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port())))
        }
        bound => bound,
    };
    bound.map_err(|source| BindError { address, source })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // A restart must not wait until the kernel has forgotten the last process's connections.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Whether the machine knows no IPv6 at all (the address family), or has it switched off (the address).
fn lacks_ipv6(error: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97;
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT)
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the port is taken by another process".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not use the port".to_owned(),
        io::ErrorKind::AddrNotAvailable => "the address is not of this machine".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn the_unspecified_address_takes_ipv4_connections() {
        let listener = bind("[::]:0".parse().unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (connected, accepted) = tokio::join!(TcpStream::connect(("127.0.0.1", port)), listener.accept());
        assert!(connected.is_ok() && accepted.is_ok());
    }

    #[tokio::test]
    async fn a_taken_port_is_one_clear_line() {
        let first = bind("[::]:0".parse().unwrap()).unwrap();
        let port = first.local_addr().unwrap().port();
        for address in [format!("[::]:{port}"), format!("0.0.0.0:{port}")] {
            let error = bind(address.parse().unwrap()).unwrap_err().to_string();
            assert_eq!(error, format!("cannot listen on {address}: the port is taken by another process"));
        }
    }

    #[tokio::test]
    async fn a_foreign_address_is_named() {
        let error = bind("192.0.2.1:0".parse().unwrap()).unwrap_err().to_string();
        assert_eq!(error, "cannot listen on 192.0.2.1:0: the address is not of this machine");
    }

    #[test]
    fn a_machine_without_ipv6_is_told_from_a_taken_port() {
        assert!(lacks_ipv6(&io::Error::from_raw_os_error(97)));
        assert!(lacks_ipv6(&io::ErrorKind::AddrNotAvailable.into()));
        assert!(!lacks_ipv6(&io::ErrorKind::AddrInUse.into()));
    }
}
