//! Policies that come with Larder and that nobody can change. Must not know who they are attached
//! to.

/// One of them.
#[derive(Debug, PartialEq, Eq)]
pub struct Managed {
    /// Unique among all accounts' policies of type System.
    pub name: &'static str,
    /// One sentence.
    pub description: &'static str,
    /// As `PolicyDocument` tells it.
    pub document: &'static str,
}

macro_rules! managed {
    ($($name:literal $description:literal [$($action:literal),*];)*) => {
        /// All, by name.
        pub const POLICIES: &[Managed] = &[$(Managed {
            name: $name,
            description: $description,
            document: concat!(
                r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":["#,
                managed!(@list $($action),*),
                r#"],"Resource":"*"}]}"#,
            ),
        }),*];
    };
    (@list $first:literal) => { concat!('"', $first, '"') };
    (@list $first:literal, $($rest:literal),*) => {
        concat!('"', $first, "\",", managed!(@list $($rest),*))
    };
}

managed! {
    "AdministratorAccess" "Everything." ["*"];
    "AliyunActionTrailFullAccess" "Everything of ActionTrail." ["actiontrail:*"];
    "AliyunActionTrailReadOnlyAccess" "Reading of ActionTrail."
        ["actiontrail:Lookup*", "actiontrail:Describe*", "actiontrail:Get*", "actiontrail:List*"];
    "AliyunCloudMonitorFullAccess" "Everything of CloudMonitor." ["cms:*"];
    "AliyunCloudMonitorReadOnlyAccess" "Reading of CloudMonitor."
        ["cms:Describe*", "cms:Get*", "cms:List*", "cms:Query*"];
    "AliyunKvstoreFullAccess" "Everything of instances."
        ["kvstore:*", "larder:RecoverInstance", "vpc:DescribeVpcs", "vpc:DescribeVSwitches"];
    "AliyunKvstoreReadOnlyAccess" "Reading of instances."
        ["kvstore:Describe*", "kvstore:List*", "kvstore:LarderDescribe*", "vpc:DescribeVpcs",
         "vpc:DescribeVSwitches"];
    "AliyunRAMFullAccess" "Everything of users, groups, roles and policies." ["ram:*"];
    "AliyunRAMReadOnlyAccess" "Reading of users, groups, roles and policies."
        ["ram:Get*", "ram:List*"];
    "AliyunSTSAssumeRoleAccess" "Assuming roles." ["sts:AssumeRole"];
    "AliyunVPCFullAccess" "Everything of networks." ["vpc:*"];
    "AliyunVPCReadOnlyAccess" "Reading of networks."
        ["vpc:Describe*", "vpc:Get*", "vpc:List*"];
    "ReadOnlyAccess" "Reading of everything."
        ["*:Describe*", "*:Get*", "*:List*", "*:Lookup*", "*:Query*", "*:LarderDescribe*"];
}

/// The policy of this name.
pub fn find(name: &str) -> Option<&'static Managed> {
    POLICIES.iter().find(|policy| policy.name == name)
}

#[cfg(test)]
mod tests {
    use super::super::{Facts, Policy, Question, Verdict, decide};
    use super::*;

    #[test]
    fn sorted_and_well_formed() {
        assert!(POLICIES.is_sorted_by(|a, b| a.name < b.name));
        for policy in POLICIES {
            assert!(Policy::parse(policy.document).is_ok(), "{}", policy.document);
        }
    }

    #[test]
    fn what_they_allow() {
        let allows = |name: &str, action: &str| {
            let policy = Policy::parse(find(name).expect(name).document).expect("well-formed");
            let (resource, facts) = ("acs:kvstore:r:1:instance/r-1", &Facts::default());
            decide(&[policy], &Question { action, resource, facts }) == Verdict::Allow
        };
        for (name, action, expected) in [
            ("AdministratorAccess", "ram:CreateUser", true),
            ("ReadOnlyAccess", "kvstore:DescribeInstances", true),
            ("ReadOnlyAccess", "actiontrail:LookupEvents", true),
            ("ReadOnlyAccess", "kvstore:DeleteInstance", false),
            ("AliyunKvstoreFullAccess", "kvstore:DeleteInstance", true),
            ("AliyunKvstoreFullAccess", "larder:RecoverInstance", true),
            ("AliyunKvstoreFullAccess", "larder:CreateAccount", false),
            ("AliyunKvstoreReadOnlyAccess", "larder:RecoverInstance", false),
            ("ReadOnlyAccess", "larder:RecoverInstance", false),
            ("AliyunKvstoreFullAccess", "ram:CreateUser", false),
            ("AliyunKvstoreFullAccess", "vpc:DescribeVpcs", true),
            ("AliyunKvstoreFullAccess", "vpc:DeleteVpc", false),
            ("AliyunKvstoreReadOnlyAccess", "kvstore:ListTagResources", true),
            ("AliyunKvstoreReadOnlyAccess", "kvstore:CreateInstance", false),
            ("AliyunRAMReadOnlyAccess", "ram:GetUser", true),
            ("AliyunRAMReadOnlyAccess", "ram:CreateUser", false),
        ] {
            assert_eq!(allows(name, action), expected, "{name} {action}");
        }
    }
}
