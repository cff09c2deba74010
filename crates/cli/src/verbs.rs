//! The table of verbs, the clap types that derive from it, and the session that each verb runs in.
//! Only this module tree knows which action a verb calls.

mod allow;
mod backup_state;
mod configure;
mod connect;
mod create;
mod delete;
mod list;
mod logs;
mod passwd;
mod resize;
mod restart;
mod session;
mod set;
mod show;
mod tasks;
mod top;

use crate::Command;
use crate::error::{EXIT_CODES, Error};
use crate::options::Common;
use crate::terminal::Terminal;
pub use backup_state::BackupCommand;
use clap::Subcommand;
pub use configure::ConfigureCommand;
pub use session::Session;

/// One verb of `larder instance`.
#[derive(Debug)]
pub struct Verb {
    /// As typed.
    pub name: &'static str,
    /// Actions that it may call, the one it is named after first.
    pub actions: &'static [&'static str],
    /// One line for the list of verbs.
    pub about: &'static str,
    /// A command line that works, without `larder instance`.
    pub example: &'static str,
}

/// For waiting after a command that has no row of its own here.
pub const WAITING: Verb =
    Verb { name: "wait", actions: &["DescribeInstanceAttribute"], about: "", example: "" };

/// All verbs of `larder instance`, in the order of the help.
pub const VERBS: &[Verb] = &[
    Verb {
        name: "create",
        actions: &["CreateInstance", "DescribeInstanceAttribute", "ModifySecurityIps"],
        about: "Create an instance",
        example: "create --name sessions --capacity 1024 --password-stdin --allow 127.0.0.1 --wait",
    },
    Verb {
        name: "list",
        actions: &["DescribeInstances"],
        about: "List instances",
        example: "list --search sess",
    },
    Verb {
        name: "show",
        actions: &[
            "DescribeInstanceAttribute",
            "DescribeSecurityIps",
            "LarderDescribeInstanceLive",
        ],
        about: "Show one instance: attributes, allowlist, live figures, clients",
        example: "show r-4k2m9x7p1q8z3t",
    },
    Verb {
        name: "connect",
        actions: &["DescribeInstanceAttribute"],
        about: "Open redis-cli on an instance",
        example: "connect r-4k2m9x7p1q8z3t",
    },
    Verb {
        name: "top",
        actions: &["LarderDescribeInstanceLive"],
        about: "Watch one instance: load, memory, connections",
        example: "top r-4k2m9x7p1q8z3t --every 5",
    },
    Verb {
        name: "logs",
        actions: &["DescribeRunningLogRecords", "DescribeSlowLogRecords", "DescribeAuditRecords"],
        about: "Show what an instance wrote down: its own log, slow commands, writes",
        example: "logs r-4k2m9x7p1q8z3t --log slow --minutes 240",
    },
    Verb {
        name: "allow",
        actions: &["ModifySecurityIps", "DescribeSecurityIps"],
        about: "Change who may connect; nobody may until this was called once",
        example: "allow r-4k2m9x7p1q8z3t 127.0.0.1 10.0.0.0/8",
    },
    Verb {
        name: "passwd",
        actions: &["ResetAccountPassword"],
        about: "Set the password of an account",
        example: "passwd r-4k2m9x7p1q8z3t --password-stdin",
    },
    Verb {
        name: "set",
        actions: &["ModifyInstanceAttribute", "ModifyInstanceMaintainTime"],
        about: "Change name, release protection or maintenance window",
        example: "set r-4k2m9x7p1q8z3t --name sessions --protect true --window 01:00Z-03:00Z",
    },
    Verb {
        name: "resize",
        actions: &["ModifyInstanceSpec", "DescribeInstanceAttribute"],
        about: "Change an instance's class while it serves",
        example: "resize r-4k2m9x7p1q8z3t --class redis.shard.large.ce --wait",
    },
    Verb {
        name: "restart",
        actions: &["RestartInstance", "DescribeInstanceAttribute"],
        about: "Restart an instance; its data is kept",
        example: "restart r-4k2m9x7p1q8z3t --wait",
    },
    Verb {
        name: "tasks",
        actions: &["DescribeHistoryTasks"],
        about: "List tasks of the last 30 days and how far they are",
        example: "tasks r-4k2m9x7p1q8z3t",
    },
    Verb {
        name: "delete",
        actions: &["DeleteInstance", "DescribeInstanceAttribute", "DescribeInstances"],
        about: "Delete an instance; the recycle bin keeps its data for some days",
        example: "delete r-4k2m9x7p1q8z3t --yes --wait",
    },
];

/// Verbs of `larder instance`.
#[derive(Debug, Subcommand)]
#[command(after_help = exit_codes())]
#[allow(missing_docs, reason = "the rows of VERBS describe the variants")]
pub enum InstanceCommand {
    #[command(about = verb("create").about, after_help = create::classes() + &example("create"))]
    Create(Box<create::Options>),
    #[command(about = verb("list").about, after_help = example("list"))]
    List(list::Options),
    #[command(about = verb("show").about, after_help = example("show"))]
    Show(show::Options),
    #[command(about = verb("connect").about, after_help = example("connect"))]
    Connect(connect::Options),
    #[command(about = verb("top").about, after_help = example("top"))]
    Top(top::Options),
    #[command(about = verb("logs").about, after_help = example("logs"))]
    Logs(logs::Options),
    #[command(about = verb("allow").about, after_help = example("allow"))]
    Allow(allow::Options),
    #[command(about = verb("passwd").about, after_help = example("passwd"))]
    Passwd(passwd::Options),
    #[command(about = verb("set").about, after_help = example("set"))]
    Set(set::Options),
    #[command(about = verb("resize").about, after_help = example("resize"))]
    Resize(resize::Options),
    #[command(about = verb("restart").about, after_help = example("restart"))]
    Restart(restart::Options),
    #[command(about = verb("tasks").about, after_help = example("tasks"))]
    Tasks(tasks::Options),
    #[command(about = verb("delete").about, after_help = example("delete"))]
    Delete(delete::Options),
}

/// Runs one parsed command.
pub fn execute(command: Command, terminal: &mut Terminal) -> Result<(), Error> {
    let command = match command {
        Command::Configure(options) => return configure::run(options, terminal),
        Command::BackupState(options) => return backup_state::run(&options, terminal),
        Command::Instance(command) => command,
    };
    let open = |name, common: &Common| {
        let terminal = terminal;
        Session::open(verb(name), common, terminal)
    };
    match command {
        InstanceCommand::Create(o) => create::run(&o, &mut open("create", &o.common)?),
        InstanceCommand::List(o) => list::run(&o, &mut open("list", &o.common)?),
        InstanceCommand::Show(o) => show::run(&o, &mut open("show", &o.common)?),
        InstanceCommand::Connect(o) => connect::run(&o, &mut open("connect", &o.common)?),
        InstanceCommand::Top(o) => top::run(&o, &mut open("top", &o.common)?),
        InstanceCommand::Logs(o) => logs::run(&o, &mut open("logs", &o.common)?),
        InstanceCommand::Allow(o) => allow::run(&o, &mut open("allow", &o.common)?),
        InstanceCommand::Passwd(o) => passwd::run(&o, &mut open("passwd", &o.common)?),
        InstanceCommand::Resize(o) => resize::run(&o, &mut open("resize", &o.common)?),
        InstanceCommand::Set(o) => set::run(&o, &mut open("set", &o.common)?),
        InstanceCommand::Tasks(o) => tasks::run(&o, &mut open("tasks", &o.common)?),
        InstanceCommand::Restart(o) => restart::run(&o, &mut open("restart", &o.common)?),
        InstanceCommand::Delete(o) => delete::run(&o, &mut open("delete", &o.common)?),
    }
}

fn verb(name: &str) -> &'static Verb {
    VERBS.iter().find(|verb| verb.name == name).expect("each variant above has its row in VERBS")
}

fn example(name: &str) -> String {
    let verb = verb(name);
    format!("Calls {}\n\nExample:\n  larder instance {}", verb.actions.join(", "), verb.example)
}

fn exit_codes() -> String {
    let lines: Vec<String> =
        EXIT_CODES.iter().map(|(_, code, meaning)| format!("  {code}  {meaning}")).collect();
    format!("Exit codes:\n  0  done\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests;
