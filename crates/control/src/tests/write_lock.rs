//! An instance that is locked for writes: what its node is told, what is shown and refused.

use crate::control::Control;
use crate::testing::World;
use serde_json::{Value, json};

/// What the node was told last.
fn told(world: &World) -> Option<String> {
    world.agent.specs().pop().expect("applied").settings.write_lock
}

async fn shown(world: &World, id: &str) -> [Value; 2] {
    let read = world.ok("DescribeInstanceAttribute", &format!("InstanceId={id}")).await;
    let item = &read["Instances"]["DBInstanceAttribute"][0];
    [item["LockMode"].clone(), item["LockReason"].clone()]
}

#[tokio::test]
async fn a_lock_is_told_shown_and_taken_away() {
    let world = World::new();
    let id = world.instance("").await;
    assert_eq!((told(&world), shown(&world, &id).await), (None, [Value::Null, Value::Null]));
    let on_id = format!("DBInstanceId={id}");
    let locked = world.ok("LockDBInstanceWrite", &format!("{on_id}&LockReason=we+move")).await;
    let expected = [json!(id), json!("we move"), json!(0)];
    assert_eq!(
        [&locked["DBInstanceName"], &locked["LockReason"], &locked["TaskId"]],
        expected.each_ref()
    );
    assert_eq!(told(&world).as_deref(), Some("we move"), "in force when the call returns");
    assert_eq!(shown(&world, &id).await, [json!("ManualLock"), json!("we move")]);
    let specs = world.agent.specs().len();
    world.ok("LockDBInstanceWrite", &format!("{on_id}&LockReason=we+move")).await;
    assert_eq!(world.agent.specs().len(), specs, "nothing has changed");
    world.ok("RestartInstance", &format!("InstanceId={id}")).await;
    world.until(&id, "Normal").await;
    assert_eq!(told(&world).as_deref(), Some("we move"));
    for (action, more) in [("FlushInstance", ""), ("FlushInstanceForDB", "&DbIndex=0")] {
        let answer = world.call(action, &format!("InstanceId={id}{more}")).await;
        assert_eq!(answer.body["Code"], "IncorrectDBInstanceLockMode", "{action}");
        let text = answer.body["Message"].as_str().expect("a text");
        assert!(text.contains("we move") && text.contains("UnlockDBInstanceWrite"), "{text}");
    }
    let unlocked = world.ok("UnlockDBInstanceWrite", &on_id).await;
    assert_eq!([&unlocked["DBInstanceName"], &unlocked["TaskId"]], [&expected[0], &expected[2]]);
    assert_eq!((told(&world), shown(&world, &id).await), (None, [Value::Null, Value::Null]));
    world.ok("UnlockDBInstanceWrite", &on_id).await;
    world.ok("FlushInstance", &format!("InstanceId={id}")).await;
}

#[tokio::test]
async fn what_cannot_be_locked() {
    let world = World::new();
    let id = world.instance("").await;
    let long = "x".repeat(129);
    for (action, params, expected) in [
        ("Lock", format!("DBInstanceId={id}"), "400 MissingLockReason"),
        ("Lock", format!("DBInstanceId={id}&LockReason={long}"), "400 InvalidLockReason.Malformed"),
        (
            "Lock",
            format!("DBInstanceId={id}&LockReason=a%0d%0ab"),
            "400 InvalidLockReason.Malformed",
        ),
        ("Lock", "LockReason=x".into(), "400 MissingDBInstanceId"),
        ("Lock", "DBInstanceId=r-none&LockReason=x".into(), "404 InvalidInstanceId.NotFound"),
        ("Unlock", "DBInstanceId=r-none".into(), "404 InvalidInstanceId.NotFound"),
        ("Unlock", String::new(), "400 MissingDBInstanceId"),
    ] {
        let action = format!("{action}DBInstanceWrite");
        assert_eq!(world.refusal(&action, &params).await, expected, "{action} {params}");
    }
    let mut call = world.request("LockDBInstanceWrite", &format!("DBInstanceId={id}&LockReason=x"));
    call.principal = Control::root("1999999999999999");
    let foreign = world.control.call(call).await.body;
    assert_eq!(foreign["Code"], "InvalidInstanceId.NotFound");
    assert_eq!(told(&world), None);
}
