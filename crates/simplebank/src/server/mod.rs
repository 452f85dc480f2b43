//! The two ports: binding them, serving connections on them within limits, and letting go of them in order.

mod bind;
mod connections;
mod protocol;
mod readiness;
mod web;

pub use bind::{BindError, bind};
pub use connections::{Drained, MAX_CONNECTIONS, PeerAddress};
pub use protocol::{serve_gateway, serve_grpc};
pub use readiness::{Check, Readiness};
pub use web::{waiting_room, web};
