//! Sessions in Redis: a single server or a cluster.
//!
//! ```no_run
//! use sealed_session::store::redis::{RedisOptions, RedisStore};
//!
//! # async fn start() -> Result<(), Box<dyn core::error::Error>> {
//! // redis://, rediss:// (TLS), redis-cluster://, rediss-cluster://
//! let url = "redis-cluster://:password@10.0.0.1:6379,10.0.0.2:6379";
//! let store = RedisStore::connect(url, RedisOptions::default().prefix("shop")).await?;
//! # Ok(())
//! # }
//! ```
//!
//! It needs Redis 5 or newer and, here, a Tokio runtime with its timers and network.
//!
//! # How to configure the server
//! * `maxmemory-policy noeviction`. Any other policy lets Redis throw away sessions, and
//!   an `allkeys-` one the list of revocations too, which brings revoked sessions back. A
//!   full server then answers [`StoreErrorKind::Full`]; loading, deleting and
//!   [`expire_at`](SessionStore::expire_at) still work, revoking does not.
//! * A script that writes a row holds a few copies of it meanwhile, in Lua's memory, which
//!   not every version counts against `maxmemory`: leave room for some of the largest.
//! * `appendonly yes`. Without it, a restart forgets what was written since the last
//!   snapshot, logouts included.
//!
//! # What may be lost
//! Redis confirms a write before its replicas have it, and before it is on disk unless
//! `appendfsync always` is set. When a primary dies and a replica takes over, what the
//! dead one confirmed last can be gone: a session, a change to one, **and a revocation or
//! a deletion**, so that a session lives on that had ended. This is Redis's design and no
//! client can repair it. `min-replicas-to-write 1` refuses writes (as
//! [`StoreErrorKind::Unreachable`]) while no replica is connected, which makes the loss
//! smaller, not impossible. This store does not send `WAIT`: it would hold up all other
//! commands of the shared connection, and promises no more. Where a logout has to
//! survive any failure, use a store in a
//! database that replicates synchronously.
//!
//! The same holds for rule 3 of [`SessionStore`]: reads go to primaries only and see every
//! confirmed write, except across such a failover. In a partition, a primary that was cut
//! off answers for up to `cluster-node-timeout` more.
//!
//! # When the server does not answer
//! A call ends within the connect and the response timeout together; nothing else waits.
//! After a lost connection, the next call makes a new one; after a failover, calls for the
//! slots of the dead primary fail until the cluster has chosen a new one. Name several
//! nodes in a cluster's URL: those are asked when a node falls silent.
//!
//! When a reply is lost with its connection, the command is sent once more. Every write
//! carries a random mark that stays in the row, so the repetition of an update that had
//! won answers [`Updated::Updated`], and not that it lost against itself. If yet another
//! update came between the two, it answers [`Updated::Conflict`]. A revocation that is
//! repeated tells of itself as what was there before. A write that timed out
//! is not repeated, and may still happen when the server wakes up.
//!
//! # What it keeps
//! A row is a string `PREFIX:row:HEX`, which Redis removes when its time is up. Revocations
//! are three keys that begin with `{PREFIX:revoked}`: a cluster keeps them on one node,
//! and only [`delete_expired`](SessionStore::delete_expired) removes them. The order of
//! revocations is by the server's clock; after a failover, a clock that is behind is
//! allowed for, as long as [`revoked_since`](SessionStore::revoked_since) is asked at
//! least every [`SYNC_OVERLAP_SECONDS`](crate::store::SYNC_OVERLAP_SECONDS).

mod link;
mod options;
mod revoked;
mod row;
mod script;
mod trouble;

use core::{fmt, time::Duration};
use std::time::Instant;

use ::redis::{Cmd, FromRedisValue, ServerErrorKind};

pub use self::options::RedisOptions;
use self::{
    link::{Link, within},
    revoked::RevokedKeys,
    script::{DONE, REFUSED, Script, Scripts},
    trouble::error,
};
use crate::{
    random::{OsRandom, array},
    store::{
        Created, NewRow, RevocationDelta, RevocationId, Revoked, Row, RowChange, RowKey, RowPhase,
        RowState, SessionStore, StoreError, StoreErrorKind, StoreFuture, SyncCursor, Updated,
    },
    time::Timestamp,
};

/// Sessions in a Redis server or cluster. See the [module](self) for what to configure and
/// what may be lost.
pub struct RedisStore {
    link: Link,
    scripts: Scripts,
    prefix: String,
    revoked: RevokedKeys,
    limit: Duration,
}

impl RedisStore {
    /// Connects to what the URL names.
    ///
    /// * `redis://[user:password@]host[:port][/db]`: one server; `rediss://` over TLS.
    /// * `redis-cluster://[user:password@]host:port[,host:port…]`: a cluster that has
    ///   these nodes among others; `rediss-cluster://` over TLS.
    ///
    /// TLS checks the server's certificate and name; there is no option not to. If the
    /// process has not chosen a provider of cryptography for rustls, it becomes *ring*.
    ///
    /// Meeting a cluster may take three times as long as a call, since its nodes are asked
    /// for each other first.
    ///
    /// # Errors
    /// [`StoreErrorKind::Unreachable`] when the server does not answer in time;
    /// [`StoreErrorKind::Failed`] for a URL or options that cannot be used, and when the
    /// server refuses the password.
    pub async fn connect(url: &str, options: RedisOptions) -> Result<Self, StoreError> {
        let target = options.target(url)?;
        let link = Link::open(target, &options).await.map_err(error)?;
        Ok(Self {
            link,
            scripts: Scripts::new(),
            revoked: RevokedKeys::new(&options.prefix),
            limit: options.limit(),
            prefix: options.prefix,
        })
    }

    fn row(&self, key: &RowKey) -> Vec<u8> {
        let digit = |half: u8| half.wrapping_add(if half < 10 { b'0' } else { b'a' - 10 });
        let hex = key.0.map(|byte| [digit(byte >> 4), digit(byte & 0x0f)]);
        [self.prefix.as_bytes(), ROW, hex.as_flattened()].concat()
    }

    async fn run<T: FromRedisValue, K: AsRef<[u8]>>(
        &self,
        script: &Script,
        keys: &[K],
        args: &[&[u8]],
    ) -> Result<T, StoreError> {
        let start = Instant::now();
        // The command goes before another may be made: each is as large as the row.
        let result = self.link.query(&script.by_hash(keys, args)).await;
        match result {
            Err(unknown) if unknown.kind() == ServerErrorKind::NoScript.into() => {
                let left = self.limit.saturating_sub(start.elapsed());
                let source = script.by_source(keys, args);
                Box::pin(within(left, self.link.query(&source))).await
            }
            result => result,
        }
        .map_err(error)
    }

    async fn send<T: FromRedisValue>(&self, cmd: &Cmd) -> Result<T, StoreError> {
        self.link.query(cmd).await.map_err(error)
    }
}

/// The prefix; URLs carry passwords.
impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl SessionStore for RedisStore {
    fn create<'a>(
        &'a self,
        key: &'a RowKey,
        row: NewRow<'a>,
        now: Timestamp,
    ) -> StoreFuture<'a, Created> {
        Box::pin(async move {
            let args: [&[u8]; 6] = [
                &row::instant(now),
                &row::state(NEW),
                &row::instant(row.expires),
                &time_to_live(row.expires, now),
                &mark()?,
                row.bytes,
            ];
            match self
                .run(&self.scripts.create, &[self.row(key)], &args)
                .await?
            {
                DONE => Ok(Created::Created),
                REFUSED => Ok(Created::Exists),
                other => Err(unexpected(other)),
            }
        })
    }

    fn load<'a>(&'a self, key: &'a RowKey, now: Timestamp) -> StoreFuture<'a, Option<Row>> {
        Box::pin(async move {
            let name = self.row(key);
            let mut get = Cmd::with_capacity(2, name.len().saturating_add(GET.len()));
            get.arg(GET).arg(name);
            let Some(value) = self.send::<Option<Vec<u8>>>(&get).await? else {
                return Ok(None);
            };
            let row = row::parse(value).ok_or_else(no_row)?;
            Ok((row.expires > now).then_some(row))
        })
    }

    fn update<'a>(
        &'a self,
        key: &'a RowKey,
        expected: RowState,
        change: RowChange<'a>,
        now: Timestamp,
    ) -> StoreFuture<'a, Updated> {
        Box::pin(async move {
            let Some(version) = expected.version.checked_add(1) else {
                // No row gets there.
                return Ok(match self.load(key, now).await? {
                    Some(_) => Updated::Conflict,
                    None => Updated::Missing,
                });
            };
            let next = RowState {
                version,
                phase: change.phase,
            };
            let (now_bytes, mark) = (row::instant(now), mark()?);
            let (expected, next) = (row::state(expected), row::state(next));
            let mut args: Vec<&[u8]> = vec![&now_bytes, &expected, &next, &mark, change.bytes];
            let expiry = change
                .expires
                .map(|expires| (row::instant(expires), time_to_live(expires, now)));
            if let Some((expires, left)) = &expiry {
                args.extend([expires.as_slice(), left]);
            }
            match self
                .run(&self.scripts.update, &[self.row(key)], &args)
                .await?
            {
                DONE => Ok(Updated::Updated),
                REFUSED => Ok(Updated::Conflict),
                -1 => Ok(Updated::Missing),
                other => Err(unexpected(other)),
            }
        })
    }

    fn expire_at<'a>(
        &'a self,
        key: &'a RowKey,
        expires: Timestamp,
        now: Timestamp,
    ) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let args: [&[u8]; 3] = [
                &row::instant(now),
                &row::instant(expires),
                &time_to_live(expires, now),
            ];
            self.run(&self.scripts.expire_at, &[self.row(key)], &args)
                .await
        })
    }

    fn delete<'a>(&'a self, key: &'a RowKey) -> StoreFuture<'a, ()> {
        Box::pin(async move { self.send(::redis::cmd("DEL").arg(self.row(key))).await })
    }

    fn delete_expired(&self, now: Timestamp, batch: u32) -> StoreFuture<'_, u64> {
        Box::pin(self.delete_expired_revocations(now, batch))
    }

    fn revoke(&self, revoked: Revoked, now: Timestamp) -> StoreFuture<'_, Option<Revoked>> {
        Box::pin(self.add_revocation(revoked, now))
    }

    fn revoked<'a>(
        &'a self,
        ids: &'a [RevocationId],
        now: Timestamp,
    ) -> StoreFuture<'a, Vec<Revoked>> {
        Box::pin(self.revocations(ids, now))
    }

    fn revoked_since(
        &self,
        cursor: Option<SyncCursor>,
        now: Timestamp,
    ) -> StoreFuture<'_, RevocationDelta> {
        Box::pin(self.revocations_since(cursor, now))
    }
}

const GET: &str = "GET";
/// What stands in the name of a row between the prefix and the key.
const ROW: &[u8] = b":row:";
const NEW: RowState = RowState {
    version: 1,
    phase: RowPhase::Fresh,
};

fn seconds(instant: Timestamp) -> Vec<u8> {
    instant.unix_seconds().to_string().into_bytes()
}

/// Milliseconds from the application's `now`, since the server's clock may differ.
fn time_to_live(expires: Timestamp, now: Timestamp) -> Vec<u8> {
    expires.since(now).as_millis().to_string().into_bytes()
}

/// What a write recognizes itself by.
fn mark() -> Result<[u8; 16], StoreError> {
    array(&OsRandom).map_err(|cause| StoreError::new(StoreErrorKind::Failed, cause))
}

fn unexpected(answer: i64) -> StoreError {
    StoreError::new(
        StoreErrorKind::Failed,
        format!("unexpected answer {answer} of a script"),
    )
}

fn no_row() -> StoreError {
    StoreError::new(
        StoreErrorKind::Failed,
        "a row that this store did not write",
    )
}
