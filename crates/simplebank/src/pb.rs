//! The API definition, generated from `proto/`: messages, service traits, and the descriptors as data.

#![expect(
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::too_many_lines,
    reason = "the code included here is generated"
)]

use std::{fmt, sync::LazyLock};

use prost_reflect::DescriptorPool;

tonic::include_proto!("pb");

/// Google's HTTP annotations, which say under which verb and path a method is reached with JSON.
pub mod google_api {
    tonic::include_proto!("google.api");
}

/// The encoded `FileDescriptorSet` of the API, its imports and its comments.
pub const FILE_DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/simple_bank.descriptors.bin"));

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the build script wrote a complete descriptor set")
});

/// The descriptors of the API, with the `google.api.http` annotations of its methods.
pub fn descriptors() -> DescriptorPool {
    POOL.clone()
}

const REDACTED: &str = "***";

impl fmt::Debug for CreateUserRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateUserRequest")
            .field("username", &self.username)
            .field("full_name", &self.full_name)
            .field("email", &self.email)
            .field("password", &REDACTED)
            .finish()
    }
}

impl fmt::Debug for VerifyEmailRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyEmailRequest")
            .field("email_id", &self.email_id)
            .field("secret_code", &REDACTED)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IN_THE_REPOSITORY: &[u8] = include_bytes!("../../../proto/simple_bank.descriptors.bin");

    #[test]
    fn descriptors_in_the_repository_are_those_of_the_definition() {
        assert!(IN_THE_REPOSITORY == FILE_DESCRIPTOR_SET, "proto/ has changed: run `make proto`, and commit");
    }
}
