//! Active operations: what waits is listed, moved and given up, by those who may.

use super::identity::{document, ok, user};
use crate::control::Control;
use crate::testing::World;
use serde_json::{Value, json};

/// From the tests' noon to 19:00 UTC, inside the default window.
const TO_WINDOW_MS: i64 = 7 * 3_600_000;

async fn restart_later(world: &World, id: &str) {
    let params = format!("InstanceId={id}&EffectiveTime=MaintainTime");
    world.ok("RestartInstance", &params).await;
}

async fn items(world: &World, params: &str) -> Vec<Value> {
    let answer = world.ok("DescribeActiveOperationTasks", params).await;
    let items = answer["Items"].as_array().expect("a list").clone();
    assert_eq!(answer["TotalRecordCount"], items.len());
    items
}

/// The number of the only operation that waits.
async fn waiting(world: &World) -> i64 {
    let [one] = &items(world, "Status=3").await[..] else { panic!("one waits") };
    one["Id"].as_i64().expect("a number")
}

#[tokio::test]
async fn what_waits_is_shown_and_found() {
    let world = World::new();
    let id = world.instance("InstanceName=cache&EngineVersion=7.0&ZoneId=cn-hangzhou-h").await;
    world.ok("RestartInstance", &format!("InstanceId={id}")).await;
    world.until(&id, "Normal").await;
    assert!(items(&world, "").await.is_empty(), "what was begun at once is none");
    restart_later(&world, &id).await;
    let number = waiting(&world).await;
    let expected = json!({
        "Id": number,
        "InsName": id,
        "InsComment": "cache",
        "Region": "cn-hangzhou",
        "CurrentAVZ": "cn-hangzhou-h",
        "DbType": "redis",
        "DbVersion": "7.0",
        "TaskType": "RestartIns",
        "TaskTypeEn": "Restart",
        "TaskTypeZh": "重启",
        "Status": 3,
        "AllowCancel": "1",
        "AllowChange": "1",
        "ChangeLevel": "S1",
        "ChangeLevelEn": "System maintenance",
        "ChangeLevelZh": "系统运维",
        "Impact": "Transient disconnection",
        "ImpactEn": "Transient disconnection",
        "ImpactZh": "闪断",
        "CreatedTime": "2026-11-22T12:51:19Z",
        "ModifiedTime": "2026-11-22T12:51:19Z",
        "StartTime": "2026-11-22T18:00:00Z",
        "SwitchTime": "2026-11-22T18:00:00Z",
        "Deadline": "2026-12-23T12:51:19Z",
        "PrepareInterval": "00:00:00",
        "ResultInfo": "",
        "SubInsNames": [],
        "TaskParams": "{}",
    });
    assert_eq!(items(&world, "").await, [expected]);
    for (params, count) in [
        ("Region=all&TaskType=all&Status=-1&AllowCancel=-1&AllowChange=-1&ChangeLevel=all", 1),
        ("Region=cn-hangzhou&DbType=redis&ProductId=Redis&ChangeLevel=S1", 1),
        (&*format!("InsName={id}&AllowCancel=1&AllowChange=1&TaskType=RestartIns"), 1),
        ("Region=cn-beijing", 0),
        ("TaskType=rds_apsaradb_upgrade", 0),
        ("Status=5", 0),
        ("InsName=r-none", 0),
        ("AllowCancel=0", 0),
        ("AllowChange=0", 0),
        ("ChangeLevel=S0", 0),
        ("ProductId=RDS", 0),
    ] {
        assert_eq!(items(&world, params).await.len(), count, "{params}");
    }
    let count = world.ok("DescribeActiveOperationTaskCount", "RegionId=cn-hangzhou").await;
    assert_eq!((&count["TaskCount"], &count["NeedPop"]), (&json!(1), &json!(0)));
    for (history, expected) in [("", 1), ("&IsHistory=0", 1), ("&IsHistory=1", 0)] {
        let params = format!("Region=all&TaskType=all{history}");
        let older = world.ok("DescribeActiveOperationTask", &params).await;
        assert_eq!(older["TotalRecordCount"], expected, "{history}");
        assert_eq!(older["PageSize"], 30);
    }
    let missing = world.refusal("DescribeActiveOperationTask", "Region=all").await;
    assert_eq!(missing, "400 MissingTaskType");
}

#[tokio::test]
async fn an_upgrade_has_its_name_and_ends_in_the_history() {
    let world = World::new();
    let id = world.instance("").await;
    let upgrade = format!("InstanceId={id}&EffectiveTime=MaintainTime");
    world.ok("ModifyInstanceMinorVersion", &upgrade).await;
    let number = waiting(&world).await;
    assert_eq!(items(&world, "TaskType=rds_apsaradb_upgrade").await.len(), 1);
    world.later(TO_WINDOW_MS);
    let over = async || !items(&world, "Status=5").await.is_empty();
    world.until_true(over, "the upgrade").await;
    let [one] = &items(&world, "AllowCancel=0").await[..] else { panic!("one has ended") };
    assert_eq!((&one["Id"], &one["AllowChange"]), (&json!(number), &json!("0")));
    let older = "Region=all&TaskType=rds_apsaradb_upgrade&IsHistory=1";
    let older = world.ok("DescribeActiveOperationTask", older).await;
    assert_eq!(older["Items"][0]["Status"], 5);
    for action in ["CancelActiveOperationTasks", "ModifyActiveOperationTasks"] {
        let params = format!("Ids={number}&ImmediateStart=1");
        let refused = world.refusal(action, &params).await;
        assert_eq!(refused, "403 OperationDenied.TaskStatus", "{action}");
    }
}

#[tokio::test]
async fn what_waits_is_moved_and_begun_at_its_time() {
    let world = World::new();
    let id = world.instance("").await;
    restart_later(&world, &id).await;
    let number = waiting(&world).await;
    for (params, expected) in [
        (format!("Ids={number}"), "400 MissingSwitchTime"),
        (format!("Ids={number}&SwitchTime=soon"), "400 InvalidSwitchTime.Malformed"),
        (
            format!("Ids={number}&SwitchTime=2026-11-22T12:50:00Z"),
            "400 InvalidSwitchTime.Malformed",
        ),
        (
            format!("Ids={number}&SwitchTime=2026-12-23T12:51:20Z"),
            "400 InvalidSwitchTime.Malformed",
        ),
        ("Ids=x&ImmediateStart=1".into(), "400 InvalidIds.Malformed"),
        ("Ids=5&ImmediateStart=1".into(), "404 InvalidTaskId.NotFound"),
        (format!("Ids={number},5&ImmediateStart=1"), "404 InvalidTaskId.NotFound"),
    ] {
        let said = world.refusal("ModifyActiveOperationTasks", &params).await;
        assert_eq!(said, expected, "{params}");
    }
    // Past the window of today and before that of tomorrow.
    let at = "2026-11-23T09:00:00Z";
    let moved = format!("Ids={number}&SwitchTime={at}");
    let said = world.ok("ModifyActiveOperationTask", &moved).await;
    assert_eq!(said["Ids"], number.to_string());
    assert_eq!(items(&world, "").await[0]["SwitchTime"], at);
    let restarted = || world.agent.specs().iter().any(|spec| spec.incarnation == 2);
    world.later(TO_WINDOW_MS);
    world.planned(&id).await;
    assert_eq!((waiting(&world).await, restarted()), (number, false), "not in the window");
    world.later(2 * TO_WINDOW_MS);
    world.until_true(async || restarted(), "the restart").await;

    world.until(&id, "Normal").await;
    restart_later(&world, &id).await;
    let number = waiting(&world).await;
    let now = format!("Ids={number}&ImmediateStart=1");
    world.ok("ModifyActiveOperationTasks", &now).await;
    let again = async || world.agent.specs().iter().any(|spec| spec.incarnation == 3);
    world.until_true(again, "the second restart, outside the window").await;
}

#[tokio::test]
async fn what_waits_is_given_up_all_or_none() {
    let world = World::new();
    let (a, b) = (world.instance("").await, world.instance("").await);
    for id in [&a, &a, &b] {
        restart_later(&world, id).await;
    }
    let numbers: Vec<_> =
        items(&world, "Status=3").await.iter().map(|i| i["Id"].to_string()).collect();
    let all = numbers.join(",");
    let one_unknown = world.refusal("CancelActiveOperationTasks", &format!("Ids={all},5")).await;
    assert_eq!(one_unknown, "404 InvalidTaskId.NotFound");
    assert_eq!(items(&world, "Status=3").await.len(), 3);
    let twice = format!("Ids={all},{}", numbers[0]);
    world.ok("CancelActiveOperationTasks", &twice).await;
    assert_eq!((items(&world, "Status=7").await.len(), items(&world, "").await.len()), (3, 3));
    world.later(TO_WINDOW_MS);
    world.planned(&a).await;
    assert!(world.agent.specs().iter().all(|spec| spec.incarnation == 1), "nothing is restarted");
    let history =
        "RegionId=cn-hangzhou&FromStartTime=2026-11-22T00:00Z&ToStartTime=2026-11-23T00:00Z";
    let history = format!("{history}&TaskType=RestartIns&Status=Canceled");
    assert_eq!(world.ok("DescribeHistoryTasks", &history).await["TotalCount"], 3);
}

#[tokio::test]
async fn only_those_who_may_change_the_instance_touch_its_operations() {
    let world = World::new();
    let id = world.instance("").await;
    restart_later(&world, &id).await;
    let number = waiting(&world).await;
    let mut call = world.request("CancelActiveOperationTasks", &format!("Ids={number}"));
    call.principal = Control::root("1999999999999999");
    let foreign = world.control.call(call.clone()).await.body;
    assert_eq!(foreign["Code"], "InvalidTaskId.NotFound");
    let arn = format!("acs:kvstore:*:*:instance/{id}");
    for (name, effect) in [("denied", "Deny"), ("of-one", "Allow")] {
        call.principal = user(&world, name).await;
        let document = document(effect, "kvstore:*", &arn);
        let policy = [("PolicyName", name), ("PolicyDocument", &*document)];
        ok(&world, "CreatePolicy", &policy).await;
        let attached = [("PolicyType", "Custom"), ("PolicyName", name), ("UserName", name)];
        ok(&world, "AttachPolicyToUser", &attached).await;
        let all =
            [("PolicyType", "System"), ("PolicyName", "AdministratorAccess"), ("UserName", name)];
        if effect == "Deny" {
            ok(&world, "AttachPolicyToUser", &all).await;
        }
        let said = world.control.call(call.clone()).await;
        let expected = if effect == "Deny" { 403 } else { 200 };
        assert_eq!(said.status, expected, "{name}: {}", said.body);
    }
    assert_eq!(items(&world, "Status=7").await.len(), 1);
}

async fn preference(world: &World, params: &str) -> String {
    world.refusal("ModifyActiveOperationMaintainConfig", params).await
}

const SATURDAYS: &str =
    "Status=1&CycleType=Week&CycleTime=6&MaintainStartTime=02:00:00Z&MaintainEndTime=04:00:00Z";

#[tokio::test]
async fn an_account_prefers_days_for_what_waits() {
    let world = World::new();
    let describe = async || {
        let read = world.ok("DescribeActiveOperationMaintenanceConfig", "").await;
        (read["HasConfig"].clone(), read["Config"].clone())
    };
    let none = json!({
        "CycleType": "", "CycleTime": "0", "MaintainStartTime": "", "MaintainEndTime": "",
        "Status": 2, "CreatedTime": "", "ModifiedTime": "",
    });
    assert_eq!(describe().await, (json!(0), none));
    let before = world.instance("").await;
    restart_later(&world, &before).await;
    assert_eq!(preference(&world, SATURDAYS).await, "200 no error");
    let config = json!({
        "CycleType": "Week", "CycleTime": "6",
        "MaintainStartTime": "02:00:00Z", "MaintainEndTime": "04:00:00Z",
        "Status": 1, "CreatedTime": "2026-11-22T12:51:19Z", "ModifiedTime": "2026-11-22T12:51:19Z",
    });
    assert_eq!(describe().await, (json!(1), config.clone()));
    let after = world.instance("").await;
    restart_later(&world, &after).await;
    for one in items(&world, "Status=3").await {
        assert_eq!(one["SwitchTime"], "2026-11-28T02:00:00Z", "{one}");
    }
    // Inside the window of each instance, and not on the day.
    world.later(TO_WINDOW_MS);
    world.planned(&after).await;
    assert_eq!(items(&world, "Status=3").await.len(), 2);
    assert_eq!(preference(&world, "Status=2").await, "200 no error");
    let over = async || items(&world, "Status=5").await.len() == 2;
    world.until_true(over, "what waited, in the window that is open").await;
    let (has, shown) = describe().await;
    assert_eq!((has, &shown["Status"], &shown["CycleTime"]), (json!(1), &json!(2), &json!("0")));
    assert_eq!(shown["CycleType"], "Week");
}

#[tokio::test]
async fn faults_of_preferences_have_their_codes() {
    let world = World::new();
    for (change, expected) in [
        (("Status=1", "Status=3"), "400 InvalidStatus.Malformed"),
        (("Status=1&CycleType=Week", ""), "400 MissingCycleType"),
        (("Week", "Year"), "400 InvalidCycleType.Malformed"),
        (("CycleTime=6", "CycleTime=8"), "400 InvalidCycleTime.Malformed"),
        (("CycleTime=6", "CycleTime="), "400 MissingCycleTime"),
        (("02:00:00Z", "02:00Z"), "400 InvalidMaintainStartTime.Malformed"),
        (("04:00:00Z", "02:59:00Z"), "400 InvalidMaintainEndTime.Malformed"),
    ] {
        let params = SATURDAYS.replace(change.0, change.1);
        assert_eq!(preference(&world, &params).await, expected, "{params}");
    }
    let read = world.ok("DescribeActiveOperationMaintenanceConfig", "").await;
    assert_eq!(read["HasConfig"], 0);
    assert_eq!(preference(&world, SATURDAYS).await, "200 no error");
    let mut call = world.request("DescribeActiveOperationMaintenanceConfig", "");
    call.principal = Control::root("1999999999999999");
    assert_eq!(world.control.call(call).await.body["HasConfig"], 0, "of its own account only");
}

#[tokio::test]
async fn instances_that_are_made_meanwhile_keep_to_it_too() {
    let world = World::new();
    let create = "RegionId=cn-hangzhou&InstanceClass=redis.shard.micro.ce";
    for at in 0..6 {
        let wish = if at % 2 == 0 { SATURDAYS } else { "Status=2" };
        let (made, said) =
            tokio::join!(world.ok("CreateInstance", create), preference(&world, wish),);
        assert_eq!(said, "200 no error");
        let id = made["InstanceId"].as_str().expect("an id");
        world.until(id, "Normal").await;
        let store = world.control.shared.store.as_ref();
        let all = crate::store::documents::instances(store).expect("read");
        let kept = all.iter().map(|read| read.value.cycle.is_some());
        assert!(kept.eq(all.iter().map(|_| at % 2 == 0)), "all or none");
    }
}
