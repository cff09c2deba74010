//! What a call is about, as resource names of policies, derived from the parameters that its action
//! takes. Pure but for looking instances up; must not know policies.

use crate::actions::Action;
use crate::actions::params::Param;
use crate::actions::table::{self, KVSTORE, LARDER};
use crate::call::{Call, Identity};
use crate::error::ApiError;
use control_model::{Tag, region};
use std::collections::BTreeSet;

/// One thing that a call is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// `acs:<service>:<region>:<account>:<what>`.
    pub(crate) arn: String,
    /// Its tags.
    pub(crate) tags: Vec<Tag>,
}

/// Parameters that name instances; a list has commas or is numbered.
const INSTANCES: &[&str] =
    &["InstanceId", "DBInstanceId", "DBClusterId", "InstanceIds", "ResourceId"];

/// Parameters that name other things, by service, with what stands before the name.
const OTHERS: &[(&str, &str, &str)] = &[
    ("ram", "UserName", "user/"),
    ("ram", "GroupName", "group/"),
    ("ram", "RoleName", "role/"),
    ("ram", "PolicyName", "policy/"),
    ("vpc", "VpcId", "vpc/"),
    ("vpc", "VSwitchId", "vswitch/"),
];

/// Region and tags of an instance of the caller's account, by id.
pub(crate) type FindInstance<'a> = &'a dyn Fn(&str) -> Result<Option<Located>, ApiError>;

/// See [`FindInstance`].
pub(crate) type Located = (String, Vec<Tag>);

/// All things that a call is about; the caller needs the permission for each. `further` are
/// instances that it does not name itself.
///
/// # Errors
/// When the store fails.
pub(crate) fn of(
    row: &Action,
    call: &Call,
    further: &[String],
    find: FindInstance<'_>,
) -> Result<Vec<Target>, ApiError> {
    let of_instance = |param: &Param| param.name == "InstanceId";
    if row.version == KVSTORE || row.version == LARDER && row.params.iter().any(of_instance) {
        return kvstore(row, call, further, find);
    }
    let service = table::service(row);
    let account = &call.principal.account_id;
    // RAM is everywhere at once.
    let region = if ["ram", "sts"].contains(&service) { "" } else { told_region(call) };
    let arn = |what: &str| format!("acs:{service}:{region}:{account}:{what}");
    let takes = |name: &str| row.params.iter().any(|param| param.name == name);
    if let Some(role) = given(call, "RoleArn").filter(|_| takes("RoleArn")) {
        return Ok(vec![bare(role.to_owned())]);
    }
    let mut targets = Vec::new();
    for (_, name, prefix) in OTHERS.iter().filter(|row| row.0 == service && takes(row.1)) {
        let unnamed = match (*name, &call.principal.identity) {
            // Who names no user means itself.
            ("UserName", Identity::User { .. }) => Some(call.principal.name.as_str()),
            _ => None,
        };
        let value = given(call, name).or(unnamed);
        let Some(value) = value else { continue };
        let is_system = *name == "PolicyName" && given(call, "PolicyType") == Some("System");
        targets.push(bare(match is_system {
            true => format!("acs:ram::system:{prefix}{value}"),
            false => arn(&format!("{prefix}{value}")),
        }));
    }
    if targets.is_empty() {
        targets.push(bare(arn("*")));
    }
    Ok(targets)
}

fn kvstore(
    row: &Action,
    call: &Call,
    further: &[String],
    find: FindInstance<'_>,
) -> Result<Vec<Target>, ApiError> {
    let account = &call.principal.account_id;
    let arn = |region: &str, what: &str| format!("acs:kvstore:{region}:{account}:{what}");
    let takes = |name: &&&str| row.params.iter().any(|param| param.name == **name);
    let naming: Vec<_> = INSTANCES.iter().filter(takes).collect();
    let further = further.iter().map(String::as_str);
    let ids: BTreeSet<&str> = naming.iter().flat_map(|n| ids(call, n)).chain(further).collect();
    if ids.is_empty() {
        let all = !naming.is_empty() || row.name.starts_with("Create");
        let what = if all { "instance/*" } else { "*" };
        return Ok(vec![bare(arn(told_region(call), what))]);
    }
    let mut targets = Vec::new();
    for id in ids {
        // An instance is where it is, whatever the call says.
        let found = find(id)?;
        let (region, tags) = found.unwrap_or_else(|| (told_region(call).to_owned(), Vec::new()));
        targets.push(Target { arn: arn(&region, &format!("instance/{id}")), tags });
    }
    Ok(targets)
}

fn bare(arn: String) -> Target {
    Target { arn, tags: Vec::new() }
}

fn given<'a>(call: &'a Call, name: &str) -> Option<&'a str> {
    call.params.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

/// Ids under a name: `Name`, with commas, and `Name.1`, ….
fn ids<'a>(call: &'a Call, name: &str) -> impl Iterator<Item = &'a str> {
    let numbered = format!("{name}.");
    let named = call.params.iter().filter(move |(given, _)| {
        given.strip_prefix(&numbered).is_some_and(|n| n.bytes().all(|c| c.is_ascii_digit()))
    });
    let listed = given(call, name).into_iter().flat_map(|list| list.split(','));
    let all = listed.chain(named.map(|(_, value)| value.as_str()));
    all.map(str::trim).filter(|id| !id.is_empty())
}

fn told_region(call: &Call) -> &str {
    given(call, "RegionId").filter(|told| region::well_formed(told)).unwrap_or(region::REGION)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::table::find;
    use crate::control::Control;

    fn check(action: &str, version: &str, params: &[(&str, &str)], expected: &str) {
        let row = find(action, version).expect("a row");
        let call = Control::own_call("1", action, params);
        let located = |id: &str| Ok((id == "r-own").then(|| ("cn-beijing".to_owned(), Vec::new())));
        let further =
            Vec::from_iter(params.iter().find(|p| p.0 == "Ids").map(|_| "r-own".to_owned()));
        let found = of(row, &call, &further, &located).expect("derived");
        let arns: Vec<_> = found.iter().map(|target| target.arn.as_str()).collect();
        assert_eq!(arns.join(" "), expected, "{action} {params:?}");
    }

    #[test]
    fn instances() {
        let region = ("RegionId", "cn-hangzhou");
        let all = "acs:kvstore:cn-hangzhou:1:instance/*";
        check("CreateInstance", KVSTORE, &[region], all);
        check("DescribeInstances", KVSTORE, &[region], all);
        check("DescribeInstances", KVSTORE, &[region, ("InstanceIds", " ,")], all);
        let two = "acs:kvstore:cn-hangzhou:1:instance/r-1 acs:kvstore:cn-beijing:1:instance/r-own";
        check("DescribeInstances", KVSTORE, &[region, ("InstanceIds", "r-own, r-1")], two);
        check("DescribeRegions", KVSTORE, &[region], "acs:kvstore:cn-hangzhou:1:*");
        let own = "acs:kvstore:cn-beijing:1:instance/r-own";
        check("DeleteInstance", KVSTORE, &[region, ("InstanceId", "r-own")], own);
        check("CancelActiveOperationTasks", KVSTORE, &[("Ids", "7")], own);
        let here = format!("acs:kvstore:{}:1:instance/*", region::REGION);
        check("DeleteInstance", KVSTORE, &[("RegionId", "a:b")], &here);
    }
}
