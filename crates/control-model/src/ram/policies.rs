//! An account's own policies with their versions, and what policies are attached to.

use super::{ATTACHED_MAX, Attachment, Directory, Holder, PolicyRef, PolicyType, RamFault};
use super::{already_exists, check_text, delete_conflict, is_name, limit, not_exist};
use crate::policy::{Policy, managed};
use serde::{Deserialize, Serialize};

/// Most versions of a policy.
pub const VERSIONS_MAX: usize = 5;
/// Most policies of an account's own.
pub const POLICIES_MAX: usize = 1500;

/// A policy that the account made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomPolicy {
    /// Unique among the account's own and the managed.
    pub name: String,
    /// May be empty.
    pub description: String,
    /// At least one, by growing number.
    pub versions: Vec<PolicyVersion>,
    /// Number of the one in force.
    pub default_version: u32,
    /// Unix milliseconds.
    pub created_unix_ms: i64,
    /// Unix milliseconds.
    pub updated_unix_ms: i64,
}

/// One document of a policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// `v<number>`; never used again.
    pub number: u32,
    /// As it was given.
    pub document: String,
    /// Unix milliseconds.
    pub created_unix_ms: i64,
}

impl PolicyVersion {
    /// `v1`, …
    pub fn id(&self) -> String {
        format!("v{}", self.number)
    }
}

impl CustomPolicy {
    /// The version in force.
    ///
    /// # Panics
    /// Never: the version in force cannot be deleted.
    pub fn in_force(&self) -> &PolicyVersion {
        let found = self.versions.iter().find(|version| version.number == self.default_version);
        found.expect("the default version stays")
    }

    /// The version of this id.
    ///
    /// # Errors
    /// `EntityNotExist.Policy.Version`.
    pub fn version(&self, id: &str) -> Result<&PolicyVersion, RamFault> {
        let found = self.versions.iter().find(|version| version.id() == id);
        found.ok_or_else(|| not_exist("Policy.Version", id))
    }
}

impl Directory {
    /// The account's own policy of this name.
    ///
    /// # Errors
    /// `EntityNotExist.Policy`.
    pub fn policy(&self, name: &str) -> Result<&CustomPolicy, RamFault> {
        self.policies.get(name).ok_or_else(|| not_exist("Policy", name))
    }

    fn policy_mut(&mut self, name: &str) -> Result<&mut CustomPolicy, RamFault> {
        self.policies.get_mut(name).ok_or_else(|| not_exist("Policy", name))
    }

    /// The document in force of any policy.
    pub fn document(&self, policy: &PolicyRef) -> Option<&str> {
        match policy.kind {
            PolicyType::System => managed::find(&policy.name).map(|found| found.document),
            PolicyType::Custom => {
                self.policies.get(&policy.name).map(|found| found.in_force().document.as_str())
            }
        }
    }

    /// Adds a policy with its first version.
    ///
    /// # Errors
    /// When a value is wrong, the name is taken, or there are too many.
    pub fn create_policy(
        &mut self,
        name: &str,
        description: &str,
        document: &str,
        now_unix_ms: i64,
    ) -> Result<&CustomPolicy, RamFault> {
        if !is_name(name, 128, b"-") {
            let wanted = "1 to 128 letters, digits and '-'";
            return Err(RamFault::Invalid { param: "PolicyName", wanted });
        }
        check_text("Description", description)?;
        Policy::parse(document)?;
        if self.policies.contains_key(name) || managed::find(name).is_some() {
            return Err(already_exists("Policy", name));
        }
        limit("Policy", self.policies.len(), POLICIES_MAX)?;
        let version = PolicyVersion {
            number: 1,
            document: document.to_owned(),
            created_unix_ms: now_unix_ms,
        };
        let policy = CustomPolicy {
            name: name.to_owned(),
            description: description.to_owned(),
            versions: vec![version],
            default_version: 1,
            created_unix_ms: now_unix_ms,
            updated_unix_ms: now_unix_ms,
        };
        Ok(self.policies.entry(name.to_owned()).or_insert(policy))
    }

    /// Adds a version. When there are as many as there may be, `rotate` deletes the oldest that is
    /// not in force.
    ///
    /// # Errors
    /// When there is no such policy, the document is none, or there are too many versions.
    pub fn create_version(
        &mut self,
        name: &str,
        document: &str,
        (in_force, rotate): (bool, bool),
        now_unix_ms: i64,
    ) -> Result<(PolicyVersion, bool), RamFault> {
        let policy = self.policy_mut(name)?;
        Policy::parse(document)?;
        let number = policy.versions.last().map_or(1, |last| last.number + 1);
        if rotate && VERSIONS_MAX <= policy.versions.len() {
            let default = policy.default_version;
            let oldest = policy.versions.iter().position(|version| version.number != default);
            oldest.map(|at| policy.versions.remove(at));
        }
        limit("Policy.Version", policy.versions.len(), VERSIONS_MAX)?;
        let version =
            PolicyVersion { number, document: document.to_owned(), created_unix_ms: now_unix_ms };
        policy.versions.push(version.clone());
        policy.updated_unix_ms = now_unix_ms;
        if in_force {
            policy.default_version = number;
        }
        Ok((version, in_force))
    }

    /// Puts a version in force.
    ///
    /// # Errors
    /// When there is no such policy or version.
    pub fn set_default_version(
        &mut self,
        name: &str,
        id: &str,
        now_unix_ms: i64,
    ) -> Result<(), RamFault> {
        let policy = self.policy_mut(name)?;
        policy.default_version = policy.version(id)?.number;
        policy.updated_unix_ms = now_unix_ms;
        Ok(())
    }

    /// Takes a version away.
    ///
    /// # Errors
    /// When there is no such policy or version, or it is in force.
    pub fn delete_version(&mut self, name: &str, id: &str) -> Result<(), RamFault> {
        let policy = self.policy_mut(name)?;
        let number = policy.version(id)?.number;
        if number == policy.default_version {
            let rest = "the policy in force: put another version in force first";
            return Err(delete_conflict("Policy.Version.Default", id, rest));
        }
        policy.versions.retain(|version| version.number != number);
        Ok(())
    }

    /// Takes a policy away; with `cascading` also all versions and attachments.
    ///
    /// # Errors
    /// When there is none, or something hangs on it.
    pub fn delete_policy(&mut self, name: &str, cascading: bool) -> Result<(), RamFault> {
        let policy = self.policy(name)?;
        let wanted = PolicyRef { kind: PolicyType::Custom, name: name.to_owned() };
        if !cascading {
            for (entity, kind) in
                [("Policy.User", "User"), ("Policy.Group", "Group"), ("Policy.Role", "Role")]
            {
                if self.holders(&wanted).any(|(holder, _)| holder.entity() == kind) {
                    return Err(delete_conflict(entity, name, "holders: detach it first"));
                }
            }
            if 1 < policy.versions.len() {
                let rest = "further versions: delete them first, or use CascadingDelete";
                return Err(delete_conflict("Policy.Version", name, rest));
            }
        }
        let users = self.users.values_mut().map(|user| &mut user.attached);
        let groups = self.groups.values_mut().map(|group| &mut group.attached);
        let roles = self.roles.values_mut().map(|role| &mut role.attached);
        for attached in users.chain(groups).chain(roles) {
            attached.retain(|attachment| attachment.policy != wanted);
        }
        self.policies.remove(name);
        Ok(())
    }

    /// Whom a policy is attached to, and since when.
    pub fn holders<'a>(
        &'a self,
        policy: &'a PolicyRef,
    ) -> impl Iterator<Item = (Holder<'a>, i64)> + 'a {
        let users = self.users.values().map(|user| (Holder::User(&user.name), &user.attached));
        let groups =
            self.groups.values().map(|group| (Holder::Group(&group.name), &group.attached));
        let roles = self.roles.values().map(|role| (Holder::Role(&role.name), &role.attached));
        users.chain(groups).chain(roles).filter_map(move |(holder, attached)| {
            let found = attached.iter().find(|attachment| attachment.policy == *policy)?;
            Some((holder, found.attached_unix_ms))
        })
    }

    /// What is attached to a holder.
    ///
    /// # Errors
    /// When there is no such holder.
    pub fn attached(&self, holder: Holder<'_>) -> Result<&[Attachment], RamFault> {
        match holder {
            Holder::User(name) => self.user(name).map(|user| &*user.attached),
            Holder::Group(name) => self.group(name).map(|group| &*group.attached),
            Holder::Role(name) => self.role(name).map(|role| &*role.attached),
        }
    }

    fn attached_mut(&mut self, holder: Holder<'_>) -> Result<&mut Vec<Attachment>, RamFault> {
        let missing = || not_exist(holder.entity(), holder.name());
        let found = match holder {
            Holder::User(name) => self.users.get_mut(name).map(|user| &mut user.attached),
            Holder::Group(name) => self.groups.get_mut(name).map(|group| &mut group.attached),
            Holder::Role(name) => self.roles.get_mut(name).map(|role| &mut role.attached),
        };
        found.ok_or_else(missing)
    }

    /// Attaches a policy.
    ///
    /// # Errors
    /// When one of them is missing, it is attached already, or there are too many.
    pub fn attach(
        &mut self,
        holder: Holder<'_>,
        policy: PolicyRef,
        now_unix_ms: i64,
    ) -> Result<(), RamFault> {
        if self.document(&policy).is_none() {
            return Err(not_exist("Policy", &policy.name));
        }
        let attached = self.attached_mut(holder)?;
        if attached.iter().any(|attachment| attachment.policy == policy) {
            return Err(already_exists(format!("{}.Policy", holder.entity()), &policy.name));
        }
        limit("Attachment", attached.len(), ATTACHED_MAX)?;
        attached.push(Attachment { policy, attached_unix_ms: now_unix_ms });
        Ok(())
    }

    /// Detaches a policy.
    ///
    /// # Errors
    /// When one of them is missing, or it is not attached.
    pub fn detach(&mut self, holder: Holder<'_>, policy: &PolicyRef) -> Result<(), RamFault> {
        let attached = self.attached_mut(holder)?;
        let before = attached.len();
        attached.retain(|attachment| attachment.policy != *policy);
        if attached.len() == before {
            return Err(not_exist(format!("{}.Policy", holder.entity()), &policy.name));
        }
        Ok(())
    }
}
