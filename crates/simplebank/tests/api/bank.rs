//! Both ports, running on free ports of loopback, over a bank that answers by the username it is asked for.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::Value;
use simplebank::{
    gateway::Gateway,
    grpc::{self, Limits},
    pb::{
        self, CreateUserRequest, CreateUserResponse, User, VerifyEmailRequest, VerifyEmailResponse,
        simple_bank_client::SimpleBankClient, simple_bank_server::SimpleBank,
    },
    server::{Check, Drained, PeerAddress, Readiness, bind, serve_gateway, serve_grpc, web},
    service::{ServiceError, Taken, Violation},
};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, metadata::MetadataMap, transport::Channel};

/// Long enough for a loaded machine, short enough to notice a hang.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A bank whose answers are agreed on by username.
#[derive(Debug, Clone, Default)]
pub(crate) struct FakeBank(Arc<Inside>);

#[derive(Debug)]
struct Inside {
    seen: Mutex<Vec<(MetadataMap, Option<PeerAddress>)>>,
    arrived: Semaphore,
    release: Semaphore,
}

impl Default for Inside {
    fn default() -> Self {
        Self { seen: Mutex::default(), arrived: Semaphore::new(0), release: Semaphore::new(0) }
    }
}

impl FakeBank {
    /// Metadata and peer of the last call.
    pub(crate) fn last_seen(&self) -> (MetadataMap, Option<PeerAddress>) {
        self.0.seen.lock().unwrap().last().expect("a call was made").clone()
    }

    pub(crate) fn calls(&self) -> usize {
        self.0.seen.lock().unwrap().len()
    }

    /// Waits until one more call for the user `slow` is inside.
    pub(crate) async fn slow_call_arrived(&self) {
        tokio::time::timeout(PATIENCE, self.0.arrived.acquire()).await.unwrap().unwrap().forget();
    }

    /// Lets one call for the user `slow` go on.
    pub(crate) fn release_slow_call(&self) {
        self.0.release.add_permits(1);
    }
}

#[tonic::async_trait]
impl SimpleBank for FakeBank {
    async fn create_user(
        &self,
        request: Request<CreateUserRequest>,
    ) -> Result<Response<CreateUserResponse>, Status> {
        let peer = request.extensions().get::<PeerAddress>().copied();
        self.0.seen.lock().unwrap().push((request.metadata().clone(), peer));
        let request = request.into_inner();
        match request.username.as_str() {
            "invalid" => Err(ServiceError::Invalid(vec![
                Violation { field: "username", description: "must be another".to_owned() },
                Violation { field: "password", description: "must contain from 6-100 characters".to_owned() },
            ])
            .into()),
            "taken" => Err(ServiceError::AlreadyExists(Taken::Username).into()),
            "taken_email" => Err(ServiceError::AlreadyExists(Taken::Email).into()),
            "busy" => Err(ServiceError::Overloaded.into()),
            "broken" => Err(ServiceError::Internal {
                doing: "create user",
                source: "UNIQUE constraint failed: users.email at 10.0.0.7".into(),
            }
            .into()),
            "stranger" => Err(Status::unauthenticated("unauthorized: token \"x\" has expired")),
            "panic" => panic!("the fake bank was told to panic"),
            "slow" => {
                self.0.arrived.add_permits(1);
                self.0.release.acquire().await.unwrap().forget();
                Ok(created(request))
            }
            "replayed" => {
                let mut response = created(request);
                response.metadata_mut().insert("idempotent-replayed", "true".parse().unwrap());
                response.metadata_mut().insert("x-internal", "secret".parse().unwrap());
                Ok(response)
            }
            _ => Ok(created(request)),
        }
    }

    async fn verify_email(
        &self,
        request: Request<VerifyEmailRequest>,
    ) -> Result<Response<VerifyEmailResponse>, Status> {
        match request.into_inner() {
            VerifyEmailRequest { email_id: 1, secret_code } if secret_code == "good" => {
                Ok(Response::new(VerifyEmailResponse { is_verified: true }))
            }
            VerifyEmailRequest { email_id: 2, .. } => {
                Ok(Response::new(VerifyEmailResponse { is_verified: false }))
            }
            _ => Err(ServiceError::VerificationCode.into()),
        }
    }
}

fn created(request: CreateUserRequest) -> Response<CreateUserResponse> {
    let user = User {
        username: request.username,
        full_name: request.full_name,
        email: request.email,
        password_changed_at: Some(prost_types::Timestamp { seconds: -62_135_596_800, nanos: 0 }),
        created_at: Some(prost_types::Timestamp { seconds: 1_669_048_927, nanos: 123_456_000 }),
        is_email_verified: false,
        role: "depositor".to_owned(),
    };
    Response::new(CreateUserResponse { user: Some(user) })
}

/// Both ports, until dropped.
#[derive(Debug)]
pub(crate) struct Bank {
    pub(crate) fake: FakeBank,
    pub(crate) http: SocketAddr,
    pub(crate) grpc: SocketAddr,
    pub(crate) readiness: Readiness,
    pub(crate) shutdown: CancellationToken,
    /// How the HTTP port and the gRPC port ended.
    pub(crate) ended: [JoinHandle<Drained>; 2],
    client: Client,
}

impl Bank {
    pub(crate) async fn start() -> Self {
        Self::with(Limits::default(), Vec::new(), PATIENCE).await
    }

    pub(crate) async fn with(limits: Limits, checks: Vec<Check>, drain: Duration) -> Self {
        let (fake, readiness) = (FakeBank::default(), Readiness::new(checks).await);
        let services = grpc::services(fake.clone(), readiness.health_service(), limits).unwrap();
        let gateway = Gateway::new(&pb::descriptors(), services.clone()).unwrap();
        let [web_port, grpc_port] = ["[::]:0", "[::]:0"].map(|any| bind(any.parse().unwrap()).unwrap());
        let shutdown = CancellationToken::new();
        Self {
            fake,
            http: loopback(&web_port),
            grpc: loopback(&grpc_port),
            ended: [
                tokio::spawn(serve_gateway(
                    web_port,
                    web(gateway, readiness.clone()),
                    shutdown.clone(),
                    drain,
                )),
                tokio::spawn(serve_grpc(grpc_port, services, shutdown.clone(), drain)),
            ],
            readiness,
            shutdown,
            client: Client::new(),
        }
    }

    pub(crate) fn request(&self, verb: Method, path: &str) -> RequestBuilder {
        self.client.request(verb, format!("http://{}{path}", self.http)).timeout(PATIENCE)
    }

    /// POSTs to `/v1/create_user`.
    pub(crate) fn create_user(&self, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.request(Method::POST, "/v1/create_user").body(body)
    }

    pub(crate) async fn grpc_client(&self) -> SimpleBankClient<Channel> {
        SimpleBankClient::new(self.channel().await)
    }

    pub(crate) async fn channel(&self) -> Channel {
        Channel::from_shared(format!("http://{}", self.grpc)).unwrap().connect().await.unwrap()
    }
}

fn loopback(port: &TcpListener) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port.local_addr().unwrap().port()).into()
}

/// Sends a request and takes the answer apart. Panics if the body is not JSON.
pub(crate) async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{error} in {body:?}")))
}

/// A valid request for a user of this name.
pub(crate) fn sign_up(username: &str) -> CreateUserRequest {
    CreateUserRequest {
        username: username.to_owned(),
        full_name: "Alice Ten".to_owned(),
        email: "alice10@email.com".to_owned(),
        password: "secret123".to_owned(),
    }
}
