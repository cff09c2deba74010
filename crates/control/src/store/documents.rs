//! Typed reading and changing of documents. Must not know why they change.

use super::{Change, Expect, Kind, Store, StoreError, Write};
use control_model::Instance;
use control_model::account::PortClaim;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A document with the revision at which it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned<T> {
    /// For the precondition of a change.
    pub revision: u64,
    /// Content.
    pub value: T,
}

/// Reads one document.
///
/// # Errors
/// When the store fails or the document is not a `T`.
pub fn get<T: DeserializeOwned>(
    store: &dyn Store,
    kind: Kind,
    id: &str,
) -> Result<Option<Versioned<T>>, StoreError> {
    let Some(document) = store.get(kind, id)? else { return Ok(None) };
    let value = serde_json::from_value(document.body).map_err(|source| StoreError::Malformed {
        kind,
        id: id.to_owned(),
        source,
    })?;
    Ok(Some(Versioned { revision: document.revision, value }))
}

/// All documents of a kind, by id.
///
/// # Errors
/// When the store fails or a document is not a `T`.
pub fn list<T: DeserializeOwned>(
    store: &dyn Store,
    kind: Kind,
) -> Result<Vec<Versioned<T>>, StoreError> {
    let read = |document: super::Document| {
        let value = serde_json::from_value(document.body)
            .map_err(|source| StoreError::Malformed { kind, id: document.id, source })?;
        Ok(Versioned { revision: document.revision, value })
    };
    store.list(kind)?.into_iter().map(read).collect()
}

/// All instances, by id.
///
/// # Errors
/// When the store fails or a document is no instance.
pub fn instances(store: &dyn Store) -> Result<Vec<Versioned<Instance>>, StoreError> {
    list(store, Kind::Instance)
}

/// A change that writes `value`.
///
/// # Panics
/// Never: documents are plain data.
pub fn put(
    kind: Kind,
    id: &str,
    expect: Expect,
    account_id: &str,
    value: &impl Serialize,
) -> Change {
    let body = serde_json::to_value(value).expect("documents are plain data");
    let write = Write::Put { account_id: account_id.to_owned(), body };
    Change { kind, id: id.to_owned(), expect, write }
}

/// A change that deletes.
pub fn delete(kind: Kind, id: &str, expect: Expect) -> Change {
    Change { kind, id: id.to_owned(), expect, write: Write::Delete }
}

/// A change that writes an instance over the revision at which it was read, or anew.
pub fn put_instance(instance: &Instance, expect: Expect) -> Change {
    put(Kind::Instance, &instance.instance_id, expect, &instance.account_id, instance)
}

/// A change by which an instance claims a port that nobody has.
pub fn claim_port(instance: &Instance, port: u16) -> Change {
    let claim = PortClaim { instance_id: instance.instance_id.clone() };
    put(Kind::Port, &port.to_string(), Expect::Absent, &instance.account_id, &claim)
}

/// Reads, changes and writes one instance until no other change comes between, with the further
/// documents that `change` wants written in the same transaction. `change` may run more than once;
/// its error ends the attempt and is given back. `None` when there is no such instance.
///
/// # Errors
/// When the store fails, or `change` says that it did.
pub fn update_instance<E>(
    store: &dyn Store,
    id: &str,
    mut change: impl FnMut(&mut Instance) -> Result<Result<Vec<Change>, E>, StoreError>,
) -> Result<Option<Result<Instance, E>>, StoreError> {
    loop {
        let Some(read) = get::<Instance>(store, Kind::Instance, id)? else { return Ok(None) };
        let mut instance = read.value;
        let mut changes = match change(&mut instance)? {
            Ok(changes) => changes,
            Err(error) => return Ok(Some(Err(error))),
        };
        changes.push(put_instance(&instance, Expect::Revision(read.revision)));
        match store.txn(&changes) {
            Ok(_) => return Ok(Some(Ok(instance))),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error),
        }
    }
}
