//! The page of one instance.

use super::allowlist::{Group, groups};
use super::live::Panel;
use super::manage::{self, Link};
use super::{Frame, Outcome, draw};
use crate::door::Member;
use crate::figures;
use askama::Template;
use axum::http::StatusCode;
use serde_json::Value;

#[derive(Template)]
#[template(path = "instance.html")]
struct InstancePage {
    frame: Frame,
    panel: Panel,
    groups: Vec<Group>,
    /// Label and value.
    facts: Vec<(&'static str, String)>,
    /// Nobody came in yet, and the allowlist may be why.
    closed: bool,
    /// Why nobody may write; empty while all may.
    lock_reason: String,
    /// Clients need a password.
    password: bool,
    /// What can be done, by heading.
    manage: Vec<(&'static str, Vec<Link>)>,
}

/// Attributes that are shown as they are.
const FACTS: &[(&str, &str)] = &[
    ("Instance id", "InstanceId"),
    ("Class", "InstanceClass"),
    ("Engine version", "EngineVersion"),
    ("Architecture", "ArchitectureType"),
    ("Connections at most", "Connections"),
    ("Bandwidth, MB/s", "Bandwidth"),
    ("Region", "RegionId"),
    ("Zone", "ZoneId"),
    ("Maintenance from", "MaintainStartTime"),
    ("Maintenance until", "MaintainEndTime"),
    ("Release protection", "InstanceReleaseProtection"),
];

/// Everything about one instance.
pub async fn show(member: Member) -> Outcome {
    let id = member.visit.target.clone();
    let (panel, attributes) = Panel::load(&member, &id).await?;
    let groups = groups(&member, &id).await?;
    let text = |name: &str| match &attributes[name] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Number(number) => number.as_u64().map(figures::count).unwrap_or_default(),
        Value::Bool(on) => (if *on { "on" } else { "off" }).to_owned(),
        Value::Array(_) | Value::Object(_) => String::new(),
    };
    let facts = FACTS.iter().map(|row| (row.0, text(row.1))).filter(|row| !row.1.is_empty());
    let page = InstancePage {
        frame: Frame::new(panel.instance.title(), &member),
        facts: facts.collect(),
        // A new allowlist reads like one that was saved as 127.0.0.1.
        closed: !panel.was_used() && groups.iter().all(|group| group.entries == ["127.0.0.1"]),
        lock_reason: text("LockReason"),
        password: text("VpcAuthMode") != "Close",
        groups,
        panel,
        manage: manage::links(&id),
    };
    draw(StatusCode::OK, &page)
}
