//! Asks the sentinels where the primary is.

use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{ConnectionAddr, ErrorKind, RedisError, RedisResult, TlsCertificates, TlsMode};

use crate::connect::driver_address;
use crate::options::{HostPort, Login, RedisOptions};

/// The address of the primary that the sentinels know by this name. The first sentinel that answers decides; each one
/// is asked whether the primary says so itself.
pub(crate) async fn primary(
    options: &RedisOptions,
    master: &str,
    sentinels: &[HostPort],
    login: &Login,
) -> RedisResult<HostPort> {
    let addresses = sentinels.iter().map(|sentinel| driver_address(options, sentinel));
    let mut builder = SentinelClientBuilder::new(addresses, master, SentinelServerType::Master)?;
    if let Some(user) = &login.user {
        builder = builder.set_client_to_sentinel_username(user);
    }
    if let Some(password) = &login.password {
        builder = builder.set_client_to_sentinel_password(&password.0);
    }
    if let Some(user) = &options.login.user {
        builder = builder.set_client_to_redis_username(user);
    }
    if let Some(password) = &options.login.password {
        builder = builder.set_client_to_redis_password(&password.0);
    }
    if let Some(tls) = &options.tls {
        let certificates = || TlsCertificates { client_tls: None, root_cert: tls.authorities.clone() };
        builder = builder
            .set_client_to_redis_tls_mode(TlsMode::Secure)
            .set_client_to_redis_certificates(certificates())
            .set_client_to_sentinel_tls_mode(TlsMode::Secure)
            .set_client_to_sentinel_certificates(certificates());
    }
    let client = builder.build()?.async_get_client().await?;
    match client.get_connection_info().addr() {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
            Ok(HostPort { host: host.clone(), port: *port })
        }
        _ => Err(RedisError::from((ErrorKind::Client, "the sentinels named a primary that is no host"))),
    }
}
