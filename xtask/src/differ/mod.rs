//! `cargo xtask differ`: random sequences of commands, ours and redis-server side by side. The
//! first difference is made small, printed and kept as a transcript.

pub mod compare;
mod draw;
mod exceptions;
mod generate;
mod grammar;
mod payload;
pub mod peer;
mod play;
pub mod reply;
mod shrink;
mod step;
mod tally;
mod transcript;
mod value;
mod wrap;

#[cfg(test)]
mod tests;

use crate::shell;
use anyhow::{Context, Result};
use exceptions::Exception;
use generate::Generator;
use grammar::Grammar;
use peer::Server;
use play::{Difference, Pair};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};
use step::Step;
use tally::Tally;

/// From so many seconds on, a command or shape that was hardly seen fails the run.
const WHOLE_SECS: u64 = 600;
/// Differences after which a run stops.
const FOUND_MAX: usize = 20;

/// What to run.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// How long to go on
    #[arg(long, default_value_t = 60)]
    secs: u64,
    /// Where the random sequences start; the same seed draws the same sequences
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Loops of our node
    #[arg(long, default_value_t = 1)]
    loops: usize,
    /// Our binary
    #[arg(long, default_value = "target/release/larder")]
    binary: PathBuf,
    /// Draw only these commands, and what fills keys
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Where transcripts of differences are written
    #[arg(long, default_value = "target/differ")]
    keep: PathBuf,
}

/// Two servers and what was found so far.
struct Run {
    ours: Server,
    theirs: Server,
    tally: Tally,
    found: Vec<String>,
}

/// Runs; true when nothing differed and enough was seen.
pub fn run(root: &Path, options: &Options) -> Result<bool> {
    let reference = shell::find_program("redis-server").context("redis-server is not installed")?;
    let theirs = ["--save", "", "--enable-debug-command", "yes"];
    let loops = options.loops.to_string();
    let ours = ["node", "--save", "", "--enable-debug-command", "yes", "--io-threads", &loops];
    let mut run = Run {
        ours: Server::start(root, &root.join(&options.binary), &ours)?,
        theirs: Server::start(root, &reference, &theirs)?,
        tally: Tally::default(),
        found: Vec::new(),
    };
    let started = now();
    let limit = Duration::from_secs(options.secs);
    let mut seed = options.seed;
    let payloads = payload::from_server(&mut run.theirs)?;
    let grammar = Rc::new(Grammar::new(&options.only, payloads));
    while started.elapsed() < limit && run.found.len() < FOUND_MAX {
        let mut generator = Generator::new(seed, &grammar);
        run.episode(&mut generator, seed, &root.join(&options.keep))?;
        seed += 1;
    }
    let seconds = started.elapsed().as_secs_f64();
    let total = run.tally.total();
    print!("{}", run.tally.table());
    let rate = total as f64 / seconds;
    println!("{total} commands in {seconds:.0} s, {rate:.0} a second, seeds up to {seed}");
    let gaps = if options.secs >= WHOLE_SECS && options.only.is_empty() {
        run.tally.gaps(&grammar.callables)
    } else {
        Vec::new()
    };
    for Exception { what, why } in exceptions::ALL {
        println!("excepted: {what}: {why}");
    }
    gaps.iter().for_each(|gap| println!("too seldom: {gap}"));
    println!("{} differences", run.found.len());
    run.found.iter().for_each(|path| println!("  {path}"));
    Ok(run.found.is_empty() && gaps.is_empty())
}

#[expect(clippy::disallowed_methods, reason = "a tool for people times its own run")]
fn now() -> Instant {
    Instant::now()
}

impl Run {
    fn pair(&mut self) -> Pair<'_> {
        Pair { ours: &mut self.ours, theirs: &mut self.theirs }
    }

    /// One sequence; a difference is shrunk and kept.
    fn episode(&mut self, generator: &mut Generator, seed: u64, keep: &Path) -> Result<()> {
        let opening = generator.opening();
        let steps = generator.episode();
        self.pair().prepare(&opening)?;
        let Run { ours, theirs, tally, .. } = self;
        let difference =
            Pair { ours, theirs }.play(&steps, |step, reply| tally.add(step, reply))?;
        let Some(difference) = difference else { return Ok(()) };
        anyhow::ensure!(
            !difference.ours.starts_with("gone"),
            "seed {seed}: our node is {}\n{}",
            difference.ours,
            self.ours.log()
        );
        println!("seed {seed}: {} for {}", difference.ours, difference.theirs);
        let first = steps[..=difference.at].to_vec();
        let small = shrink::shrink(first, |steps| match self.replay(&opening, steps) {
            Ok(Some(other)) => other.is_like(&difference),
            _ => false,
        });
        let last = self.replay(&opening, &small)?.unwrap_or(difference);
        // What has not been read must not be taken for an answer in the next sequence.
        self.ours.connect()?;
        self.theirs.connect()?;
        let text = transcript::text(&opening, &small, &last, seed);
        println!("--- seed {seed}\n{text}");
        std::fs::create_dir_all(keep)?;
        let path = keep.join(format!("seed-{seed}.txt"));
        std::fs::write(&path, text)?;
        self.found.push(path.display().to_string());
        Ok(())
    }

    /// Plays again from empty, on fresh connections: the last sequence may have ended anywhere.
    fn replay(&mut self, opening: &[Step], steps: &[Step]) -> Result<Option<Difference>> {
        self.ours.connect()?;
        self.theirs.connect()?;
        self.pair().prepare(opening)?;
        self.pair().play(steps, |_, _| ())
    }
}
