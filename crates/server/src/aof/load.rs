//! Reading the append-only file back: the base and the increments, in order, through dispatch.

use crate::clients::ClientRecord;
use crate::dispatch::{self, Outcome, Place};
use crate::executor::Exclusive;
use crate::inbox::Address;
use crate::session::Session;
use crate::shared::Shared;
use crate::snapshot;
use crate::turn::LoopState;
use engine::NoTick;
use persist::aof::{AofError, AofFiles, CommandReader, ReadFailure};
use persist::rdb::{Taker, load_preamble};
use resp::Args;
use std::io::{self, Read};
use std::sync::Arc;

/// Commands that run under one hold of everything; between two holds probes are answered.
const BATCH: usize = 1000;

/// How everything is held meanwhile.
pub(super) enum Hold<'x, 'e> {
    /// In slices: nobody serves yet.
    Slices,
    /// All the time, by somebody who has it already.
    Whole(&'x mut Exclusive<'e>),
}

/// Reads every file of the manifest into the empty keyspace.
pub(super) fn load<'s>(
    shared: &'s Shared,
    files: &AofFiles,
    mut hold: Hold<'_, 's>,
) -> Result<(), AofError> {
    let started_us = shared.host.clock().monotonic_us();
    // The files hold the libraries of functions, too.
    let _ = shared.scripts.restore(&[], script::Restore::Flush);
    let last = files.manifest().parts().last().map(|part| part.name.clone());
    for (at, part) in files.manifest().parts().enumerate() {
        let part_us = shared.host.clock().monotonic_us();
        let mut replay = Replay::new(shared, part.name.clone(), files.path(&part.name));
        let is_last = last.as_ref() == Some(&part.name);
        replay.file(&mut hold, is_last)?;
        let kind = if at == 0 && files.manifest().base.is_some() { "base" } else { "incr" };
        let seconds = seconds_since(shared, part_us);
        shared.host.log(&format!("DB loaded from {kind} file {}: {seconds:.3} seconds", part.name));
    }
    let seconds = seconds_since(shared, started_us);
    shared.host.log(&format!("DB loaded from append only file: {seconds:.3} seconds"));
    Ok(())
}

fn seconds_since(shared: &Shared, start_us: u64) -> f64 {
    (shared.host.clock().monotonic_us() - start_us) as f64 / 1e6
}

/// One file being read.
struct Replay<'s> {
    shared: &'s Shared,
    name: String,
    path: String,
    session: Session,
    state: LoopState,
    out: Vec<u8>,
    /// Up to where whole commands have been run, an open MULTI not counted.
    good: u64,
    failed: u64,
}

/// Where a file's commands ended.
enum End {
    /// Where the file ends.
    File,
    /// In the middle of a command.
    Short,
}

impl<'s> Replay<'s> {
    fn new(shared: &'s Shared, name: String, path: String) -> Self {
        let address = Address { loop_id: 0, place: u32::MAX, client: 0 };
        let now_ms = shared.host.clock().unix_ms();
        let record = ClientRecord::new(address, String::new(), String::new(), now_ms);
        let mut session = Session::new(Arc::new(record), None);
        session.applies = true;
        let state = LoopState::new(0, 1, now_ms);
        Self { shared, name, path, session, state, out: Vec::new(), good: 0, failed: 0 }
    }

    fn file(&mut self, hold: &mut Hold<'_, 's>, is_last: bool) -> Result<(), AofError> {
        let preamble = self.preamble()?;
        let mut file = self.open()?;
        let skipped = io::copy(&mut (&mut file).take(preamble), &mut io::sink());
        skipped.map_err(|source| self.unreadable(source))?;
        self.good = preamble;
        let mut reader = CommandReader::new(file, preamble);
        let end = self.commands(&mut reader, hold)?;
        if self.failed > 0 {
            let (name, failed) = (&self.name, self.failed);
            self.shared.host.warn(&format!("{failed} commands of {name} could not be run"));
        }
        let in_multi = self.session.multi.is_some();
        if in_multi && matches!(end, End::File) {
            let text = "Revert incomplete MULTI/EXEC transaction in AOF file";
            self.shared.host.warn(&format!("{text} {}", self.name));
        }
        if in_multi || matches!(end, End::Short) { self.cut_off(is_last) } else { Ok(()) }
    }

    fn open(&self) -> Result<Box<dyn Read + Send>, AofError> {
        self.shared.host.disk().open(&self.path).map_err(|source| self.unreadable(source))
    }

    fn unreadable(&self, source: io::Error) -> AofError {
        match source.kind() {
            io::ErrorKind::NotFound => AofError::Missing { name: self.name.clone() },
            _ => AofError::Read { name: self.name.clone(), source },
        }
    }

    /// Reads the RDB part at the front, if there is one; returns its length.
    fn preamble(&self) -> Result<u64, AofError> {
        let mut magic = Vec::new();
        let read = self.open()?.take(5).read_to_end(&mut magic);
        read.map_err(|source| self.unreadable(source))?;
        if magic != b"REDIS" {
            return Ok(0);
        }
        self.shared.host.log("Reading RDB base file on AOF loading...");
        // Keys whose time has come stay: the commands that follow were written while they lived.
        let file = self.open()?;
        let read = |into: &mut Taker<'_>| load_preamble(file, &self.name, 0, into);
        let report = snapshot::fill_by(self.shared, &self.name, read)
            .map_err(|source| AofError::Base { name: self.name.clone(), source })?;
        Ok(report.bytes)
    }

    fn commands(
        &mut self,
        reader: &mut CommandReader,
        hold: &mut Hold<'_, 's>,
    ) -> Result<End, AofError> {
        let shared = self.shared;
        loop {
            let end = match hold {
                Hold::Slices => self.batch(reader, &mut shared.executor.exclusive())?,
                Hold::Whole(exclusive) => self.batch(reader, exclusive)?,
            };
            if let Some(end) = end {
                return Ok(end);
            }
        }
    }

    fn batch(
        &mut self,
        reader: &mut CommandReader,
        exclusive: &mut Exclusive<'s>,
    ) -> Result<Option<End>, AofError> {
        for _ in 0..BATCH {
            match reader.take() {
                Ok(Some(args)) => self.run(args, exclusive)?,
                Ok(None) => return Ok(Some(End::File)),
                Err(ReadFailure::Short) => return Ok(Some(End::Short)),
                Err(ReadFailure::Io(source)) => return Err(self.unreadable(source)),
                Err(ReadFailure::Format) => {
                    let (name, offset) = (self.name.clone(), reader.offset());
                    return Err(AofError::Format { name, offset });
                }
            }
            if self.session.multi.is_none() {
                self.good = reader.offset();
            }
        }
        Ok(None)
    }

    fn run(&mut self, args: Args<'_>, exclusive: &mut Exclusive<'s>) -> Result<(), AofError> {
        if self.shared.index.resolve(args.at(0), args.find(1)).is_err() {
            let command = String::from_utf8_lossy(args.at(0)).into_owned();
            return Err(AofError::UnknownCommand { command, name: self.name.clone() });
        }
        self.out.clear();
        let place = Place { session: &mut self.session, out: &mut self.out };
        let (state, tick) = (&mut self.state, &mut NoTick);
        let outcome = dispatch::request_exclusive(self.shared, state, exclusive, place, args, tick);
        debug_assert_eq!(outcome, Outcome::Done, "the exclusive holder lacks nothing");
        if self.out.first() == Some(&b'-') {
            if self.failed == 0 {
                let what = String::from_utf8_lossy(&self.out).trim().to_owned();
                let command = String::from_utf8_lossy(args.at(0)).into_owned();
                let text = format!("'{command}' of {} answers {what}", self.name);
                self.shared.host.warn(&text);
            }
            self.failed += 1;
        }
        Ok(())
    }

    /// Drops the torn end of the file, if that is wanted and nothing follows.
    fn cut_off(&mut self, is_last: bool) -> Result<(), AofError> {
        let (host, name) = (&self.shared.host, &self.name);
        if self.shared.config.lock().get("aof-load-truncated") != "yes" {
            return Err(AofError::Short { name: name.clone() });
        }
        if !is_last {
            return Err(AofError::ShortInside { name: name.clone() });
        }
        host.warn(&format!("!!! Warning: short read while loading the AOF file {name}!!!"));
        host.warn(&format!("!!! Truncating the AOF {name} at offset {} !!!", self.good));
        host.disk().truncate(&self.path, self.good).map_err(|source| AofError::Disk {
            doing: "Error truncating the AOF file",
            name: name.clone(),
            source,
        })?;
        host.warn(&format!("AOF {name} loaded anyway because aof-load-truncated is enabled"));
        Ok(())
    }
}
