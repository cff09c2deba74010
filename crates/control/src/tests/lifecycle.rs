//! What happens to an instance as a whole: several made at a time, limits, resource groups.

use crate::store::{Kind, documents};
use crate::testing::{Fault, World};
use admin::agent::NodePhase;
use control_model::Task;
use control_model::task::Outcome;
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

/// Type and end of each task but the creation, the oldest first.
fn ends(world: &World) -> Vec<(&'static str, Option<Outcome>)> {
    let tasks = documents::list::<Task>(world.control.shared.store.as_ref(), Kind::Task);
    let tasks = tasks.expect("listed").into_iter().map(|read| read.value);
    let ends = tasks.map(|task| (task.kind.row().name, task.ended.map(|(_, how)| how)));
    ends.filter(|(name, _)| *name != "CreateIns").collect()
}

fn ports(world: &World) -> Vec<String> {
    let claims = world.control.shared.store.list(Kind::Port).expect("listed");
    claims.into_iter().map(|claim| claim.id).collect()
}

#[tokio::test]
async fn an_endpoint_moves_to_another_port() {
    let faults = [
        vec![],
        vec![Fault::LostBefore, Fault::LostBefore],
        vec![Fault::LostAfter, Fault::LostAfter],
        vec![Fault::Refused],
    ];
    for faults in faults {
        let world = World::new();
        let id = world.instance("Port=7000").await;
        world.agent.script(&faults);
        let on = format!("DBInstanceId={id}&CurrentConnectionString=127.0.0.1");
        world.ok("ModifyDBInstanceConnectionString", &format!("{on}&Port=7100")).await;
        world.until(&id, "Normal").await;
        let spec = world.agent.specs().pop().expect("applied");
        assert_eq!((spec.port, spec.incarnation), (7100, 2), "{faults:?}");
        let done = async || ends(&world) == [("ModifyInsConnStr", Some(Outcome::Succeed))];
        world.until_true(done, "the end of the task").await;
        assert_eq!(ports(&world), ["7100"], "the former one is free");
        let shown = world.ok("DescribeDBInstanceNetInfo", &format!("InstanceId={id}")).await;
        assert_eq!(shown["NetInfoItems"]["InstanceNetInfo"][0]["Port"], "7100");
    }
}

#[tokio::test]
async fn an_endpoint_stays_when_the_host_cannot_give_the_port() {
    let world = World::new();
    let id = world.instance("Port=7000").await;
    world.agent.script(&[Fault::PortInUse]);
    let on = format!("DBInstanceId={id}&CurrentConnectionString=127.0.0.1");
    world.ok("ModifyDBInstanceConnectionString", &format!("{on}&Port=7100")).await;
    let failed = async || ends(&world) == [("ModifyInsConnStr", Some(Outcome::Failed))];
    world.until_true(failed, "the end of the task").await;
    world.until(&id, "Normal").await;
    assert_eq!(ports(&world), ["7000"]);
    let other = world.instance("Port=7200").await;
    let rows = [
        (format!("{on}&Port=7000"), "400 InvalidConnectionStringOrPort.Duplicate"),
        (format!("{on}&Port=7200"), "400 InvalidConnectionStringOrPort.Duplicate"),
        (format!("{on}&Port=80"), "400 InvalidPort.Malformed"),
        (on.clone(), "400 MissingParameter"),
        (format!("{on}&Port=7300&IPType=Public"), "400 InvalidIPType.Format"),
        (format!("{on}&NewConnectionString=short"), "400 InvalidConnectionString.Format"),
        (format!("{on}&NewConnectionString=mycache123"), "400 NewConnectionStringNotSupport"),
        (
            format!("DBInstanceId={id}&CurrentConnectionString=x&Port=7300"),
            "400 InvalidConnectionString.Format",
        ),
        (
            "DBInstanceId=r-x&CurrentConnectionString=127.0.0.1&Port=7300".into(),
            "404 InvalidInstanceId.NotFound",
        ),
    ];
    for (params, expected) in rows {
        let found = world.refusal("ModifyDBInstanceConnectionString", &params).await;
        assert_eq!(found, expected, "{params}");
    }
    assert_eq!((ports(&world).len(), other.is_empty()), (2, false));
}

#[tokio::test]
async fn the_newest_program_and_tasks_one_by_one() {
    let world = World::new();
    let id = world.instance("").await;
    let on = format!("InstanceId={id}");
    let minor = async |params: &str| {
        world.refusal("ModifyInstanceMinorVersion", &format!("{on}&{params}")).await
    };
    assert_eq!(minor("Minorversion=redis-9").await, "400 InvalidMinorversion.Malformed");
    assert_eq!(minor("Minorversion=latest_version").await, "200 no error");
    world.until(&id, "Normal").await;
    assert_eq!(world.agent.specs().pop().expect("applied").incarnation, 2);
    let done = async || ends(&world) == [("UpgradeMinorVersion", Some(Outcome::Succeed))];
    world.until_true(done, "the end of the task").await;

    let tasks = documents::list::<Task>(world.control.shared.store.as_ref(), Kind::Task);
    for task in tasks.expect("listed") {
        let params = format!("{on}&TaskId={}", task.value.task_id);
        assert_eq!(world.ok("DescribeTaskDetail", &params).await["Status"], "Succeed");
    }
    let unknown = world.refusal("DescribeTaskDetail", &format!("{on}&TaskId=t-x")).await;
    assert_eq!(unknown, "404 InvalidTaskId.NotFound");
    let range = "RegionId=a1&FromStartTime=2020-01-01T00:00Z&ToStartTime=2099-01-01T00:00Z";
    let stat = world.ok("DescribeHistoryTasksStat", range).await;
    assert_eq!(stat["Items"], json!([{"Status": "Succeed", "TotalCount": 2}]));

    let open = async || world.ok("DescribeEngineVersion", &on).await["IsAutoUpgradeOpen"].clone();
    assert_eq!(open().await, "0");
    world.ok("ModifyDBInstanceAutoUpgrade", &format!("DBInstanceId={id}&Value=1")).await;
    assert_eq!(open().await, "1");
    let wrong = format!("DBInstanceId={id}&Value=2");
    let wrong = world.refusal("ModifyDBInstanceAutoUpgrade", &wrong).await;
    assert_eq!(wrong, "400 InvalidValue.Malformed");
    let bandwidth = world.ok("DescribeIntranetAttribute", &on).await;
    assert_eq!(bandwidth["IntranetBandwidth"], 24);
    let same = format!("{on}&InstanceClass=redis.shard.micro.ce");
    let refusal = world.refusal("ModifyInstanceSpec", &same).await;
    assert_eq!(refusal, "400 InvalidInstanceClass.NotChanged");
}

#[tokio::test]
async fn bandwidth_is_raised_until_it_is_reset_or_the_class_changes() {
    let world = World::new();
    let id = world.instance("").await;
    let on = format!("InstanceId={id}");
    let target = |mb_per_s: &str| format!("{on}&TargetIntranetBandwidth={mb_per_s}");
    let told = || {
        let spec = world.agent.specs().pop().expect("applied");
        (spec.settings.bandwidth_bytes_per_s >> 20, spec.incarnation)
    };
    let shown = async || {
        let attribute = world.ok("DescribeInstanceAttribute", &on).await;
        let item = attribute["Instances"]["DBInstanceAttribute"][0].clone();
        let roles = world.ok("DescribeRoleZoneInfo", &on).await["Node"]["NodeInfo"][0].clone();
        let topology = world.ok("DescribeLogicInstanceTopology", &on).await;
        let shard = &topology["RedisShardList"]["NodeInfo"][0];
        let intranet = world.ok("DescribeIntranetAttribute", &on).await;
        assert_eq!(item["Bandwidth"], intranet["IntranetBandwidth"]);
        assert_eq!(item["Bandwidth"], roles["CurrentBandWidth"]);
        assert_eq!(item["Bandwidth"].to_string(), shard["Bandwidth"].as_str().expect("text"));
        json!([item["Bandwidth"], roles["DefaultBandWidth"], roles["IsOpenBandWidthService"]])
    };
    let settled = async |count: usize| {
        let all = ends(&world);
        let over = Some(Outcome::Succeed);
        all.iter().filter(|end| **end == ("ModifyInsBandwidth", over)).count() == count
            && world.status(&id).await == "Normal"
    };
    assert_eq!((told(), shown().await), ((24, 1), json!([24, 24, false])));
    let order = world.ok("ModifyInstanceBandwidth", &target("168")).await;
    assert!(order["OrderId"].as_str().is_some_and(|task| task.starts_with("t-")));
    world.until_true(async || settled(1).await, "more bandwidth").await;
    assert_eq!((told(), shown().await), ((168, 1), json!([168, 24, true])));
    world.ok("ModifyInstanceBandwidth", &target("24")).await;
    world.until_true(async || settled(2).await, "that of the class").await;
    assert_eq!((told(), shown().await), ((24, 1), json!([24, 24, false])));
    world.ok("ModifyInstanceBandwidth", &target("60")).await;
    world.until_true(async || settled(3).await, "more again").await;
    let larger = format!("{on}&InstanceClass=redis.shard.large.ce");
    world.ok("ModifyInstanceSpec", &larger).await;
    world.until_true(async || told().0 == 96, "another class").await;
    assert_eq!(shown().await, json!([96, 96, false]));
    world.until_true(async || world.status(&id).await == "Normal", "its end").await;
    for wrong in ["95", "289", "0", "-1", "many", "4294967392"] {
        let refusal = world.refusal("ModifyInstanceBandwidth", &target(wrong)).await;
        assert_eq!(refusal, "400 InvalidTargetIntranetBandwidth.Malformed", "{wrong}");
    }
    let refusal = world.refusal("ModifyInstanceBandwidth", &on).await;
    assert_eq!(refusal, "400 MissingTargetIntranetBandwidth");
    let unknown = "InstanceId=r-0000000000000000&TargetIntranetBandwidth=96";
    let refusal = world.refusal("ModifyInstanceBandwidth", unknown).await;
    assert_eq!(refusal, "404 InvalidInstanceId.NotFound");
    let mut stranger = world.request("ModifyInstanceBandwidth", &target("96"));
    stranger.principal.account_id = "9999999999999999".into();
    let answer = world.control.call(stranger).await;
    assert_eq!((answer.status, &answer.body["Code"]), (404, &"InvalidInstanceId.NotFound".into()));
    world.agent.come_up_as(NodePhase::Starting);
    world.ok("RestartInstance", &on).await;
    let refusal = world.refusal("ModifyInstanceBandwidth", &target("192")).await;
    assert_eq!(refusal, "403 IncorrectDBInstanceState");
}
