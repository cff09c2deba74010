//! Users, groups, roles and policies of one account, and the rules of changing them. Must not know
//! keys, passwords or where documents are kept.

mod groups;
mod policies;
mod roles;
mod users;

pub use policies::{CustomPolicy, POLICIES_MAX, PolicyVersion, VERSIONS_MAX};
pub use roles::{Role, RoleChange};
pub use users::UserChange;

use crate::policy::PolicyFault;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most AccessKeys that a user, or the account itself, has.
pub const KEYS_MAX: usize = 2;

/// Most users of an account.
pub const USERS_MAX: usize = 1000;
/// Most groups of an account.
pub const GROUPS_MAX: usize = 300;
/// Most roles of an account.
pub const ROLES_MAX: usize = 300;
/// Most policies that a user, group or role has of each type.
pub const ATTACHED_MAX: usize = 20;

/// All of an account. Kept as one document, so that every rule holds at every moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    /// By name.
    #[serde(default)]
    pub users: BTreeMap<String, User>,
    /// By name.
    #[serde(default)]
    pub groups: BTreeMap<String, Group>,
    /// By name.
    #[serde(default)]
    pub roles: BTreeMap<String, Role>,
    /// The account's own, by name.
    #[serde(default)]
    pub policies: BTreeMap<String, CustomPolicy>,
}

/// A person or program of the account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// 18 digits; a user that is made anew under an old name is another one.
    pub user_id: String,
    /// Unique within the account.
    pub name: String,
    /// Name for people.
    pub display_name: String,
    /// May be empty.
    pub email: String,
    /// May be empty.
    pub mobile_phone: String,
    /// May be empty.
    pub comments: String,
    /// Unix milliseconds.
    pub created_unix_ms: i64,
    /// Unix milliseconds.
    pub updated_unix_ms: i64,
    /// Policies of its own.
    pub attached: Vec<Attachment>,
    /// How it logs in to the console; `None` when it cannot.
    #[serde(default)]
    pub login: Option<LoginProfile>,
}

/// A user's login to the console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginProfile {
    /// argon2id in PHC string form.
    pub password_hash: String,
    /// As told; the console has no such step.
    pub reset_required: bool,
    /// Unix milliseconds.
    pub created_unix_ms: i64,
}

/// Users that share policies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// `g-…`.
    pub group_id: String,
    /// Unique within the account.
    pub name: String,
    /// May be empty.
    pub comments: String,
    /// Unix milliseconds.
    pub created_unix_ms: i64,
    /// Unix milliseconds.
    pub updated_unix_ms: i64,
    /// When each joined, by user name, Unix milliseconds.
    pub members: BTreeMap<String, i64>,
    /// Policies of all members.
    pub attached: Vec<Attachment>,
}

/// That a policy belongs to someone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Which.
    pub policy: PolicyRef,
    /// Unix milliseconds.
    pub attached_unix_ms: i64,
}

/// Names a policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PolicyRef {
    /// Where it comes from.
    pub kind: PolicyType,
    /// Unique within its type.
    pub name: String,
}

/// Where a policy comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PolicyType {
    /// [`crate::policy::managed`].
    System,
    /// The account's own.
    Custom,
}

impl PolicyType {
    /// As the API has it.
    pub fn name(self) -> &'static str {
        match self {
            PolicyType::System => "System",
            PolicyType::Custom => "Custom",
        }
    }
}

/// What policies are attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder<'a> {
    /// A user, by name.
    User(&'a str),
    /// A group, by name.
    Group(&'a str),
    /// A role, by name.
    Role(&'a str),
}

impl<'a> Holder<'a> {
    /// `User`, `Group` or `Role`.
    pub fn entity(self) -> &'static str {
        match self {
            Holder::User(_) => "User",
            Holder::Group(_) => "Group",
            Holder::Role(_) => "Role",
        }
    }

    /// Its name.
    pub fn name(self) -> &'a str {
        match self {
            Holder::User(name) | Holder::Group(name) | Holder::Role(name) => name,
        }
    }
}

/// Why a directory stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RamFault {
    /// There is no such thing.
    #[error("The {entity} {name:?} does not exist.")]
    NotExist {
        /// `User`, `User.Policy`, …
        entity: String,
        /// Which.
        name: String,
    },
    /// There is one already.
    #[error("The {entity} {name:?} exists already.")]
    AlreadyExists {
        /// `User`, `User.Policy`, …
        entity: String,
        /// Which.
        name: String,
    },
    /// Something hangs on it.
    #[error("{name:?} cannot be deleted while it has {rest}.")]
    DeleteConflict {
        /// `User.AccessKey`, …
        entity: &'static str,
        /// Which.
        name: String,
        /// What must be taken away first: "AccessKeys: delete them first".
        rest: &'static str,
    },
    /// As many as there may be are there.
    #[error("There are {max} already, which is the limit.")]
    LimitExceeded {
        /// `User.AccessKey`, …
        entity: &'static str,
        /// The limit.
        max: usize,
    },
    /// A value is not of its kind.
    #[error("The parameter {param} is not valid. Reason: it is {wanted}.")]
    Invalid {
        /// Which parameter.
        param: &'static str,
        /// "1 to 64 characters of …".
        wanted: &'static str,
    },
    /// A policy document is none.
    #[error("The policy document is not valid. {0}.")]
    Malformed(#[from] PolicyFault),
}

/// A fault: no such thing.
pub fn not_exist(entity: impl Into<String>, name: &str) -> RamFault {
    RamFault::NotExist { entity: entity.into(), name: name.to_owned() }
}

fn already_exists(entity: impl Into<String>, name: &str) -> RamFault {
    RamFault::AlreadyExists { entity: entity.into(), name: name.to_owned() }
}

/// A fault: something hangs on it.
pub fn delete_conflict(entity: &'static str, name: &str, rest: &'static str) -> RamFault {
    RamFault::DeleteConflict { entity, name: name.to_owned(), rest }
}

/// Fails when one more would be too many.
///
/// # Errors
/// `LimitExceeded`.
pub fn limit(entity: &'static str, present: usize, max: usize) -> Result<(), RamFault> {
    if present < max { Ok(()) } else { Err(RamFault::LimitExceeded { entity, max }) }
}

/// Texts for people.
fn check_text(param: &'static str, text: &str) -> Result<(), RamFault> {
    let fits = text.chars().count() <= 128 && !text.chars().any(char::is_control);
    let wanted = "at most 128 characters on one line";
    if fits { Ok(()) } else { Err(RamFault::Invalid { param, wanted }) }
}

/// Names of 1 to `max` ASCII letters, digits and `others`.
fn is_name(text: &str, max: usize, others: &[u8]) -> bool {
    let fits = |c: u8| c.is_ascii_alphanumeric() || others.contains(&c);
    (1..=max).contains(&text.len()) && text.bytes().all(fits)
}

impl Directory {
    /// The policies that a user acts under: its own and its groups', as documents. `None` when
    /// there is no such user.
    pub fn documents_of_user(&self, user_id: &str) -> Option<Vec<&str>> {
        let user = self.users.values().find(|user| user.user_id == user_id)?;
        let groups = self.groups.values().filter(|group| group.members.contains_key(&user.name));
        let of_groups = groups.flat_map(|group| &group.attached);
        Some(self.documents(user.attached.iter().chain(of_groups)))
    }

    /// The policies that a role acts under, as documents. `None` when there is no such role.
    pub fn documents_of_role(&self, role_id: &str) -> Option<Vec<&str>> {
        let role = self.roles.values().find(|role| role.role_id == role_id)?;
        Some(self.documents(role.attached.iter()))
    }

    fn documents<'a>(&'a self, attached: impl Iterator<Item = &'a Attachment>) -> Vec<&'a str> {
        attached.filter_map(|attachment| self.document(&attachment.policy)).collect()
    }
}

#[cfg(test)]
mod tests;
