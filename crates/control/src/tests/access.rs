//! Allowlist groups that instances share, and the diagnosis of who gets in.

use crate::store::{Kind, documents};
use crate::testing::World;
use admin::Allowlist;
use control_model::Instance;
use serde_json::{Value, json};

const REGION: &str = "RegionId=cn-hangzhou";

/// Makes a group; its id.
async fn make(world: &World, name: &str, list: &str) -> String {
    let params = format!("{REGION}&GlobalIgName={name}&GIpList={list}");
    let made = world.ok("CreateGlobalSecurityIPGroup", &params).await;
    let group = &made["GlobalSecurityIPGroup"][0];
    assert_eq!((&group["GlobalIgName"], &group["GIpList"]), (&name.into(), &list.into()));
    assert_eq!(group["RegionId"], "cn-hangzhou");
    let id = group["GlobalSecurityGroupId"].as_str().expect("an id");
    assert!(id.starts_with("g-"), "{id}");
    id.to_owned()
}

/// Binds an instance to groups.
async fn bind(world: &World, id: &str, groups: &str) {
    let params = format!("{REGION}&DBClusterId={id}&GlobalSecurityGroupId={groups}");
    world.ok("ModifyGlobalSecurityIPGroupRelation", &params).await;
}

/// What the node of an instance was told last.
fn enforced(world: &World, id: &str) -> Vec<String> {
    let specs = world.agent.specs();
    let last = specs.into_iter().rfind(|spec| spec.instance_id == id).expect("applied");
    match last.settings.allowlist {
        Allowlist::Nobody => Vec::new(),
        Allowlist::Entries(entries) => entries,
    }
}

#[tokio::test]
async fn a_change_of_a_group_reaches_every_bound_instance() {
    let world = World::new();
    let (a, b, free) =
        (world.instance("").await, world.instance("").await, world.instance("").await);
    let office = make(&world, "office", "10.0.0.1,10.0.0.2").await;
    let home = make(&world, "home", "10.1.0.0/16").await;
    bind(&world, &a, &office).await;
    bind(&world, &b, &format!("{office},{home}")).await;
    assert_eq!(enforced(&world, &a), ["10.0.0.1", "10.0.0.2"], "in force when the call returns");
    assert_eq!(enforced(&world, &b), ["10.0.0.1", "10.0.0.2", "10.1.0.0/16"]);
    assert_eq!(enforced(&world, &free), [""; 0]);

    let before = world.agent.specs().len();
    let change = format!("{REGION}&GlobalSecurityGroupId={office}&GlobalIgName=desk");
    world.ok("ModifyGlobalSecurityIPGroup", &format!("{change}&GIpList=10.0.0.9")).await;
    assert_eq!(enforced(&world, &a), ["10.0.0.9"]);
    assert_eq!(enforced(&world, &b), ["10.0.0.9", "10.1.0.0/16"]);
    assert_eq!(world.agent.specs().len(), before + 2, "the third need not hear of it");
    let renamed = change.replace("desk", "table");
    world.ok("ModifyGlobalSecurityIPGroupName", &renamed).await;
    assert_eq!(world.agent.specs().len(), before + 2, "nodes do not know names");

    world.ok("ModifySecurityIps", &format!("InstanceId={a}&SecurityIps=10.0.0.9,10.5.0.1")).await;
    assert_eq!(enforced(&world, &a), ["10.0.0.9", "10.5.0.1"]);
    let relation = format!("{REGION}&DBClusterId={b}");
    let seen = world.ok("DescribeGlobalSecurityIPGroupRelation", &relation).await;
    let shown = |id: &str, name: &str, list: &str| {
        json!({
            "GlobalSecurityGroupId": id,
            "GlobalIgName": name,
            "GIpList": list,
            "RegionId": "cn-hangzhou",
        })
    };
    let [office_shown, home_shown] =
        [shown(&office, "table", "10.0.0.9"), shown(&home, "home", "10.1.0.0/16")];
    assert_eq!(seen["GlobalSecurityIPGroupRel"], json!([office_shown, home_shown]));
    assert_eq!(seen["DBClusterId"], b.as_str());
    let seen = world.ok("DescribeGlobalSecurityIPGroup", REGION).await;
    let mut bound = [a.clone(), b.clone()];
    bound.sort();
    assert_eq!(seen["GlobalSecurityIPGroup"][0]["DBInstances"], json!(bound));
    assert_eq!(seen["GlobalSecurityIPGroup"][1]["DBInstances"], json!([b]));

    let delete = format!("{REGION}&GlobalSecurityGroupId={home}");
    let refused = world.refusal("DeleteGlobalSecurityIPGroup", &delete).await;
    assert_eq!(refused, "403 OperationDenied.GlobalSecurityIPGroupInUse");
    bind(&world, &b, "").await;
    assert_eq!(enforced(&world, &b), [""; 0]);
    let seen = world.ok("DescribeGlobalSecurityIPGroupRelation", &relation).await;
    assert_eq!(seen["GlobalSecurityIPGroupRel"], json!([]));
    world.ok("DeleteGlobalSecurityIPGroup", &delete).await;
    let gone = world.refusal("DeleteGlobalSecurityIPGroup", &delete).await;
    assert_eq!(gone, "404 InvalidGlobalSecurityGroupId.NotFound");
}

#[tokio::test]
async fn faults_of_groups_have_their_codes() {
    let world = World::new();
    let id = world.instance("").await;
    let group = make(&world, "office", "10.0.0.1").await;
    let one = format!("GlobalSecurityGroupId={group}");
    let not_found = "404 InvalidGlobalSecurityGroupId.NotFound";
    let rows = [
        ("Create", "GIpList=::1", "400 MissingGlobalIgName"),
        ("Create", "GlobalIgName=home", "400 MissingGIpList"),
        ("Create", "GlobalIgName=Home&GIpList=::1", "400 InvalidGlobalIgName.Malformed"),
        ("Create", "GlobalIgName=office&GIpList=::1", "400 InvalidGlobalIgName.Duplicate"),
        ("Create", "GlobalIgName=home&GIpList=x", "400 InvalidSecurityIPList.Format"),
        ("Create", "GlobalIgName=home&GIpList=::1,::1", "409 SecurityIPList.Duplicate"),
        ("Describe", "GlobalSecurityGroupId=g-none", not_found),
        ("Modify", "GlobalSecurityGroupId=g-none&GlobalIgName=ab&GIpList=::1", not_found),
        ("Modify", "$&GlobalIgName=home&GIpList=10.0.0.0/0", "400 InvalidSecurityIPList.Format"),
        ("Modify", "$&GlobalIgName=office", "400 MissingGIpList"),
        ("Delete", "$&GlobalIgName=home", not_found),
        ("Delete", "", "400 MissingGlobalSecurityGroupId"),
    ];
    for (verb, params, expected) in rows {
        let params = format!("{REGION}&{}", params.replace('$', &one));
        let action = format!("{verb}GlobalSecurityIPGroup");
        assert_eq!(world.refusal(&action, &params).await, expected, "{action} {params}");
    }
    let relation = [
        (format!("DBClusterId={id}&GlobalSecurityGroupId=g-none"), not_found),
        (format!("DBClusterId={id}"), "400 MissingGlobalSecurityGroupId"),
        (format!("DBClusterId=r-none&{one}"), "404 InvalidInstanceId.NotFound"),
        (one.clone(), "400 MissingDBClusterId"),
    ];
    for (params, expected) in relation {
        let params = format!("{REGION}&{params}");
        let said = world.refusal("ModifyGlobalSecurityIPGroupRelation", &params).await;
        assert_eq!(said, expected, "{params}");
    }
    let seen = world.ok("DescribeGlobalSecurityIPGroup", &format!("{REGION}&{one}")).await;
    let item = &seen["GlobalSecurityIPGroup"][0];
    assert_eq!((&item["GlobalIgName"], &item["GIpList"]), (&"office".into(), &"10.0.0.1".into()));
}

#[tokio::test]
async fn groups_of_another_account_are_unknown() {
    let world = World::new();
    let id = world.instance("").await;
    let group = make(&world, "office", "10.0.0.1").await;
    let params = format!("{REGION}&GlobalSecurityGroupId={group}&GlobalIgName=office&GIpList=::1");
    let actions = [
        "DescribeGlobalSecurityIPGroup",
        "ModifyGlobalSecurityIPGroup",
        "ModifyGlobalSecurityIPGroupName",
        "DeleteGlobalSecurityIPGroup",
    ];
    let as_other = async |action: &str, params: &str| {
        let mut call = world.request(action, params);
        call.principal = crate::control::Control::root("1999999999999999");
        world.control.call(call).await.body
    };
    for action in actions {
        let said = as_other(action, &params).await;
        assert_eq!(said["Code"], "InvalidGlobalSecurityGroupId.NotFound", "{action}");
    }
    let bind = format!("{REGION}&DBClusterId={id}&GlobalSecurityGroupId={group}");
    for action in ["ModifyGlobalSecurityIPGroupRelation", "DescribeGlobalSecurityIPGroupRelation"] {
        let said = as_other(action, &bind).await;
        assert_eq!(said["Code"], "InvalidInstanceId.NotFound", "{action}");
    }
    assert_eq!(
        as_other("DescribeGlobalSecurityIPGroup", REGION).await["GlobalSecurityIPGroup"],
        json!([])
    );
}

#[tokio::test]
async fn bindings_and_changes_at_once_end_with_what_is_bound() {
    let world = World::new();
    let id = world.instance("").await;
    let group = make(&world, "office", "10.0.0.0").await;
    for at in 1..20 {
        let change = format!(
            "{REGION}&GlobalSecurityGroupId={group}&GlobalIgName=office&GIpList=10.0.0.{at}"
        );
        let bound = if at % 2 == 0 { "" } else { &group };
        let bind = format!("{REGION}&DBClusterId={id}&GlobalSecurityGroupId={bound}");
        tokio::join!(
            world.ok("ModifyGlobalSecurityIPGroup", &change),
            world.ok("ModifyGlobalSecurityIPGroupRelation", &bind),
        );
        let expected = if at % 2 == 0 { vec![] } else { vec![format!("10.0.0.{at}")] };
        assert_eq!(enforced(&world, &id), expected);
    }
    let store = world.control.shared.store.as_ref();
    let found = documents::get::<Instance>(store, Kind::Instance, &id).expect("read");
    assert_eq!(found.expect("there").value.global_groups, [group]);
}

#[tokio::test]
async fn the_diagnosis_names_the_obstacle() {
    let world = World::new();
    let id = world.instance("Password=Abcdefg1").await;
    let ask = async |source: &str| {
        let params = format!("DBInstanceId={id}&SrcIp={source}");
        let said = world.ok("DescribeDbInstanceConnectivity", &params).await;
        let text = |name: &str| said[name].as_str().expect("a text").to_owned();
        let (result, code) = (text("ConnCheckResult"), text("ConnCheckErrorCode"));
        let message = text("ConnCheckErrorMessage");
        let layer = message.split(':').next().unwrap_or_default();
        format!("{result} {code} {layer}").trim().to_owned()
    };
    assert_eq!(ask("127.0.0.1").await, "Failed CONNECTION_ABNORMAL State", "it does not answer");
    world.agent.tell(super::tasks::status_with(0), Vec::new());
    assert_eq!(ask("127.0.0.1").await, "Failed SRC_IP_NOT_IN_USER_WHITELIST Allowlist");
    assert_eq!(ask("10.0.0.1").await, "Failed CONNECTION_ABNORMAL Route");
    assert_eq!(ask("0.0.0.0").await, "Failed CONNECTION_ABNORMAL Address");
    world.ok("ModifySecurityIps", &format!("InstanceId={id}&SecurityIps=127.0.0.1")).await;
    let mut status = super::tasks::status_with(0);
    assert_eq!(ask("127.0.0.1").await, "Failed CONNECTION_ABNORMAL Allowlist", "not yet in force");
    status.generation = 9;
    world.agent.tell(status, Vec::new());
    assert_eq!(ask("127.0.0.1").await, "Success");
    let refusals = [
        (format!("DBInstanceId={id}&SrcIp=localhost"), "400 InvalidSrcIp.Malformed"),
        (format!("DBInstanceId={id}"), "400 MissingSrcIp"),
        ("DBInstanceId=r-none&SrcIp=127.0.0.1".to_owned(), "404 InvalidInstanceId.NotFound"),
    ];
    for (params, expected) in refusals {
        let said = world.refusal("DescribeDbInstanceConnectivity", &params).await;
        assert_eq!(said, expected, "{params}");
    }
}

#[tokio::test]
async fn there_are_no_security_groups_to_bind() {
    let world = World::new();
    let id = world.instance("").await;
    let change = async |groups: &str| {
        let params = format!("DBInstanceId={id}&{groups}");
        world.call("ModifySecurityGroupConfiguration", &params).await.body
    };
    assert_eq!(change("SecurityGroupId=").await["Code"], Value::Null);
    assert_eq!(change("").await["Code"], "MissingSecurityGroupId");
    let refused = change("SecurityGroupId=sg-1").await;
    assert_eq!(refused["Code"], "InvalidSecurityGroupId.NotFound");
    let text = refused["Message"].as_str().expect("a text");
    assert!(text.contains("sg-1") && text.contains("ModifySecurityIps"), "{text}");
}
