//! The command line: roles and their options. Help derives from here.

use clap::{Args, Parser, Subcommand};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// A managed, Redis-compatible in-memory data service in one program.
#[derive(Debug, Parser)]
#[command(name = "larder", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    pub role: Role,
}

/// What this process is.
#[derive(Debug, Subcommand)]
pub enum Role {
    /// Runs everything on this host: agent, control plane, console and instances
    Up(Up),
    /// Runs one engine process: a drop-in redis-server (`larder node --help`)
    Node {
        /// As redis-server: [redis.conf] [--directive value ...]
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// Creates, shows and changes instances
    Instance {
        #[command(subcommand)]
        verb: cli::InstanceCommand,
    },
    /// Stores where the API is and how to sign in
    Configure(cli::ConfigureCommand),
    /// Writes all that the control plane remembers into a file, while it serves
    BackupState(cli::BackupCommand),
    /// Puts such a file back into a data directory that nothing runs on
    RestoreState(RestoreState),
    /// Prints a completion script: `source <(larder completions bash)`
    Completions {
        /// For which shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Prints the manual page of larder, or of one of its commands
    Man {
        /// Words of the command, such as `instance create`
        command: Vec<String>,
    },
    /// Asks a server as many clients would, and says how fast it answered
    Bench(Box<bench::Options>),
    /// Checks the record of everything that was asked of this installation
    Audit {
        #[command(subcommand)]
        verb: Audit,
    },
    /// Runs the control plane; `larder up` starts it
    #[command(hide = true)]
    Control(Control),
}

/// Options of `larder up`.
#[derive(Debug, Args)]
pub struct Up {
    /// Where everything is kept
    #[arg(long, value_name = "DIR", default_value = "larder-data", env = "LARDER_DATA_DIR")]
    pub data_dir: PathBuf,
    /// Address of the API and the console
    #[arg(
        long,
        value_name = "ADDR:PORT",
        default_value = "127.0.0.1:8077",
        env = "LARDER_API_ADDR"
    )]
    pub api: SocketAddr,
    /// Address that clients of instances are told to connect to, and that endpoints bind
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1", value_parser = host)]
    pub advertise: String,
    /// Most instances of this host
    #[arg(
        long,
        value_name = "N",
        default_value_t = control::INSTANCES_MAX,
        env = "LARDER_MAX_INSTANCES"
    )]
    pub max_instances: usize,
    /// Days that a deleted instance can be brought back; 0 deletes its data at once
    #[arg(
        long,
        value_name = "N",
        default_value_t = control::RECYCLE_DAYS,
        env = "LARDER_RECYCLE_DAYS",
        value_parser = clap::value_parser!(u32).range(..=i64::from(control::RECYCLE_DAYS_MAX))
    )]
    pub recycle_days: u32,
    /// Also create an instance, allow this host to use it, and print how
    #[arg(long)]
    pub quickstart: bool,
    /// Write addresses and credentials here (mode 0600) once everything serves
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    #[command(flatten)]
    pub alarms: Alarms,
}

/// How alarms are told. The mail server is told by LARDER_SMTP_URL alone, because its address holds
/// a password: smtps://user:password@host, or smtp://host:587?tls=required.
#[derive(Debug, Args)]
pub struct Alarms {
    /// Sender of alarm mails; LARDER_SMTP_URL names the server: smtps://user:password@host
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "LARDER_SMTP_FROM",
        default_value = "larder@localhost"
    )]
    pub smtp_from: String,
    /// Networks that webhooks of alarms must not be in: 10.0.0.0/8,127.0.0.0/8
    #[arg(long, value_name = "CIDR", env = "LARDER_WEBHOOK_DENY", value_delimiter = ',')]
    pub webhook_deny: Vec<control::IpNet>,
}

/// What is done with the audit log.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Finds every line that was changed, taken away, moved or put in; Larder may be running
    Verify {
        /// Where everything is kept
        #[arg(long, value_name = "DIR", default_value = "larder-data", env = "LARDER_DATA_DIR")]
        data_dir: PathBuf,
    },
}

/// Options of `larder restore-state`.
#[derive(Debug, Args)]
pub struct RestoreState {
    /// As `larder backup-state` wrote it
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Data directory; it must hold the master.key of the installation that was backed up
    #[arg(long, value_name = "DIR", default_value = "larder-data", env = "LARDER_DATA_DIR")]
    pub data_dir: PathBuf,
    /// Set a state that is there already aside
    #[arg(long)]
    pub replace: bool,
}

/// Options of `larder control`.
#[derive(Debug, Args)]
pub struct Control {
    #[arg(long)]
    pub data_dir: PathBuf,
    #[arg(long)]
    pub api: SocketAddr,
    #[arg(long)]
    pub advertise: String,
    #[arg(long, default_value_t = control::INSTANCES_MAX)]
    pub max_instances: usize,
    #[arg(long, default_value_t = control::RECYCLE_DAYS)]
    pub recycle_days: u32,
    #[arg(long)]
    pub quickstart: bool,
    #[arg(long)]
    pub ready_file: Option<PathBuf>,
    /// The agent that started this process; it ends when the agent does
    #[arg(long)]
    pub parent_pid: Option<u32>,
    #[command(flatten)]
    pub alarms: Alarms,
}

/// An IP address or a host name; nobody looks the name up here, clients do.
fn host(text: &str) -> Result<String, &'static str> {
    let is_label = |label: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        (1..=63).contains(&label.len()) && label.chars().all(plain) && !label.starts_with('-')
    };
    let is_name = text.len() <= 253 && text.trim_end_matches('.').split('.').all(is_label);
    let looks_numeric = text.chars().all(|c| c.is_ascii_digit() || c == '.');
    match text.parse::<IpAddr>() {
        Ok(ip) if ip.is_unspecified() => Err("clients cannot connect to 0.0.0.0 or ::; name one \
                                              address or host that reaches this one"),
        Ok(_) => Ok(text.to_owned()),
        Err(_) if is_name && !looks_numeric => Ok(text.to_owned()),
        Err(_) => Err("give an IP address or a host name, without port or scheme"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for good in ["127.0.0.1", "10.0.0.5", "::1", "2001:db8::1", "localhost", "a-1.example.org"]
        {
            assert_eq!(host(good).as_deref(), Ok(good));
        }
        let bad =
            ["", "a b", "0.0.0.0", "::", "[::1]", "h:6379", "http://h", "10.0.0.256", "-h", "a..b"];
        for bad in bad {
            assert!(host(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_service_starts_larder_by_options_that_exist() {
        let unit = include_str!("../../../packaging/larder.service");
        let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/"));
        let words = start.expect("a start line").split_whitespace();
        let defaults = include_str!("../../../packaging/larder.default");
        let options = defaults.lines().find_map(|line| line.strip_prefix("#LARDER_OPTIONS="));
        let options = options.expect("an example").split_whitespace();
        let words = words.filter(|word| *word != "$LARDER_OPTIONS").chain(options);
        let Role::Up(up) = Cli::try_parse_from(words).expect("parsed").role else {
            panic!("the service runs larder up")
        };
        assert_eq!(up.data_dir, PathBuf::from("/var/lib/larder"));
        assert_eq!(up.advertise, "cache.example.org");
    }
}
