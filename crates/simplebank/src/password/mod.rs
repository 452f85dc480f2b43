//! Hashing passwords: how dear it is, and how much of it may happen at once.

mod cost;
mod pool;

pub use cost::{Cost, CostError};
pub use pool::{PasswordError, PasswordPool, PoolLimits};
