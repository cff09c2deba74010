//! BGSAVE and the `save` parameter: when the RDB file is written by a cut, and how that went.

use super::cuts::{Consumer, CutRequest, CutStart};
use super::file::{Lost, RdbFile};
use crate::clearing;
use crate::links::resume;
use crate::shared::Shared;
use parking_lot::Mutex;
use persist::PersistError;
use persist::rdb::{LoadReport, SaveReport, publish};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Seconds after a failed save before the next one that nobody asked for.
const RETRY_S: u64 = 5;
/// Rest between two looks at the clock: none is needed, there are conditions, somebody waits.
const REST_LONG: Duration = Duration::from_secs(3600);
const REST: Duration = Duration::from_secs(1);
const REST_SHORT: Duration = Duration::from_millis(100);

/// How saving went.
#[derive(Debug, Default, Clone)]
pub struct SaveState {
    /// Unix seconds of the last good save, or of the start.
    pub last_s: u64,
    /// `changes` counter at the last good save.
    pub changes_at_last: u64,
    /// The last attempt in the background failed.
    pub failed: bool,
    /// Saves begun, of both kinds.
    pub begun: u64,
    /// Unix seconds when the last one in the background began.
    pub tried_s: u64,
    /// Seconds that the last one in the background took.
    pub took_s: Option<u64>,
    /// Bytes that writers set aside for it.
    pub copied_bytes: u64,
    /// Keys in the file that was loaded last.
    pub loaded_keys: u64,
    /// Keys that were dead then, and left out.
    pub dead_keys: u64,
    /// BGSAVE came while there was a cut for something else.
    pub is_scheduled: bool,
}

/// The RDB file's name, which a save in the background may take only as long as none in the
/// foreground has come in between.
#[derive(Debug, Default)]
pub struct RdbName(Mutex<u64>);

impl SaveState {
    /// That of a node which starts now, which counts as a save.
    #[must_use]
    pub fn new(now_ms: u64) -> Self {
        Self { last_s: now_ms / 1000, ..Self::default() }
    }

    /// Notes what a file held.
    pub(super) fn note_load(&mut self, report: &LoadReport) {
        (self.loaded_keys, self.dead_keys) = (report.keys, report.dead);
    }
}

impl RdbName {
    /// Counts what came in between.
    fn count(&self) -> u64 {
        *self.0.lock()
    }

    /// Keeps every save that has begun from taking the name.
    pub fn renounce(&self) {
        *self.0.lock() += 1;
    }

    /// Takes the name for a save in the foreground.
    ///
    /// # Errors
    /// What `publish` says.
    pub fn take(
        &self,
        publish: impl FnOnce() -> Result<(), PersistError>,
    ) -> Result<(), PersistError> {
        let mut count = self.0.lock();
        *count += 1;
        publish()
    }

    /// Takes the name for a save that began when [`RdbName::count`] was `then`.
    fn take_since(
        &self,
        then: u64,
        publish: impl FnOnce() -> Result<(), PersistError>,
    ) -> Result<(), Lost> {
        let count = self.0.lock();
        if *count == then { publish().map_err(Lost::Failed) } else { Err(Lost::Aborted) }
    }
}

/// A wish for the RDB file.
#[must_use]
pub fn request(shared: &Shared) -> CutRequest {
    let now_s = shared.host.clock().unix_ms() / 1000;
    {
        let mut saves = shared.saves.lock();
        saves.begun += 1;
        saves.tried_s = now_s;
        saves.is_scheduled = false;
    }
    shared.host.log(&format!("Background saving started by pid {}", shared.host.pid()));
    let start: Arc<OnceLock<(CutStart, u64)>> = Arc::default();
    let temp = format!("temp-{}-background.rdb", shared.host.pid());
    let done = {
        let (start, temp) = (Arc::clone(&start), temp.clone());
        move |shared: &Shared, written: Result<SaveReport, Lost>| {
            done(shared, start.get(), &temp, written);
        }
    };
    let rdb_file = Arc::clone(&shared.rdb_file);
    CutRequest {
        consumer: Consumer::Save,
        sink: Box::new(RdbFile::new(temp, Box::new(done)).with_facts(|start| {
            let mut facts = resume::facts(start.stream_db, &start.replication_id, start.offset);
            facts.extend(clearing::fact(start.cleared));
            facts
        })),
        on_start: Box::new(move |cut| drop(start.set((cut.clone(), rdb_file.count())))),
    }
}

/// The file is complete, or lost.
fn done(
    shared: &Shared,
    start: Option<&(CutStart, u64)>,
    temp: &str,
    written: Result<SaveReport, Lost>,
) {
    let name = shared.config.lock().get("dbfilename").to_owned();
    let disk = shared.host.disk();
    let published = match (written, start) {
        (Ok(_), Some((_, then))) => {
            let taken = shared.rdb_file.take_since(*then, || publish(disk, temp, &name));
            if matches!(taken, Err(Lost::Aborted)) {
                let _ = disk.remove(temp);
            }
            taken
        }
        (Ok(_), None) => Err(Lost::Aborted),
        (Err(lost), _) => Err(lost),
    };
    let failed = match &published {
        Ok(()) => {
            shared.host.log("DB saved on disk");
            shared.host.log("Background saving terminated with success");
            Some(false)
        }
        Err(Lost::Aborted) => {
            shared.host.log("Background saving cancelled");
            None
        }
        Err(Lost::Failed(error)) => {
            shared.host.warn(&format!("Background saving error: {error}"));
            Some(true)
        }
    };
    settle(shared, start.map(|(start, _)| start), failed);
}

fn settle(shared: &Shared, start: Option<&CutStart>, failed: Option<bool>) {
    let now_s = shared.host.clock().unix_ms() / 1000;
    let copied = shared.cuts.active().map(|active| active.saved.total_bytes.load(Relaxed) as u64);
    let mut saves = shared.saves.lock();
    saves.copied_bytes = copied.unwrap_or(0);
    saves.took_s = start.map(|start| now_s.saturating_sub(start.unix_ms / 1000));
    if let (Some(false), Some(start)) = (failed, start) {
        saves.last_s = now_s;
        saves.changes_at_last = start.changes;
    }
    let Some(failed) = failed else { return };
    let changed = std::mem::replace(&mut saves.failed, failed) != failed;
    drop(saves);
    if changed {
        // The snapshot thread holds nothing; the gate of writes looks at this.
        shared.executor.exclusive().change_gate(|gate| gate.save_failed = failed);
    }
}

/// Conditions of the `save` parameter: seconds and changes.
#[must_use]
pub fn points(text: &str) -> Vec<(u64, u64)> {
    let numbers: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    numbers.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
}

/// Asks for a save when a condition of `save` holds or one was scheduled; says when to look again.
/// No cut is in progress or wanted.
pub(super) fn look(shared: &Shared) -> Duration {
    let points = points(shared.config.lock().get("save"));
    let saves = shared.saves.lock().clone();
    if points.is_empty() && !saves.is_scheduled {
        return REST_LONG;
    }
    let now_s = shared.host.clock().unix_ms() / 1000;
    if !saves.failed || now_s.saturating_sub(saves.tried_s) > RETRY_S {
        let changes = shared.total(|stats| &stats.changes).saturating_sub(saves.changes_at_last);
        let age_s = now_s.saturating_sub(saves.last_s);
        let due = points.iter().find(|(seconds, wanted)| changes >= *wanted && age_s > *seconds);
        if let Some((seconds, wanted)) = due {
            let text = format!("{wanted} changes in {seconds} seconds. Saving...");
            shared.host.log(&text);
        }
        if due.is_some() || saves.is_scheduled {
            shared.cuts.request(request(shared));
            return Duration::ZERO;
        }
    }
    if saves.is_scheduled { REST_SHORT } else { REST }
}
