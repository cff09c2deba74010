//! A page for every action of the API, drawn from its row: its form, what it answered, and the same
//! call in the terminal. A new action has its page without a line here.

use super::delete::prove;
use super::sheet::{Sheet, sheets};
use super::{Fault, Frame, Outcome, Trouble, draw};
use crate::door::Member;
use crate::problem::Refusal;
use askama::Template;
use axum::http::StatusCode;
use control::actions::params::{Kind, Param};
use control::actions::table::{ACTIONS, permission};
use control::actions::{Access, Action};
use serde_json::Value;
use std::collections::BTreeMap;

/// Actions after which nothing brings data back.
const DESTRUCTIVE: &[&str] = &["Delete", "Destroy", "Flush", "Release"];

/// Headings of the index, by the service that permissions name.
const SERVICES: &[(&str, &str)] = &[
    ("kvstore", "Instances"),
    ("cms", "Metrics and alarms"),
    ("ram", "Users, keys and policies"),
    ("sts", "Sessions"),
    ("actiontrail", "Audit"),
    ("larder", "This installation"),
];

/// Ways into the lists that people look for.
const SHORTCUTS: &[(&str, &str)] = &[
    ("Users", "ListUsers"),
    ("Policies", "ListPolicies"),
    ("Groups", "ListGroups"),
    ("Access keys", "ListAccessKeys"),
    ("Alarm rules", "DescribeMetricRuleList"),
    ("Alerts", "DescribeAlertLogList"),
    ("Audit events", "LookupEvents"),
    ("Regions", "DescribeRegions"),
];

/// One entry of the index.
struct Entry {
    name: &'static str,
    doc: &'static str,
}

#[derive(Template)]
#[template(path = "actions.html")]
struct IndexPage {
    frame: Frame,
    shortcuts: Vec<(&'static str, &'static str)>,
    groups: Vec<(&'static str, Vec<Entry>)>,
}

/// All actions.
pub async fn index(member: Member) -> Outcome {
    let of_service = |(service, title): &(&'static str, &'static str)| {
        let prefix = format!("{service}:");
        let rows = ACTIONS.iter().filter(|row| permission(row).starts_with(&prefix));
        let entries = rows.map(|row| Entry { name: row.name, doc: row.doc }).collect::<Vec<_>>();
        (*title, entries)
    };
    let groups = SERVICES.iter().map(of_service).filter(|(_, entries)| !entries.is_empty());
    let there = |(_, name): &&(&str, &str)| find(name).is_some();
    let page = IndexPage {
        frame: Frame::new("Actions", &member),
        shortcuts: SHORTCUTS.iter().filter(there).copied().collect(),
        groups: groups.collect(),
    };
    draw(StatusCode::OK, &page)
}

fn find(name: &str) -> Option<&'static Action> {
    ACTIONS.iter().copied().find(|row| row.name == name)
}

/// How a field is drawn.
enum Input {
    Text,
    Number,
    Secret,
    Lines,
    Choice(Vec<&'static str>),
}

/// One parameter as a field.
struct Field {
    name: &'static str,
    help: &'static str,
    required: bool,
    value: String,
    input: Input,
}

impl Field {
    fn new(row: &'static Param, member: &Member) -> Field {
        let given = member.visit.field(row.name);
        let value = match row.name {
            "RegionId" if given.is_empty() => control_model::region::REGION,
            _ => given,
        };
        let input = match row.kind {
            Kind::Integer { .. } => Input::Number,
            Kind::Secret => Input::Secret,
            Kind::Tags | Kind::List => Input::Lines,
            Kind::Boolean => Input::Choice(vec!["true", "false"]),
            Kind::OneOf(words) => Input::Choice(words.to_vec()),
            Kind::Text => Input::Text,
        };
        // A secret is never sent back to a page.
        let value = if row.kind == Kind::Secret { String::new() } else { value.to_owned() };
        Field { name: row.name, help: row.doc, required: row.required, value, input }
    }

    fn choices(&self) -> &[&'static str] {
        if let Input::Choice(words) = &self.input { words } else { &[] }
    }

    /// Type of an `input` element; empty where it is another element.
    fn kind(&self) -> &'static str {
        match self.input {
            Input::Text => "text",
            Input::Number => "number",
            Input::Secret => "password",
            Input::Lines | Input::Choice(_) => "",
        }
    }
}

#[derive(Template)]
#[template(path = "action.html")]
struct ActionPage {
    frame: Frame,
    name: &'static str,
    doc: &'static str,
    writes: bool,
    destructive: bool,
    /// What has to be typed before something is destroyed.
    word: String,
    prove: bool,
    fields: Vec<Field>,
    fault: Fault,
    code: String,
    done: bool,
    sheets: Vec<Sheet>,
    json: String,
    terminal: String,
    api: String,
}

/// The form; of a read whose parameters are all there, its answer, too.
pub async fn show(member: Member) -> Outcome {
    let action = find(&member.visit.target).ok_or(Trouble::Nowhere)?;
    let mut page = page(action, &member);
    let complete = action.params.iter().filter(|row| row.required && row.name != "RegionId");
    let complete = complete.into_iter().all(|row| !member.visit.field(row.name).is_empty());
    let asked = member.visit.field("run") == "1";
    if action.access == Access::Read && complete && asked {
        run(action, &member, &mut page).await;
    }
    finish(page)
}

/// Calls it.
pub async fn submit(member: Member) -> Outcome {
    let action = find(&member.visit.target).ok_or(Trouble::Nowhere)?;
    let mut page = page(action, &member);
    if page.destructive {
        if member.visit.field("confirm").trim() != page.word {
            page.fault = Fault::at("confirm", &format!("Type {} to confirm.", page.word));
            return finish(page);
        }
        if let Err(error) = prove(&member).await {
            page.fault = Fault::at("password", &format!("Nothing was done: {error}."));
            return finish(page);
        }
    }
    run(action, &member, &mut page).await;
    finish(page)
}

fn page(action: &'static Action, member: &Member) -> ActionPage {
    let params = params(action, &member.visit.fields);
    let writes = action.access == Access::Write;
    let destructive = writes && DESTRUCTIVE.iter().any(|word| action.name.starts_with(word));
    let named = |name: &str| Some(member.visit.field(name)).filter(|id| !id.is_empty());
    let word = named("InstanceId").or_else(|| named("DBInstanceId")).unwrap_or(action.name);
    ActionPage {
        frame: Frame::new(action.name, member),
        name: action.name,
        doc: action.doc,
        writes,
        destructive,
        word: word.to_owned(),
        prove: destructive && !member.session.proved(member.visit.console.now_ms()),
        fields: action.params.iter().map(|row| Field::new(row, member)).collect(),
        fault: Fault::default(),
        code: String::new(),
        done: false,
        sheets: Vec::new(),
        json: String::new(),
        terminal: terminal_twin(action, &params),
        api: api_twin(action, &params),
    }
}

async fn run(action: &'static Action, member: &Member, page: &mut ActionPage) {
    let params = params(action, &member.visit.fields);
    let pairs: Vec<_> = params.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    match member.call(action.name, &pairs).await {
        Ok(answer) => {
            page.done = true;
            page.sheets = sheets(&answer);
            page.json = pretty(&answer);
        }
        Err(Refusal { code, message, request_id, .. }) => {
            page.fault = Fault { field: "", message };
            page.code = format!("{code} ({request_id})");
        }
    }
}

fn pretty(answer: &Value) -> String {
    format!("{answer:#}")
}

fn finish(page: ActionPage) -> Outcome {
    let refused = !page.fault.message.is_empty();
    draw(if refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &page)
}

/// Fields of the form as parameters of the call, in the order of the row.
fn params(action: &Action, fields: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let mut params = Vec::new();
    for row in action.params {
        let value = fields.get(row.name).map_or("", |value| value.trim());
        let value = match row.name {
            "RegionId" if value.is_empty() && row.required => control_model::region::REGION,
            _ => value,
        };
        let lines = value.lines().map(str::trim).filter(|line| !line.is_empty());
        match row.kind {
            _ if value.is_empty() => {}
            Kind::List => params.extend(
                (1..).zip(lines).map(|(n, line)| (format!("{}.{n}", row.name), line.to_owned())),
            ),
            Kind::Tags => {
                for (n, line) in (1..).zip(lines) {
                    let (key, value) = line.split_once('=').unwrap_or((line, ""));
                    params.push((format!("{}.{n}.Key", row.name), key.to_owned()));
                    params.push((format!("{}.{n}.Value", row.name), value.to_owned()));
                }
            }
            _ => params.push((row.name.to_owned(), value.to_owned())),
        }
    }
    params
}

/// The same call in the terminal. Secrets are asked for there.
fn terminal_twin(action: &Action, params: &[(String, String)]) -> String {
    let mut line = format!("larder api {}", action.name);
    for (name, value) in params {
        let row = action.params.iter().find(|row| row.name == name);
        let word = match row.map(|row| row.kind) {
            Some(Kind::Secret) => format!(" --{name} -"),
            Some(_) => format!(" --{name} {}", quoted(value)),
            None => format!(" -p {}", quoted(&format!("{name}={value}"))),
        };
        line.push_str(&word);
    }
    line
}

/// The parameters of the signed request.
fn api_twin(action: &Action, params: &[(String, String)]) -> String {
    let mut text = format!("POST /?Action={}&Version={}", action.name, action.version);
    for (name, value) in params {
        let row = action.params.iter().find(|row| row.name == name);
        let secret = row.is_some_and(|row| row.kind == Kind::Secret);
        text.push_str(&format!("&{name}={}", if secret { "…" } else { value }));
    }
    text
}

/// A word that a shell takes as it is.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,@%+=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_become_parameters_and_twins() {
        let action = find("TagResources").expect("there");
        let given = [
            ("ResourceType", "INSTANCE"),
            ("ResourceId", "r-1\n r-2 \n\n"),
            ("Tag", "team=it's us\ncost"),
        ];
        let fields = given.map(|(n, v)| (n.to_owned(), v.to_owned())).into();
        let params = params(action, &fields);
        let shown: Vec<_> = params.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let expected = [
            "RegionId=larder-local-1",
            "ResourceType=INSTANCE",
            "ResourceId.1=r-1",
            "ResourceId.2=r-2",
            "Tag.1.Key=team",
            "Tag.1.Value=it's us",
            "Tag.2.Key=cost",
            "Tag.2.Value=",
        ];
        assert_eq!(shown, expected);
        let twin = terminal_twin(action, &params);
        assert!(twin.contains(r"-p 'Tag.1.Value=it'\''s us'"), "{twin}");
    }

    #[test]
    fn secrets_are_in_no_twin() {
        let action = find("ResetAccountPassword").expect("there");
        let params = [("AccountPassword".to_owned(), "Secret_12".to_owned())];
        let both = terminal_twin(action, &params) + &api_twin(action, &params);
        assert!(!both.contains("Secret_12") && both.contains("--AccountPassword -"), "{both}");
    }

    #[test]
    fn every_action_is_in_the_index_once() {
        let named = |row: &Action| {
            let service = permission(row);
            SERVICES.iter().filter(|(name, _)| service.starts_with(&format!("{name}:"))).count()
        };
        for row in ACTIONS {
            assert_eq!(named(row), 1, "{}", row.name);
        }
        assert!(SHORTCUTS.iter().all(|(_, name)| find(name).is_some()));
    }
}
