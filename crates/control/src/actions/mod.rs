//! What each action of the API does. One file an action, one table of all; a handler reads and
//! writes documents and says what is to be awaited before the answer. Must not know HTTP,
//! signatures or the agent's protocol.

pub mod accounts;
pub mod active_operations;
pub mod audit_log;
pub mod backup_state;
pub mod billing;
pub mod cloud;
pub mod contacts;
pub mod create_account;
pub mod create_instance;
pub mod create_instances;
pub mod delete_account;
pub mod delete_instance;
pub mod describe_accounts;
pub mod describe_alert_log_list;
pub mod describe_available_resource;
pub mod describe_db_instance_connectivity;
pub mod describe_engine_version;
pub mod describe_history_tasks;
pub mod describe_instance_attribute;
pub mod describe_instances;
pub mod describe_instances_overview;
pub mod describe_parameters;
pub mod describe_regions;
pub mod describe_security_ips;
pub mod describe_zones;
pub mod flush;
pub mod global_security_groups;
pub mod grant_account_privilege;
pub mod installation_accounts;
pub mod instance_config;
pub mod later;
pub mod list_quotas;
pub mod live;
pub mod log_records;
pub mod lookup_events;
pub mod making;
pub mod metric_data;
pub mod metric_rules;
pub mod modify_account_description;
pub mod modify_account_password;
pub mod modify_connection_string;
pub mod modify_instance_attribute;
pub mod modify_instance_bandwidth;
pub mod modify_instance_maintain_time;
pub mod modify_instance_parameter;
pub mod modify_instance_spec;
pub mod modify_instance_vpc_auth_mode;
pub mod modify_security_ips;
pub mod monitor_values;
pub mod operation_preference;
pub mod parameter_group_templates;
pub mod parameter_groups;
pub mod params;
pub mod ram;
pub mod ram_attach;
pub mod ram_groups;
pub mod ram_keys;
pub mod ram_login;
pub mod ram_policies;
pub mod ram_roles;
pub mod ram_users;
pub mod recycle_bin;
pub mod refresh;
pub mod reset_account_password;
pub mod resource_groups;
pub mod restart_instance;
pub mod rule_params;
pub mod service_role;
pub mod sts;
pub mod table;
pub mod tags;
pub mod topology;
pub mod trail_event;
pub mod versions;
pub mod views;
pub mod write_lock;

use crate::audit::Audit;
use crate::call::Principal;
use crate::error::{self, ApiError};
use crate::metrics::Metrics;
use crate::store::{self, Kind, Store, StoreError, documents};
use crate::tasks;
use crate::vault::Vault;
use admin::logs::{LogPage, LogQuery};
use admin::node::NodeStatus;
use control_model::account::TokenClaim;
use control_model::policy::Facts;
use control_model::task::{Change, Outcome};
use control_model::{HostView, Instance, Status, lifecycle};
use params::{Param, Params};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// One row of the table of actions.
pub struct Action {
    /// As in the API.
    pub name: &'static str,
    /// API version that it belongs to.
    pub version: &'static str,
    /// Whether it changes anything.
    pub access: Access,
    /// What it takes; other parameters are ignored.
    pub params: &'static [Param],
    /// One sentence.
    pub doc: &'static str,
    /// Parameter that makes a repeated request the same request.
    pub token: Option<&'static str>,
    /// What it does.
    pub handler: Handler,
}

/// Whether an action changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// No.
    Read,
    /// Yes: it is written to the audit log before it begins.
    Write,
}

/// Runs an action. May block on the disk.
pub type Handler = fn(&Context<'_>, &Params<'_>) -> Result<Done, ApiError>;

/// What a handler works with.
pub struct Context<'a> {
    /// Documents.
    pub store: &'a dyn Store,
    /// What is known of the host.
    pub host: &'a HostView,
    /// Facts of this installation.
    pub settings: &'a Settings,
    /// Account that the caller acts for.
    pub account_id: &'a str,
    /// Time of the request.
    pub now_unix_ms: i64,
    /// The client token of this request, if it has one.
    pub token: Option<Token>,
    /// Asks nodes themselves.
    pub nodes: &'a dyn Nodes,
    /// What was measured of nodes.
    pub(crate) metrics: &'a Metrics,
    /// What was done before.
    pub audit: &'a Audit,
    /// Who calls.
    pub principal: &'a Principal,
    /// What conditions of policies may ask about.
    pub facts: &'a Facts,
    /// Seals secrets.
    pub vault: &'a Vault,
}

/// What nodes say of themselves.
pub trait Nodes {
    /// The node's own account of itself. Blocks for a bounded time.
    ///
    /// # Errors
    /// `ServiceUnavailable` when it cannot be asked.
    fn status(&self, node_id: &str) -> Result<NodeStatus, ApiError>;

    /// A page of a node's log. Blocks for a bounded time.
    ///
    /// # Errors
    /// `ServiceUnavailable` when it cannot be read.
    fn log(&self, query: &LogQuery) -> Result<LogPage, ApiError>;
    /// Parameters that the node has in force, by their names of the API. Blocks for a bounded time.
    ///
    /// # Errors
    /// `ServiceUnavailable` when it cannot be asked.
    fn parameters(&self, node_id: &str) -> Result<BTreeMap<String, String>, ApiError>;
}

/// A client token that matches its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Store key of its claim.
    pub key: String,
    /// Written with what the request makes.
    pub claim_fingerprint: String,
    /// What an earlier request with it made.
    pub made: Option<TokenClaim>,
}

/// Facts of this installation that answers show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Address that clients are told to connect to.
    pub advertise: String,
    /// `host:port` of the API.
    pub api: String,
    /// Most instances of this host.
    pub instances_max: usize,
    /// How many days deleted instances stay in the recycle bin; 0 where there is none.
    pub recycle_days: u32,
    /// Which master.key seals the secrets.
    pub key_id: String,
}

/// A handler's result.
#[derive(Debug)]
pub struct Done {
    /// The answer without `RequestId`.
    pub body: Map<String, Value>,
    /// What is to be awaited before it is given.
    pub after: After,
}

/// What is to be awaited after a handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// Nothing.
    Nothing,
    /// That the node enforces this generation, for a bounded time, if the agent answers.
    Enforced {
        /// Which node.
        node_id: String,
        /// Which generation.
        generation: u64,
    },
    /// As `Enforced`, of several nodes.
    AllEnforced(Vec<(String, u64)>),
    /// The node's own account, added to the answer.
    Live {
        /// Which node.
        node_id: String,
    },
}

impl Done {
    /// An answer of these fields at once.
    pub fn now(body: Value) -> Done {
        Done { body: object(body), after: After::Nothing }
    }

    /// An empty answer after the node enforces what `instance` says.
    pub fn enforced(instance: &Instance) -> Done {
        let (node_id, generation) = (instance.node_id(), instance.generation);
        Done { body: Map::new(), after: After::Enforced { node_id, generation } }
    }
}

/// The fields of a JSON object.
///
/// # Panics
/// When `value` is none: answers are objects.
pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        other => panic!("an answer is an object, not {other}"),
    }
}

impl Context<'_> {
    /// The instance's status now.
    pub fn status(&self, instance: &Instance) -> Status {
        lifecycle::status(instance, self.host.node(&instance.node_id()))
    }

    /// The caller's instance.
    ///
    /// # Errors
    /// `InvalidInstanceId.NotFound`, also for another account's.
    pub fn instance(&self, id: &str) -> Result<Instance, ApiError> {
        let found = documents::get::<Instance>(self.store, Kind::Instance, id)?;
        let own = found.map(|read| read.value).filter(|i| i.account_id == self.account_id);
        own.ok_or_else(|| error::INSTANCE_NOT_FOUND.plain())
    }

    /// Changes the caller's instance if its status allows it; what nodes must hear of is marked.
    ///
    /// # Errors
    /// `InvalidInstanceId.NotFound`, `IncorrectDBInstanceState`, or what `change` says.
    pub fn change(
        &self,
        id: &str,
        allowed: fn(Status) -> bool,
        mut change: impl FnMut(&mut Instance) -> Result<(), ApiError>,
    ) -> Result<Instance, ApiError> {
        self.amend(id, allowed, |instance| {
            instance.touch();
            change(instance)
        })
    }

    /// As [`Context::change`], for what is no business of nodes.
    ///
    /// # Errors
    /// As there.
    pub fn amend(
        &self,
        id: &str,
        allowed: fn(Status) -> bool,
        mut change: impl FnMut(&mut Instance) -> Result<(), ApiError>,
    ) -> Result<Instance, ApiError> {
        let none = |()| Vec::new();
        self.update(id, allowed, |instance| Ok(change(instance).map(none)))
    }

    /// Puts the caller's instance under a task that carries `change` out, now or when its
    /// maintenance window is open. Gives the task's id.
    ///
    /// # Errors
    /// `InvalidInstanceId.NotFound` or `IncorrectDBInstanceState`.
    pub fn begin(&self, id: &str, change: &Change, when: When) -> Result<String, ApiError> {
        let mut made = String::new();
        let claim = |task_id: &str| {
            let token = self.token.as_ref()?;
            let fingerprint = token.claim_fingerprint.clone();
            let claim = TokenClaim { fingerprint, resource_id: task_id.to_owned() };
            let (account, absent) = (self.account_id, store::Expect::Absent);
            Some(documents::put(Kind::Token, &token.key, absent, account, &claim))
        };
        self.update(id, Status::allows_change, |instance| {
            let (task_id, mut changes) = match when {
                When::InWindow => tasks::queue(instance, change, self.now_unix_ms),
                When::Now => {
                    change.apply(instance);
                    let task = (change.kind(), Outcome::Succeed);
                    tasks::open(self.store, instance, task, self.now_unix_ms)?
                }
            };
            changes.extend(claim(&task_id));
            made = task_id;
            Ok(Ok(changes))
        })?;
        Ok(made)
    }

    /// Repeats `attempt` until nothing comes between its reading and the writing of its changes.
    ///
    /// # Errors
    /// What `attempt` says, or when the store fails.
    pub fn settle<T>(
        &self,
        mut attempt: impl FnMut() -> Result<(Vec<store::Change>, T), ApiError>,
    ) -> Result<T, ApiError> {
        loop {
            let (changes, made) = attempt()?;
            match self.store.txn(&changes) {
                Ok(_) => return Ok(made),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Changes the caller's instance if its status allows it, with other documents in the same
    /// transaction.
    ///
    /// # Errors
    /// As [`Context::change`].
    pub fn update(
        &self,
        id: &str,
        allowed: fn(Status) -> bool,
        mut change: impl FnMut(
            &mut Instance,
        ) -> Result<Result<Vec<store::Change>, ApiError>, StoreError>,
    ) -> Result<Instance, ApiError> {
        let changed = documents::update_instance(self.store, id, |instance| {
            if instance.account_id != self.account_id || instance.deleting {
                return Ok(Err(error::INSTANCE_NOT_FOUND.plain()));
            }
            let status = self.status(instance);
            if !allowed(status) {
                let row = &error::INCORRECT_STATE;
                return Ok(Err(row.says(format!("{} It is {}.", row.message, status.name()))));
            }
            change(instance)
        })?;
        changed.ok_or_else(|| error::INSTANCE_NOT_FOUND.plain())?
    }
}

/// When a change that disturbs is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// At once.
    Now,
    /// When the maintenance window is open and nothing else is under way.
    InWindow,
}

impl When {
    /// As `EffectiveTime` says it.
    pub fn of(params: &Params<'_>) -> When {
        match params.text("EffectiveTime") {
            Some("1" | "MaintainTime") => When::InWindow,
            _ => When::Now,
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> ApiError {
        tracing::error!("store: {error}");
        match error {
            StoreError::DiskFull => error::DISK_FULL.plain(),
            _ => error::INTERNAL_ERROR.plain(),
        }
    }
}
