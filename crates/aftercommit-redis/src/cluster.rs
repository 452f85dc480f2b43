//! Connects to a Redis Cluster, whose connections the driver keeps by itself.

use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::{ErrorKind, IntoConnectionInfo as _, RedisError, RedisResult, TlsCertificates, TlsMode};

use crate::connect::driver_address;
use crate::options::{HostPort, RedisOptions};

/// Learns the slots from the first node that answers.
pub(crate) async fn dial(options: &RedisOptions, nodes: &[HostPort]) -> RedisResult<ClusterConnection> {
    if options.database != 0 {
        return Err(RedisError::from((ErrorKind::InvalidClientConfig, "a cluster has no database but 0")));
    }
    let nodes = nodes.iter().map(|node| driver_address(options, node).into_connection_info());
    // No retries: the driver would also send again what may have been done. A slot that moved is an error once, and the
    // driver knows its new place afterwards.
    let mut builder = ClusterClientBuilder::new(nodes.collect::<RedisResult<Vec<_>>>()?)
        .retries(0)
        .connection_timeout(options.dial_timeout);
    if let Some(timeout) = options.read_timeout {
        builder = builder.response_timeout(timeout);
    }
    if let Some(user) = &options.login.user {
        builder = builder.username(user);
    }
    if let Some(password) = &options.login.password {
        builder = builder.password(&password.0);
    }
    if let Some(tls) = &options.tls {
        let root_cert = tls.authorities.clone();
        builder = builder.tls(TlsMode::Secure).certs(TlsCertificates { client_tls: None, root_cert });
    }
    builder.build()?.get_async_connection().await
}
