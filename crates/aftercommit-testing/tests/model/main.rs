//! The ideas behind the queue as small state models. Every reachable state of each is visited; where one rule is
//! left out, the shortest way to the damage is found and stands in the test. `docs/design/model.md` is the guide.

mod complete_in;
mod enqueue;
mod explorer;
mod explorer_is_right;
mod lease;
mod limit;
mod positions;
mod reconciler;
mod relay;
mod report;
mod scheduler;
mod unique;
