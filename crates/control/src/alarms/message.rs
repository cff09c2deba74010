//! What those who are told read: one JSON object for programs, a few lines for people. No secret
//! is in it. Must not know how it travels.

use control_model::alarm::{Alert, Event};
use serde_json::{Value, json};

/// The body of a webhook's POST; the names are those of CloudMonitor's.
pub(crate) fn body(alert: &Alert) -> Value {
    let state = match alert.event {
        Event::Triggered => "ALERT",
        Event::Resolved => "OK",
        Event::NoData => "INSUFFICIENT_DATA",
    };
    let word = |level: control_model::alarm::Level| level.name().to_uppercase();
    json!({
        "logId": alert.log_id,
        "ruleId": alert.rule_id,
        "alertName": alert.rule_name,
        "alertState": state,
        "curValue": alert.value,
        "unit": alert.unit,
        "dimensions": {"userId": alert.account_id, "instanceId": alert.instance_id},
        "expression": alert.expression,
        "times": alert.times,
        "instanceName": alert.instance_name,
        "metricName": alert.metric,
        "namespace": "acs_kvstore",
        "preTriggerLevel": alert.from.map(word),
        "triggerLevel": word(alert.level),
        "timestamp": alert.at_unix_ms,
        "userId": alert.account_id,
    })
}

/// Subject of a mail.
pub(crate) fn subject(alert: &Alert) -> String {
    if !alert.email_subject.is_empty() {
        return alert.email_subject.clone();
    }
    format!("[{}] {} on {}", headline(alert), alert.rule_name, alert.instance_id)
}

fn headline(alert: &Alert) -> String {
    match alert.event {
        Event::Triggered => format!("{} alarm", alert.level.name()),
        Event::Resolved => "Resolved".to_owned(),
        Event::NoData => "No data".to_owned(),
    }
}

/// Text of a mail.
pub(crate) fn text(alert: &Alert) -> String {
    let value = alert.value.map_or("no data".to_owned(), |value| {
        format!("{value}{}{}", if alert.unit == "%" { "" } else { " " }, alert.unit)
    });
    let time = jiff::Timestamp::from_millisecond(alert.at_unix_ms).unwrap_or_default();
    format!(
        "{}\n\nRule:      {} ({})\nInstance:  {} {}\nMetric:    {}\nValue:     {value}\n\
         Condition: {} for {} period(s)\nTime:      {time:.0}\nLog id:    {}\n",
        headline(alert),
        alert.rule_name,
        alert.rule_id,
        alert.instance_id,
        alert.instance_name,
        alert.metric,
        alert.expression,
        alert.times,
        alert.log_id,
    )
}
