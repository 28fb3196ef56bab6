//! The connection to the server or the cluster, and how it is replaced.
//!
//! Every command is safe to send twice (see [`script`](super::script)), so one that died
//! with its connection is sent once more on a new one. One whose reply is late is not:
//! the server has it, and the time is up.

use core::time::Duration;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult,
    ServerErrorKind, Value, aio::MultiplexedConnection, cluster::ClusterClient,
    cluster_async::ClusterConnection,
};
use tokio::{
    sync::{RwLock, Semaphore},
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

    /// The answer, within the connect and the response timeout together.
    pub(super) async fn query<T: FromRedisValue>(&self, cmd: &Cmd) -> RedisResult<T> {
        let value = match self {
            Self::Single(single) => single.query(cmd).await,
            Self::Cluster(cluster) => within(cluster.limit, cluster.query(cmd)).await,
        }?;
        Ok(T::from_redis_value(value)?)
    }
}

/// One server: one connection for all callers, made anew by the caller who finds it gone.
pub(super) struct Single {
    client: Client,
    config: AsyncConnectionConfig,
    limit: Duration,
    patience: Duration,
    current: Mutex<Current>,
    /// One caller connects at a time; who has waited has its connection, or connects too.
    connecting: Semaphore,
}

#[derive(Default)]
struct Current {
    connection: Option<MultiplexedConnection>,
    /// Counts connections, so that only the one that failed is given up.
    number: u64,
    /// When the first call began that nothing has been heard since.
    asked: Option<Instant>,
}

impl Single {
    async fn open(client: Client, options: &RedisOptions) -> RedisResult<Self> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(options.connect_timeout))
            .set_response_timeout(Some(options.response_timeout));
        let single = Self {
            client,
            config,
            limit: options.limit(),
            patience: options.response_timeout,
            current: Mutex::default(),
            connecting: Semaphore::new(1),
        };
        single.connection().await?;
        Ok(single)
    }

    /// Nearly always there is a connection, and it answers: that takes the client's timer,
    /// and no other, no lock across an await, and little room.
    async fn query(&self, cmd: &Cmd) -> RedisResult<Value> {
        let start = Instant::now();
        let mut once_more = true;
        if let Some((connection, number)) = self.current() {
            match self.ask(cmd, connection, number).await {
                Err(lost) if lost.is_connection_dropped() => once_more = false,
                result => return result,
            }
        }
        let left = self.limit.saturating_sub(start.elapsed());
        Box::pin(within(left, self.connect_and_ask(cmd, once_more))).await
    }

    async fn connect_and_ask(&self, cmd: &Cmd, once_more: bool) -> RedisResult<Value> {
        let (connection, number, fresh) = self.connection().await?;
        match self.ask(cmd, connection, number).await {
            Err(lost) if lost.is_connection_dropped() && once_more && !fresh => {
                let (connection, number, _) = self.connection().await?;
                self.ask(cmd, connection, number).await
            }
            result => result,
        }
    }

    /// The reply on this connection, which is given up if it is over.
    async fn ask(
        &self,
        cmd: &Cmd,
        mut connection: MultiplexedConnection,
        number: u64,
    ) -> RedisResult<Value> {
        let reply = connection.send_packed_command(cmd).await;
        let reply = reply.and_then(Value::extract_error).map_err(cut_off);
        let mut current = self.lock();
        if current.number == number {
            current.asked = None;
            if reply.as_ref().is_err_and(is_over) {
                current.connection = None;
            }
        }
        reply
    }

    /// The connection, its number, and whether it was made just now.
    async fn connection(&self) -> RedisResult<(MultiplexedConnection, u64, bool)> {
        // It is never closed.
        let _alone = self.connecting.acquire().await;
        if let Some((connection, number)) = self.current() {
            return Ok((connection, number, false));
        }
        let connection = self
            .client
            .get_multiplexed_async_connection_with_config(&self.config)
            .await
            .map_err(cut_off)?;
        let mut current = self.lock();
        current.connection = Some(connection.clone());
        current.number = current.number.wrapping_add(1);
        Ok((connection, current.number, true))
    }

    fn current(&self) -> Option<(MultiplexedConnection, u64)> {
        let mut current = self.lock();
        // Those who asked have gone before it could be found silent.
        if current
            .asked
            .is_some_and(|asked| asked.elapsed() >= self.patience)
        {
            (current.connection, current.asked) = (None, None);
        }
        let connection = current.connection.clone()?;
        current.asked.get_or_insert_with(Instant::now);
        Some((connection, current.number))
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What comes of it in this time.
pub(super) async fn within<T>(
    time: Duration,
    call: impl Future<Output = RedisResult<T>>,
) -> RedisResult<T> {
    match timeout(time, call).await {
        Ok(result) => result,
        Err(elapsed) => Err(std::io::Error::new(std::io::ErrorKind::TimedOut, elapsed).into()),
    }
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
        // Before version 7, what a command says inside a script is quoted in the text only.
        || error.to_string().contains("-READONLY")
}

/// A cluster: the crate's client follows its slots. It never doubts a node that accepts
/// what it is sent and stays silent, so a silent node makes this ask all nodes anew, in
/// the background, while the calls for other nodes go on.
pub(super) struct Cluster {
    client: ClusterClient,
    limit: Duration,
    patience: Duration,
    current: RwLock<ClusterConnection>,
    replacing: Semaphore,
}

impl Cluster {
    async fn open(client: ClusterClient, options: &RedisOptions) -> RedisResult<Arc<Self>> {
        let limit = options.limit();
        let patience = limit.saturating_mul(CLUSTER_ROUNDS);
        let connection = within(patience, client.get_async_connection()).await?;
        Ok(Arc::new(Self {
            client,
            limit,
            patience,
            current: RwLock::new(connection),
            replacing: Semaphore::new(1),
        }))
    }

    async fn query(self: &Arc<Self>, cmd: &Cmd) -> RedisResult<Value> {
        let mut connection = self.current.read().await.clone();
        let result = cmd.query_async(&mut connection).await.map_err(cut_off);
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
        if let Ok(connection) = within(self.patience, self.client.get_async_connection()).await {
            *self.current.write().await = connection;
        }
        sleep(REPLACEMENT_PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_became_a_replica_is_left_in_every_version() {
        for reply in [
            "READONLY You can't write against a read only replica. script: 0, on @user_script:1.",
            "ERR Error running script (call to f_0): @user_script:7: @user_script: 7: -READONLY You can't write against a read only replica.",
        ] {
            let reply = ::redis::parse_redis_value(format!("-{reply}\r\n").as_bytes()).unwrap();
            assert!(is_over(&reply.extract_error().unwrap_err()));
        }
    }
}
