//! The two ports from outside: real HTTP and gRPC over loopback.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a helper ends the test that called it")]

mod bank;
mod echo;
mod gateway;
mod grpc;
mod lifecycle;
mod limits;
mod properties;
mod request_log;
mod transcoding;
