//! The connection to the server or the cluster, and how it is replaced.
//!
//! Every command is safe to send twice (see [`script`](super::script)), so one that died
//! with its connection is sent once more on a new one. One whose reply is late is not:
//! the server has it, and the time is up.

use core::time::Duration;
use std::sync::Arc;

use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult,
    ServerErrorKind, Value,
    aio::{ConnectionLike, MultiplexedConnection},
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
};
use tokio::{
    sync::{Mutex, RwLock, Semaphore},
    time::{sleep, timeout},
};

use super::options::RedisOptions;

/// Between two replacements of a cluster's connection, which opens one to every node.
const REPLACEMENT_PAUSE: Duration = Duration::from_millis(500);
/// Rounds of connecting and asking that meeting a cluster may take: its seeds, its map,
/// its nodes.
const CLUSTER_ROUNDS: u32 = 3;

/// What to connect to.
pub(super) enum Target {
    Single(Box<Client>),
    Cluster(Box<ClusterClient>),
}

/// A connection that lasts, whatever happens to the server.
pub(super) enum Link {
    Single(Box<Single>),
    Cluster(Arc<Cluster>),
}

impl Link {
    /// Makes the first connection.
    pub(super) async fn open(target: Target, options: &RedisOptions) -> RedisResult<Self> {
        match target {
            Target::Single(client) => Ok(Self::Single(Box::new(
                Single::open(*client, options).await?,
            ))),
            Target::Cluster(client) => Ok(Self::Cluster(Cluster::open(*client, options).await?)),
        }
    }

    pub(super) async fn query<T: FromRedisValue>(&self, cmd: &Cmd) -> RedisResult<T> {
        let value = match self {
            Self::Single(single) => single.query(cmd).await,
            Self::Cluster(cluster) => cluster.query(cmd).await,
        }?;
        Ok(T::from_redis_value(value)?)
    }
}

/// One server: one connection for all callers, made anew by the caller who finds it gone.
pub(super) struct Single {
    client: Client,
    config: AsyncConnectionConfig,
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    connection: Option<MultiplexedConnection>,
    /// Counts connections, so that only the one that failed is given up.
    number: u64,
}

impl Single {
    async fn open(client: Client, options: &RedisOptions) -> RedisResult<Self> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(options.connect_timeout))
            .set_response_timeout(Some(options.response_timeout));
        let single = Self {
            client,
            config,
            current: Mutex::default(),
        };
        single.connection().await?;
        Ok(single)
    }

    async fn query(&self, cmd: &Cmd) -> RedisResult<Value> {
        let (mut connection, number, fresh) = self.connection().await?;
        match reply(cmd, &mut connection).await {
            Err(error) if is_over(&error) => {
                self.give_up(number).await;
                if fresh || !error.is_connection_dropped() {
                    return Err(error);
                }
                let (mut connection, number, _) = self.connection().await?;
                let again = reply(cmd, &mut connection).await;
                if again.as_ref().is_err_and(is_over) {
                    self.give_up(number).await;
                }
                again
            }
            result => result,
        }
    }

    /// The connection, its number, and whether it was made just now.
    async fn connection(&self) -> RedisResult<(MultiplexedConnection, u64, bool)> {
        let mut current = self.current.lock().await;
        if let Some(connection) = &current.connection {
            return Ok((connection.clone(), current.number, false));
        }
        let connection = self
            .client
            .get_multiplexed_async_connection_with_config(&self.config)
            .await
            .map_err(cut_off)?;
        current.connection = Some(connection.clone());
        current.number = current.number.wrapping_add(1);
        Ok((connection, current.number, true))
    }

    async fn give_up(&self, number: u64) {
        let mut current = self.current.lock().await;
        if current.number == number {
            current.connection = None;
        }
    }
}

/// The reply as the server gave it, not yet as what it should be.
async fn reply(cmd: &Cmd, connection: &mut impl ConnectionLike) -> RedisResult<Value> {
    cmd.query_async(connection).await.map_err(cut_off)
}

/// The client takes a reply that ends in the middle for one that it cannot read; it is a
/// connection that was lost.
fn cut_off(error: RedisError) -> RedisError {
    if error.kind() == ErrorKind::Parse {
        std::io::Error::new(std::io::ErrorKind::UnexpectedEof, error).into()
    } else {
        error
    }
}

/// Whether a connection is not worth keeping: it broke, does not answer in time, or leads
/// to a server that has become a replica, while the name may lead to the new primary.
fn is_over(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_unrecoverable_error()
        || error.kind() == ServerErrorKind::ReadOnly.into()
}

/// A cluster: the crate's client follows its slots. It never doubts a node that accepts
/// what it is sent and stays silent, so a silent node makes this ask all nodes anew, in
/// the background, while the calls for other nodes go on.
pub(super) struct Cluster {
    client: ClusterClient,
    patience: Duration,
    current: RwLock<ClusterConnection>,
    replacing: Semaphore,
}

impl Cluster {
    async fn open(client: ClusterClient, options: &RedisOptions) -> RedisResult<Arc<Self>> {
        let patience = options
            .connect_timeout
            .saturating_add(options.response_timeout)
            .saturating_mul(CLUSTER_ROUNDS);
        let connection = connect(&client, patience).await?;
        Ok(Arc::new(Self {
            client,
            patience,
            current: RwLock::new(connection),
            replacing: Semaphore::new(1),
        }))
    }

    async fn query(self: &Arc<Self>, cmd: &Cmd) -> RedisResult<Value> {
        let mut connection = self.current.read().await.clone();
        let result = reply(cmd, &mut connection).await;
        if result.as_ref().is_err_and(RedisError::is_io_error) {
            let this = Arc::clone(self);
            tokio::spawn(async move { this.replace().await });
        }
        result
    }

    /// Makes a new connection, unless that is being done. What is in flight on the old
    /// one ends there.
    async fn replace(&self) {
        let Ok(_one_at_a_time) = self.replacing.try_acquire() else {
            return;
        };
        if let Ok(connection) = connect(&self.client, self.patience).await {
            *self.current.write().await = connection;
        }
        sleep(REPLACEMENT_PAUSE).await;
    }
}

async fn connect(client: &ClusterClient, patience: Duration) -> RedisResult<ClusterConnection> {
    match timeout(patience, client.get_async_connection()).await {
        Ok(result) => result,
        Err(elapsed) => Err(std::io::Error::new(std::io::ErrorKind::TimedOut, elapsed).into()),
    }
}
