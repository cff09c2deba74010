//! A store without a disk, for tests of everything above it. Must not be used to remember anything.

use super::{Change, Document, Kind, Store, StoreError, Write, holds};
use crate::state::Entry;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

type Documents = BTreeMap<(Kind, String), Document>;

/// Documents in a map.
pub struct MemoryStore {
    documents: Mutex<Documents>,
    revision: watch::Sender<u64>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        MemoryStore { documents: Mutex::default(), revision: watch::Sender::new(0) }
    }
}

impl MemoryStore {
    fn documents(&self) -> MutexGuard<'_, Documents> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn get(&self, kind: Kind, id: &str) -> Result<Option<Document>, StoreError> {
        Ok(self.documents().get(&(kind, id.to_owned())).cloned())
    }

    fn list(&self, kind: Kind) -> Result<Vec<Document>, StoreError> {
        let documents = self.documents();
        let of_kind = documents.iter().filter(|((k, _), _)| *k == kind);
        Ok(of_kind.map(|(_, document)| document.clone()).collect())
    }

    fn all(&self) -> Result<(u64, Vec<Entry>), StoreError> {
        let documents = self.documents();
        let entry = |((kind, id), document): (&(Kind, String), &Document)| Entry {
            key: format!("{}/{id}", kind.name()),
            account_id: document.account_id.clone(),
            body: document.body.clone(),
        };
        Ok((*self.revision.borrow(), documents.iter().map(entry).collect()))
    }

    fn txn(&self, changes: &[Change]) -> Result<u64, StoreError> {
        let mut documents = self.documents();
        for Change { kind, id, expect, .. } in changes {
            let present = documents.get(&(*kind, id.clone()));
            if !holds(*expect, present.map(|document| document.revision)) {
                return Err(StoreError::Conflict { kind: *kind, id: id.clone() });
            }
        }
        let revision = *self.revision.borrow() + 1;
        for Change { kind, id, write, .. } in changes {
            let key = (*kind, id.clone());
            match write.clone() {
                Write::Delete => drop(documents.remove(&key)),
                Write::Put { account_id, body } => {
                    let document = Document { id: id.clone(), revision, account_id, body };
                    documents.insert(key, document);
                }
            }
        }
        self.revision.send_replace(revision);
        Ok(revision)
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }
}
