//! Intent of an instance: what its owner asked for, and the few facts that must outlive an
//! observation. Its status is never in here; [`crate::lifecycle`] computes it.

use crate::allowlist::Groups;
use crate::class::{self, Class};
use crate::cycle::Cycle;
use crate::data_account::DataAccount;
use crate::name;
use crate::task::{Queued, Running};
use crate::window::Window;
use admin::agent::NodeSpec;
use admin::{Clears, NodeSettings, Privilege, UserSettings, Verifier};
use catalog::managed;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Seconds between the values of a metric unless its owner wants fewer.
pub const MONITOR_INTERVAL_S: u32 = 5;

/// A key and a value that the owner put on a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Unique within the resource.
    pub key: String,
    /// May be empty.
    pub value: String,
}

/// How long a deleted instance can be brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// When it was deleted, in Unix milliseconds.
    pub deleted_unix_ms: i64,
    /// When its data go, in Unix milliseconds.
    pub until_unix_ms: i64,
}

/// Desired state of one instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// `r-…`.
    pub instance_id: String,
    /// Owner.
    pub account_id: String,
    /// Grows with every change that a node must hear of.
    pub generation: u64,
    /// Grows with every wanted restart; 1 for the first start.
    pub incarnation: u64,
    /// Highest incarnation that was seen serving; 0 while being created. A fact, not a wish.
    pub served_incarnation: u64,
    /// The owner wants it gone.
    pub deleting: bool,
    /// Its data and all that is known of it outlive the node, in the recycle bin; `None` when they
    /// are not to be kept, or not any more. Nothing to an instance that is not being deleted.
    #[serde(default)]
    pub kept: Option<Kept>,
    /// Name for people.
    pub name: String,
    /// Row of [`class::CLASSES`].
    pub class: String,
    /// `5.0`, `6.0` or `7.0`.
    pub engine_version: String,
    /// As asked for at creation.
    pub region_id: String,
    /// As asked for at creation.
    pub zone_id: String,
    /// Resource group; what instances are sorted by.
    #[serde(default = "default_resource_group")]
    pub resource_group_id: String,
    /// Whether a newer binary may be taken unasked in the maintenance window.
    #[serde(default)]
    pub auto_upgrade: bool,
    /// Empty unless asked for.
    pub vpc_id: String,
    /// Empty unless asked for.
    pub vswitch_id: String,
    /// `MASTER_SLAVE` or `STAND_ALONE`.
    pub node_type: String,
    /// `VPC` or `CLASSIC`.
    pub network_type: String,
    /// Port of the endpoint, kept until its owner wants another.
    pub port: u16,
    /// Port that is given up once the endpoint has moved to the other one.
    #[serde(default)]
    pub former_port: Option<u16>,
    /// Accepted passwords of the default accounts; empty until one is set.
    pub verifiers: Vec<Verifier>,
    /// Accounts that the owner made, in the order in which they were.
    #[serde(default)]
    pub accounts: Vec<DataAccount>,
    /// Descriptions of the default accounts, by name.
    #[serde(default)]
    pub default_descriptions: BTreeMap<String, String>,
    /// Allowlist groups.
    pub groups: Groups,
    /// Ids of the allowlist groups that it shares with other instances.
    #[serde(default)]
    pub global_groups: Vec<String>,
    /// Parameters that were set, by their names of the API.
    pub parameters: BTreeMap<String, String>,
    /// In the order given.
    pub tags: Vec<Tag>,
    /// Store key of the client token that made it.
    pub token_key: Option<String>,
    /// Unix milliseconds.
    pub created_unix_ms: i64,
    /// When it may be disturbed.
    #[serde(default)]
    pub maintain: Window,
    /// Days and times that its account prefers for what waits, in place of the window.
    #[serde(default)]
    pub cycle: Option<Cycle>,
    /// Connections need no AUTH: VpcAuthMode Close.
    #[serde(default)]
    pub password_free: bool,
    /// More bandwidth than its class has, MB/s in each direction.
    #[serde(default)]
    pub raised_bandwidth_mb_per_s: Option<u32>,
    /// The data plane's audit log is on, and kept for so many days.
    #[serde(default)]
    pub audit_log_days: Option<u32>,
    /// DeleteInstance is refused.
    #[serde(default)]
    pub release_protection: bool,
    /// The task that it is under; `None` when all that was begun has come about.
    #[serde(default)]
    pub running: Option<Running>,
    /// Number of the last change by an account of the data plane that was answered.
    #[serde(default)]
    pub adopted_change: u64,
    /// Why accounts may not write; `None` while they may.
    #[serde(default)]
    pub write_lock: Option<String>,
    /// Seconds between the values that are shown of its metrics at least.
    #[serde(default = "default_monitor_interval")]
    pub monitor_interval_s: u32,
    /// What waits for its time, in the order in which it was asked for.
    #[serde(default)]
    pub queued: Vec<Queued>,
    /// What was to be emptied.
    #[serde(default)]
    pub clears: Clears,
}

/// Of documents from before there were any.
fn default_resource_group() -> String {
    name::RESOURCE_GROUP_DEFAULT.to_owned()
}

/// As they are measured.
fn default_monitor_interval() -> u32 {
    MONITOR_INTERVAL_S
}

impl Instance {
    /// Id of the one node.
    pub fn node_id(&self) -> String {
        format!("{}-node-0", self.instance_id)
    }

    /// The class row.
    ///
    /// # Panics
    /// When the class is no row: classes are checked at creation and rows are never taken away.
    pub fn class(&self) -> &'static Class {
        class::find(&self.class).expect("a stored instance has a class of the table")
    }

    /// What its clients may send in a second, and what they may be sent, MB.
    pub fn bandwidth_mb_per_s(&self) -> u32 {
        self.raised_bandwidth_mb_per_s.unwrap_or(self.class().bandwidth_mb_per_s)
    }

    /// The accounts that share the instance's password.
    pub fn default_accounts(&self) -> [&str; 2] {
        [&self.instance_id, "default"]
    }

    /// What the agent is told, for a node bound to `bind`, with the entries of the allowlist groups
    /// that it shares.
    pub fn node_spec(&self, bind: &str, shared: &[String]) -> NodeSpec {
        NodeSpec {
            node_id: self.node_id(),
            instance_id: self.instance_id.clone(),
            generation: self.generation,
            incarnation: self.incarnation,
            bind: bind.to_owned(),
            port: self.port,
            loops: self.class().loops,
            settings: self.settings(shared),
        }
    }

    fn settings(&self, shared: &[String]) -> NodeSettings {
        let account = |name: &str| UserSettings {
            name: name.to_owned(),
            verifiers: self.verifiers.clone(),
            privilege: Privilege::ReadWrite,
        };
        let default_users = self.default_accounts().into_iter().map(account);
        NodeSettings {
            instance_id: self.instance_id.clone(),
            engine_version: self.engine_version.clone(),
            users: default_users.chain(self.accounts.iter().map(DataAccount::user)).collect(),
            password_free: self.password_free,
            allowlist: self.groups.enforced(shared),
            maxmemory_bytes: self.class().capacity_mb << 20,
            connections_max: self.class().connections_max,
            bandwidth_bytes_per_s: u64::from(self.bandwidth_mb_per_s()) << 20,
            clears: self.clears.clone(),
            audit_log_days: self.audit_log_days,
            adopted_change: self.adopted_change,
            write_lock: self.write_lock.clone(),
            parameters: self.effective_parameters(),
        }
    }

    /// Every parameter that the instance has, set or not, with its value.
    pub fn effective_parameters(&self) -> BTreeMap<String, String> {
        managed::effective(&self.engine_version, &self.parameters)
    }

    /// Wants the endpoint on another port, which takes a new start of the node.
    pub fn move_to(&mut self, port: u16) {
        self.touch();
        self.incarnation += 1;
        self.former_port = Some(std::mem::replace(&mut self.port, port));
    }

    /// Takes [`Instance::move_to`] back, before a node has heard of it. Gives the port that it does
    /// not get; `None` when it is not moving.
    pub fn stay(&mut self) -> Option<u16> {
        let former = self.former_port.take()?;
        self.touch();
        self.incarnation -= 1;
        Some(std::mem::replace(&mut self.port, former))
    }

    /// When it may be disturbed next, in Unix milliseconds: `now_unix_ms` itself if now.
    pub fn next_open_ms(&self, now_unix_ms: i64) -> i64 {
        let of_cycle = self.cycle.as_ref().map(|cycle| cycle.next_open_ms(now_unix_ms));
        of_cycle.unwrap_or_else(|| self.maintain.next_open_ms(now_unix_ms))
    }

    /// Place of the first change that waits and whose time has come.
    pub fn due(&self, now_unix_ms: i64) -> Option<usize> {
        let is_open = self.next_open_ms(now_unix_ms) == now_unix_ms;
        let mut times = self.queued.iter().map(|queued| queued.switch_unix_ms);
        times.position(|at| at.map_or(is_open, |at| at <= now_unix_ms))
    }

    /// When the time of a change that waits comes next, in Unix milliseconds.
    pub fn next_due_unix_ms(&self, now_unix_ms: i64) -> Option<i64> {
        let window_ms = self.next_open_ms(now_unix_ms);
        let times = self.queued.iter().map(|queued| queued.switch_unix_ms.unwrap_or(window_ms));
        times.filter(|at| now_unix_ms < *at).min()
    }

    /// Marks that a node must hear of a change.
    pub fn touch(&mut self) {
        self.generation += 1;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A new instance as CreateInstance writes it.
    pub(crate) fn sample() -> Instance {
        Instance {
            instance_id: "r-000000000000aaaa".into(),
            account_id: "1000000000000001".into(),
            generation: 1,
            incarnation: 1,
            served_incarnation: 0,
            deleting: false,
            kept: None,
            name: "cache".into(),
            class: "redis.shard.small.2.ce".into(),
            engine_version: "7.0".into(),
            region_id: "larder-local-1".into(),
            zone_id: "larder-local-1a".into(),
            resource_group_id: default_resource_group(),
            auto_upgrade: false,
            vpc_id: String::new(),
            vswitch_id: String::new(),
            node_type: "MASTER_SLAVE".into(),
            network_type: "VPC".into(),
            port: 6379,
            former_port: None,
            verifiers: Vec::new(),
            accounts: Vec::new(),
            default_descriptions: BTreeMap::new(),
            groups: Groups::default(),
            global_groups: Vec::new(),
            parameters: BTreeMap::new(),
            tags: Vec::new(),
            token_key: None,
            created_unix_ms: 0,
            maintain: Window::default(),
            cycle: None,
            password_free: false,
            raised_bandwidth_mb_per_s: None,
            audit_log_days: None,
            release_protection: false,
            adopted_change: 0,
            write_lock: None,
            monitor_interval_s: MONITOR_INTERVAL_S,
            running: None,
            queued: Vec::new(),
            clears: Clears::default(),
        }
    }

    #[test]
    fn documents_of_before_are_read() {
        let mut body = serde_json::to_value(sample()).expect("plain data");
        let fields = body.as_object_mut().expect("an object");
        let later = ["maintain", "password_free", "release_protection", "running", "queued"];
        let latest = [
            "clears",
            "global_groups",
            "audit_log_days",
            "resource_group_id",
            "auto_upgrade",
            "former_port",
            "cycle",
            "write_lock",
            "monitor_interval_s",
            "raised_bandwidth_mb_per_s",
            "kept",
        ];
        for name in later.into_iter().chain(latest) {
            fields.remove(name).expect("there");
        }
        assert_eq!(serde_json::from_value::<Instance>(body).expect("read"), sample());
    }

    #[test]
    fn moving_and_staying() {
        let mut instance = sample();
        assert_eq!(instance.stay(), None);
        instance.move_to(7000);
        assert_eq!(
            (instance.port, instance.former_port, instance.incarnation),
            (7000, Some(6379), 2)
        );
        assert_eq!(instance.stay(), Some(7000));
        assert_eq!((instance.generation, instance.incarnation), (3, 1));
        assert_eq!(instance, Instance { generation: 3, ..sample() });
    }

    #[test]
    fn the_first_whose_time_has_come_is_due() {
        let hour_ms = 3_600_000;
        let (shut, open) = (hour_ms, 19 * hour_ms);
        let rows: [(&[Option<i64>], _, _, _); 7] = [
            (&[], open, None, None),
            (&[None], shut, None, Some(18 * hour_ms)),
            (&[None], open, Some(0), None),
            (&[Some(shut + 1)], shut, None, Some(shut + 1)),
            (&[Some(shut)], shut, Some(0), None),
            (&[None, Some(shut - 1)], shut, Some(1), Some(18 * hour_ms)),
            (&[Some(open + 2), None, Some(open + 1)], open, Some(1), Some(open + 1)),
        ];
        for (times, now, due, next) in rows {
            let queued = |at: &Option<i64>| Queued {
                task_id: "t-1".into(),
                change: crate::task::Change::Restart,
                switch_unix_ms: *at,
            };
            let queued = times.iter().map(queued).collect();
            let instance = Instance { queued, ..sample() };
            assert_eq!(instance.due(now), due, "{times:?} {now}");
            assert_eq!(instance.next_due_unix_ms(now), next, "{times:?} {now}");
        }
    }

    #[test]
    fn node_hears_of_both_accounts_class_limits_and_nobody() {
        let mut instance = sample();
        instance.verifiers.push(Verifier { salt: "00".into(), mac: "11".into() });
        let spec = instance.node_spec("127.0.0.1", &[]);
        assert_eq!(spec.node_id, "r-000000000000aaaa-node-0");
        let names: Vec<_> = spec.settings.users.iter().map(|user| user.name.as_str()).collect();
        assert_eq!(names, ["r-000000000000aaaa", "default"]);
        assert!(spec.settings.users.iter().all(|user| user.verifiers == instance.verifiers));
        assert_eq!(spec.settings.maxmemory_bytes, 1 << 30);
        assert_eq!(spec.settings.connections_max, 10_000);
        assert_eq!(spec.settings.bandwidth_bytes_per_s, 48 << 20);
        instance.raised_bandwidth_mb_per_s = Some(96);
        let settings = instance.node_spec("127.0.0.1", &[]).settings;
        assert_eq!(settings.bandwidth_bytes_per_s, 96 << 20);
        assert_eq!(spec.settings.allowlist, admin::Allowlist::Nobody);
    }
}
