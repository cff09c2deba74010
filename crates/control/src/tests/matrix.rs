//! Every action × every caller × own, foreign and unknown instance, against a plain model of who
//! may do what. Rows are called with values made up from their parameters' kinds, so a new row
//! is covered by being in the table.

use super::identity::{document, ok, refusal, user};
use crate::actions::params::Kind;
use crate::actions::table::{self, ACTIONS, KVSTORE};
use crate::actions::{Access, Action};
use crate::authority::{caller, session::Session};
use crate::call::{Answer, Identity, Principal};
use crate::control::Control;
use crate::store::{Kind as Document, documents};
use crate::testing::{NOW_UNIX_MS, World};
use control_model::Instance;

/// Parameters that name instances.
const NAMING: [&str; 4] = ["InstanceId", "DBInstanceId", "InstanceIds", "ResourceId"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Own,
    Foreign,
    Nobodys,
}

/// A kind of caller with the plain rule of what policies let it do.
struct Caller {
    name: &'static str,
    principal: Principal,
    may: fn(&Action, Whose) -> bool,
}

fn takes_instance(row: &Action) -> bool {
    row.version == KVSTORE && row.params.iter().any(|param| NAMING.contains(&param.name))
}

/// What everyone may do.
fn is_free(row: &Action) -> bool {
    row.name == "GetCallerIdentity"
}

/// A value of the kind, wrong or right: permission is decided before.
fn value(row: &Action, name: &str, kind: Kind) -> String {
    match kind {
        Kind::Integer { min, .. } => min.to_string(),
        Kind::Boolean => "false".into(),
        Kind::OneOf(words) => words[0].into(),
        Kind::Secret => "Abcdefg1".into(),
        _ if name == "RegionId" => "cn-hangzhou".into(),
        _ => format!("x{}", row.name),
    }
}

async fn attach(world: &World, entity: &str, name: &str, policy: &str) {
    let managed = control_model::policy::managed::find(policy).is_some();
    let kind = if managed { "System" } else { "Custom" };
    let holder = (&*format!("{entity}Name"), name);
    let params = [("PolicyType", kind), ("PolicyName", policy), holder];
    ok(world, &format!("AttachPolicyTo{entity}"), &params).await;
}

async fn custom(world: &World, name: &str, document: &str) {
    ok(world, "CreatePolicy", &[("PolicyName", name), ("PolicyDocument", document)]).await;
}

/// A session of the role `r`, which may do everything but what `policy` leaves out.
async fn session(world: &World, policy: &str) -> Principal {
    let account_id = world.credentials.account_id.clone();
    let trust = super::identity::trust(&account_id);
    let made =
        ok(world, "CreateRole", &[("RoleName", "r"), ("AssumeRolePolicyDocument", &*trust)]).await;
    attach(world, "Role", "r", "AdministratorAccess").await;
    let identity = Identity::Session {
        role_id: made["Role"]["RoleId"].as_str().expect("an id").to_owned(),
        role_name: "r".into(),
        session_name: "s1".into(),
        policy: Some(policy.to_owned()),
    };
    let access_key_id = Some("STS.matrix".to_owned());
    Principal { account_id, name: "r:s1".into(), access_key_id, identity }
}

async fn callers(world: &World, own: &str, other_account: &str) -> Vec<Caller> {
    let arn = format!("acs:kvstore:*:*:instance/{own}");
    custom(world, "deny-one", &document("Deny", "kvstore:*", &arn)).await;
    custom(world, "allow-one", &document("Allow", "kvstore:*", &arn)).await;
    let mut users = Vec::new();
    for (name, policies) in [
        ("full", &["AdministratorAccess"][..]),
        ("reader", &["ReadOnlyAccess"]),
        ("kvstore-reader", &["AliyunKvstoreReadOnlyAccess"]),
        ("nobody", &[]),
        ("denied", &["AdministratorAccess", "deny-one"]),
        ("of-one", &["allow-one"]),
    ] {
        users.push(user(world, name).await);
        for policy in policies {
            attach(world, "User", name, policy).await;
        }
    }
    let reading = control_model::policy::managed::find("ReadOnlyAccess").expect("there");
    let session = session(world, reading.document).await;
    let users: [Principal; 6] = users.try_into().expect("six");
    let [full, reader, kvstore_reader, nobody, denied, of_one] = users;
    let root = |account: &str| Control::root(account);
    let reads = |row: &Action, _: Whose| row.access == Access::Read;
    let caller = |name, principal, may| Caller { name, principal, may };
    vec![
        caller("root", root(&world.credentials.account_id), |_, _| true),
        caller("root of another account", root(other_account), |_, _| true),
        caller("full", full, |_, _| true),
        caller("reader", reader, reads),
        caller("session of a reader", session, reads),
        caller("kvstore reader", kvstore_reader, |row, _| {
            row.access == Access::Read && row.version == KVSTORE
        }),
        caller("no policy", nobody, |_, _| false),
        caller("explicit deny", denied, |row, whose| !(takes_instance(row) && whose == Whose::Own)),
        caller("of one instance", of_one, |row, whose| takes_instance(row) && whose == Whose::Own),
    ]
}

async fn call(world: &World, row: &'static Action, principal: &Principal, id: &str) -> Answer {
    let mut request = world.request(row.name, "");
    row.version.clone_into(&mut request.version);
    for param in row.params.iter().filter(|param| param.required) {
        request.params.insert(param.name.into(), value(row, param.name, param.kind));
    }
    for name in row.params.iter().map(|param| param.name).filter(|name| NAMING.contains(name)) {
        let name = if name == "ResourceId" { "ResourceId.1" } else { name };
        request.params.insert(name.into(), id.into());
    }
    request.principal = principal.clone();
    world.control.call(request).await
}

#[tokio::test]
async fn every_action_by_every_caller_on_every_instance() {
    let world = World::new();
    let own = world.instance("Password=Abcdefg1").await;
    let foreign = world.instance("Password=Abcdefg1").await;
    let store = world.control.shared.store.clone();
    let other_account = "1000000000000009";
    let give_away = |it: &mut Instance| {
        it.account_id = other_account.into();
        Ok(Ok::<_, ()>(Vec::new()))
    };
    documents::update_instance(store.as_ref(), &foreign, give_away).expect("written");
    let foreign_now = || {
        let read = documents::get::<Instance>(store.as_ref(), Document::Instance, &foreign);
        read.expect("read").expect("there").value
    };
    let before = foreign_now();
    let callers = callers(&world, &own, other_account).await;
    let mut seen = [0; 2];
    for caller in &callers {
        let is_other = caller.principal.account_id == other_account;
        // To the other account, what is own is foreign.
        let ids = [
            (Whose::Foreign, if is_other { &own } else { &foreign }),
            (Whose::Nobodys, &"r-nobodys".to_owned()),
        ];
        for row in ACTIONS {
            let mut told = Vec::new();
            for (whose, id) in ids.iter().chain(&[(Whose::Own, &own)][usize::from(is_other)..]) {
                let answer = call(&world, row, &caller.principal, id).await;
                let refused = answer.body.get("AccessDeniedDetail").is_some();
                let may = is_free(row) || (caller.may)(row, *whose);
                let place = format!("{} {} {whose:?}: {}", caller.name, row.name, answer.body);
                assert_eq!(refused, !may, "{place}");
                if refused {
                    assert_eq!(
                        answer.body["AccessDeniedDetail"]["AuthAction"],
                        table::permission(row)
                    );
                    assert_eq!(
                        (answer.status, &answer.body["Code"]),
                        (403, &"NoPermission".into())
                    );
                }
                seen[usize::from(may)] += 1;
                let text = answer.body["Message"].as_str().unwrap_or_default().replace(*id, "");
                told.push((answer.status, answer.body["Code"].clone(), text));
            }
            if takes_instance(row) {
                assert_eq!(told[0], told[1], "{} {}", caller.name, row.name);
            }
        }
    }
    assert_eq!(foreign_now(), before, "nobody changed what belongs to another account");
    assert!(seen.iter().all(|&times| ACTIONS.len() < times), "{seen:?}");
}

#[tokio::test]
async fn a_session_that_is_over_or_whose_role_is_gone_reaches_no_action() {
    let world = World::new();
    let principal = session(&world, &document("Allow", "*", "*")).await;
    let Identity::Session { role_id, .. } = principal.identity else { unreachable!("made so") };
    let session = Session {
        access_key_id: "STS.a".into(),
        secret: "s".into(),
        account_id: principal.account_id,
        role_id,
        session_name: "s1".into(),
        policy: None,
        expires_unix_ms: NOW_UNIX_MS + 1,
    };
    let shared = &world.control.shared;
    let token = session.token(&shared.vault);
    let code = |token: Option<&str>, now| {
        let found = caller::of_key(shared.store.as_ref(), &shared.vault, ("STS.a", token), now);
        found.map_or_else(|error| error.code.into_owned(), |(principal, _)| principal.name)
    };
    assert_eq!(code(Some(&token), NOW_UNIX_MS), "r:s1");
    assert_eq!(code(Some(&token), NOW_UNIX_MS + 1), "InvalidSecurityToken.Expired");
    assert_eq!(code(Some("x"), NOW_UNIX_MS), "InvalidSecurityToken.Malformed");
    assert_eq!(code(None, NOW_UNIX_MS), "MissingSecurityToken");
    let role = [("PolicyType", "System"), ("PolicyName", "AdministratorAccess"), ("RoleName", "r")];
    ok(&world, "DetachPolicyFromRole", &role).await;
    ok(&world, "DeleteRole", &role[2..]).await;
    assert_eq!(code(Some(&token), NOW_UNIX_MS), "InvalidAccessKeyId.NotFound");
    let again = [("RoleName", "r"), ("AssumeRolePolicyDocument", "{}")];
    assert_eq!(refusal(&world, "CreateRole", &again).await, "400 MalformedPolicyDocument");
}
