//! A complete bank backend: gRPC and HTTP/JSON over one set of services, and background tasks that
//! start exactly when the transaction that asked for them commits.

pub mod domain;
pub mod password;
pub mod service;
pub mod store;
pub mod tasks;
pub mod token;
