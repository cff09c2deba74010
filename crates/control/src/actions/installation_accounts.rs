//! CreateInstallationAccount and ListInstallationAccounts: further accounts of the installation,
//! which see nothing of each other. Only the operator, root of the first account, may call them.

use super::params::Params;
use super::table::LARDER;
use super::{Access, Action, Context, Done, views};
use crate::bootstrap::access_key_owner;
use crate::error::{self, ApiError};
use crate::random;
use crate::store::{Expect, Kind, documents};
use crate::vault;
use control_model::policy::ROOT;
use control_model::ram::limit;
use control_model::{AccessKey, Account, ConsoleUser, KeyState, ident};
use serde_json::json;

const ACCOUNTS_MAX: usize = 1000;

/// CreateInstallationAccount.
pub const CREATE: Action = Action {
    name: "CreateInstallationAccount",
    version: LARDER,
    access: Access::Write,
    params: &[],
    doc: "Makes an account with its root AccessKey and console login, which are shown this once.",
    token: None,
    handler: create,
};

/// ListInstallationAccounts.
pub const LIST: Action = Action {
    name: "ListInstallationAccounts",
    version: LARDER,
    access: Access::Read,
    params: &[],
    doc: "Lists the accounts of the installation, the oldest first.",
    token: None,
    handler: list,
};

fn create(context: &Context<'_>, _: &Params<'_>) -> Result<Done, ApiError> {
    context.operator()?;
    let present = documents::list::<Account>(context.store, Kind::Account)?.len();
    limit("Account", present, ACCOUNTS_MAX)?;
    let random = &mut random::fill;
    let account_id = ident::account_id(random);
    let account = Account { account_id: account_id.clone(), created_unix_ms: context.now_unix_ms };
    let (id, secret) = (ident::access_key_id(random), ident::access_key_secret(random));
    let key = AccessKey {
        secret: context.vault.seal(&access_key_owner(&id), &secret),
        access_key_id: id.clone(),
        account_id: account_id.clone(),
        principal: ROOT.to_owned(),
        user_id: None,
        state: KeyState::Active,
        created_unix_ms: context.now_unix_ms,
    };
    let password = ident::password(random);
    let login = format!("{ROOT}@{account_id}");
    let user = ConsoleUser {
        name: ROOT.to_owned(),
        account_id: account_id.clone(),
        password_hash: vault::hash_password(&password),
    };
    let absent = Expect::Absent;
    context.store.txn(&[
        documents::put(Kind::Account, &account_id, absent, &account_id, &account),
        documents::put(Kind::AccessKey, &id, absent, &account_id, &key),
        documents::put(Kind::ConsoleUser, &login, absent, &account_id, &user),
    ])?;
    Ok(Done::now(json!({
        "AccountId": account_id,
        "AccessKeyId": id,
        "AccessKeySecret": secret,
        "ConsoleUser": login,
        "ConsolePassword": password,
    })))
}

fn list(context: &Context<'_>, _: &Params<'_>) -> Result<Done, ApiError> {
    context.operator()?;
    let mut accounts = documents::list::<Account>(context.store, Kind::Account)?;
    accounts.sort_by_key(|read| read.value.created_unix_ms);
    let shown = accounts.into_iter().map(|read| {
        let created = views::time(read.value.created_unix_ms);
        json!({"AccountId": read.value.account_id, "CreateDate": created})
    });
    let shown: Vec<_> = shown.collect();
    Ok(Done::now(json!({"Accounts": {"Account": shown}})))
}

impl Context<'_> {
    /// Fails unless the caller is the operator: root of the installation's first account.
    ///
    /// # Errors
    /// `NoPermission`.
    pub fn operator(&self) -> Result<(), ApiError> {
        let first =
            documents::list::<control_model::account::Bootstrap>(self.store, Kind::Bootstrap)?;
        let is_first = first.iter().any(|read| read.value.account_id == self.account_id);
        if is_first && self.principal.identity == crate::call::Identity::Root {
            return Ok(());
        }
        Err(error::NO_PERMISSION.says("Only root of the installation's first account may do this."))
    }
}
