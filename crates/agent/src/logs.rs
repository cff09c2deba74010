//! Reading what nodes wrote down: filters and pages over the files of a node's directory, whether
//! or not a process of it runs. Must not know what is asked for and why.

use admin::logs::{LogPage, LogQuery, LogRow, NodeLog};
use std::fs;
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;
use stdx::record::{Kind, Record, decode};

/// Files of a log, the oldest first.
fn names(log: NodeLog) -> &'static [&'static str] {
    match log {
        NodeLog::Running => &["node.log.1", "node.log"],
        NodeLog::Slow => &["slow.rec.1", "slow.rec"],
        NodeLog::Audit => &["audit.rec.3", "audit.rec.2", "audit.rec.1", "audit.rec"],
    }
}

/// Most rows of a page.
const COUNT_MAX: u64 = 1000;

/// Answers from the files of a node's directory.
///
/// # Errors
/// As the file system says; a log that was never written is empty.
pub(crate) fn read(directory: &Path, query: &LogQuery) -> io::Result<LogPage> {
    let mut page = LogPage::default();
    let mut left_out = 0;
    each(directory, query, |row| match row {
        Seen::Row(_) => page.total += 1,
        Seen::Gap(count) => left_out += count,
    })?;
    page.left_out = left_out;
    let count = query.count.min(COUNT_MAX).min(page.total.saturating_sub(query.skip));
    let first = match query.newest_first {
        true => page.total - query.skip.min(page.total) - count,
        false => query.skip,
    };
    let mut at = 0;
    each(directory, query, |row| {
        if let Seen::Row(row) = row {
            if (first..first + count).contains(&at) {
                page.rows.push(row);
            }
            at += 1;
        }
    })?;
    if query.newest_first {
        page.rows.reverse();
    }
    Ok(page)
}

/// What lies in a log.
enum Seen {
    Row(LogRow),
    /// So many records were left out.
    Gap(u64),
}

/// Shows what is asked for, the oldest first.
fn each(directory: &Path, query: &LogQuery, mut show: impl FnMut(Seen)) -> io::Result<()> {
    for name in names(query.log) {
        let path = directory.join(name);
        let written = match fs::metadata(&path).and_then(|meta| meta.modified()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            written => written?.duration_since(UNIX_EPOCH).unwrap_or_default(),
        };
        if (written.as_millis() as i64) < query.from_unix_ms {
            continue;
        }
        let content = fs::read(path)?;
        match query.log {
            NodeLog::Running => lines(&content, query, &mut show),
            NodeLog::Slow | NodeLog::Audit => records(&content, query, &mut show),
        }
    }
    Ok(())
}

fn in_range(query: &LogQuery, unix_ms: i64) -> bool {
    query.from_unix_ms <= unix_ms && unix_ms < query.to_unix_ms
}

fn records(mut rest: &[u8], query: &LogQuery, show: &mut impl FnMut(Seen)) {
    while let Some((record, bytes)) = decode(rest) {
        rest = &rest[bytes..];
        let unix_ms = (record.unix_us / 1000) as i64;
        if !in_range(query, unix_ms) {
            continue;
        }
        if record.kind == Kind::Gap {
            show(Seen::Gap(record.took_us.into()));
            continue;
        }
        let equal = |wanted: &Option<String>, found: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == found)
        };
        let host = record.peer.rsplit_once(':').map_or(record.peer, |(host, _)| host);
        if query.db.is_none_or(|db| db == record.db)
            && equal(&query.user, record.user)
            && equal(&query.host, host)
        {
            let row = row(&record, unix_ms);
            if holds(query, &row.text) {
                show(Seen::Row(row));
            }
        }
    }
}

fn row(record: &Record<'_>, unix_ms: i64) -> LogRow {
    LogRow {
        unix_ms,
        took_us: record.took_us.into(),
        db: record.db,
        peer: record.peer.to_owned(),
        user: record.user.to_owned(),
        refused: record.kind == Kind::Refusal,
        outcome: record.outcome.to_owned(),
        text: readable(record.text),
    }
}

/// Text as a person reads it; bytes that are none are shown as such.
fn readable(text: &[u8]) -> String {
    let mut shown = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter.is_control() {
                true => shown.extend(letter.escape_default()),
                false => shown.push(letter),
            }
        }
        chunk.invalid().iter().for_each(|byte| shown.push_str(&format!("\\x{byte:02x}")));
    }
    shown
}

fn holds(query: &LogQuery, text: &str) -> bool {
    let keyword = query.keyword.as_ref().map(|keyword| keyword.to_lowercase());
    keyword.is_none_or(|keyword| text.to_lowercase().contains(&keyword))
}

/// Lines begin with their time; those that do not belong to the line before.
fn lines(content: &[u8], query: &LogQuery, show: &mut impl FnMut(Seen)) {
    let mut unix_ms = 0;
    for line in content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let text = readable(line);
        let first = text.split(' ').next().unwrap_or_default();
        unix_ms = unix_ms_of(first).unwrap_or(unix_ms);
        if in_range(query, unix_ms) && holds(query, &text) {
            show(Seen::Row(LogRow { unix_ms, text, ..LogRow::default() }));
        }
    }
}

/// `2026-11-22T12:51:19.123456Z` in Unix milliseconds.
fn unix_ms_of(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let number = |text: Option<&str>| text?.parse::<i64>().ok();
    let mut parts = date.split('-');
    let (year, month, day) = (number(parts.next())?, number(parts.next())?, number(parts.next())?);
    let (whole, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut parts = whole.split(':');
    let seconds = number(parts.next())? * 3600 + number(parts.next())? * 60 + number(parts.next())?;
    let ms = format!("{fraction:0<3}").get(..3)?.parse::<i64>().ok()?;
    Some((days_from_epoch(year, month, day) * 86_400 + seconds) * 1000 + ms)
}

/// Days since 1970-01-01 of a date of the Gregorian calendar: years begin in March, so that the
/// day that comes and goes is the last.
fn days_from_epoch(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let of_month = (153 * month + 2) / 5 + day - 1;
    365 * year + year / 4 - year / 100 + year / 400 + of_month - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(log: NodeLog) -> LogQuery {
        LogQuery {
            node_id: "n".into(),
            log,
            from_unix_ms: 0,
            to_unix_ms: i64::MAX,
            db: None,
            user: None,
            host: None,
            keyword: None,
            newest_first: false,
            skip: 0,
            count: 10,
        }
    }

    fn record(unix_ms: u64, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let (peer, user) =
            if unix_ms.is_multiple_of(2) { ("::1:9", "a") } else { ("10.0.0.1:5", "b") };
        let record = Record {
            kind: if unix_ms == 9 { Kind::Gap } else { Kind::Write },
            unix_us: unix_ms * 1000,
            took_us: 3,
            db: unix_ms as u16,
            peer,
            user,
            outcome: "",
            text,
        };
        record.encode(&mut out);
        out
    }

    fn scratch(name: &str) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("larder-logs-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("made");
        path
    }

    #[test]
    fn filters_and_pages() {
        let directory = scratch("records");
        let of = |range: std::ops::Range<u64>| {
            let each = range.map(|n| record(n, format!("SET k{n} \n\u{fc}").as_bytes()));
            each.collect::<Vec<_>>().concat()
        };
        fs::write(directory.join("audit.rec.1"), of(1..5)).expect("written");
        let torn = [of(5..10), vec![7; 9]].concat();
        fs::write(directory.join("audit.rec"), torn).expect("written");
        let base = query(NodeLog::Audit);
        let some = |text: &str| Some(text.to_owned());
        let rows: [(LogQuery, u64, &[i64]); 9] = [
            (base.clone(), 8, &[1, 2, 3, 4, 5, 6, 7, 8]),
            (LogQuery { newest_first: true, count: 3, ..base.clone() }, 8, &[8, 7, 6]),
            (LogQuery { newest_first: true, skip: 6, count: 3, ..base.clone() }, 8, &[2, 1]),
            (LogQuery { skip: 6, count: 3, ..base.clone() }, 8, &[7, 8]),
            (LogQuery { skip: 9, ..base.clone() }, 8, &[]),
            (LogQuery { user: some("a"), db: Some(4), ..base.clone() }, 1, &[4]),
            (LogQuery { host: some("::1"), count: 1, ..base.clone() }, 4, &[2]),
            (LogQuery { keyword: some("set K3 \\N"), ..base.clone() }, 1, &[3]),
            (LogQuery { from_unix_ms: 3, to_unix_ms: 5, ..base.clone() }, 2, &[3, 4]),
        ];
        for (query, total, wanted) in rows {
            let page = read(&directory, &query).expect("read");
            let found: Vec<_> = page.rows.iter().map(|row| row.unix_ms).collect();
            assert_eq!((page.total, &*found), (total, wanted), "{query:?}");
        }
        assert_eq!(read(&directory, &base).expect("read").left_out, 3);
        assert_eq!(read(&directory, &query(NodeLog::Slow)).expect("read"), LogPage::default());
        fs::remove_dir_all(directory).expect("removed");
    }

    #[test]
    fn lines_of_the_running_log() {
        let directory = scratch("lines");
        let text = "2026-11-22T12:51:19.123456Z  INFO one\n  more\n2026-11-22T12:51:20Z WARN two\n";
        fs::write(directory.join("node.log"), text).expect("written");
        let page = read(&directory, &query(NodeLog::Running)).expect("read");
        let found: Vec<_> = page.rows.iter().map(|row| (row.unix_ms, row.text.len())).collect();
        let (first, second) = (1_795_351_879_123, 1_795_351_880_000);
        assert_eq!(found, [(first, 37), (first, 6), (second, 29)]);
        let late = LogQuery { from_unix_ms: second, ..query(NodeLog::Running) };
        assert_eq!(read(&directory, &late).expect("read").total, 1);
        fs::remove_dir_all(directory).expect("removed");
    }

    #[test]
    fn days() {
        let rows = [((1970, 1, 1), 0), ((1972, 2, 29), 789), ((2000, 3, 1), 11_017)];
        for ((year, month, day), days) in rows {
            assert_eq!(days_from_epoch(year, month, day), days);
        }
    }
}
