//! The memory of another process, as Linux tells it. Knows no call.

use anyhow::{Context, Result};

/// Makes the peak what is resident now.
///
/// # Errors
/// The process is gone.
pub fn forget_peak(pid: u32) -> Result<()> {
    Ok(std::fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}

/// Bytes that were resident at most since the peak was forgotten, and that are now.
///
/// # Errors
/// The process is gone.
pub fn resident(pid: u32) -> Result<(u64, u64)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim_end_matches("kB").trim().parse::<u64>().ok()? * 1024)
    };
    let (peak, now) = (field("VmHWM:"), field("VmRSS:"));
    Ok((peak.context("no peak")?, now.context("no size")?))
}
