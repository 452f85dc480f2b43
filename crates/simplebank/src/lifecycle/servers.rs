//! The servers of a process: their ports, their start and their drain.

use crate::config::Config;
use crate::gateway::Gateway;
use crate::grpc::{self, Limits, SimpleBankApi};
use crate::pb;
use crate::server::{self, Check, Drained, Readiness};
use crate::service::Bank;
use crate::store::Store;
use anyhow::Result;
use socket2::SockRef;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The ports, taken before anything else.
pub(super) struct Ports {
    grpc: TcpListener,
    http: TcpListener,
}

impl Ports {
    pub(super) fn bind(config: &Config) -> Result<Self> {
        Ok(Self { grpc: server::bind(config.server.grpc)?, http: server::bind(config.server.http)? })
    }

    pub(super) fn http_address(&self) -> std::io::Result<SocketAddr> {
        self.http.local_addr()
    }

    /// The HTTP port once more. Both take from the same connections, so that none is lost when one hands over to the
    /// other.
    pub(super) fn second_http(&self) -> std::io::Result<TcpListener> {
        TcpListener::from_std(SockRef::from(&self.http).try_clone()?.into())
    }
}

/// The running servers.
pub(super) struct Servers {
    readiness: Readiness,
    stop: CancellationToken,
    grpc: JoinHandle<Drained>,
    http: JoinHandle<Drained>,
}

impl Servers {
    pub(super) async fn start(ports: Ports, bank: &Bank, store: &Store, config: &Config) -> Result<Self> {
        let store = store.clone();
        // Redis is not among them: requests need the database alone, and tasks wait in it for Redis to come back.
        let database = Check::new("database", move || {
            let store = store.clone();
            async move { store.ping().await.map_err(Into::into) }
        });
        let readiness = Readiness::new(vec![database]).await;
        let api = SimpleBankApi::new(bank.clone());
        let services = grpc::services(api, readiness.health_service(), Limits::default())?;
        let gateway = Gateway::new(&pb::descriptors(), services.clone())?;
        let web = server::web(gateway, readiness.clone());

        let (stop, deadline) = (CancellationToken::new(), config.server.shutdown_timeout);
        tracing::info!("start gRPC server at {}", ports.grpc.local_addr()?);
        let grpc = tokio::spawn(server::serve_grpc(ports.grpc, services, stop.clone(), deadline));
        tracing::info!("start HTTP gateway server at {}", ports.http.local_addr()?);
        let http = tokio::spawn(server::serve_gateway(ports.http, web, stop.clone(), deadline));
        readiness.start_serving().await;
        Ok(Self { readiness, stop, grpc, http })
    }

    pub(super) async fn drain(self) {
        self.readiness.start_draining().await;
        tracing::info!("graceful shutdown gRPC server");
        tracing::info!("graceful shutdown HTTP gateway server");
        self.stop.cancel();
        report("HTTP gateway server", self.http.await);
        report("gRPC server", self.grpc.await);
    }
}

fn report(what: &str, drained: Result<Drained, tokio::task::JoinError>) {
    match drained {
        Ok(Drained::Completely) => tracing::info!("{what} is stopped"),
        Ok(Drained::Cut(connections)) => {
            tracing::warn!(connections, "{what} is stopped, connections were cut")
        }
        Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "{what} broke"),
    }
}
