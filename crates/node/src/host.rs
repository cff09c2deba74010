//! The process as the core sees it.

use parking_lot::Mutex;
use server::host::Host;
use server::inbox::Waker;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use stdx::{Clock, Disk, RealDisk, SystemClock};

/// Clock, disk and process of a node.
pub struct NodeHost {
    clock: SystemClock,
    disk: RealDisk,
    stop: Arc<Stop>,
}

/// Tells all loops to end.
#[derive(Default)]
pub struct Stop {
    wanted: AtomicBool,
    wakers: Mutex<Vec<Box<dyn Waker>>>,
}

impl Stop {
    /// Loops to wake when it is time.
    pub fn add(&self, waker: Box<dyn Waker>) {
        self.wakers.lock().push(waker);
    }

    /// True when the node is to end.
    pub fn is_wanted(&self) -> bool {
        self.wanted.load(SeqCst)
    }

    fn request(&self) {
        self.wanted.store(true, SeqCst);
        self.wakers.lock().iter().for_each(|waker| waker.wake());
    }
}

impl NodeHost {
    /// A host whose files are in `directory`.
    #[must_use]
    pub fn new(directory: &Path, stop: Arc<Stop>) -> Self {
        Self { clock: SystemClock::new(), disk: RealDisk::new(directory), stop }
    }
}

impl Host for NodeHost {
    fn clock(&self) -> &dyn Clock {
        &self.clock
    }

    fn disk(&self) -> &dyn Disk {
        &self.disk
    }

    fn cpu_us(&self) -> (u64, u64) {
        // utime and stime in ticks of 10 ms, behind the name, which may hold spaces.
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let fields: Vec<&str> =
            stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok());
        (ticks(11).unwrap_or(0) * 10_000, ticks(12).unwrap_or(0) * 10_000)
    }

    fn resident_bytes(&self) -> u64 {
        let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let pages = statm.split_whitespace().nth(1).and_then(|text| text.parse::<u64>().ok());
        pages.unwrap_or(0) * rustix::param::page_size() as u64
    }

    fn pid(&self) -> u32 {
        std::process::id()
    }

    fn entropy(&self) -> [u8; 16] {
        stdx::random::entropy()
    }

    fn enter(&self, directory: &str) -> std::io::Result<()> {
        std::env::set_current_dir(directory)
    }

    #[expect(clippy::disallowed_methods, reason = "DEBUG SLEEP is there to hold everything up")]
    fn sleep_ms(&self, duration_ms: u64) {
        std::thread::sleep(std::time::Duration::from_millis(duration_ms));
    }

    fn log(&self, text: &str) {
        tracing::info!("{text}");
    }

    fn warn(&self, text: &str) {
        tracing::warn!("{text}");
    }

    fn stop(&self) {
        self.stop.request();
    }
}
