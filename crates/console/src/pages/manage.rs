//! What can be done with an instance, as links to the pages of actions. Only data.

use control::actions::table::ACTIONS;

/// Links to an action with the instance filled in.
pub struct Link {
    /// To show.
    pub label: &'static str,
    /// Where it leads.
    pub href: String,
}

/// A heading with its links: label, action, and what else the address says.
type Row = (&'static str, &'static [(&'static str, &'static str, &'static str)]);

const ROWS: &[Row] = &[
    (
        "Accounts",
        &[
            ("Show accounts", "DescribeAccounts", "run=1"),
            ("Make an account", "CreateAccount", ""),
            ("Change a privilege", "GrantAccountPrivilege", ""),
            ("Set an account's password", "ResetAccountPassword", ""),
            ("Delete an account", "DeleteAccount", ""),
        ],
    ),
    (
        "Parameters",
        &[
            ("Show parameters", "DescribeParameters", "run=1"),
            ("Change parameters", "ModifyInstanceConfig", ""),
            ("Use a parameter group", "ModifyInstanceParameter", ""),
            ("History", "DescribeParameterModificationHistory", ""),
        ],
    ),
    (
        "Size and times",
        &[
            ("Change the class", "ModifyInstanceSpec", ""),
            ("Set the bandwidth", "ModifyInstanceBandwidth", ""),
            ("Maintenance window", "ModifyInstanceMaintainTime", ""),
            ("Name and protection", "ModifyInstanceAttribute", ""),
            ("Update the engine", "ModifyInstanceMinorVersion", ""),
        ],
    ),
    (
        "Data",
        &[
            ("Remove expired keys", "FlushExpireKeys", ""),
            ("Empty one database", "FlushInstanceForDB", ""),
            ("Empty the instance", "FlushInstance", ""),
            ("Refuse writes", "LockDBInstanceWrite", ""),
            ("Take writes again", "UnlockDBInstanceWrite", ""),
        ],
    ),
    (
        "Access",
        &[
            ("Test a client's way in", "DescribeDbInstanceConnectivity", ""),
            ("Endpoints", "DescribeDBInstanceNetInfo", "run=1"),
            ("Password-free access", "ModifyInstanceVpcAuthMode", ""),
            ("Tags", "ListTagResources", "run=1&ResourceType=INSTANCE"),
            ("Put tags on", "TagResources", "ResourceType=INSTANCE"),
        ],
    ),
    (
        "Logs and tasks",
        &[
            ("Slow log", "DescribeSlowLogRecords", ""),
            ("Running log", "DescribeRunningLogRecords", ""),
            ("Audit log", "DescribeAuditRecords", ""),
            ("Audit log settings", "ModifyAuditLogConfig", ""),
            ("What waits for its time", "DescribeActiveOperationTasks", "run=1&Status=3"),
            (
                "Tasks",
                "DescribeHistoryTasks",
                "run=1&FromStartTime=2000-01-01T00:00:00Z&ToStartTime=2100-01-01T00:00:00Z",
            ),
        ],
    ),
];

/// Names under which actions take an instance.
const ID_NAMES: &[&str] = &["InstanceId", "DBInstanceId", "ResourceId", "InsName"];

/// The links for one instance; an action that is not there is left out.
pub fn links(id: &str) -> Vec<(&'static str, Vec<Link>)> {
    let link = |(label, name, also): &(&'static str, &'static str, &'static str)| {
        let action = ACTIONS.iter().find(|row| row.name == *name)?;
        let takes = |wanted: &&&str| action.params.iter().any(|row| row.name == **wanted);
        let id_name = ID_NAMES.iter().find(takes)?;
        let also = if also.is_empty() { String::new() } else { format!("&{also}") };
        Some(Link { label, href: format!("/console/actions/{name}?{id_name}={id}{also}") })
    };
    let group = |(title, entries): &Row| {
        let links: Vec<Link> = entries.iter().filter_map(link).collect();
        (*title, links)
    };
    ROWS.iter().map(group).filter(|(_, links)| !links.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_name_the_instance() {
        let all = links("r-1");
        let hrefs: Vec<_> = all.iter().flat_map(|(_, links)| links).map(|l| &l.href).collect();
        assert!(hrefs.iter().all(|href| href.contains("=r-1")), "{hrefs:?}");
        assert!(hrefs.iter().any(|href| href.ends_with("/FlushInstance?InstanceId=r-1")));
    }
}
