//! What /proc says of a process: CPU time and memory.

use anyhow::{Context, Result};

/// Time on a processor of all living threads so far, in nanoseconds.
pub fn cpu_ns(pid: u32) -> Result<u64> {
    let directory = format!("/proc/{pid}/task");
    let mut sum_ns = 0;
    for task in std::fs::read_dir(&directory).with_context(|| format!("read {directory}"))? {
        let path = task?.path().join("schedstat");
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {path:?}"))?;
        sum_ns += on_cpu_ns(&text).with_context(|| format!("no time in {path:?}"))?;
    }
    Ok(sum_ns)
}

/// The first field of schedstat.
pub fn on_cpu_ns(schedstat: &str) -> Option<u64> {
    schedstat.split_whitespace().next()?.parse().ok()
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
