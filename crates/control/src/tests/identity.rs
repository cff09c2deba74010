//! Users, keys, groups, roles and policies through the API: what is answered, what is refused, and
//! that a policy decides the next call.

use crate::actions::table::RAM;
use crate::call::{Answer, Call, Identity, Principal};
use crate::testing::World;
use serde_json::{Value, json};

type Pairs<'a> = &'a [(&'a str, &'a str)];

pub(super) async fn call(world: &World, action: &str, params: &[(&str, &str)]) -> Answer {
    world.control.call(request(world, action, params)).await
}

pub(super) fn request(world: &World, action: &str, params: &[(&str, &str)]) -> Call {
    let params = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Call { version: RAM.into(), params: params.collect(), ..world.request(action, "") }
}

/// As [`call`], and the body of a success.
pub(super) async fn ok(world: &World, action: &str, params: &[(&str, &str)]) -> Value {
    let answer = call(world, action, params).await;
    assert_eq!(answer.status, 200, "{action} {params:?}: {}", answer.body);
    answer.body
}

/// As [`call`], and `status Code` of a refusal.
pub(super) async fn refusal(world: &World, action: &str, params: &[(&str, &str)]) -> String {
    let answer = call(world, action, params).await;
    format!("{} {}", answer.status, answer.body["Code"].as_str().unwrap_or("no error"))
}

/// A user of the world's account as it calls.
pub(super) async fn user(world: &World, name: &str) -> Principal {
    let made = ok(world, "CreateUser", &[("UserName", name)]).await;
    let user_id = made["User"]["UserId"].as_str().expect("an id").to_owned();
    Principal {
        account_id: world.credentials.account_id.clone(),
        name: name.to_owned(),
        access_key_id: None,
        identity: Identity::User { user_id },
    }
}

pub(super) fn document(effect: &str, action: &str, resource: &str) -> String {
    let statement = json!({"Effect": effect, "Action": action, "Resource": resource});
    json!({"Version": "1", "Statement": [statement]}).to_string()
}

#[tokio::test]
async fn life_of_a_user() {
    let world = World::new();
    let alice = ("UserName", "alice");
    let made = ok(&world, "CreateUser", &[alice, ("DisplayName", "Alice A.")]).await;
    let got = ok(&world, "GetUser", &[alice]).await;
    assert_eq!(made["User"], got["User"]);
    for field in ["UserId", "UserName", "DisplayName", "CreateDate", "UpdateDate", "Email"] {
        assert!(got["User"][field].is_string(), "{field}");
    }
    assert_eq!(refusal(&world, "CreateUser", &[alice]).await, "409 EntityAlreadyExists.User");
    let bad = refusal(&world, "CreateUser", &[("UserName", "a b")]).await;
    assert_eq!(bad, "400 InvalidParameter.UserName");
    assert_eq!(refusal(&world, "CreateUser", &[]).await, "400 MissingUserName");
    ok(&world, "UpdateUser", &[alice, ("NewUserName", "bob"), ("NewComments", "c")]).await;
    assert_eq!(refusal(&world, "GetUser", &[alice]).await, "404 EntityNotExist.User");
    let bob = ("UserName", "bob");
    for (action, params) in [
        ("CreateAccessKey", vec![bob]),
        ("CreateGroup", vec![("GroupName", "g")]),
        ("AddUserToGroup", vec![bob, ("GroupName", "g")]),
        (
            "AttachPolicyToUser",
            vec![bob, ("PolicyType", "System"), ("PolicyName", "ReadOnlyAccess")],
        ),
    ] {
        ok(&world, action, &params).await;
    }
    let list = ok(&world, "ListAccessKeys", &[bob]).await;
    let key = list["AccessKeys"]["AccessKey"][0]["AccessKeyId"].as_str().expect("one").to_owned();
    assert!(list["AccessKeys"]["AccessKey"][0].get("AccessKeySecret").is_none());
    let policy = [bob, ("PolicyType", "System"), ("PolicyName", "ReadOnlyAccess")];
    let rows: [(&str, &str, Pairs<'_>); 3] = [
        ("409 DeleteConflict.User.AccessKey", "DeleteAccessKey", &[bob, ("UserAccessKeyId", &key)]),
        ("409 DeleteConflict.User.Policy", "DetachPolicyFromUser", &policy),
        ("409 DeleteConflict.User.Group", "RemoveUserFromGroup", &[bob, ("GroupName", "g")]),
    ];
    for (code, cure, params) in rows {
        assert_eq!(refusal(&world, "DeleteUser", &[bob]).await, code);
        ok(&world, cure, params).await;
        assert!(refusal(&world, cure, params).await.starts_with("404 EntityNotExist."), "{cure}");
    }
    ok(&world, "DeleteUser", &[bob]).await;
    assert_eq!(ok(&world, "ListUsers", &[]).await["Users"], json!({"User": []}));
}

#[tokio::test]
async fn keys_are_two_and_of_whom_they_are() {
    let world = World::new();
    user(&world, "alice").await;
    user(&world, "bob").await;
    let alice = ("UserName", "alice");
    let made = ok(&world, "CreateAccessKey", &[alice]).await["AccessKey"].clone();
    let id = made["AccessKeyId"].as_str().expect("an id");
    assert_eq!(made["Status"], "Active");
    assert_eq!(made["AccessKeySecret"].as_str().map(str::len), Some(30));
    ok(&world, "CreateAccessKey", &[alice]).await;
    let third = refusal(&world, "CreateAccessKey", &[alice]).await;
    assert_eq!(third, "409 LimitExceeded.User.AccessKey");
    let of_bob = [("UserName", "bob"), ("UserAccessKeyId", id), ("Status", "Inactive")];
    let foreign = "404 EntityNotExist.User.AccessKey";
    assert_eq!(refusal(&world, "UpdateAccessKey", &of_bob).await, foreign);
    assert_eq!(refusal(&world, "DeleteAccessKey", &of_bob[..2]).await, foreign);
    assert_eq!(refusal(&world, "DeleteAccessKey", &of_bob[1..2]).await, foreign, "of root");
    let first = world.credentials.access_key_id.clone();
    let first = [("UserAccessKeyId", first.as_str())];
    assert_eq!(refusal(&world, "DeleteAccessKey", &first).await, "409 DeleteConflict");
    ok(&world, "CreateAccessKey", &[]).await;
    let of_root = ok(&world, "ListAccessKeys", &[]).await;
    assert_eq!(of_root["AccessKeys"]["AccessKey"].as_array().map(Vec::len), Some(2));
    let used = ok(&world, "GetAccessKeyLastUsed", &first).await;
    assert_eq!(used["AccessKeyLastUsed"]["LastUsedDate"], "", "nobody signed with it");
}

#[tokio::test]
async fn policies_versions_and_holders() {
    let world = World::new();
    user(&world, "alice").await;
    let p = ("PolicyName", "p");
    let text = document("Allow", "kvstore:Describe*", "*");
    let bad = document("Permit", "*", "*");
    let refused = call(&world, "CreatePolicy", &[p, ("PolicyDocument", &bad)]).await;
    assert_eq!(refused.body["Code"], "MalformedPolicyDocument");
    let told = refused.body["Message"].as_str().expect("a text");
    assert!(told.contains("Statement[0].Effect"), "{told}");
    ok(&world, "CreatePolicy", &[p, ("PolicyDocument", &text)]).await;
    let custom = ("PolicyType", "Custom");
    let got = ok(&world, "GetPolicy", &[p, custom]).await;
    assert_eq!(got["DefaultPolicyVersion"]["PolicyDocument"], text.as_str());
    assert_eq!(got["Policy"]["AttachmentCount"], 0);
    let second = document("Deny", "*", "*");
    ok(&world, "CreatePolicyVersion", &[p, ("PolicyDocument", &second)]).await;
    ok(&world, "AttachPolicyToUser", &[p, custom, ("UserName", "alice")]).await;
    let holders = ok(&world, "ListEntitiesForPolicy", &[p, custom]).await;
    assert_eq!(holders["Users"]["User"][0]["UserName"], "alice");
    assert_eq!(holders["Groups"], json!({"Group": []}));
    let listed = ok(&world, "ListPoliciesForUser", &[("UserName", "alice")]).await;
    assert_eq!(listed["Policies"]["Policy"][0]["PolicyName"], "p");
    assert_eq!(refusal(&world, "DeletePolicy", &[p]).await, "409 DeleteConflict.Policy.User");
    let again = refusal(&world, "AttachPolicyToUser", &[p, custom, ("UserName", "alice")]).await;
    assert_eq!(again, "409 EntityAlreadyExists.User.Policy");
    let versions = ok(&world, "ListPolicyVersions", &[p, custom]).await;
    let versions = versions["PolicyVersions"]["PolicyVersion"].as_array().expect("a list").clone();
    let ids: Vec<_> = versions.iter().map(|v| (&v["VersionId"], &v["IsDefaultVersion"])).collect();
    assert_eq!(json!(ids), json!([["v2", false], ["v1", true]]));
    ok(&world, "SetDefaultPolicyVersion", &[p, ("VersionId", "v2")]).await;
    ok(&world, "DeletePolicyVersion", &[p, ("VersionId", "v1")]).await;
    let system = ok(&world, "ListPolicies", &[("PolicyType", "System"), ("MaxItems", "2")]).await;
    assert_eq!(system["IsTruncated"], true);
    let marker = system["Marker"].as_str().expect("there is more").to_owned();
    let rest = ok(&world, "ListPolicies", &[("PolicyType", "System"), ("Marker", &marker)]).await;
    let names = |body: &Value| body["Policies"]["Policy"].as_array().map_or(0, Vec::len);
    assert_eq!(names(&system) + names(&rest), control_model::policy::managed::POLICIES.len());
    ok(&world, "DeletePolicy", &[p, ("CascadingDelete", "true")]).await;
    let listed = ok(&world, "ListPoliciesForUser", &[("UserName", "alice")]).await;
    assert_eq!(listed["Policies"], json!({"Policy": []}));
}

#[tokio::test]
async fn a_policy_decides_the_next_call() {
    let world = World::new();
    let id = world.instance("Password=Abcdefg1").await;
    let alice = user(&world, "alice").await;
    let attempt = async |action: &str, params: &str| {
        let mut request = world.request(action, params);
        request.principal = alice.clone();
        world.control.call(request).await
    };
    let attribute = format!("InstanceId={id}");
    let refused = attempt("DescribeInstanceAttribute", &attribute).await;
    let detail = &refused.body["AccessDeniedDetail"];
    assert_eq!((refused.status, &refused.body["Code"]), (403, &json!("NoPermission")));
    for (field, expected) in [
        ("AuthAction", "kvstore:DescribeInstanceAttribute"),
        ("AuthPrincipalType", "SubUser"),
        ("AuthPrincipalDisplayName", "alice"),
        ("AuthPrincipalOwnerId", world.credentials.account_id.as_str()),
        ("PolicyType", "AccountLevelIdentityBasedPolicy"),
        ("NoPermissionType", "ImplicitDeny"),
    ] {
        assert_eq!(detail[field], expected, "{field}");
    }
    let allow = document("Allow", "kvstore:*", &format!("acs:kvstore:*:*:instance/{id}"));
    ok(&world, "CreatePolicy", &[("PolicyName", "one"), ("PolicyDocument", &allow)]).await;
    let one = [("PolicyType", "Custom"), ("PolicyName", "one"), ("UserName", "alice")];
    ok(&world, "AttachPolicyToUser", &one).await;
    assert_eq!(attempt("DescribeInstanceAttribute", &attribute).await.status, 200);
    let all = attempt("DescribeInstances", "RegionId=cn-hangzhou").await;
    assert_eq!(all.status, 403, "it may see one instance, not all");
    let named = format!("RegionId=cn-hangzhou&InstanceIds={id}");
    assert_eq!(attempt("DescribeInstances", &named).await.status, 200);
    assert_eq!(attempt("DescribeInstances", &format!("{named},r-2")).await.status, 403);

    let deny = document("Deny", "kvstore:Delete*", "*");
    ok(&world, "CreatePolicy", &[("PolicyName", "no"), ("PolicyDocument", &deny)]).await;
    ok(&world, "CreateGroup", &[("GroupName", "g")]).await;
    let no = [("PolicyType", "Custom"), ("PolicyName", "no"), ("GroupName", "g")];
    ok(&world, "AttachPolicyToGroup", &no).await;
    ok(&world, "AddUserToGroup", &[("UserName", "alice"), ("GroupName", "g")]).await;
    let refused = attempt("DeleteInstance", &attribute).await;
    assert_eq!(refused.body["AccessDeniedDetail"]["NoPermissionType"], "ExplicitDeny");
    ok(&world, "DetachPolicyFromUser", &one).await;
    assert_eq!(attempt("DescribeInstanceAttribute", &attribute).await.status, 403, "at once");
}

pub(super) fn trust(account_id: &str) -> String {
    let statement = json!({
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"RAM": [format!("acs:ram::{account_id}:root")]},
    });
    json!({"Version": "1", "Statement": [statement]}).to_string()
}

#[tokio::test]
async fn roles_are_assumed_by_the_trusted() {
    let world = World::new();
    let account = world.credentials.account_id.clone();
    let arn = format!("acs:ram::{account}:role/r");
    let assume = async |principal: &Principal, arn: &str, rest: &str| {
        let mut request = world.request("AssumeRole", &format!("RoleSessionName=s1&{rest}"));
        request.params.insert("RoleArn".into(), arn.into());
        request.principal = principal.clone();
        world.control.call(request).await
    };
    let code = |answer: &Answer| answer.body["Code"].as_str().unwrap_or("none").to_owned();
    let root = world.request("AssumeRole", "").principal;
    assert_eq!(code(&assume(&root, &arn, "").await), "EntityNotExist.Role");
    let elsewhere = "acs:ram::1000000000000009:role/r";
    assert_eq!(code(&assume(&root, elsewhere, "").await), "NoPermission");
    assert_eq!(code(&assume(&root, "r", "").await), "InvalidParameter.RoleArn");
    let role = [("RoleName", "r"), ("AssumeRolePolicyDocument", &*trust(&account))];
    ok(&world, "CreateRole", &role).await;
    let alice = user(&world, "alice").await;
    let refused = assume(&alice, &arn, "").await;
    assert_eq!(refused.body["AccessDeniedDetail"]["AuthAction"], "sts:AssumeRole");
    let policy = [("PolicyType", "System"), ("PolicyName", "AliyunSTSAssumeRoleAccess")];
    ok(&world, "AttachPolicyToUser", &[&policy[..], &[("UserName", "alice")]].concat()).await;
    let got = assume(&alice, &arn, "DurationSeconds=900").await;
    assert_eq!(got.status, 200, "{}", got.body);
    let made = &got.body["Credentials"];
    assert!(made["AccessKeyId"].as_str().is_some_and(|id| id.starts_with("STS.")));
    assert_eq!(made["Expiration"], "2026-11-22T13:06:19Z");
    assert_eq!(
        code(&assume(&alice, &arn, "DurationSeconds=899").await),
        "InvalidDurationSeconds.Malformed"
    );
    assert_eq!(
        code(&assume(&alice, &arn, "DurationSeconds=3601").await),
        "InvalidParameter.DurationSeconds"
    );
    assert_eq!(code(&assume(&alice, &arn, "Policy=x").await), "MalformedPolicyDocument");
    let other = [("RoleName", "r"), ("NewAssumeRolePolicyDocument", &*trust("1000000000000009"))];
    ok(&world, "UpdateRole", &other).await;
    assert_eq!(code(&assume(&alice, &arn, "").await), "NoPermission");
    assert_eq!(code(&assume(&root, &arn, "").await), "NoPermission");
}

#[tokio::test]
async fn users_log_in_to_the_console_as_themselves() {
    let world = World::new();
    user(&world, "alice").await;
    let profile = [("UserName", "alice"), ("Password", "Console-01")];
    let weak = [("UserName", "alice"), ("Password", "console")];
    assert_eq!(refusal(&world, "CreateLoginProfile", &weak).await, "400 InvalidParameter.Password");
    let none = refusal(&world, "GetLoginProfile", &profile[..1]).await;
    assert_eq!(none, "404 EntityNotExist.User.LoginProfile");
    let made = ok(&world, "CreateLoginProfile", &profile).await;
    assert_eq!(made["LoginProfile"]["PasswordResetRequired"], false);
    let again = refusal(&world, "CreateLoginProfile", &profile).await;
    assert_eq!(again, "409 EntityAlreadyExists.User.LoginProfile");
    let source = std::net::IpAddr::from([127, 0, 0, 1]);
    let account = world.credentials.account_id.clone();
    let login = async |name: &str, password: &str| {
        world.control.console_login(name, password, source).await
    };
    for name in [format!("alice@{account}"), format!("alice@{account}.onaliyun.com")] {
        let principal = login(&name, "Console-01").await.expect("logged in");
        assert_eq!((principal.name(), principal.account_id()), ("alice", account.as_str()));
        assert_ne!(principal.identity, Identity::Root);
    }
    for name in ["alice", "alice@1000000000000009", "root@", "@"] {
        assert!(login(name, "Console-01").await.is_err(), "{name}");
    }
    ok(&world, "UpdateLoginProfile", &[("UserName", "alice"), ("Password", "Console-02")]).await;
    assert!(login(&format!("alice@{account}"), "Console-02").await.is_ok());
    let policy = [("PolicyType", "System"), ("PolicyName", "ReadOnlyAccess")];
    ok(&world, "AttachPolicyToUser", &[&policy[..], &profile[..1]].concat()).await;
    let mut clicked = world.request("DescribeRegions", "");
    clicked.via = crate::call::Via::Console;
    clicked.principal = login(&format!("alice@{account}"), "Console-02").await.expect("logged in");
    assert_eq!(world.control.call(clicked.clone()).await.status, 200);
    ok(&world, "DetachPolicyFromUser", &[&policy[..], &profile[..1]].concat()).await;
    let rest = refusal(&world, "DeleteUser", &profile[..1]).await;
    assert_eq!(rest, "409 DeleteConflict.User.LoginProfile");
    ok(&world, "DeleteLoginProfile", &profile[..1]).await;
    assert!(login(&format!("alice@{account}"), "Console-02").await.is_err());
    ok(&world, "AttachPolicyToUser", &[&policy[..], &profile[..1]].concat()).await;
    assert_eq!(world.control.call(clicked).await.status, 403, "an open page is worth nothing");
}

#[tokio::test]
async fn accounts_of_the_installation() {
    let world = World::new();
    world.now_unix_ms.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let made = world.ok("CreateInstallationAccount", "").await;
    let id = made["AccountId"].as_str().expect("an id").to_owned();
    assert_eq!(id.len(), 16);
    let listed = world.ok("ListInstallationAccounts", "").await;
    assert_eq!(listed["Accounts"]["Account"][1]["AccountId"], id.as_str());
    let (name, password) = (made["ConsoleUser"].as_str(), made["ConsolePassword"].as_str());
    let source = std::net::IpAddr::from([127, 0, 0, 1]);
    let (name, password) = (name.expect("a name"), password.expect("a password"));
    let root = world.control.console_login(name, password, source).await.expect("logged in");
    assert_eq!((root.name(), root.account_id()), ("root", id.as_str()));
    let alice = user(&world, "alice").await;
    let all = [("PolicyType", "System"), ("PolicyName", "AdministratorAccess")];
    ok(&world, "AttachPolicyToUser", &[&all[..], &[("UserName", "alice")]].concat()).await;
    for principal in [root, alice] {
        for action in ["CreateInstallationAccount", "ListInstallationAccounts", "BackupState"] {
            let mut request = world.request(action, "");
            request.principal = principal.clone();
            let answer = world.control.call(request).await;
            assert_eq!(answer.body["Code"], "NoPermission", "{action} {principal:?}");
        }
    }
}
