//! The anchor beside the audit log: which lines there must be. It is written over after each line,
//! so that an end that was cut off is missed. Its check value covers it. Must not know lines.

use super::chain::{ChainKey, Mac};
use crate::hex;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Always written whole; smaller than a sector, so never half on the disk.
const BYTES: usize = 400;

/// What the log holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// Number of the first line that is kept.
    pub first_seq: u64,
    /// Check value of the line before it.
    pub before_first: Mac,
    /// Number of the newest line, 0 before there is one.
    pub last_seq: u64,
    /// Its check value.
    pub last_mac: Mac,
    /// Newest line that is known to be on the disk.
    pub synced_seq: u64,
    /// The system's start; after another one, lines that were not synced may be gone.
    pub boot_id: String,
}

/// What lies where the anchor should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Absent,
    /// Nothing that was written with this key.
    Broken,
    /// An anchor.
    Whole(Anchor),
}

impl Anchor {
    /// Of a log without lines.
    pub fn empty(key: &ChainKey, boot_id: String) -> Anchor {
        let before = key.genesis();
        Anchor {
            first_seq: 1,
            before_first: before,
            last_seq: 0,
            last_mac: before,
            synced_seq: 0,
            boot_id,
        }
    }

    fn text(&self, key: &ChainKey) -> String {
        let text = format!(
            "larder-audit-anchor 1\nfirst {} {}\nlast {} {}\nsynced {}\nboot {}\n",
            self.first_seq,
            hex::encode(&self.before_first),
            self.last_seq,
            hex::encode(&self.last_mac),
            self.synced_seq,
            self.boot_id,
        );
        let mac = hex::encode(&key.mac(text.as_bytes()));
        format!("{:<width$}\n", format!("{text}mac {mac}\n"), width = BYTES - 1)
    }

    fn parse(text: &str, key: &ChainKey) -> Option<Anchor> {
        let (covered, mac) = text.trim_end().rsplit_once("mac ")?;
        if hex::encode(&key.mac(covered.as_bytes())) != mac {
            return None;
        }
        let mut lines = covered.lines();
        lines.next().filter(|line| *line == "larder-audit-anchor 1")?;
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let (first_seq, before_first) = place(field("first")?)?;
        let (last_seq, last_mac) = place(field("last")?)?;
        let synced_seq = field("synced")?.parse().ok()?;
        let boot_id = field("boot")?.to_owned();
        Some(Anchor { first_seq, before_first, last_seq, last_mac, synced_seq, boot_id })
    }

    /// Reads what is at `path`.
    ///
    /// # Errors
    /// As the file system says.
    pub fn read(path: &Path, key: &ChainKey) -> io::Result<Found> {
        let mut text = Vec::new();
        match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Absent),
            opened => opened?.take(BYTES as u64 * 2).read_to_end(&mut text)?,
        };
        let parsed = std::str::from_utf8(&text).ok().and_then(|text| Anchor::parse(text, key));
        Ok(parsed.map_or(Found::Broken, Found::Whole))
    }

    /// Opens the file for [`Anchor::write`].
    ///
    /// # Errors
    /// As the file system says.
    pub fn open(path: &Path) -> io::Result<File> {
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
    }

    /// Writes over the file.
    ///
    /// # Errors
    /// As the file system says.
    pub fn write(&self, file: &File, key: &ChainKey) -> io::Result<()> {
        file.write_all_at(self.text(key).as_bytes(), 0)
    }
}

fn place(text: &str) -> Option<(u64, Mac)> {
    let (seq, mac) = text.split_once(' ')?;
    Some((seq.parse().ok()?, hex::decode(mac)?.try_into().ok()?))
}

/// Tells one start of the system from another; empty where the system does not say.
pub fn boot_id() -> String {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    #[test]
    fn written_over_and_read() {
        let scratch = Scratch::new();
        let (path, key) = (scratch.path().join("anchor"), ChainKey::new(&[1; 32]));
        assert_eq!(Anchor::read(&path, &key).expect("read"), Found::Absent);
        let file = Anchor::open(&path).expect("made");
        assert_eq!(Anchor::read(&path, &key).expect("read"), Found::Broken);
        let mut anchor = Anchor::empty(&key, boot_id());
        for seq in [u64::MAX, 1] {
            anchor.last_seq = seq;
            anchor.write(&file, &key).expect("written");
            assert_eq!(Anchor::read(&path, &key).expect("read"), Found::Whole(anchor.clone()));
            let other = ChainKey::new(&[2; 32]);
            assert_eq!(Anchor::read(&path, &other).expect("read"), Found::Broken);
        }
        let text = std::fs::read_to_string(&path).expect("read");
        assert_eq!(text.len(), BYTES);
        std::fs::write(&path, text.replace("last 1 ", "last 0 ")).expect("written");
        assert_eq!(Anchor::read(&path, &key).expect("read"), Found::Broken);
    }
}
