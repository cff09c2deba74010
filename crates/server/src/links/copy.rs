//! The data set on its way to one replica: written to a file without a name by the thread that
//! walks through a cut, as fast as the disk takes it; read from there by the link's loop, as fast
//! as the peer takes it. What is written meanwhile waits in the journal.

use super::WakeLoop;
use crate::shared::Shared;
use crate::snapshot::cuts::{self, CutRequest, CutStart, End, Sink};
use engine::keyspace::Entry;
use journal::{Consumer, From, Interest, Journal, Wake};
use parking_lot::Mutex;
use persist::PersistError;
use persist::rdb::{SaveInfo, Writer};
use std::fmt;
use std::io::Read;
use std::sync::Arc;

/// What a file is called in errors.
const NAME: &str = "data set of a replica";

/// A data set to be read, and its length.
pub type Data = (Box<dyn Read + Send>, u64);

/// The data set on its way.
pub struct Copy {
    state: Mutex<State>,
    wake: Arc<WakeLoop>,
    /// How far the replica may lag behind before it is dropped.
    lag_bytes_max: u64,
    /// The replica speaks PSYNC and is to be told where it starts.
    announces: bool,
    /// The stream is another node's, and nothing can be selected anew in it.
    passes_on: bool,
}

#[derive(Default)]
struct State {
    start: Option<Beginning>,
    data: Option<Data>,
    failed: bool,
    /// Database that is selected where the stream starts.
    stream_db: u16,
    /// The replica is gone.
    abandoned: bool,
}

/// Where the stream behind the data set starts.
#[derive(Debug)]
pub struct Beginning {
    /// The answer to PSYNC.
    pub preamble: Vec<u8>,
    /// Reads the journal from there.
    pub consumer: Consumer,
}

impl fmt::Debug for Copy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Copy").field("announces", &self.announces).finish_non_exhaustive()
    }
}

impl Copy {
    /// A data set that nobody has asked for.
    #[must_use]
    pub fn new(wake: Arc<WakeLoop>, lag_bytes_max: u64, announces: bool, passes_on: bool) -> Self {
        Self { state: Mutex::default(), wake, lag_bytes_max, announces, passes_on }
    }

    /// A wish for a cut that fills it.
    #[must_use]
    pub fn request(self: &Arc<Self>, journal: &Arc<Journal>) -> CutRequest {
        let (copy, journal) = (Arc::clone(self), Arc::clone(journal));
        CutRequest {
            consumer: cuts::Consumer::Replica,
            sink: Box::new(Scribe { copy: Arc::clone(self), open: None }),
            on_start: Box::new(move |start| copy.begin(&journal, start)),
        }
    }

    /// The moment of the cut: the stream starts here.
    fn begin(&self, journal: &Journal, start: &CutStart) {
        let mut state = self.state.lock();
        if state.abandoned {
            return;
        }
        if self.passes_on {
            state.stream_db = journal.selected_db().unwrap_or(0);
        }
        let wake: Arc<dyn Wake> = Arc::clone(&self.wake) as _;
        let from = From::Now;
        let interest = Interest { from, lag_bytes_max: self.lag_bytes_max, wake: Some(wake) };
        let consumer = journal.attach(interest);
        let (id, offset) = (&start.replication_id, start.offset);
        let preamble = match self.announces {
            true => format!("+FULLRESYNC {id} {offset}\r\n").into_bytes(),
            false => Vec::new(),
        };
        state.failed = consumer.is_err();
        state.start = consumer.ok().map(|consumer| Beginning { preamble, consumer });
        drop(state);
        self.wake.wake();
    }

    /// Where the stream starts, once that is known and not taken yet.
    pub fn take_beginning(&self) -> Option<Beginning> {
        self.state.lock().start.take()
    }

    /// The data set, once it is complete and not taken yet.
    pub fn take_data(&self) -> Option<Data> {
        self.state.lock().data.take()
    }

    /// True when it will never be complete.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.state.lock().failed
    }

    /// The replica is gone; gives what it has not taken.
    pub fn abandon(&self) -> Option<Consumer> {
        let mut state = self.state.lock();
        state.abandoned = true;
        state.data = None;
        state.start.take().map(|start| start.consumer)
    }

    fn is_abandoned(&self) -> bool {
        self.state.lock().abandoned
    }

    fn settle(&self, data: Option<Data>) {
        let mut state = self.state.lock();
        state.failed = data.is_none();
        state.data = data.filter(|_| !state.abandoned);
        drop(state);
        self.wake.wake();
    }
}

/// Writes the cut down.
struct Scribe {
    copy: Arc<Copy>,
    open: Option<(Writer, Box<dyn Read + Send>)>,
}

impl Sink for Scribe {
    fn begin(&mut self, shared: &Shared, start: &CutStart) -> Result<(), PersistError> {
        let create = |source| PersistError::Create { name: NAME.to_owned(), source };
        let (writer, reader) = shared.host.disk().scratch().map_err(create)?;
        let stream_db = self.copy.state.lock().stream_db;
        let (db, offset) = (stream_db.to_string(), start.offset.to_string());
        let facts = [
            ("repl-stream-db", db.as_str()),
            ("repl-id", &start.replication_id),
            ("repl-offset", &offset),
        ];
        let info = SaveInfo {
            now_ms: start.unix_ms,
            used_bytes: start.used_bytes,
            aof_base: false,
            sizes: &start.sizes,
            functions: &start.functions,
            extra: &facts,
        };
        self.open = Some((Writer::new(writer, NAME, &info), reader));
        Ok(())
    }

    fn entry(&mut self, db: u16, entry: &Entry) -> Result<(), PersistError> {
        if self.copy.is_abandoned() {
            self.open = None;
        }
        match &mut self.open {
            Some((writer, _)) => writer.entry(db, entry),
            None => Ok(()),
        }
    }

    fn end(self: Box<Self>, _: &Shared, end: End) {
        let Self { copy, open, .. } = *self;
        let finish = |(writer, reader): (Writer, _)| {
            writer.finish().ok().map(|report| (reader, report.bytes))
        };
        let complete = matches!(end, End::Complete);
        copy.settle(open.filter(|_| complete).and_then(finish));
    }
}
