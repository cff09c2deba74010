//! The Rust door to the pipeline: what a caller inside the process (console, tests, quickstart)
//! hands in and gets back. Knows no HTTP, no signature and no store.

use serde_json::Value;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// One API call by a principal that was authenticated already.
#[derive(Debug, Clone)]
pub struct Call {
    /// `CreateInstance`, …
    pub action: String,
    /// `2015-01-01`.
    pub version: String,
    /// Business parameters as on the wire: flat names, text values.
    pub params: BTreeMap<String, String>,
    /// Who calls.
    pub principal: Principal,
    /// Where from.
    pub source: IpAddr,
    /// Through which door.
    pub via: Via,
    /// User-Agent of the caller, for the audit log.
    pub user_agent: String,
}

/// Door that a call came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// The signed HTTP API.
    Api,
    /// The console's session, by a click.
    Console,
    /// The console's session, by a page that refreshes itself.
    ConsoleRefresh,
}

/// What the API says: an HTTP status and a JSON object that always carries `RequestId`.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// HTTP status, 200 for success.
    pub status: u16,
    /// Result, or `Code`, `Message`, `RequestId`, `HostId`.
    pub body: Value,
}

/// An authenticated caller. Made only by the signature check, the console login and the bootstrap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    pub(crate) account_id: String,
    pub(crate) name: String,
    pub(crate) access_key_id: Option<String>,
    pub(crate) identity: Identity,
}

/// What a principal is within its account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Identity {
    /// The account itself.
    Root,
    /// A user.
    User {
        /// 18 digits.
        user_id: String,
    },
    /// A role that someone assumed for a while.
    Session {
        /// 18 digits.
        role_id: String,
        /// Of the role.
        role_name: String,
        /// Of the session.
        session_name: String,
        /// What the session may do at most, as a document.
        policy: Option<String>,
    },
}

impl Principal {
    /// Account that owns what this principal makes; 16 digits.
    pub fn account_id(&self) -> &str {
        &self.account_id
    }

    /// Name in policies: `acs:ram::<account>:root`, `…:user/<name>`, `…:role/<name>`.
    pub(crate) fn arn(&self) -> String {
        let who = match &self.identity {
            Identity::Root => self.name.clone(),
            Identity::User { .. } => format!("user/{}", self.name),
            Identity::Session { role_name, .. } => format!("role/{role_name}"),
        };
        format!("acs:ram::{}:{who}", self.account_id)
    }

    /// Name to show, `root` for the account itself.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Why a console login failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// Unknown user or wrong password; which of them is not told.
    #[error("user name or password is wrong")]
    WrongCredentials,
    /// Too many failures from this source; the password was not looked at.
    #[error("too many failed logins from this address; try again in {retry_after_s} s")]
    Braked {
        /// Seconds until the next attempt is looked at.
        retry_after_s: u64,
    },
    /// The store could not be read.
    #[error("logging in is not possible now")]
    Unavailable,
}
