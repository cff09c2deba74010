//! Writing entries and ids, and stating what was given to whom in the words that Redis propagates.

use crate::commands::Ctx;
use crate::types::Stream;
use crate::types::stream::{Entry, Group, Id};
use resp::Reply;
use resp::number::Digits;

/// An id.
pub fn write_id(reply: &mut Reply<'_>, id: Id) {
    reply.bulk(&id.text());
}

/// An entry with its id.
pub fn write_entry(reply: &mut Reply<'_>, entry: &Entry<'_>) {
    reply.array(2);
    write_entry_parts(reply, entry);
}

/// The two parts of an entry.
pub fn write_entry_parts(reply: &mut Reply<'_>, entry: &Entry<'_>) {
    write_id(reply, entry.id);
    reply.array(2 * entry.len);
    for (field, value) in entry.pairs() {
        field.with(|field| reply.bulk(field));
        value.with(|value| reply.bulk(value));
    }
}

/// The first `count` entries from one id to another; 0 means all.
pub fn write_range(reply: &mut Reply<'_>, stream: &Stream, ends: (Id, Id), count: usize) {
    let len = limited(stream.count(ends.0, ends.1), count);
    reply.array(len);
    stream.range(ends.0, ends.1).take(len).for_each(|entry| write_entry(reply, &entry));
}

/// `len`, but no more than `count`, where 0 is no limit.
pub fn limited(len: usize, count: usize) -> usize {
    if count == 0 { len } else { len.min(count) }
}

/// What became of an entry that is or was pending: the words of one XCLAIM.
#[derive(Debug)]
pub struct Given {
    /// The entry.
    pub id: Id,
    /// Whom it was given to.
    pub owner: crate::types::stream::group::Name,
    /// When, in Unix milliseconds.
    pub delivered_ms: u64,
    /// How often by now.
    pub count: u64,
    /// How far the group had read by then.
    pub last_id: Id,
}

impl Given {
    /// What is known of a pending entry.
    pub fn of(group: &Group, id: Id) -> Option<Self> {
        let pending = group.pending().find(&id)?;
        let owner = group.owner(pending);
        let (delivered_ms, count) = (pending.delivered_ms(), pending.count);
        Some(Self { id, owner, delivered_ms, count, last_id: group.last_id })
    }

    /// States it; `id` is how it was written, if it was.
    pub fn propagate(&self, ctx: &mut Ctx<'_>, key: &[u8], group: &[u8], id: Option<&[u8]>) {
        let (mut time, mut count) = (Digits::new(), Digits::new());
        let (own_id, last_id) = (self.id.text(), self.last_id.text());
        ctx.propagate(&[
            b"XCLAIM",
            key,
            group,
            &self.owner,
            b"0",
            id.unwrap_or(&own_id),
            b"TIME",
            time.format(self.delivered_ms.cast_signed()),
            b"RETRYCOUNT",
            count.format(self.count.cast_signed()),
            b"FORCE",
            b"JUSTID",
            b"LASTID",
            &last_id,
        ]);
    }
}

/// States that nobody has a pending entry any more: in Redis 7.0 a consumer without a name has it,
/// for ever. That the time is given twice tells our own replicas what it is.
pub fn propagate_release(ctx: &mut Ctx<'_>, (key, group): (&[u8], &[u8]), id: Id, count: u64) {
    let (id, mut digits) = (id.text(), Digits::new());
    let count = digits.format(count.cast_signed());
    let head: [&[u8]; 6] = [b"XCLAIM", key, group, b"", b"0", &id];
    let rest: [&[u8]; 8] =
        [b"FORCE", b"JUSTID", b"RETRYCOUNT", count, b"IDLE", b"0", b"TIME", b"0"];
    ctx.propagate(&[&head[..], &rest].concat());
}

/// States how far a group has read.
pub fn propagate_read(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    group: &[u8],
    (last_id, read): (Id, Option<i64>),
) {
    let (last_id, mut digits) = (last_id.text(), Digits::new());
    let read = digits.format(read.unwrap_or(-1));
    ctx.propagate(&[b"XGROUP", b"SETID", key, group, &last_id, b"ENTRIESREAD", read]);
}

/// Lines of help.
pub fn write_help(ctx: &mut Ctx<'_>, lines: &[&str]) {
    ctx.reply.array(lines.len());
    lines.iter().for_each(|line| ctx.reply.simple(line));
}
