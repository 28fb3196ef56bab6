//! The stores that sessions are compared in.

use core::fmt;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    store::{NewRow, RowKey, SessionStore, StoreError, memory::MemoryStore, sqlite::SqliteStore},
    time::Timestamp,
};

/// A store to compare with, and its name in the report.
#[derive(Clone)]
pub struct Target {
    pub(super) name: String,
    pub(super) store: Arc<dyn SessionStore>,
    pub(super) kind: TargetKind,
}

/// How a store is reached, and how it can be asked what a row takes.
#[derive(Clone)]
pub(super) enum TargetKind {
    /// In this process: waiting for it is this process's work.
    Memory,
    /// In a file beside which others may be made.
    Sqlite(PathBuf),
    /// Anywhere.
    Other,
}

impl Target {
    /// Any store, under that name.
    #[must_use]
    pub fn new(name: impl Into<String>, store: Arc<dyn SessionStore>) -> Self {
        Self {
            name: name.into(),
            store,
            kind: TargetKind::Other,
        }
    }

    /// A fresh store in memory.
    #[must_use]
    pub fn memory() -> Self {
        Self {
            name: "memory".to_owned(),
            store: Arc::new(MemoryStore::new()),
            kind: TargetKind::Memory,
        }
    }

    /// A SQLite file in that folder, and room beside it for others that tell what a row
    /// takes.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub async fn sqlite(folder: impl AsRef<Path>) -> Result<Self, StoreError> {
        let folder = folder.as_ref().to_owned();
        let store = SqliteStore::open(folder.join("compare.db")).await?;
        Ok(Self {
            name: "SQLite".to_owned(),
            store: Arc::new(store),
            kind: TargetKind::Sqlite(folder),
        })
    }

    /// Its name in the report.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether waiting for the store is work of this machine.
    pub(super) fn is_embedded(&self) -> bool {
        !matches!(self.kind, TargetKind::Other)
    }

    /// Whether it answers without waiting.
    pub(super) fn is_immediate(&self) -> bool {
        matches!(self.kind, TargetKind::Memory)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Rows that are written to see what one takes.
const ROWS: u8 = 200;

/// What rows take at rest, by their length.
#[derive(Default)]
pub(super) struct Space(HashMap<(String, usize), Option<f64>>);

impl Space {
    /// Bytes that a store of that kind takes for a row of that length: the mean of many,
    /// written to a fresh store. `None` where a store cannot be asked.
    pub(super) async fn of(
        &mut self,
        target: &Target,
        record_len: usize,
        now: Timestamp,
    ) -> Option<f64> {
        let key = (target.name.clone(), record_len);
        if let Some(known) = self.0.get(&key) {
            return *known;
        }
        let found = match &target.kind {
            TargetKind::Memory => {
                let store = MemoryStore::with_limit(u64::MAX);
                let before = store.used_bytes();
                match fill(&store, record_len, now).await {
                    Ok(()) => Some(store.used_bytes().saturating_sub(before)),
                    Err(_) => None,
                }
            }
            TargetKind::Sqlite(folder) => in_sqlite(folder, record_len, now).await.ok(),
            TargetKind::Other => None,
        };
        let found = found.map(|bytes| bytes as f64 / f64::from(ROWS));
        self.0.insert(key, found);
        found
    }
}

async fn in_sqlite(folder: &Path, record_len: usize, now: Timestamp) -> Result<u64, StoreError> {
    let path = folder.join("space.db");
    let mut sizes = [0_u64; 2];
    for (size, rows) in sizes.iter_mut().zip([false, true]) {
        let _ = std::fs::remove_file(&path);
        let store = SqliteStore::open(&path).await?;
        if rows {
            fill(&store, record_len, now).await?;
        }
        // Which writes the log into the file.
        store.close().await;
        *size = std::fs::metadata(&path).map_or(0, |data| data.len());
    }
    let _ = std::fs::remove_file(&path);
    let [empty, full] = sizes;
    Ok(full.saturating_sub(empty))
}

async fn fill(
    store: &dyn SessionStore,
    record_len: usize,
    now: Timestamp,
) -> Result<(), StoreError> {
    let bytes = vec![0x5a; record_len];
    let row = NewRow {
        bytes: &bytes,
        expires: now + core::time::Duration::from_hours(1),
    };
    for n in 0..ROWS {
        // Keys are hashes: spread them.
        let key = RowKey([n.wrapping_mul(151); 32]);
        store.create(&key, row, now).await?;
    }
    Ok(())
}
