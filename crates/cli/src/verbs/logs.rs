//! `larder instance logs`: what an instance wrote down lately, the oldest first as in a file.

use super::session::Session;
use crate::error::Error;
use crate::options::Common;
use crate::output;
use clap::{Args, ValueEnum};
use serde_json::Value;

/// Rows of one page of the API.
const PAGE_ROWS: u32 = 100;

/// Flags of the verb.
#[derive(Debug, Args)]
pub struct Options {
    /// Which instance
    #[arg(value_name = "ID")]
    instance_id: String,
    /// Which log
    #[arg(long, value_enum, default_value_t = Log::Running)]
    log: Log,
    /// How far back, at most a day
    #[arg(long, value_name = "MINUTES", default_value_t = 60)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1440))]
    minutes: u32,
    /// Newest rows to show
    #[arg(long, value_name = "COUNT", default_value_t = PAGE_ROWS)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100))]
    lines: u32,
    /// Only rows that hold this
    #[arg(long, value_name = "TEXT")]
    contains: Option<String>,
    #[command(flatten)]
    pub(super) common: Common,
}

/// What is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Log {
    /// What the engine says of itself
    Running,
    /// Commands that took long
    Slow,
    /// Writes and refusals
    Audit,
}

impl Log {
    fn action(self) -> &'static str {
        match self {
            Log::Running => "DescribeRunningLogRecords",
            Log::Slow => "DescribeSlowLogRecords",
            Log::Audit => "DescribeAuditRecords",
        }
    }

    /// Where rows are in the answer.
    fn rows(self, answer: &Value) -> &[Value] {
        let rows = match self {
            Log::Audit => &answer["Items"]["SQL"],
            Log::Running | Log::Slow => &answer["Items"]["LogRecords"],
        };
        rows.as_array().map_or(&[], Vec::as_slice)
    }

    fn line(self, row: &Value) -> String {
        let names: &[&str] = match self {
            // They begin with their time.
            Log::Running => &["Content"],
            Log::Slow => &["ExecuteTime", "ElapsedTime", "AccountName", "IPAddress", "Command"],
            Log::Audit => &["ExecuteTime", "AccountName", "HostAddress", "DatabaseName", "SQLText"],
        };
        let word = |name: &&str| match *name {
            "ElapsedTime" => format!("{} us", output::text(&row[*name])),
            name => output::text(&row[name]),
        };
        names.iter().map(word).collect::<Vec<_>>().join("  ") + "\n"
    }
}

/// Shows the newest rows, and says when there are more.
pub fn run(options: &Options, session: &mut Session<'_>) -> Result<(), Error> {
    // The server's clock may be ahead.
    let end_s = session.terminal.clock.unix_ms() as i64 / 1000 + 60;
    let time = |unix_s: i64| {
        let at = jiff::Timestamp::from_second(unix_s).unwrap_or_default();
        at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    };
    let (start, end) = (time(end_s - i64::from(options.minutes) * 60), time(end_s));
    let rows = PAGE_ROWS.to_string();
    let mut params = vec![
        ("InstanceId", &*options.instance_id),
        ("StartTime", &*start),
        ("EndTime", &*end),
        ("PageSize", &*rows),
    ];
    let keyword = if options.log == Log::Audit { "QueryKeywords" } else { "QueryKeyword" };
    params.extend(options.contains.as_deref().map(|text| (keyword, text)));
    let answer = session.call(options.log.action(), &params)?;
    let found = options.log.rows(&answer);
    let shown = &found[..found.len().min(options.lines as usize)];
    session.show(&answer, || shown.iter().rev().map(|row| options.log.line(row)).collect())?;
    let total = answer["TotalRecordCount"].as_u64().unwrap_or(shown.len() as u64);
    if (shown.len() as u64) < total {
        let more = format!("{} of {total} rows; see --minutes and --contains", shown.len());
        session.terminal.note(&more);
    }
    Ok(())
}
