//! The gRPC face of the bank: adapters without rules, and the service stack that both ports share.

mod api;
mod codes;
mod convert;
mod deadline;
mod guard;
pub(crate) mod status;

use tonic::service::{LayerExt, Routes};
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_reflection::server::{Builder, Error as ReflectionError};

use crate::pb::{
    self,
    simple_bank_server::{SimpleBank, SimpleBankServer},
};

pub use api::{IDEMPOTENCY_KEY, IDEMPOTENT_REPLAYED, SimpleBankApi};
pub use codes::{code_name, http_status};
pub use guard::{Guard, Limits};
pub use status::ERROR_DOMAIN;

/// The largest request message that is decoded, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// The service stack: the API behind its limits, health and reflection outside of them (a busy server is
/// still healthy). The gRPC port serves it as it is, and the JSON gateway calls it in process.
///
/// # Errors
/// The descriptors do not hold together.
pub fn services<A: SimpleBank, H: Health>(
    api: A,
    health: HealthServer<H>,
    limits: Limits,
) -> Result<Routes, ReflectionError> {
    let api = SimpleBankServer::new(api).max_decoding_message_size(MAX_MESSAGE_BYTES);
    Ok(Routes::new(Guard::new(limits).named_layer(api))
        .add_service(health)
        .add_service(reflection().build_v1()?)
        // Tools in wide use still ask for the older name only.
        .add_service(reflection().build_v1alpha()?)
        .prepare())
}

fn reflection() -> Builder<'static> {
    Builder::configure()
        .register_encoded_file_descriptor_set(pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
}
