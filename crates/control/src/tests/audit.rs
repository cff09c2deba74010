//! What the audit log tells of calls and how ActionTrail asks for it.

use crate::actions::table::ACTIONTRAIL;
use crate::call::{Answer, Call, Identity, Via};
use crate::testing::{NOW_UNIX_MS, World};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

fn request(world: &World, params: &str) -> Call {
    Call { version: ACTIONTRAIL.into(), ..world.request("LookupEvents", params) }
}

async fn look_up(world: &World, params: &str) -> Answer {
    world.control.call(request(world, params)).await
}

/// Names of the events that are found, in their order.
async fn names(world: &World, params: &str) -> Vec<String> {
    let answer = look_up(world, params).await;
    assert_eq!(answer.status, 200, "{params}: {}", answer.body);
    let events = answer.body["Events"].as_array().expect("a list").clone();
    events.iter().map(|event| event["eventName"].as_str().expect("a name").to_owned()).collect()
}

async fn world_with_history() -> World {
    let world = World::new();
    world.call("DescribeRegions", "RegionId=cn-hangzhou").await;
    world.call("DeleteInstance", "InstanceId=r-none").await;
    let mut console = world.request("DescribeZones", "");
    console.via = Via::Console;
    console.principal.access_key_id = Some("LTAI5tTEST".into());
    world.control.call(console).await;
    world.call("Nonsense", "").await;
    world
}

#[tokio::test]
async fn an_event_has_the_documented_fields() {
    let world = world_with_history().await;
    let answer = look_up(&world, "MaxResults=3&Direction=FORWARD").await;
    let account = world.credentials.account_id.as_str();
    let event = &answer.body["Events"][1];
    let wanted = json!({
        "eventVersion": "1",
        "eventName": "DeleteInstance",
        "eventTime": "2026-11-22T12:51:19Z",
        "eventType": "ApiCall",
        "eventCategory": "Management",
        "eventRW": "Write",
        "serviceName": "Kvstore",
        "eventSource": "127.0.0.1:8077",
        "apiVersion": "2015-01-01",
        "acsRegion": "larder-local-1",
        "sourceIpAddress": "127.0.0.1",
        "requestParameters": {"InstanceId": "r-none"},
        "requestParameterJson": "{\"InstanceId\":\"r-none\"}",
        "responseElements": {},
        "errorCode": "InvalidInstanceId.NotFound",
        "errorMessage": "The InstanceId provided does not exist in our records.",
        "resourceType": "ACS::KVStore::DBInstance",
        "resourceName": "r-none",
        "referencedResources": {"ACS::KVStore::DBInstance": ["r-none"]},
        "recipientAccountId": account,
        "isGlobal": false,
        "additionalEventData": {},
    });
    for (name, value) in wanted.as_object().expect("fields") {
        assert_eq!(&event[name], value, "{name}");
    }
    let identity = &event["userIdentity"];
    assert_eq!(
        (&identity["type"], &identity["accountId"]),
        (&json!("root-account"), &json!(account))
    );
    assert!(answer.body["NextToken"].is_string(), "there is a fourth");
    assert_eq!(answer.body["Events"][2]["eventType"], "ConsoleCall");
    assert_eq!(answer.body["Events"][0]["errorCode"], Value::Null, "it went well");
    assert_eq!(answer.body["Events"][0]["acsRegion"], "cn-hangzhou");
}

#[tokio::test]
async fn filters_and_order() {
    let world = world_with_history().await;
    let rows: [(&str, &[&str]); 12] = [
        ("", &["Nonsense", "DescribeZones", "DeleteInstance", "DescribeRegions"]),
        ("Direction=FORWARD&MaxResults=2", &["DescribeRegions", "DeleteInstance"]),
        ("Key=EventRW&Value=Write", &["DeleteInstance"]),
        ("Key=EventName&Value=DescribeZones", &["DescribeZones"]),
        ("Key=EventName&Value=describezones", &[]),
        ("Key=ResourceName&Value=r-none", &["DeleteInstance"]),
        ("Key=ResourceType&Value=ACS::KVStore::DBInstance", &["DeleteInstance"]),
        ("Key=EventAccessKeyId&Value=LTAI5tTEST", &["DescribeZones"]),
        ("Key=ServiceName&Value=kvstore", &["DescribeZones", "DeleteInstance", "DescribeRegions"]),
        ("Key=ServiceName&Value=Actiontrail", &[]),
        ("Key=User&Value=alice", &[]),
        (
            "Key=User&Value=root&LookupAttribute.2.Key=EventRW&LookupAttribute.2.Value=Write",
            &["DeleteInstance"],
        ),
    ];
    // All are told before the first question adds itself.
    let to = "StartTime=2026-11-22T00:00:00Z&EndTime=2026-11-22T12:51:19Z";
    world.now_unix_ms.store(NOW_UNIX_MS + 60_000, Ordering::Relaxed);
    for (params, wanted) in rows {
        let params = params.replacen("Key=", "LookupAttribute.1.Key=", 1);
        let params = params.replacen("&Value=", "&LookupAttribute.1.Value=", 1);
        assert_eq!(names(&world, &format!("{to}&{params}")).await, wanted, "{params}");
    }
}

#[tokio::test]
async fn pages_go_on_where_they_ended_whatever_happens_meanwhile() {
    let world = world_with_history().await;
    let mut seen = Vec::new();
    let mut token = String::new();
    loop {
        let answer = look_up(&world, &format!("MaxResults=1{token}")).await;
        seen.extend(answer.body["Events"].as_array().expect("a list").clone());
        match answer.body["NextToken"].as_str() {
            Some(next) => token = format!("&NextToken={next}"),
            None => break,
        }
    }
    let names: Vec<_> = seen.iter().map(|event| event["eventName"].as_str().unwrap()).collect();
    assert_eq!(names, ["Nonsense", "DescribeZones", "DeleteInstance", "DescribeRegions"]);
    let id = seen[2]["eventId"].as_str().expect("an id");
    let by_id = format!("LookupAttribute.1.Key=EventId&LookupAttribute.1.Value={id}");
    assert_eq!(self::names(&world, &by_id).await, ["DeleteInstance"]);
    let other = by_id.replace(&id[..4], "ffff");
    assert_eq!(self::names(&world, &other).await, [""; 0]);
}

#[tokio::test]
async fn questions_that_make_no_sense_are_refused() {
    let world = world_with_history().await;
    let rows = [
        ("StartTime=2026-11-22T00:00:00Z", "InvalidParameterCombination"),
        ("EndTime=2026-11-22T00:00:00Z", "InvalidParameterCombination"),
        ("StartTime=today&EndTime=2026-11-22T00:00:00Z", "InvalidParameterStartTime"),
        ("StartTime=2026-11-22T00:00:00Z&EndTime=tonight", "InvalidParameterEndTime"),
        ("StartTime=2026-11-22T01:00:00Z&EndTime=2026-11-22T00:00:00Z", "InvalidParameterEndTime"),
        (
            "StartTime=2036-11-22T01:00:00Z&EndTime=2036-11-22T02:00:00Z",
            "InvalidParameterStartTime",
        ),
        ("MaxResults=0", "InvalidQueryParameter"),
        ("MaxResults=51", "InvalidQueryParameter"),
        ("MaxResults=x", "InvalidQueryParameter"),
        ("Direction=UP", "InvalidQueryParameter"),
        ("NextToken=x", "InvalidQueryParameter"),
        ("LookupAttribute.1.Key=Nothing&LookupAttribute.1.Value=x", "InvalidQueryParameter"),
        ("LookupAttribute.1.Key=User", "InvalidQueryParameter"),
        ("LookupAttribute.1.Key=EventRW&LookupAttribute.1.Value=x", "InvalidQueryParameter"),
    ];
    for (params, code) in rows {
        let answer = look_up(&world, params).await;
        assert_eq!((answer.status, &answer.body["Code"]), (400, &json!(code)), "{params}");
    }
    let token = look_up(&world, "MaxResults=1").await.body["NextToken"].clone();
    let token = token.as_str().expect("more");
    let answer = look_up(&world, &format!("NextToken={token}&Direction=FORWARD")).await;
    assert_eq!(answer.body["Code"], "InvalidQueryParameter", "a token of another question");
    let three =
        (1..=3).map(|n| format!("LookupAttribute.{n}.Key=User&LookupAttribute.{n}.Value=x"));
    let answer = look_up(&world, &three.collect::<Vec<_>>().join("&")).await;
    assert_eq!(answer.body["Code"], "InvalidQueryParameter");
}

#[tokio::test]
async fn nobody_sees_the_events_of_another_account_nor_old_ones() {
    let world = world_with_history().await;
    let mut other = request(&world, "");
    other.principal.account_id = "1000000000000002".into();
    let answer = world.control.call(other.clone()).await;
    assert_eq!(answer.body["Events"], json!([]));
    let own = world.control.call(other).await;
    assert_eq!(own.body["Events"][0]["eventName"], "LookupEvents", "its own it sees");
    world.now_unix_ms.store(NOW_UNIX_MS + 8 * 24 * 3_600_000, Ordering::Relaxed);
    assert_eq!(names(&world, "").await, [""; 0], "seven days unless told");
    let all = "StartTime=2026-01-01T00:00:00Z&EndTime=2036-11-22T00:00:00Z";
    assert_eq!(names(&world, &format!("{all}&Direction=FORWARD&MaxResults=4")).await.len(), 4);
    world.now_unix_ms.store(NOW_UNIX_MS + 91 * 24 * 3_600_000, Ordering::Relaxed);
    let found = names(&world, &format!("{all}&Direction=FORWARD&MaxResults=4")).await;
    assert_eq!(found, ["LookupEvents"; 2], "ninety days at most");
}

#[tokio::test]
async fn what_happens_without_a_call_is_an_event_too() {
    let world = World::new();
    let id = world.instance("").await;
    world.ok("RestartInstance", &format!("InstanceId={id}")).await;
    world.until(&id, "Normal").await;
    world.agent.show(|node| node.crashes = 1);
    let wanted = [
        "InstanceNode:RestartedAfterFailure",
        "InstanceTask:Begun",
        "InstanceTask:Begun",
        "InstanceTask:Succeeded",
        "InstanceTask:Succeeded",
    ];
    world.until_told(wanted.len()).await;
    let system = "Direction=FORWARD&LookupAttribute.1.Key=User&LookupAttribute.1.Value=system";
    let mut told = names(&world, system).await;
    told.sort();
    assert_eq!(told, wanted);
    let answer = look_up(&world, system).await;
    let events = answer.body["Events"].as_array().expect("a list");
    let of_creation = |event: &&Value| event["requestParameters"]["TaskType"] == "CreateIns";
    let event = events.iter().find(of_creation).expect("told");
    assert_eq!(
        (&event["eventType"], &event["resourceName"]),
        (&json!("AliyunServiceEvent"), &json!(id))
    );
    assert_eq!(event["userIdentity"]["type"], "system");
}

#[tokio::test]
async fn events_tell_what_kind_of_principal_it_was() {
    let world = World::new();
    let session = Identity::Session {
        role_id: "3".into(),
        role_name: "reader".into(),
        session_name: "night".into(),
        policy: None,
    };
    let rows = [
        (Identity::Root, "root-account", world.credentials.account_id.clone()),
        (Identity::User { user_id: "2".into() }, "ram-user", "2".into()),
        (session, "assumed-role", "3:night".into()),
    ];
    for (identity, kind, id) in rows {
        let mut call = world.request("DescribeRegions", "");
        call.principal.identity = identity;
        world.control.call(call).await;
        let answer = look_up(
            &world,
            "LookupAttribute.1.Key=EventName\
                                      &LookupAttribute.1.Value=DescribeRegions",
        )
        .await;
        let told = &answer.body["Events"][0]["userIdentity"];
        assert_eq!((&told["type"], &told["principalId"]), (&json!(kind), &json!(id)));
    }
}
