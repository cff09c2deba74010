//! The recycle bin: in, out again, out for good; by call, by the clock, under faults, and against a
//! plain model of who is where.

use crate::recycle_bin;
use crate::store::memory::MemoryStore;
use crate::store::{Kind, documents};
use crate::testing::{Fault, NOW_UNIX_MS, World};
use control_model::task::Outcome;
use control_model::{Instance, Task};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use stdx::Rng;

const DAY_MS: i64 = 24 * 3_600_000;
const LISTED: &str = "RegionId=cn-hangzhou&InstanceStatus=Released&PageSize=50";

async fn released(world: &World) -> Vec<Value> {
    let listed = world.ok("DescribeInstances", LISTED).await;
    listed["Instances"]["KVStoreInstance"].as_array().expect("a list").clone()
}

/// Deletes, and waits until the instance is in the bin.
async fn delete(world: &World, id: &str) {
    world.ok("DeleteInstance", &format!("InstanceId={id}")).await;
    world.until(id, "gone").await;
}

/// Type and end of each task, by type.
fn ends(world: &World) -> Vec<(&'static str, Option<Outcome>)> {
    let tasks = documents::list::<Task>(world.control.shared.store.as_ref(), Kind::Task);
    let tasks = tasks.expect("listed").into_iter().map(|read| read.value);
    let mut ends: Vec<_> =
        tasks.map(|task| (task.kind.row().name, task.ended.map(|(_, how)| how))).collect();
    ends.sort_by_key(|(name, _)| *name);
    ends
}

/// Waits until no data are left, and demands that nothing else is.
async fn nothing_left(world: &World, what: &str) {
    let done = async || {
        let left = |kind| world.control.shared.store.list(kind).expect("listed").len();
        let kinds = [Kind::Instance, Kind::Released, Kind::Port, Kind::ParameterHistory];
        world.agent.directory_count() == 0 && kinds.into_iter().all(|kind| left(kind) == 0)
    };
    world.until_true(done, &format!("nothing left: {what}")).await;
    assert_eq!(world.agent.node_count(), 0, "{what}");
}

#[tokio::test]
async fn what_was_deleted_comes_back_as_it_was() {
    let world = World::new();
    let params = "Port=7000&Password=Abcdefg1&InstanceName=orders&Tag.1.Key=a&Tag.1.Value=1";
    let id = world.instance(params).await;
    let on = format!("InstanceId={id}");
    world.ok("ModifySecurityIps", &format!("{on}&SecurityIps=10.0.0.1")).await;
    let account = format!("{on}&AccountName=reader&AccountPassword=Bcdefgh2");
    world.ok("CreateAccount", &account).await;
    let config = format!("{on}&Config=%7B%22timeout%22%3A%22300%22%7D");
    world.ok("ModifyInstanceConfig", &config).await;
    let before = world.agent.specs().pop().expect("applied");
    delete(&world, &id).await;
    assert_eq!((world.agent.node_count(), world.agent.directory_count()), (0, 1));
    let all = world.ok("DescribeInstances", "RegionId=cn-hangzhou").await;
    assert_eq!(all["TotalCount"], 0, "gone for who does not ask for the bin");
    let item = released(&world).await.pop().expect("in the bin");
    let fields = ["InstanceId", "InstanceStatus", "InstanceName", "EndTime", "DestroyTime"];
    let shown = fields.map(|name| item[name].as_str().unwrap_or_default().to_owned());
    let times = ["2026-11-22T12:51:19Z", "2026-11-29T12:51:19Z"];
    assert_eq!(shown, [&id, "Released", "orders", times[0], times[1]]);
    let other = world.instance("Port=7000").await;
    let back = world.call("RecoverInstance", &on).await.body;
    assert_eq!((&back["InstanceId"], &back["Port"]), (&id.as_str().into(), &7001.into()));
    world.until(&id, "Normal").await;
    let spec = world.agent.specs().pop().expect("applied");
    assert_eq!((spec.port, spec.incarnation), (7001, before.incarnation + 1));
    assert!(before.generation < spec.generation);
    assert_eq!(spec.settings, before.settings, "accounts, allowlist, parameters");
    let seen = world.ok("DescribeInstanceAttribute", &on).await;
    let item = &seen["Instances"]["DBInstanceAttribute"][0];
    assert_eq!(item["Tags"]["Tag"][0]["Key"], "a");
    assert_eq!((&item["InstanceName"], &item["EndTime"]), (&"orders".into(), &"".into()));
    let history = "StartTime=2026-11-22T00:00Z&EndTime=2026-11-23T00:00Z";
    let history = format!("{on}&{history}");
    let history = world.ok("DescribeParameterModificationHistory", &history).await;
    assert_ne!(history["TotalRecordCount"], 0, "{history}");
    assert!(released(&world).await.is_empty());
    let done = async || ends(&world).contains(&("RecoverIns", Some(Outcome::Succeed)));
    world.until_true(done, "the end of the task").await;
    delete(&world, &other).await;
}

#[tokio::test]
async fn a_wanted_port_and_the_old_one() {
    let world = World::new();
    let id = world.instance("Port=7000").await;
    for (wanted, expected) in [("", 7000), ("&Port=7100", 7100), ("", 7100)] {
        delete(&world, &id).await;
        let back = world.ok("RecoverInstance", &format!("InstanceId={id}{wanted}")).await;
        assert_eq!(back["Port"], expected, "{wanted}");
        world.until(&id, "Normal").await;
    }
    delete(&world, &id).await;
    world.agent.script(&[Fault::PortInUse]);
    world.ok("RecoverInstance", &format!("InstanceId={id}")).await;
    world.until(&id, "Normal").await;
    assert_eq!(world.agent.specs().pop().expect("applied").port, 7101, "taken on the host");
}

#[tokio::test]
async fn refusals() {
    let world = World::new();
    let live = world.instance("").await;
    let gone = world.instance("").await;
    delete(&world, &gone).await;
    let rows = [
        ("RecoverInstance", String::new(), "400 MissingInstanceId"),
        ("RecoverInstance", "InstanceId=r-x".into(), "404 InvalidInstanceId.NotFound"),
        ("RecoverInstance", format!("InstanceId={live}"), "403 IncorrectDBInstanceState"),
        ("RecoverInstance", format!("InstanceId={gone}&Port=1"), "400 InvalidPort.Malformed"),
        ("DestroyInstance", String::new(), "400 MissingInstanceId"),
        ("DestroyInstance", "InstanceId=r-x".into(), "404 InvalidInstanceId.NotFound"),
        ("DestroyInstance", format!("InstanceId={live}"), "403 IncorrectDBInstanceState"),
        ("DeleteInstance", format!("InstanceId={gone}"), "404 InvalidInstanceId.NotFound"),
        ("RestartInstance", format!("InstanceId={gone}"), "404 InvalidInstanceId.NotFound"),
    ];
    for (action, params, expected) in rows {
        assert_eq!(world.refusal(action, &params).await, expected, "{action} {params}");
    }
    for (action, cure) in
        [("RecoverInstance", "InstanceStatus=Released"), ("DestroyInstance", "DeleteInstance")]
    {
        let answer = world.call(action, &format!("InstanceId={live}")).await;
        let text = answer.body["Message"].as_str().expect("a text").to_owned();
        assert!(text.contains(cure) && text.contains("It is Normal"), "{text}");
    }
    for (action, params) in [
        ("RecoverInstance", format!("InstanceId={gone}")),
        ("DestroyInstance", format!("InstanceId={gone}")),
        ("DestroyInstance", format!("InstanceId={live}")),
    ] {
        let mut foreign = world.request(action, &params);
        foreign.principal.account_id = "9999999999999999".into();
        let code = world.control.call(foreign).await.body["Code"].clone();
        assert_eq!(code, "InvalidInstanceId.NotFound", "{action} {params}");
    }
    let mut foreign = world.request("DescribeInstances", LISTED);
    foreign.principal.account_id = "9999999999999999".into();
    assert_eq!(world.control.call(foreign).await.body["TotalCount"], 0);
    assert_eq!(released(&world).await.len(), 1);
}

#[tokio::test]
async fn who_comes_back_needs_room() {
    let world = World::new();
    let id = world.instance("").await;
    delete(&world, &id).await;
    for _ in 0..12 {
        let create = "RegionId=a1&InstanceClass=redis.shard.micro.ce";
        world.ok("CreateInstance", create).await;
    }
    let on = format!("InstanceId={id}");
    assert_eq!(world.refusal("RecoverInstance", &on).await, "400 QuotaExceed");
    assert_eq!(released(&world).await.len(), 1, "it is not lost");
}

#[tokio::test]
async fn destroyed_wherever_it_is() {
    let world = World::new();
    let id = world.instance("").await;
    let on = format!("InstanceId={id}");
    delete(&world, &id).await;
    world.ok("DestroyInstance", &on).await;
    let recover = world.refusal("RecoverInstance", &on).await;
    assert_eq!(recover, "404 InvalidInstanceId.NotFound", "at once");
    assert!(released(&world).await.is_empty(), "at once");
    nothing_left(&world, "out of the bin").await;
    assert_eq!(world.refusal("DestroyInstance", &on).await, "404 InvalidInstanceId.NotFound");
    let expected = ["CreateIns", "DeleteIns", "DestroyIns"].map(|n| (n, Some(Outcome::Succeed)));
    assert_eq!(ends(&world), expected);
    let told = world.until_told(6).await;
    assert_eq!(told.iter().filter(|name| *name == "InstanceTask:Succeeded").count(), 3);

    let id = world.instance("").await;
    let on = format!("InstanceId={id}");
    world.agent.script(&[Fault::Refused; 3]);
    world.ok("DeleteInstance", &on).await;
    let status = world.refusal("RecoverInstance", &on).await;
    assert_eq!(status, "403 IncorrectDBInstanceState", "not there yet");
    world.ok("DestroyInstance", &on).await;
    nothing_left(&world, "on its way into the bin").await;
}

#[tokio::test]
async fn the_clock_ends_it() {
    let world = World::new();
    let id = world.instance("").await;
    delete(&world, &id).await;
    world.now_unix_ms.store(NOW_UNIX_MS + 7 * DAY_MS - 1, Ordering::Relaxed);
    let other = world.instance("").await;
    assert_eq!(released(&world).await.len(), 1, "not a moment too early");
    assert_eq!(world.agent.directory_count(), 2);
    world.now_unix_ms.store(NOW_UNIX_MS + 7 * DAY_MS, Ordering::Relaxed);
    let on = format!("InstanceId={id}");
    assert_eq!(world.refusal("RecoverInstance", &on).await, "404 InvalidInstanceId.NotFound");
    assert!(released(&world).await.is_empty());
    // Wakes the reconciler, which looks by itself twice a minute.
    let name = format!("InstanceId={other}&InstanceName=wake");
    world.ok("ModifyInstanceAttribute", &name).await;
    let gone = async || world.agent.directory_count() == 1;
    world.until_true(gone, "the data gone").await;
    let noted = async || ends(&world).contains(&("DestroyIns", Some(Outcome::Succeed)));
    world.until_true(noted, "the end of the task").await;
}

#[tokio::test]
async fn without_a_bin_nothing_is_kept() {
    let world = World::keeping(Arc::new(MemoryStore::default()), 0);
    let id = world.instance("").await;
    delete(&world, &id).await;
    nothing_left(&world, "deleted").await;
    let on = format!("InstanceId={id}");
    for action in ["RecoverInstance", "DestroyInstance"] {
        assert_eq!(world.refusal(action, &on).await, "404 InvalidInstanceId.NotFound");
    }
}

#[tokio::test]
async fn each_step_survives_each_fault() {
    // Requests: create, release, recover, release, remove.
    for at in 0..5 {
        for fault in [Fault::LostBefore, Fault::LostAfter, Fault::Refused] {
            let world = World::new();
            let mut faults = vec![Fault::None; at];
            faults.extend([fault, fault]);
            world.agent.script(&faults);
            let id = world.instance("Password=Abcdefg1&Token=t").await;
            let on = format!("InstanceId={id}");
            delete(&world, &id).await;
            world.ok("RecoverInstance", &on).await;
            world.until(&id, "Normal").await;
            assert_eq!(world.agent.directory_count(), 1);
            delete(&world, &id).await;
            world.ok("DestroyInstance", &on).await;
            nothing_left(&world, &format!("{fault:?} at {at}")).await;
            assert!(world.control.shared.store.list(Kind::Token).expect("listed").is_empty());
            assert_eq!(world.agent.faults_left(), 0, "{fault:?} at {at} was not met");
            let names: Vec<_> = ends(&world).iter().map(|(name, _)| *name).collect();
            let expected = ["CreateIns", "DeleteIns", "DeleteIns", "DestroyIns", "RecoverIns"];
            assert_eq!(names, expected, "{fault:?} at {at}");
        }
    }
}

#[tokio::test]
async fn a_node_of_a_released_instance_is_stopped_and_its_data_stay() {
    let world = World::new();
    let id = world.instance("").await;
    let store = world.control.shared.store.as_ref();
    let read = documents::get::<Instance>(store, Kind::Instance, &id).expect("read");
    let mut read = read.expect("there");
    read.value.deleting = true;
    read.value.kept = control_model::recycle::keep(7, NOW_UNIX_MS);
    // As after the restore of a state from before the instance was brought back.
    recycle_bin::put_in(store, &read, NOW_UNIX_MS).expect("moved");
    world.until_true(async || world.agent.node_count() == 0, "no node").await;
    assert_eq!((world.agent.directory_count(), released(&world).await.len()), (1, 1));
}

#[tokio::test]
async fn groups_that_went_meanwhile_are_left_out() {
    let world = World::new();
    let id = world.instance("").await;
    let mut groups = Vec::new();
    for name in ["first", "second"] {
        let params = format!("RegionId=a1&GlobalIgName={name}&GIpList=10.0.0.1");
        let made = world.ok("CreateGlobalSecurityIPGroup", &params).await;
        let group = &made["GlobalSecurityIPGroup"][0]["GlobalSecurityGroupId"];
        groups.push(group.as_str().expect("an id").to_owned());
    }
    let bind = format!("RegionId=a1&DBClusterId={id}&GlobalSecurityGroupId={}", groups.join(","));
    world.ok("ModifyGlobalSecurityIPGroupRelation", &bind).await;
    delete(&world, &id).await;
    let first = format!("RegionId=a1&GlobalSecurityGroupId={}", groups[0]);
    world.ok("DeleteGlobalSecurityIPGroup", &first).await;
    world.ok("RecoverInstance", &format!("InstanceId={id}")).await;
    world.until(&id, "Normal").await;
    let relation = format!("RegionId=a1&DBClusterId={id}");
    let bound = world.ok("DescribeGlobalSecurityIPGroupRelation", &relation).await;
    let bound = bound["GlobalSecurityIPGroupRel"].as_array().expect("a list").clone();
    let ids: Vec<_> = bound.iter().map(|group| &group["GlobalSecurityGroupId"]).collect();
    assert_eq!(ids, [&groups[1]]);
}

/// Where the plain model has an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Live,
    Bin { until: i64 },
    Gone,
}

/// Days that pass in one step of the model, at most.
const STEP_DAYS: usize = 4;

#[tokio::test]
async fn random_lives_follow_a_plain_model() {
    for seed in 0..12 {
        let mut rng = Rng::new(seed);
        let world = World::new();
        let mut model: BTreeMap<String, Place> = BTreeMap::new();
        let mut now = NOW_UNIX_MS;
        for _ in 0..40 {
            let chosen = model.keys().nth(rng.below(model.len().max(1))).cloned();
            match (rng.below(6), chosen) {
                (0, _) | (_, None) if model.len() < 6 => {
                    model.insert(world.instance("").await, Place::Live);
                }
                (1, _) => {
                    now += DAY_MS * rng.below(STEP_DAYS) as i64;
                    world.now_unix_ms.store(now, Ordering::Relaxed);
                }
                (call, Some(id)) => {
                    let action = ["DeleteInstance", "RecoverInstance", "DestroyInstance"][call % 3];
                    let place = model.get_mut(&id).expect("chosen");
                    let before = *place;
                    let expected = act(place, action, now);
                    let found = world.refusal(action, &format!("InstanceId={id}")).await;
                    assert_eq!(found, expected, "seed {seed}: {action} on {before:?}");
                    if expected.starts_with("200") {
                        settled(&world, &id, *place).await;
                    }
                }
                _ => {}
            }
            for place in model.values_mut() {
                if matches!(*place, Place::Bin { until } if until <= now) {
                    *place = Place::Gone;
                }
            }
            let in_bin = released(&world).await;
            let ids: Vec<_> = in_bin.iter().map(|item| item["InstanceId"].as_str()).collect();
            let binned = |(id, place): (&String, &Place)| {
                matches!(place, Place::Bin { .. }).then(|| id.clone())
            };
            let expected: Vec<String> = model.iter().filter_map(binned).collect();
            assert_eq!(ids.len(), expected.len(), "seed {seed}");
            assert!(expected.iter().all(|id| ids.contains(&Some(id))), "seed {seed}");
        }
    }
}

/// What the model says to a call.
fn act(place: &mut Place, action: &str, now: i64) -> &'static str {
    let next = match (*place, action) {
        (Place::Live, "DeleteInstance") => Place::Bin { until: now + 7 * DAY_MS },
        (Place::Bin { .. }, "RecoverInstance") => Place::Live,
        (Place::Bin { .. }, "DestroyInstance") => Place::Gone,
        (Place::Live, _) => return "403 IncorrectDBInstanceState",
        _ => return "404 InvalidInstanceId.NotFound",
    };
    *place = next;
    "200 no error"
}

async fn settled(world: &World, id: &str, place: Place) {
    match place {
        Place::Live => {
            world.until(id, "Normal").await;
            let noted = async || {
                let store = world.control.shared.store.as_ref();
                let found = documents::get::<Instance>(store, Kind::Instance, id).expect("read");
                found.is_some_and(|read| read.value.running.is_none())
            };
            world.until_true(noted, "the end of the recovery").await;
        }
        Place::Bin { .. } => world.until(id, "gone").await,
        Place::Gone => {
            let store = world.control.shared.store.as_ref();
            let left = async || store.get(Kind::Released, id).expect("read").is_none();
            world.until_true(left, "forgotten").await;
        }
    }
}
