//! Reading and changing an account's directory of users, groups, roles and policies. Must not know
//! the rules of changing it.

use crate::error::{self, ApiError};
use crate::store::{Change, Expect, Kind, Store, StoreError, documents};
use control_model::ram::{Directory, RamFault};
use std::borrow::Cow;

/// The directory, and what must be true of its document for a change; an account that made nothing
/// has an empty one.
///
/// # Errors
/// When the store fails.
pub fn read(store: &dyn Store, account_id: &str) -> Result<(Expect, Directory), StoreError> {
    let found = documents::get::<Directory>(store, Kind::Directory, account_id)?;
    Ok(found.map_or((Expect::Absent, Directory::default()), |read| {
        (Expect::Revision(read.revision), read.value)
    }))
}

/// Changes the directory until no other change comes between, with the further documents that
/// `change` wants written in the same transaction. `change` may run more than once.
///
/// # Errors
/// What `change` says; nothing is changed then.
pub fn update<T>(
    store: &dyn Store,
    account_id: &str,
    mut change: impl FnMut(&mut Directory) -> Result<(T, Vec<Change>), ApiError>,
) -> Result<T, ApiError> {
    loop {
        let (expect, mut directory) = read(store, account_id)?;
        let (made, mut changes) = change(&mut directory)?;
        changes.push(documents::put(Kind::Directory, account_id, expect, account_id, &directory));
        match store.txn(&changes) {
            Ok(_) => return Ok(made),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

impl From<RamFault> for ApiError {
    fn from(fault: RamFault) -> ApiError {
        let text = fault.to_string();
        let under = |row: &error::Fault, rest: &str| {
            let code = Cow::Owned(format!("{}.{rest}", row.code));
            ApiError { code, ..row.says(text.clone()) }
        };
        match &fault {
            RamFault::NotExist { entity, .. } => under(&error::ENTITY_NOT_EXIST, entity),
            RamFault::AlreadyExists { entity, .. } => under(&error::ENTITY_ALREADY_EXISTS, entity),
            RamFault::DeleteConflict { entity, .. } => under(&error::DELETE_CONFLICT, entity),
            RamFault::LimitExceeded { entity, .. } => under(&error::LIMIT_EXCEEDED, entity),
            RamFault::Invalid { param, .. } => under(&error::INVALID_PARAMETER, param),
            RamFault::Malformed(_) => error::MALFORMED_POLICY.says(text),
        }
    }
}
