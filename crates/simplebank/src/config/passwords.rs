//! How passwords are hashed.

use super::keys::Key;
use super::reader::Reader;
use crate::password::Cost;

pub(super) const KEYS: &[Key] = &[PASSWORD_HASH];
const PASSWORD_HASH: Key = Key::new(
    "PASSWORD_HASH",
    "argon2id:m=19456,t=2,p=1",
    "The cost of hashing a password: KiB of memory, passes, lanes. Cheap values are for load tests.",
)
.refused_in_production("weaker than OWASP recommends");

pub(super) fn read(reader: &mut Reader) -> Option<Cost> {
    let cost = reader.read(&PASSWORD_HASH, |text| text.parse::<Cost>().map_err(|_| expected()))?;
    if reader.is_production() && cost.is_weak() {
        reader.fault(&PASSWORD_HASH, "too cheap for production, see OWASP's settings for Argon2id");
    }
    Some(cost)
}

fn expected() -> String {
    "argon2id:m=KIB,t=PASSES,p=LANES, as in argon2id:m=19456,t=2,p=1".to_owned()
}
