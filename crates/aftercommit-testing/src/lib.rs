//! Everything one needs to test with aftercommit, or to test a back-end of it.
//!
//! - [`MemoryBackend`]: a whole back-end in memory, the executable specification of the contract.
//! - [`MemoryOutbox`]: the same of an outbox.
//! - [`conformance!`], [`outbox_conformance!`]: every case of the contract as a test of its own, on any back-end and
//!   on any outbox.
//! - [`Faulty`]: wraps any back-end and injects errors, lost answers, delays and repeated settles.
//! - [`ManualClock`], [`TokioClock`]: time that is turned by hand, or that follows tokio's.
//! - [`Signals`], [`wait_for_state`], [`wait_until_gone`], [`wait_until_idle`], [`drain`]: tests
//!   without sleeps.
//!
//! A worker and a memory broker in virtual time: hours pass in milliseconds.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use aftercommit_core::{
//!     Broker, Clock, Inspect, NewTask, Options, QueueName, RawTask, State, TaskType, Upkeep,
//! };
//! use aftercommit_testing::{MemoryBackend, TokioClock, wait_for_state};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
//! # runtime.block_on(async {
//! // In a `#[tokio::test(start_paused = true)]`:
//! let clock = Arc::new(TokioClock::new());
//! let backend = Arc::new(MemoryBackend::new(clock.clone()));
//! let reminder = RawTask { task_type: TaskType::new("remind")?, payload: "{}".into() };
//! let options = Options::new().id("reminder").process_in(Duration::from_secs(3_600));
//! let task = NewTask::from(reminder).with(options).resolve(&Options::new(), clock.now())?;
//! let (queue, id) = (task.message.queue.clone(), task.message.id.clone());
//! backend.enqueue(&[task]).await?;
//!
//! // In place of a worker: sleep until the task is due, then forward it.
//! let forwarder = tokio::spawn({
//!     let (backend, clock, queue) = (backend.clone(), clock.clone(), queue.clone());
//!     async move {
//!         let next = backend.forward(&[queue.clone()], 10).await?.next_due.expect("one task waits");
//!         tokio::time::sleep(next.since(clock.now())).await;
//!         backend.forward(&[queue], 10).await
//!     }
//! });
//! wait_for_state(&*backend, &queue, &id, State::Pending, Duration::from_secs(7_200)).await;
//! assert_eq!(forwarder.await??.moved, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod conformance;
pub mod outbox_conformance;

mod ability;
mod clock;
mod drain;
mod faulty;
mod memory;
mod memory_outbox;
mod signals;
mod wait;

pub use ability::Ability;
pub use clock::{ManualClock, TEST_EPOCH, TokioClock};
pub use drain::{DRAIN_LIMIT, drain};
pub use faulty::{Call, Fault, Faults, Faulty, Odds};
pub use memory::MemoryBackend;
pub use memory_outbox::MemoryOutbox;
pub use signals::Signals;
pub use wait::{wait_for_state, wait_until_gone, wait_until_idle};
