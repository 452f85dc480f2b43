//! How dear a password hash is: the value of `PASSWORD_HASH`.

use argon2::{Algorithm, Argon2, Params, Version};
use std::fmt;
use std::str::FromStr;

const NAME: &str = "argon2id";

/// The cost of Argon2id. The default is what OWASP asks for: 19 MiB, two passes, one lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost(Params);

/// Why a text is not a cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be argon2id or argon2id:m=KIB,t=PASSES,p=LANES, as in argon2id:m=19456,t=2,p=1")]
pub struct CostError;

impl Cost {
    /// The most memory one hash may take: 1 GiB. More is a mistyped unit.
    pub const MAX_MEMORY_KIB: u32 = 1024 * 1024;

    /// The least memory of the settings that OWASP holds equal to the default, and the least memory times passes.
    const LEAST_MEMORY_KIB: u32 = 7168;
    const LEAST_WORK: u64 = 7168 * 5;

    /// Whether guessing passwords hashed at this cost is easier than OWASP thinks it should be.
    #[must_use]
    pub fn is_weak(&self) -> bool {
        let work = u64::from(self.0.m_cost()) * u64::from(self.0.t_cost());
        self.0.m_cost() < Self::LEAST_MEMORY_KIB || work < Self::LEAST_WORK
    }

    pub(super) fn hasher(&self) -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.0.clone())
    }
}

impl Default for Cost {
    fn default() -> Self {
        Self(Params::DEFAULT)
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NAME}:m={},t={},p={}", self.0.m_cost(), self.0.t_cost(), self.0.p_cost())
    }
}

impl FromStr for Cost {
    type Err = CostError;

    /// Takes `argon2id`, or `argon2id:` and each of `m` (KiB), `t` (passes) and `p` (lanes) at most
    /// once, in any order; what is left out is the default.
    fn from_str(text: &str) -> Result<Self, CostError> {
        let (name, settings) = text.split_once(':').map_or((text, None), |(name, rest)| (name, Some(rest)));
        if name != NAME {
            return Err(CostError);
        }
        let (mut memory, mut passes, mut lanes) = (None, None, None);
        for setting in settings.into_iter().flat_map(|settings| settings.split(',')) {
            let (key, value) = setting.split_once('=').ok_or(CostError)?;
            let slot = match key {
                "m" => &mut memory,
                "t" => &mut passes,
                "p" => &mut lanes,
                _ => return Err(CostError),
            };
            if slot.replace(value.parse::<u32>().map_err(|_| CostError)?).is_some() {
                return Err(CostError);
            }
        }
        let memory = memory.unwrap_or(Params::DEFAULT_M_COST);
        if memory > Self::MAX_MEMORY_KIB {
            return Err(CostError);
        }
        let passes = passes.unwrap_or(Params::DEFAULT_T_COST);
        let lanes = lanes.unwrap_or(Params::DEFAULT_P_COST);
        Params::new(memory, passes, lanes, None).map(Self).map_err(|_| CostError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_default_is_19_mib_two_passes_one_lane() {
        assert_eq!(Cost::default().to_string(), "argon2id:m=19456,t=2,p=1");
        assert_eq!("argon2id".parse(), Ok(Cost::default()));
        assert_eq!("argon2id:m=19456".parse(), Ok(Cost::default()));
    }

    #[test]
    fn every_setting_can_be_given() {
        let cost: Cost = "argon2id:t=3,p=2,m=64".parse().unwrap();
        assert_eq!(cost.to_string(), "argon2id:m=64,t=3,p=2");
    }

    #[test]
    fn recommended_costs_are_strong_and_cheap_ones_weak() {
        let weak = |m, t| format!("argon2id:m={m},t={t},p=1").parse::<Cost>().unwrap().is_weak();
        for (memory, passes) in [(47104, 1), (19456, 2), (12288, 3), (9216, 4), (7168, 5)] {
            assert!(!weak(memory, passes), "{memory} {passes}");
        }
        for (memory, passes) in [(8, 1), (19456, 1), (12288, 2), (4096, 100)] {
            assert!(weak(memory, passes), "{memory} {passes}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "bcrypt",
            "argon2i",
            "argon2id:",
            "argon2id:m",
            "argon2id:m=",
            "argon2id:m=-1",
            "argon2id:m=1.5",
            "argon2id:m=7",
            "argon2id:m=19MiB",
            "argon2id:m=64,m=64",
            "argon2id:x=1",
            "argon2id:t=0",
            "argon2id:p=0",
            "argon2id:m=8,p=2",
            "argon2id:m=1048577",
        ] {
            assert_eq!(text.parse::<Cost>(), Err(CostError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_a_printed_cost_is_read_back(text in "argon2id(:[mtp=0-9,]{0,20})?") {
            if let Ok(cost) = text.parse::<Cost>() {
                prop_assert_eq!(cost.to_string().parse(), Ok(cost));
            }
        }
    }
}
