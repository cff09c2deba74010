//! Which entries of which streams XREAD and XREADGROUP reply with: as many of each stream as COUNT
//! allows, and of all of them as MAXCOUNT and MAXSIZE do, but one at least.

use super::emit::{limited, write_entry};
use super::fetch::{Fetch, Start};
use crate::commands::Ctx;
use crate::error::CommandError;
use crate::types::Stream;
use crate::types::stream::{Group, Id};
use resp::{Protocol, Reply};

/// Bytes of an entry that is gone, beside its id.
const GONE_BYTES: usize = 16;
/// Bytes around the entries of a stream, beside its key: an array of two, a bulk string, an array.
const AROUND_BYTES: usize = 16;

/// Entries of one stream.
#[derive(Debug, Default)]
pub struct Portion {
    /// What is claimed from others. All of it is there.
    pub claimed: Vec<Id>,
    /// How many more to reply with, at most.
    rest: usize,
}

impl Portion {
    /// How many to reply with when there are `len`.
    pub fn of(&self, len: usize) -> usize {
        len.min(self.rest)
    }
}

/// What is left for the entries to come.
struct Budget {
    count: usize,
    bytes: usize,
    /// Nothing was taken yet.
    fresh: bool,
    protocol: Protocol,
    scratch: Vec<u8>,
}

impl Budget {
    /// Takes an entry, or what is left of one; false when that is too much.
    fn take(&mut self, stream: &Stream, id: Id, around: usize) -> bool {
        self.scratch.clear();
        let bytes = match stream.get(id) {
            Some(entry) => {
                write_entry(&mut Reply::new(&mut self.scratch, self.protocol), &entry);
                self.scratch.len()
            }
            None => GONE_BYTES + id.text().len(),
        };
        let bytes = bytes + around;
        let fits = self.count > 0 && (bytes <= self.bytes || self.fresh);
        if fits {
            self.count -= 1;
            self.bytes = self.bytes.saturating_sub(bytes);
            self.fresh = false;
        }
        fits
    }
}

/// The portions of the streams, in order. Those that nothing is left for are left out.
///
/// # Errors
/// A value is no stream.
pub fn portions(
    ctx: &mut Ctx<'_>,
    fetch: &Fetch,
    served: &[(&[u8], Start)],
) -> Result<Vec<Portion>, CommandError> {
    let (args, now_ms, protocol) = (ctx.args, ctx.keys.moment.now_ms, ctx.reply.protocol());
    let (count, bytes) = (fetch.count_max, fetch.bytes_max);
    let is_limited = (count, bytes) != (None, None);
    let mut left = Budget {
        count: count.unwrap_or(usize::MAX),
        bytes: bytes.unwrap_or(usize::MAX),
        fresh: true,
        protocol,
        scratch: Vec::new(),
    };
    let mut portions = Vec::with_capacity(served.len());
    for &(key, start) in served {
        let most = limited(usize::MAX, fetch.count);
        let mut portion = Portion { claimed: Vec::new(), rest: most };
        let stream = ctx.keys.get_quietly::<Stream>(key)?;
        let names = fetch.group(args);
        let group = stream.zip(names).and_then(|(stream, (name, _))| stream.group(name));
        if let (Some(stream), Some(group), Some(idle_ms)) = (stream, group, fetch.claim_ms)
            && start == Start::Unread
        {
            let there = |id: &Id| stream.get(*id).is_some();
            let claimable = group.claimable(now_ms, idle_ms).filter(there);
            portion.claimed = claimable.take(most).collect();
            portion.rest = most - portion.claimed.len();
        }
        if let Some(stream) = stream.filter(|_| is_limited) {
            let consumer = names.map(|(_, consumer)| consumer);
            let rest = rest(stream, (group, consumer), start);
            let around = AROUND_BYTES + key.len();
            if !cut(&mut portion, stream, rest, (&mut left, around)) {
                break;
            }
        }
        portions.push(portion);
    }
    Ok(portions)
}

/// Ids of what there is, beside what is claimed.
fn rest<'s>(
    stream: &'s Stream,
    (group, consumer): (Option<&'s Group>, Option<&[u8]>),
    start: Start,
) -> Box<dyn Iterator<Item = Id> + 's> {
    let behind = match (start, group) {
        (Start::Behind(id), Some(group)) => {
            let start = id.next().unwrap_or(Id::MIN);
            let consumer = consumer.and_then(|name| group.consumer(name));
            let pending = consumer.map(|consumer| consumer.pending().from(&start).copied());
            return Box::new(pending.into_iter().flatten());
        }
        (Start::Behind(id), None) => id,
        (Start::Unread, group) => group.map_or(Id::MAX, |group| group.last_id),
    };
    let entries = behind.next().map(|start| stream.range(start, Id::MAX).map(|entry| entry.id));
    Box::new(entries.into_iter().flatten())
}

/// Leaves in a portion what there is a budget for; false when there is none although it is needed.
fn cut(
    portion: &mut Portion,
    stream: &Stream,
    rest: impl Iterator<Item = Id>,
    (left, around): (&mut Budget, usize),
) -> bool {
    let (claimed, most) = (portion.claimed.len(), portion.rest);
    let ids = portion.claimed.iter().copied().chain(rest.take(most));
    let (mut taken, mut refused) = (0, false);
    for id in ids {
        let around = if taken == 0 { around } else { 0 };
        if !left.take(stream, id, around) {
            refused = true;
            break;
        }
        taken += 1;
    }
    portion.claimed.truncate(taken);
    portion.rest = taken - taken.min(claimed);
    taken > 0 || !refused
}
