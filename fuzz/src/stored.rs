//! A manager whose store holds whatever a target puts there.

use std::sync::Arc;

use sealed_session::{
    SessionManager,
    codec::Encrypted,
    manager::{Presented, ResponseHeaders, SessionError},
    payload::Compression,
    session::Session,
    store::{Row, RowKey, RowPhase, RowState},
};

use crate::{client::block_on, model_store::ModelStore, session::Octets, world};

pub struct Stored {
    store: Arc<ModelStore>,
    manager: SessionManager<Octets>,
}

impl Stored {
    #[must_use]
    pub fn new() -> Self {
        let store = Arc::<ModelStore>::default();
        // So that a session of 4,000 bytes is stored, whatever they are.
        let codec = world::builder::<Encrypted>(&world::root(), world::CONTEXT)
            .compression(Compression::NEVER);
        let manager = SessionManager::builder(codec).store(store.clone()).build();
        Self {
            store,
            manager: manager.unwrap(),
        }
    }

    /// Puts these bytes into a row, as the record of version 1.
    pub fn plant(&self, key: [u8; 32], bytes: Vec<u8>) {
        let row = Row {
            state: RowState {
                version: 1,
                phase: RowPhase::Settled,
            },
            written: world::now(),
            expires: world::now() + std::time::Duration::from_secs(86_400),
            bytes,
        };
        self.store.plant(RowKey(key), row);
    }

    /// All rows.
    #[must_use]
    pub fn rows(&self) -> Vec<(RowKey, Row)> {
        self.store.dump()
    }

    /// Puts a row back with other bytes.
    pub fn replant(&self, key: RowKey, row: &Row, bytes: Vec<u8>) {
        self.store.plant(
            key,
            Row {
                bytes,
                ..row.clone()
            },
        );
    }

    /// What a request with this cookie presents, and its data.
    ///
    /// # Errors
    /// As when the manager loads.
    pub fn read(&self, token: &str) -> Result<(Presented, Vec<u8>), SessionError> {
        let session = self.session(token);
        let presented = block_on(session.presented())?;
        Ok((presented, block_on(session.get())?.0))
    }

    /// A request with this cookie that sets the data.
    ///
    /// # Errors
    /// As when the manager saves.
    pub fn write(&self, token: &str, data: &[u8]) -> Result<ResponseHeaders, SessionError> {
        let session = self.session(token);
        block_on(session.change(|octets| octets.0 = data.to_vec()))?;
        block_on(self.manager.finish(session, 200))
    }

    /// A request with this cookie that is answered with 503.
    ///
    /// # Panics
    /// When there is an answer only to sessions that can be read.
    pub fn fail(&self, token: &str) -> ResponseHeaders {
        let session = self.session(token);
        let _ = block_on(session.get());
        block_on(self.manager.finish(session, 503)).unwrap()
    }

    fn session(&self, token: &str) -> Session<Octets> {
        let header = format!("{}={token}", world::NAME);
        self.manager.session([header.as_bytes()], None)
    }
}

impl Default for Stored {
    fn default() -> Self {
        Self::new()
    }
}
