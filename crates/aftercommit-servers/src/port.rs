//! Finds a free port on loopback for a server that cannot choose one by itself.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::bail;
use rand::RngExt as _;

/// Below the range from which Linux takes the ports of outgoing connections: a server that is away for a moment finds
/// its port free when it comes back.
const RANGE: std::ops::Range<u16> = 12_000..32_000;

/// How many ports are tried.
const TRIES_MAX: usize = 200;

/// A port that was free a moment ago. Somebody else may be faster: whoever uses it tries again with another.
pub(crate) fn probably_free() -> anyhow::Result<u16> {
    for _ in 0..TRIES_MAX {
        let port = rand::rng().random_range(RANGE);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port on loopback in {TRIES_MAX} tries between {} and {}", RANGE.start, RANGE.end)
}
