//! Who a key or a login belongs to, as it is now: keys, users and roles that are gone or disabled
//! count no more at the next request. Must not know signatures or hashes.

use super::session::Session;
use crate::bootstrap::access_key_owner;
use crate::call::{Identity, Principal};
use crate::directory;
use crate::error::{self, ApiError};
use crate::store::{Kind, Store, StoreError, documents};
use crate::vault::Vault;
use control_model::{AccessKey, ConsoleUser, KeyState};

/// First characters of the keys of sessions.
const SESSION_KEY: &str = "STS.";

/// Whom a key belongs to, and the secret that its requests are signed with.
///
/// # Errors
/// What the gateway answers to a key that is not accepted.
pub(crate) fn of_key(
    store: &dyn Store,
    vault: &Vault,
    (id, token): (&str, Option<&str>),
    now_unix_ms: i64,
) -> Result<(Principal, String), ApiError> {
    if id.starts_with(SESSION_KEY) {
        let token = token.ok_or_else(|| error::missing("SecurityToken"))?;
        let session = Session::read(vault, token, id, now_unix_ms)?;
        return Ok((of_session(store, &session)?, session.secret));
    }
    let key = documents::get::<AccessKey>(store, Kind::AccessKey, id)?;
    let key = key.ok_or_else(|| error::ACCESS_KEY_NOT_FOUND.plain())?.value;
    if key.state != KeyState::Active {
        return Err(error::ACCESS_KEY_INACTIVE.plain());
    }
    let secret = vault.open_sealed(&access_key_owner(id), &key.secret).map_err(|error| {
        tracing::error!("{error}");
        error::INTERNAL_ERROR.plain()
    })?;
    Ok((of_lasting(store, key)?, secret))
}

fn of_lasting(store: &dyn Store, key: AccessKey) -> Result<Principal, ApiError> {
    let (identity, name) = match key.user_id {
        None => (Identity::Root, key.principal),
        Some(user_id) => {
            let directory = directory::read(store, &key.account_id)?.1;
            let user = directory.users.into_values().find(|user| user.user_id == user_id);
            let user = user.ok_or_else(|| error::ACCESS_KEY_NOT_FOUND.plain())?;
            (Identity::User { user_id }, user.name)
        }
    };
    let access_key_id = Some(key.access_key_id);
    Ok(Principal { account_id: key.account_id, name, access_key_id, identity })
}

fn of_session(store: &dyn Store, session: &Session) -> Result<Principal, ApiError> {
    let directory = directory::read(store, &session.account_id)?.1;
    let role = directory.roles.into_values().find(|role| role.role_id == session.role_id);
    let role = role.ok_or_else(|| error::ACCESS_KEY_NOT_FOUND.plain())?;
    Ok(Principal {
        account_id: session.account_id.clone(),
        name: format!("{}:{}", role.name, session.session_name),
        access_key_id: Some(session.access_key_id.clone()),
        identity: Identity::Session {
            role_id: role.role_id,
            role_name: role.name,
            session_name: session.session_name.clone(),
            policy: session.policy.clone(),
        },
    })
}

/// Who logs in to the console under this name, and the hash of the password: `root`,
/// `root@<account>`, or `<user>@<account>`, perhaps with `.onaliyun.com`.
///
/// # Errors
/// When the store fails.
pub(crate) fn of_login(
    store: &dyn Store,
    typed: &str,
) -> Result<Option<(Principal, String)>, StoreError> {
    let typed = typed.strip_suffix(".onaliyun.com").unwrap_or(typed);
    if let Some(found) = documents::get::<ConsoleUser>(store, Kind::ConsoleUser, typed)? {
        let ConsoleUser { name, account_id, password_hash } = found.value;
        let identity = Identity::Root;
        return Ok(Some((
            Principal { account_id, name, access_key_id: None, identity },
            password_hash,
        )));
    }
    let Some((name, account_id)) = typed.rsplit_once('@') else { return Ok(None) };
    let mut directory = directory::read(store, account_id)?.1;
    let Some(user) = directory.users.remove(name) else { return Ok(None) };
    let Some(login) = user.login else { return Ok(None) };
    let identity = Identity::User { user_id: user.user_id };
    let account_id = account_id.to_owned();
    Ok(Some((
        Principal { account_id, name: user.name, access_key_id: None, identity },
        login.password_hash,
    )))
}
