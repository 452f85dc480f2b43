//! Randomness as an argument.

use rand::TryRng;
use rand::rngs::SysRng;
use std::fmt;

/// The operating system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct NoEntropy(#[source] Box<dyn std::error::Error + Send + Sync>);

/// Where random bytes come from.
pub trait Entropy: fmt::Debug + Send + Sync {
    /// Fills `bytes` with random ones, fit for keys.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy>;
}

/// The generator of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        SysRng.try_fill_bytes(bytes).map_err(|error| NoEntropy(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        let (mut a, mut b) = ([0; 16], [0; 16]);
        OsEntropy.fill(&mut a).unwrap();
        OsEntropy.fill(&mut b).unwrap();
        assert_ne!(a, b);
    }
}
