//! What happens to an instance as a whole: several made at a time, limits, resource groups.

use crate::testing::World;
use serde_json::{Value, json};

/// `CreateInstances` with this list.
fn list(items: &Value) -> String {
    let pairs = [("Instances", items.to_string())];
    let encode = |(name, value): &(&str, String)| {
        let bytes = value.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        format!("{name}={bytes}")
    };
    pairs.iter().map(encode).collect()
}

fn one(more: Value) -> Value {
    let mut item = json!({"RegionId": "cn-hangzhou", "InstanceClass": "redis.shard.micro.ce"});
    let fields = more.as_object().expect("an object").clone();
    item.as_object_mut().expect("an object").extend(fields);
    item
}

async fn count(world: &World) -> i64 {
    let listed = world.ok("DescribeInstances", "RegionId=cn-hangzhou&PageSize=50").await;
    listed["TotalCount"].as_i64().expect("a number")
}

#[tokio::test]
async fn several_at_a_time_and_again_with_the_same_token() {
    let world = World::new();
    let items = json!([
        one(json!({"InstanceName": "first", "Port": 7000, "Password": "Abcdefg1"})),
        one(json!({"Port": "7000", "Tag": [{"Key": "a", "Value": "1"}, {"Key": "b"}]})),
        one(json!({"EngineVersion": "6.0"})),
    ]);
    let params = format!("{}&Token=t&EngineVersion=7.0&ResourceGroupId=rg-x", list(&items));
    let made = world.ok("CreateInstances", &params).await;
    let ids = made["InstanceIds"]["InstanceId"].as_array().expect("ids").clone();
    assert_eq!(ids.len(), 3);
    let mut seen = Vec::new();
    for id in &ids {
        let id = id.as_str().expect("an id");
        world.until(id, "Normal").await;
        let shown = world.ok("DescribeInstanceAttribute", &format!("InstanceId={id}")).await;
        seen.push(shown["Instances"]["DBInstanceAttribute"][0].clone());
    }
    let fields = |name: &str| seen.iter().map(|item| item[name].clone()).collect::<Vec<_>>();
    assert_eq!(fields("EngineVersion"), ["7.0", "7.0", "6.0"]);
    assert_eq!(fields("Port"), [7000, 7001, 6379]);
    assert_eq!(fields("InstanceName"), ["first", "", ""]);
    assert_eq!(fields("ResourceGroupId"), ["rg-x"; 3]);
    assert_eq!(seen[1]["Tags"]["Tag"][1], json!({"Key": "b", "Value": ""}));
    assert_eq!(world.ok("CreateInstances", &params).await["InstanceIds"], made["InstanceIds"]);
    let other = format!("{}&Token=t", list(&items));
    assert_eq!(world.refusal("CreateInstances", &other).await, "400 IdempotentParameterMismatch");
    assert_eq!(count(&world).await, 3);
    let audit = Value::from(world.audit()).to_string();
    assert!(!audit.contains("Abcdefg1"), "{audit}");
}

#[tokio::test]
async fn all_or_none() {
    let world = World::new();
    let good = || one(json!({}));
    let refused = |items| (list(&items), "400 InvalidInstances.Malformed");
    let rows = [
        refused(json!([])),
        refused(json!({})),
        refused(json!([1])),
        refused(json!([{"RegionId": {}}])),
        (String::new(), "400 MissingInstances"),
        ("Instances=nonsense".into(), "400 InvalidInstances.Malformed"),
        (list(&json!([good(), {"RegionId": "cn-hangzhou"}])), "400 MissingParameter"),
        (list(&json!([good(), one(json!({"Port": 1}))])), "400 InvalidPort.Malformed"),
        (list(&json!([good(), one(json!({"ShardCount": 2}))])), "403 InstanceType.NotSupport"),
        (list(&Value::from(vec![good(); 13])), "400 QuotaExceed"),
        (list(&Value::from(vec![good(); 51])), "400 InvalidInstances.Malformed"),
        (format!("{}&Token=a b", list(&json!([good()]))), "400 InvalidToken.Malformed"),
        (format!("{}&ResourceGroupId=x", list(&json!([good()]))), "400 ResourceGroupNotExist"),
    ];
    for (params, expected) in rows {
        assert_eq!(world.refusal("CreateInstances", &params).await, expected, "{params}");
    }
    let answer = world.call("CreateInstances", &list(&json!([good(), {}]))).await;
    let text = answer.body["Message"].as_str().expect("a text").to_owned();
    assert!(text.starts_with("Instances[1]: RegionId"), "{text}");
    assert_eq!(count(&world).await, 0);
}

#[tokio::test]
async fn the_limit_of_the_installation() {
    let world = World::new();
    world.ok("CreateInstances", &list(&Value::from(vec![one(json!({})); 12]))).await;
    let params = "RegionId=cn-hangzhou&InstanceClass=redis.shard.micro.ce";
    for more in ["", "&DryRun=true"] {
        let answer = world.call("CreateInstance", &format!("{params}{more}")).await;
        assert_eq!(answer.body["Code"], "QuotaExceed");
        let text = answer.body["Message"].as_str().expect("a text");
        assert!(text.contains("12 of at most 12") && text.contains("--max-instances"), "{text}");
    }
}

#[tokio::test]
async fn a_tair_instance() {
    let world = World::new();
    let params = "RegionId=cn-hangzhou&InstanceClass=tair.rdb.2g&InstanceType=tair_rdb\
                  &ShardType=MASTER_SLAVE&ClientToken=t&EngineVersion=7.0";
    assert_eq!(
        world.refusal("CreateTairInstance", &format!("{params}&DryRun=true")).await,
        "400 DryRunOperation"
    );
    let made = world.ok("CreateTairInstance", params).await;
    let id = made["InstanceId"].as_str().expect("an id");
    assert!(made["TaskId"].as_str().is_some_and(|task| task.starts_with("t-")), "{made}");
    world.until(id, "Normal").await;
    let shown = world.ok("DescribeInstanceAttribute", &format!("InstanceId={id}")).await;
    let item = &shown["Instances"]["DBInstanceAttribute"][0];
    assert_eq!(
        (&item["InstanceClass"], &item["Capacity"], &item["NodeType"]),
        (&"tair.rdb.2g".into(), &2048.into(), &"MASTER_SLAVE".into())
    );
    assert_eq!(world.ok("CreateTairInstance", params).await["InstanceId"], id);
    let rows = [
        ("InstanceType=x", "400 InvalidInstanceType.Malformed"),
        ("InstanceType=tair_scm", "403 InstanceType.NotSupport"),
        ("InstanceClass=tair.rdb.3g", "400 InvalidInstanceClass.NotFound"),
        ("InstanceClass=", "400 MissingInstanceClass"),
        ("Port=x", "400 InvalidPort.Malformed"),
        ("ClientToken=a b", "400 InvalidToken.Malformed"),
    ];
    for (change, expected) in rows {
        let params = params.replace("&ClientToken=t", "");
        let (name, _) = change.split_once('=').expect("name=value");
        let kept: Vec<_> =
            params.split('&').filter(|p| !p.starts_with(&format!("{name}="))).collect();
        let params = format!("{}&{change}", kept.join("&"));
        assert_eq!(world.refusal("CreateTairInstance", &params).await, expected, "{params}");
    }
    assert_eq!(count(&world).await, 1);
}

#[tokio::test]
async fn resource_groups() {
    let world = World::new();
    let (a, b) = (world.instance("").await, world.instance("ResourceGroupId=rg-b").await);
    let members = async |group: &str| {
        let params = format!("RegionId=cn-hangzhou&ResourceGroupId={group}");
        let listed = world.ok("DescribeInstances", &params).await;
        let items = listed["Instances"]["KVStoreInstance"].as_array().expect("a list").clone();
        items.iter().map(|item| item["InstanceId"].as_str().expect("id").to_owned()).collect()
    };
    let found: [Vec<String>; 3] =
        [members("rg-default").await, members("rg-b").await, members("rg-c").await];
    assert_eq!(found, [vec![a.clone()], vec![b.clone()], vec![]]);
    let on = format!("RegionId=cn-hangzhou&InstanceId={a}");
    world.ok("ModifyResourceGroup", &format!("{on}&ResourceGroupId=rg-c")).await;
    let found: Vec<String> = members("rg-c").await;
    assert_eq!(found, [a]);
    let rows = [
        (on.clone(), "400 MissingResourceGroupId"),
        (format!("{on}&ResourceGroupId=c"), "400 ResourceGroupNotExist"),
        (
            "RegionId=cn-hangzhou&InstanceId=r-x&ResourceGroupId=rg-c".into(),
            "404 InvalidInstanceId.NotFound",
        ),
    ];
    for (params, expected) in rows {
        assert_eq!(world.refusal("ModifyResourceGroup", &params).await, expected, "{params}");
    }
    let mut foreign = world.request("ModifyResourceGroup", &format!("{on}&ResourceGroupId=rg-z"));
    foreign.principal.account_id = "9999999999999999".into();
    assert_eq!(world.control.call(foreign).await.body["Code"], "InvalidInstanceId.NotFound");
}
