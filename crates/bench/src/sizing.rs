//! From a server's INFO to the class that suits its data, as a page in Markdown. Pure.

use catalog::class::{CLASSES, Class};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Room above the peak that a class must have, in tenths of the peak: for growth, fragmentation
/// and buffers of clients.
const ROOM_TENTHS: u64 = 13;

/// Fields of INFO.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Info(BTreeMap<String, String>);

impl Info {
    /// Reads `name:value` lines; others are skipped.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let pairs = text.lines().filter_map(|line| line.trim_end().split_once(':'));
        Self(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// The number in this field.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        self.0.get(name)?.parse().ok()
    }

    fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Keys of all databases.
    fn keys(&self) -> u64 {
        let databases = self.0.iter().filter(|(name, _)| {
            let number = name.strip_prefix("db");
            number.is_some_and(|digits| digits.parse::<u32>().is_ok())
        });
        let count = |value: &String| -> Option<u64> {
            value.split(',').find_map(|pair| pair.strip_prefix("keys="))?.parse().ok()
        };
        databases.filter_map(|(_, value)| count(value)).sum()
    }

    /// Memory in use, or the most there ever was where the server keeps that.
    #[must_use]
    pub fn peak_bytes(&self) -> u64 {
        let used = self.number("used_memory").unwrap_or(0);
        self.number("used_memory_peak").unwrap_or(0).max(used)
    }
}

/// What INFO said around a run.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Before it, and before any preload.
    pub before: Info,
    /// After it.
    pub after: Info,
    /// The largest peak seen at any time.
    pub peak_bytes: u64,
}

impl Observed {
    /// Bytes per key: of the keys that the run added, or of all when it added none.
    fn bytes_per_key(&self) -> Option<u64> {
        let used = |info: &Info| info.number("used_memory").unwrap_or(0);
        let (before, after) = (used(&self.before), used(&self.after));
        let added = self.after.keys().saturating_sub(self.before.keys());
        if added > 0 && before < after {
            return Some((after - before) / added);
        }
        after.checked_div(self.after.keys())
    }

    /// Hits among the lookups of the run, percent.
    fn hit_percent(&self) -> Option<f64> {
        let grown = |name: &str| self.grown(name) as f64;
        let (hits, misses) = (grown("keyspace_hits"), grown("keyspace_misses"));
        (hits + misses > 0.0).then(|| 100.0 * hits / (hits + misses))
    }

    fn grown(&self, name: &str) -> u64 {
        let number = |info: &Info| info.number(name).unwrap_or(0);
        number(&self.after).saturating_sub(number(&self.before))
    }

    fn wanted_bytes(&self) -> u64 {
        (self.peak_bytes * ROOM_TENTHS).div_ceil(10)
    }

    /// The smallest class with room for the peak; of equals the one listed first.
    #[must_use]
    pub fn class(&self) -> Option<&'static Class> {
        let fits = |class: &&Class| class.capacity_mb << 20 >= self.wanted_bytes();
        CLASSES.iter().filter(fits).min_by_key(|class| class.capacity_mb)
    }

    /// The sections on memory and class.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let limit = match self.after.number("maxmemory") {
            None | Some(0) => "none".to_owned(),
            Some(bytes) => format!("{}, {}", size(bytes), self.after.text("maxmemory_policy")),
        };
        let unknown = || "unknown".to_owned();
        let rows = [
            ("Keys", self.after.keys().to_string()),
            ("Memory in use", self.after.number("used_memory").map_or_else(unknown, size)),
            ("Peak", size(self.peak_bytes)),
            ("Memory per key", self.bytes_per_key().map_or_else(unknown, size)),
            ("Memory limit", limit),
            ("Hit rate", self.hit_percent().map_or_else(unknown, |hits| format!("{hits:.1} %"))),
            ("Expired keys", self.grown("expired_keys").to_string()),
            ("Evicted keys", self.grown("evicted_keys").to_string()),
        ];
        let mut out = String::from("## Memory\n\n| measure | value |\n|---|---:|\n");
        for (name, value) in rows {
            let _ = writeln!(out, "| {name} | {value} |");
        }
        let _ = write!(out, "\n## Suggested class\n\n{}", self.advice());
        out
    }

    fn advice(&self) -> String {
        if self.peak_bytes == 0 {
            return "None: the server's INFO shows no memory.\n".into();
        }
        let wanted = size(self.wanted_bytes());
        let mut advice = match self.class() {
            Some(class) => format!(
                "**{}**, {}: the smallest class with at least 1.3 × the peak, {wanted}.\n",
                class.name,
                size(class.capacity_mb << 20)
            ),
            None => format!("None: no class holds 1.3 × the peak, {wanted}. Split the data.\n"),
        };
        if self.grown("evicted_keys") > 0 {
            advice.push_str(
                "\nKeys were evicted: the data did not fit, so the peak is less than it needs.\n",
            );
        }
        advice
    }
}

/// `1.5 GiB`.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["B", "KiB", "MiB", "GiB"];
    let mut unit = 0;
    let mut number = bytes as f64;
    while number >= 1024.0 && unit + 1 < UNITS.len() {
        number /= 1024.0;
        unit += 1;
    }
    if number.fract() == 0.0 {
        format!("{number} {}", UNITS[unit])
    } else {
        format!("{number:.1} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(before: &str, after: &str) -> Observed {
        let (before, after) = (Info::parse(before), Info::parse(after));
        let peak_bytes = after.peak_bytes();
        Observed { before, after, peak_bytes }
    }

    #[test]
    fn the_page() {
        let before = "# Memory\r\nused_memory:1000000\r\nkeyspace_hits:10\r\n";
        let after = "# Memory\r\nused_memory:21000000\r\nmaxmemory:268435456\r\n\
            maxmemory_policy:noeviction\r\nkeyspace_hits:100\r\nkeyspace_misses:10\r\n\
            expired_keys:3\r\nevicted_keys:0\r\ndb0:keys=90000,expires=0\r\ndb3:keys=10000\r\n";
        let want = "\
## Memory

| measure | value |
|---|---:|
| Keys | 100000 |
| Memory in use | 20.0 MiB |
| Peak | 20.0 MiB |
| Memory per key | 200 B |
| Memory limit | 256 MiB, noeviction |
| Hit rate | 90.0 % |
| Expired keys | 3 |
| Evicted keys | 0 |

## Suggested class

**redis.shard.micro.ce**, 256 MiB: the smallest class with at least 1.3 × the peak, 26.0 MiB.
";
        assert_eq!(observed(before, after).to_markdown(), want);
    }

    #[test]
    fn classes_have_room_above_the_peak() {
        let check = |peak_mb: u64, want: Option<&str>| {
            let observed = Observed { peak_bytes: peak_mb << 20, ..Observed::default() };
            assert_eq!(observed.class().map(|class| class.name), want, "{peak_mb}");
        };
        check(1, Some("redis.shard.micro.ce"));
        check(196, Some("redis.shard.micro.ce"));
        check(197, Some("redis.shard.small.2.ce"));
        check(20 << 10, Some("redis.shard.4xlarge.ce"));
        check(60 << 10, None);
    }

    #[test]
    fn a_peak_that_the_server_kept_counts() {
        assert_eq!(Info::parse("used_memory:5\r\nused_memory_peak:9\r\n").peak_bytes(), 9);
        assert_eq!(Info::parse("used_memory:5\r\n").peak_bytes(), 5);
        assert_eq!(Info::parse("").peak_bytes(), 0);
    }

    #[test]
    fn advice_knows_its_limits() {
        assert!(observed("", "").to_markdown().contains("shows no memory"));
        let evicted = observed("evicted_keys:1", "used_memory:9\nevicted_keys:2");
        assert!(evicted.to_markdown().contains("Keys were evicted"));
        let per_key = observed("db0:keys=5", "used_memory:500\ndb0:keys=5").bytes_per_key();
        assert_eq!(per_key, Some(100));
    }
}
