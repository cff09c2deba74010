//! What the actions on accounts of the data plane share: their parameters, the words of the API for
//! privileges, and what a fault is answered with. Must not keep a password.

use super::params::{Kind, Param, Params};
use crate::error::{self, ApiError};
use crate::vault;
use admin::{Privilege, Verifier};
use control_model::data_account::AccountFault;
use control_model::password;

/// Which account.
pub const NAME: Param = Param::required("AccountName", Kind::Text, "name of the account");

/// Ours: without it only the new password counts, as documented of the API.
pub const KEEP_OLD: Param = Param::optional(
    "KeepOldPassword",
    Kind::Boolean,
    "true: the present password counts beside the new one until the next change",
);

/// The word of the API.
pub fn role(privilege: Privilege) -> &'static str {
    match privilege {
        Privilege::ReadWrite => "RoleReadWrite",
        Privilege::ReadOnly => "RoleReadOnly",
    }
}

/// What a word of the API means; `None` for any other.
pub fn privilege(role: &str) -> Option<Privilege> {
    [Privilege::ReadWrite, Privilege::ReadOnly].into_iter().find(|it| self::role(*it) == role)
}

/// The verifier of the password in this parameter.
///
/// # Errors
/// `InvalidAccountPassword.Format`.
pub fn verifier(params: &Params<'_>, name: &str) -> Result<Verifier, ApiError> {
    let new = params.required(name);
    password::check(new).map_err(|fault| {
        let row = &error::INVALID_ACCOUNT_PASSWORD;
        row.says(format!("{} Reason: {fault}.", row.message))
    })?;
    Ok(vault::verifier(new))
}

/// Puts a new password in place of all others; `kept` stays beside it, unless it is the same.
pub fn replace(verifiers: &mut Vec<Verifier>, new: (Verifier, &str), kept: Option<Verifier>) {
    let (newest, password) = new;
    let kept = kept.filter(|old| !vault::accepts(old, password));
    *verifiers = [newest].into_iter().chain(kept).collect();
}

/// What a fault is answered with.
pub fn refused(fault: AccountFault) -> ApiError {
    let row = match fault {
        AccountFault::Name => &error::INVALID_ACCOUNT_NAME,
        AccountFault::Reserved => &error::RESERVED_ACCOUNT_NAME,
        AccountFault::Duplicate => &error::DUPLICATE_ACCOUNT,
        AccountFault::TooMany => &error::ACCOUNT_LIMIT_EXCEEDED,
        AccountFault::Description => &error::INVALID_ACCOUNT_DESCRIPTION,
        AccountFault::NotFound => &error::ACCOUNT_NOT_FOUND,
        AccountFault::Default => &error::DEFAULT_ACCOUNT,
    };
    row.says(format!("{} Reason: {fault}.", row.message))
}
