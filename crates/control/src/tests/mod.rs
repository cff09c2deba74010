//! The control plane in one process with a fake agent: life of an instance, faults at each step,
//! refusals of each action, the HTTP door.

mod access;
mod accounts;
mod actions;
mod alarms;
mod audit;
mod discovery;
mod faults;
mod flush;
mod http;
mod identity;
mod lifecycle;
mod logs;
mod matrix;
pub mod metrics;
mod operations;
mod parameter_groups;
mod parameters;
mod recycle;
mod tags;
mod tasks;
mod write_lock;

use crate::testing::World;

#[tokio::test]
async fn create_serve_change_restart_delete() {
    let world = World::new();
    let id = world.instance("InstanceName=cache&Password=Abcdefg1&Port=7001").await;
    let spec = world.agent.specs().pop().expect("applied");
    assert_eq!((spec.port, spec.generation, spec.incarnation), (7001, 1, 1));
    assert_eq!(spec.settings.users[0].verifiers.len(), 1);

    world.ok("ModifySecurityIps", &format!("InstanceId={id}&SecurityIps=10.0.0.0/8")).await;
    let spec = world.agent.specs().pop().expect("applied");
    let entries = admin::Allowlist::Entries(vec!["10.0.0.0/8".into()]);
    assert_eq!(spec.settings.allowlist, entries, "in force when the call returns");

    let before = spec.settings.users[0].verifiers.clone();
    let reset = format!("InstanceId={id}&AccountName=default&AccountPassword=Bcdefgh2");
    world.ok("ResetAccountPassword", &reset).await;
    let users = world.agent.specs().pop().expect("applied").settings.users;
    assert_ne!(users[0].verifiers, before);
    assert_eq!(users[0].verifiers, users[1].verifiers, "both accounts share a password");

    let restarted = world.ok("RestartInstance", &format!("InstanceId={id}")).await;
    assert_eq!(restarted["InstanceId"], id.as_str());
    world.until(&id, "Normal").await;
    assert_eq!(world.agent.specs().pop().expect("applied").incarnation, 2);

    world.ok("DeleteInstance", &format!("InstanceId={id}")).await;
    world.until(&id, "gone").await;
    assert_eq!(world.agent.node_count(), 0);
    let again = world.refusal("DeleteInstance", &format!("InstanceId={id}")).await;
    assert_eq!(again, "404 InvalidInstanceId.NotFound");
}
