//! Pages that show what one reading action answers, as a table: each page is a row here. Must not
//! change anything, and knows no action beyond its name and the fields that are shown.

use super::{Frame, Outcome, draw};
use crate::door::Member;
use askama::Template;
use axum::http::StatusCode;
use control_model::region::REGION;
use serde_json::Value;

/// One page.
pub struct Listing {
    /// Heading.
    title: &'static str,
    /// Action that is called.
    pub action: &'static str,
    /// Parameter that takes the instance's id; empty for pages of the whole account.
    pub instance_param: &'static str,
    /// Parameters that are always the same.
    pub fixed: &'static [(&'static str, &'static str)],
    /// Where the list is in the answer.
    list: &'static str,
    /// Headings with paths below an item.
    columns: &'static [(&'static str, &'static str)],
    /// What an empty list says.
    empty: &'static str,
    /// What can be done about an item, by the page of an action that takes its first column as
    /// InstanceId.
    acts: &'static [(&'static str, &'static str)],
}

/// Reaches over all tasks that are kept.
const ALWAYS: &[(&str, &str)] = &[
    ("RegionId", REGION),
    ("FromStartTime", "2000-01-01T00:00:00Z"),
    ("ToStartTime", "9000-01-01T00:00:00Z"),
    ("PageSize", "100"),
];

const TASK_COLUMNS: &[(&str, &str)] = &[
    ("Task", "TaskId"),
    ("Type", "TaskType"),
    ("Instance", "InstanceId"),
    ("Status", "Status"),
    ("Progress, %", "Progress"),
    ("Step", "CurrentStepName"),
    ("Started", "StartTime"),
    ("Ended", "EndTime"),
];

/// All tasks of the account.
const TASKS: Listing = Listing {
    title: "Tasks",
    action: "DescribeHistoryTasks",
    instance_param: "",
    fixed: ALWAYS,
    list: "Items",
    columns: TASK_COLUMNS,
    empty: "There was no task in the last 30 days.",
    acts: &[],
};

/// All pages of this kind.
#[cfg(test)]
pub const LISTINGS: &[&Listing] = &[
    &TASKS,
    &INSTANCE_TASKS,
    &EVENTS,
    &ALARMS,
    &USERS,
    &POLICIES,
    &ACCOUNTS,
    &TAGS,
    &PARAMETERS,
    &PARAMETER_GROUPS,
    &QUOTAS,
    &RECYCLE_BIN,
];

const RECYCLE_BIN: Listing = Listing {
    title: "Recycle bin",
    action: "DescribeInstances",
    instance_param: "",
    fixed: &[("RegionId", REGION), ("InstanceStatus", "Released"), ("PageSize", "50")],
    list: "Instances.KVStoreInstance",
    columns: &[
        ("Instance", "InstanceId"),
        ("Name", "InstanceName"),
        ("Class", "InstanceClass"),
        ("Deleted", "EndTime"),
        ("Kept until", "DestroyTime"),
    ],
    empty: "There is no deleted instance that could be brought back.",
    acts: &[("Recover", "RecoverInstance"), ("Destroy", "DestroyInstance")],
};

const INSTANCE_TASKS: Listing = Listing { instance_param: "InstanceId", ..TASKS };

const EVENTS: Listing = Listing {
    title: "Audit",
    action: "LookupEvents",
    instance_param: "",
    // What was read is found by the page of the action.
    fixed: &[
        ("Direction", "BACKWARD"),
        ("MaxResults", "50"),
        ("LookupAttribute.1.Key", "EventRW"),
        ("LookupAttribute.1.Value", "Write"),
    ],
    list: "Events",
    columns: &[
        ("Time", "eventTime"),
        ("Who", "userIdentity.userName"),
        ("Event", "eventName"),
        ("Resource", "resourceName"),
        ("From", "sourceIpAddress"),
        ("Error", "errorCode"),
    ],
    empty: "Nothing was changed in the last 7 days.",
    acts: &[],
};

const ALARMS: Listing = Listing {
    title: "Alarm rules",
    action: "DescribeMetricRuleList",
    instance_param: "",
    fixed: &[],
    list: "Alarms.Alarm",
    columns: &[
        ("Rule", "RuleId"),
        ("Name", "RuleName"),
        ("Metric", "MetricName"),
        ("State", "AlertState"),
        ("Enabled", "EnableState"),
    ],
    empty: "There is no alarm rule yet.",
    acts: &[],
};

const USERS: Listing = Listing {
    title: "Users",
    action: "ListUsers",
    instance_param: "",
    fixed: &[],
    list: "Users.User",
    columns: &[
        ("User", "UserName"),
        ("Id", "UserId"),
        ("Display name", "DisplayName"),
        ("Created", "CreateDate"),
    ],
    empty: "There is no user but root yet.",
    acts: &[],
};

const POLICIES: Listing = Listing {
    title: "Policies",
    action: "ListPolicies",
    instance_param: "",
    fixed: &[],
    list: "Policies.Policy",
    columns: &[
        ("Policy", "PolicyName"),
        ("Type", "PolicyType"),
        ("Attached", "AttachmentCount"),
        ("Description", "Description"),
    ],
    empty: "There is no policy.",
    acts: &[],
};

const ACCOUNTS: Listing = Listing {
    title: "Accounts",
    action: "DescribeAccounts",
    instance_param: "InstanceId",
    fixed: &[],
    list: "Accounts.Account",
    columns: &[
        ("Account", "AccountName"),
        ("Status", "AccountStatus"),
        ("Type", "AccountType"),
        ("Description", "AccountDescription"),
    ],
    empty: "There is no account.",
    acts: &[],
};

const TAGS: Listing = Listing {
    title: "Tags",
    action: "ListTagResources",
    instance_param: "ResourceId.1",
    fixed: &[("RegionId", REGION), ("ResourceType", "INSTANCE")],
    list: "TagResources.TagResource",
    columns: &[("Key", "TagKey"), ("Value", "TagValue")],
    empty: "The instance has no tag.",
    acts: &[],
};

const PARAMETERS: Listing = Listing {
    title: "Parameters",
    action: "DescribeParameters",
    instance_param: "DBInstanceId",
    fixed: &[],
    list: "RunningParameters.Parameter",
    columns: &[
        ("Parameter", "ParameterName"),
        ("Value", "ParameterValue"),
        ("Allowed", "CheckingCode"),
        ("Meaning", "ParameterDescription"),
    ],
    empty: "No parameter is known.",
    acts: &[],
};

const PARAMETER_GROUPS: Listing = Listing {
    title: "Parameter groups",
    action: "DescribeParameterGroups",
    instance_param: "",
    fixed: &[("RegionId", REGION)],
    list: "ParameterGroups",
    columns: &[
        ("Group", "ParamGroupId"),
        ("Name", "ParameterGroupName"),
        ("Version", "EngineVersion"),
        ("Values", "ParamCount"),
        ("Description", "ParameterGroupDesc"),
        ("Changed", "Modified"),
    ],
    empty: "There is no parameter group yet.",
    acts: &[],
};

const QUOTAS: Listing = Listing {
    title: "Quotas",
    action: "ListQuotas",
    instance_param: "",
    fixed: &[],
    list: "Quotas",
    columns: &[("Quota", "QuotaName"), ("For each", "Scope"), ("Limit", "Limit"), ("Used", "Used")],
    empty: "There is no limit.",
    acts: &[],
};

#[derive(Template)]
#[template(path = "listing.html")]
struct ListingPage {
    frame: Frame,
    title: &'static str,
    /// Of the instance that the page is about, or empty.
    id: String,
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    empty: &'static str,
    acts: &'static [(&'static str, &'static str)],
    /// There are more than are shown.
    more: bool,
    /// The same in the terminal.
    command: String,
}

/// All tasks.
pub async fn tasks(member: Member) -> Outcome {
    show(&member, &TASKS).await
}

/// Deleted instances that can be brought back.
pub async fn recycle_bin(member: Member) -> Outcome {
    show(&member, &RECYCLE_BIN).await
}

/// Who did what.
pub async fn events(member: Member) -> Outcome {
    show(&member, &EVENTS).await
}

/// Alarm rules.
pub async fn alarms(member: Member) -> Outcome {
    show(&member, &ALARMS).await
}

/// Users of the account.
pub async fn users(member: Member) -> Outcome {
    show(&member, &USERS).await
}

/// Limits, and how much of each is used.
pub async fn quotas(member: Member) -> Outcome {
    show(&member, &QUOTAS).await
}

/// Policies of the account.
pub async fn policies(member: Member) -> Outcome {
    show(&member, &POLICIES).await
}

/// Accounts of one instance.
pub async fn accounts(member: Member) -> Outcome {
    show(&member, &ACCOUNTS).await
}

/// Tags of one instance.
pub async fn tags(member: Member) -> Outcome {
    show(&member, &TAGS).await
}

/// Parameters of one instance, as they are in force.
pub async fn parameters(member: Member) -> Outcome {
    show(&member, &PARAMETERS).await
}

/// Parameter groups of the account.
pub async fn parameter_groups(member: Member) -> Outcome {
    show(&member, &PARAMETER_GROUPS).await
}

/// Tasks of one instance.
pub async fn instance_tasks(member: Member) -> Outcome {
    show(&member, &INSTANCE_TASKS).await
}

async fn show(member: &Member, listing: &Listing) -> Outcome {
    let of_instance = !listing.instance_param.is_empty();
    let id = if of_instance { member.visit.target.clone() } else { String::new() };
    let mut params = listing.fixed.to_vec();
    if of_instance {
        params.push((listing.instance_param, &id));
    }
    let answer = member.call(listing.action, &params).await?;
    let row =
        |item: &Value| listing.columns.iter().map(|column| text(at(item, column.1))).collect();
    let items = at(&answer, listing.list).as_array().map_or(&[][..], Vec::as_slice);
    let page = ListingPage {
        frame: Frame::new(listing.title, member),
        title: listing.title,
        headings: listing.columns.iter().map(|column| column.0).collect(),
        rows: items.iter().map(row).collect(),
        empty: listing.empty,
        acts: listing.acts,
        more: has_more(&answer, items.len()),
        command: command(listing.action, &params),
        id,
    };
    draw(StatusCode::OK, &page)
}

/// `larder api DescribeAccounts --InstanceId r-1`, with values quoted for the shell. The terminal
/// takes `ResourceId.1` as a repeatable `--ResourceId`, and names with more parts by `-p`.
fn command(action: &str, params: &[(&str, &str)]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
    let mut command = format!("larder api {action}");
    for (name, value) in params {
        let quoted = match value.chars().all(plain) {
            true => (*value).to_owned(),
            false => format!("'{}'", value.replace('\'', "'\\''")),
        };
        let word = match name.split('.').collect::<Vec<_>>()[..] {
            [name] | [name, _] => format!(" --{name} {quoted}"),
            _ => format!(" -p {name}={quoted}"),
        };
        command.push_str(&word);
    }
    command
}

/// Whether the answer is one page of several; each service has its own way to say so.
fn has_more(answer: &Value, shown: usize) -> bool {
    let total = answer["TotalCount"].as_u64().or_else(|| answer["Total"].as_u64());
    let token = answer["NextToken"].as_str().is_some_and(|token| !token.is_empty());
    total.is_some_and(|total| total > shown as u64)
        || token
        || answer["IsTruncated"].as_bool() == Some(true)
}

/// The value at a dotted path.
fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(value, |value, name| &value[name])
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use control::actions::Access;
    use control::actions::table::ACTIONS;

    #[test]
    fn each_calls_a_reading_action() {
        for listing in LISTINGS {
            let row = ACTIONS.iter().find(|row| row.name == listing.action);
            let row = row.unwrap_or_else(|| panic!("no action {}", listing.action));
            assert!(row.access == Access::Read, "{} changes something", row.name);
            let given = |name: &str| {
                let mut names = listing.fixed.iter().map(|pair| pair.0);
                let of_instance = listing.instance_param.split('.').next();
                names.any(|known| known == name) || of_instance == Some(name)
            };
            let lacking = row.params.iter().find(|param| param.required && !given(param.name));
            assert!(lacking.is_none(), "{} demands {}", row.name, lacking.unwrap().name);
            for (name, _) in listing.fixed {
                let first = name.split('.').next().unwrap_or(name);
                let known = row.params.iter().any(|param| param.name == first);
                assert!(known, "{} knows no {name}", row.name);
            }
        }
    }

    #[test]
    fn a_page_of_several_is_told() {
        use serde_json::json;
        for (answer, expected) in [
            (json!({"TotalCount": 2}), false),
            (json!({"TotalCount": 3}), true),
            (json!({"Total": 3}), true),
            (json!({"NextToken": ""}), false),
            (json!({"NextToken": "t"}), true),
            (json!({"IsTruncated": true}), true),
            (json!({}), false),
        ] {
            assert_eq!(has_more(&answer, 2), expected, "{answer}");
        }
    }

    #[test]
    fn commands_are_quoted_for_the_shell() {
        for (value, expected) in [("r-1", "r-1"), ("a b", "'a b'"), ("a'b", "'a'\\''b'")] {
            let shown = command("DescribeAccounts", &[("InstanceId", value)]);
            assert_eq!(shown, format!("larder api DescribeAccounts --InstanceId {expected}"));
        }
    }
}
