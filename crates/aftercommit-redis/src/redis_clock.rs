//! What time it is at Redis: the clock that all workers share.
//!
//! A lease that one worker gives is judged by another. Were each to take its own clock, one that is half a minute ahead
//! would take everybody's tasks away, again and again. So leases are measured by the clock of Redis: asked when a connection
//! is made and at every beat, and carried on by a clock that nobody sets in between.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use aftercommit_core::Timestamp;

use crate::reply::Reply;

const ASKING: &str = "ask for the time";

/// The time at Redis, as far as it is known.
#[derive(Debug, Default)]
pub(crate) struct RedisClock(Mutex<Option<(Timestamp, Instant)>>);

impl RedisClock {
    /// Takes note of an answer to `TIME`. One that is none, as where the command is forbidden, changes nothing.
    pub(crate) fn note(&self, answer: Reply) {
        if let Some(told) = read(answer) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((told, Instant::now()));
        }
    }

    /// The present moment; `None` before Redis has told.
    pub(crate) fn now(&self) -> Option<Timestamp> {
        let (told, at) = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some(told.plus(at.elapsed()))
    }
}

/// Seconds, and the microseconds beside them.
fn read(answer: Reply) -> Option<Timestamp> {
    let [secs, micros] = answer.into_array(ASKING).ok()?;
    let (secs, micros) = (secs.into_number(ASKING).ok()??, micros.into_number(ASKING).ok()??);
    Some(Timestamp::from_millis(secs.checked_mul(1_000)?.checked_add(micros / 1_000)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(secs: &'static str, micros: &'static str) -> Reply {
        Reply::List(vec![Reply::Bytes(secs.into()), Reply::Bytes(micros.into())])
    }

    #[test]
    fn what_redis_told_goes_on_by_itself() {
        let clock = RedisClock::default();
        assert_eq!(clock.now(), None);
        clock.note(answer("1795149409", "210999"));
        assert!(clock.now().unwrap() >= Timestamp::from_millis(1_795_149_409_210));
    }

    #[test]
    fn an_answer_that_is_no_time_is_passed_over() {
        let clock = RedisClock::default();
        for no_time in [Reply::Nil, Reply::List(vec![]), answer("x", "1"), answer("9223372036854775807", "1")]
        {
            clock.note(no_time);
            assert_eq!(clock.now(), None);
        }
    }
}
