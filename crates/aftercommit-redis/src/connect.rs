//! Makes one connection: finds the primary, connects, logs in, and makes sure that it takes writes.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::seq::IndexedRandom as _;
use redis::aio::{AsyncPushSender, MultiplexedConnection, PubSub};
use redis::{
    AsyncConnectionConfig, ConnectionAddr, ErrorKind, Pipeline, ProtocolVersion, RedisConnectionInfo,
    RedisError, Value,
};

use crate::cluster;
use crate::connection::{Connection, Wire};
use crate::error::{Fault, is_log_in, is_unknown_protocol};
use crate::options::{HostPort, Login, Place, RedisOptions};
use crate::redis_clock::RedisClock;
use crate::sentinel;
use crate::stream::{self, Duplex, WriteTimeout};

/// What `CLIENT LIST` calls our connections.
const CLIENT_NAME: &str = "aftercommit";
/// How many calls may wait for the connection to write them, before further callers wait.
const WRITE_QUEUE: usize = 1024;

/// A connection to listen on.
pub(crate) enum Listening {
    /// RESP3: takes commands too.
    Pushed(Connection),
    /// RESP2: takes subscriptions only.
    Subscribed(PubSub),
}

/// Makes connections, all alike.
#[derive(Debug)]
pub(crate) struct Dialer {
    pub(crate) options: RedisOptions,
    /// The place, as messages call it.
    pub(crate) to: Arc<str>,
    /// What time it is there.
    pub(crate) clock: RedisClock,
    /// Whether the server turned RESP3 down before.
    speaks_old_protocol: AtomicBool,
}

impl Dialer {
    pub(crate) fn new(options: RedisOptions) -> Self {
        let to = options.to_string().into();
        Self { options, to, clock: RedisClock::default(), speaks_old_protocol: AtomicBool::new(false) }
    }

    /// Makes a connection, within the dial timeout.
    pub(crate) async fn dial(&self) -> Result<Connection, Fault> {
        let limit = self.options.dial_timeout;
        match tokio::time::timeout(limit, self.dial_without_limit()).await {
            Ok(dialed) => dialed,
            Err(_) => Err(Fault::Waited { to: Arc::clone(&self.to), after: limit }),
        }
    }

    async fn dial_without_limit(&self) -> Result<Connection, Fault> {
        let wire = match &self.options.place {
            Place::Cluster(nodes) => {
                let dialed = cluster::dial(&self.options, nodes).await;
                return Ok(Connection::cluster(
                    dialed.map_err(|error| self.refused(error, &self.options.login))?,
                ));
            }
            _ if self.speaks_old_protocol.load(Ordering::Relaxed) => {
                self.log_in(ProtocolVersion::RESP2, None).await?
            }
            _ => match self.log_in(ProtocolVersion::RESP3, None).await {
                Err(Fault::Connect { source, .. }) if is_unknown_protocol(&source) => {
                    self.speaks_old_protocol.store(true, Ordering::Relaxed);
                    self.log_in(ProtocolVersion::RESP2, None).await?
                }
                logged_in => logged_in?,
            },
        };
        self.takes_writes(&wire).await?;
        Ok(wire)
    }

    /// Makes a connection, within the dial timeout, that hands what Redis says unasked to `pushes`. Of a cluster, to any
    /// node.
    pub(crate) async fn dial_listening(&self, pushes: Arc<dyn AsyncPushSender>) -> Result<Listening, Fault> {
        let limit = self.options.dial_timeout;
        match tokio::time::timeout(limit, self.dial_listening_without_limit(pushes)).await {
            Ok(dialed) => dialed,
            Err(_) => Err(Fault::Waited { to: Arc::clone(&self.to), after: limit }),
        }
    }

    async fn dial_listening_without_limit(
        &self,
        pushes: Arc<dyn AsyncPushSender>,
    ) -> Result<Listening, Fault> {
        if !self.speaks_old_protocol.load(Ordering::Relaxed) {
            match self.log_in(ProtocolVersion::RESP3, Some(pushes)).await {
                Err(Fault::Connect { source, .. }) if is_unknown_protocol(&source) => {
                    self.speaks_old_protocol.store(true, Ordering::Relaxed);
                }
                Err(fault) => return Err(fault),
                Ok(connection) => {
                    // What is published in a cluster is heard at its replicas too.
                    if !matches!(self.options.place, Place::Cluster(_)) {
                        self.takes_writes(&connection).await?;
                    }
                    return Ok(Listening::Pushed(connection));
                }
            }
        }
        let info = self.introduction(ProtocolVersion::RESP2);
        let made = PubSub::new(&info, self.bounded_stream().await?).await;
        Ok(Listening::Subscribed(made.map_err(|error| self.refused(error, &self.options.login))?))
    }

    async fn log_in(
        &self,
        protocol: ProtocolVersion,
        pushes: Option<Arc<dyn AsyncPushSender>>,
    ) -> Result<Connection, Fault> {
        let mut config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(self.options.read_timeout)
            .set_pipeline_buffer_size(WRITE_QUEUE);
        if let Some(pushes) = pushes {
            config = config.set_push_sender(pushes);
        }
        let stream = self.bounded_stream().await?;
        let made = MultiplexedConnection::new_with_config(&self.introduction(protocol), stream, config).await;
        let (wire, driver) = made.map_err(|error| self.refused(error, &self.options.login))?;
        Ok(Connection::driven(wire, driver))
    }

    /// What a connection says first.
    fn introduction(&self, protocol: ProtocolVersion) -> RedisConnectionInfo {
        let info = settings(&self.options.login).set_db(self.options.database.into()).set_protocol(protocol);
        info.set_lib_name(CLIENT_NAME, env!("CARGO_PKG_VERSION"))
    }

    async fn bounded_stream(&self) -> Result<WriteTimeout<Box<dyn Duplex>>, Fault> {
        Ok(WriteTimeout::new(self.stream().await?, self.options.effective_write_timeout()))
    }

    async fn stream(&self) -> Result<Box<dyn Duplex>, Fault> {
        let cannot_connect = |error: io::Error| self.no_connection(error.into());
        let address = match &self.options.place {
            Place::Unix(_) if self.options.tls.is_some() => {
                let why = (ErrorKind::InvalidClientConfig, "a unix socket does not go with TLS");
                return Err(self.no_connection(why.into()));
            }
            Place::Unix(path) => return Ok(Box::new(stream::unix(path).await.map_err(cannot_connect)?)),
            Place::Tcp(address) => address.clone(),
            Place::Sentinel { master, sentinels, login } => {
                let asked = sentinel::primary(&self.options, master, sentinels, login).await;
                asked.map_err(|error| self.refused(error, login))?
            }
            // Only to listen: for all else the driver connects to the nodes.
            Place::Cluster(nodes) => {
                nodes.choose(&mut rand::rng()).expect("a cluster is of at least one node").clone()
            }
        };
        let stream = stream::tcp(&address).await.map_err(cannot_connect)?;
        match &self.options.tls {
            None => Ok(Box::new(stream)),
            Some(tls) => {
                let agreed = stream::tls(stream, &address.host, tls).await;
                agreed.map_err(|error| Fault::Tls { to: Arc::clone(&self.to), source: Arc::new(error) })
            }
        }
    }

    /// Gives the connection its name, asks for the time, and refuses a replica: after a failover the address may still lead to the old
    /// primary, and each call would only find out again.
    async fn takes_writes(&self, connection: &Connection) -> Result<(), Fault> {
        let Wire::One(wire) = &connection.wire else { return Ok(()) };
        let mut questions = Pipeline::new();
        questions.cmd("CLIENT").arg("SETNAME").arg(CLIENT_NAME);
        questions.cmd("ROLE");
        questions.cmd("TIME");
        let answers = wire.clone().send_packed_commands(&questions, 0, 3).await;
        let answers = answers.map_err(|error| self.refused(error, &self.options.login))?;
        for answer in &answers {
            // A user without the right to these commands does without; one that has to log in finds out here.
            if let Value::ServerError(error) = answer
                && is_log_in(&error.clone().into())
            {
                return Err(self.refused(error.clone().into(), &self.options.login));
            }
        }
        let [_, role, time] = answers.as_slice() else { return Ok(()) };
        self.clock.note(time.clone().into());
        if let Value::Array(role) = role
            && let Some(Value::BulkString(name)) = role.first()
            && name == b"slave"
        {
            return Err(Fault::Replica { to: Arc::clone(&self.to) });
        }
        Ok(())
    }

    fn refused(&self, source: RedisError, login: &Login) -> Fault {
        if is_log_in(&source) {
            Fault::LogIn { to: Arc::clone(&self.to), user: login.user_name().to_owned(), source }
        } else {
            self.no_connection(source)
        }
    }

    fn no_connection(&self, source: RedisError) -> Fault {
        Fault::Connect { to: Arc::clone(&self.to), source }
    }
}

/// User and password, as the driver takes them.
pub(crate) fn settings(login: &Login) -> RedisConnectionInfo {
    let mut info = RedisConnectionInfo::default();
    if let Some(user) = &login.user {
        info = info.set_username(user);
    }
    if let Some(password) = &login.password {
        info = info.set_password(&password.0);
    }
    info
}

/// An address, as the driver takes it.
pub(crate) fn driver_address(options: &RedisOptions, address: &HostPort) -> ConnectionAddr {
    let (host, port) = (address.host.clone(), address.port);
    match options.tls {
        None => ConnectionAddr::Tcp(host, port),
        Some(_) => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
    }
}
