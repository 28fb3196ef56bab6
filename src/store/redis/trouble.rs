//! What a Redis error means for a session.

use ::redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::store::{StoreError, StoreErrorKind};

/// The kind that the application decides by, with the cause for the log.
pub(super) fn error(cause: RedisError) -> StoreError {
    // Before version 7, what a command says inside a script is quoted in the text only.
    let text = cause.to_string();
    let kind = match cause.kind() {
        _ if text.contains("OOM command not allowed") || cause.code() == Some("OOM") => {
            StoreErrorKind::Full
        }
        ErrorKind::Io
        | ErrorKind::ClusterConnectionNotFound
        | ErrorKind::Server(
            ServerErrorKind::BusyLoading
            | ServerErrorKind::MasterDown
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::TryAgain
            | ServerErrorKind::ReadOnly
            | ServerErrorKind::Moved
            | ServerErrorKind::Ask,
        ) => StoreErrorKind::Unreachable,
        _ if matches!(cause.code(), Some("NOREPLICAS" | "BUSY"))
            || ["-READONLY", "-NOREPLICAS", "max number of clients reached"]
                .iter()
                .any(|sign| text.contains(sign)) =>
        {
            StoreErrorKind::Unreachable
        }
        _ => StoreErrorKind::Failed,
    };
    StoreError::new(kind, cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(reply: &str) -> StoreErrorKind {
        let reply = ::redis::parse_redis_value(format!("-{reply}\r\n").as_bytes()).unwrap();
        error(reply.extract_error().unwrap_err()).kind()
    }

    #[test]
    fn a_full_server_is_known_in_every_version() {
        for reply in [
            "OOM command not allowed when used memory > 'maxmemory'.",
            "ERR Error running script (call to f_0): @user_script:7: @user_script: 7: -OOM command not allowed when used memory > 'maxmemory'.",
        ] {
            assert_eq!(kind_of(reply), StoreErrorKind::Full, "{reply}");
        }
    }

    #[test]
    fn what_passes_by_itself_is_no_failure() {
        for reply in [
            "LOADING Redis is loading the dataset in memory",
            "CLUSTERDOWN The cluster is down",
            "MASTERDOWN Link with MASTER is down",
            "READONLY You can't write against a read only replica.",
            "NOREPLICAS Not enough good replicas to write.",
            "TRYAGAIN Multiple keys request during rehashing of slot",
            "BUSY Redis is busy running a script.",
            "ERR max number of clients reached",
        ] {
            assert_eq!(kind_of(reply), StoreErrorKind::Unreachable, "{reply}");
        }
        assert_eq!(kind_of("WRONGTYPE Operation"), StoreErrorKind::Failed);
        assert_eq!(kind_of("NOPERM no"), StoreErrorKind::Failed);
    }
}
