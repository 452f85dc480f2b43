//! A complete bank backend: gRPC and HTTP/JSON over one set of services, and background tasks that
//! start exactly when the transaction that asked for them commits.

pub mod config;
pub mod failpoint;
pub mod mail;
pub mod secret;
pub mod service;
