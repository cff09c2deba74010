//! What the node's loops share about scripts: the host that runs them, and what is running now, so
//! that others can see and kill it without waiting for it. Knows no Lua.

use crate::error;
use engine::CommandError;
use parking_lot::Mutex;
use resp::OwnedArgs;
use script::{Host, Restore, ScriptError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// The host and the running script.
pub struct Scripts {
    /// Locked only in exclusive mode, and so never contended.
    pub host: Mutex<Host>,
    running: Mutex<Option<Arc<Running>>>,
    sources: Mutex<Sources>,
    functions: AtomicUsize,
    usage: Mutex<Usage>,
}

/// What scripts take, for INFO.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Bytes that Lua holds.
    pub lua_bytes: u64,
    /// Scripts of EVAL that are kept.
    pub scripts: usize,
    /// Bytes of their sources.
    pub source_bytes: usize,
}

/// Sources of all libraries.
pub type Sources = Arc<[Arc<[u8]>]>;

/// A script while it runs.
#[derive(Debug)]
pub struct Running {
    /// Digest or name of the function.
    pub name: String,
    /// Called by FCALL.
    pub is_function: bool,
    /// The request that started it.
    pub request: OwnedArgs,
    /// Monotonic microseconds of its start.
    pub started_us: u64,
    wrote: AtomicBool,
    killed: AtomicBool,
}

impl Running {
    /// A script that starts now.
    #[must_use]
    pub fn new(name: &str, is_function: bool, request: OwnedArgs, started_us: u64) -> Self {
        Self {
            name: name.to_owned(),
            is_function,
            request,
            started_us,
            wrote: AtomicBool::new(false),
            killed: AtomicBool::new(false),
        }
    }

    /// It is about to write: from now on it cannot be killed.
    pub fn set_wrote(&self) {
        self.wrote.store(true, Relaxed);
    }

    /// True when it has written.
    #[must_use]
    pub fn has_written(&self) -> bool {
        self.wrote.load(Relaxed)
    }

    /// True when somebody has killed it.
    #[must_use]
    pub fn is_killed(&self) -> bool {
        self.killed.load(Relaxed)
    }

    /// The refusal of other commands while it keeps everybody waiting.
    #[must_use]
    pub fn busy(&self) -> CommandError {
        error::reply(if self.is_function { error::BUSY_FUNCTION } else { error::BUSY_SCRIPT })
    }
}

impl Scripts {
    /// No script yet; they will be told that they run on Redis `version`.
    #[must_use]
    pub fn new(version: &'static str) -> Self {
        Self {
            host: Mutex::new(Host::new(version)),
            running: Mutex::new(None),
            sources: Mutex::default(),
            functions: AtomicUsize::new(0),
            usage: Mutex::default(),
        }
    }

    /// Notes that `running` runs.
    pub fn begin(&self, running: &Arc<Running>) {
        *self.running.lock() = Some(Arc::clone(running));
    }

    /// Notes that nothing runs any more.
    pub fn end(&self) {
        *self.running.lock() = None;
    }

    /// What runs.
    #[must_use]
    pub fn running(&self) -> Option<Arc<Running>> {
        self.running.lock().clone()
    }

    /// Numbers of libraries and functions, for those who cannot wait for the host.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        (self.sources.lock().len(), self.functions.load(Relaxed))
    }

    /// Sources of the libraries, for who writes them down: they change in exclusive mode only.
    #[must_use]
    pub fn sources(&self) -> Sources {
        Arc::clone(&self.sources.lock())
    }

    /// Publishes what the host's libraries are now.
    pub fn publish(&self, host: &Host) {
        let sources = host.libraries().map(|library| Arc::from(&*library.code));
        *self.sources.lock() = sources.collect();
        self.functions.store(host.functions(), Relaxed);
    }

    /// What scripts take.
    #[must_use]
    pub fn usage(&self) -> Usage {
        *self.usage.lock()
    }

    /// Publishes what scripts take now.
    pub fn publish_usage(&self, host: &Host) {
        let (scripts, source_bytes) = host.cached();
        let lua_bytes = host.memory_bytes() as u64;
        *self.usage.lock() = Usage { lua_bytes, scripts, source_bytes };
    }

    /// Takes the libraries that came with a data set.
    ///
    /// # Errors
    /// One does not load, or has the name of one that is there; then all is as it was.
    pub fn restore(&self, sources: &[Vec<u8>], policy: Restore) -> Result<(), ScriptError> {
        if sources.is_empty() && policy != Restore::Flush {
            return Ok(());
        }
        let mut host = self.host.lock();
        host.restore_libraries(sources, policy, &mut || Ok(()))?;
        self.publish(&host);
        Ok(())
    }

    /// SCRIPT KILL, or FUNCTION KILL with `of_functions`.
    ///
    /// # Errors
    /// Nothing runs, it is of the other kind, or it has written.
    pub fn kill(&self, of_functions: bool) -> Result<(), CommandError> {
        let running = self.running().ok_or_else(|| error::reply(error::NOT_BUSY))?;
        if running.has_written() {
            return Err(error::reply(error::UNKILLABLE));
        }
        if running.is_function != of_functions {
            return Err(running.busy());
        }
        running.killed.store(true, Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(is_function: bool) -> Arc<Running> {
        let request = OwnedArgs::from_words([b"eval".as_slice()].into_iter());
        Arc::new(Running::new("name", is_function, request, 0))
    }

    #[test]
    fn who_can_be_killed() {
        let scripts = Scripts::new("7.0.15");
        let text = |of_functions| match scripts.kill(of_functions) {
            Ok(()) => "OK".to_owned(),
            Err(CommandError::Reply(text)) => text.chars().take(12).collect(),
            Err(other) => format!("{other:?}"),
        };
        assert_eq!(text(false), "NOTBUSY No s");
        for is_function in [false, true] {
            let one = running(is_function);
            scripts.begin(&one);
            assert_eq!(text(!is_function), "BUSY Redis i");
            assert!(!one.is_killed());
            assert_eq!(text(is_function), "OK");
            assert!(one.is_killed());
            one.set_wrote();
            assert_eq!(text(is_function), "UNKILLABLE S");
            scripts.end();
        }
    }
}
