//! A connection for the time of one call.

use core::{
    ops::{Deref, DerefMut},
    time::Duration,
};

use sqlx::{PgConnection, Postgres, pool::PoolConnection};
use tokio::runtime::Handle;

use super::{StoreErrorKind, kind, kind_of};

/// Gives its connection back when it is dropped. A connection on which a call was cancelled
/// has to read the answer to that call first; where none comes in time it is closed, so
/// that a server that hangs does not keep the pool's places for good.
pub(super) struct Lease {
    connection: PoolConnection<Postgres>,
    limit: Duration,
    discarded: bool,
}

impl Lease {
    pub(super) fn new(connection: PoolConnection<Postgres>, limit: Duration) -> Self {
        Self {
            connection,
            limit,
            discarded: false,
        }
    }

    /// Closes a connection that is of no use any more.
    pub(super) fn discard(&mut self) {
        self.discarded = true;
        self.connection.close_on_drop();
    }
}

impl Deref for Lease {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        if !self.discarded {
            let back = self.connection.return_to_pool();
            let limit = self.limit;
            runtime.spawn(async move { tokio::time::timeout(limit, back).await });
        }
    }
}

/// Whether the connection is to blame: another one may do better. A statement that took
/// too long is not tried again.
pub(super) fn is_broken(error: &sqlx::Error) -> bool {
    let timed_out = matches!(error, sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed);
    let too_slow = |code: &str| matches!(code, "57014" | "55P03");
    let by_code = |code: &str| {
        if too_slow(code) {
            StoreErrorKind::Failed
        } else {
            kind(code)
        }
    };
    !timed_out && kind_of(error, by_code) == StoreErrorKind::Unreachable
}
