//! Sessions to compare with, whatever their type is.

use core::{fmt, hint::black_box, pin::Pin, task};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    clock::{AllocationCounter, Monotonic},
    kit::{Client, Kit},
    report::{Allocated, Allocations, Lives, Way},
    watched::Watched,
};
use crate::{
    EncryptedCodec, SealError, SessionData,
    claims::Identity,
    codec::{Plan, encoded_len},
    manager::{ManagerError, Place, SessionError},
    store::SessionStore,
};

/// A session of the application's: a value of its type, or a [`Values`](crate::Values)
/// that was read from JSON.
///
/// ```
/// use sealed_session::{SessionData, Values, compare::Sample};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, Clone, Default, SessionData)]
/// struct Login { user: u64 }
///
/// let typed = Sample::new("a login", Login { user: 42 });
///
/// let json = r#"{"user":42,"cart":["book"]}"#;
/// let values: Values = serde_json::from_str(json)?;
/// let untyped = Sample::new("a cart", values).with_json_bytes(json.len());
/// assert_eq!((typed.name(), untyped.name()), ("a login", "a cart"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone)]
pub struct Sample {
    name: String,
    json_bytes: Option<usize>,
    pub(super) data: Arc<dyn AnyData>,
}

impl Sample {
    /// A sample of that name. A type without a default can be given as an `Option` of it,
    /// as to a [`SessionManager`](crate::SessionManager).
    #[must_use]
    pub fn new<T>(name: impl Into<String>, data: T) -> Self
    where
        T: SessionData + Clone + Default + Send + Sync + 'static,
    {
        Self {
            name: name.into(),
            json_bytes: None,
            data: Arc::new(Typed(data)),
        }
    }

    /// Tells how many bytes it took as JSON.
    #[must_use]
    pub fn with_json_bytes(mut self, bytes: usize) -> Self {
        self.json_bytes = Some(bytes);
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn json_bytes(&self) -> Option<usize> {
        self.json_bytes
    }
}

/// Its name; session data is not shown.
impl fmt::Debug for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sample")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Session data of some type.
pub(super) trait AnyData: Send + Sync {
    fn encoded_len(&self) -> Result<usize, SealError>;

    /// What its cookie would come to.
    fn plan(&self, codec: &EncryptedCodec) -> Result<Plan, SealError>;

    /// A browser that holds this session, of a server of that strategy.
    fn visitor(
        &self,
        kit: &Kit,
        way: Way,
        store: Option<Arc<Watched>>,
    ) -> Result<Box<dyn Visitor>, ManagerError>;
}

/// What a visitor does again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// A request that reads.
    Read,
    /// A request that changes the session.
    Change,
    /// Sealing alone.
    Seal,
    /// Opening alone.
    Open,
}

/// What came out of doing it several times.
#[derive(Default)]
pub(super) struct Turn {
    /// Nanoseconds, each time.
    pub(super) times: Vec<u64>,
    /// Nanoseconds inside the store, each time: all calls of a read, the last of a change.
    pub(super) in_store: Vec<u64>,
    /// Nanoseconds outside of the store, each time.
    pub(super) own: Vec<u64>,
    /// Calls of the store, in all.
    pub(super) calls: u64,
}

/// What the first requests of a session show.
pub(super) struct Begun {
    pub(super) lives: Lives,
    pub(super) value_bytes: usize,
    pub(super) request_header_bytes: usize,
    pub(super) first_response_header_bytes: usize,
    pub(super) change_response_header_bytes: usize,
    pub(super) record_bytes: usize,
}

/// What is awaited on the thread that asked for it.
pub(super) type Work<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// One browser, one session, one server.
pub(super) trait Visitor {
    /// Begins the session, changes it and reads it once.
    fn begin(&mut self) -> Work<'_, Result<Begun, SessionError>>;

    /// Does something several times, and times each.
    fn turn(&mut self, op: Op, times: usize) -> Work<'_, Result<Turn, SessionError>>;

    /// Counts what a request allocates; `None` where it had to wait for somebody.
    fn allocations(&mut self, counter: &dyn AllocationCounter) -> Option<Allocated>;
}

struct Typed<T>(T);

impl<T: SessionData + Clone + Default + Send + Sync + 'static> AnyData for Typed<T> {
    fn encoded_len(&self) -> Result<usize, SealError> {
        encoded_len(&self.0)
    }

    fn plan(&self, codec: &EncryptedCodec) -> Result<Plan, SealError> {
        codec.plan(&codec.new_identity()?, &self.0)
    }

    fn visitor(
        &self,
        kit: &Kit,
        way: Way,
        store: Option<Arc<Watched>>,
    ) -> Result<Box<dyn Visitor>, ManagerError> {
        let shared = store
            .clone()
            .map(|store| -> Arc<dyn SessionStore> { store });
        Ok(Box::new(Held {
            client: Client::new(kit.manager(way, shared)?),
            data: self.0.clone(),
            store,
            monotonic: Arc::clone(&kit.monotonic),
            sealed: None,
        }))
    }
}

/// Session data that every request can change: one byte more than the sample.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Counted<T> {
    changes: u8,
    data: T,
}

impl<T: SessionData> SessionData for Counted<T> {
    const SCHEMA: u16 = T::SCHEMA;
}

struct Held<T> {
    client: Client<Counted<T>>,
    data: T,
    store: Option<Arc<Watched>>,
    monotonic: Arc<dyn Monotonic>,
    /// For sealing and opening alone.
    sealed: Option<(Identity, Counted<T>)>,
}

impl<T: SessionData + Clone + Default + Send + Sync + 'static> Held<T> {
    /// A request that reads.
    async fn read(&mut self) -> Result<(), SessionError> {
        let session = self.client.session();
        black_box(session.read(|data| data.changes).await?);
        self.client.finish(session).await.map(drop)
    }

    /// A request that changes one byte.
    async fn change(&mut self) -> Result<Option<String>, SessionError> {
        let change = |data: &mut Counted<T>| data.changes = data.changes.wrapping_add(1);
        self.client.change(change).await
    }

    async fn once(&mut self, op: Op) -> Result<(), SessionError> {
        match op {
            Op::Read => self.read().await,
            Op::Change => self.change().await.map(drop),
            Op::Seal => {
                let codec = self.client.manager.codec();
                if let Some((identity, data)) = &self.sealed {
                    black_box(codec.seal(identity, data)?);
                }
                Ok(())
            }
            Op::Open => {
                let codec = self.client.manager.codec();
                // Whether it opens, `begin` has seen.
                let _ = black_box(codec.open::<Counted<T>>(self.client.value()));
                Ok(())
            }
        }
    }
}

impl<T: SessionData + Clone + Default + Send + Sync + 'static> Visitor for Held<T> {
    fn begin(&mut self) -> Work<'_, Result<Begun, SessionError>> {
        Box::pin(async {
            let data = Counted {
                changes: 1,
                data: self.data.clone(),
            };
            let kept = data.clone();
            let first = self.client.change(|empty| *empty = data).await?;
            let changed = self.change().await?;
            // The first read of a row notes in it that its reference has arrived.
            self.read().await?;
            let session = self.client.session();
            let place = session.place().await?;
            let claims = session.claims().await?.ok_or(SessionError::Gone)?;
            self.sealed = Some((claims.identity(), kept));
            let lives = match place {
                Place::Store => Lives::Store,
                _ => Lives::Cookie,
            };
            Ok(Begun {
                lives,
                value_bytes: self.client.value().len(),
                request_header_bytes: line("Cookie: ", Some(&self.client.cookie)),
                first_response_header_bytes: line("Set-Cookie: ", first.as_ref()),
                change_response_header_bytes: line("Set-Cookie: ", changed.as_ref()),
                record_bytes: self.store.as_ref().map_or(0, |store| store.record_len()),
            })
        })
    }

    fn turn(&mut self, op: Op, times: usize) -> Work<'_, Result<Turn, SessionError>> {
        Box::pin(async move {
            let mut turn = Turn::default();
            if let Some(store) = &self.store {
                store.take();
            }
            for _ in 0..times {
                let began = self.monotonic.nanos();
                self.once(op).await?;
                let took = self.monotonic.nanos().saturating_sub(began);
                turn.times.push(took);
                let seen = self.store.as_ref().map(|store| store.take());
                let waited = seen.map_or(0, |seen| seen.waited);
                turn.own.push(took.saturating_sub(waited));
                if let Some(seen) = seen {
                    turn.calls = turn.calls.saturating_add(seen.calls);
                    turn.in_store.push(match op {
                        Op::Change => seen.last,
                        _ => seen.waited,
                    });
                }
            }
            Ok(turn)
        })
    }

    fn allocations(&mut self, counter: &dyn AllocationCounter) -> Option<Allocated> {
        let mut once = |op| {
            let mut ready = false;
            let allocated = counter.count(&mut || {
                let mut work = core::pin::pin!(self.once(op));
                let mut context = task::Context::from_waker(task::Waker::noop());
                ready = matches!(work.as_mut().poll(&mut context), task::Poll::Ready(Ok(())));
            });
            ready.then_some(allocated)
        };
        let (read, change): (Option<Allocations>, Option<Allocations>) =
            (once(Op::Read), once(Op::Change));
        Some(Allocated {
            read: read?,
            change: change?,
        })
    }
}

/// The length of a header line with its end; 0 without one.
fn line(name: &str, value: Option<&String>) -> usize {
    value.map_or(0, |value| {
        name.len().saturating_add(value.len()).saturating_add(2)
    })
}
