//! Random policies against a plain model that reads the documents by the book.

use super::*;
use serde_json::{Value, json};
use stdx::Rng;

const ACTIONS: &[&str] = &["kvstore:Describe", "kvstore:Delete", "ram:Get"];
const RESOURCES: &[&str] =
    &["acs:kvstore:r:1:instance/a", "acs:kvstore:r:1:instance/b", "acs:kvstore:r:1:*"];
const ADDRESSES: &[&str] = &["10.0.0.1", "10.0.0.2"];

fn pick<'a>(rng: &mut Rng, of: &[&'a str]) -> &'a str {
    of[rng.below(of.len())]
}

/// One text, or a list of up to three.
fn some(rng: &mut Rng, of: &[&str]) -> Value {
    match rng.below(3) {
        0 => pick(rng, of).into(),
        _ => (0..=rng.below(3)).map(|_| Value::from(pick(rng, of))).collect::<Vec<_>>().into(),
    }
}

fn statement(rng: &mut Rng) -> Value {
    let actions = ["*", "kvstore:*", "kvstore:De*", "KVSTORE:Describe", "ram:???", "ram:Get"];
    let instance = "acs:kvstore:*:1:instance/";
    let resources = ["*", &format!("{instance}*"), &format!("{instance}a"), "acs:kvstore:*:*:*"];
    let element = pick(rng, &["Action", "Action", "NotAction"]);
    let mut made = json!({
        "Effect": pick(rng, &["Allow", "Allow", "Deny"]),
        element: some(rng, &actions),
        "Resource": some(rng, &resources),
    });
    if rng.below(2) == 0 {
        let operator = pick(rng, &["IpAddress", "NotIpAddress"]);
        let mut operators = json!({operator: {"acs:SourceIp": some(rng, ADDRESSES)}});
        if rng.below(2) == 0 {
            operators["StringNotEquals"] = json!({"acs:ResourceTag/t": some(rng, &["x", "y"])});
        }
        made["Condition"] = operators;
    }
    made
}

fn list(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

/// Patterns of the test are few: each is taken literally, by its stars at the end or in parts.
fn like(pattern: &str, text: &str) -> bool {
    match pattern.split_once(['*', '?']) {
        None => pattern == text,
        Some((start, rest)) if text.starts_with(start) => {
            let (one, left) = (&pattern[start.len()..=start.len()], &text[start.len()..]);
            let skips = if one == "?" { 1..=1 } else { 0..=left.len() };
            skips.into_iter().any(|skip| left.get(skip..).is_some_and(|left| like(rest, left)))
        }
        Some(_) => false,
    }
}

fn model_is_about(statement: &Value, action: &str, resource: &str, ip: &str, tag: &str) -> bool {
    let lower = |text: &str| text.to_lowercase();
    let named = |element: &str| {
        list(&statement[element]).iter().any(|name| like(&lower(name), &lower(action)))
    };
    let action =
        if statement.get("Action").is_some() { named("Action") } else { !named("NotAction") };
    let resource = list(&statement["Resource"]).iter().any(|pattern| like(pattern, resource));
    let condition = &statement["Condition"];
    let at = |operator: &str| condition.get(operator).map(|keys| list(&keys["acs:SourceIp"]));
    let within = at("IpAddress").is_none_or(|ips| ips.contains(&ip));
    let without = at("NotIpAddress").is_none_or(|ips| !ips.contains(&ip));
    let tags = condition.get("StringNotEquals").map(|keys| list(&keys["acs:ResourceTag/t"]));
    let tagged = tags.is_none_or(|tags| !tags.contains(&tag));
    action && resource && within && without && tagged
}

#[test]
fn as_the_plain_model_decides() {
    let rng = &mut Rng::new(11);
    let mut seen = [0; 3];
    for _ in 0..10_000 {
        let documents: Vec<Vec<Value>> = (0..rng.below(3))
            .map(|_| (0..=rng.below(2)).map(|_| statement(rng)).collect())
            .collect();
        let texts = documents.iter().map(|s| json!({"Version": "1", "Statement": s}).to_string());
        let policies: Vec<_> = texts
            .map(|text| Policy::parse(&text).unwrap_or_else(|f| panic!("{text} {f}")))
            .collect();
        let (action, resource) = (pick(rng, ACTIONS), pick(rng, RESOURCES));
        let (ip, tag) = (pick(rng, ADDRESSES), pick(rng, &["", "x", "z"]));
        let mut facts = Facts::default();
        facts.know("acs:SourceIp", ip);
        if !tag.is_empty() {
            facts.know("acs:ResourceTag/t", tag);
        }
        let found = decide(&policies, &Question { action, resource, facts: &facts });
        let about = documents.iter().flatten();
        let about: Vec<_> =
            about.filter(|s| model_is_about(s, action, resource, ip, tag)).collect();
        let any = |effect: &str| about.iter().any(|statement| statement["Effect"] == effect);
        let expected = match (any("Deny"), any("Allow")) {
            (true, _) => Verdict::ExplicitDeny,
            (false, true) => Verdict::Allow,
            (false, false) => Verdict::ImplicitDeny,
        };
        assert_eq!(found, expected, "{documents:?} {action} {resource} {ip} {tag}");
        seen[expected as usize] += 1;
    }
    assert!(seen.iter().all(|&times| 500 < times), "{seen:?}");
}
