//! The form that creates an instance.

use super::{Fault, Frame, Outcome, draw};
use crate::door::{Member, redirect};
use crate::figures;
use crate::session::fresh_token;
use askama::Template;
use axum::http::StatusCode;
use control_model::class::CLASSES;
use control_model::region::REGION;

/// Selected at first.
const DEFAULT_CLASS: &str = "redis.shard.small.2.ce";
const FIELDS: &[&str] = &["name", "class", "engine_version", "password", "port"];

#[derive(Template)]
#[template(path = "create.html")]
struct CreatePage {
    frame: Frame,
    fault: Fault,
    name: String,
    port: String,
    /// Makes a form that is sent twice create one instance.
    token: String,
    classes: Vec<Choice>,
    versions: Vec<Choice>,
}

struct Choice {
    value: &'static str,
    label: String,
    selected: bool,
}

/// The empty form.
pub async fn show(member: Member) -> Outcome {
    form(&member, Fault::default(), fresh_token())
}

/// Creates; a refusal is shown beside its field.
pub async fn submit(member: Member) -> Outcome {
    let field = |name: &str| member.visit.field(name).trim().to_owned();
    let (name, class, port) = (field("name"), field("class"), field("port"));
    let (token, version) = (field("token"), field("engine_version"));
    let password = member.visit.field("password");
    let mut params = vec![
        ("RegionId", REGION),
        ("Token", &token),
        ("InstanceType", "Redis"),
        ("InstanceClass", &class),
        ("EngineVersion", &version),
    ];
    let optional = [("InstanceName", &*name), ("Password", password), ("Port", &*port)];
    params.extend(optional.into_iter().filter(|pair| !pair.1.is_empty()));
    match member.call("CreateInstance", &params).await {
        Ok(answer) => {
            let id = answer["InstanceId"].as_str().unwrap_or_default();
            Ok(redirect(&format!("/console/instances/{id}?done=created")))
        }
        // What was typed differs from what the token stands for, so the next try gets its own.
        Err(refusal) => form(&member, Fault::of(&refusal, FIELDS), fresh_token()),
    }
}

fn form(member: &Member, fault: Fault, token: String) -> Outcome {
    let typed = |name: &str, default: &'static str| {
        let value = member.visit.field(name);
        if value.is_empty() { default.to_owned() } else { value.to_owned() }
    };
    let (class, version) = (typed("class", DEFAULT_CLASS), typed("engine_version", "7.0"));
    let classes = CLASSES.iter().map(|row| Choice {
        value: row.name,
        label: format!("{} — {}", figures::bytes(row.capacity_mb << 20), row.name),
        selected: row.name == class,
    });
    let versions = ["7.0", "6.0", "5.0"].into_iter().map(|value| Choice {
        value,
        label: value.to_owned(),
        selected: value == version,
    });
    let status =
        if fault.message.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = CreatePage {
        frame: Frame::for_session("New instance", Some(&member.session)),
        fault,
        name: typed("name", ""),
        port: typed("port", ""),
        token,
        classes: classes.collect(),
        versions: versions.collect(),
    };
    draw(status, &page)
}
