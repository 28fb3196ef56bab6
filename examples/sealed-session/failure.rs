//! What can go wrong, and the exit code it has.

use core::error::Error as _;
use std::{io, process::ExitCode};

use sealed_session::{
    OpenError, SealError,
    codec::ConfigError,
    expiry::PolicyError,
    keys::RingError,
    manager::{InvalidKind, ManagerError, SessionError},
    random::RandomError,
    store::StoreError,
};

/// No message contains a secret or anything out of a session, and none has two lines.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A token that does not open, or a session that does not fit.
    Refused(String),
    /// A command that makes no sense, or input that is not what the command reads.
    Usage(String),
    /// A file, a key ring, a store, the output.
    Environment(String),
    /// Nobody reads the output any more, as after `| head`.
    OutputClosed,
}

impl Failure {
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Refused(_) => 1,
            Self::Usage(_) => 2,
            Self::Environment(_) | Self::OutputClosed => 3,
        })
    }

    /// What to print, if there is somebody to read it.
    pub(crate) fn line(&self) -> Option<String> {
        match self {
            Self::Refused(text) => Some(text.clone()),
            Self::Usage(text) | Self::Environment(text) => Some(format!("error: {text}")),
            Self::OutputClosed => None,
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::Refused(format!("{}: {error} ({})", error.kind(), error.reason()))
    }
}

impl From<SealError> for Failure {
    fn from(error: SealError) -> Self {
        match error {
            SealError::RecordTooLarge { size, limit } => Self::Refused(format!(
                "too-large: the session needs {size} bytes in the store, the limit is {limit}"
            )),
            SealError::TooLarge { size, limit } => Self::Refused(format!(
                "too-large: the session needs {size} bytes of cookie, the limit is {limit}; \
                 keep less in the session, or keep it in a store (--store URL)"
            )),
            SealError::NoSealingKey | SealError::Random(_) => Self::Environment(error.to_string()),
            error => Self::Refused(format!("not-sealed: {error}")),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::Ring(error) => error.into(),
            error => Self::Usage(error.to_string()),
        }
    }
}

impl From<ManagerError> for Failure {
    fn from(error: ManagerError) -> Self {
        match error {
            ManagerError::Codec(error) => error.into(),
            error => Self::Usage(error.to_string()),
        }
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Unavailable(error) => error.into(),
            SessionError::Seal(error) => error.into(),
            SessionError::Invalid(kind) => {
                let why = match kind {
                    InvalidKind::Revoked => "logged out, or revoked",
                    InvalidKind::Gone => "the store has no such session",
                    _ => "the row does not open",
                };
                Self::Refused(format!("{kind}: no valid session ({why})"))
            }
            SessionError::Conflict => Self::Refused(format!("conflict: {error}")),
            SessionError::Gone => Self::Refused(format!("gone: {error}")),
            error => Self::Environment(error.to_string()),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let cause = error.source().map_or(String::new(), |it| format!(": {it}"));
        // A server's message may have several lines.
        let line = format!("{error}{cause}");
        Self::Environment(line.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl From<PolicyError> for Failure {
    fn from(error: PolicyError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<RingError> for Failure {
    fn from(error: RingError) -> Self {
        Self::Environment(error.to_string())
    }
}

impl From<RandomError> for Failure {
    fn from(error: RandomError) -> Self {
        Self::Environment(error.to_string())
    }
}

/// For the output; errors of files are told with their path, see `keys.rs`.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            kind => Self::Environment(format!("the output cannot be written: {kind}")),
        }
    }
}
