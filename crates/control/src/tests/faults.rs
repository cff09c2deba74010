//! Each step of an instance's life, failed in each way at each point and repeated: all converge to
//! the same end. Observation that comes and goes.

use crate::store::{Kind, Store, documents};
use crate::testing::{Fault, World};
use admin::agent::NodePhase;
use control_model::Task;
use control_model::task::Outcome;
use std::sync::Arc;

/// Creates, changes, restarts and deletes under these faults; demands a clean slate.
async fn live_through(faults: &[Fault]) {
    let world = World::new();
    world.agent.script(faults);
    let id = world.instance("Port=7000&Password=Abcdefg1&Token=t").await;
    let port = world.agent.specs().pop().expect("applied").port;
    let on_id = format!("InstanceId={id}");
    world.ok("ModifySecurityIps", &format!("{on_id}&SecurityIps=10.0.0.1")).await;
    world.ok("RestartInstance", &on_id).await;
    world.until(&id, "Normal").await;
    let spec = world.agent.specs().pop().expect("applied");
    assert_eq!((spec.incarnation, spec.port), (2, port), "{faults:?}");
    assert_eq!(spec.settings.allowlist, admin::Allowlist::Entries(vec!["10.0.0.1".into()]));
    world.ok("DeleteInstance", &on_id).await;
    world.until(&id, "gone").await;
    assert_eq!(world.agent.node_count(), 0, "{faults:?}");
    for kind in [Kind::Instance, Kind::Port, Kind::Token] {
        let left = world.control.shared.store.list(kind).expect("listed");
        assert!(left.is_empty(), "{faults:?} left {left:?}");
    }
    let tasks = documents::list::<Task>(world.control.shared.store.as_ref(), Kind::Task);
    let ends: Vec<_> = tasks.expect("listed").into_iter().map(|read| read.value.ended).collect();
    assert_eq!(ends.len(), 3, "{faults:?}");
    let succeeded =
        |end: &Option<(i64, Outcome)>| end.is_some_and(|(_, how)| how == Outcome::Succeed);
    assert!(ends.iter().all(succeeded), "{faults:?} {ends:?}");
    assert_eq!(world.agent.faults_left(), 0, "{faults:?} were not all met");
}

#[tokio::test]
async fn each_step_survives_each_fault() {
    live_through(&[]).await;
    // Requests: create, allowlist, restart, remove.
    for at in 0..4 {
        for fault in [Fault::LostBefore, Fault::LostAfter, Fault::Refused] {
            // A broken connection is replaced once without a word: break both.
            let mut faults = vec![Fault::None; at];
            faults.extend([fault, fault]);
            live_through(&faults).await;
        }
    }
}

#[tokio::test]
async fn a_port_that_is_taken_on_the_host_is_left_for_the_next() {
    let world = World::new();
    world.agent.script(&[Fault::PortInUse, Fault::PortInUse]);
    let id = world.instance("Port=7000").await;
    let seen = world.ok("DescribeInstanceAttribute", &format!("InstanceId={id}")).await;
    assert_eq!(seen["Instances"]["DBInstanceAttribute"][0]["Port"], 7002);
    let claims = world.control.shared.store.list(Kind::Port).expect("listed");
    assert_eq!(claims.iter().map(|claim| claim.id.as_str()).collect::<Vec<_>>(), ["7002"]);
    live_through(&[Fault::PortInUse]).await;
}

#[tokio::test]
async fn a_node_that_vanished_is_made_again() {
    let world = World::new();
    let id = world.instance("").await;
    let applied = world.agent.specs().len();
    world.agent.script(&[Fault::Refused]);
    world.agent.lose_nodes();
    world.until(&id, "Unavailable").await;
    world.until(&id, "Normal").await;
    assert_eq!(world.agent.specs().len(), applied + 1);
}

#[tokio::test]
async fn a_crash_is_seen_and_its_end_too() {
    let world = World::new();
    let id = world.instance("").await;
    world.agent.show(|node| node.phase = NodePhase::Starting);
    world.until(&id, "Unavailable").await;
    world.agent.show(|node| node.phase = NodePhase::Serving);
    world.until(&id, "Normal").await;
}

#[tokio::test]
async fn another_control_plane_goes_on_where_one_was_killed() {
    let store: Arc<dyn Store> = Arc::new(crate::store::memory::MemoryStore::default());
    let (id, params) = {
        let world = World::over(store.clone());
        world.agent.script(&[Fault::Refused; 100]);
        let create = "RegionId=a1&InstanceClass=redis.shard.micro.ce";
        let made = world.ok("CreateInstance", create).await;
        let id = made["InstanceId"].as_str().expect("an id").to_owned();
        let params = format!("InstanceId={id}");
        (id, params)
    };
    let world = World::over(store.clone());
    world.until(&id, "Normal").await;
    world.agent.script(&[Fault::Refused; 100]);
    world.ok("DeleteInstance", &params).await;
    drop(world);
    let world = World::over(store);
    world.until(&id, "gone").await;
}
