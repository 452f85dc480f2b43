//! How passwords are hashed.

use super::keys::Key;
use super::number::whole;
use super::reader::Reader;
use std::ops::RangeInclusive;

pub(super) const KEYS: &[Key] = &[PASSWORD_HASH];
const PASSWORD_HASH: Key = Key::new(
    "PASSWORD_HASH",
    "argon2id:m=19456,t=2,p=1",
    "The cost of hashing a password: KiB of memory, passes, lanes. Cheap values are for load tests.",
)
.refused_in_production("weaker than OWASP recommends");

const MEMORY_KIB: RangeInclusive<u32> = 8..=1024 * 1024;
const PASSES: RangeInclusive<u32> = 1..=100;
const LANES: RangeInclusive<u32> = 1..=16;

/// The least memory, and the least memory times passes, of the settings that OWASP holds equal to the default.
const LEAST_MEMORY_KIB: u32 = 7168;
const LEAST_WORK: u64 = 7168 * 5;

/// How passwords are hashed: Argon2id with these costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passwords {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Passwords {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let costs = reader.read(&PASSWORD_HASH, parse)?;
        if reader.is_production() && costs.is_weak() {
            reader.fault(
                &PASSWORD_HASH,
                format!("too cheap for production: m must be {LEAST_MEMORY_KIB} or more, and m times t {LEAST_WORK}"),
            );
        }
        Some(costs)
    }

    fn is_weak(self) -> bool {
        let work = u64::from(self.memory_kib) * u64::from(self.passes);
        self.memory_kib < LEAST_MEMORY_KIB || work < LEAST_WORK
    }
}

fn parse(text: &str) -> Result<Passwords, String> {
    let expected = || {
        let (m, t, p) = (MEMORY_KIB, PASSES, LANES);
        let (m, t, p) =
            (format!("{}..{}", m.start(), m.end()), format!("{}..{}", t.start(), t.end()), p.end());
        format!("argon2id:m=KIB,t=PASSES,p=LANES, with m in {m} and 8 times p or more, t in {t}, p in 1..{p}")
    };
    let mut costs = text.strip_prefix("argon2id:").unwrap_or_default().split(',');
    let mut cost = |name: &str, range: RangeInclusive<u32>| {
        let digits = costs.next()?.strip_prefix(name)?.strip_prefix('=')?;
        whole(range)(digits).ok()
    };
    let read = (cost("m", MEMORY_KIB), cost("t", PASSES), cost("p", LANES));
    let (Some(memory_kib), Some(passes), Some(lanes)) = read else { return Err(expected()) };
    if costs.next().is_some() || memory_kib < 8 * lanes {
        return Err(expected());
    }
    Ok(Passwords { memory_kib, passes, lanes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_read() {
        let costs = parse("argon2id:m=19456,t=2,p=1");
        assert_eq!(costs, Ok(Passwords { memory_kib: 19456, passes: 2, lanes: 1 }));
        assert!(parse("argon2id:m=8,t=1,p=1").is_ok());
        let bad = [
            "",
            "argon2id",
            "bcrypt:10",
            "argon2id:m=8,t=1",
            "argon2id:t=1,m=8,p=1",
            "argon2id:m=7,t=1,p=1",
            "argon2id:m=8,t=1,p=2",
            "argon2id:m=8,t=0,p=1",
            "argon2id:m=8,t=1,p=0",
            "argon2id:m=8,t=1,p=1,x=1",
            "argon2id:m=+8,t=1,p=1",
            "argon2id:m=99999999999,t=1,p=1",
            "argon2i:m=8,t=1,p=1",
        ];
        for bad in bad {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn recommended_costs_are_strong_and_cheap_ones_weak() {
        let weak = |memory_kib, passes| Passwords { memory_kib, passes, lanes: 1 }.is_weak();
        for (memory_kib, passes) in [(47104, 1), (19456, 2), (12288, 3), (9216, 4), (7168, 5)] {
            assert!(!weak(memory_kib, passes), "{memory_kib} {passes}");
        }
        for (memory_kib, passes) in [(8, 1), (19456, 1), (12288, 2), (4096, 100)] {
            assert!(weak(memory_kib, passes), "{memory_kib} {passes}");
        }
    }
}
