//! The lease token: the task's seq, which is never used again, and how often the task was taken. So no
//! two attempts ever have the same token, and a settle finds its row without a search.

use crate::LeaseToken;

/// How many bits of the token the epoch has. It starts again after 65,536 attempts of one task; the seq
/// has the rest, enough for forty years at 100,000 tasks a second.
const EPOCH_BITS: u32 = 16;
const EPOCH_MASK: i64 = (1 << EPOCH_BITS) - 1;

/// The token of an attempt.
pub const fn token(seq: i64, epoch: i64) -> LeaseToken {
    LeaseToken::new(((seq << EPOCH_BITS) | (epoch & EPOCH_MASK)).cast_unsigned())
}

/// The seq and the low bits of the epoch.
pub const fn parts(token: LeaseToken) -> (i64, i64) {
    let token = token.get().cast_signed();
    (token >> EPOCH_BITS, token & EPOCH_MASK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_both_its_parts() {
        assert_eq!(parts(token(1_000_001, 3)), (1_000_001, 3));
        assert_eq!(parts(token(1_000_001, 65_536 + 3)), (1_000_001, 3));
        assert_eq!(parts(token((1 << 47) - 1, 65_535)), ((1 << 47) - 1, 65_535));
        assert_ne!(token(1, 2), token(2, 1));
    }
}
