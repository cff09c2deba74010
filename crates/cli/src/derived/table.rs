//! The short verbs: `larder <group> <name>` is one action with some parameters in their places.
//! Only data.

/// One short verb.
#[derive(Debug)]
pub struct Short {
    /// First word.
    pub group: &'static str,
    /// Second word.
    pub name: &'static str,
    /// Action that it calls.
    pub action: &'static str,
    /// What the help calls the arguments, and the parameters that they become, in order.
    pub positionals: &'static [(&'static str, &'static str)],
    /// Parameters that are always the same.
    pub fixed: &'static [(&'static str, &'static str)],
    /// Where the list to show is in the answer.
    pub list: &'static str,
    /// Headers with paths below an item of the list; empty shows all there is.
    pub columns: &'static [(&'static str, &'static str)],
}

/// Groups with what the help says of them.
const GROUPS: &[(&str, &str)] = &[
    ("data-account", "Works with the accounts of an instance"),
    ("allowlist", "Shows and changes who may connect to an instance"),
    ("operation", "Shows, moves and cancels what waits for the maintenance window"),
    ("param-group", "Works with parameter groups, which instances are made from and given"),
    ("tag", "Puts tags on instances and finds instances by them"),
    ("user", "Works with the users of your account, their keys and groups"),
    ("key", "Works with access keys"),
    ("policy", "Works with policies: what users may do"),
    ("alarm", "Works with alarm rules and what they told"),
    ("account", "Works with the accounts of the installation; for root of the first one"),
    ("role", "Works with roles, which users act as for a while"),
    ("offer", "Shows what can be created here"),
    ("quota", "Shows the limits that hold here"),
];

/// What the help says of a group.
pub fn about(group: &str) -> &'static str {
    GROUPS.iter().find(|(name, _)| *name == group).map_or("", |(_, about)| about)
}

const ID: (&str, &str) = ("ID", "InstanceId");
const DB_ID: (&str, &str) = ("ID", "DBInstanceId");
const OPERATIONS: (&str, &str) = ("NUMBERS", "Ids");
const ACCOUNT: (&str, &str) = ("ACCOUNT", "AccountName");
const PARAM_GROUP: (&str, &str) = ("GROUP", "ParameterGroupId");

const PLAIN: Short = Short {
    group: "instance",
    name: "",
    action: "",
    positionals: &[ID],
    fixed: &[],
    list: "",
    columns: &[],
};

/// All of them, by group.
pub const SHORTS: &[Short] = &[
    Short { name: "flush", action: "FlushInstance", ..PLAIN },
    Short {
        name: "flush-db",
        action: "FlushInstanceForDB",
        positionals: &[ID, ("DB", "DbIndex")],
        ..PLAIN
    },
    Short { name: "clean", action: "FlushExpireKeys", ..PLAIN },
    Short { name: "recover", action: "RecoverInstance", ..PLAIN },
    Short { name: "destroy", action: "DestroyInstance", ..PLAIN },
    Short {
        name: "window",
        action: "ModifyInstanceMaintainTime",
        positionals: &[ID, ("START", "MaintainStartTime"), ("END", "MaintainEndTime")],
        ..PLAIN
    },
    Short {
        name: "bandwidth",
        action: "ModifyInstanceBandwidth",
        positionals: &[ID, ("MB_PER_S", "TargetIntranetBandwidth")],
        ..PLAIN
    },
    Short {
        name: "lock",
        action: "LockDBInstanceWrite",
        positionals: &[DB_ID, ("REASON", "LockReason")],
        ..PLAIN
    },
    Short { name: "unlock", action: "UnlockDBInstanceWrite", positionals: &[DB_ID], ..PLAIN },
    Short {
        name: "endpoints",
        action: "DescribeDBInstanceNetInfo",
        list: "NetInfoItems.InstanceNetInfo",
        columns: &[
            ("ADDRESS", "ConnectionString"),
            ("PORT", "Port"),
            ("IP", "IPAddress"),
            ("TYPE", "IPType"),
        ],
        ..PLAIN
    },
    Short {
        name: "nodes",
        action: "DescribeRoleZoneInfo",
        list: "Node.NodeInfo",
        columns: &[
            ("NODE", "NodeId"),
            ("ROLE", "Role"),
            ("ZONE", "ZoneId"),
            ("VERSION", "CurrentMinorVersion"),
        ],
        ..PLAIN
    },
    Short {
        name: "metrics",
        action: "DescribeHistoryMonitorValues",
        positionals: &[ID, ("START", "StartTime"), ("END", "EndTime")],
        fixed: &[("IntervalForHistory", "01m")],
        ..PLAIN
    },
    Short {
        group: "data-account",
        name: "list",
        action: "DescribeAccounts",
        list: "Accounts.Account",
        columns: &[
            ("ACCOUNT", "AccountName"),
            ("STATUS", "AccountStatus"),
            ("TYPE", "AccountType"),
            ("DESCRIPTION", "AccountDescription"),
        ],
        ..PLAIN
    },
    Short {
        group: "data-account",
        name: "create",
        action: "CreateAccount",
        positionals: &[ID, ACCOUNT],
        ..PLAIN
    },
    Short {
        group: "data-account",
        name: "grant",
        action: "GrantAccountPrivilege",
        positionals: &[ID, ACCOUNT, ("PRIVILEGE", "AccountPrivilege")],
        ..PLAIN
    },
    Short {
        group: "data-account",
        name: "describe",
        action: "ModifyAccountDescription",
        positionals: &[ID, ACCOUNT, ("TEXT", "AccountDescription")],
        ..PLAIN
    },
    Short {
        group: "data-account",
        name: "passwd",
        action: "ResetAccountPassword",
        positionals: &[ID, ACCOUNT],
        ..PLAIN
    },
    Short {
        group: "data-account",
        name: "delete",
        action: "DeleteAccount",
        positionals: &[ID, ACCOUNT],
        ..PLAIN
    },
    Short {
        group: "allowlist",
        name: "show",
        action: "DescribeSecurityIps",
        list: "SecurityIpGroups.SecurityIpGroup",
        columns: &[("GROUP", "SecurityIpGroupName"), ("ADDRESSES", "SecurityIpList")],
        ..PLAIN
    },
    Short {
        group: "allowlist",
        name: "set",
        action: "ModifySecurityIps",
        positionals: &[ID, ("ADDRESSES", "SecurityIps")],
        ..PLAIN
    },
    Short {
        group: "operation",
        name: "list",
        action: "DescribeActiveOperationTasks",
        positionals: &[],
        list: "Items",
        columns: &[
            ("NUMBER", "Id"),
            ("INSTANCE", "InsName"),
            ("TYPE", "TaskType"),
            ("STATUS", "Status"),
            ("AT", "SwitchTime"),
            ("UNTIL", "Deadline"),
        ],
        ..PLAIN
    },
    Short {
        group: "operation",
        name: "move",
        action: "ModifyActiveOperationTasks",
        positionals: &[OPERATIONS, ("TIME", "SwitchTime")],
        ..PLAIN
    },
    Short {
        group: "operation",
        name: "start",
        action: "ModifyActiveOperationTasks",
        positionals: &[OPERATIONS],
        fixed: &[("ImmediateStart", "1")],
        ..PLAIN
    },
    Short {
        group: "operation",
        name: "cancel",
        action: "CancelActiveOperationTasks",
        positionals: &[OPERATIONS],
        ..PLAIN
    },
    Short {
        group: "param-group",
        name: "list",
        action: "DescribeParameterGroups",
        positionals: &[],
        list: "ParameterGroups",
        columns: &[
            ("GROUP", "ParamGroupId"),
            ("NAME", "ParameterGroupName"),
            ("VERSION", "EngineVersion"),
            ("VALUES", "ParamCount"),
            ("DESCRIPTION", "ParameterGroupDesc"),
        ],
        ..PLAIN
    },
    Short {
        group: "param-group",
        name: "show",
        action: "DescribeParameterGroup",
        positionals: &[PARAM_GROUP],
        list: "ParameterGroup.ParamGroupsDetails",
        columns: &[("PARAMETER", "ParamName"), ("VALUE", "ParamValue")],
        ..PLAIN
    },
    Short {
        group: "param-group",
        name: "create",
        action: "CreateParameterGroup",
        positionals: &[
            ("NAME", "ParameterGroupName"),
            ("VERSION", "EngineVersion"),
            ("JSON", "Parameters"),
        ],
        fixed: &[("Category", "standard"), ("EngineType", "redis")],
        ..PLAIN
    },
    Short {
        group: "param-group",
        name: "set",
        action: "ModifyParameterGroup",
        positionals: &[PARAM_GROUP, ("NAME", "ParameterGroupName"), ("JSON", "Parameters")],
        fixed: &[("Category", "standard")],
        ..PLAIN
    },
    Short {
        group: "param-group",
        name: "delete",
        action: "DeleteParameterGroup",
        positionals: &[PARAM_GROUP],
        ..PLAIN
    },
    Short {
        group: "param-group",
        name: "apply",
        action: "ModifyInstanceParameter",
        positionals: &[PARAM_GROUP, ID],
        ..PLAIN
    },
    Short {
        group: "tag",
        name: "add",
        action: "TagResources",
        positionals: &[("KEY=VALUE", "Tag")],
        fixed: &[("ResourceType", "INSTANCE")],
        ..PLAIN
    },
    Short {
        group: "tag",
        name: "remove",
        action: "UntagResources",
        positionals: &[("ID", "ResourceId")],
        fixed: &[("ResourceType", "INSTANCE")],
        ..PLAIN
    },
    Short {
        group: "tag",
        name: "list",
        action: "ListTagResources",
        positionals: &[],
        fixed: &[("ResourceType", "INSTANCE")],
        list: "TagResources.TagResource",
        columns: &[("INSTANCE", "ResourceId"), ("KEY", "TagKey"), ("VALUE", "TagValue")],
    },
    Short {
        group: "tag",
        name: "keys",
        action: "DescribeTags",
        positionals: &[],
        list: "Tags",
        columns: &[("KEY", "TagKey"), ("VALUES", "TagValues")],
        ..PLAIN
    },
    Short {
        group: "audit",
        name: "events",
        action: "LookupEvents",
        positionals: &[],
        list: "Events",
        columns: &[
            ("TIME", "eventTime"),
            ("WHO", "userIdentity.userName"),
            ("EVENT", "eventName"),
            ("RESOURCE", "resourceName"),
            ("FROM", "sourceIpAddress"),
            ("ERROR", "errorCode"),
        ],
        ..PLAIN
    },
    Short {
        group: "user",
        name: "list",
        action: "ListUsers",
        positionals: &[],
        list: "Users.User",
        columns: &[
            ("USER", "UserName"),
            ("ID", "UserId"),
            ("NAME", "DisplayName"),
            ("CREATED", "CreateDate"),
        ],
        ..PLAIN
    },
    Short {
        group: "user",
        name: "create",
        action: "CreateUser",
        positionals: &[("USER", "UserName")],
        ..PLAIN
    },
    Short {
        group: "user",
        name: "delete",
        action: "DeleteUser",
        positionals: &[("USER", "UserName")],
        ..PLAIN
    },
    Short {
        group: "key",
        name: "list",
        action: "ListAccessKeys",
        positionals: &[],
        list: "AccessKeys.AccessKey",
        columns: &[("KEY", "AccessKeyId"), ("STATUS", "Status"), ("CREATED", "CreateDate")],
        ..PLAIN
    },
    Short { group: "key", name: "create", action: "CreateAccessKey", positionals: &[], ..PLAIN },
    Short {
        group: "key",
        name: "set",
        action: "UpdateAccessKey",
        positionals: &[("KEY", "UserAccessKeyId"), ("STATUS", "Status")],
        ..PLAIN
    },
    Short {
        group: "key",
        name: "delete",
        action: "DeleteAccessKey",
        positionals: &[("KEY", "UserAccessKeyId")],
        ..PLAIN
    },
    Short {
        group: "policy",
        name: "list",
        action: "ListPolicies",
        positionals: &[],
        list: "Policies.Policy",
        columns: &[
            ("POLICY", "PolicyName"),
            ("TYPE", "PolicyType"),
            ("USED", "AttachmentCount"),
            ("DESCRIPTION", "Description"),
        ],
        ..PLAIN
    },
    Short {
        group: "policy",
        name: "create",
        action: "CreatePolicy",
        positionals: &[("POLICY", "PolicyName"), ("DOCUMENT", "PolicyDocument")],
        ..PLAIN
    },
    Short {
        group: "policy",
        name: "delete",
        action: "DeletePolicy",
        positionals: &[("POLICY", "PolicyName")],
        ..PLAIN
    },
    Short {
        group: "policy",
        name: "attach",
        action: "AttachPolicyToUser",
        positionals: &[("TYPE", "PolicyType"), ("POLICY", "PolicyName"), ("USER", "UserName")],
        ..PLAIN
    },
    Short {
        group: "policy",
        name: "detach",
        action: "DetachPolicyFromUser",
        positionals: &[("TYPE", "PolicyType"), ("POLICY", "PolicyName"), ("USER", "UserName")],
        ..PLAIN
    },
    Short {
        group: "alarm",
        name: "list",
        action: "DescribeMetricRuleList",
        positionals: &[],
        list: "Alarms.Alarm",
        columns: &[
            ("RULE", "RuleId"),
            ("NAME", "RuleName"),
            ("METRIC", "MetricName"),
            ("STATE", "AlertState"),
            ("ON", "EnableState"),
        ],
        ..PLAIN
    },
    Short {
        group: "alarm",
        name: "log",
        action: "DescribeAlertLogList",
        positionals: &[],
        list: "AlertLogList",
        columns: &[
            ("TIME", "AlertTime"),
            ("RULE", "RuleName"),
            ("INSTANCE", "InstanceId"),
            ("LEVEL", "Level"),
            ("SENT", "SendStatus"),
        ],
        ..PLAIN
    },
    Short {
        group: "account",
        name: "create",
        action: "CreateInstallationAccount",
        positionals: &[],
        ..PLAIN
    },
    Short {
        group: "account",
        name: "list",
        action: "ListInstallationAccounts",
        positionals: &[],
        list: "Accounts.Account",
        columns: &[("ACCOUNT", "AccountId"), ("CREATED", "CreateDate")],
        ..PLAIN
    },
    Short {
        group: "role",
        name: "list",
        action: "ListRoles",
        positionals: &[],
        list: "Roles.Role",
        columns: &[("ROLE", "RoleName"), ("ARN", "Arn"), ("DESCRIPTION", "Description")],
        ..PLAIN
    },
    Short {
        group: "role",
        name: "create",
        action: "CreateRole",
        positionals: &[("ROLE", "RoleName"), ("TRUST", "AssumeRolePolicyDocument")],
        ..PLAIN
    },
    Short {
        group: "role",
        name: "delete",
        action: "DeleteRole",
        positionals: &[("ROLE", "RoleName")],
        ..PLAIN
    },
    Short {
        group: "role",
        name: "assume",
        action: "AssumeRole",
        positionals: &[("ARN", "RoleArn"), ("SESSION", "RoleSessionName")],
        ..PLAIN
    },
    Short {
        group: "offer",
        name: "regions",
        action: "DescribeRegions",
        positionals: &[],
        list: "RegionIds.KVStoreRegion",
        columns: &[("REGION", "RegionId"), ("NAME", "LocalName"), ("ZONES", "ZoneIds")],
        ..PLAIN
    },
    Short {
        group: "offer",
        name: "zones",
        action: "DescribeZones",
        positionals: &[],
        list: "Zones.KVStoreZone",
        columns: &[("ZONE", "ZoneId"), ("NAME", "ZoneName"), ("REGION", "RegionId")],
        ..PLAIN
    },
    Short {
        group: "quota",
        name: "list",
        action: "ListQuotas",
        positionals: &[],
        list: "Quotas",
        columns: &[
            ("QUOTA", "QuotaName"),
            ("FOR EACH", "Scope"),
            ("LIMIT", "Limit"),
            ("USED", "Used"),
        ],
        ..PLAIN
    },
];
