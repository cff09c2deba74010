//! Alarms through the API and at work: rules and contacts, what is told, once, and to whom.

use super::metrics::sampled;
use crate::alarms::{Channels, Evaluator, Notifier, body, run};
use crate::store::{self, documents};
use crate::testing::{NOW_UNIX_MS, World};
use control_model::Instance;
use control_model::alarm::{Alert, Delivery, Event, Stage};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const GROUP: &str = "ContactGroupName=ops&Describe=them";
const RULE: &str = "RuleId=full&RuleName=memory&Namespace=acs_kvstore\
                    &MetricName=StandardMemoryUsage&Resources=[{\"resource\":\"_ALL\"}]\
                    &ContactGroups=ops&Escalations.Critical.Threshold=80\
                    &Escalations.Critical.ComparisonOperator=GreaterThanThreshold\
                    &Escalations.Critical.Statistics=Average&Escalations.Critical.Times=1";

async fn rules(world: &World, more: &str) -> Vec<Value> {
    let answer = world.ok("DescribeMetricRuleList", more).await;
    assert_eq!((&answer["Code"], &answer["Success"]), (&200.into(), &true.into()));
    let rows = answer["Alarms"]["Alarm"].as_array().expect("a list").clone();
    assert_eq!(answer["Total"], rows.len().to_string());
    rows
}

#[tokio::test]
async fn rules_are_put_listed_switched_and_deleted() {
    let world = World::new();
    world.ok("PutContactGroup", GROUP).await;
    world.ok("PutResourceMetricRule", RULE).await;
    let more = "&Period=300&Webhook=http://127.0.0.1:9/x&SilenceTime=60&Labels.1.Key=a\
                &EffectiveInterval=00:00-23:59&NoDataPolicy=OK&SendOK=false\
                &Escalations.Info.Threshold=50.5&Escalations.Info.Times=3";
    let put = world.ok("PutResourceMetricRule", &format!("{RULE}{more}")).await;
    assert_eq!((&put["Code"], &put["Success"]), (&"200".into(), &true.into()));
    let [row] = rules(&world, "").await.try_into().expect("one: the id decides");
    let expected = [
        ("RuleId", json!("full")),
        ("RuleName", json!("memory")),
        ("Period", json!("300")),
        ("ContactGroups", json!("ops")),
        ("Webhook", json!("http://127.0.0.1:9/x")),
        ("SilenceTime", json!(60)),
        ("EffectiveInterval", json!("00:00-23:59")),
        ("EnableState", json!(true)),
        ("AlertState", json!("INSUFFICIENT_DATA")),
        ("NoDataPolicy", json!("OK")),
        ("SendOK", json!(false)),
        ("GmtCreate", json!(NOW_UNIX_MS)),
        ("Labels", json!({"Labels": [{"Key": "a", "Value": ""}]})),
        ("Resources", json!("[{\"resource\":\"_ALL\"}]")),
    ];
    for (name, value) in expected {
        assert_eq!(row[name], value, "{name}");
    }
    assert_eq!(row["Escalations"]["Info"]["Threshold"], "50.5");
    assert_eq!(row["Escalations"]["Info"]["Times"], 3);
    assert_eq!(row["Escalations"]["Warn"], json!({}));
    let line =
        world.audit().iter().rev().find(|line| line["params"]["Webhook"] != Value::Null).cloned();
    assert_eq!(line.expect("audited")["params"]["Webhook"], "***");
    for (more, count) in [
        ("MetricName=StandardCpuUsage", 0),
        ("RuleName=mem", 1),
        ("RuleIds=x,full", 1),
        ("EnableState=False", 0),
        ("AlertState=ALARM", 0),
        ("Dimensions={\"instanceId\":\"r-any\"}", 1),
    ] {
        assert_eq!(rules(&world, more).await.len(), count, "{more}");
    }
    world.ok("DisableMetricRules", "RuleId.1=full").await;
    assert_eq!(rules(&world, "EnableState=false").await.len(), 1);
    world.ok("PutResourceMetricRule", RULE).await;
    assert_eq!(rules(&world, "EnableState=false").await.len(), 1, "it stays as it was");
    world.ok("EnableMetricRules", "RuleId.1=full").await;
    let mut stranger = world.request("DeleteMetricRules", "Id.1=full");
    stranger.principal.account_id = "9999999999999999".into();
    assert_eq!(world.control.call(stranger).await.body["Code"], "ResourceNotFound");
    world.ok("DeleteMetricRules", "Id.1=full").await;
    assert!(rules(&world, "").await.is_empty());
    assert_eq!(world.refusal("DeleteMetricRules", "Id.1=full").await, "404 ResourceNotFound");
    assert_eq!(world.refusal("EnableMetricRules", "").await, "400 MissingRuleId");
}

#[tokio::test]
async fn rules_refused() {
    let world = World::new();
    let rows = [
        (RULE.to_owned(), "404 ResourceNotFound"),
        (format!("{RULE}&Webhook=http://169.254.169.254/"), "400 ParameterInvalid"),
        (format!("{RULE}&Webhook=ftp://x/"), "400 ParameterInvalid"),
        (RULE.replace("StandardMemoryUsage", "Nothing"), "404 ResourceNotFound"),
        (RULE.replace("acs_kvstore", "acs_ecs"), "404 ResourceNotFound"),
        (RULE.replace("RuleId=full&", ""), "400 MissingRuleId"),
    ];
    for (params, expected) in rows {
        let refusal = world.refusal("PutResourceMetricRule", &params).await;
        assert_eq!(refusal, expected, "{params}");
    }
    world.ok("PutContactGroup", GROUP).await;
    let good_hook = "&Webhook=http://127.0.0.1:9/";
    let rows = [
        (RULE.replace("_ALL", "x"), "400 ParameterInvalid"),
        (
            RULE.replace("{\"resource\":\"_ALL\"}", "{\"instanceId\":\"r-no\"}"),
            "404 ResourceNotFound",
        ),
        (RULE.replace("Threshold=80", "Threshold=much"), "400 ParameterInvalid"),
        (RULE.replace("GreaterThanThreshold", "Above"), "400 ParameterInvalid"),
        (RULE.replace("Times=1", "Times=0"), "400 ParameterInvalid"),
        (RULE.replace("Average", "Median"), "400 ParameterInvalid"),
        (format!("{RULE}&Period=7"), "400 ParameterInvalid"),
        (format!("{RULE}&EffectiveInterval=now"), "400 ParameterInvalid"),
        (format!("{RULE}&NoDataPolicy=MAYBE"), "400 ParameterInvalid"),
        (RULE.split("&Escalations").next().expect("a part").to_owned(), "400 ParameterInvalid"),
    ];
    for (params, expected) in rows {
        let refusal = world.refusal("PutResourceMetricRule", &format!("{params}{good_hook}")).await;
        assert_eq!(refusal, expected, "{params}");
    }
    assert!(rules(&world, "").await.is_empty());
    let rules_1 =
        RULE.split('&').map(|pair| format!("Rules.1.{pair}")).collect::<Vec<_>>().join("&");
    let many = format!("{rules_1}&Rules.2.RuleId=broken");
    let answer = world.ok("PutResourceMetricRules", &many).await;
    let failed = &answer["FailedListResult"]["Target"];
    assert_eq!(
        (&failed[0]["RuleId"], failed.as_array().map(Vec::len)),
        (&"broken".into(), Some(1))
    );
    assert_eq!(failed[0]["Result"]["Code"], "MissingRuleName");
    assert_eq!(rules(&world, "").await.len(), 1);
}

#[tokio::test]
async fn contacts_and_groups() {
    let world = World::new();
    let refusals = [
        ("PutContact", "ContactName=ann&Describe=d", "400 ParameterInvalid"),
        ("PutContact", "ContactName=ann&Describe=d&Channels.Mail=x", "400 ParameterInvalid"),
        ("PutContact", "ContactName=a/b&Describe=d&Channels.Mail=a@b.c", "400 ParameterInvalid"),
        ("PutContact", "ContactName=ann&Channels.Mail=a@b.c", "400 MissingDescribe"),
        ("PutContactGroup", "ContactGroupName=ops&ContactNames.1=ann", "404 ResourceNotFound"),
        ("DeleteContact", "ContactName=ann", "404 ResourceNotFound"),
        ("DeleteContactGroup", "ContactGroupName=ops", "404 ResourceNotFound"),
    ];
    for (action, params, expected) in refusals {
        assert_eq!(world.refusal(action, params).await, expected, "{params}");
    }
    let ann = "ContactName=ann&Describe=d&Channels.Mail=ann@example.org&Lang=en";
    world.ok("PutContact", ann).await;
    world.ok("PutContact", &ann.replace("=ann", "=bob")).await;
    world.ok("PutContactGroup", &format!("{GROUP}&ContactNames.1=ann&ContactNames.2=bob")).await;
    let list = world.ok("DescribeContactList", "").await;
    assert_eq!(list["Total"], 2);
    let first = &list["Contacts"]["Contact"][0];
    assert_eq!(first["Channels"]["Mail"], "ann@example.org");
    assert_eq!(first["ContactGroups"]["ContactGroup"], json!(["ops"]));
    world.ok("DeleteContact", "ContactName=ann").await;
    let groups = world.ok("DescribeContactGroupList", "").await;
    assert_eq!(groups["ContactGroups"]["ContactGroup"], json!(["ops"]));
    let row = &groups["ContactGroupList"]["ContactGroup"][0];
    assert_eq!(row["Contacts"]["Contact"], json!(["bob"]));
    world.ok("DeleteContactGroup", "ContactGroupName=ops").await;
    assert_eq!(world.ok("DescribeContactGroupList", "").await["Total"], 0);
    let mut stranger = world.request("DescribeContactList", "");
    stranger.principal.account_id = "9999999999999999".into();
    assert_eq!(world.control.call(stranger).await.body["Total"], 0);
}

/// An evaluator beside the world's own, which sees nothing because no agent samples.
fn evaluator(world: &World) -> (Evaluator, UnboundedReceiver<String>) {
    let shared = &world.control.shared;
    let (outbox, fresh) = unbounded_channel();
    (Evaluator::new(shared.store.clone(), shared.metrics.clone(), outbox), fresh)
}

fn alerts(world: &World) -> Vec<Alert> {
    let store = world.control.shared.store.as_ref();
    let mut alerts: Vec<Alert> = documents::list(store, store::Kind::Alert)
        .expect("read")
        .into_iter()
        .map(|read| read.value)
        .collect();
    alerts.sort_by(|a, b| a.log_id.cmp(&b.log_id));
    alerts
}

fn instances(world: &World) -> Vec<Instance> {
    let store = world.control.shared.store.as_ref();
    documents::instances(store).expect("read").into_iter().map(|read| read.value).collect()
}

/// Lets so many seconds pass with memory used in percent of 256 MiB; evaluates each 5 s.
fn pass(world: &World, evaluator: &mut Evaluator, id: &str, seconds: i64, percent: u64) {
    for _ in 0..seconds / 5 {
        let now_ms = world.now_unix_ms.fetch_add(5_000, Ordering::Relaxed) + 5_000;
        sampled(world, id, 1, |_, at| at.used_memory_bytes = (percent * (256 << 20)) / 100);
        let at_s = now_ms / 1000 / 5 * 5;
        evaluator.run(at_s, &instances(world)).expect("evaluated");
    }
}

#[tokio::test]
async fn an_alarm_is_told_once_and_so_is_its_end() {
    let world = World::new();
    let id = world.instance("InstanceName=cache").await;
    world.ok("PutContactGroup", GROUP).await;
    world.ok("PutResourceMetricRule", &format!("{RULE}&Webhook=http://127.0.0.1:9/x")).await;
    let (mut first, mut fresh) = evaluator(&world);
    pass(&world, &mut first, &id, 120, 50);
    assert!(alerts(&world).is_empty());
    assert_eq!(rules(&world, "").await[0]["AlertState"], "OK");
    pass(&world, &mut first, &id, 120, 90);
    let [alert] = alerts(&world).try_into().expect("one");
    assert_eq!(
        (alert.event, alert.value, &*alert.expression),
        (Event::Triggered, Some(90.0), "$Average>80")
    );
    assert_eq!(fresh.try_recv().ok().as_ref(), Some(&alert.log_id));
    assert_eq!(rules(&world, "AlertState=ALARM").await.len(), 1);
    // A restart in the middle of the alarm.
    let (mut second, _fresh) = evaluator(&world);
    pass(&world, &mut second, &id, 180, 90);
    assert_eq!(alerts(&world).len(), 1, "not told again");
    pass(&world, &mut second, &id, 120, 10);
    let [_, end] = alerts(&world).try_into().expect("two");
    let told = world.until_told(4).await;
    assert_eq!(told[2..], ["InstanceAlarm:Triggered", "InstanceAlarm:Resolved"]);
    assert_eq!((end.event, end.level.name()), (Event::Resolved, "Critical"));
    assert_eq!(body(&end)["alertState"], "OK");
    let log = world.ok("DescribeAlertLogList", "").await;
    let rows = log["AlertLogList"].as_array().expect("a list");
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[0]["Level"], &rows[1]["Level"]), (&"OK".into(), &"P2".into()));
    assert_eq!(rows[1]["InstanceId"], id.as_str());
    for (more, count) in [
        ("EventType=RESOLVED", 1),
        ("Level=P2", 1),
        ("RuleId=other", 0),
        ("SearchKey=cache", 2),
        ("ContactGroup=ops", 2),
        ("LastMin=3", 1),
        ("StartTime=1&EndTime=2", 0),
    ] {
        let log = world.ok("DescribeAlertLogList", more).await;
        assert_eq!(log["AlertLogList"].as_array().map(Vec::len), Some(count), "{more}");
    }
    world.ok("DeleteMetricRules", "Id.1=full").await;
    pass(&world, &mut second, &id, 5, 10);
    let states = world.control.shared.store.list(store::Kind::AlarmState).expect("read");
    assert!(states.is_empty(), "states go with their rule");
}

#[tokio::test]
async fn missing_numbers_are_told_where_the_rule_says_so() {
    let world = World::new();
    let id = world.instance("").await;
    let rule =
        format!("{RULE}&Webhook=http://127.0.0.1:9/x&NoDataPolicy=INSUFFICIENT_DATA&Period=15");
    world.ok("PutResourceMetricRule", &rule).await;
    let (mut evaluator, _fresh) = evaluator(&world);
    pass(&world, &mut evaluator, &id, 60, 50);
    let silent_s = world.now_unix_ms.load(Ordering::Relaxed) / 1000 / 5 * 5 + 60;
    evaluator.run(silent_s, &instances(&world)).expect("evaluated");
    let [alert] = alerts(&world).try_into().expect("one");
    assert_eq!((alert.event, alert.value), (Event::NoData, None));
    assert_eq!(rules(&world, "AlertState=INSUFFICIENT_DATA").await.len(), 1);
}

/// A web server that answers each request by the next of `answers`; gives the port and what came.
#[expect(clippy::disallowed_methods, reason = "the peer of a blocking call needs a thread")]
fn server(answers: &'static [&'static str]) -> (u16, Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let port = listener.local_addr().expect("bound").port();
    let (told, heard): (Sender<(String, String)>, _) = channel();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().expect("connected");
            let mut reader = BufReader::new(stream.try_clone().expect("cloned"));
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).expect("a head");
                if line.trim().is_empty() {
                    break;
                }
                let told = line.to_ascii_lowercase();
                if let Some(number) = told.strip_prefix("content-length:") {
                    length = number.trim().parse().expect("a number");
                }
                head.push_str(&line);
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("a body");
            let body = String::from_utf8(body).expect("text");
            let _ = told.send((head, body));
            let answer =
                format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).expect("answered");
        }
    });
    (port, heard)
}

/// Sends one alert to `url` and gives what became of it.
async fn delivered(world: &World, url: &str, stage: Stage) -> Delivery {
    let id = world.instance("").await;
    let rule = format!("{RULE}&Webhook={url}&Period=15").replace("full", &id);
    // Not of the instances before, whose messages would go to the same place.
    let own = format!("\"instanceId\":\"{id}\"");
    let rule = rule.replace("\"resource\":\"_ALL\"", &own);
    world.ok("PutResourceMetricRule", &rule).await;
    let shared = &world.control.shared;
    let (mut evaluator, fresh) = evaluator(world);
    // An hour passes whenever it is looked at, so that pauses between tries are over at once.
    let clock = AtomicI64::new(world.now_unix_ms.load(Ordering::Relaxed));
    let notifier = Notifier {
        store: shared.store.clone(),
        clock: Arc::new(move || clock.fetch_add(3_600_000, Ordering::Relaxed)),
        channels: Channels::default(),
        api: "127.0.0.1:8077".into(),
    };
    let sending = tokio::spawn(run(notifier, fresh));
    pass(world, &mut evaluator, &id, 30, 90);
    let found = || alerts(world).into_iter().find(|alert| alert.rule_id == id);
    let reached = async || found().is_some_and(|alert| alert.deliveries[0].stage == stage);
    world.until_true(reached, "the message").await;
    sending.abort();
    found().expect("there").deliveries.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_tried_again_and_never_led_elsewhere() {
    let world = World::new();
    let (port, heard) = server(&["500 Broken", "200 OK"]);
    let url = format!("http://127.0.0.1:{port}/hook?token=t");
    let sent = delivered(&world, &url, Stage::Sent).await;
    assert_eq!((sent.attempts, &*sent.note), (2, "answered 200"));
    let (head, first) = heard.recv_timeout(Duration::from_secs(10)).expect("posted");
    let (_, second) = heard.recv_timeout(Duration::from_secs(10)).expect("posted again");
    assert!(head.starts_with("POST /hook?token=t HTTP/1.1"), "{head}");
    assert!(head.to_ascii_lowercase().contains("content-type: application/json"), "{head}");
    assert_eq!(first, second, "the same log id");
    let message: Value = serde_json::from_str(&first).expect("JSON");
    assert_eq!((&message["alertState"], &message["curValue"]), (&"ALERT".into(), &90.0.into()));

    let (other, elsewhere) = server(&["200 OK"]);
    let _ = other;
    let (port, _heard) = server(&["302 Found\r\nLocation: http://127.0.0.1:1/"]);
    let failed = delivered(&world, &format!("http://127.0.0.1:{port}/"), Stage::Failed).await;
    assert!(failed.note.contains("redirects are not followed"), "{}", failed.note);
    assert!(elsewhere.try_recv().is_err());

    let failed = delivered(&world, "http://localhost:8077/", Stage::Failed).await;
    assert_eq!(failed.attempts, 1);
    assert!(failed.note.contains("must not be posted to"), "{}", failed.note);
}
