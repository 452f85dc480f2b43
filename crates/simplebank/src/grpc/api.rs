//! The methods of the API: each converts its request, asks the bank, and converts the answer.

use tonic::{
    Request, Response, Status, async_trait,
    metadata::{Ascii, MetadataKey, MetadataMap, MetadataValue},
};

use crate::{
    pb::{self, simple_bank_server::SimpleBank},
    service::{Answer, Bank, Replay},
};

/// Metadata (and, over HTTP, a header) by which a client makes a request safe to send again.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Metadata (and, over HTTP, a header) that marks an answer which was given before.
pub const IDEMPOTENT_REPLAYED: &str = "idempotent-replayed";

/// The bank as the generated server code asks for it.
#[derive(Debug, Clone)]
pub struct SimpleBankApi {
    bank: Bank,
}

impl SimpleBankApi {
    /// The API of this bank.
    pub fn new(bank: Bank) -> Self {
        Self { bank }
    }
}

#[async_trait]
impl SimpleBank for SimpleBankApi {
    async fn create_user(
        &self,
        request: Request<pb::CreateUserRequest>,
    ) -> Result<Response<pb::CreateUserResponse>, Status> {
        let key = idempotency_key(request.metadata());
        let answer = self.bank.create_user(request.into_inner().into(), key).await?;
        Ok(replayable(answer, |user| pb::CreateUserResponse { user: Some(user.into()) }))
    }

    async fn verify_email(
        &self,
        request: Request<pb::VerifyEmailRequest>,
    ) -> Result<Response<pb::VerifyEmailResponse>, Status> {
        let is_verified = self.bank.verify_email(request.into_inner().into()).await?;
        Ok(Response::new(pb::VerifyEmailResponse { is_verified }))
    }
}

/// The key as it was sent. Bytes that are no text become characters that no key may have, so that the bank
/// refuses it together with whatever else is wrong.
fn idempotency_key(metadata: &MetadataMap) -> Option<String> {
    metadata.get(IDEMPOTENCY_KEY).map(|key| String::from_utf8_lossy(key.as_bytes()).into_owned())
}

fn replayable<T, M>(answer: Answer<T>, message: impl FnOnce(T) -> M) -> Response<M> {
    let mut response = Response::new(message(answer.value));
    if answer.replay == Replay::Replayed {
        let key = MetadataKey::<Ascii>::from_static(IDEMPOTENT_REPLAYED);
        response.metadata_mut().insert(key, MetadataValue::from_static("true"));
    }
    response
}
