//! Random changes of a directory against plain sets.

use super::*;
use std::collections::BTreeSet;
use stdx::Rng;

const DOCUMENT: &str =
    r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

fn user(name: &str) -> User {
    User { user_id: format!("id-{name}"), name: name.into(), ..User::default() }
}

fn group(name: &str) -> Group {
    Group { name: name.into(), ..Group::default() }
}

fn custom(name: &str) -> PolicyRef {
    PolicyRef { kind: PolicyType::Custom, name: name.into() }
}

/// Names, who is in which group, and what is attached to whom.
#[derive(Default)]
struct Model {
    users: BTreeSet<&'static str>,
    groups: BTreeSet<&'static str>,
    policies: BTreeSet<&'static str>,
    members: BTreeSet<(&'static str, &'static str)>,
    attached: BTreeSet<(&'static str, &'static str)>,
}

const NAMES: [&str; 3] = ["a", "b", "c"];
/// Holders of the model are told apart by their first letter.
const HOLDERS: [[&str; 3]; 2] = [["ua", "ub", "uc"], ["ga", "gb", "gc"]];

fn holder(key: &'static str) -> Holder<'static> {
    match key.split_at(1) {
        ("u", name) => Holder::User(name),
        (_, name) => Holder::Group(name),
    }
}

/// Does one random thing to both; gives whether each did it.
fn step(rng: &mut Rng, real: &mut Directory, model: &mut Model) -> (bool, bool, usize) {
    let (one, other) = (NAMES[rng.below(3)], NAMES[rng.below(3)]);
    let key = HOLDERS[rng.below(2)][rng.below(3)];
    let is_held = |kind: char, name: &str, model: &Model| {
        model.attached.iter().any(|(key, _)| key.starts_with(kind) && &key[1..] == name)
    };
    let kind = rng.below(10);
    let (did, may) = match kind {
        0 => (real.create_user(user(one)).is_ok(), model.users.insert(one)),
        1 => (real.create_group(group(one)).is_ok(), model.groups.insert(one)),
        2 => (real.create_policy(one, "", DOCUMENT, 0).is_ok(), model.policies.insert(one)),
        3 => {
            let may = model.users.contains(one) && model.groups.contains(other);
            let may = may && model.members.insert((one, other));
            (real.add_member(other, one, 0).is_ok(), may)
        }
        4 => (real.remove_member(other, one).is_ok(), model.members.remove(&(one, other))),
        5 => {
            let all = if key.starts_with('u') { &model.users } else { &model.groups };
            let may = all.contains(&key[1..]) && model.policies.contains(one);
            let may = may && model.attached.insert((key, one));
            (real.attach(holder(key), custom(one), 0).is_ok(), may)
        }
        6 => (real.detach(holder(key), &custom(one)).is_ok(), model.attached.remove(&(key, one))),
        7 => {
            let free = model.members.iter().all(|(user, _)| *user != one);
            let may = free && !is_held('u', one, model) && model.users.remove(one);
            (real.delete_user(one).is_ok(), may)
        }
        8 => {
            let free = model.members.iter().all(|(_, group)| *group != one);
            let may = free && !is_held('g', one, model) && model.groups.remove(one);
            (real.delete_group(one).is_ok(), may)
        }
        _ => {
            let free = model.attached.iter().all(|(_, policy)| *policy != one);
            let cascading = rng.below(2) == 0;
            let may = (free || cascading) && model.policies.remove(one);
            if may {
                model.attached.retain(|(_, policy)| *policy != one);
            }
            (real.delete_policy(one, cascading).is_ok(), may)
        }
    };
    (did, may, kind)
}

#[test]
fn as_the_plain_sets_say() {
    let rng = &mut Rng::new(3);
    let (mut real, mut model) = (Directory::default(), Model::default());
    let mut done = [[0; 2]; 10];
    for n in 0..20_000 {
        let (did, may, kind) = step(rng, &mut real, &mut model);
        assert_eq!(did, may, "step {n} of kind {kind}: {real:?}");
        done[kind][usize::from(did)] += 1;
        for name in NAMES {
            let Some(documents) = real.documents_of_user(&format!("id-{name}")) else {
                assert!(!model.users.contains(name));
                continue;
            };
            let holds = |key: &str, kind: char| key.starts_with(kind) && &key[1..] == name;
            let own = model.attached.iter().filter(|(key, _)| holds(key, 'u')).count();
            let through = model.members.iter().filter(|(user, _)| *user == name);
            let through = through.map(|(_, group)| {
                let of = |key: &str| key.starts_with('g') && &key[1..] == *group;
                model.attached.iter().filter(|(key, _)| of(key)).count()
            });
            assert_eq!(documents.len(), own + through.sum::<usize>(), "step {n} of {name}");
        }
    }
    assert!(done.iter().flatten().all(|&times| 50 < times), "{done:?}");
}

#[test]
fn versions() {
    let mut real = Directory::default();
    let fault = real.create_policy("AdministratorAccess", "", DOCUMENT, 0).map(drop);
    assert!(matches!(fault, Err(RamFault::AlreadyExists { .. })), "{fault:?}");
    real.create_policy("p", "", DOCUMENT, 0).expect("made");
    for number in 2..=5 {
        let (made, _) = real.create_version("p", DOCUMENT, (number == 3, false), 0).expect("made");
        assert_eq!(made.id(), format!("v{number}"));
    }
    let fault = real.create_version("p", DOCUMENT, (true, false), 0);
    assert!(matches!(fault, Err(RamFault::LimitExceeded { max: VERSIONS_MAX, .. })), "{fault:?}");
    assert!(real.create_version("p", "{}", (true, true), 0).is_err());
    assert_eq!(
        real.policy("p").expect("there").versions.len(),
        VERSIONS_MAX,
        "nothing was rotated"
    );
    let ids = |real: &Directory| {
        let policy = real.policy("p").expect("there");
        policy.versions.iter().map(PolicyVersion::id).collect::<Vec<_>>().join(" ")
    };
    real.create_version("p", DOCUMENT, (false, true), 0).expect("rotated");
    assert_eq!(ids(&real), "v2 v3 v4 v5 v6");
    assert!(real.delete_version("p", "v3").is_err(), "in force");
    real.set_default_version("p", "v2", 0).expect("there");
    real.delete_version("p", "v3").expect("not in force");
    assert_eq!(
        (ids(&real).as_str(), real.policy("p").expect("there").default_version),
        ("v2 v4 v5 v6", 2)
    );
    assert!(real.set_default_version("p", "v1", 0).is_err());
    assert!(matches!(real.delete_policy("p", false), Err(RamFault::DeleteConflict { .. })));
    assert!(real.delete_policy("p", true).is_ok());
}

#[test]
fn a_new_name_keeps_groups_and_policies() {
    let mut real = Directory::default();
    real.create_user(user("old")).expect("made");
    real.create_user(user("taken")).expect("made");
    real.create_group(group("g")).expect("made");
    real.create_policy("p", "", DOCUMENT, 0).expect("made");
    real.add_member("g", "old", 1).expect("joined");
    real.attach(Holder::Group("g"), custom("p"), 1).expect("attached");
    let named = |name: &str| UserChange { name: Some(name.into()), ..UserChange::default() };
    for name in ["taken", "a b", "Root", ""] {
        assert!(real.update_user("old", named(name), 2).is_err(), "{name}");
    }
    real.update_user("old", named("new"), 2).expect("renamed");
    assert!(real.user("old").is_err());
    assert_eq!(real.documents_of_user("id-old"), Some(vec![DOCUMENT]));
    real.update_group("g", Some("h"), None, 3).expect("renamed");
    assert_eq!(real.documents_of_user("id-old"), Some(vec![DOCUMENT]));
}
