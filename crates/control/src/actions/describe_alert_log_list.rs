//! DescribeAlertLogList: what was told to whom, the newest first. Must not know rules.

use super::cloud::{self, NAMESPACE, done};
use super::params::{Kind, Param, Params};
use super::table::CMS;
use super::{Access, Action, Context, Done};
use crate::alarms::body;
use crate::error::ApiError;
use crate::store::{self, documents};
use control_model::alarm::{Alert, Channel, Delivery, Event, Stage};
use control_model::selector::page;
use serde_json::{Value, json};

/// The row.
pub const SPEC: Action = Action {
    name: "DescribeAlertLogList",
    version: CMS,
    access: Access::Read,
    params: &[
        Param::optional("StartTime", Kind::Text, "Unix milliseconds"),
        Param::optional("EndTime", Kind::Text, "Unix milliseconds"),
        Param::optional("LastMin", Kind::Integer { min: 1, max: 1 << 31 }, "the last minutes"),
        Param::optional("RuleId", Kind::Text, "only of this rule"),
        Param::optional("RuleName", Kind::Text, "only of rules with this name"),
        Param::optional("Namespace", Kind::Text, "acs_kvstore"),
        Param::optional("MetricName", Kind::Text, "only of this metric"),
        Param::optional("Level", Kind::OneOf(&["P2", "P3", "P4", "OK"]), "only of this level"),
        Param::optional(
            "EventType",
            Kind::OneOf(&["TRIGGERED", "RESOLVED", "INSUFFICIENT_DATA"]),
            "only these",
        ),
        Param::optional("SendStatus", Kind::Integer { min: 0, max: 4 }, "0 sent, 4 not"),
        Param::optional("ContactGroup", Kind::Text, "only told to this group"),
        Param::optional("SearchKey", Kind::Text, "a part of rule, instance or metric"),
        Param::optional("Product", Kind::Text, "kvstore"),
        Param::optional("SourceType", Kind::Text, "ignored"),
        Param::optional("GroupId", Kind::Text, "ignored"),
        Param::optional("GroupBy", Kind::Text, "ignored"),
        Param::optional("PageNumber", Kind::Integer { min: 1, max: 1 << 31 }, "from 1"),
        Param::optional("PageSize", Kind::Integer { min: 1, max: 100 }, "10 unless told"),
    ],
    doc: "Lists alerts and what became of their messages.",
    token: None,
    handler: run,
};

/// `SendStatus`: all taken, or on their way, or given up.
const SENT: i64 = 0;
const SENDING: i64 = 1;
const NOT_SENT: i64 = 4;

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    cloud::check_namespace(params)?;
    let to_ms = cloud::time_ms(params, "EndTime")?.unwrap_or(i64::MAX);
    let last_min = params.integer("LastMin").map(|last| context.now_unix_ms - last * 60_000);
    let from_ms = cloud::time_ms(params, "StartTime")?.or(last_min).unwrap_or(0);
    let mut alerts: Vec<Alert> = documents::list::<Alert>(context.store, store::Kind::Alert)?
        .into_iter()
        .map(|read| read.value)
        .filter(|alert| alert.account_id == context.account_id)
        .filter(|alert| (from_ms..=to_ms).contains(&alert.at_unix_ms) && matches(alert, params))
        .collect();
    alerts.sort_by(|a, b| b.log_id.cmp(&a.log_id));
    let number = params.integer("PageNumber").unwrap_or(1);
    let size = params.integer("PageSize").unwrap_or(10);
    let total = alerts.len();
    let alerts = page(alerts, number as usize, size as usize);
    Ok(done(json!({
        "AlertLogList": alerts.iter().map(view).collect::<Vec<_>>(),
        "PageNumber": number,
        "PageSize": size,
        "Total": total,
    })))
}

fn matches(alert: &Alert, params: &Params<'_>) -> bool {
    let is = |name: &str, value: &str| params.text(name).is_none_or(|wanted| wanted == value);
    let has = |part: &str| {
        [&alert.rule_name, &alert.instance_id, &alert.instance_name, &alert.metric]
            .iter()
            .any(|text| text.contains(part))
    };
    let group = params.text("ContactGroup");
    is("RuleId", &alert.rule_id)
        && is("RuleName", &alert.rule_name)
        && is("MetricName", &alert.metric)
        && is("Level", level(alert))
        && is("EventType", alert.event.name())
        && params.integer("SendStatus").is_none_or(|status| status == send_status(alert))
        && group.is_none_or(|group| alert.contact_groups.iter().any(|one| one == group))
        && params.text("SearchKey").is_none_or(has)
}

fn level(alert: &Alert) -> &'static str {
    if alert.event == Event::Resolved { "OK" } else { alert.level.code() }
}

fn send_status(alert: &Alert) -> i64 {
    let any = |stage| alert.deliveries.iter().any(|one| one.stage == stage);
    match (any(Stage::Pending), any(Stage::Failed)) {
        (true, _) => SENDING,
        (_, true) => NOT_SENT,
        _ => SENT,
    }
}

fn view(alert: &Alert) -> Value {
    let of = |channel: Channel| alert.deliveries.iter().filter(move |one| one.channel == channel);
    let code = |one: &Delivery| match one.stage {
        Stage::Sent => "200",
        Stage::Pending => "102",
        Stage::Failed => "500",
    };
    let hooks: Vec<Value> = of(Channel::Webhook)
        .map(|one| json!({"url": one.address, "code": code(one), "message": one.note}))
        .collect();
    let mails: Vec<&str> = of(Channel::Mail).map(|one| &*one.address).collect();
    let before = alert.from.map_or("OK", |from| from.code());
    let results: Vec<Value> = alert
        .deliveries
        .iter()
        .map(|one| json!({"Key": format!("{:?}", one.channel), "Value": [code(one), &*one.note]}))
        .collect();
    json!({
        "LogId": alert.log_id,
        "RuleId": alert.rule_id,
        "RuleName": alert.rule_name,
        "MetricName": alert.metric,
        "Namespace": NAMESPACE,
        "Product": "kvstore",
        "InstanceId": alert.instance_id,
        "InstanceName": alert.instance_name,
        "Level": level(alert),
        "LevelChange": format!("{before}->{}", level(alert)),
        "EventName": alert.event.name(),
        "AlertTime": alert.at_unix_ms.to_string(),
        "Message": body(alert).to_string(),
        "Dimensions": [
            {"Key": "userId", "Value": alert.account_id},
            {"Key": "instanceId", "Value": alert.instance_id},
        ],
        "Escalation": {
            "Expression": alert.expression,
            "Times": alert.times,
            "Level": alert.level.code(),
        },
        "ContactGroups": alert.contact_groups,
        "ContactMailList": mails,
        "ContactSMSList": [],
        "ContactDingList": [],
        "ContactOnCallList": [],
        "ContactALIIWWList": [],
        "DingdingWebhookList": [],
        "WebhookList": hooks,
        "SendResultList": results,
        "SendStatus": send_status(alert).to_string(),
        "GroupId": "",
        "GroupName": "",
        "ExtendedInfo": [],
    })
}
