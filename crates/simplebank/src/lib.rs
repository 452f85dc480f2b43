//! A complete bank backend: gRPC and HTTP/JSON over one set of services, and background tasks that
//! start exactly when the transaction that asked for them commits.

pub mod config;
pub mod domain;
pub mod failpoint;
pub mod gateway;
pub mod grpc;
pub mod lifecycle;
pub mod mail;
pub mod password;
pub mod pb;
pub mod secret;
pub mod server;
pub mod service;
pub mod store;
pub mod tasks;
pub mod telemetry;
pub mod token;
