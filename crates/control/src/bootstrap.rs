//! The first start: a root account with one AccessKey pair and one console user, made in one
//! transaction. Later starts read what was made. Must not know how it is announced.

use crate::random;
use crate::store::{Expect, Kind, Store, StoreError, documents};
use crate::vault::{self, Vault, VaultError};
use control_model::account::Bootstrap;
use control_model::policy::ROOT;
use control_model::{AccessKey, Account, ConsoleUser, KeyState, ident};

const ID: &str = "1";
const CONSOLE_PASSWORD_OWNER: &str = "console-user/root/initial";
const QUICKSTART_PASSWORD_OWNER: &str = "instance/quickstart/initial";

/// Whom an AccessKey's secret is sealed for.
pub(crate) fn access_key_owner(access_key_id: &str) -> String {
    format!("access-key/{access_key_id}")
}

/// What the first start made, in the clear.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) account_id: String,
    pub(crate) access_key_id: String,
    pub(crate) access_key_secret: String,
    pub(crate) console_user: String,
    pub(crate) console_password: String,
    pub(crate) quickstart_password: String,
    /// They were printed by an earlier start.
    pub(crate) announced: bool,
}

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
    /// See [`VaultError`].
    #[error("{0}; is this the master.key that the store was made with?")]
    Vault(#[from] VaultError),
    /// The key that the first start made was deleted since.
    #[error("AccessKey {0} of the first start is gone")]
    KeyGone(String),
}

/// Reads what the first start made, or makes it.
///
/// # Errors
/// When the store fails, or was made with another master key.
pub(crate) fn credentials(
    store: &dyn Store,
    vault: &Vault,
    now_unix_ms: i64,
) -> Result<Credentials, BootstrapError> {
    loop {
        if let Some(read) = documents::get::<Bootstrap>(store, Kind::Bootstrap, ID)? {
            return open(store, vault, read.value);
        }
        match make(store, vault, now_unix_ms) {
            Ok(()) | Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Remembers that the credentials were printed.
///
/// # Errors
/// When the store fails.
pub(crate) fn mark_announced(store: &dyn Store) -> Result<(), StoreError> {
    let Some(read) = documents::get::<Bootstrap>(store, Kind::Bootstrap, ID)? else {
        return Ok(());
    };
    let done = Bootstrap { announced: true, ..read.value };
    let expect = Expect::Revision(read.revision);
    store.txn(&[documents::put(Kind::Bootstrap, ID, expect, &done.account_id, &done)]).map(drop)
}

fn open(store: &dyn Store, vault: &Vault, made: Bootstrap) -> Result<Credentials, BootstrapError> {
    let id = &made.access_key_id;
    let key = documents::get::<AccessKey>(store, Kind::AccessKey, id)?;
    let key = key.ok_or_else(|| BootstrapError::KeyGone(id.clone()))?.value;
    Ok(Credentials {
        access_key_secret: vault.open_sealed(&access_key_owner(id), &key.secret)?,
        console_password: vault.open_sealed(CONSOLE_PASSWORD_OWNER, &made.console_password)?,
        quickstart_password: vault
            .open_sealed(QUICKSTART_PASSWORD_OWNER, &made.quickstart_password)?,
        account_id: made.account_id,
        access_key_id: made.access_key_id,
        console_user: made.console_user,
        announced: made.announced,
    })
}

fn make(store: &dyn Store, vault: &Vault, now_unix_ms: i64) -> Result<(), StoreError> {
    let random = &mut random::fill;
    let account_id = ident::account_id(random);
    let account = Account { account_id: account_id.clone(), created_unix_ms: now_unix_ms };
    let access_key_id = ident::access_key_id(random);
    let secret = ident::access_key_secret(random);
    let key = AccessKey {
        secret: vault.seal(&access_key_owner(&access_key_id), &secret),
        access_key_id: access_key_id.clone(),
        account_id: account_id.clone(),
        principal: ROOT.to_owned(),
        user_id: None,
        state: KeyState::Active,
        created_unix_ms: now_unix_ms,
    };
    let console_password = ident::password(random);
    let user = ConsoleUser {
        name: ROOT.to_owned(),
        account_id: account_id.clone(),
        password_hash: vault::hash_password(&console_password),
    };
    let bootstrap = Bootstrap {
        account_id: account_id.clone(),
        access_key_id: access_key_id.clone(),
        console_user: user.name.clone(),
        console_password: vault.seal(CONSOLE_PASSWORD_OWNER, &console_password),
        quickstart_password: vault.seal(QUICKSTART_PASSWORD_OWNER, &ident::password(random)),
        announced: false,
    };
    let absent = Expect::Absent;
    let changes = [
        documents::put(Kind::Bootstrap, ID, absent, &account_id, &bootstrap),
        documents::put(Kind::Account, &account_id, absent, &account_id, &account),
        documents::put(Kind::AccessKey, &access_key_id, absent, &account_id, &key),
        documents::put(Kind::ConsoleUser, &user.name, absent, &account_id, &user),
    ];
    store.txn(&changes).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;
    use crate::store::memory::MemoryStore;

    #[test]
    fn made_once_and_only_for_its_master_key() {
        let (store, vault) = (MemoryStore::default(), Vault::from_key(&[1; 32]));
        let first = credentials(&store, &vault, 5).expect("made");
        assert!(!first.announced && first.account_id.len() == 16);
        mark_announced(&store).expect("marked");
        let second = credentials(&store, &vault, 6).expect("read");
        assert!(second == Credentials { announced: true, ..first.clone() });
        let user = documents::get::<ConsoleUser>(&store, Kind::ConsoleUser, "root");
        let user = user.expect("read").expect("made").value;
        assert!(vault::password_matches(&first.console_password, &user.password_hash));
        let other = Vault::from_key(&[2; 32]);
        assert!(matches!(credentials(&store, &other, 7), Err(BootstrapError::Vault(_))));
    }

    #[test]
    fn no_secret_is_stored_in_the_clear() {
        let (store, vault) = (MemoryStore::default(), Vault::from_key(&[1; 32]));
        let made = credentials(&store, &vault, 5).expect("made");
        let kinds = [Kind::Bootstrap, Kind::Account, Kind::AccessKey, Kind::ConsoleUser];
        let all = kinds.map(|kind| format!("{:?}", store.list(kind).expect("listed"))).concat();
        for secret in [made.access_key_secret, made.console_password, made.quickstart_password] {
            assert!(!all.contains(&secret) && !all.contains(&hex::encode(secret.as_bytes())));
        }
    }
}
