//! Derived commands: every row of the table is one, what is typed becomes the parameters, and
//! answers become tables.

use super::*;
use crate::testing::{Api, ok, terminal};
use serde_json::{Value, json};

fn program() -> Command {
    augment(Command::new("larder").subcommand(Command::new("instance")))
}

type Outcome = (Result<(), String>, String, Vec<String>);

/// Parses and calls against a scripted API; gives the outcome, what was printed and what was asked.
fn run_line(line: &str, input: &str, answer: Option<Value>) -> Outcome {
    let words = std::iter::once("larder").chain(line.split_whitespace());
    let matches = program().try_get_matches_from(words).expect(line);
    let (group, in_group) = matches.subcommand().expect("a group");
    let (name, given) = in_group.subcommand().expect("a verb");
    let short = SHORTS.iter().find(|short| (short.group, short.name) == (group, name));
    let find = |name: &str| ACTIONS.iter().copied().find(|action| action.name == name);
    let action = short.map_or_else(|| find(name).expect("an action"), |short| row(short));
    let script = answer.map(|answer| ok(action.name, &answer.to_string()));
    let api = Api::serve(script.into_iter().collect());
    let (mut terminal, out, _) = terminal(api.env(), input, false);
    let result = call(action, short, given, &mut terminal).map_err(|error| error.to_string());
    let seen = api.finish().into_iter().map(|seen| format!("{} {}", action.name, seen.body));
    (result, out.text(), seen.collect())
}

#[test]
fn the_program_is_well_formed_and_every_action_is_a_command() {
    program().debug_assert();
    let program = program();
    let api = program.find_subcommand("api").expect("there");
    assert!(ACTIONS.iter().all(|action| api.find_subcommand(action.name).is_some()));
}

#[test]
fn short_verbs_name_actions_and_parameters_that_exist() {
    for short in SHORTS {
        let action = ACTIONS.iter().find(|action| action.name == short.action);
        let action = action.unwrap_or_else(|| panic!("{} is no action", short.action));
        let known = |name: &str| action.params.iter().any(|row| row.name == name);
        let typed = short.positionals.iter().map(|(_, param)| param);
        let mut all = typed.chain(short.fixed.iter().map(|(param, _)| param));
        assert!(all.all(|param| known(param)), "{} {}", short.group, short.name);
        let own = ["instance", "audit"].contains(&short.group);
        assert!(own || !table::about(short.group).is_empty(), "{}", short.group);
        assert_eq!(short.columns.is_empty(), short.list.is_empty(), "{}", short.name);
    }
}

#[test]
fn no_flag_of_a_row_is_taken_by_a_common_one() {
    let common = ["param", "profile", "output", "yes", "wait", "wait-timeout", "help"];
    for action in ACTIONS {
        for row in action.params {
            let flag = parse::kebab(row.name);
            assert!(!common.contains(&flag.as_str()), "{} {}", action.name, row.name);
            assert!(!common.contains(&row.name), "{} {}", action.name, row.name);
        }
    }
}

#[test]
fn names_in_two_forms() {
    let rows = [
        ("InstanceId", "instance-id"),
        ("DBInstanceId", "db-instance-id"),
        ("SecurityIps", "security-ips"),
        ("VSwitchId", "v-switch-id"),
        ("All", "all"),
    ];
    for (name, flag) in rows {
        assert_eq!(parse::kebab(name), flag);
    }
}

#[test]
fn what_is_typed_becomes_parameters() {
    let region = "RegionId=larder-local-1";
    let rows = [
        ("instance flush r-1 --yes", "FlushInstance InstanceId=r-1".to_owned()),
        ("instance flush-db r-1 3 -y", "FlushInstanceForDB InstanceId=r-1&DbIndex=3".to_owned()),
        (
            "tag add team=a cost= --resource-id r-1 --resource-id r-2",
            format!(
                "TagResources ResourceType=INSTANCE&ResourceId.1=r-1&ResourceId.2=r-2\
                 &Tag.1.Key=team&Tag.1.Value=a&Tag.2.Key=cost&Tag.2.Value=&{region}"
            ),
        ),
        (
            "api DescribeInstances --search-key a --RegionId b -p Tag.1.Key=x",
            "DescribeInstances RegionId=b&SearchKey=a&Tag.1.Key=x".to_owned(),
        ),
        (
            "data-account create r-1 bob --account-password - --account-privilege RoleReadOnly",
            "CreateAccount InstanceId=r-1&AccountName=bob&AccountPrivilege=RoleReadOnly\
             &AccountPassword=Typed_12"
                .to_owned(),
        ),
    ];
    for (line, expected) in rows {
        let (result, _, seen) = run_line(line, "Typed_12\n", Some(json!({"RequestId": "1"})));
        assert_eq!(result, Ok(()), "{line}");
        let sorted = |text: &str| {
            let (action, params) = text.split_once(' ').expect("action and parameters");
            let mut params: Vec<_> = params.split('&').map(str::to_owned).collect();
            params.sort();
            (action.to_owned(), params)
        };
        assert_eq!(sorted(&seen[0]), sorted(&expected), "{line}");
    }
}

#[test]
fn what_cannot_be_undone_is_asked_for() {
    let (result, _, seen) = run_line("instance flush r-1", "", None);
    assert!(result.expect_err("refused").contains("without asking") && seen.is_empty());
}

#[test]
fn answers_become_tables() {
    let accounts = json!({"Accounts": {"Account": [
        {"AccountName": "default", "AccountStatus": "Available", "AccountType": "Normal"},
    ]}});
    let (_, out, _) = run_line("data-account list r-1", "", Some(accounts.clone()));
    assert!(out.starts_with("ACCOUNT") && out.contains("default  Available"), "{out}");
    let (_, out, _) =
        run_line("api DescribeAccounts --instance-id r-1", "", Some(accounts.clone()));
    assert!(out.contains("Accounts.Account (1)") && out.contains("Available"), "{out}");
    let (_, out, _) = run_line("data-account list r-1 -o json", "", Some(accounts.clone()));
    assert_eq!(serde_json::from_str::<Value>(&out).expect("JSON"), accounts);
}
