//! CreateInstance: checks the request, has the intent written, and answers while the reconciler
//! starts the node. Must not know nodes.

use super::params::{Kind, Param, Params, REGION_ID};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, global_security_groups, later, making};
use super::{modify_instance_maintain_time, parameter_groups, resource_groups, tags, views};
use crate::error::{self, ApiError};
use crate::{random, vault};
use admin::Clears;
use control_model::allowlist::Groups;
use control_model::class::{self, Class};
use control_model::instance::MONITOR_INTERVAL_S;
use control_model::{Instance, Tag, Window, ident, name, password, port, region, selector};
use std::collections::BTreeMap;

const NONE: Kind = Kind::Integer { min: 0, max: 1000 };

/// Versions that an instance can speak.
pub const ENGINE_VERSIONS: &[&str] = &["5.0", "6.0", "7.0"];

/// The row.
pub const SPEC: Action = Action {
    name: "CreateInstance",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        REGION_ID,
        Param::optional("Token", Kind::Text, "makes a repeated request the same request"),
        Param::optional("InstanceName", Kind::Text, "name for people, 2–80 characters"),
        Param::optional("Password", Kind::Secret, "of the default accounts; may be set later"),
        Param::optional("Capacity", Kind::Integer { min: 1, max: 1 << 30 }, "size in MiB"),
        Param::optional("InstanceClass", Kind::Text, "size by name; this or Capacity"),
        Param::optional("ZoneId", Kind::Text, "any well-formed zone id"),
        Param::optional("ChargeType", Kind::OneOf(&["PrePaid", "PostPaid"]), "ignored"),
        Param::optional(
            "NodeType",
            Kind::OneOf(&["MASTER_SLAVE", "STAND_ALONE", "double", "single"]),
            "kept; there is one node now",
        ),
        Param::optional("NetworkType", Kind::OneOf(&["VPC", "CLASSIC"]), "kept"),
        Param::optional("VpcId", Kind::Text, "kept"),
        Param::optional("VSwitchId", Kind::Text, "kept"),
        Param::optional("InstanceType", Kind::OneOf(&["Redis", "Memcache"]), "Redis"),
        Param::optional("EngineVersion", Kind::Text, "5.0, 6.0 or 7.0"),
        Param::optional("ShardCount", NONE, "1"),
        Param::optional("ReplicaCount", NONE, "0"),
        Param::optional("SlaveReplicaCount", NONE, "0"),
        Param::optional("ReadOnlyCount", NONE, "0"),
        Param::optional("SlaveReadOnlyCount", NONE, "0"),
        Param::optional("SrcDBInstanceId", Kind::Text, "not available yet"),
        Param::optional("BackupId", Kind::Text, "not available yet"),
        Param::optional("ClusterBackupId", Kind::Text, "not available yet"),
        Param::optional("RestoreTime", Kind::Text, "not available yet"),
        Param::optional("GlobalSecurityGroupIds", Kind::Text, "allowlist groups, comma-separated"),
        Param::optional("ParamGroupId", Kind::Text, "parameter group whose values are copied"),
        Param::optional("MaintainStartTime", Kind::Text, "HH:mmZ; 18:00Z unless told"),
        Param::optional("MaintainEndTime", Kind::Text, "HH:mmZ; 22:00Z unless told"),
        Param::optional("ResourceGroupId", Kind::Text, "rg-…; rg-default unless told"),
        Param::optional("Port", PORT, "wanted; the next free one if it is taken"),
        Param::optional("DryRun", Kind::Boolean, "only check; never succeeds"),
        Param::optional("Appendonly", Kind::OneOf(&["yes", "no"]), "accepted"),
        Param::optional("Tag", Kind::Tags, "up to 20"),
    ],
    doc: "Creates an instance.",
    token: Some("Token"),
    handler: run,
};

/// `Port`, as the actions take it that make an endpoint.
pub const PORT: Kind = Kind::Integer { min: port::FIRST as i64, max: port::LAST as i64 };

/// A request that was checked.
struct Request<'a> {
    name: &'a str,
    password: Option<&'a str>,
    class: &'static Class,
    engine_version: &'a str,
    region_id: &'a str,
    zone_id: String,
    resource_group_id: String,
    port: u16,
    tags: Vec<Tag>,
}

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    // Before what may have changed since then is looked at.
    if let Some([made]) = making::made_before(context)?.as_deref() {
        return Ok(answer(context, made));
    }
    let mut instance = prepare(context, params)?;
    if params.is_true("DryRun") {
        making::room_for(context, 1)?;
        return Err(error::DRY_RUN.plain());
    }
    making::room_for(context, 1)?;
    making::persist(context, std::slice::from_mut(&mut instance))?;
    Ok(answer(context, &instance))
}

/// What a request asks for, as an instance that is not written yet; its port is the wanted one.
///
/// # Errors
/// What is wrong with the request.
pub fn prepare(context: &Context<'_>, params: &Params<'_>) -> Result<Instance, ApiError> {
    let request = parse(params)?;
    supported(params)?;
    let mut instance = intent(context, params, &request);
    let name = "ParamGroupId";
    if let Some(group_id) = params.text(name) {
        let version = &instance.engine_version;
        let values = parameter_groups::values(context, (name, group_id), version)?;
        instance.parameters.extend(values);
    }
    instance.maintain = modify_instance_maintain_time::window(params)?;
    instance.global_groups = global_security_groups::wanted(context, params)?;
    Ok(instance)
}

fn answer(context: &Context<'_>, instance: &Instance) -> Done {
    let status = context.status(instance);
    let body = views::snapshot(instance, status, context.settings);
    Done { body, after: super::After::Nothing }
}

fn parse<'a>(params: &Params<'a>) -> Result<Request<'a>, ApiError> {
    let region_id = params.required("RegionId");
    if !region::well_formed(region_id) {
        return Err(error::INVALID_REGION.plain());
    }
    let zone_id = params.text("ZoneId").map(str::to_owned);
    let zone_id = zone_id.unwrap_or_else(|| region::default_zone(region_id));
    if !region::well_formed(&zone_id) {
        return Err(error::ZONE_NOT_FOUND.plain());
    }
    let token = params.text("Token");
    if token.is_some_and(|token| !name::client_token(token)) {
        return Err(error::INVALID_TOKEN.plain());
    }
    let name = params.text("InstanceName");
    if name.is_some_and(|name| !name::instance_name(name)) {
        return Err(error::INVALID_INSTANCE_NAME.plain());
    }
    let password = params.text("Password");
    if let Some(Err(fault)) = password.map(password::check) {
        let row = &error::INVALID_PASSWORD;
        return Err(row.says(format!("{} Reason: {fault}.", row.message)));
    }
    let engine_version = params.text("EngineVersion").unwrap_or("5.0");
    if !ENGINE_VERSIONS.contains(&engine_version) {
        return Err(error::INVALID_ENGINE_VERSION.plain());
    }
    let port = params.integer("Port").and_then(|port| u16::try_from(port).ok()).unwrap_or(6379);
    Ok(Request {
        name: name.unwrap_or_default(),
        password,
        class: class_of(params)?,
        engine_version,
        region_id,
        zone_id,
        resource_group_id: resource_groups::given(params)?,
        port,
        tags: tags_of(params)?,
    })
}

fn class_of(params: &Params<'_>) -> Result<&'static Class, ApiError> {
    let capacity = params.integer("Capacity").and_then(|mb| u64::try_from(mb).ok());
    let by_name = |name| {
        let no_such = || error::INVALID_CLASS.says(format!("There is no InstanceClass {name}."));
        class::find(name).ok_or_else(no_such)
    };
    match (params.text("InstanceClass"), capacity) {
        (None, None) => {
            let text = "InstanceClass or Capacity is mandatory for this action.";
            Err(error::MISSING_PARAMETER.says(text))
        }
        (None, Some(mb)) => {
            class::find_by_capacity(mb).ok_or_else(|| error::INVALID_CAPACITY.plain())
        }
        (Some(name), None) => by_name(name),
        (Some(name), Some(mb)) => {
            let class = by_name(name)?;
            let same = class.capacity_mb == mb;
            if same { Ok(class) } else { Err(error::CLASS_MISMATCH.plain()) }
        }
    }
}

fn tags_of(params: &Params<'_>) -> Result<Vec<Tag>, ApiError> {
    let tags = params.tags();
    name::tags(&tags).map_err(tags::refusal)?;
    Ok(tags)
}

/// What is documented and cannot be done yet is refused rather than left out silently.
fn supported(params: &Params<'_>) -> Result<(), ApiError> {
    if params.text("InstanceType") == Some("Memcache") {
        return Err(later::value("InstanceType"));
    }
    later::one_node(params)?;
    let sources = ["SrcDBInstanceId", "BackupId", "ClusterBackupId", "RestoreTime"];
    let given = sources.iter().find(|name| params.text(name).is_some());
    given.map_or(Ok(()), |name| Err(later::value(name)))
}

fn intent(context: &Context<'_>, params: &Params<'_>, request: &Request<'_>) -> Instance {
    let parameters = [("maxmemory-policy", "volatile-lru")];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Instance {
        instance_id: ident::instance_id(&mut random::fill),
        account_id: context.account_id.to_owned(),
        generation: 1,
        incarnation: 1,
        served_incarnation: 0,
        deleting: false,
        kept: None,
        name: request.name.to_owned(),
        class: request.class.name.to_owned(),
        engine_version: request.engine_version.to_owned(),
        region_id: request.region_id.to_owned(),
        zone_id: request.zone_id.clone(),
        resource_group_id: request.resource_group_id.clone(),
        auto_upgrade: false,
        vpc_id: params.required("VpcId").to_owned(),
        vswitch_id: params.required("VSwitchId").to_owned(),
        node_type: selector::node_type(params.text("NodeType").unwrap_or("STAND_ALONE")).to_owned(),
        network_type: params.text("NetworkType").unwrap_or("VPC").to_owned(),
        port: request.port,
        former_port: None,
        verifiers: request.password.map(vault::verifier).into_iter().collect(),
        accounts: Vec::new(),
        default_descriptions: BTreeMap::new(),
        groups: Groups::default(),
        global_groups: Vec::new(),
        parameters: BTreeMap::from(parameters),
        tags: request.tags.clone(),
        token_key: context.token.as_ref().map(|token| token.key.clone()),
        created_unix_ms: context.now_unix_ms,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::{Nodes, Token};
    use crate::store::memory::MemoryStore;
    use crate::store::{self, documents};
    use control_model::HostView;
    use control_model::account::TokenClaim;

    struct NoNodes;

    impl Nodes for NoNodes {
        fn log(&self, _: &admin::logs::LogQuery) -> Result<admin::logs::LogPage, ApiError> {
            Err(error::SERVICE_UNAVAILABLE.plain())
        }

        fn status(&self, _: &str) -> Result<admin::node::NodeStatus, ApiError> {
            Err(error::SERVICE_UNAVAILABLE.plain())
        }

        fn parameters(&self, _: &str) -> Result<BTreeMap<String, String>, ApiError> {
            Err(error::SERVICE_UNAVAILABLE.plain())
        }
    }

    #[test]
    fn a_token_whose_instance_has_just_gone_makes_a_new_one() {
        let gone = TokenClaim { fingerprint: "f".into(), resource_id: "r-gone".into() };
        let token = Token { key: "k".into(), claim_fingerprint: "f".into(), made: Some(gone) };
        let context = Context {
            store: &MemoryStore::default(),
            host: &HostView::unknown(),
            settings: &crate::testing::settings(),
            account_id: "1000000000000001",
            now_unix_ms: 0,
            token: Some(token),
            nodes: &NoNodes,
            metrics: &crate::metrics::Metrics::new(std::path::PathBuf::new()),
            audit: &crate::audit::Audit::Memory(std::sync::Mutex::default()),
            principal: &crate::control::Control::root("1000000000000001"),
            facts: &control_model::policy::Facts::default(),
            vault: &crate::vault::Vault::from_key(&[0; 32]),
        };
        let given = [("RegionId", "cn-hangzhou"), ("InstanceClass", "redis.shard.micro.ce")];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let given = BTreeMap::from(given);
        let params = Params::check(&given, SPEC.params).expect("well-formed");
        let made = run(&context, &params).expect("made");
        assert_ne!(made.body["InstanceId"], "r-gone");
        let claim = documents::get::<TokenClaim>(context.store, store::Kind::Token, "k");
        let claim = claim.expect("read").expect("claimed").value;
        assert_eq!(made.body["InstanceId"], claim.resource_id);
    }
}
