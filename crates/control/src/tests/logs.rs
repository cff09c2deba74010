//! Slow log, running log and audit log of the data plane, over an agent that answers as told.

use crate::testing::World;
use admin::logs::{LogPage, LogRow, NodeLog};
use serde_json::json;

const RANGE: &str = "StartTime=2026-11-22T12:00Z&EndTime=2026-11-22T13:00Z";

fn page() -> LogPage {
    let row = LogRow {
        unix_ms: 1_795_351_879_500,
        took_us: 21_000,
        db: 3,
        peer: "10.0.0.1:5".into(),
        user: "default".into(),
        refused: false,
        outcome: String::new(),
        text: "SET k v".into(),
    };
    let refused = LogRow { refused: true, outcome: "NOPERM".into(), ..row.clone() };
    LogPage { total: 60, rows: vec![row, refused], left_out: 7 }
}

#[tokio::test]
async fn slow_commands_as_documented() {
    let world = World::new();
    let id = world.instance("").await;
    world.agent.write_log(page());
    let params = format!(
        "InstanceId={id}&{RANGE}&PageSize=50&PageNumber=2&DBName=3&QueryKeyword=set&OrderType=ASC"
    );
    let answer = world.ok("DescribeSlowLogRecords", &params).await;
    let asked = world.agent.asked().expect("asked");
    assert_eq!((asked.log, asked.skip, asked.count), (NodeLog::Slow, 50, 50));
    assert_eq!(
        (asked.db, asked.keyword.as_deref(), asked.newest_first),
        (Some(3), Some("set"), false)
    );
    let minute = 60_000;
    assert_eq!(asked.to_unix_ms - asked.from_unix_ms, 61 * minute, "the last minute belongs to it");
    let wanted = json!({
        "Account": "default",
        "AccountName": "default",
        "Command": "SET k v",
        "DBName": "3",
        "DataBaseName": "3",
        "ElapsedTime": 21_000,
        "ExecuteTime": "2026-11-22T12:51:19Z",
        "IPAddress": "10.0.0.1:5",
        "NodeId": format!("{id}-node-0"),
    });
    assert_eq!(answer["Items"]["LogRecords"][0], wanted);
    let told = ["TotalRecordCount", "PageRecordCount", "PageSize", "PageNumber", "Engine"];
    let told = told.map(|name| answer[name].clone());
    assert_eq!(told, [json!(60), json!(2), json!(50), json!(2), json!("redis")]);
}

#[tokio::test]
async fn what_there_is_no_node_for_is_empty() {
    let world = World::new();
    let id = world.instance("").await;
    world.agent.write_log(page());
    let rows = [
        ("DescribeSlowLogRecords", "SlowLogRecordType=proxy", 0),
        ("DescribeSlowLogRecords", "NodeId=r-none-db-0", 0),
        ("DescribeSlowLogRecords", "SlowLogRecordType=db", 2),
        ("DescribeRunningLogRecords", "RoleType=secondary", 0),
        ("DescribeRunningLogRecords", "CharacterType=proxy", 0),
        ("DescribeRunningLogRecords", "RoleType=master&CharacterType=db", 2),
    ];
    for (action, params, count) in rows {
        let answer = world.ok(action, &format!("InstanceId={id}&{RANGE}&{params}")).await;
        let found = answer["Items"]["LogRecords"].as_array().map(Vec::len);
        assert_eq!(found, Some(count), "{action} {params}");
    }
    let node = format!("InstanceId={id}&{RANGE}&NodeId={id}-node-0%231");
    let answer = world.ok("DescribeRunningLogRecords", &node).await;
    assert_eq!(answer["Items"]["LogRecords"][0]["Content"], "SET k v");
}

#[tokio::test]
async fn questions_about_logs_that_make_no_sense_are_refused() {
    let world = World::new();
    let id = world.instance("").await;
    let slow = "DescribeSlowLogRecords";
    let rows = [
        (slow, "StartTime=x&EndTime=2026-11-22T13:00Z", "400 InvalidStartTime.Malformed"),
        (slow, "StartTime=2026-11-22T13:00Z&EndTime=x", "400 InvalidEndTime.Malformed"),
        (
            slow,
            "StartTime=2026-11-22T13:00Z&EndTime=2026-11-22T12:00Z",
            "400 InvalidEndTime.Malformed",
        ),
        (
            slow,
            "StartTime=2026-11-22T13:00Z&EndTime=2026-11-23T13:01Z",
            "400 InvalidEndTime.Malformed",
        ),
        (slow, "EndTime=2026-11-22T13:00Z", "400 MissingStartTime"),
        (
            slow,
            "StartTime=2026-11-22T12:00Z&EndTime=2026-11-22T13:00Z&PageSize=31",
            "400 InvalidPageSize.Malformed",
        ),
        (
            "DescribeAuditRecords",
            "StartTime=2026-11-22T13:00:00Z&EndTime=2026-11-22T12:00:00Z",
            "400 InvalidEndTime.Invalid",
        ),
    ];
    for (action, params, wanted) in rows {
        let refusal = world.refusal(action, &format!("InstanceId={id}&{params}")).await;
        assert_eq!(refusal, wanted, "{action} {params}");
    }
    for action in [slow, "DescribeRunningLogRecords", "DescribeAuditRecords"] {
        let refusal = world.refusal(action, &format!("InstanceId=r-none&{RANGE}")).await;
        assert_eq!(refusal, "404 InvalidDbInstanceId.NotFound", "{action}");
    }
}

#[tokio::test]
async fn the_audit_log_is_switched_and_asked() {
    let world = World::new();
    let id = world.instance("").await;
    let config = async || {
        let params = format!("RegionId=x&InstanceId={id}");
        let answer = world.ok("DescribeAuditLogConfig", &params).await;
        (answer["DbAudit"].clone(), answer["Retention"].clone())
    };
    assert_eq!(config().await, (json!("false"), json!("30")), "texts, as clients insist");
    world.ok("ModifyAuditLogConfig", &format!("InstanceId={id}&Retention=15")).await;
    assert_eq!(config().await, (json!("true"), json!("15")));
    let days = || world.agent.specs().pop().expect("applied").settings.audit_log_days;
    assert_eq!(days(), Some(15), "in force when the call returns");
    for params in ["", "&DbAudit=true", "&Retention=0", "&Retention=366", "&Retention=x"] {
        let params = format!("InstanceId={id}{params}");
        let refusal = world.refusal("ModifyAuditLogConfig", &params).await;
        assert_eq!(refusal, "400 InvalidRetention", "{params}");
    }
    world.agent.write_log(page());
    let params = format!(
        "InstanceId={id}&StartTime=2026-11-22T12:00:00Z&EndTime=2026-11-22T13:00:00Z\
         &AccountName=default&HostAddress=10.0.0.1&DatabaseName=3&QueryKeywords=set"
    );
    let answer = world.ok("DescribeAuditRecords", &params).await;
    let asked = world.agent.asked().expect("asked");
    assert_eq!((asked.log, asked.user.as_deref()), (NodeLog::Audit, Some("default")));
    assert_eq!((asked.host.as_deref(), asked.db), (Some("10.0.0.1"), Some(3)));
    let rows = &answer["Items"]["SQL"];
    assert_eq!((&rows[0]["SQLType"], &rows[0]["SQLText"]), (&json!("write"), &json!("SET k v")));
    assert_eq!(
        (&rows[1]["SQLType"], &rows[1]["Outcome"]),
        (&json!("non_read_write"), &json!("NOPERM"))
    );
    assert_eq!(
        (&rows[0]["HostAddress"], &answer["TotalRecordCount"]),
        (&json!("10.0.0.1"), &json!(60))
    );
    assert_eq!(answer["LeftOutCount"], 7, "what is missing is told");
    world.ok("ModifyAuditLogConfig", &format!("InstanceId={id}&DbAudit=false")).await;
    assert_eq!((config().await.0, days()), (json!("false"), None));
}
