//! The store in one redb file. Keys are `kind/id`, values are JSON; the table `meta` holds schema
//! and revision, both written with the first transaction. Must not know what documents mean.

use super::{Change, Document, Kind, SCHEMA, Store, StoreError, Write, holds};
use crate::state::Entry;
use crate::vault::make_private_dir;
use redb::backends::FileBackend;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use stdx::Reserve;
use tokio::sync::{Notify, watch};

const DOCUMENTS: TableDefinition<&str, &[u8]> = TableDefinition::new("documents");
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

/// Documents in a redb file of mode 0600.
pub struct EmbeddedStore {
    database: Database,
    revision: watch::Sender<u64>,
    reserve: Option<Arc<Reserve>>,
    broken: Arc<Notify>,
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
        let revision = watch::Sender::new(revision);
        Ok(EmbeddedStore { database, revision, reserve: None, broken: Arc::default() })
    }

    /// Writes with space lent from `reserve` when the disk is full.
    #[must_use]
    pub fn with_reserve(mut self, reserve: Arc<Reserve>) -> EmbeddedStore {
        self.reserve = Some(reserve);
        self
    }

    /// Told when a write failed: the database takes no other before it is opened anew.
    pub fn broken(&self) -> Arc<Notify> {
        self.broken.clone()
    }
}

impl EmbeddedStore {
    /// Writes a backup's documents into a store without any; revisions go on after `revision`.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn fill(&self, revision: u64, entries: &[Entry]) -> Result<(), StoreError> {
        let doing = "filling the store";
        let revision = revision + 1;
        let txn = self.database.begin_write().map_err(failed(doing))?;
        {
            let mut meta = txn.open_table(META).map_err(failed(doing))?;
            meta.insert("revision", revision).map_err(failed(doing))?;
            let mut table = txn.open_table(DOCUMENTS).map_err(failed(doing))?;
            for Entry { key, account_id, body } in entries {
                let id = key.split_once('/').map_or(key.as_str(), |(_, id)| id).to_owned();
                let (account_id, body) = (account_id.clone(), body.clone());
                let bytes = serde_json::to_vec(&Document { id, revision, account_id, body });
                let bytes = bytes.map_err(failed(doing))?;
                table.insert(key.as_str(), bytes.as_slice()).map_err(failed(doing))?;
            }
        }
        txn.commit().map_err(failed(doing))?;
        self.revision.send_replace(revision);
        Ok(())
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

    fn all(&self) -> Result<(u64, Vec<Entry>), StoreError> {
        let doing = "reading all documents";
        let txn = self.database.begin_read().map_err(failed(doing))?;
        let meta = txn.open_table(META).map_err(failed(doing))?;
        let revision = meta.get("revision").map_err(failed(doing))?;
        let table = txn.open_table(DOCUMENTS).map_err(failed(doing))?;
        let mut entries = Vec::new();
        for row in table.iter().map_err(failed(doing))? {
            let (key, bytes) = row.map_err(failed(doing))?;
            let document: Document =
                serde_json::from_slice(bytes.value()).map_err(failed(doing))?;
            let Document { account_id, body, .. } = document;
            entries.push(Entry { key: key.value().to_owned(), account_id, body });
        }
        Ok((revision.map_or(0, |found| found.value()), entries))
    }

    fn txn(&self, changes: &[Change]) -> Result<u64, StoreError> {
        let written = match &self.reserve {
            Some(reserve) => reserve.lend(|| self.write(changes)).ok_or(StoreError::DiskFull)?,
            None => self.write(changes),
        };
        if let Err(StoreError::Database { .. }) = &written {
            self.broken.notify_one();
        }
        written
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }
}

impl EmbeddedStore {
    fn write(&self, changes: &[Change]) -> Result<u64, StoreError> {
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Expect;
    use crate::testing::Scratch;
    use redb::StorageBackend;
    type BackendIoError = std::io::Error;
    use serde_json::json;
    use std::io::ErrorKind;
    use std::sync::Mutex;

    /// A disk whose power fails after so many syncs: later ones do nothing, and what was not synced
    /// is lost.
    #[derive(Debug, Clone)]
    struct Disk(Arc<Mutex<DiskState>>);

    #[derive(Debug)]
    struct DiskState {
        cached: Vec<u8>,
        durable: Vec<u8>,
        syncs_left: usize,
        writable: bool,
    }

    impl Disk {
        fn new(content: Vec<u8>, syncs_left: usize) -> Disk {
            let durable = content.clone();
            Disk(Arc::new(Mutex::new(DiskState {
                cached: content,
                durable,
                syncs_left,
                writable: true,
            })))
        }

        fn with<T>(&self, act: impl FnOnce(&mut DiskState) -> T) -> T {
            act(&mut self.0.lock().expect("no test panics while holding it"))
        }
    }

    impl StorageBackend for Disk {
        fn len(&self) -> Result<u64, BackendIoError> {
            Ok(self.with(|disk| disk.cached.len() as u64))
        }

        fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), BackendIoError> {
            let offset = offset as usize;
            self.with(|disk| out.copy_from_slice(&disk.cached[offset..offset + out.len()]));
            Ok(())
        }

        fn set_len(&self, len: u64) -> Result<(), BackendIoError> {
            self.with(|disk| disk.cached.resize(len as usize, 0));
            Ok(())
        }

        fn sync_data(&self) -> Result<(), BackendIoError> {
            self.with(|disk| {
                if disk.syncs_left > 0 {
                    disk.syncs_left -= 1;
                    disk.durable = disk.cached.clone();
                }
            });
            Ok(())
        }

        fn write(&self, offset: u64, data: &[u8]) -> Result<(), BackendIoError> {
            let offset = offset as usize;
            self.with(|disk| {
                let to = &mut disk.cached[offset..offset + data.len()];
                disk.writable.then(|| to.copy_from_slice(data)).ok_or(ErrorKind::StorageFull.into())
            })
        }
    }

    fn open(disk: Disk) -> Result<EmbeddedStore, StoreError> {
        let database = Database::builder().create_with_backend(disk);
        EmbeddedStore::over(database.map_err(failed("opening the disk"))?)
    }

    /// Writes two documents that must stay alike, twenty times.
    fn write_all(store: &EmbeddedStore, disk: &Disk) -> u64 {
        let mut acknowledged = 0;
        for n in 1..=20u64 {
            let put = |id: &str| {
                let write = Write::Put { account_id: "1".into(), body: json!(n) };
                Change { kind: Kind::Instance, id: id.into(), expect: Expect::Any, write }
            };
            let written = store.txn(&[put("a"), put("b")]);
            if written.is_ok() && disk.with(|disk| disk.syncs_left > 0) {
                acknowledged = n;
            }
        }
        acknowledged
    }

    #[test]
    fn a_crash_at_any_sync_loses_nothing_acknowledged_and_tears_nothing() {
        let mut opened = 0;
        for syncs in 0..60 {
            let disk = Disk::new(Vec::new(), syncs);
            let acknowledged = open(disk.clone()).map_or(0, |store| write_all(&store, &disk));
            let survived = disk.with(|disk| disk.durable.clone());
            let Ok(store) = open(Disk::new(survived, usize::MAX)) else {
                assert_eq!(acknowledged, 0, "cannot be opened after {syncs} syncs");
                continue;
            };
            opened += 1;
            let read = |id: &str| {
                let found = store.get(Kind::Instance, id).expect("read");
                found.map_or(0, |document| document.body.as_u64().expect("a number"))
            };
            assert_eq!(read("a"), read("b"), "torn after {syncs} syncs");
            assert!(acknowledged <= read("a"), "lost after {syncs} syncs");
            let revision = *store.watch().borrow();
            assert_eq!(revision, read("a"), "revision after {syncs} syncs");
        }
        assert!(opened > 15, "only {opened} crashes came late enough to test anything");
    }

    #[tokio::test]
    async fn a_failed_write_is_told() {
        let disk = Disk::new(Vec::new(), usize::MAX);
        let store = open(disk.clone()).expect("opened");
        assert!(write_all(&store, &disk) > 0);
        disk.with(|disk| disk.writable = false);
        let failed = store.txn(&[]);
        assert!(matches!(failed, Err(StoreError::Database { .. })), "{failed:?}");
        store.broken().notified().await;
        disk.with(|disk| disk.writable = true);
        assert!(store.txn(&[]).is_err(), "not before it is opened anew");
    }

    #[test]
    fn a_later_schema_is_not_opened_and_a_reopened_store_goes_on() {
        let scratch = Scratch::new();
        let path = scratch.path().join("control/store.redb");
        let store = EmbeddedStore::open(&path).expect("made");
        let write = Write::Put { account_id: "1".into(), body: json!(1) };
        let change = Change { kind: Kind::Instance, id: "a".into(), expect: Expect::Absent, write };
        let first = store.txn(&[change]).expect("written");
        assert!(EmbeddedStore::open(&path).is_err(), "one process at a time");
        drop(store);
        let store = EmbeddedStore::open(&path).expect("opened");
        assert_eq!(*store.watch().borrow(), first);
        let txn = store.database.begin_write().expect("begun");
        txn.open_table(META).expect("opened").insert("schema", SCHEMA + 1).expect("written");
        txn.commit().expect("committed");
        drop(store);
        let later = EmbeddedStore::open(&path);
        assert!(matches!(later, Err(StoreError::Schema { found }) if found == SCHEMA + 1));
    }
}
