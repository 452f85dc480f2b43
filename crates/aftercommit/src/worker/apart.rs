//! Finds the settlement that a store cannot take: the whole batch was refused for good, so each goes alone, and
//! the one does not keep the others from being written.

use aftercommit_core::{Backend, Error, LeaseLost, Result, Settlement};

/// What became of one settlement that went alone.
pub(super) enum Alone {
    /// The store answered.
    Answered(Result<(), LeaseLost>),
    /// The store cannot take it.
    Refused(Error),
}

/// Settles one after the other, and tells `each` in their order. Ends at the first passing fault: then those
/// not told of are as they were.
pub(super) async fn settle_apart(
    backend: &dyn Backend,
    settlements: &[Settlement],
    mut each: impl FnMut(Alone),
) -> Result<()> {
    for settlement in settlements {
        match backend.settle(std::slice::from_ref(settlement)).await {
            Ok(results) => results.into_iter().for_each(|result| each(Alone::Answered(result))),
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => each(Alone::Refused(error)),
        }
    }
    Ok(())
}
