//! A line of the audit log as an event of ActionTrail. Pure; must not know the log.

use super::Settings;
use serde_json::{Value, json};

/// Names of services as events have them, by those that permissions have.
const SERVICES: &[(&str, &str)] = &[
    ("kvstore", "Kvstore"),
    ("cms", "Cms"),
    ("actiontrail", "Actiontrail"),
    ("ram", "Ram"),
    ("sts", "Sts"),
    ("vpc", "Vpc"),
    ("AasCustomer", "AasCustomer"),
];

/// Our name of a service; unknown ones as they are.
pub fn service_of(shown: &str) -> String {
    let found = SERVICES.iter().find(|(_, name)| name.eq_ignore_ascii_case(shown));
    found.map_or(shown, |(own, _)| own).to_owned()
}

/// Number of the line that an event id names.
pub fn seq_of(event_id: &str) -> Option<u64> {
    let (_, seq) = event_id.rsplit_once('-')?;
    u64::from_str_radix(seq, 16).ok()
}

/// The line's number within an id that nobody can guess.
fn event_id(line: &Value) -> String {
    let mac = line["mac"].as_str().unwrap_or("00000000000000000000");
    let seq = line["seq"].as_u64().unwrap_or_default();
    let [a, b, c, d] = [0..8, 8..12, 12..16, 16..20].map(|part| mac.get(part).unwrap_or_default());
    format!("{a}-{b}-{c}-{d}-{seq:012x}")
}

/// The event that a line tells of.
pub fn of(line: &Value, settings: &Settings) -> Value {
    let text = |name: &str| line[name].as_str().unwrap_or_default();
    let (kind, resource) = (text("resource_type"), text("resource"));
    let referenced = match resource {
        "" => json!({}),
        name => json!({ kind: [name] }),
    };
    let shown = SERVICES.iter().find(|(own, _)| *own == text("service"));
    let params = line.get("params").cloned().unwrap_or_else(|| json!({}));
    let mut event = json!({
        "eventId": event_id(line),
        "eventVersion": "1",
        "eventName": text("action"),
        "eventTime": seconds(text("time")),
        "eventType": event_type(line),
        "eventCategory": "Management",
        "eventRW": text("rw"),
        "serviceName": shown.map_or(text("service"), |(_, name)| name),
        "eventSource": settings.api,
        "apiVersion": text("version"),
        "acsRegion": region(text("region")),
        "sourceIpAddress": text("source"),
        "userAgent": text("user_agent"),
        "requestId": text("request_id"),
        "requestParameterJson": params.to_string(),
        "requestParameters": params,
        "responseElements": line.get("answer").cloned().unwrap_or_else(|| json!({})),
        "resourceType": kind,
        "resourceName": resource,
        "referencedResources": referenced,
        "recipientAccountId": text("account_id"),
        "isGlobal": false,
        "additionalEventData": {},
        "userIdentity": identity(line),
    });
    if !text("code").is_empty() {
        event["errorCode"] = text("code").into();
        event["errorMessage"] = text("message").into();
    }
    event
}

fn event_type(line: &Value) -> &'static str {
    match (line["event"].as_str(), line["via"].as_str()) {
        (Some("system"), _) => "AliyunServiceEvent",
        (Some("login"), _) => "ConsoleSignin",
        (_, Some("Console" | "ConsoleRefresh")) => "ConsoleCall",
        _ => "ApiCall",
    }
}

/// Times of events are whole seconds.
fn seconds(time: &str) -> String {
    time.split_once('.').map_or(time.to_owned(), |(seconds, _)| format!("{seconds}Z"))
}

fn region(told: &str) -> &str {
    if told.is_empty() { control_model::region::REGION } else { told }
}

fn identity(line: &Value) -> Value {
    let text = |name: &str| line[name].as_str().unwrap_or_default();
    let (account_id, name, key) = (text("account_id"), text("principal"), text("access_key_id"));
    // Logins are those of the account; what happens by itself has nobody behind it.
    let (kind, principal_id) = match (line["event"].as_str(), text("identity")) {
        (Some("system"), _) => ("system", name),
        (_, "") => ("root-account", account_id),
        (_, kind) => (kind, text("principal_id")),
    };
    let mut identity = json!({
        "type": kind,
        "principalId": principal_id,
        "accountId": account_id,
        "userName": name,
        "sessionContext": {
            "attributes": {"creationDate": seconds(text("time")), "mfaAuthenticated": "false"},
        },
    });
    if !key.is_empty() {
        identity["accessKeyId"] = key.into();
    }
    identity
}
