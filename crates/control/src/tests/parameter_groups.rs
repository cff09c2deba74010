//! Parameter groups through the API: what they hold, who sees them, and that instances get copies.

use crate::control::Control;
use crate::testing::World;
use admin::Allowlist;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const REGION: &str = "RegionId=cn-hangzhou";
const KIND: &str = "Category=standard&EngineType=redis&EngineVersion=7.0";

/// As the wire has it.
fn quoted(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn wish(name: &str, values: &str) -> String {
    format!("ParameterGroupName={name}&Parameters={}", quoted(values))
}

/// Makes a group of 7.0; its id.
async fn make(world: &World, name: &str, values: &str) -> String {
    let params = format!("{REGION}&{KIND}&{}", wish(name, values));
    let made = world.ok("CreateParameterGroup", &params).await;
    made["ParamGroupId"].as_str().expect("an id").to_owned()
}

/// Parameters that the node of an instance was told last.
fn told(world: &World, id: &str) -> BTreeMap<String, String> {
    let specs = world.agent.specs();
    let last = specs.into_iter().rfind(|spec| spec.instance_id == id).expect("applied");
    last.settings.parameters
}

async fn as_other(world: &World, action: &str, params: &str) -> Value {
    let mut call = world.request(action, params);
    call.principal = Control::root("1999999999999999");
    world.control.call(call).await.body
}

#[tokio::test]
async fn a_group_is_made_read_changed_and_deleted() {
    let world = World::new();
    let id = make(&world, "of_caches", r#"{"timeout":300,"EvictionPolicy":"allkeys-lru"}"#).await;
    let one = format!("ParameterGroupId={id}");
    let shown = |name: &str, text: &str, count: usize| {
        json!({
            "ParamGroupId": id,
            "ParameterGroupName": name,
            "ParameterGroupDesc": text,
            "Category": 0,
            "Engine": "redis",
            "EngineVersion": "7.0",
            "ParamCount": count,
            "Created": "2026-11-22T12:51:19Z",
            "Modified": "2026-11-22T12:51:19Z",
        })
    };
    let mut expected = shown("of_caches", "", 2);
    let listed = async |rest: &str| {
        world.ok("DescribeParameterGroups", &format!("{REGION}{rest}")).await["ParameterGroups"]
            .clone()
    };
    assert_eq!(listed("").await, json!([expected]));
    for (rest, count) in [
        ("&DbType=redis", 1),
        ("&DbType=tair_pena", 0),
        ("&EngineVersion=7.0", 1),
        ("&EngineVersion=6.0", 0),
    ] {
        assert_eq!(listed(rest).await.as_array().expect("a list").len(), count, "{rest}");
    }
    expected["ParamGroupsDetails"] = json!([
        {"ParamName": "maxmemory-policy", "ParamValue": "allkeys-lru"},
        {"ParamName": "timeout", "ParamValue": "300"},
    ]);
    let read = world.ok("DescribeParameterGroup", &one).await;
    assert_eq!(read["ParameterGroup"], expected);

    let change = wish("of_queues", r#"{"slowlog-max-len":500}"#);
    let change = format!("{one}&Category=enterprise&ParameterGroupDesc=for+queues&{change}");
    assert_eq!(world.ok("ModifyParameterGroup", &change).await["ParamGroupId"], json!(id));
    let read = world.ok("DescribeParameterGroup", &one).await;
    let mut expected = shown("of_queues", "for queues", 1);
    expected["Category"] = json!(1);
    expected["ParamGroupsDetails"] = json!([{"ParamName": "slowlog-max-len", "ParamValue": "500"}]);
    assert_eq!(read["ParameterGroup"], expected);

    assert_eq!(world.ok("DeleteParameterGroup", &one).await["ParamGroupId"], json!(id));
    assert_eq!(listed("").await, json!([]));
    for action in ["DeleteParameterGroup", "DescribeParameterGroup"] {
        let gone = world.refusal(action, &one).await;
        assert_eq!(gone, "404 InvalidParameterGroupId.NotFound", "{action}");
    }
}

#[tokio::test]
async fn faults_of_groups_have_their_codes() {
    let world = World::new();
    let id = make(&world, "of_caches", r#"{"timeout":300}"#).await;
    let (name, text) =
        ("400 InvalidParameterGroupName.Malformed", "400 InvalidParameterGroupDesc.Malformed");
    let long = "x".repeat(201);
    let kind = "Category=standard&EngineType=redis&EngineVersion";
    let wish = wish("of_others", r#"{"timeout":1}"#);
    let one = format!("ParameterGroupId={id}");
    // `$` stands for what makes a good call; what comes later replaces it.
    for (action, params, expected) in [
        ("Create", "$&ParameterGroupName=of_caches", "400 InvalidParameterGroupName.Duplicate"),
        ("Create", "$&ParameterGroupName=caches", name),
        ("Create", "$&ParameterGroupName=of-caches", name),
        ("Create", &format!("$&ParameterGroupDesc={long}"), text),
        ("Create", "$&Parameters=", "400 MissingParameters"),
        ("Create", "$&EngineVersion=", "400 MissingEngineVersion"),
        ("Create", "$&EngineVersion=4.0", "400 InvalidEngineVersion.Malformed"),
        ("Create", "$&EngineType=tair_pdb", "403 InstanceType.NotSupport"),
        ("Create", "$&EngineType=mysql", "400 InvalidEngineType.Malformed"),
        ("Create", "$&Category=other", "400 InvalidCategory.Malformed"),
        ("Create", "$&RegionId=-", "400 InvalidRegion.Format"),
        ("Modify", "$&ParameterGroupId=g-none", "404 InvalidParameterGroupId.NotFound"),
        ("Modify", "$&Category=", "400 MissingCategory"),
        ("Delete", "", "400 MissingParameterGroupId"),
    ] {
        let good = format!("{REGION}&{kind}=7.0&{wish}&{one}");
        let (action, params) = (format!("{action}ParameterGroup"), params.replace('$', &good));
        assert_eq!(world.refusal(&action, &params).await, expected, "{action} {params}");
    }
    assert_eq!(held(&world, &id).await, json!([{"ParamName": "timeout", "ParamValue": "300"}]));
}

async fn held(world: &World, id: &str) -> Value {
    let read = world.ok("DescribeParameterGroup", &format!("ParameterGroupId={id}")).await;
    read["ParameterGroup"]["ParamGroupsDetails"].clone()
}

#[tokio::test]
async fn values_are_checked_by_the_table_of_instances() {
    let world = World::new();
    let id = make(&world, "of_caches", r#"{"timeout":300}"#).await;
    let (invalid, unsupported) = ("InvalidParameters.Format", "ParamNotSupportedForCurrentVersion");
    for (values, code, text) in [
        ("{}", invalid, "names no parameter"),
        ("[]", invalid, "JSON object"),
        (
            r#"{"slowlog-max-len":500,"timeout":-1}"#,
            invalid,
            "timeout is a number from 0 to 100000",
        ),
        (r#"{"no-such":1}"#, invalid, "no parameter no-such"),
        (r#"{"hash-max-ziplist-value":1}"#, unsupported, "hash-max-ziplist-value"),
    ] {
        let wish = wish("of_others", values);
        let (create, modify) = (
            format!("{REGION}&{KIND}&{wish}"),
            format!("ParameterGroupId={id}&Category=standard&{wish}"),
        );
        for (action, params) in [("Create", create), ("Modify", modify)] {
            let said = world.call(&format!("{action}ParameterGroup"), &params).await.body;
            let message = said["Message"].as_str().expect("a text");
            assert!(said["Code"] == code && message.contains(text), "{values}: {said}");
        }
    }
    assert_eq!(held(&world, &id).await, json!([{"ParamName": "timeout", "ParamValue": "300"}]));
}

#[tokio::test]
async fn what_groups_can_hold_is_listed() {
    let world = World::new();
    let names = |list: &Value, field: &str| -> Vec<String> {
        let list = list.as_array().expect("a list");
        list.iter().map(|item| item[field].as_str().expect("a name").to_owned()).collect()
    };
    for version in ["5.0", "6.0", "7.0"] {
        let kind = format!("Category=enterprise&EngineType=redis&EngineVersion={version}");
        let support = world.ok("DescribeParameterGroupSupportParam", &kind).await;
        let templates = world.ok("DescribeParameterGroupTemplateList", &kind).await;
        assert_eq!(templates["EngineVersion"], version);
        let held = names(&support["ResourceList"], "ParamName");
        assert_eq!(held, names(&templates["Parameters"], "ParameterName"));
        let first = &support["ResourceList"][0];
        assert_eq!(
            (&first["Category"], &first["DbType"], &first["DbVersion"]),
            (&json!("enterprise"), &json!("redis"), &json!(version))
        );
    }
    let templates = world.ok("DescribeParameterGroupTemplateList", KIND).await;
    let timeout = templates["Parameters"].as_array().expect("a list");
    let timeout = timeout.iter().find(|row| row["ParameterName"] == "timeout").expect("a row");
    let expected = json!({
        "CheckingCode": "[0-100000]",
        "Effective": 1,
        "Factor": 0,
        "ParameterDescription": "Seconds until an idle client is closed; 0 is never.",
        "ParameterName": "timeout",
        "ParameterValue": "0",
        "Revisable": 1,
        "SupportModifyForMinorVersion": true,
        "Unit": "INT",
    });
    assert_eq!(*timeout, expected);
    let refusal = world.refusal("DescribeParameterGroupSupportParam", "EngineVersion=8.0").await;
    assert_eq!(refusal, "400 InvalidEngineVersion.Malformed");
}

#[tokio::test]
async fn an_instance_gets_a_copy() {
    let world = World::new();
    let group = make(&world, "of_caches", r#"{"timeout":300,"slowlog-max-len":500}"#).await;
    let id = world.instance("EngineVersion=7.0").await;
    let modify = async |rest: &str| {
        world.call("ModifyInstanceParameter", &format!("{REGION}&InstanceId={id}&{rest}")).await
    };
    let history = async || {
        let range = "StartTime=2026-11-22T00:00Z&EndTime=2026-11-23T00:00Z";
        let params = format!("InstanceId={id}&{range}");
        let read = world.ok("DescribeParameterModificationHistory", &params).await;
        read["HistoricalParameters"]["HistoricalParameter"].as_array().expect("a list").len()
    };
    let said = modify(&format!("ParameterGroupId={group}")).await;
    assert_eq!((&said.body["InstanceId"], &said.body["TaskId"]), (&json!(id), &json!(0)));
    let value = |name: &str| told(&world, &id)[name].clone();
    assert_eq!((value("timeout"), value("slowlog-max-len")), ("300".into(), "500".into()));
    assert_eq!(history().await, 2);
    let specs = world.agent.specs().len();
    assert_eq!(modify(&format!("ParameterGroupId={group}")).await.status, 200);
    assert_eq!((world.agent.specs().len(), history().await), (specs, 2), "nothing has changed");

    let both = format!("ParameterGroupId={group}&Parameters={}", quoted(r#"{"timeout":7}"#));
    assert_eq!(modify(&both).await.status, 200);
    assert_eq!((value("timeout"), value("slowlog-max-len")), ("7".into(), "500".into()));
    let alone = format!("Parameters={}", quoted(r#"{"slowlog-max-len":600}"#));
    assert_eq!(modify(&alone).await.status, 200);
    assert_eq!((value("timeout"), value("slowlog-max-len")), ("7".into(), "600".into()));

    let change = format!("ParameterGroupId={group}&Category=standard");
    let change = format!("{change}&{}", wish("of_caches", r#"{"timeout":9}"#));
    world.ok("ModifyParameterGroup", &change).await;
    world.ok("DeleteParameterGroup", &format!("ParameterGroupId={group}")).await;
    assert_eq!(value("timeout"), "7");

    let of_5 = format!(
        "{REGION}&Category=standard&EngineType=redis&EngineVersion=5.0&{}",
        wish("of_before", r#"{"timeout":1}"#)
    );
    let of_5 = world.ok("CreateParameterGroup", &of_5).await;
    let of_5 = of_5["ParamGroupId"].as_str().expect("an id");
    for (rest, expected) in [
        (String::new(), "MissingParameter"),
        ("ParameterGroupId=g-none".into(), "InvalidParameterGroupId.NotFound"),
        (format!("ParameterGroupId={group}"), "InvalidParameterGroupId.NotFound"),
        (format!("ParameterGroupId={of_5}"), "ParamNotSupportedForCurrentVersion"),
        (format!("Parameters={}", quoted("{}")), "InvalidParameters.Format"),
        (format!("Parameters={}", quoted(r#"{"timeout":-1}"#)), "InvalidParameters.Format"),
    ] {
        let said = modify(&rest).await;
        assert_eq!(said.body["Code"], expected, "{rest}");
    }
    let unknown = format!("{REGION}&InstanceId=r-none&{alone}");
    let refused = world.refusal("ModifyInstanceParameter", &unknown).await;
    assert_eq!(refused, "404 InvalidInstanceId.NotFound");
    assert_eq!(value("timeout"), "7");
}

#[tokio::test]
async fn groups_of_another_account_are_unknown() {
    let world = World::new();
    let group = make(&world, "of_caches", r#"{"timeout":300}"#).await;
    let change = format!("ParameterGroupId={group}&Category=standard");
    let change = format!("{change}&{}", wish("of_caches", r#"{"timeout":9}"#));
    let unknown = change.replace(&group, "g-0000000000000000");
    for action in ["DescribeParameterGroup", "ModifyParameterGroup", "DeleteParameterGroup"] {
        let foreign = as_other(&world, action, &change).await;
        let nobodys = as_other(&world, action, &unknown).await;
        assert_eq!(foreign["Code"], "InvalidParameterGroupId.NotFound", "{action}");
        let text = nobodys["Message"].as_str().expect("a text");
        assert_eq!(foreign["Message"], text.replace("g-0000000000000000", &group), "{action}");
    }
    let listed = as_other(&world, "DescribeParameterGroups", REGION).await;
    assert_eq!(listed["ParameterGroups"], json!([]));
    let create = format!("{REGION}&InstanceClass=redis.shard.micro.ce&ParamGroupId={group}");
    let refused = as_other(&world, "CreateInstance", &create).await;
    assert_eq!(refused["Code"], "InvalidParameterGroupId.NotFound");
}

const CLASS: &str = "InstanceClass=redis.shard.micro.ce&EngineVersion=7.0";

#[tokio::test]
async fn instances_are_made_from_groups() {
    let world = World::new();
    let group = make(&world, "of_caches", r#"{"maxmemory-policy":"noeviction"}"#).await;
    let office = format!("{REGION}&GlobalIgName=office&GIpList=10.0.0.1");
    let office = world.ok("CreateGlobalSecurityIPGroup", &office).await;
    let office =
        office["GlobalSecurityIPGroup"][0]["GlobalSecurityGroupId"].as_str().expect("an id");
    let from = format!("{REGION}&{CLASS}&ParamGroupId={group}&GlobalSecurityGroupIds={office}");
    let several = json!([{
        "RegionId": "cn-hangzhou",
        "InstanceClass": "redis.shard.micro.ce",
        "EngineVersion": "7.0",
        "ParamGroupId": group,
        "GlobalSecurityGroupIds": office,
    }]);
    for (action, params) in [
        ("CreateInstance", from.clone()),
        ("CreateTairInstance", format!("{from}&InstanceType=tair_rdb")),
        ("CreateInstances", format!("Instances={}", quoted(&several.to_string()))),
    ] {
        let made = world.ok(action, &params).await;
        let id = made["InstanceId"].as_str().or(made["InstanceIds"]["InstanceId"][0].as_str());
        let id = id.expect("an id");
        world.until(id, "Normal").await;
        let specs = world.agent.specs();
        let first = specs.iter().find(|spec| spec.instance_id == id).expect("applied");
        assert_eq!(first.settings.parameters["maxmemory-policy"], "noeviction", "{action}");
        let Allowlist::Entries(entries) = &first.settings.allowlist else { panic!("{action}") };
        assert_eq!(*entries, ["10.0.0.1"], "from the first moment");
    }
    let window = format!("{REGION}&{CLASS}&MaintainStartTime=01:00Z&MaintainEndTime");
    let made = world.ok("CreateInstance", &format!("{window}=02:30Z")).await;
    let id = made["InstanceId"].as_str().expect("an id");
    let shown = world.ok("DescribeInstanceAttribute", &format!("InstanceId={id}")).await;
    let shown = &shown["Instances"]["DBInstanceAttribute"][0];
    assert_eq!(
        (&shown["MaintainStartTime"], &shown["MaintainEndTime"]),
        (&json!("01:00Z"), &json!("02:30Z"))
    );
    let short = world.refusal("CreateInstance", &format!("{window}=01:30Z")).await;
    assert_eq!(short, "400 InvalidEndTime.Format");
    let dry = world.refusal("CreateInstance", &format!("{from}&DryRun=true")).await;
    assert_eq!(dry, "400 DryRunOperation");
    let in_use = format!("{REGION}&GlobalSecurityGroupId={office}");
    let refused = world.refusal("DeleteGlobalSecurityIPGroup", &in_use).await;
    assert_eq!(refused, "403 OperationDenied.GlobalSecurityIPGroupInUse");

    let once = format!("{from}&Token=once");
    let made = world.ok("CreateInstance", &once).await;
    world.ok("DeleteParameterGroup", &format!("ParameterGroupId={group}")).await;
    let again = world.ok("CreateInstance", &once).await;
    assert_eq!(again["InstanceId"], made["InstanceId"], "whatever became of the group");
}

#[tokio::test]
async fn what_cannot_be_made_from_groups_is_not_begun() {
    let world = World::new();
    let group = make(&world, "of_caches", r#"{"timeout":1}"#).await;
    let mut many = String::new();
    for at in 0..21 {
        let params = format!("{REGION}&GlobalIgName=group{at}&GIpList=10.0.0.{at}");
        let made = world.ok("CreateGlobalSecurityIPGroup", &params).await;
        let made = &made["GlobalSecurityIPGroup"][0]["GlobalSecurityGroupId"];
        many = format!("{many},{}", made.as_str().expect("an id"));
    }
    let (no_group, no_list) =
        ("404 InvalidParameterGroupId.NotFound", "404 InvalidGlobalSecurityGroupId.NotFound");
    let of_6 = "EngineVersion=6.0&InstanceClass=redis.shard.micro.ce";
    for (params, expected) in [
        (format!("{CLASS}&ParamGroupId=g-none"), no_group),
        (format!("{CLASS}&ParamGroupId=g-none&DryRun=true"), no_group),
        (format!("{of_6}&ParamGroupId={group}"), "400 ParamNotSupportedForCurrentVersion"),
        (format!("{CLASS}&GlobalSecurityGroupIds=g-none"), no_list),
        (format!("{CLASS}&GlobalSecurityGroupIds={}", &many[..25]), no_list),
        (format!("{CLASS}&GlobalSecurityGroupIds={many}"), "400 QuotaExceed"),
    ] {
        for (action, more) in
            [("CreateInstance", ""), ("CreateTairInstance", "&InstanceType=tair_rdb")]
        {
            let params = format!("{REGION}&{params}{more}");
            assert_eq!(world.refusal(action, &params).await, expected, "{action} {params}");
        }
    }
    let listed = world.ok("DescribeInstances", REGION).await;
    assert_eq!((&listed["TotalCount"], world.agent.specs().len()), (&json!(0), 0));
}

#[tokio::test]
async fn a_group_that_goes_while_an_instance_is_made_is_held_or_refused() {
    let world = World::new();
    for at in 0..20 {
        let params = format!("{REGION}&GlobalIgName=group{at}&GIpList=10.0.0.1");
        let made = world.ok("CreateGlobalSecurityIPGroup", &params).await;
        let made = &made["GlobalSecurityIPGroup"][0]["GlobalSecurityGroupId"];
        let made = made.as_str().expect("an id");
        let create = format!("{REGION}&{CLASS}&GlobalSecurityGroupIds={made}");
        let delete = format!("{REGION}&GlobalSecurityGroupId={made}");
        let (created, deleted) = tokio::join!(
            world.call("CreateInstance", &create),
            world.call("DeleteGlobalSecurityIPGroup", &delete),
        );
        let codes = (created.status, deleted.status);
        assert!(codes == (200, 403) || codes == (404, 200), "{codes:?}");
        if created.status == 200 {
            let id = created.body["InstanceId"].as_str().expect("an id");
            world.until(id, "Normal").await;
            world.ok("DeleteInstance", &format!("InstanceId={id}")).await;
            world.until(id, "gone").await;
        }
    }
}
