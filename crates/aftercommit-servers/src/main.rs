//! Starts a private Redis, prints its address, and keeps it until standard input ends.

use std::io::{self, Write as _};

use aftercommit_servers::RedisServer;

fn main() -> anyhow::Result<()> {
    let server = RedisServer::start()?;
    println!("{}", server.url());
    io::stdout().flush()?;
    io::copy(&mut io::stdin().lock(), &mut io::sink())?;
    Ok(())
}
