//! Making, changing and deleting roles. Must not know who assumed them.

use super::{Attachment, Directory, ROLES_MAX, RamFault, already_exists, check_text};
use super::{delete_conflict, is_name, limit, not_exist};
use crate::policy::Trust;
use serde::{Deserialize, Serialize};

/// Longest session of a role unless told, seconds.
pub const SESSION_S_DEFAULT: u32 = 3600;

/// What others act as for a while.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// 18 digits.
    pub role_id: String,
    /// Unique within the account.
    pub name: String,
    /// May be empty.
    pub description: String,
    /// Who may assume it, as a document.
    pub trust: String,
    /// Longest session, seconds.
    pub session_s_max: u32,
    /// Unix milliseconds.
    pub created_unix_ms: i64,
    /// Unix milliseconds.
    pub updated_unix_ms: i64,
    /// Policies of its sessions.
    pub attached: Vec<Attachment>,
}

/// What UpdateRole changes; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleChange {
    /// Another text.
    pub description: Option<String>,
    /// Another document.
    pub trust: Option<String>,
    /// Another length, seconds.
    pub session_s_max: Option<u32>,
}

fn check(role: &Role) -> Result<(), RamFault> {
    if !is_name(&role.name, 64, b".-_") {
        let wanted = "1 to 64 letters, digits, '.', '_' and '-'";
        return Err(RamFault::Invalid { param: "RoleName", wanted });
    }
    check_text("Description", &role.description)?;
    if !(SESSION_S_DEFAULT..=43_200).contains(&role.session_s_max) {
        let wanted = "a number of seconds from 3600 to 43200";
        return Err(RamFault::Invalid { param: "MaxSessionDuration", wanted });
    }
    Trust::parse(&role.trust)?;
    Ok(())
}

impl Directory {
    /// The role of this name.
    ///
    /// # Errors
    /// `EntityNotExist.Role`.
    pub fn role(&self, name: &str) -> Result<&Role, RamFault> {
        self.roles.get(name).ok_or_else(|| not_exist("Role", name))
    }

    /// Adds a role.
    ///
    /// # Errors
    /// When a value is wrong, the name is taken, or there are too many.
    pub fn create_role(&mut self, role: Role) -> Result<(), RamFault> {
        check(&role)?;
        if self.roles.contains_key(&role.name) {
            return Err(already_exists("Role", &role.name));
        }
        limit("Role", self.roles.len(), ROLES_MAX)?;
        self.roles.insert(role.name.clone(), role);
        Ok(())
    }

    /// Changes a role; all or nothing.
    ///
    /// # Errors
    /// When there is none or a value is wrong.
    pub fn update_role(
        &mut self,
        name: &str,
        change: RoleChange,
        now_unix_ms: i64,
    ) -> Result<&Role, RamFault> {
        let mut role = self.role(name)?.clone();
        role.description = change.description.unwrap_or(role.description);
        role.trust = change.trust.unwrap_or(role.trust);
        role.session_s_max = change.session_s_max.unwrap_or(role.session_s_max);
        role.updated_unix_ms = now_unix_ms;
        check(&role)?;
        self.roles.insert(name.to_owned(), role);
        self.role(name)
    }

    /// Takes a role away; its sessions end at their next request.
    ///
    /// # Errors
    /// When there is none, or policies are attached.
    pub fn delete_role(&mut self, name: &str) -> Result<(), RamFault> {
        if !self.role(name)?.attached.is_empty() {
            return Err(delete_conflict("Role.Policy", name, "policies: detach them first"));
        }
        self.roles.remove(name);
        Ok(())
    }
}
