//! The bytes between us and one Redis: TCP, unix socket or TLS, with a bound on how long a write may hang.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, Sleep};
use tokio_rustls::TlsConnector;

use crate::options::{HostPort, RedisTls};

/// After how long a silence, and how often, the kernel asks whether the other end is still there.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// What a connection can do.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Connects over TCP.
pub(crate) async fn tcp(address: &HostPort) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
    // Commands are small and wait for their answers: the kernel is not to wait for more of them.
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE);
    SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    Ok(stream)
}

/// Connects to a unix socket.
pub(crate) async fn unix(path: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(path).await
}

/// Agrees on TLS. A certificate that is not trusted is an error of kind `InvalidData`.
pub(crate) async fn tls(stream: TcpStream, host: &str, tls: &RedisTls) -> io::Result<Box<dyn Duplex>> {
    let name = tls.server_name.as_deref().unwrap_or(host).to_owned();
    let name =
        ServerName::try_from(name).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    let connector = TlsConnector::from(Arc::new(tls_config(tls)?));
    Ok(Box::new(connector.connect(name, stream).await?))
}

fn tls_config(tls: &RedisTls) -> io::Result<ClientConfig> {
    let invalid =
        |error: &dyn std::error::Error| io::Error::new(io::ErrorKind::InvalidData, error.to_string());
    let mut roots = RootCertStore::empty();
    match &tls.authorities {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|error| invalid(&error))?;
                roots.add(certificate).map_err(|error| invalid(&error))?;
            }
            if roots.is_empty() {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the PEM holds no certificate"));
            }
        }
    }
    // Named, because a program may hold two providers, and then there is no default.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(config.map_err(|error| invalid(&error))?.with_root_certificates(roots).with_no_client_auth())
}

/// Fails a write that the other end takes no byte of for too long.
pub(crate) struct WriteTimeout<S> {
    stream: S,
    limit: Option<Duration>,
    /// Runs while a write hangs.
    hanging: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncWrite + Unpin> WriteTimeout<S> {
    pub(crate) fn new(stream: S, limit: Option<Duration>) -> Self {
        Self { stream, limit, hanging: None }
    }

    /// Passes on what the stream says, and while it says "pending" watches the clock.
    fn bounded<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if let Poll::Ready(written) = write(Pin::new(&mut self.stream), cx) {
            self.hanging = None;
            return Poll::Ready(written);
        }
        let Some(limit) = self.limit else { return Poll::Pending };
        let hanging =
            self.hanging.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + limit)));
        ready!(hanging.as_mut().poll(cx));
        let error = io::Error::new(io::ErrorKind::TimedOut, format!("redis took no bytes for {limit:?}"));
        Poll::Ready(Err(error))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteTimeout<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteTimeout<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.bounded(cx, |stream, cx| stream.poll_write(cx, buf))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.bounded(cx, |stream, cx| stream.poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.bounded(cx, |stream, cx| stream.poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(3);

    #[tokio::test(start_paused = true)]
    async fn write_that_nobody_takes_fails_in_time_and_others_are_free() {
        let (ours, mut theirs) = duplex(4);
        let mut ours = WriteTimeout::new(ours, Some(LIMIT));
        for _ in 0..3 {
            ours.write_all(b"full").await.unwrap();
            tokio::time::sleep(LIMIT * 2).await;
            theirs.read_exact(&mut [0; 4]).await.unwrap();
        }
        let started = Instant::now();
        let error = ours.write_all(b"too much").await.unwrap_err();
        assert_eq!((error.kind(), started.elapsed()), (io::ErrorKind::TimedOut, LIMIT));
    }

    #[tokio::test(start_paused = true)]
    async fn write_without_a_limit_waits() {
        let (ours, _theirs) = duplex(4);
        let mut ours = WriteTimeout::new(ours, None);
        let waited = tokio::time::timeout(LIMIT * 100, ours.write_all(b"too much")).await;
        assert!(waited.is_err());
    }

    #[test]
    fn authorities_that_are_none_are_an_error() {
        assert!(tls_config(&RedisTls::new().authorities("no certificate")).is_err());
    }
}
