//! Commands that derive from the API's table of actions: `larder api <Action>` for every row, and
//! short verbs as rows that name an action, its positional arguments and the columns to show. A new
//! action is a command without a line here. Knows no action in particular.

mod parse;
mod show;
pub mod table;

use crate::client::{Client, Stamp};
use crate::error::Error;
use crate::options::Waiting;
use crate::output;
use crate::profile;
use crate::terminal::Terminal;
use crate::verbs::{Session, WAITING};
use crate::wait::Goal;
use clap::{ArgMatches, Command};
use control::actions::table::ACTIONS;
use control::actions::{Access, Action};
use std::process::ExitCode;
use table::{SHORTS, Short};

/// Actions after which nothing brings data back.
const DESTRUCTIVE: &[&str] = &["Delete", "Destroy", "Flush", "Release"];

/// Adds all derived commands to the program's own.
#[must_use]
pub fn augment(mut program: Command) -> Command {
    let api = Command::new("api")
        .about("Calls any action of the API by its name")
        .after_help("Example:\n  larder api DescribeInstances --search-key cache -o json")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(ACTIONS.iter().map(|action| parse::command(action, None)));
    program = program.subcommand(api);
    for short in SHORTS {
        let verb = parse::command(row(short), Some(short));
        let group = program.find_subcommand(short.group).is_some();
        program = match group {
            true => program.mut_subcommand(short.group, |group| group.subcommand(verb)),
            false => program.subcommand(
                Command::new(short.group)
                    .about(table::about(short.group))
                    .subcommand_required(true)
                    .arg_required_else_help(true)
                    .subcommand(verb),
            ),
        };
    }
    program
}

/// Runs a derived command; `None` when the command line is one of the program's own.
#[must_use]
pub fn run(matches: &ArgMatches) -> Option<ExitCode> {
    let (group, in_group) = matches.subcommand()?;
    let (name, given) = in_group.subcommand()?;
    let short = SHORTS.iter().find(|short| (short.group, short.name) == (group, name));
    let action = match (short, group) {
        (Some(short), _) => row(short),
        (None, "api") => ACTIONS.iter().find(|action| action.name == name)?,
        (None, _) => return None,
    };
    let mut terminal = Terminal::real();
    Some(match call(action, short, given, &mut terminal) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal.explain(&error);
            ExitCode::from(error.kind().exit_code())
        }
    })
}

fn row(short: &Short) -> &'static Action {
    let row = ACTIONS.iter().find(|action| action.name == short.action);
    row.expect("a test holds every short verb against the table of actions")
}

/// Asks, calls, waits and shows.
fn call(
    action: &'static Action,
    short: Option<&'static Short>,
    given: &ArgMatches,
    terminal: &mut Terminal,
) -> Result<(), Error> {
    let common = parse::common(given);
    let (found, origin) = profile::find(common.profile.as_deref(), &terminal.env)?;
    let client = Client::new(found, origin);
    let mut params = parse::params(action, short, given)?;
    let needs_region = action.params.iter().any(|p| p.name == "RegionId" && p.required);
    if needs_region && params.iter().all(|(name, _)| name != "RegionId") {
        let region = client.region().unwrap_or(control_model::region::REGION);
        params.push(("RegionId".to_owned(), region.to_owned()));
    }
    parse::read_secrets(action, &mut params, terminal)?;
    let instance_id = instance_of(&params);
    if is_destructive(action) && !given.get_flag("yes") {
        confirm(action, instance_id.as_deref(), terminal)?;
    }
    let stamp = Stamp { unix_ms: terminal.clock.unix_ms(), nonce: stdx::random::entropy() };
    let pairs: Vec<_> = params.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let answer = match client.call_of(action.version, action.name, &pairs, &stamp) {
        Err(Error::Refused(refusal)) if refusal.code == "DryRunOperation" => {
            terminal.note(&format!("{} would be accepted; nothing was changed", action.name));
            return Ok(());
        }
        answered => answered?,
    };
    if let (Some(id), Some(waiting)) = (&instance_id, parse::waiting(given)) {
        wait(action, id, &waiting, given, terminal)?;
    }
    terminal.print(&show::text(&answer, short, common.output))
}

/// The instance that a call is about.
fn instance_of(params: &[(String, String)]) -> Option<String> {
    let named = |(name, _): &&(String, String)| name == "InstanceId" || name == "DBInstanceId";
    params.iter().find(named).map(|(_, id)| id.clone())
}

fn is_destructive(action: &Action) -> bool {
    action.access == Access::Write && DESTRUCTIVE.iter().any(|word| action.name.starts_with(word))
}

fn confirm(action: &Action, id: Option<&str>, terminal: &mut Terminal) -> Result<(), Error> {
    let word = id.unwrap_or(action.name);
    if !terminal.input_is_tty {
        return Err(Error::Usage {
            problem: format!("{} without asking: standard input is no terminal", action.name),
            hint: "add --yes".to_owned(),
        });
    }
    // The recycle bin does.
    let binned = action.name == "DeleteInstance";
    let warning = if binned { "" } else { " Nothing brings it back." };
    let prompt = format!("{}{warning} Type {word} to go on: ", action.doc);
    if terminal.read_line(&prompt, "read the confirmation")?.trim() == word {
        return Ok(());
    }
    Err(Error::Usage {
        problem: format!("{word} was not repeated; nothing was done"),
        hint: format!("type {word}, or add --yes"),
    })
}

fn wait(
    action: &Action,
    id: &str,
    waiting: &Waiting,
    given: &ArgMatches,
    terminal: &mut Terminal,
) -> Result<(), Error> {
    let goal = if action.name == "DeleteInstance" { Goal::Gone } else { Goal::Normal };
    let session = Session::open(&WAITING, &parse::common(given), terminal)?;
    session.wait(id, goal, waiting)
}

/// One line for an answer without a table.
fn line(name: &str, value: &serde_json::Value) -> (String, String) {
    (name.to_owned(), output::text(value))
}

#[cfg(test)]
mod tests;
