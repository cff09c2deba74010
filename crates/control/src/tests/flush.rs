//! Emptying data: numbered wishes in the node's settings, tasks, and who waits for the window.

use crate::testing::World;
use admin::Clears;
use admin::agent::NodePhase;
use serde_json::Value;
use std::collections::BTreeMap;

/// What the node was told last.
fn told(world: &World) -> Clears {
    world.agent.specs().pop().expect("applied").settings.clears
}

#[tokio::test]
async fn wishes_are_numbered_and_a_flush_of_all_settles_those_before() {
    let world = World::new();
    let id = world.instance("").await;
    let on_id = format!("InstanceId={id}");
    let clears = |all, dbs: &[(u16, u64)], dead| Clears {
        all,
        dbs: BTreeMap::from_iter(dbs.iter().copied()),
        dead,
    };
    let rows = [
        ("FlushInstanceForDB", "&DbIndex=3", clears(0, &[(3, 1)], 0)),
        ("FlushInstanceForDB", "&DbIndex=0", clears(0, &[(0, 2), (3, 1)], 0)),
        ("FlushExpireKeys", "", clears(0, &[(0, 2), (3, 1)], 3)),
        ("FlushInstance", "", clears(4, &[], 0)),
        ("FlushInstanceForDB", "&DbIndex=255", clears(4, &[(255, 5)], 0)),
    ];
    for (action, params, expected) in rows {
        let answer = world.ok(action, &format!("{on_id}{params}")).await;
        if action == "FlushExpireKeys" {
            assert!(answer["TaskId"].as_str().is_some_and(|task| task.starts_with("t-")));
            assert_eq!(answer["InstanceId"], id.as_str());
        }
        world.until(&id, "Normal").await;
        assert_eq!(told(&world), expected, "{action}{params}");
    }
    let range = "RegionId=a1&FromStartTime=2000-01-01T00:00:00Z&ToStartTime=2100-01-01T00:00:00Z";
    let ended = async || {
        let answer = world.ok("DescribeHistoryTasks", &format!("{range}&PageSize=30")).await;
        let items = answer["Items"].as_array().expect("tasks").clone();
        let of = |item: &Value| item["TaskType"].as_str().is_some_and(|t| t.starts_with("Flush"));
        let flushes: Vec<_> = items.into_iter().filter(of).collect();
        flushes.len() == 5 && flushes.iter().all(|item| item["Status"] == "Succeed")
    };
    world.until_true(ended, "five tasks that succeeded").await;
}

#[tokio::test]
async fn dead_keys_may_wait_for_the_window_and_a_broken_instance_is_not_flushed() {
    let world = World::new();
    let id = world.instance("").await;
    let on_id = format!("InstanceId={id}");
    let rows = [
        ("FlushInstanceForDB", "", "400 MissingDbIndex"),
        ("FlushInstanceForDB", "&DbIndex=256", "400 InvalidDbIndex.Malformed"),
        ("FlushInstanceForDB", "&DbIndex=-1", "400 InvalidDbIndex.Malformed"),
        ("FlushExpireKeys", "&EffectiveTime=soon", "400 InvalidEffectiveTime.Malformed"),
    ];
    for (action, params, expected) in rows {
        assert_eq!(world.refusal(action, &format!("{on_id}{params}")).await, expected);
    }
    world.ok("FlushExpireKeys", &format!("{on_id}&EffectiveTime=MaintainTime")).await;
    assert_eq!(told(&world), Clears::default());
    assert_eq!(world.status(&id).await, "Normal");
    world.agent.show(|node| node.phase = NodePhase::Starting);
    world.until(&id, "Unavailable").await;
    for (action, params) in
        [("FlushInstance", ""), ("FlushInstanceForDB", "&DbIndex=0"), ("FlushExpireKeys", "")]
    {
        let refusal = world.refusal(action, &format!("{on_id}{params}")).await;
        assert_eq!(refusal, "403 IncorrectDBInstanceState", "{action}");
    }
}
