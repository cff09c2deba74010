//! The audit log: one JSON line before an action changes something, one line with the outcome
//! before the caller hears of it. Secrets are masked by the caller. Must not know actions.

use crate::vault::make_private_dir;
use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Where lines go.
pub enum Audit {
    /// Appended to a file of mode 0600.
    File(Mutex<File>),
    /// Kept, for tests.
    #[cfg(test)]
    Memory(Mutex<Vec<Value>>),
}

/// Whether a line must be on the disk before going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Yes: something changes.
    Synced,
    /// The system may write it later: something was read.
    Buffered,
}

impl Audit {
    /// Opens the log for appending.
    ///
    /// # Errors
    /// As the file system says.
    pub fn open(path: &Path) -> io::Result<Audit> {
        if let Some(directory) = path.parent() {
            make_private_dir(directory)?;
        }
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        Ok(Audit::File(Mutex::new(file)))
    }

    /// Appends one line.
    ///
    /// # Errors
    /// As the file system says; the caller must not go on with a change then.
    pub fn append(&self, line: Value, durability: Durability) -> io::Result<()> {
        match self {
            #[cfg(test)]
            Audit::Memory(lines) => {
                lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                Ok(())
            }
            Audit::File(file) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.write_all(format!("{line}\n").as_bytes())?;
                match durability {
                    Durability::Synced => file.sync_data(),
                    Durability::Buffered => Ok(()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use serde_json::json;

    #[test]
    fn lines_are_appended_across_openings() {
        let scratch = Scratch::new();
        let path = scratch.path().join("control/audit.log");
        for n in [1, 2] {
            let audit = Audit::open(&path).expect("opened");
            audit.append(json!({ "n": n }), Durability::Synced).expect("written");
        }
        let text = std::fs::read_to_string(&path).expect("read");
        assert_eq!(text, "{\"n\":1}\n{\"n\":2}\n");
    }
}
