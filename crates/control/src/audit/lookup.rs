//! Questions about events of the audit log, answered in pages from the newest or the oldest on.
//! Must not know the API that asks.

use super::index::{self, FIELDS, RECORD_BYTES, Record, digest};
use serde_json::Value;
use std::fs::File;
use std::io;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Whose events.
    pub account_id: String,
    /// At this time or later.
    pub from_unix_ms: i64,
    /// At this time or earlier.
    pub to_unix_ms: i64,
    /// Fields of [`FIELDS`] with their values.
    pub fields: Vec<(&'static str, String)>,
    /// Only what was to change something, or only what was not.
    pub writes: Option<bool>,
    /// Only the line of this number.
    pub seq: Option<u64>,
    /// The last line of the page before.
    pub after: Option<u64>,
    /// The order.
    pub newest_first: bool,
    /// Most lines of a page.
    pub count: usize,
}

/// Lines in the order asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// As written.
    pub lines: Vec<Value>,
    /// There are more.
    pub more: bool,
}

/// A file of the log and its index, both open: what is asked meanwhile finds them whatever becomes
/// of their names.
pub struct Source {
    /// Lines.
    pub log: File,
    /// Records.
    pub index: File,
}

/// When a principal's newest event was, as the last two files know.
pub fn newest_of(principal: &str, sources: Vec<Source>) -> Option<i64> {
    let at = FIELDS.iter().position(|field| *field == "principal")?;
    let wanted = digest(principal);
    sources.iter().rev().take(2).find_map(|source| {
        let bytes = index::records(&source.index).ok()?;
        let (records, _) = bytes.as_chunks::<RECORD_BYTES>();
        let records = records.iter().map(Record::decode);
        records.filter(|record| record.digests[at] == wanted).map(|record| record.unix_ms).max()
    })
}

impl Query {
    fn may_be(&self, record: &Record, digests: &[(usize, u32)]) -> bool {
        let beyond = |after: u64| match self.newest_first {
            true => record.seq < after,
            false => after < record.seq,
        };
        self.from_unix_ms <= record.unix_ms
            && record.unix_ms <= self.to_unix_ms
            && digests.iter().all(|(at, digest)| record.digests[*at] == *digest)
            && self.writes.is_none_or(|writes| writes == record.writes)
            && self.seq.is_none_or(|seq| seq == record.seq)
            && self.after.is_none_or(beyond)
    }

    /// Whether a line that the index named is asked for: digests may agree by chance.
    pub fn is(&self, line: &Value) -> bool {
        let has = |name: &str, value: &str| line[name].as_str().unwrap_or_default() == value;
        has("account_id", &self.account_id)
            && self.fields.iter().all(|(name, value)| has(name, value))
    }

    fn digests(&self) -> Vec<(usize, u32)> {
        let own = ("account_id", &self.account_id);
        let fields = self.fields.iter().map(|(name, value)| (*name, value));
        let place = |name: &str| FIELDS.iter().position(|field| *field == name);
        let digests = std::iter::once(own).chain(fields);
        digests.filter_map(|(name, value)| Some((place(name)?, digest(value)))).collect()
    }

    /// Answers from these files, oldest first.
    ///
    /// # Errors
    /// As the file system says.
    pub fn answer(&self, mut sources: Vec<Source>) -> io::Result<Page> {
        let digests = self.digests();
        let mut page = Page::default();
        if self.newest_first {
            sources.reverse();
        }
        for source in &sources {
            let bytes = index::records(&source.index)?;
            let (records, _) = bytes.as_chunks::<RECORD_BYTES>();
            let each = |at: usize| {
                Record::decode(
                    &records[if self.newest_first { records.len() - 1 - at } else { at }],
                )
            };
            let found = (0..records.len()).map(each);
            for record in found.filter(|record| self.may_be(record, &digests)) {
                let line = match index::line_at(&source.log, &record) {
                    Ok(line) if self.is(&line) && line["seq"] == record.seq => line,
                    _ => continue,
                };
                if page.lines.len() == self.count {
                    page.more = true;
                    return Ok(page);
                }
                page.lines.push(line);
            }
        }
        Ok(page)
    }

    /// The same by looking at every line: what answers are held against.
    #[cfg(test)]
    pub fn answer_plainly(&self, lines: &[Value]) -> Page {
        let wanted = |line: &&Value| {
            let Value::Object(fields) = line else { return false };
            let time = line["time"].as_str().and_then(|time| time.parse::<jiff::Timestamp>().ok());
            let unix_ms = time.map_or(0, jiff::Timestamp::as_millisecond);
            let seq = line["seq"].as_u64().unwrap_or_default();
            let record = Record::of(fields, seq, unix_ms);
            record.is_some_and(|record| self.may_be(&record, &[])) && self.is(line)
        };
        let mut found: Vec<Value> = lines.iter().filter(wanted).cloned().collect();
        if self.newest_first {
            found.reverse();
        }
        let more = self.count < found.len();
        found.truncate(self.count);
        Page { lines: found, more }
    }
}
