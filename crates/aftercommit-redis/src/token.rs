//! The lease token: the fraction of a lease's score. Go compares those scores as ranges only, so the fraction is ours.
//!
//! A score is a 64-bit float. At 1.8 thousand million seconds it has 22 bits left behind the point (and until the year
//! 2038 no fewer), so a token is a number of 1 to 2^22 - 1, and score and token turn into each other exactly.

use aftercommit_core::{LeaseToken, Timestamp};

use crate::time;

/// One more than the largest token. The scripts have the same number.
pub(crate) const UNITS: u64 = 1 << 22;

/// The score of a lease: the whole second at which it ends, rounded up, and the token.
pub(crate) fn score(expires_at: Timestamp, token: LeaseToken) -> String {
    let secs = time::second_at_or_after(expires_at);
    // Both are far below 2^53, and their sum needs 31 + 22 bits: nothing is lost.
    #[expect(clippy::cast_precision_loss, reason = "both numbers are far below 2^53")]
    let score = secs as f64 + token.get() as f64 / UNITS as f64;
    score.to_string()
}

/// The token and the end of a lease, from its score. One that Go has given has no fraction and the token zero.
pub(crate) fn parts(score: f64) -> (LeaseToken, Timestamp) {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a fraction of 1, in units of 2^-22"
    )]
    let token = ((score - score.floor()) * UNITS as f64) as u64;
    #[expect(clippy::cast_possible_truncation, reason = "a float is cut to the range of the integer")]
    let secs = score.floor() as i64;
    (LeaseToken::new(token), Timestamp::from_millis(secs.saturating_mul(1000)))
}

/// How a settle proves that its lease is the current one: by the token, or where Go has given the lease, by its score.
pub(crate) fn proof(token: LeaseToken, expires_at: Timestamp) -> String {
    match token.get() {
        0 => format!("={}", time::second(expires_at)),
        token => token.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_gives_back_what_it_was_made_of() {
        for secs in [1_795_149_409_i64, 1_900_000_000, 2_147_483_647] {
            for token in [1, 2, 3, 1_234_567, UNITS / 2, UNITS - 1] {
                let (ends, token) = (Timestamp::from_millis(secs * 1000), LeaseToken::new(token));
                let score: f64 = score(ends, token).parse().unwrap();
                assert_eq!(parts(score), (token, ends));
            }
        }
    }

    #[test]
    fn a_lease_is_never_written_to_end_early() {
        let score: f64 =
            score(Timestamp::from_millis(1_795_149_409_001), LeaseToken::new(1)).parse().unwrap();
        assert!((1_795_149_410.0..1_795_149_411.0).contains(&score));
    }

    #[test]
    fn a_lease_that_go_has_given_has_the_token_zero() {
        assert_eq!(parts(1_795_149_409.0).0, LeaseToken::new(0));
    }
}
