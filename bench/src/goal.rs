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
    /// Ours divided by the peer's, of the same run.
    Ratio,
    /// Ours.
    Value,
}

#[derive(Debug, Clone, Copy)]
enum Bound {
    AtLeast,
    AtMost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    AimMet,
    MustMet,
    Missed,
    /// The peer is not here.
    Unknown,
}

impl Goal {
    /// So many times the peer's.
    pub(crate) const fn times(must: f64, aim: f64) -> Self {
        Self { of: Of::Ratio, bound: Bound::AtLeast, must, aim }
    }

    /// No more than this share of the peer's.
    pub(crate) const fn share(must: f64, aim: f64) -> Self {
        Self { of: Of::Ratio, bound: Bound::AtMost, must, aim }
    }

    pub(crate) const fn at_least(must: f64, aim: f64) -> Self {
        Self { of: Of::Value, bound: Bound::AtLeast, must, aim }
    }

    pub(crate) const fn at_most(must: f64, aim: f64) -> Self {
        Self { of: Of::Value, bound: Bound::AtMost, must, aim }
    }

    pub(crate) fn judge(&self, ours: f64, ratio: Option<f64>) -> Verdict {
        let Some(shown) = (match self.of {
            Of::Ratio => ratio,
            Of::Value => Some(ours),
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
            Of::Ratio => "x",
            Of::Value => "",
        };
        write!(f, "{sign} {}{unit} / {}{unit}", self.must, self.aim)
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

    #[test]
    fn a_goal_is_met_from_its_side() {
        let rate = Goal::times(5.0, 7.0);
        let judged = [4.9, 5.0, 7.0].map(|ratio| rate.judge(0.0, Some(ratio)));
        assert_eq!(judged, [Verdict::Missed, Verdict::MustMet, Verdict::AimMet]);
        assert_eq!(rate.judge(9.0, None), Verdict::Unknown);
        let late = Goal::at_most(50.0, 10.0);
        let judged = [51.0, 50.0, 9.0].map(|late_ms| late.judge(late_ms, None));
        assert_eq!(judged, [Verdict::Missed, Verdict::MustMet, Verdict::AimMet]);
        assert_eq!((rate.to_string(), late.to_string()), ("≥ 5x / 7x".into(), "≤ 50 / 10".into()));
    }
}
