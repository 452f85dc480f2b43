//! aftercommit's back-end on Redis, in the wire format of Go's asynq: both may serve one Redis.

mod keys;
mod message;
