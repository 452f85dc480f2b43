//! Writes the descriptors of the API to a file, for tools that want them without a server. `make proto` calls it.

use anyhow::{Context, Result};
use simplebank::pb::FILE_DESCRIPTOR_SET;
use std::env::args_os;

fn main() -> Result<()> {
    let path = args_os().nth(1).context("expected the path of the file to write")?;
    std::fs::write(&path, FILE_DESCRIPTOR_SET).with_context(|| path.display().to_string())?;
    println!("{}: {} bytes", path.display(), FILE_DESCRIPTOR_SET.len());
    Ok(())
}
