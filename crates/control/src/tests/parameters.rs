//! Parameters of instances through the API: what the node is told, what is answered and refused,
//! and what the history keeps.

use crate::drift;
use crate::testing::{NOW_UNIX_MS, World};
use admin::node::{NodeFigures, NodeStatus, TenantChange};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering;

/// Parameters that the node was told of last.
fn told(world: &World) -> BTreeMap<String, String> {
    world.agent.specs().pop().expect("applied").settings.parameters
}

async fn modify(world: &World, id: &str, config: &str) -> String {
    let config: String = config.bytes().map(|byte| format!("%{byte:02X}")).collect();
    world.refusal("ModifyInstanceConfig", &format!("InstanceId={id}&Config={config}")).await
}

async fn config(world: &World, id: &str) -> Value {
    let read = world.ok("DescribeInstanceConfig", &format!("InstanceId={id}")).await;
    serde_json::from_str(read["Config"].as_str().expect("a text")).expect("a JSON object")
}

/// Name, old and new value and who, the newest first.
async fn history(world: &World, id: &str, rest: &str) -> Vec<String> {
    let range = "StartTime=2026-11-22T00:00Z&EndTime=2026-11-23T00:00Z";
    let params = format!("InstanceId={id}&{range}&{rest}");
    let read = world.ok("DescribeParameterModificationHistory", &params).await;
    let entries = read["HistoricalParameters"]["HistoricalParameter"].as_array().expect("a list");
    let names = ["ParameterName", "OldParameterValue", "NewParameterValue", "Modifier"];
    let text = |entry: &Value| names.map(|name| entry[name].as_str().expect("a text")).join(" ");
    entries.iter().map(text).collect()
}

fn status() -> NodeStatus {
    let mut status = json!({"version": "0.0.0", "role": "Primary", "loading": false});
    for name in [
        "epoch",
        "generation",
        "uptime_ms",
        "loops",
        "used_memory_bytes",
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
    ] {
        status[name] = 0.into();
    }
    serde_json::from_value(status).expect("a whole status")
}

#[tokio::test]
async fn what_is_set_is_told_shown_and_remembered() {
    let world = World::new();
    let id = world.instance("EngineVersion=7.0").await;
    assert_eq!(told(&world)["slowlog-log-slower-than"], "20000", "defaults are the service's");
    assert_eq!(
        modify(&world, &id, r#"{"timeout":300,"maxmemory-policy":"allkeys-lru"}"#).await,
        "200 no error"
    );
    let set = told(&world);
    assert_eq!((&*set["timeout"], &*set["maxmemory-policy"]), ("300", "allkeys-lru"));
    let shown = config(&world, &id).await;
    assert_eq!(
        (&shown["timeout"], &shown["maxmemory-policy"]),
        (&json!("300"), &json!("allkeys-lru"))
    );
    assert_eq!(shown, json!(set));
    world.now_unix_ms.store(NOW_UNIX_MS + 5_000, Ordering::Relaxed);
    let specs = world.agent.specs().len();
    assert_eq!(modify(&world, &id, r#"{"timeout":"300"}"#).await, "200 no error");
    assert_eq!(world.agent.specs().len(), specs, "nothing has changed");
    assert_eq!(modify(&world, &id, r#"{"timeout":"0"}"#).await, "200 no error");
    let all = [
        "timeout 300 0 root",
        "timeout 0 300 root",
        "maxmemory-policy volatile-lru allkeys-lru root",
    ];
    assert_eq!(history(&world, &id, "").await, all);
    assert_eq!(history(&world, &id, "ParameterName=timeout").await, all[..2]);
    let late = "StartTime=2026-11-22T12:51:22Z&EndTime=2026-11-22T13:00Z";
    let read = format!("InstanceId={id}&{late}");
    let read = world.ok("DescribeParameterModificationHistory", &read).await;
    let expected = json!([{
        "ParameterName": "timeout",
        "OldParameterValue": "300",
        "NewParameterValue": "0",
        "ModifyTime": "2026-11-22T12:51:24Z",
        "Modifier": "root",
    }]);
    assert_eq!(read["HistoricalParameters"]["HistoricalParameter"], expected);
}

#[tokio::test]
async fn what_cannot_be_set_changes_nothing() {
    let world = World::new();
    let id = world.instance("EngineVersion=7.0").await;
    let (before, specs) = (config(&world, &id).await, world.agent.specs().len());
    let (invalid, unsupported) =
        ("400 InvalidParameters.Format", "400 ParamNotSupportedForCurrentVersion");
    for (config, expected) in [
        ("x", invalid),
        ("[]", invalid),
        ("{}", invalid),
        (r#"{"timeout":"-1"}"#, invalid),
        (r#"{"slowlog-max-len":"500","timeout":"100001"}"#, invalid),
        (r#"{"slowlog-max-len":"500","no-such":"1"}"#, invalid),
        (r#"{"slowlog-max-len":"500","hz":"10"}"#, unsupported),
        (r#"{"hash-max-ziplist-entries":"5"}"#, unsupported),
        (r##"{"#no_loose_disabled-commands":"config"}"##, invalid),
        (r##"{"#no_loose_disabled-commands":"FLUSHALL"}"##, invalid),
    ] {
        assert_eq!(modify(&world, &id, config).await, expected, "{config}");
    }
    assert_eq!(modify(&world, "r-none", "{}").await, "404 InvalidInstanceId.NotFound");
    for (params, expected) in [
        ("Config=", "400 MissingConfig"),
        ("Config=%7B%22timeout%22:5%7D&ParamReplMode=semisync", "403 InstanceType.NotSupport"),
        ("Config=%7B%22timeout%22:5%7D&ParamReplMode=other", "400 InvalidParamReplMode.Malformed"),
    ] {
        let params = format!("InstanceId={id}&{params}");
        assert_eq!(world.refusal("ModifyInstanceConfig", &params).await, expected, "{params}");
    }
    let culprit = format!("InstanceId={id}&Config=%7B%22timeout%22:-1%7D");
    let answer = world.call("ModifyInstanceConfig", &culprit).await;
    let text = answer.body["Message"].as_str().expect("a text");
    assert!(text.contains("timeout") && text.contains("from 0 to 100000"), "{text}");
    assert_eq!(config(&world, &id).await, before);
    assert_eq!(world.agent.specs().len(), specs);
    assert_eq!(history(&world, &id, "").await, [""; 0]);
}

#[tokio::test]
async fn set_and_in_force_are_told_apart() {
    let world = World::new();
    let id = world.instance("EngineVersion=5.0").await;
    let read = async |rest: &str| {
        world.ok("DescribeParameters", &format!("DBInstanceId={id}{rest}")).await
    };
    let silent = read("").await;
    assert_eq!(silent["RunningParameters"], json!({"Parameter": []}), "nobody knows");
    assert_eq!((&silent["Engine"], &silent["EngineVersion"]), (&json!("redis"), &json!("5.0")));
    let strays = [("timeout".to_owned(), "7".to_owned())];
    world.agent.tell(NodeStatus { parameters: strays.into(), ..status() }, Vec::new());
    let answer = read(&format!("&RegionId=cn-hangzhou&NodeId={id}-node-0")).await;
    let of = |which: &str| {
        let rows = answer[which]["Parameter"].as_array().expect("a list");
        rows.iter().find(|row| row["ParameterName"] == "timeout").cloned().expect("a row")
    };
    let expected = |value: &str, no: Value, yes: Value| {
        json!({
            "CheckingCode": "[0-100000]",
            "ParameterName": "timeout",
            "ParameterValue": value,
            "ForceRestart": no,
            "ParameterDescription": "Seconds until an idle client is closed; 0 is never.",
            "ModifiableStatus": yes,
        })
    };
    assert_eq!(of("ConfigParameters"), expected("0", json!(false), json!(true)));
    assert_eq!(of("RunningParameters"), expected("7", json!("false"), json!("true")));
    let refusal = async |params: &str| world.refusal("DescribeParameters", params).await;
    assert_eq!(refusal("DBInstanceId=r-none").await, "404 InvalidInstanceId.NotFound");
    assert_eq!(refusal("RegionId=cn-hangzhou").await, "400 MissingDBInstanceId");
    let other_node = format!("DBInstanceId={id}&NodeId=other");
    assert_eq!(refusal(&other_node).await, "400 InvalidNodeId.Malformed");
}

#[tokio::test]
async fn templates_by_version() {
    let world = World::new();
    let read = async |version: &str| {
        let params = format!("CharacterType=normal&Engine=Redis&EngineVersion={version}");
        world.ok("DescribeParameterTemplates", &params).await
    };
    for (version, name) in [
        ("5.0", "hash-max-ziplist-value"),
        ("6.0", "hash-max-ziplist-value"),
        ("7.0", "hash-max-listpack-value"),
    ] {
        let answer = read(version).await;
        let records = answer["Parameters"]["TemplateRecord"].as_array().expect("a list");
        assert_eq!(answer["ParameterCount"], records.len().to_string());
        let record = records.iter().find(|record| record["ParameterName"] == name);
        let record = record.expect("the version has it");
        assert_eq!(
            (&record["ParameterValue"], &record["ForceRestart"]),
            (&json!("64"), &json!(false))
        );
    }
    let refusal = async |params: &str| world.refusal("DescribeParameterTemplates", params).await;
    for (params, expected) in [
        (
            "CharacterType=normal&Engine=Redis&EngineVersion=4.0",
            "403 ParamNotSupportedForCurrentVersion",
        ),
        ("CharacterType=normal&Engine=MySQL&EngineVersion=7.0", "400 InvalidParameters.Format"),
        ("CharacterType=x&Engine=Redis&EngineVersion=7.0", "400 InvalidCharacterType.Malformed"),
        ("Engine=Redis&EngineVersion=7.0", "400 MissingCharacterType"),
        (
            "CharacterType=logic&Engine=Redis&EngineVersion=7.0&InstanceId=r-none",
            "404 InvalidInstanceId.NotFound",
        ),
    ] {
        assert_eq!(refusal(params).await, expected, "{params}");
    }
}

/// The node's figures, with what an account has set.
fn figures(world: &World, change: Option<(u64, &str, &str)>) -> NodeFigures {
    let spec = world.agent.specs().pop().expect("applied");
    let tenant_changes = change.map(|(number, name, value)| TenantChange {
        number,
        account: "app".into(),
        unix_ms: NOW_UNIX_MS.unsigned_abs(),
        set: vec![(name.into(), value.into())],
    });
    NodeFigures {
        generation: spec.generation,
        parameters: spec.settings.parameters,
        tenant_changes: tenant_changes.into_iter().collect(),
        ..NodeFigures::default()
    }
}

#[tokio::test]
async fn what_an_account_sets_becomes_the_intent_or_is_undone() {
    let world = World::new();
    let id = world.instance("EngineVersion=7.0").await;
    let say = |figures: &NodeFigures| {
        drift::answer(&world.control.shared, &id, figures, &mut HashMap::new()).expect("stored");
    };
    let until_told = async |number: u64| {
        let told = async || {
            let spec = world.agent.specs().pop().expect("applied");
            spec.settings.adopted_change == number
        };
        world.until_true(told, "the node to be answered").await;
    };
    let permitted = figures(&world, Some((7, "timeout", "42")));
    say(&permitted);
    until_told(7).await;
    assert_eq!(told(&world)["timeout"], "42");
    say(&permitted);
    assert_eq!(history(&world, &id, "").await, ["timeout 0 42 account:app"], "answered once");
    say(&figures(&world, Some((9, "maxmemory", "1"))));
    until_told(9).await;
    assert_eq!(config(&world, &id).await["timeout"], "42");
    assert_eq!(history(&world, &id, "").await.len(), 1);
    world.until_told(2).await;
}

#[tokio::test]
async fn what_has_drifted_is_brought_back() {
    let world = World::new();
    let id = world.instance("EngineVersion=7.0").await;
    let mut memory = HashMap::new();
    let mut say = |figures: &NodeFigures| {
        drift::answer(&world.control.shared, &id, figures, &mut memory).expect("stored");
    };
    let generation = || world.agent.specs().pop().expect("applied").generation;
    let first = generation();
    say(&figures(&world, None));
    assert_eq!(generation(), first, "as it should be");
    let stray = |generation| {
        let mut figures = figures(&world, None);
        figures.parameters.insert("timeout".into(), "7".into());
        NodeFigures { generation, ..figures }
    };
    say(&stray(first - 1));
    say(&stray(first));
    world.until_true(async || generation() == first + 1, "a new generation").await;
    assert_eq!(told(&world)["timeout"], "0");
    say(&stray(first + 1));
    assert_eq!(generation(), first + 1, "not again at once");
    world.now_unix_ms.store(NOW_UNIX_MS + 60_000, Ordering::Relaxed);
    say(&stray(first + 1));
    world.until_true(async || generation() == first + 2, "a new generation").await;
}
