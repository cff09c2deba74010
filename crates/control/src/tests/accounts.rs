//! Accounts of the data plane through the API: what the node is told, what is answered, what is
//! refused, and that no password stays anywhere.

use crate::store::{Kind, Store};
use crate::testing::World;
use admin::{Privilege, UserSettings};
use serde_json::{Value, json};

/// The user that the node was told of last.
fn user(world: &World, name: &str) -> Option<UserSettings> {
    let users = world.agent.specs().pop().expect("applied").settings.users;
    users.into_iter().find(|user| user.name == name)
}

fn takes(user: &UserSettings, password: &str) -> bool {
    user.verifiers.iter().any(|verifier| crate::vault::accepts(verifier, password))
}

async fn accounts(world: &World, params: &str) -> Vec<Value> {
    let listed = world.ok("DescribeAccounts", params).await;
    listed["Accounts"]["Account"].as_array().expect("always a list").clone()
}

#[tokio::test]
async fn life_of_an_account() {
    let world = World::new();
    let id = world.instance("Password=Abcdefg1").await;
    let call = async |action: &str, rest: &str| {
        let params = format!("InstanceId={id}&AccountName=reader&{rest}");
        world.ok(action, &params).await
    };
    let rest = "AccountPassword=Reader-01&AccountPrivilege=RoleReadOnly&AccountDescription=of+bi";
    let made = call("CreateAccount", rest).await;
    for name in ["AcountName", "AccountName"] {
        assert_eq!(made[name], "reader");
    }
    assert_eq!(made["InstanceId"], id.as_str());
    let known = user(&world, "reader").expect("the node knows when the call returns");
    assert_eq!(known.privilege, Privilege::ReadOnly);
    assert!(takes(&known, "Reader-01") && !takes(&known, "Abcdefg1"));

    let shown = accounts(&world, &format!("InstanceId={id}&AccountName=reader")).await;
    let expected = json!([{
        "InstanceId": id,
        "AccountName": "reader",
        "AccountDescription": "of bi",
        "AccountType": "Normal",
        "AccountStatus": "Available",
        "DatabasePrivileges": {"DatabasePrivilege": [{"AccountPrivilege": "RoleReadOnly"}]},
    }]);
    assert_eq!(Value::Array(shown), expected);

    call("GrantAccountPrivilege", "AccountPrivilege=RoleReadWrite").await;
    assert_eq!(user(&world, "reader").map(|user| user.privilege), Some(Privilege::ReadWrite));
    let specs = world.agent.specs().len();
    call("ModifyAccountDescription", "AccountDescription=of+sales").await;
    assert_eq!(world.agent.specs().len(), specs, "no business of the node");
    let all = accounts(&world, &format!("InstanceId={id}")).await;
    let names: Vec<_> = all.iter().map(|row| row["AccountName"].as_str()).collect();
    assert_eq!(names, [Some(id.as_str()), Some("default"), Some("reader")]);
    assert_eq!(all[2]["AccountDescription"], "of sales");
    assert_eq!(
        accounts(&world, &format!("InstanceId={id}&AccountName=no")).await,
        [Value::Null; 0]
    );

    call("DeleteAccount", "").await;
    assert_eq!(user(&world, "reader"), None);
    assert_eq!(accounts(&world, &format!("InstanceId={id}")).await.len(), 2);
}

#[tokio::test]
async fn two_passwords_count_only_when_asked_for_and_until_the_next_change() {
    let world = World::new();
    let id = world.instance("Password=Abcdefg1").await;
    let create = format!("InstanceId={id}&AccountName=app&AccountPassword=First-001");
    world.ok("CreateAccount", &create).await;
    let modify = async |old: &str, new: &str, keep: &str| {
        let passwords = format!("OldAccountPassword={old}&NewAccountPassword={new}&{keep}");
        let params = format!("InstanceId={id}&AccountName=app&{passwords}");
        world.refusal("ModifyAccountPassword", &params).await
    };
    let reset = async |new: &str, keep: &str| {
        let params = format!("InstanceId={id}&AccountName=app&AccountPassword={new}&{keep}");
        world.refusal("ResetAccountPassword", &params).await
    };
    let counting = || {
        let user = user(&world, "app").expect("it is there");
        let all = ["First-001", "Second-002", "Third-003"];
        all.into_iter().filter(|password| takes(&user, password)).collect::<Vec<_>>()
    };
    let keep = "KeepOldPassword=true";
    assert_eq!(modify("First-001", "Second-002", "").await, "200 no error");
    assert_eq!(counting(), ["Second-002"], "as documented of the API");
    assert_eq!(
        modify("First-001", "Third-003", "").await,
        "400 InvalidOldAccountPassword.NotMatch"
    );
    assert_eq!(modify("Second-002", "Third-003", keep).await, "200 no error");
    assert_eq!(counting(), ["Second-002", "Third-003"]);
    assert_eq!(reset("First-001", keep).await, "200 no error");
    assert_eq!(counting(), ["First-001", "Third-003"], "never three");
    assert_eq!(reset("First-001", keep).await, "200 no error");
    assert_eq!(counting(), ["First-001"], "the same password is not kept beside itself");
    assert_eq!(reset("Second-002", "").await, "200 no error");
    assert_eq!(counting(), ["Second-002"]);
    assert_eq!(
        reset("Second-002", "KeepOldPassword=1").await,
        "400 InvalidKeepOldPassword.Malformed"
    );
}

#[tokio::test]
async fn default_accounts_change_their_shared_password() {
    let world = World::new();
    let id = world.instance("").await;
    let modify = async |name: &str, old: &str, new: &str| {
        let passwords = format!("OldAccountPassword={old}&NewAccountPassword={new}");
        let params = format!("InstanceId={id}&AccountName={name}&{passwords}");
        world.refusal("ModifyAccountPassword", &params).await
    };
    let mismatch = "400 InvalidOldAccountPassword.NotMatch";
    assert_eq!(modify("default", "Abcdefg1", "Bcdefgh2").await, mismatch, "there is none yet");
    let reset = format!("InstanceId={id}&AccountName=default&AccountPassword=Abcdefg1");
    world.ok("ResetAccountPassword", &reset).await;
    assert_eq!(modify(&id, "Abcdefg1", "Bcdefgh2").await, "200 no error");
    for name in [&id, "default"] {
        assert!(takes(&user(&world, name).expect("a default one"), "Bcdefgh2"), "{name}");
    }
}

/// Action and parameters, then what is answered; `ID` is the instance's.
const WRONG: &str = "
    CreateAccount AccountName=app&AccountPassword=Abcdefg1
        400 InvalidAccountName.Duplicate
    CreateAccount AccountName=ID&AccountPassword=Abcdefg1
        400 InvalidAccountName.Duplicate
    CreateAccount AccountName=App&AccountPassword=Abcdefg1
        400 InvalidAccountName.Format
    CreateAccount AccountName=a:b&AccountPassword=Abcdefg1
        400 InvalidAccountName.Format
    CreateAccount AccountName=default&AccountPassword=Abcdefg1
        400 InvalidAccountName.Forbid
    CreateAccount AccountName=select&AccountPassword=Abcdefg1
        400 InvalidAccountName.Forbid
    CreateAccount AccountName=b&AccountPassword=short
        400 InvalidAccountPassword.Format
    CreateAccount AccountName=b
        400 MissingAccountPassword
    CreateAccount AccountName=b&AccountPassword=Abcdefg1&AccountPrivilege=RoleRepl
        400 InvalidAccountPrivilege.Malformed
    CreateAccount AccountName=b&AccountPassword=Abcdefg1&AccountDescription=http://x
        400 InvalidAccountDescription.Format
    DeleteAccount AccountName=other
        404 InvalidAccountName.NotFound
    DeleteAccount AccountName=No!
        400 InvalidAccountName.Format
    DeleteAccount AccountName=default
        403 OperationDenied.AccountStatus
    DeleteAccount AccountName=ID
        403 OperationDenied.AccountStatus
    GrantAccountPrivilege AccountName=app
        400 MissingAccountPrivilege
    GrantAccountPrivilege AccountName=app&AccountPrivilege=Root
        400 InvalidAccountPrivilege.Format
    GrantAccountPrivilege AccountName=other&AccountPrivilege=RoleReadOnly
        404 InvalidAccountName.NotFound
    GrantAccountPrivilege AccountName=ID&AccountPrivilege=RoleReadOnly
        400 IncorrectAccount
    ModifyAccountDescription AccountName=app&AccountDescription=x
        400 InvalidAccountDescription.Format
    ModifyAccountDescription AccountName=other&AccountDescription=about
        404 InvalidAccountName.NotFound
    ModifyAccountPassword AccountName=app&OldAccountPassword=Abcdefg1&NewAccountPassword=short
        400 InvalidAccountPassword.Format
    ModifyAccountPassword AccountName=other&OldAccountPassword=Abcdefg1&NewAccountPassword=Bcdefgh2
        404 InvalidAccountName.NotFound
    ResetAccountPassword AccountName=other&AccountPassword=Abcdefg1
        404 InvalidAccountName.NotFound
";

#[tokio::test]
async fn wrong_input_has_its_codes() {
    let world = World::new();
    let id = world.instance("Password=Abcdefg1").await;
    let create = format!("InstanceId={id}&AccountName=app&AccountPassword=Abcdefg1");
    world.ok("CreateAccount", &create).await;
    let password = "AccountPassword=Abcdefg1";
    let before = world.agent.specs().len();
    let lines: Vec<_> = WRONG.trim().lines().map(str::trim).collect();
    for row in lines.chunks(2) {
        let (action, params) = row[0].split_once(' ').expect("an action and its parameters");
        let params = format!("InstanceId={id}&{}", params.replace("ID", &id));
        assert_eq!(world.refusal(action, &params).await, row[1], "{action} {params}");
    }
    assert_eq!(world.agent.specs().len(), before, "nothing has changed");
    for at in 1..18 {
        let params = format!("InstanceId={id}&AccountName=a{at}&{password}");
        world.ok("CreateAccount", &params).await;
    }
    let one_more = format!("InstanceId={id}&AccountName=more&{password}");
    assert_eq!(world.refusal("CreateAccount", &one_more).await, "403 AccountLimitExceeded");
}

#[tokio::test]
async fn passwords_stay_nowhere() {
    let world = World::new();
    let id = world.instance("Password=S3cret-default").await;
    let secrets = ["S3cret-default", "S3cret-one", "S3cret-two", "S3cret-bad\u{e4}", "S3cret-typo"];
    let calls = [
        ("CreateAccount", "AccountPassword=S3cret-one"),
        ("ModifyAccountPassword", "OldAccountPassword=S3cret-one&NewAccountPassword=S3cret-two"),
        ("ResetAccountPassword", "AccountPassword=S3cret-bad\u{e4}"),
        ("ModifyAccountPassword", "OldAccountPassword=S3cret-typo&NewAccountPassword=S3cret-two"),
        ("CreateAcount", "AccountPassword=S3cret-one"),
        ("DescribeAccounts", ""),
    ];
    let mut seen = String::new();
    for (action, rest) in calls {
        let params = format!("InstanceId={id}&AccountName=app&{rest}");
        seen += &world.call(action, &params).await.body.to_string();
    }
    let store: &dyn Store = world.control.shared.store.as_ref();
    seen += &format!("{:?}", store.list(Kind::Instance).expect("read"));
    seen += &format!("{:?} {:?}", world.audit(), world.agent.specs());
    assert!(seen.contains("ModifyAccountPassword") && seen.contains("app"), "{seen}");
    for secret in secrets {
        assert!(!seen.contains(secret), "{secret} in {seen}");
    }
}

#[tokio::test]
async fn an_account_is_available_once_the_node_enforces_it() {
    let world = World::new();
    let id = world.instance("").await;
    let state = async || {
        let shown = accounts(&world, &format!("InstanceId={id}&AccountName=default")).await;
        shown[0]["AccountStatus"].as_str().expect("a word").to_owned()
    };
    assert_eq!(state().await, "Available");
    for (generation, wanted) in [(0, "Unavailable"), (1, "Available")] {
        world.agent.show(|node| node.generation = generation);
        world.until_true(async || state().await == wanted, wanted).await;
    }
}
