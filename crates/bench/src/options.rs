//! The command line of `larder bench`, and the checked settings that follow from it. Pure.

use crate::distribution::Distribution;
use crate::error::Error;
use crate::mix::{self, Operation};
use crate::target::Target;
use crate::template::{KEYS_MAX, Template};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Operations when none are named.
const MIX: [&str; 2] = ["get=10", "set=1"];
const DURATION_S: f64 = 10.0;
const VALUE_BYTES_MAX: usize = 64 << 20;

/// Options of `larder bench`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Server: redis://[user:password@]host[:port][/db]
    #[arg(
        long,
        value_name = "URL",
        default_value = "redis://127.0.0.1:6379",
        env = "LARDER_BENCH_URL",
        hide_env_values = true
    )]
    pub url: Target,
    /// Operations with weights: get, set, setex, del, mget, incr, hset, hget, lpush, rpop, lrange,
    /// sadd, spop, zadd, zrange, ping [default: get=10,set=1]
    #[arg(long, value_name = "NAME=WEIGHT", value_delimiter = ',', value_parser = mix::named)]
    pub mix: Vec<Operation>,
    /// A command of your own, such as 'SET __key__ __value__=3'; may be repeated. __key__ becomes a
    /// key, __value__ (a word of its own) a value, the number behind the last = is the weight
    #[arg(long, value_name = "COMMAND", value_parser = mix::custom)]
    pub command: Vec<Operation>,
    /// Operations that one connection sends before it awaits their replies
    #[arg(short = 'P', long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub pipeline: u32,
    /// Connections
    #[arg(short, long, value_name = "N", default_value_t = 50,
          value_parser = clap::value_parser!(u32).range(1..=65_000))]
    pub connections: u32,
    /// Threads that share the connections
    #[arg(short, long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=1_024))]
    pub threads: u32,
    /// Length of values: a number, or a range from which lengths are drawn
    #[arg(short, long, value_name = "N|A-B", default_value = "32")]
    pub value_bytes: ValueBytes,
    /// Number of different keys
    #[arg(short, long, value_name = "N", default_value_t = 100_000,
          value_parser = clap::value_parser!(u64).range(1..=KEYS_MAX))]
    pub keys: u64,
    /// Which keys are asked for: uniform, zipf or zipf:THETA (key 0 is the hottest)
    #[arg(long, value_name = "LAW", default_value = "uniform")]
    pub distribution: Distribution,
    /// Open loop: operations per second, due at fixed times; latency counts from the time an
    /// operation was due. Without it each connection asks again once it is answered
    #[arg(short, long, value_name = "OPS/S", value_parser = parse_positive)]
    pub rate: Option<f64>,
    /// How long to ask [default: 10]
    #[arg(short, long, value_name = "SECONDS", value_parser = parse_positive)]
    pub duration: Option<f64>,
    /// How many operations to send, instead of a duration
    #[arg(short = 'n', long, value_name = "N", conflicts_with = "duration",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub requests: Option<u64>,
    /// The run's operations follow from it [default: random, and shown]
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// First fill every key, as the operations need it or by a command of your own
    #[arg(long, value_name = "COMMAND", num_args = 0..=1, require_equals = true,
          default_missing_value = "")]
    pub preload: Option<String>,
    /// Form of the result
    #[arg(short, long, value_name = "FORM", default_value = "text")]
    pub output: Output,
    /// Show a page in Markdown instead: the run, the server's memory and the class that suits it
    #[arg(long, conflicts_with = "output")]
    pub report: bool,
}

/// Form of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// A table.
    Text,
    /// One JSON document.
    Json,
}

/// Lengths that values may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueBytes(pub RangeInclusive<usize>);

impl FromStr for ValueBytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        match (low.parse::<usize>(), high.parse::<usize>()) {
            (Ok(low), Ok(high)) if low <= high && high <= VALUE_BYTES_MAX => Ok(Self(low..=high)),
            (Ok(low), Ok(high)) if high < low => Err(format!("{low} is more than {high}")),
            (Ok(_), Ok(_)) => Err(format!("at most {VALUE_BYTES_MAX} bytes")),
            _ => Err("write a number or a range such as 100-2000".into()),
        }
    }
}

fn parse_positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number),
        _ => Err("write a number above 0".into()),
    }
}

/// What to do, checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whom to ask.
    pub target: Target,
    /// At least one.
    pub operations: Vec<Operation>,
    /// Most operations of a connection without a reply.
    pub pipeline: usize,
    /// Connections; at least as many as threads.
    pub connections: usize,
    /// Threads.
    pub threads: usize,
    /// Lengths of values.
    pub value_bytes: RangeInclusive<usize>,
    /// Number of keys.
    pub keys: u64,
    /// Law of their choice.
    pub distribution: Distribution,
    /// Operations per second of an open loop.
    pub rate: Option<f64>,
    /// When to stop.
    pub stop: Stop,
    /// Seed of the operations.
    pub seed: u64,
    /// Commands to send for every key first.
    pub preload: Vec<Template>,
    /// Form of the result.
    pub output: Output,
    /// Whether to write the page in Markdown.
    pub report: bool,
}

/// When to stop sending.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stop {
    /// After so many seconds.
    Seconds(f64),
    /// After so many operations.
    Operations(u64),
}

impl Settings {
    /// Checks what clap cannot; `seed` is taken when the options name none.
    ///
    /// # Errors
    /// [`Error::Usage`].
    pub fn new(options: Options, seed: u64) -> Result<Self, Error> {
        if options.threads > options.connections {
            return Err(Error::Usage(format!(
                "--threads {} is more than --connections {}: each thread needs a connection",
                options.threads, options.connections
            )));
        }
        let mut operations = options.mix;
        operations.extend(options.command);
        if operations.is_empty() {
            let named = MIX.iter().map(|text| mix::named(text));
            operations = named.collect::<Result<_, _>>().map_err(Error::Usage)?;
        }
        if operations.len() > usize::from(u16::MAX) {
            return Err(Error::Usage("at most 65535 operations can be mixed".into()));
        }
        let preload = match options.preload {
            None => Vec::new(),
            Some(text) if text.is_empty() => mix::preloads(&operations),
            Some(text) => vec![text],
        };
        let preload = preload.iter().map(|text| {
            let named = |why| Error::Usage(format!("--preload: {why}"));
            Template::parse(text).map_err(named)
        });
        let seconds = options.duration.unwrap_or(DURATION_S);
        Ok(Self {
            target: options.url,
            pipeline: options.pipeline as usize,
            connections: options.connections as usize,
            threads: options.threads as usize,
            value_bytes: options.value_bytes.0,
            keys: options.keys,
            distribution: options.distribution,
            rate: options.rate,
            stop: options.requests.map_or(Stop::Seconds(seconds), Stop::Operations),
            seed: options.seed.unwrap_or(seed),
            preload: preload.collect::<Result<_, _>>()?,
            output: options.output,
            report: options.report,
            operations,
        })
    }

    /// The run in two lines.
    #[must_use]
    pub fn describe(&self) -> String {
        let open = |rate| format!("open loop at {rate} operations/s");
        let pace = self.rate.map_or("closed loop".to_owned(), open);
        format!(
            "{}: connections {}, threads {}, pipeline {}, {pace}, seed {}\n\
             keys {} ({}), values of {} bytes\n",
            self.target,
            self.connections,
            self.threads,
            self.pipeline,
            self.seed,
            self.keys,
            self.distribution,
            self.lengths(),
        )
    }

    /// The run as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "url": self.target.to_string(),
            "connections": self.connections,
            "threads": self.threads,
            "pipeline": self.pipeline,
            "rate_per_s": self.rate,
            "seed": self.seed,
            "keys": self.keys,
            "distribution": self.distribution.to_string(),
            "value_bytes": [self.value_bytes.start(), self.value_bytes.end()],
        })
    }

    fn lengths(&self) -> String {
        let (low, high) = (self.value_bytes.start(), self.value_bytes.end());
        if low == high { low.to_string() } else { format!("{low} to {high}") }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use clap::{CommandFactory, Parser};

    #[derive(Debug, Parser)]
    #[command(name = "larder bench")]
    struct Cli {
        #[command(flatten)]
        options: Options,
    }

    /// The settings for a command line, or the first line of what is wrong with it.
    pub(crate) fn settings(line: &str) -> Result<Settings, String> {
        let words = resp::inline::split_words(line.as_bytes()).expect("the quotes match");
        let words = words.into_iter().map(|word| String::from_utf8(word).expect("is text"));
        let cli = Cli::try_parse_from(std::iter::once("larder".to_owned()).chain(words))
            .map_err(|error| error.to_string().lines().next().unwrap_or("").to_owned())?;
        Settings::new(cli.options, 42).map_err(|error| error.to_string())
    }

    fn check(line: &str, want: Result<&str, &str>) {
        match (settings(line), want) {
            (Ok(settings), Ok(want)) => assert_eq!(settings.describe().trim_end(), want, "{line}"),
            (Err(error), Err(part)) => assert!(error.contains(part), "{line}: {error}"),
            (got, want) => panic!("{line}: {got:?}, not {want:?}"),
        }
    }

    #[test]
    fn settings_follow_from_the_command_line() {
        check(
            "",
            Ok("redis://127.0.0.1:6379/0: connections 50, threads 1, pipeline 1, closed loop, \
                seed 42\nkeys 100000 (uniform), values of 32 bytes"),
        );
        check(
            "--url redis://u:p@h:1/2 -c 4 -t 2 -P 16 -v 10-20 -k 5 --distribution zipf --rate 1e3 \
             --seed 7",
            Ok("redis://h:1/2: connections 4, threads 2, pipeline 16, open loop at 1000 \
                operations/s, seed 7\nkeys 5 (zipf:0.99), values of 10 to 20 bytes"),
        );
    }

    #[test]
    fn mistakes_are_named() {
        check("-c 1 -t 2", Err("--threads 2 is more than --connections 1"));
        check("-v 9-1", Err("9 is more than 1"));
        check("-v x", Err("a range such as 100-2000"));
        check("-v 99999999999", Err("at most 67108864 bytes"));
        check("--rate 0", Err("a number above 0"));
        check("--mix git", Err("no operation 'git'"));
        check("--url localhost", Err("redis://[user"));
        check("-n 5 -d 5", Err("cannot be used with"));
        check("'--preload=\"'", Err("--preload: the quotes"));
        check("-P 0", Err("0 is not in 1..=100000"));
        check("--keys 9999999999999", Err("is not in 1..=1000000000000"));
    }

    #[test]
    fn preload_follows_the_mix_or_a_command() {
        let count = |line: &str| settings(line).map(|settings| settings.preload.len());
        assert_eq!(count(""), Ok(0));
        assert_eq!(count("--preload"), Ok(1));
        assert_eq!(count("--preload --mix get,set,hget=3"), Ok(2));
        assert_eq!(count("--preload=PING --mix get,hget"), Ok(1));
    }

    /// `LARDER_BLESS=1` writes the snapshot anew.
    #[test]
    fn help_is_as_recorded() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/help.txt");
        let mut command = Cli::command().term_width(100);
        let help = command.render_long_help().to_string();
        if std::env::var_os("LARDER_BLESS").is_some() {
            std::fs::write(path, &help).expect("the snapshot can be written");
        }
        assert_eq!(help, std::fs::read_to_string(path).unwrap_or_default());
    }
}
