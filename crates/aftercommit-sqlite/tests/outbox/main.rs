//! The outbox: what is stored with the caller's transaction and not without it, and what a relay does with it.

mod support;
mod transactional;
mod unreadable;
mod wakes;
