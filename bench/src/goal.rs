//! What a measurement has to show, and what it should.

use std::fmt;

/// A goal: what is a must, and what we are after.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goal {
    of: Of,
    bound: Bound,
    must: f64,
    aim: f64,
}

/// What is held against the goal.
#[derive(Debug, Clone, Copy)]
enum Of {
    /// Ours divided by the best peer's, of the same run.
    Peer,
    /// Ours divided by the bare loop's, of the same run.
    Bare,
    /// Ours.
    Value,
}

#[derive(Debug, Clone, Copy)]
enum Bound {
    AtLeast,
    AtMost,
}

/// What a measurement showed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown {
    pub(crate) ours: f64,
    /// Ours divided by the best peer's.
    pub(crate) of_peer: Option<f64>,
    /// Ours divided by the bare loop's.
    pub(crate) of_bare: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    AimMet,
    MustMet,
    Missed,
    /// What it is held against is not here.
    Unknown,
}

impl Goal {
    /// So many times the peer's.
    pub(crate) const fn times(must: f64, aim: f64) -> Self {
        Self { of: Of::Peer, bound: Bound::AtLeast, must, aim }
    }

    /// No more than this share of the peer's.
    pub(crate) const fn share(must: f64, aim: f64) -> Self {
        Self { of: Of::Peer, bound: Bound::AtMost, must, aim }
    }

    /// At least this share of what the bare loop does.
    pub(crate) const fn of_bare(share: f64) -> Self {
        Self { of: Of::Bare, bound: Bound::AtLeast, must: share, aim: share }
    }

    pub(crate) const fn at_least(must: f64, aim: f64) -> Self {
        Self { of: Of::Value, bound: Bound::AtLeast, must, aim }
    }

    pub(crate) const fn at_most(must: f64, aim: f64) -> Self {
        Self { of: Of::Value, bound: Bound::AtMost, must, aim }
    }

    pub(crate) fn judge(&self, shown: &Shown) -> Verdict {
        let Some(shown) = (match self.of {
            Of::Peer => shown.of_peer,
            Of::Bare => shown.of_bare,
            Of::Value => Some(shown.ours),
        }) else {
            return Verdict::Unknown;
        };
        let meets = |goal: f64| match self.bound {
            Bound::AtLeast => shown >= goal,
            Bound::AtMost => shown <= goal,
        };
        if meets(self.aim) {
            Verdict::AimMet
        } else if meets(self.must) {
            Verdict::MustMet
        } else {
            Verdict::Missed
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.bound {
            Bound::AtLeast => "≥",
            Bound::AtMost => "≤",
        };
        let unit = match self.of {
            Of::Peer => "x",
            Of::Bare => " of bare",
            Of::Value => "",
        };
        write!(f, "{sign} {}{unit}", self.must)?;
        // Where nothing is aimed for beyond the must, it is said once.
        if self.aim.to_bits() == self.must.to_bits() { Ok(()) } else { write!(f, " / {}{unit}", self.aim) }
    }
}

impl Verdict {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::AimMet => "aim met",
            Self::MustMet => "must met",
            Self::Missed => "MISSED",
            Self::Unknown => "no peer",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(ours: f64, of_peer: Option<f64>, of_bare: Option<f64>) -> Shown {
        Shown { ours, of_peer, of_bare }
    }

    #[test]
    fn a_goal_is_met_from_its_side() {
        let rate = Goal::times(5.0, 7.0);
        let judged = [4.9, 5.0, 7.0].map(|ratio| rate.judge(&shown(0.0, Some(ratio), None)));
        assert_eq!(judged, [Verdict::Missed, Verdict::MustMet, Verdict::AimMet]);
        assert_eq!(rate.judge(&shown(9.0, None, None)), Verdict::Unknown);
        let late = Goal::at_most(50.0, 10.0);
        let judged = [51.0, 50.0, 9.0].map(|late_ms| late.judge(&shown(late_ms, None, None)));
        assert_eq!(judged, [Verdict::Missed, Verdict::MustMet, Verdict::AimMet]);
        assert_eq!((rate.to_string(), late.to_string()), ("≥ 5x / 7x".into(), "≤ 50 / 10".into()));
    }

    #[test]
    fn a_share_of_the_bare_loop_is_no_ratio_to_a_peer() {
        let share = Goal::of_bare(0.6);
        let judged = [0.5, 0.6].map(|ratio| share.judge(&shown(0.0, Some(9.0), Some(ratio))));
        assert_eq!(judged, [Verdict::Missed, Verdict::AimMet]);
        assert_eq!(share.to_string(), "≥ 0.6 of bare");
    }
}
