//! Messages of the API to and from the bank's own types. Nothing is decided here.

use crate::{
    domain::{time::Timestamp, user::User},
    pb,
    service::{CreateUser, VerifyEmail},
};

const MICROS_PER_SECOND: i64 = 1_000_000;

impl From<pb::CreateUserRequest> for CreateUser {
    fn from(request: pb::CreateUserRequest) -> Self {
        Self {
            username: request.username,
            full_name: request.full_name,
            email: request.email,
            password: request.password.into(),
        }
    }
}

impl From<pb::VerifyEmailRequest> for VerifyEmail {
    fn from(request: pb::VerifyEmailRequest) -> Self {
        Self { email_id: request.email_id, secret_code: request.secret_code }
    }
}

impl From<User> for pb::User {
    fn from(user: User) -> Self {
        Self {
            username: user.username,
            full_name: user.full_name,
            email: user.email,
            password_changed_at: Some(timestamp(user.password_changed_at)),
            created_at: Some(timestamp(user.created_at)),
            is_email_verified: user.is_email_verified,
            role: user.role.as_str().to_owned(),
        }
    }
}

fn timestamp(time: Timestamp) -> prost_types::Timestamp {
    let micros = time.as_micros();
    let nanos = micros.rem_euclid(MICROS_PER_SECOND) * 1000;
    prost_types::Timestamp {
        seconds: micros.div_euclid(MICROS_PER_SECOND),
        nanos: i32::try_from(nanos).expect("less than a second of nanoseconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_and_after_1970_keep_their_microseconds() {
        for (micros, seconds, nanos) in [
            (1_669_048_927_123_456, 1_669_048_927, 123_456_000),
            (-1, -1, 999_999_000),
            (Timestamp::YEAR_ONE.as_micros(), -62_135_596_800, 0),
            (i64::MAX, 9_223_372_036_854, 775_807_000),
        ] {
            let converted = timestamp(Timestamp::from_micros(micros));
            assert_eq!((converted.seconds, converted.nanos), (seconds, nanos));
        }
    }
}
