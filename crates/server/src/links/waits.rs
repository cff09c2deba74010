//! WAIT: connections that wait until enough replicas have applied what they wrote.

use super::{LinkState, Links};
use crate::blocked::Blocked;
use crate::inbox::{Inbox, Mail};
use engine::keyspace::{Fate, Waiter};
use journal::Journal;
use parking_lot::Mutex;
use resp::number::{parse_i64, write_i64};
use smallvec::SmallVec;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Asks replicas how far they are.
const GETACK: &[u8] = b"*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n";

/// Those who wait.
#[derive(Debug, Default)]
pub(super) struct Waits {
    list: Mutex<Vec<Waiting>>,
    len: AtomicUsize,
    /// Offset behind the last question to the replicas.
    asked: AtomicU64,
}

#[derive(Debug)]
struct Waiting {
    waiter: Arc<Waiter>,
    /// What the replicas must have applied.
    offset: u64,
    replicas: u64,
}

impl Links {
    /// Replicas that have applied the stream up to `offset`.
    #[must_use]
    pub fn applied(&self, offset: u64) -> u64 {
        count(&self.acknowledged(), offset)
    }

    /// Offsets that replicas say to have applied.
    fn acknowledged(&self) -> SmallVec<[u64; 8]> {
        let records = self.records.lock();
        let online = records.iter().filter(|link| link.state() == LinkState::Online);
        online.map(|link| link.acked.load(Relaxed)).collect()
    }

    /// Serves `waiter` when as many replicas as it names have applied the stream up to `offset`.
    pub fn wait(&self, waiter: &Arc<Waiter>, offset: u64, blocked: &Blocked, inboxes: &[Inbox]) {
        let replicas = waiter.args.as_args().find(1).and_then(parse_i64).unwrap_or(0);
        let replicas = u64::try_from(replicas).unwrap_or(0);
        let waiting = Waiting { waiter: Arc::clone(waiter), offset, replicas };
        let mut list = self.waits.list.lock();
        list.push(waiting);
        self.waits.len.store(list.len(), Relaxed);
        drop(list);
        self.serve_waits(blocked, inboxes);
    }

    /// Asks the replicas how far they are, unless nothing was written since they were last asked.
    /// For a primary that holds a pass.
    pub fn ask(&self, journal: &Journal) {
        if !self.is_empty() && journal.offset() != self.waits.asked.load(Relaxed) {
            self.waits.asked.store(journal.append_verbatim(GETACK, None), Relaxed);
        }
    }

    /// Serves those whose replicas have come far enough.
    pub fn serve_waits(&self, blocked: &Blocked, inboxes: &[Inbox]) {
        if self.waits.len.load(Relaxed) == 0 {
            return;
        }
        let acknowledged = self.acknowledged();
        let mut list = self.waits.list.lock();
        list.retain(|Waiting { waiter, offset, replicas }| {
            let applied = count(&acknowledged, *offset);
            if applied < *replicas {
                return true;
            }
            if blocked.claim(waiter, Fate::Claimed) {
                let mail =
                    Mail::Served { waiter: Arc::clone(waiter), reply: integer(applied), offset: 0 };
                inboxes[usize::from(waiter.home.loop_id)].push(mail);
            }
            false
        });
        self.waits.len.store(list.len(), Relaxed);
    }

    /// The wait is over before its time; gives how many replicas have come far enough, if it
    /// waited for any.
    pub fn stop_waiting(&self, waiter: &Arc<Waiter>) -> Option<u64> {
        if self.waits.len.load(Relaxed) == 0 {
            return None;
        }
        let mut list = self.waits.list.lock();
        let at = list.iter().position(|waiting| Arc::ptr_eq(&waiting.waiter, waiter))?;
        let offset = list.swap_remove(at).offset;
        self.waits.len.store(list.len(), Relaxed);
        drop(list);
        Some(self.applied(offset))
    }
}

fn count(acknowledged: &[u64], offset: u64) -> u64 {
    acknowledged.iter().filter(|acked| **acked >= offset).count() as u64
}

fn integer(value: u64) -> Vec<u8> {
    let mut out = vec![b':'];
    write_i64(&mut out, value as i64);
    out.extend_from_slice(b"\r\n");
    out
}
