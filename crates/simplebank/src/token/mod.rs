//! The bank's keys, and what is derived from them.

pub mod entropy;
pub mod key_file;
pub mod keyring;
pub mod verification;
