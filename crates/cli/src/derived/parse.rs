//! Rows of the table of actions as clap commands, and what was typed as parameters of a call. Must
//! not know what any parameter is for.

use super::table::Short;
use crate::error::Error;
use crate::options::{Common, Format, Waiting};
use crate::terminal::Terminal;
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use control::actions::params::{Kind, Param};
use control::actions::{Access, Action};
use std::path::PathBuf;

/// What stands for a secret that is read from standard input.
const FROM_INPUT: &str = "-";

/// The command of one action; under a short verb, some parameters are positional or fixed.
pub fn command(action: &'static Action, short: Option<&'static Short>) -> Command {
    let name = short.map_or(action.name, |short| short.name);
    let about = action.doc.trim_end_matches('.');
    let calls = format!("Calls {} of version {}", action.name, action.version);
    let mut command = Command::new(name).about(about).after_help(calls);
    for (at, (value_name, param)) in positionals(short).iter().enumerate() {
        let row = action.params.iter().find(|row| row.name == *param);
        let row = row.expect("a test holds positional arguments against the action's parameters");
        command = command.arg(positional(row, value_name).index(at + 1));
    }
    let hidden = |name: &str| {
        positionals(short).iter().any(|(_, param)| *param == name)
            || fixed(short).iter().any(|(param, _)| *param == name)
    };
    let flags = action.params.iter().filter(|row| !hidden(row.name));
    command.args(flags.map(flag)).args(common_args(action))
}

fn positionals(short: Option<&Short>) -> &'static [(&'static str, &'static str)] {
    short.map_or(&[], |short| short.positionals)
}

fn fixed(short: Option<&Short>) -> &'static [(&'static str, &'static str)] {
    short.map_or(&[], |short| short.fixed)
}

fn is_many(kind: Kind) -> bool {
    matches!(kind, Kind::Tags | Kind::List)
}

fn positional(row: &Param, value_name: &'static str) -> Arg {
    let arg = Arg::new(row.name).value_name(value_name).help(row.doc).required(true);
    if is_many(row.kind) { arg.num_args(1..) } else { arg }
}

fn flag(row: &'static Param) -> Arg {
    // A missing region is filled in; a missing secret or value is named by the API.
    let arg = Arg::new(row.name).long(kebab(row.name)).alias(row.name).help(row.doc);
    let arg = arg.required(row.required && row.name != "RegionId");
    match row.kind {
        Kind::Tags => arg.action(ArgAction::Append).value_name("KEY=VALUE"),
        Kind::List => arg.action(ArgAction::Append).value_name("VALUE"),
        Kind::Integer { .. } => arg.value_name("NUMBER").allow_hyphen_values(true),
        Kind::Boolean => arg
            .value_name("BOOL")
            .num_args(0..=1)
            .require_equals(false)
            .default_missing_value("true")
            .value_parser(PossibleValuesParser::new(["true", "false"])),
        Kind::OneOf(words) => arg.value_name("WORD").value_parser(PossibleValuesParser::new(words)),
        Kind::Secret => arg.value_name("SECRET").long_help(format!(
            "{}; {FROM_INPUT} reads it from standard input, where nobody else sees it",
            row.doc
        )),
        Kind::Text => arg.value_name("TEXT").allow_hyphen_values(true),
    }
}

/// `AccountName` as `account-name`.
pub fn kebab(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut text = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| letters[at]);
        let after_lower = before.is_some_and(|c| c.is_lowercase() || c.is_ascii_digit());
        let ends_acronym = before.is_some_and(char::is_uppercase)
            && letters.get(at + 1).is_some_and(|c| c.is_lowercase());
        if letter.is_uppercase() && (after_lower || ends_acronym) {
            text.push('-');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

fn common_args(action: &Action) -> Vec<Arg> {
    let mut args = vec![
        Arg::new("param")
            .short('p')
            .long("param")
            .value_name("NAME=VALUE")
            .action(ArgAction::Append)
            .help("Any parameter by its name in the API, such as Rules.1.RuleId=r1"),
        Arg::new("profile")
            .long("profile")
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .help("Profile with address and access key [env: LARDER_PROFILE]"),
        Arg::new("output")
            .short('o')
            .long("output")
            .value_name("FORMAT")
            .value_parser(value_parser!(Format))
            .default_value("table")
            .help("How to print the result"),
    ];
    if action.access == Access::Write {
        args.push(
            Arg::new("yes").short('y').long("yes").action(ArgAction::SetTrue).help("Do not ask"),
        );
        args.push(
            Arg::new("wait")
                .long("wait")
                .action(ArgAction::SetTrue)
                .help("Return when the instance is Normal again, or gone"),
        );
        args.push(
            Arg::new("wait-timeout")
                .long("wait-timeout")
                .value_name("SECONDS")
                .value_parser(value_parser!(u64))
                .default_value("120")
                .help("Longest time to wait"),
        );
    }
    args
}

/// Profile and format.
pub fn common(given: &ArgMatches) -> Common {
    let profile = given.get_one::<PathBuf>("profile").cloned();
    Common { profile, output: given.get_one("output").copied().unwrap_or(Format::Table) }
}

/// Whether and how long to wait; `None` for commands that do not.
pub fn waiting(given: &ArgMatches) -> Option<Waiting> {
    let wait = given.try_get_one::<bool>("wait").ok().flatten().copied().unwrap_or(false);
    let wait_timeout = given.try_get_one("wait-timeout").ok().flatten().copied()?;
    wait.then_some(Waiting { wait, wait_timeout })
}

/// What was typed, as the API takes it.
///
/// # Errors
/// `Usage` for a tag or a raw parameter without `=`.
pub fn params(
    action: &'static Action,
    short: Option<&Short>,
    given: &ArgMatches,
) -> Result<Vec<(String, String)>, Error> {
    let fixed = fixed(short).iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut params: Vec<(String, String)> = fixed.collect();
    for row in action.params {
        let values = given.try_get_many::<String>(row.name).ok().flatten().into_iter().flatten();
        for (number, value) in (1..).zip(values) {
            match row.kind {
                Kind::Tags => {
                    let (key, value) = pair(value, "a tag is KEY=VALUE")?;
                    params.push((format!("{}.{number}.Key", row.name), key));
                    params.push((format!("{}.{number}.Value", row.name), value));
                }
                Kind::List => params.push((format!("{}.{number}", row.name), value.clone())),
                _ => params.push((row.name.to_owned(), value.clone())),
            }
        }
    }
    for raw in given.get_many::<String>("param").into_iter().flatten() {
        params.push(pair(raw, "a parameter is NAME=VALUE")?);
    }
    Ok(params)
}

fn pair(text: &str, hint: &str) -> Result<(String, String), Error> {
    let (name, value) = text.split_once('=').ok_or_else(|| Error::Usage {
        problem: format!("{text} has no ="),
        hint: hint.to_owned(),
    })?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Replaces secrets that are to come from standard input.
///
/// # Errors
/// `Stream`.
pub fn read_secrets(
    action: &Action,
    params: &mut [(String, String)],
    terminal: &mut Terminal,
) -> Result<(), Error> {
    for row in action.params.iter().filter(|row| row.kind == Kind::Secret) {
        let typed = params.iter_mut().find(|(name, value)| name == row.name && value == FROM_INPUT);
        if let Some((_, value)) = typed {
            *value = terminal.read_line(&format!("{}: ", row.name), "read a secret")?;
        }
    }
    Ok(())
}
