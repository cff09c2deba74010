//! Who may connect to an instance: the groups, and the form that replaces one group's entries.

use super::{Fault, Frame, Outcome, draw};
use crate::door::{Member, redirect};
use crate::problem::Refusal;
use askama::Template;
use axum::http::StatusCode;

/// One group of entries.
#[derive(Debug)]
pub struct Group {
    pub name: String,
    pub entries: Vec<String>,
}

#[derive(Template)]
#[template(path = "allowlist.html")]
struct AllowlistPage {
    frame: Frame,
    id: String,
    group: String,
    entries: String,
    your_address: String,
    fault: Fault,
}

/// The groups as the API lists them.
///
/// # Errors
/// The refusal of DescribeSecurityIps.
pub async fn groups(member: &Member, id: &str) -> Result<Vec<Group>, Refusal> {
    let answer = member.call("DescribeSecurityIps", &[("InstanceId", id)]).await?;
    let groups = answer["SecurityIpGroups"]["SecurityIpGroup"].as_array();
    let group = |group: &serde_json::Value| Group {
        name: group["SecurityIpGroupName"].as_str().unwrap_or_default().to_owned(),
        entries: split(group["SecurityIpList"].as_str().unwrap_or_default()),
    };
    Ok(groups.map_or(&[][..], Vec::as_slice).iter().map(group).collect())
}

/// The form, filled with what is.
pub async fn show(member: Member) -> Outcome {
    let wanted = match member.visit.field("group") {
        "" => "default",
        name => name,
    };
    let groups = groups(&member, &member.visit.target).await?;
    let entries = groups.into_iter().find(|group| group.name == wanted).map(|group| group.entries);
    let text = entries.unwrap_or_default().join("\n");
    form(&member, wanted, text, Fault::default())
}

/// Replaces the entries.
pub async fn submit(member: Member) -> Outcome {
    let (id, group) = (&member.visit.target, member.visit.field("group"));
    let typed = member.visit.field("entries");
    let entries = split(typed).join(",");
    if entries.is_empty() {
        let fault = Fault::at("entries", "Write at least one address or network.");
        return form(&member, group, typed.to_owned(), fault);
    }
    let params = [
        ("InstanceId", &**id),
        ("SecurityIpGroupName", group),
        ("SecurityIps", &*entries),
        ("ModifyMode", "Cover"),
    ];
    match member.call("ModifySecurityIps", &params).await {
        Ok(_) => Ok(redirect(&format!("/console/instances/{id}?done=allowlist"))),
        Err(refusal) if refusal.is_gone() => Err(refusal.into()),
        Err(refusal) => {
            // The only thing that is typed here is the entries.
            let fault = Fault { field: "entries", ..Fault::of(&refusal, &[]) };
            form(&member, group, typed.to_owned(), fault)
        }
    }
}

fn form(member: &Member, group: &str, entries: String, fault: Fault) -> Outcome {
    let status =
        if fault.message.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = AllowlistPage {
        frame: Frame::for_session("Allowlist", Some(&member.session)),
        id: member.visit.target.clone(),
        group: group.to_owned(),
        entries,
        your_address: match member.visit.source {
            source if source.is_unspecified() => String::new(),
            source => source.to_string(),
        },
        fault,
    };
    draw(status, &page)
}

/// Entries are typed one per line or separated by commas or blanks.
fn split(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| c == ',' || c.is_whitespace());
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn entries_may_be_separated_in_many_ways() {
        assert_eq!(split(" 1.1.1.1, 2.2.2.0/24\r\n::1\n\n"), ["1.1.1.1", "2.2.2.0/24", "::1"]);
        assert!(split(" \n").is_empty());
    }
}
