//! Takes over what the primary sends: its data set, then its stream, verbatim and in order, with
//! everything held. A transaction is applied and recorded as a whole. Knows no socket.

use super::{Target, cut_links, drop_all};
use crate::clients::ClientRecord;
use crate::dispatch::{self, Place};
use crate::inbox::Address;
use crate::session::Session;
use crate::shared::{Shared, new_id};
use crate::snapshot;
use crate::turn::LoopState;
use engine::NoTick;
use journal::Identity;
use persist::PersistError;
use persist::rdb::LoadReport;
use resp::decode::Step;
use resp::{Decoder, Limits};
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use stdx::DiskFile;

/// Microseconds for which everything is held at a time.
const HELD_US_MAX: u64 = 1_000;
/// A replica keeps keys whose time is over until its primary deletes them.
const NOTHING_IS_DEAD: u64 = 0;
/// Commands between two looks at the clock.
const COMMANDS: usize = 16;

/// Why what the primary sends cannot be taken over.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The node follows somebody else by now, or nobody.
    #[error("the node's role has changed")]
    Changed,
    /// The stream is not a sequence of commands.
    #[error("the stream cannot be read: {0}")]
    Protocol(String),
    /// The data set cannot be kept on its way.
    #[error("keep the data set of the primary: {0}")]
    Keep(#[from] io::Error),
    /// The data set cannot be read.
    #[error("load the data set of the primary: {0}")]
    Load(#[from] PersistError),
}

/// What a piece of the stream came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Bytes done with.
    pub consumed: usize,
    /// The primary wants to know how far this replica is.
    pub must_acknowledge: bool,
    /// A command that the primary ran and that failed here: the two are no longer the same.
    pub failure: Option<String>,
}

/// A data set on its way.
struct Incoming {
    id: String,
    offset: u64,
    writer: Box<dyn DiskFile>,
    reader: Box<dyn Read + Send>,
}

/// Tells the primary that this replica lives.
pub type Alive = Box<dyn FnMut() + Send>;

/// A file that shows a sign of life with each part that is read of it.
struct Pulse {
    file: Box<dyn Read + Send>,
    alive: Alive,
}

impl Read for Pulse {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        (self.alive)();
        self.file.read(into)
    }
}

/// The applier of a node. It outlives links: the selected database goes on with the stream.
pub struct Applier {
    session: Session,
    state: LoopState,
    decoder: Decoder,
    out: Vec<u8>,
    /// The start of a transaction that is not complete.
    open: Vec<u8>,
    incoming: Option<Incoming>,
}

impl Applier {
    /// An applier that has seen nothing.
    #[must_use]
    pub fn new(shared: &Shared) -> Self {
        let now_ms = shared.host.clock().unix_ms();
        let record = record(shared, String::new());
        let user = shared.executor.published().access.initial_user().cloned();
        let mut session = Session::new(record, user);
        session.applies = true;
        session.select(shared.upstream.stream_db.load(Relaxed));
        let seed = u64::from_le_bytes(shared.host.entropy()[..8].try_into().expect("8 of 16"));
        let state = LoopState::new(shared.lonely_slot(), seed, now_ms);
        let (decoder, out, open) = (Decoder::default(), Vec::new(), Vec::new());
        Self { session, state, decoder, out, open, incoming: None }
    }

    /// A new link to `peer` begins: what the last one left half done is forgotten.
    pub fn begin(&mut self, shared: &Shared, peer: String) {
        self.decoder.finish();
        self.session.multi = None;
        self.open.clear();
        self.incoming = None;
        self.session.record = record(shared, peer);
        self.session.select(self.session.db);
    }

    /// The link is over.
    pub fn end(&mut self, shared: &Shared) {
        shared.clients.remove(self.session.address().client);
    }

    /// The stream goes on where this node's data ends; the history may have a new name.
    ///
    /// # Errors
    /// [`ApplyError::Changed`].
    pub fn go_on(
        &mut self,
        shared: &Shared,
        target: &Target,
        id: Option<&str>,
    ) -> Result<(), ApplyError> {
        let mut exclusive = shared.executor.exclusive();
        if !shared.upstream.is_current(target) {
            return Err(ApplyError::Changed);
        }
        let identity = shared.journal.identity();
        if let Some(id) = id.filter(|id| *id != identity.id) {
            let renamed = identity.renamed(id, shared.journal.offset());
            shared.journal.set_identity(renamed);
            cut_links(shared);
        }
        exclusive.change_gate(|gate| gate.link_is_down = false);
        shared.clients.add(&self.session.record);
        Ok(())
    }

    /// A data set begins, behind which the stream of `id` goes on from `offset`.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn expect_data(
        &mut self,
        shared: &Shared,
        id: String,
        offset: u64,
    ) -> Result<(), ApplyError> {
        let (writer, reader) = shared.host.disk().scratch()?;
        self.incoming = Some(Incoming { id, offset, writer, reader });
        Ok(())
    }

    /// A part of the data set.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn take_data(&mut self, bytes: &[u8]) -> Result<(), ApplyError> {
        if let Some(incoming) = &mut self.incoming {
            incoming.writer.write_all(bytes)?;
        }
        Ok(())
    }

    /// The data set is complete: it replaces the one that is there. `alive` is called again and
    /// again meanwhile.
    ///
    /// # Errors
    /// It cannot be read; then this node holds nothing.
    pub fn load(
        &mut self,
        shared: &Shared,
        target: &Target,
        alive: Alive,
    ) -> Result<LoadReport, ApplyError> {
        let Some(mut incoming) = self.incoming.take() else { return Err(ApplyError::Changed) };
        incoming.writer.flush()?;
        self.replace(shared, target, |gate| gate.loading = true)?;
        let file = Box::new(Pulse { file: incoming.reader, alive });
        let loaded = snapshot::fill(shared, file, "data set of the primary", NOTHING_IS_DEAD);
        let Ok(report) = loaded else {
            // Half a data set has no place in any history.
            shared.journal.set_identity(Identity::new(&new_id(&*shared.host)));
            self.replace(shared, target, |gate| gate.loading = false)?;
            return Ok(loaded?);
        };
        let fact = report.facts.iter().find(|(name, _)| name == "repl-stream-db");
        let db = fact.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
        self.session.select(db);
        let mut exclusive = shared.executor.exclusive();
        shared.journal.restart_at(incoming.offset);
        shared.journal.set_identity(Identity::new(&incoming.id));
        exclusive.change_gate(|gate| {
            gate.loading = false;
            gate.link_is_down = false;
        });
        shared.clients.add(&self.session.record);
        Ok(report)
    }

    /// Drops the data set that is there.
    fn replace(
        &self,
        shared: &Shared,
        target: &Target,
        change: impl Fn(&mut crate::gate::GateState),
    ) -> Result<(), ApplyError> {
        let mut exclusive = shared.executor.exclusive();
        if !shared.upstream.is_current(target) {
            return Err(ApplyError::Changed);
        }
        exclusive.change_gate(change);
        drop_all(shared, &mut exclusive);
        cut_links(shared);
        Ok(())
    }

    /// Applies the commands at the front of `input`, as many as a short hold allows.
    ///
    /// # Errors
    /// [`ApplyError::Changed`]; [`ApplyError::Protocol`].
    pub fn apply(
        &mut self,
        shared: &Shared,
        target: &Target,
        input: &[u8],
    ) -> Result<Applied, ApplyError> {
        let mut exclusive = shared.executor.exclusive();
        if !shared.upstream.is_current(target) {
            return Err(ApplyError::Changed);
        }
        let clock = shared.host.clock();
        let start_us = clock.monotonic_us();
        self.state.now_ms = clock.unix_ms();
        let mut applied = Applied::default();
        // Bytes up to the end of the last command outside a transaction.
        let mut whole = 0;
        for count in 1.. {
            let rest = &input[applied.consumed..];
            let limits = Limits { bulk_bytes_max: u64::MAX, unauthenticated: false };
            match self.decoder.step(rest, limits) {
                Step::Request { consumed } => {
                    let args = self.decoder.args(rest);
                    applied.must_acknowledge |= asks_for_offset(&args);
                    let place = Place { session: &mut self.session, out: &mut self.out };
                    let state = &mut self.state;
                    let all = &mut exclusive;
                    dispatch::request_exclusive(shared, state, all, place, args, &mut NoTick);
                    if let Some(text) = self.out.strip_prefix(b"-") {
                        let command = args.at(0).escape_ascii();
                        let text = String::from_utf8_lossy(text).trim_end().to_owned();
                        applied.failure.get_or_insert(format!("{command}: {text}"));
                    }
                    self.out.clear();
                    applied.consumed += consumed;
                }
                Step::Empty { consumed } => applied.consumed += consumed,
                Step::Incomplete { .. } => break,
                Step::Error(problem) => return Err(ApplyError::Protocol(problem.0)),
            }
            self.decoder.finish();
            if self.session.multi.is_none() {
                whole = applied.consumed;
            }
            if count % COMMANDS == 0 && clock.monotonic_us() - start_us > HELD_US_MAX {
                break;
            }
        }
        self.record(shared, &input[..applied.consumed], whole);
        Ok(applied)
    }

    /// Adds what was applied to this node's own journal: the first `whole` bytes of `bytes` now,
    /// the others when their transaction is complete.
    fn record(&mut self, shared: &Shared, bytes: &[u8], whole: usize) {
        let (done, open) = bytes.split_at(whole);
        if whole > 0 {
            self.open.extend_from_slice(done);
            shared.journal.append_verbatim(&self.open, Some(self.session.db));
            self.open.clear();
        }
        self.open.extend_from_slice(open);
        shared.stats[self.state.slot].add_keys(&mut self.state.keys);
    }
}

/// What others see of the link. Its place is none of any loop's.
fn record(shared: &Shared, peer: String) -> Arc<ClientRecord> {
    let address = Address { loop_id: 0, place: u32::MAX, client: shared.clients.next_id() };
    let now_ms = shared.host.clock().unix_ms();
    let record = ClientRecord::new(address, peer, String::new(), now_ms);
    record.upstream.store(true, Relaxed);
    Arc::new(record)
}

fn asks_for_offset(args: &resp::Args<'_>) -> bool {
    args.at(0).eq_ignore_ascii_case(b"REPLCONF")
        && args.find(1).is_some_and(|word| word.eq_ignore_ascii_case(b"GETACK"))
}
