//! `cargo xtask edges`: every number of every command at the edges where numbers end, against a
//! running node: how soon it answers, how much it grows, and that it answers on. Beside
//! redis-server on demand, where the answers must be the same.

mod measure;
mod play;
mod same;

use crate::differ::peer::Server;
use crate::shell;
use anyhow::{Context, Result};
use catalog::edges::{self, Entry};
use play::Player;
use std::path::{Path, PathBuf};

/// What to run.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Our binary
    #[arg(long, default_value = "target/release/larder")]
    binary: PathBuf,
    /// Loops of our node
    #[arg(long, default_value_t = 1)]
    loops: usize,
    /// Make the same calls of Redis 7.0's redis-server and compare the answers
    #[arg(long)]
    reference: bool,
    /// Call only these commands
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Do not judge how long answers take: the build is a slow one, or the machine is busy
    #[arg(long)]
    untimed: bool,
}

/// Runs; true when nothing is wrong.
pub fn run(root: &Path, options: &Options) -> Result<bool> {
    let loops = options.loops.to_string();
    let open = ["--save", "", "--enable-debug-command", "yes"];
    let words = [&["node", "--io-threads", &loops], open.as_slice()].concat();
    let ours = Server::start(root, &root.join(&options.binary), &words)?;
    let theirs = if options.reference {
        let program = shell::find_program("redis-server");
        let program = program.context("redis-server is not installed")?;
        Some(Server::start(root, &program, &open)?)
    } else {
        None
    };
    let (entries, undescribed) = edges::table();
    let wanted = |entry: &&Entry| {
        options.only.is_empty() || options.only.iter().any(|name| name == entry.row.name)
    };
    let mut player = Player::new(ours, theirs, options.untimed)?;
    for entry in entries.iter().filter(wanted) {
        player.play(entry)?;
    }
    let called = entries.iter().filter(wanted).filter(|entry| entry.numbers() > 0);
    let numbers: usize = called.clone().map(Entry::numbers).sum();
    println!("{} commands with {numbers} numbers, {}", called.count(), player.totals());
    undescribed.iter().for_each(|name| println!("{name} has no syntax line"));
    println!("{} violations", player.found() + undescribed.len());
    Ok(player.found() == 0 && undescribed.is_empty())
}
