//! Tasks: opened with the wish, ended with the fact, put off to the maintenance window.

use crate::testing::World;
use admin::agent::NodePhase;
use admin::node::NodeStatus;
use serde_json::Value;

const RANGE: &str =
    "RegionId=cn-hangzhou&FromStartTime=2026-11-22T00:00Z&ToStartTime=2026-11-23T00:00Z";
/// From the tests' noon to 19:00 UTC, inside the default window.
const TO_WINDOW_MS: i64 = 7 * 3_600_000;

/// Type, status and step of all tasks, the oldest first; those of one moment by type.
async fn tasks(world: &World, more: &str) -> Vec<[String; 3]> {
    let answer = world.ok("DescribeHistoryTasks", &format!("{RANGE}&PageSize=100{more}")).await;
    let items = answer["Items"].as_array().expect("a list");
    assert_eq!(answer["TotalCount"], items.len());
    let text = |item: &Value, name: &str| item[name].as_str().expect("text").to_owned();
    let words = ["TaskType", "Status", "CurrentStepName"];
    let mut rows: Vec<_> =
        items.iter().map(|item| (text(item, "StartTime"), words.map(|w| text(item, w)))).collect();
    rows.sort();
    rows.into_iter().map(|(_, row)| row).collect()
}

#[tokio::test]
async fn a_life_in_tasks() {
    let world = World::new();
    let id = world.instance("InstanceName=cache").await;
    assert_eq!(tasks(&world, "").await, [["CreateIns", "Succeed", ""]]);
    world.later(2_000);
    let restarted = world.ok("RestartInstance", &format!("InstanceId={id}")).await;
    world.until(&id, "Normal").await;
    let task = format!("&TaskId={}", restarted["TaskId"].as_str().expect("an id"));
    let is_over = async || tasks(&world, &task).await == [["RestartIns", "Succeed", ""]];
    world.until_true(is_over, "the end of the restart").await;
    world.later(2_000);
    world.ok("DeleteInstance", &format!("InstanceId={id}")).await;
    world.until(&id, "gone").await;
    let seen = tasks(&world, &format!("&InstanceId={id}")).await;
    assert_eq!(
        seen.iter().map(|row| &row[0]).collect::<Vec<_>>(),
        ["CreateIns", "RestartIns", "DeleteIns"]
    );
    assert!(seen.iter().all(|row| row[1] == "Succeed"), "{seen:?}");
    let last = world.ok("DescribeHistoryTasks", &format!("{RANGE}&TaskType=DeleteIns")).await;
    let item = &last["Items"][0];
    assert_eq!((&item["Progress"], &item["InstanceName"]), (&100.into(), &"cache".into()));
    assert_eq!(item["StartTime"], "2026-11-22T12:51:23Z");
}

#[tokio::test]
async fn a_task_that_is_under_way_or_cannot_come_about() {
    let world = World::new();
    world.agent.come_up_as(NodePhase::Starting);
    let create = "RegionId=cn-hangzhou&InstanceClass=redis.shard.micro.ce";
    let made = world.ok("CreateInstance", create).await;
    let id = made["InstanceId"].as_str().expect("an id");
    let runs = async || tasks(&world, "").await == [["CreateIns", "Running", "start_node"]];
    world.until_true(runs, "the node").await;
    world.agent.show(|node| node.phase = NodePhase::Failed { reason: "scripted".into() });
    world.until(id, "Error").await;
    assert_eq!(tasks(&world, "").await, [["CreateIns", "Failed", "start_node"]]);
    world.later(1_000);
    world.ok("DeleteInstance", &format!("InstanceId={id}")).await;
    world.until(id, "gone").await;
    let end = [["CreateIns", "Canceled", ""], ["DeleteIns", "Succeed", ""]];
    assert_eq!(tasks(&world, "").await, end);
}

#[tokio::test]
async fn what_is_put_off_waits_for_the_window() {
    let world = World::new();
    let id = world.instance("").await;
    let on_id = format!("InstanceId={id}");
    let own = format!("&{on_id}");
    world.later(1_000);
    world.ok("RestartInstance", &format!("{on_id}&EffectiveTime=MaintainTime")).await;
    assert_eq!(world.status(&id).await, "Normal", "nothing is disturbed yet");
    let waits = [["CreateIns", "Succeed", ""], ["RestartIns", "Scheduled", "save_and_stop_node"]];
    assert_eq!(tasks(&world, &own).await, waits);
    world.later(1_000);
    world.planned(&id).await;
    assert_eq!(tasks(&world, &own).await, waits);
    assert_eq!(world.agent.specs().pop().expect("applied").incarnation, 1);
    world.later(TO_WINDOW_MS);
    let done = [["CreateIns", "Succeed", ""], ["RestartIns", "Succeed", ""]];
    world.until_true(async || tasks(&world, &own).await == done, "the restart").await;
    assert!(world.agent.specs().iter().any(|spec| spec.incarnation == 2));
    // Inside the window there is nothing to wait for.
    world.ok("RestartInstance", &format!("{on_id}&EffectiveTime=1")).await;
    let restarted = async || world.agent.specs().iter().any(|spec| spec.incarnation == 3);
    world.until_true(restarted, "the second restart").await;
}

#[tokio::test]
async fn deletion_gives_up_what_waits_and_protection_refuses_it() {
    let world = World::new();
    let id = world.instance("").await;
    let on_id = format!("InstanceId={id}");
    world.later(1_000);
    world.ok("RestartInstance", &format!("{on_id}&EffectiveTime=MaintainTime")).await;
    let protect = |on: &str| format!("{on_id}&InstanceReleaseProtection={on}");
    world.ok("ModifyInstanceAttribute", &protect("True")).await;
    let refusal = world.refusal("DeleteInstance", &on_id).await;
    assert_eq!(refusal, "403 InstanceReleaseProtection");
    world.ok("ModifyInstanceAttribute", &protect("false")).await;
    world.later(1_000);
    world.ok("DeleteInstance", &on_id).await;
    world.until(&id, "gone").await;
    let end = [
        ["CreateIns", "Succeed", ""],
        ["RestartIns", "Canceled", ""],
        ["DeleteIns", "Succeed", ""],
    ];
    assert_eq!(tasks(&world, "").await, end);
}

#[tokio::test]
async fn attributes_and_the_window_change_at_once() {
    let world = World::new();
    let id = world.instance("InstanceName=before").await;
    let on_id = format!("InstanceId={id}");
    let rows = [
        ("ModifyInstanceAttribute", "", "400 MissingParameter"),
        ("ModifyInstanceAttribute", "&InstanceName=1", "400 InvalidInstanceName.Malformed"),
        ("ModifyInstanceAttribute", "&NewPassword=short", "400 InvalidPassword.Malformed"),
        (
            "ModifyInstanceAttribute",
            "&InstanceName=after&InstanceReleaseProtection=maybe",
            "400 InvalidInstanceReleaseProtection.Malformed",
        ),
        (
            "ModifyInstanceMaintainTime",
            "&MaintainStartTime=25:00Z&MaintainEndTime=02:00Z",
            "400 InvalidStartTime.Format",
        ),
        (
            "ModifyInstanceMaintainTime",
            "&MaintainStartTime=01:00Z&MaintainEndTime=01:30Z",
            "400 InvalidEndTime.Format",
        ),
    ];
    for (action, params, expected) in rows {
        assert_eq!(world.refusal(action, &format!("{on_id}{params}")).await, expected, "{params}");
    }
    let applied = world.agent.specs().len();
    let window = "&MaintainStartTime=23:00Z&MaintainEndTime=01:00Z";
    world.ok("ModifyInstanceMaintainTime", &format!("{on_id}{window}")).await;
    world.ok("ModifyInstanceAttribute", &format!("{on_id}&InstanceName=after")).await;
    let seen = world.ok("DescribeInstanceAttribute", &on_id).await;
    let item = &seen["Instances"]["DBInstanceAttribute"][0];
    assert_eq!(item["InstanceName"], "after");
    assert_eq!(
        (&item["MaintainStartTime"], &item["MaintainEndTime"]),
        (&"23:00Z".into(), &"01:00Z".into())
    );
    assert_eq!(item["InstanceReleaseProtection"], false);
    assert_eq!(world.agent.specs().len(), applied, "no business of the node");
    world.ok("ModifyInstanceAttribute", &format!("{on_id}&NewPassword=Abcdefg1")).await;
    let spec = world.agent.specs().pop().expect("applied");
    assert_eq!(spec.settings.users[0].verifiers.len(), 1, "in force when the call returns");
}

#[tokio::test]
async fn tasks_are_filtered() {
    let world = World::new();
    let (a, b) = (world.instance("").await, world.instance("").await);
    world.later(1_000);
    world.ok("RestartInstance", &format!("InstanceId={a}&EffectiveTime=1")).await;
    let rows = [
        (String::new(), 3),
        (format!("&InstanceId={a}"), 2),
        (format!("&InstanceId={a},{b}"), 3),
        ("&Status=Scheduled".into(), 1),
        ("&Status=Scheduled,Succeed".into(), 3),
        ("&TaskType=CreateIns".into(), 2),
        ("&TaskId=t-x".into(), 0),
        ("&FromExecTime=1".into(), 0),
    ];
    for (more, expected) in rows {
        assert_eq!(tasks(&world, &more).await.len(), expected, "{more}");
    }
    let paged = world.ok("DescribeHistoryTasks", &format!("{RANGE}&PageSize=2&PageNumber=2")).await;
    assert_eq!(paged["Items"].as_array().map(Vec::len), Some(1));
    assert_eq!(paged["TotalCount"], 3);
    let region = "RegionId=cn-hangzhou";
    let rows = [
        ("&FromStartTime=now&ToStartTime=now", "400 InvalidFromStartTime.Malformed"),
        (
            "&FromStartTime=2026-11-22T12:00:00Z&ToStartTime=2026-11-22T11:00:00Z",
            "400 Param.Invalid.TimeEndBeforeStart",
        ),
        ("&FromStartTime=2026-11-22T12:00:00Z", "400 MissingToStartTime"),
    ];
    for (params, expected) in rows {
        let refusal = world.refusal("DescribeHistoryTasks", &format!("{region}{params}")).await;
        assert_eq!(refusal, expected, "{params}");
    }
    let mut stranger = world.request("DescribeHistoryTasks", RANGE);
    stranger.principal.account_id = "9999999999999999".into();
    assert_eq!(world.control.call(stranger).await.body["TotalCount"], 0);
}

#[tokio::test]
async fn another_class_is_taken_over_while_serving_and_must_fit() {
    let world = World::new();
    let id = world.instance("").await;
    let on_id = format!("InstanceId={id}");
    let to = |class: &str| format!("{on_id}&InstanceClass={class}");
    let maxmemory = || world.agent.specs().pop().expect("applied").settings.maxmemory_bytes;
    let over = async |count: usize| {
        let seen = tasks(&world, "&TaskType=ModifyInsSpec").await;
        seen.iter().filter(|row| row[1] == "Succeed").count() == count
    };
    let up = format!("{}&ClientToken=a", to("redis.shard.large.ce"));
    let first = world.ok("ModifyInstanceSpec", &up).await;
    world.until_true(async || over(1).await, "the larger class").await;
    assert_eq!(maxmemory(), 4 << 30);
    let spec = world.agent.specs().pop().expect("applied");
    assert_eq!(spec.incarnation, 1, "it serves on");
    assert_eq!(world.ok("ModifyInstanceSpec", &up).await["OrderId"], first["OrderId"]);
    let other = format!("{}&ClientToken=a", to("redis.shard.mid.2.ce"));
    let refusal = world.refusal("ModifyInstanceSpec", &other).await;
    assert_eq!(refusal, "400 IdempotentParameterMismatch");
    // The node cannot be asked: nothing says that the data would fit.
    let refusal = world.refusal("ModifyInstanceSpec", &to("redis.shard.mid.2.ce")).await;
    assert_eq!(refusal, "503 ServiceUnavailable");
    world.agent.tell(status_with(3 << 30), Vec::new());
    let answer = world.call("ModifyInstanceSpec", &to("redis.shard.mid.2.ce")).await;
    assert_eq!(
        (answer.status, &answer.body["Code"]),
        (403, &"TargetMemoryLessThanCurrentUsed".into())
    );
    let text = answer.body["Message"].as_str().expect("text");
    assert!(text.contains("3221225472") && text.contains("2147483648"), "{text}");
    world.agent.tell(status_with(1 << 20), Vec::new());
    world.ok("ModifyInstanceSpec", &to("redis.shard.mid.2.ce")).await;
    world.until_true(async || over(2).await, "the smaller class").await;
    assert_eq!(maxmemory(), 2 << 30);
    let seen = world.ok("DescribeInstanceAttribute", &on_id).await;
    let item = &seen["Instances"]["DBInstanceAttribute"][0];
    assert_eq!(item["RealInstanceClass"], "redis.shard.mid.2.ce");
    assert_eq!((&item["Capacity"], &item["IsOrderCompleted"]), (&2048.into(), &true.into()));
    let rows = [
        ("".to_owned(), "400 MissingParameter"),
        ("&InstanceClass=huge".into(), "400 InvalidInstanceClass.NotFound"),
        ("&InstanceClass=redis.shard.large.ce&ShardCount=2".into(), "403 InstanceType.NotSupport"),
        (
            "&InstanceClass=redis.shard.large.ce&MajorVersion=9.0".into(),
            "403 InstanceType.NotSupport",
        ),
    ];
    for (params, expected) in rows {
        let refusal = world.refusal("ModifyInstanceSpec", &format!("{on_id}{params}")).await;
        assert_eq!(refusal.split(' ').next(), expected.split(' ').next(), "{params} {refusal}");
    }
}

#[tokio::test]
async fn a_smaller_class_that_does_not_fit_any_more_fails_in_its_window() {
    let world = World::new();
    let id = world.instance("").await;
    let grow = format!("InstanceId={id}&InstanceClass=redis.shard.large.ce");
    world.ok("ModifyInstanceSpec", &grow).await;
    let own = format!("&InstanceId={id}&TaskType=ModifyInsSpec");
    let grown = async || tasks(&world, &own).await.iter().all(|row| row[1] == "Succeed");
    world.until_true(async || grown().await, "the larger class").await;
    world.agent.tell(status_with(1 << 20), Vec::new());
    let shrink = format!("InstanceId={id}&InstanceClass=redis.shard.mid.2.ce&EffectiveTime=1");
    world.later(1_000);
    world.ok("ModifyInstanceSpec", &shrink).await;
    world.agent.tell(status_with(3 << 30), Vec::new());
    world.later(TO_WINDOW_MS);
    let failed = async || tasks(&world, &own).await.iter().any(|row| row[1] == "Failed");
    world.until_true(async || failed().await, "the failure").await;
    assert_eq!(world.status(&id).await, "Normal");
    let applied = world.agent.specs();
    assert!(applied.iter().all(|spec| spec.settings.maxmemory_bytes != 2 << 30));
}

/// What a node says that uses so many bytes.
pub fn status_with(used_memory_bytes: u64) -> NodeStatus {
    let zero = |name: &str| (name.to_owned(), Value::from(0));
    let names = [
        "epoch",
        "generation",
        "uptime_ms",
        "loops",
        "maxmemory_bytes",
        "connections",
        "connections_received",
        "connections_refused",
        "commands",
        "commands_per_second",
        "net_input_bytes",
        "net_output_bytes",
        "keyspace_hits",
        "keyspace_misses",
        "keys",
        "keys_with_ttl",
        "expired_keys",
        "cpu_us",
        "changes_since_save",
        "last_save_unix_s",
    ];
    let mut fields: serde_json::Map<_, _> = names.map(zero).into_iter().collect();
    fields.insert("version".into(), "0".into());
    fields.insert("role".into(), "Primary".into());
    fields.insert("loading".into(), false.into());
    fields.insert("used_memory_bytes".into(), used_memory_bytes.into());
    serde_json::from_value(Value::Object(fields)).expect("a status")
}
