//! The command line: roles and their options. Help derives from here.

use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
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
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    pub advertise: String,
    /// Also create an instance, allow this host to use it, and print how
    #[arg(long)]
    pub quickstart: bool,
    /// Write addresses and credentials here (mode 0600) once everything serves
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
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
    #[arg(long)]
    pub quickstart: bool,
    #[arg(long)]
    pub ready_file: Option<PathBuf>,
    /// The agent that started this process; it ends when the agent does
    #[arg(long)]
    pub parent_pid: Option<u32>,
}
