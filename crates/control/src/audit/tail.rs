//! The end of the audit log as a start finds it, held against the anchor: whether lines are
//! missing, and where the chain goes on. Must not write.

use super::anchor::{Anchor, Found};
use super::chain::{ChainKey, Link};
use super::files::{self, Files, Line};
use super::log::claimed_first;
use serde_json::{Value, json};
use std::io;
use std::path::Path;

/// Bytes of a torn line that are kept.
const TORN_BYTES_MAX: usize = 4096;

/// What the end of the log holds.
#[derive(Debug, Default)]
pub struct Tail {
    /// Number that the first line of the current file says it has.
    pub first_seq: Option<u64>,
    /// What a crash left of a line at the end of the current file.
    pub torn: Option<Torn>,
    /// The line that the anchor names is there.
    has_anchor: bool,
    /// The newest line of the unbroken chain from the anchor on.
    beyond: Option<Link>,
    /// The newest line that is one of the chain at all.
    newest: Option<Link>,
    /// Number and predecessor of the oldest line there is, as it says.
    oldest: Option<Link>,
    /// Lines in the current file.
    lines: u64,
}

/// Bytes without a line feed.
#[derive(Debug)]
pub struct Torn {
    /// Where they begin.
    pub offset: u64,
    /// As many as are kept.
    pub bytes: Vec<u8>,
}

impl Tail {
    /// Reads the current file, and the one before if that is empty.
    ///
    /// # Errors
    /// As the file system says.
    pub fn read(files: &Files, key: &ChainKey, found: &Found) -> io::Result<Tail> {
        let mut tail = Tail::default();
        let aside = files.set_aside()?;
        if let Some((_, oldest)) = aside.first() {
            tail.oldest = claimed_first(oldest)?;
        }
        let current = files.current();
        if current.exists() {
            tail.first_seq = claimed_first(&current)?.map(|link| link.seq);
            tail.oldest = tail.oldest.or(claimed_first(&current)?);
        }
        // The newest line may be the last of the file before: after a crash while one was set
        // aside, or when the current file is gone.
        let before = aside.last().filter(|_| tail.first_seq.is_none());
        for path in before.map(|(_, path)| path).into_iter().chain(Some(&current)) {
            tail.scan(path, key, found)?;
        }
        Ok(tail)
    }

    fn scan(&mut self, path: &Path, key: &ChainKey, found: &Found) -> io::Result<()> {
        if !path.exists() {
            return Ok(());
        }
        self.lines = 0;
        files::lines(path, |line| {
            self.see(&line, key, found);
            true
        })?;
        Ok(())
    }

    fn see(&mut self, line: &Line<'_>, key: &ChainKey, found: &Found) {
        if !line.whole {
            let bytes = line.bytes[..line.bytes.len().min(TORN_BYTES_MAX)].to_vec();
            self.torn = Some(Torn { offset: line.offset, bytes });
            return;
        }
        self.lines += 1;
        // Lines from long before the anchor need no look at a start; `verify` looks at all.
        let claimed = super::chain::read(line.bytes);
        let seen_before = |anchor: &Anchor| {
            claimed.is_some_and(|link| link.seq < anchor.synced_seq.min(anchor.last_seq))
        };
        if matches!(found, Found::Whole(anchor) if seen_before(anchor)) {
            return;
        }
        let Some(link) = key.open(line.bytes) else { return };
        self.newest = Some(link);
        let Found::Whole(anchor) = found else { return };
        if (link.seq, link.mac) == (anchor.last_seq, anchor.last_mac) {
            (self.has_anchor, self.beyond) = (true, Some(link));
            return;
        }
        let (seq, mac) =
            self.beyond.map_or((anchor.last_seq, anchor.last_mac), |link| (link.seq, link.mac));
        if (link.seq, link.prev) == (seq + 1, mac) {
            self.beyond = Some(link);
        }
    }

    /// The current file holds lines, and none of a chain.
    pub fn is_foreign(&self) -> bool {
        self.lines > 0 && self.newest.is_none() && self.first_seq.is_none()
    }
}

/// Where the chain goes on, and what the log is to tell about it.
pub fn reconcile(
    found: Found,
    tail: &Tail,
    key: &ChainKey,
    boot_id: String,
) -> (Anchor, Vec<Value>) {
    let mut anchor = match found {
        Found::Whole(anchor) => anchor,
        Found::Absent | Found::Broken => return without_anchor(&found, tail, key, boot_id),
    };
    let rebooted = anchor.boot_id != boot_id;
    anchor.boot_id = boot_id;
    if tail.has_anchor || anchor.last_seq == 0 {
        if let Some(link) = tail.beyond {
            (anchor.last_seq, anchor.last_mac) = (link.seq, link.mac);
        }
        return (anchor, Vec::new());
    }
    // What was not synced may be gone when the whole system went down; all else was taken away.
    let survivor = tail.newest.filter(|link| rebooted && anchor.synced_seq <= link.seq);
    let (from, to) = (survivor.map_or(0, |link| link.seq) + 1, anchor.last_seq);
    match survivor {
        Some(link) => {
            (anchor.last_seq, anchor.last_mac) = (link.seq, link.mac);
            (anchor, vec![json!({"event": "recovered", "lost_from": from, "lost_to": to})])
        }
        None => {
            let newest = tail.newest.map_or(0, |link| link.seq);
            (anchor, vec![json!({"event": "damaged", "newest_found": newest, "newest": to})])
        }
    }
}

fn without_anchor(
    found: &Found,
    tail: &Tail,
    key: &ChainKey,
    boot_id: String,
) -> (Anchor, Vec<Value>) {
    let mut anchor = Anchor::empty(key, boot_id);
    if let (Some(newest), Some(oldest)) = (tail.newest, tail.oldest) {
        (anchor.first_seq, anchor.before_first) = (oldest.seq, oldest.prev);
        (anchor.last_seq, anchor.last_mac) = (newest.seq, newest.mac);
    }
    let nothing = tail.oldest.is_none() && *found == Found::Absent;
    let news = if nothing { Vec::new() } else { vec![json!({"event": "anchor_lost"})] };
    (anchor, news)
}
