//! Times as Postgres stores them: `timestamptz`, which is microseconds since the year 2000 and so holds ours exactly.

use crate::domain::time::Timestamp;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, PgValueRef, Postgres};
use sqlx::{Decode, Encode, Type};

/// From 1970-01-01 to 2000-01-01.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// The number that every Postgres has for `timestamptz`.
const TIMESTAMPTZ: Oid = Oid(1184);

/// A [`Timestamp`] as a parameter or a column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Instant(pub(super) Timestamp);

impl Type<Postgres> for Instant {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ)
    }
}

impl Encode<'_, Postgres> for Instant {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let micros = self.0.as_micros().checked_sub(EPOCH_MICROS).ok_or("time is out of range")?;
        Encode::<Postgres>::encode(micros, buffer)
    }
}

impl Decode<'_, Postgres> for Instant {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let micros = <i64 as Decode<Postgres>>::decode(value)?;
        Ok(Self(Timestamp::from_micros(micros.checked_add(EPOCH_MICROS).ok_or("time is out of range")?)))
    }
}
