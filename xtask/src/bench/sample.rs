//! What /proc says of a process: CPU time and memory.

use anyhow::{Context, Result};

/// The kernel's clock ticks are 1/100 s on every Linux that we run on.
const TICK_US: u64 = 10_000;

/// User and system time of all threads so far, in microseconds.
pub fn cpu_us(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/stat");
    let text = std::fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    ticks(&text).map(|ticks| ticks * TICK_US).with_context(|| format!("no times in {path}"))
}

/// utime + stime; the program's name before them may contain anything.
pub fn ticks(stat: &str) -> Option<u64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(field(11)? + field(12)?)
}

/// Proportional set size in KiB.
pub fn pss_kb(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = std::fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    pss(&text).with_context(|| format!("no Pss in {path}"))
}

/// The `Pss:` line of smaps_rollup.
pub fn pss(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find(|line| line.starts_with("Pss:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
