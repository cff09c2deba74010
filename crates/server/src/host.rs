//! What the core asks of the process it runs in.

use stdx::{Clock, Disk};

/// The node's process, its clock and its disk.
pub trait Host: Send + Sync {
    /// Time.
    fn clock(&self) -> &dyn Clock;
    /// The working directory's files.
    fn disk(&self) -> &dyn Disk;
    /// CPU time of the process: user and system, in microseconds.
    fn cpu_us(&self) -> (u64, u64);
    /// Resident bytes of the process.
    fn resident_bytes(&self) -> u64;
    /// Process id.
    fn pid(&self) -> u32;
    /// Secret random bytes.
    fn entropy(&self) -> [u8; 16];
    /// Makes another directory the working directory.
    ///
    /// # Errors
    /// There is none of that name, or it may not be entered.
    fn enter(&self, directory: &str) -> std::io::Result<()>;
    /// Blocks the calling thread.
    fn sleep_ms(&self, duration_ms: u64);
    /// Writes a line to the log that people read.
    fn log(&self, text: &str);
    /// As [`Host::log`], when somebody should do something about it.
    fn warn(&self, text: &str);
    /// Asks the process to end, now that everything is saved.
    fn stop(&self);
}
