//! The use cases of the bank, one per file. They decide; transports convert and stores store.

mod error;

pub use error::{ServiceError, Taken, Violation};
