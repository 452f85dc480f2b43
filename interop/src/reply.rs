//! What a Go program answers, and what can go wrong with it.

use serde::Deserialize;

/// One line of a Go program.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply<T> {
    Ok(T),
    Error(Fault),
}

impl<T> Reply<T> {
    pub(crate) fn into_result(self) -> Result<T, Fault> {
        match self {
            Self::Ok(value) => Ok(value),
            Self::Error(fault) => Err(fault),
        }
    }
}

/// An error that asynq answered. It is an answer like any other: the program goes on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, thiserror::Error)]
#[error("{name}: {text}")]
pub struct Fault {
    /// `duplicate`, `id_conflict`, `queue_not_found`, `queue_not_empty`, `task_not_found`, `failed_precondition`,
    /// `not_found`, `unsupported` (by that release), `bad_request` (ours to mend), or `other`, to be told by the text.
    pub name: String,
    /// What asynq says.
    pub text: String,
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// asynq answered an error.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The program is gone, did not answer in time, or answered what nobody asked for.
    #[error(transparent)]
    Broken(#[from] anyhow::Error),
}

impl Error {
    /// The name of asynq's error, if it is one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Fault(fault) => Some(&fault.name),
            Self::Broken(_) => None,
        }
    }
}
