//! The recycle bin as transactions of the store: instances get in when their node has ended, lose
//! their place when their time is over or their owner says so, and are forgotten when nothing of
//! them is left on disk. Must not know agents or who asks.

use crate::store::documents::{self, Versioned};
use crate::store::{Change, Expect, Kind, Store, StoreError};
use crate::tasks;
use control_model::Instance;
use control_model::task::{Outcome, TaskKind};

/// All instances in the bin, those included that are on their way out for good.
///
/// # Errors
/// When the store fails or a document is no instance.
pub fn list(store: &dyn Store) -> Result<Vec<Versioned<Instance>>, StoreError> {
    documents::list(store, Kind::Released)
}

/// One of them.
///
/// # Errors
/// As [`list`].
pub fn get(store: &dyn Store, id: &str) -> Result<Option<Versioned<Instance>>, StoreError> {
    documents::get(store, Kind::Released, id)
}

/// A precondition: no instance of this id is in the bin.
pub fn has_none(id: &str) -> Change {
    documents::delete(Kind::Released, id, Expect::Absent)
}

/// What takes an instance out of the bin, as part of what is made of it.
pub fn take(read: &Versioned<Instance>) -> Change {
    documents::delete(Kind::Released, &read.value.instance_id, Expect::Revision(read.revision))
}

/// Moves an instance whose node has ended into the bin. Its port is free for others. Does nothing
/// when the instance has changed since it was read.
///
/// # Errors
/// When the store fails.
pub fn put_in(
    store: &dyn Store,
    read: &Versioned<Instance>,
    now_unix_ms: i64,
) -> Result<(), StoreError> {
    let mut instance = read.value.clone();
    let mut changes = tasks::end_running(store, &mut instance, Outcome::Succeed, now_unix_ms)?;
    let id = instance.instance_id.clone();
    changes.extend([
        documents::delete(Kind::Instance, &id, Expect::Revision(read.revision)),
        documents::delete(Kind::Port, &instance.port.to_string(), Expect::Any),
    ]);
    if let Some(token) = instance.token_key.take() {
        changes.push(documents::delete(Kind::Token, &token, Expect::Any));
    }
    changes.push(put(&instance, Expect::Absent));
    let moved = settled(store, &changes)?;
    if moved {
        tracing::info!("{id}: is in the recycle bin");
    }
    Ok(())
}

/// Takes its place from an instance: nobody can bring it back from now on. False when it has
/// changed since it was read.
///
/// # Errors
/// When the store fails.
pub fn give_up(
    store: &dyn Store,
    read: &Versioned<Instance>,
    now_unix_ms: i64,
) -> Result<bool, StoreError> {
    let mut instance = read.value.clone();
    let task = (TaskKind::Destroy, Outcome::Canceled);
    let (_, mut changes) = tasks::open(store, &mut instance, task, now_unix_ms)?;
    instance.kept = None;
    changes.push(put(&instance, Expect::Revision(read.revision)));
    settled(store, &changes)
}

/// Deletes all that is left of an instance whose data are gone.
///
/// # Errors
/// When the store fails.
pub fn forget(
    store: &dyn Store,
    read: &Versioned<Instance>,
    now_unix_ms: i64,
) -> Result<(), StoreError> {
    let mut instance = read.value.clone();
    let mut changes = tasks::end_running(store, &mut instance, Outcome::Succeed, now_unix_ms)?;
    let id = &instance.instance_id;
    changes.extend([take(read), documents::delete(Kind::ParameterHistory, id, Expect::Any)]);
    if settled(store, &changes)? {
        tracing::info!("{id}: is out of the recycle bin and its data are deleted");
    }
    Ok(())
}

fn put(instance: &Instance, expect: Expect) -> Change {
    let (id, account) = (&instance.instance_id, &instance.account_id);
    documents::put(Kind::Released, id, expect, account, instance)
}

/// False when something was written in between: whoever planned this looks again.
fn settled(store: &dyn Store, changes: &[Change]) -> Result<bool, StoreError> {
    match store.txn(changes) {
        Ok(_) => Ok(true),
        Err(StoreError::Conflict { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
