//! Where the bank listens, and under which address people reach it.

use super::duration;
use super::keys::Key;
use super::reader::Reader;
use crate::mail::BaseUrl;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

pub(super) const KEYS: &[Key] = &[HTTP, GRPC, PUBLIC_BASE_URL, SHUTDOWN_TIMEOUT];
const HTTP: Key = Key::new("HTTP_SERVER_ADDRESS", "[::]:8080", "Where HTTP/JSON is served.");
const GRPC: Key = Key::new("GRPC_SERVER_ADDRESS", "[::]:9090", "Where gRPC is served.");
const PUBLIC_BASE_URL: Key = Key::new(
    "PUBLIC_BASE_URL",
    "http://localhost:8080",
    "The address of the HTTP server as people see it, for the links in e-mails.",
)
.refused_in_production("missing");
const SHUTDOWN_TIMEOUT: Key = Key::new(
    "SHUTDOWN_TIMEOUT",
    "8s",
    "How long requests and tasks may take to finish after SIGTERM or Ctrl-C.",
);

const SHUTDOWN: std::ops::RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(600);

/// Where the bank listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The address for HTTP/JSON. `[::]` means IPv4 too, and `0.0.0.0` where there is no IPv6.
    pub http: SocketAddr,
    /// The address for gRPC, likewise.
    pub grpc: SocketAddr,
    /// What links in e-mails start with.
    pub public_base_url: BaseUrl,
    /// The time from the request to stop to the hard stop.
    pub shutdown_timeout: Duration,
}

impl Server {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let http = reader.read(&HTTP, address);
        let grpc = reader.read(&GRPC, address);
        if let (Some(http), Some(grpc)) = (http, grpc)
            && http == grpc
            && http.port() != 0
        {
            reader.fault(&GRPC, format!("HTTP_SERVER_ADDRESS is {http} too"));
        }
        let public_base_url = reader.read(&PUBLIC_BASE_URL, BaseUrl::parse);
        if let Some(url) = &public_base_url
            && reader.is_production()
            && reader.role().works()
        {
            check_public(reader, url);
        }
        let shutdown_timeout = reader.read(&SHUTDOWN_TIMEOUT, duration::within(SHUTDOWN));
        Some(Self {
            http: http?,
            grpc: grpc?,
            public_base_url: public_base_url?,
            shutdown_timeout: shutdown_timeout?,
        })
    }
}

fn check_public(reader: &mut Reader, url: &BaseUrl) {
    if !reader.is_given(&PUBLIC_BASE_URL) {
        reader.fault(&PUBLIC_BASE_URL, "production needs it: the links in e-mails start with it");
    } else if url.is_local() {
        reader.notice("PUBLIC_BASE_URL is an address of this machine: links in e-mails work only here");
    } else if !url.is_encrypted() {
        reader.notice("PUBLIC_BASE_URL is not https: codes in e-mail links can be read on the way");
    }
}

/// `IP:port`, Go's `:port`, and `localhost:port`. Other names could mean several addresses.
fn address(text: &str) -> Result<SocketAddr, String> {
    let expected = || "an address and port such as [::]:8080, 127.0.0.1:8080 or localhost:8080".to_owned();
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let (host, port) = text.rsplit_once(':').ok_or_else(expected)?;
    let host: IpAddr = match host {
        "" => Ipv6Addr::UNSPECIFIED.into(),
        "localhost" => Ipv4Addr::LOCALHOST.into(),
        _ => return Err(expected()),
    };
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse().ok().filter(|_| digits).ok_or_else(expected)?;
    Ok(SocketAddr::new(host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        for (text, meant) in [
            ("[::]:8080", "[::]:8080"),
            ("0.0.0.0:8080", "0.0.0.0:8080"),
            (":8080", "[::]:8080"),
            ("localhost:0", "127.0.0.1:0"),
        ] {
            assert_eq!(address(text), Ok(meant.parse().unwrap()), "{text}");
        }
        for bad in
            ["", ":", "8080", "localhost", "bank.example:80", "::8080", "1.2.3.4:", "localhost:+80", ":65536"]
        {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
