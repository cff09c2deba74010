//! The store in one redb file. Keys are `kind/id`, values are JSON; the table `meta` holds schema
//! and revision, both written with the first transaction. Must not know what documents mean.

use super::{Change, Document, Kind, SCHEMA, Store, StoreError, Write, holds};
use crate::vault::make_private_dir;
use redb::backends::FileBackend;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use tokio::sync::watch;

const DOCUMENTS: TableDefinition<&str, &[u8]> = TableDefinition::new("documents");
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

/// Documents in a redb file of mode 0600.
pub struct EmbeddedStore {
    database: Database,
    revision: watch::Sender<u64>,
}

/// Names what was being done when the database failed.
fn failed<E>(doing: &'static str) -> impl FnOnce(E) -> StoreError
where
    E: std::error::Error + Send + Sync + 'static,
{
    move |source| StoreError::Database { doing, source: Box::new(source) }
}

impl EmbeddedStore {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// When the file cannot be opened, is held by another process, or is of a later schema.
    pub fn open(path: &Path) -> Result<EmbeddedStore, StoreError> {
        if let Some(directory) = path.parent() {
            make_private_dir(directory).map_err(failed("making the store's directory"))?;
        }
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(path).map_err(failed("opening the store"))?;
        let backend = FileBackend::new(file).map_err(failed("locking the store"))?;
        let database = Database::builder().create_with_backend(backend);
        EmbeddedStore::over(database.map_err(failed("opening the store"))?)
    }

    /// A store over an open database.
    ///
    /// # Errors
    /// When it cannot be read or is of a later schema.
    pub(crate) fn over(database: Database) -> Result<EmbeddedStore, StoreError> {
        let doing = "preparing the store";
        let txn = database.begin_write().map_err(failed(doing))?;
        let revision = {
            txn.open_table(DOCUMENTS).map_err(failed(doing))?;
            let mut meta = txn.open_table(META).map_err(failed(doing))?;
            let schema = meta.get("schema").map_err(failed(doing))?.map(|found| found.value());
            match schema {
                None => drop(meta.insert("schema", SCHEMA).map_err(failed(doing))?),
                Some(SCHEMA) => {}
                Some(found) => return Err(StoreError::Schema { found }),
            }
            let revision = meta.get("revision").map_err(failed(doing))?;
            revision.map_or(0, |found| found.value())
        };
        txn.commit().map_err(failed(doing))?;
        Ok(EmbeddedStore { database, revision: watch::Sender::new(revision) })
    }
}

fn key(kind: Kind, id: &str) -> String {
    format!("{}/{id}", kind.name())
}

fn decode(kind: Kind, id: &str, bytes: &[u8]) -> Result<Document, StoreError> {
    serde_json::from_slice(bytes).map_err(|source| StoreError::Malformed {
        kind,
        id: id.to_owned(),
        source,
    })
}

impl Store for EmbeddedStore {
    fn get(&self, kind: Kind, id: &str) -> Result<Option<Document>, StoreError> {
        let doing = "reading a document";
        let txn = self.database.begin_read().map_err(failed(doing))?;
        let table = txn.open_table(DOCUMENTS).map_err(failed(doing))?;
        let found = table.get(key(kind, id).as_str()).map_err(failed(doing))?;
        found.map(|bytes| decode(kind, id, bytes.value())).transpose()
    }

    fn list(&self, kind: Kind) -> Result<Vec<Document>, StoreError> {
        let doing = "listing documents";
        let txn = self.database.begin_read().map_err(failed(doing))?;
        let table = txn.open_table(DOCUMENTS).map_err(failed(doing))?;
        // `0` is the character after `/`.
        let (first, end) = (format!("{}/", kind.name()), format!("{}0", kind.name()));
        let mut documents = Vec::new();
        for entry in table.range(first.as_str()..end.as_str()).map_err(failed(doing))? {
            let (key, bytes) = entry.map_err(failed(doing))?;
            documents.push(decode(kind, key.value(), bytes.value())?);
        }
        Ok(documents)
    }

    fn txn(&self, changes: &[Change]) -> Result<u64, StoreError> {
        let doing = "writing documents";
        let txn = self.database.begin_write().map_err(failed(doing))?;
        let revision = {
            let mut meta = txn.open_table(META).map_err(failed(doing))?;
            let last =
                meta.get("revision").map_err(failed(doing))?.map_or(0, |found| found.value());
            meta.insert("revision", last + 1).map_err(failed(doing))?;
            last + 1
        };
        {
            let mut table = txn.open_table(DOCUMENTS).map_err(failed(doing))?;
            for Change { kind, id, expect, .. } in changes {
                let present = table.get(key(*kind, id).as_str()).map_err(failed(doing))?;
                let present = present.map(|bytes| decode(*kind, id, bytes.value())).transpose()?;
                if !holds(*expect, present.map(|document| document.revision)) {
                    return Err(StoreError::Conflict { kind: *kind, id: id.clone() });
                }
            }
            for Change { kind, id, write, .. } in changes {
                let key = key(*kind, id);
                match write {
                    Write::Delete => drop(table.remove(key.as_str()).map_err(failed(doing))?),
                    Write::Put { account_id, body } => {
                        let (account_id, body) = (account_id.clone(), body.clone());
                        let document = Document { id: id.clone(), revision, account_id, body };
                        let bytes = serde_json::to_vec(&document).map_err(failed(doing))?;
                        table.insert(key.as_str(), bytes.as_slice()).map_err(failed(doing))?;
                    }
                }
            }
        }
        txn.commit().map_err(failed(doing))?;
        // Commits may end in another order than they report; the newest revision must stand.
        self.revision.send_if_modified(|newest| {
            let newer = *newest < revision;
            *newest = (*newest).max(revision);
            newer
        });
        Ok(revision)
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }
}
