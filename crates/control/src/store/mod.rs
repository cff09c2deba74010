//! Documents with revisions: what the control plane remembers. Changes happen in transactions with
//! preconditions, and whoever waits is told the newest revision. Must not know what documents mean.

pub mod documents;
pub mod embedded;
#[cfg(test)]
pub mod memory;

use crate::state::Entry;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

/// The layout written by this build. A store of a later one is not opened.
pub const SCHEMA: u64 = 1;

/// Kinds of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// [`control_model::Account`] by account id.
    Account,
    /// [`control_model::AccessKey`] by key id.
    AccessKey,
    /// [`control_model::ConsoleUser`] by name.
    ConsoleUser,
    /// [`control_model::Instance`] by instance id.
    Instance,
    /// [`control_model::global_group::GlobalGroups`] by account id.
    GlobalGroups,
    /// [`control_model::account::PortClaim`] by port.
    Port,
    /// [`control_model::account::TokenClaim`] by account, action and token.
    Token,
    /// [`control_model::account::Bootstrap`], one.
    Bootstrap,
    /// [`control_model::Task`] by task id.
    Task,
    /// [`control_model::account::AuditMark`], one.
    AuditMark,
    /// [`control_model::ram::Directory`] by account id.
    Directory,
    /// [`control_model::alarm::Rule`] by account and rule id.
    AlarmRule,
    /// [`control_model::alarm::State`] by account, rule id and instance id.
    AlarmState,
    /// [`control_model::alarm::Contact`] by account and name.
    Contact,
    /// [`control_model::alarm::ContactGroup`] by account and name.
    ContactGroup,
    /// [`control_model::alarm::Alert`] by log id.
    Alert,
    /// [`control_model::Instance`] in the recycle bin, by instance id; never one that is also an
    /// [`Kind::Instance`].
    Released,
    /// [`control_model::parameter::ParameterHistory`] by instance id.
    ParameterHistory,
    /// [`control_model::parameter_group::ParameterGroups`] by account id.
    ParameterGroups,
    /// [`control_model::cycle::Preference`] by account id.
    Preference,
}

impl Kind {
    /// First part of the store's key.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Account => "account",
            Kind::AccessKey => "access-key",
            Kind::ConsoleUser => "console-user",
            Kind::Instance => "instance",
            Kind::GlobalGroups => "global-groups",
            Kind::Port => "port",
            Kind::Token => "token",
            Kind::Bootstrap => "bootstrap",
            Kind::Task => "task",
            Kind::AuditMark => "audit-mark",
            Kind::Directory => "directory",
            Kind::AlarmRule => "alarm-rule",
            Kind::AlarmState => "alarm-state",
            Kind::Contact => "contact",
            Kind::ContactGroup => "contact-group",
            Kind::Alert => "alert",
            Kind::Released => "released",
            Kind::ParameterHistory => "parameter-history",
            Kind::ParameterGroups => "parameter-groups",
            Kind::Preference => "preference",
        }
    }
}

/// A stored document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Second part of its key.
    pub id: String,
    /// Of the transaction that wrote it last.
    pub revision: u64,
    /// Owner.
    pub account_id: String,
    /// Content.
    pub body: Value,
}

/// What must be true of a document for a change to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Anything.
    Any,
    /// There is none.
    Absent,
    /// It was last written at this revision.
    Revision(u64),
}

/// One change of a transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Kind of document.
    pub kind: Kind,
    /// Which.
    pub id: String,
    /// Precondition.
    pub expect: Expect,
    /// What to do when it holds.
    pub write: Write,
}

/// What a change does.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Replace or make.
    Put {
        /// Owner.
        account_id: String,
        /// Content.
        body: Value,
    },
    /// Delete, also when there is none.
    Delete,
}

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A precondition did not hold; nothing was changed.
    #[error("{kind}/{id} is not as expected", kind = kind.name())]
    Conflict {
        /// Kind of the document.
        kind: Kind,
        /// Which.
        id: String,
    },
    /// The layout is newer than this build.
    #[error("the store has schema {found}; this build reads {SCHEMA}: use a later larder")]
    Schema {
        /// What the store says.
        found: u64,
    },
    /// A document is not what its kind says.
    #[error("reading {kind}/{id}: {source}", kind = kind.name())]
    Malformed {
        /// Kind of the document.
        kind: Kind,
        /// Which.
        id: String,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The disk is full, and so is what was kept free on it. Nothing was changed.
    #[error("writing documents: the disk is full")]
    DiskFull,
    /// The database failed.
    #[error("{doing}: {source}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What happened.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A store. Calls block on the disk; call them where blocking is fine.
pub trait Store: Send + Sync {
    /// The document, if there is one.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn get(&self, kind: Kind, id: &str) -> Result<Option<Document>, StoreError>;

    /// All documents of a kind, by id.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn list(&self, kind: Kind) -> Result<Vec<Document>, StoreError>;

    /// All documents of all kinds at one moment, by key, and the revision then.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn all(&self) -> Result<(u64, Vec<Entry>), StoreError>;

    /// All changes or none; durable when it returns. Gives the new revision.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a precondition does not hold.
    fn txn(&self, changes: &[Change]) -> Result<u64, StoreError>;

    /// Tells the newest revision, now and whenever it grows.
    fn watch(&self) -> watch::Receiver<u64>;
}

/// Whether `expect` holds of a document at `revision`.
fn holds(expect: Expect, revision: Option<u64>) -> bool {
    match expect {
        Expect::Any => true,
        Expect::Absent => revision.is_none(),
        Expect::Revision(wanted) => revision == Some(wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use serde_json::json;

    fn put(id: &str, expect: Expect, n: u64) -> Change {
        let write = Write::Put { account_id: "1".into(), body: json!({ "n": n }) };
        Change { kind: Kind::Instance, id: id.into(), expect, write }
    }

    fn delete(id: &str, expect: Expect) -> Change {
        Change { kind: Kind::Instance, id: id.into(), expect, write: Write::Delete }
    }

    /// The contract that both implementations keep.
    fn check(store: &dyn Store) {
        let mut watch = store.watch();
        let first = store.txn(&[put("a", Expect::Absent, 1), put("b", Expect::Any, 2)]);
        let first = first.expect("nothing there yet");
        assert_eq!(*watch.borrow_and_update(), first);
        let conflict = store.txn(&[put("c", Expect::Absent, 3), put("a", Expect::Absent, 9)]);
        assert!(matches!(conflict, Err(StoreError::Conflict { id, .. }) if id == "a"));
        assert!(store.get(Kind::Instance, "c").expect("read").is_none(), "all or nothing");
        assert!(!watch.has_changed().expect("open"), "nothing changed");
        let second = store.txn(&[put("a", Expect::Revision(first), 4)]).expect("as expected");
        assert!(second > first && watch.has_changed().expect("open"));
        assert!(store.txn(&[put("a", Expect::Revision(first), 5)]).is_err(), "stale");
        let a = store.get(Kind::Instance, "a").expect("read").expect("there");
        assert_eq!((a.revision, a.account_id.as_str()), (second, "1"));
        assert_eq!(a.body, json!({"n": 4}));
        assert!(store.get(Kind::Account, "a").expect("read").is_none());
        let ids = || store.list(Kind::Instance).expect("read").into_iter().map(|d| d.id);
        assert_eq!(ids().collect::<Vec<_>>(), ["a", "b"]);
        assert!(store.txn(&[delete("a", Expect::Revision(first))]).is_err());
        store.txn(&[delete("a", Expect::Revision(second))]).expect("as expected");
        store.txn(&[delete("a", Expect::Any)]).expect("repeatable");
        assert_eq!(ids().collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn both_keep_the_contract() {
        let scratch = Scratch::new();
        check(&memory::MemoryStore::default());
        check(&embedded::EmbeddedStore::open(&scratch.path().join("s.redb")).expect("made"));
    }
}
