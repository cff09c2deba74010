//! The RDB file as one who takes part in a cut.

use super::cuts::{CutStart, End, Sink};
use crate::shared::Shared;
use engine::keyspace::Entry;
use persist::PersistError;
use persist::rdb::{SaveInfo, SaveReport, Writer};

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// Somebody wanted it no more.
    #[error("it was cancelled")]
    Aborted,
    /// It could not be written.
    #[error(transparent)]
    Failed(#[from] PersistError),
}

/// Called with the file's length and number of keys when it is complete and durable, or when it
/// has been removed again.
pub type Done = Box<dyn FnOnce(&Shared, Result<SaveReport, Lost>) + Send>;

/// Facts that go into a file, by name.
pub type Facts = fn(&CutStart) -> Vec<(&'static str, String)>;

/// Writes a cut to a file of the working directory.
pub struct RdbFile {
    name: String,
    aof_base: bool,
    facts: Facts,
    done: Done,
    open: Option<Writer>,
}

impl RdbFile {
    /// Will write the file `name` and tell `done`.
    #[must_use]
    pub fn new(name: String, done: Done) -> Self {
        Self { name, aof_base: false, facts: |_| Vec::new(), done, open: None }
    }

    /// Marks it as the base of an append-only file.
    #[must_use]
    pub fn aof_base(self) -> Self {
        Self { aof_base: true, ..self }
    }

    /// Adds facts.
    #[must_use]
    pub fn with_facts(self, facts: Facts) -> Self {
        Self { facts, ..self }
    }
}

impl Sink for RdbFile {
    fn begin(&mut self, shared: &Shared, start: &CutStart) -> Result<(), PersistError> {
        let facts = (self.facts)(start);
        let extra: Vec<_> = facts.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let info = SaveInfo {
            now_ms: start.unix_ms,
            used_bytes: start.used_bytes,
            aof_base: self.aof_base,
            sizes: &start.sizes,
            functions: &start.functions,
            extra: &extra,
        };
        let writer = Writer::create(shared.host.disk(), &self.name, &info)?;
        self.open = Some(writer);
        Ok(())
    }

    fn entry(&mut self, db: u16, entry: &Entry) -> Result<(), PersistError> {
        match &mut self.open {
            Some(writer) => writer.entry(db, entry),
            None => Ok(()),
        }
    }

    fn end(self: Box<Self>, shared: &Shared, end: End) {
        let Self { name, open, done, .. } = *self;
        let was_open = open.is_some();
        let written = match (end, open) {
            (End::Complete, Some(writer)) => writer.finish().map_err(Lost::Failed),
            (End::Failed(error), _) => Err(Lost::Failed(error)),
            (End::Aborted | End::Complete, _) => Err(Lost::Aborted),
        };
        if was_open && written.is_err() {
            // What matters is the first error; a file that stays is overwritten next time.
            let _ = shared.host.disk().remove(&name);
        }
        done(shared, written);
    }
}
