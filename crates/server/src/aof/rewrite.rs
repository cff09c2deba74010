//! A rewrite: a cut of the data set becomes a new base while commands go on. It lies under a name
//! of its own until the keeper takes it.

use super::board::{Finished, Switch};
use crate::executor::Exclusive;
use crate::shared::Shared;
use crate::snapshot::cuts::{self, Consumer, CutRequest, CutStart, End, Sink};
use crate::snapshot::file::RdbFile;
use engine::keyspace::Entry;
use journal::{From, Interest};
use persist::PersistError;
use persist::aof::{CommandSink, save_commands};
use persist::rdb::SaveInfo;
use std::sync::Arc;

/// What to write.
#[derive(Debug)]
pub(super) struct Rewrite {
    pub generation: u64,
    /// The file is on: a new increment begins with the base.
    pub switches: bool,
    /// There is no increment yet.
    pub is_first: bool,
}

/// Begins a rewrite in exclusive mode; false when there is a cut for something else.
pub(super) fn begin(shared: &Shared, work: &Rewrite) -> bool {
    let exclusive = shared.executor.exclusive();
    if exclusive.gate().loading {
        return false;
    }
    // Cuts begin in exclusive mode only: there will be none in between.
    if shared.cuts.active().is_some() {
        return false;
    }
    let switch = work.switches.then(|| {
        let (at, db) = (shared.journal.offset(), shared.journal.selected_db());
        let db = if exclusive.gate().primary { None } else { db };
        let first = work.is_first.then(|| attach(shared, db.is_none()));
        if first.is_none() && db.is_none() {
            shared.journal.reselect();
        }
        Switch { at, first, db }
    });
    // First the place, then the base: a small one is complete before this function ends.
    shared.aof.board.lock().run(shared.host.clock().unix_ms() / 1000, switch);
    let request = request(shared, work.generation);
    // Only a node that ends refuses now, and there is nothing to keep any more.
    shared.cuts.begin(shared, &mut exclusive.space(), request).is_ok()
}

fn request(shared: &Shared, generation: u64) -> CutRequest {
    let name = temp_name(shared, generation);
    let is_rdb = shared.config.lock().get("aof-use-rdb-preamble") == "yes";
    let sink: Box<dyn Sink> = if is_rdb {
        let finished = name.clone();
        let done = Box::new(move |shared: &Shared, written: Result<_, _>| {
            let base = written.map(|_| (finished, true)).map_err(|lost| format!("{lost}"));
            post(shared, Finished { generation, base });
        });
        Box::new(RdbFile::new(name, done).aof_base())
    } else {
        Box::new(CommandFile { name, generation, open: None })
    };
    CutRequest { consumer: Consumer::AppendOnly, sink, on_start: Box::new(|_| ()) }
}

fn post(shared: &Shared, finished: Finished) {
    shared.aof.board.lock().finished.push(finished);
    shared.aof.wake();
}

/// Writes a cut as commands.
struct CommandFile {
    name: String,
    generation: u64,
    open: Option<CommandSink>,
}

impl Sink for CommandFile {
    fn begin(&mut self, shared: &Shared, start: &CutStart) -> Result<(), PersistError> {
        let mut sink = CommandSink::create(shared.host.disk(), &self.name, time_s(shared))?;
        sink.functions(&start.functions);
        self.open = Some(sink);
        Ok(())
    }

    fn entry(&mut self, db: u16, entry: &Entry) -> Result<(), PersistError> {
        if let Some(sink) = &mut self.open {
            sink.entry(db, entry);
        }
        Ok(())
    }

    fn end(self: Box<Self>, shared: &Shared, end: End) {
        let Self { name, generation, open } = *self;
        let written = match (end, open) {
            (End::Complete, Some(sink)) => sink.finish().map(drop).map_err(|e| e.to_string()),
            (End::Failed(error), _) => Err(error.to_string()),
            (End::Aborted | End::Complete, _) => Err("it was cancelled".to_owned()),
        };
        if written.is_err() {
            // What matters is the first error; a file that stays is overwritten next time.
            let _ = shared.host.disk().remove(&name);
        }
        post(shared, Finished { generation, base: written.map(|()| (name, false)) });
    }
}

/// Name of the file meanwhile. Rewrites that are not wanted any more may still write theirs.
pub(super) fn temp_name(shared: &Shared, generation: u64) -> String {
    let directory = shared.config.lock().get("appenddirname").to_owned();
    format!("{directory}/temp-rewriteaof-bg-{}-{generation}.aof", shared.host.pid())
}

/// The time in seconds, if it is to be noted.
pub(super) fn time_s(shared: &Shared) -> Option<u64> {
    let wanted = shared.config.lock().get("aof-timestamp-enabled") == "yes";
    wanted.then(|| shared.host.clock().unix_ms() / 1000)
}

/// A consumer that starts here, with or without a database of its own to be selected; the disk may
/// lag as far behind as it must.
pub(super) fn attach(shared: &Shared, selects: bool) -> journal::Consumer {
    let wake = shared.aof.waker.get().map(Arc::clone);
    let from = if selects { From::Now } else { From::End };
    let interest = Interest { from, lag_bytes_max: u64::MAX, wake };
    shared.journal.attach(interest).expect("the end is always there")
}

/// Writes everything that is held to the file `temp`, durably.
pub(super) fn write_to(
    shared: &Shared,
    exclusive: &Exclusive<'_>,
    temp: &str,
    is_rdb: bool,
) -> Result<(), PersistError> {
    let (disk, dbs) = (shared.host.disk(), exclusive.gate().settings.dbs);
    let functions = shared.scripts.sources();
    let mut space = exclusive.space();
    if !is_rdb {
        return save_commands(disk, temp, time_s(shared), &mut space, dbs, &functions).map(drop);
    }
    let sizes = cuts::sizes(&mut space, dbs);
    let info = SaveInfo {
        now_ms: shared.host.clock().unix_ms(),
        used_bytes: stdx::alloc::used_bytes(),
        aof_base: true,
        sizes: &sizes,
        functions: &functions,
        extra: &[],
    };
    persist::rdb::save(disk, temp, &mut space, &info, &mut || ()).map(drop)
}
