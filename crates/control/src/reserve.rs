//! Disk space that the control plane keeps for itself, as a file that it empties when there is no
//! other space left: so that a full disk can still be cleared through the API, and the store's file
//! never meets the end of the disk. Must not know what is written.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// What is kept, at most.
const RESERVE_BYTES: u64 = 16 << 20;
/// Less free space than this is lent from the reserve.
const FLOOR_BYTES: u64 = 4 << 20;
/// Nothing is written with less than this, the reserve counted in.
const WRITE_BYTES_MIN: u64 = 1 << 20;
/// With less free space than this, what would fill the disk further is refused.
pub const SHORT_BYTES: u64 = 64 << 20;

/// Bytes that may still be written to the disk of the reserve.
type Free = Box<dyn Fn(&File) -> io::Result<u64> + Send + Sync>;

/// The space kept.
pub struct Reserve {
    file: Mutex<File>,
    free: Free,
}

impl Reserve {
    /// Opens or makes the file `reserve` of `directory`, as large as the disk allows.
    ///
    /// # Errors
    /// As the file system says; never for lack of space.
    pub fn open(directory: &Path) -> io::Result<Reserve> {
        Reserve::over(directory, Box::new(free_bytes))
    }

    fn over(directory: &Path, free: Free) -> io::Result<Reserve> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(directory.join("reserve"))?;
        let reserve = Reserve { file: Mutex::new(file), free };
        reserve.fill(&reserve.file.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(reserve)
    }

    /// Whether so little is left that only what makes room should go on.
    pub fn is_short(&self) -> bool {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        self.free_of(&file) < SHORT_BYTES
    }

    /// Runs `write` with space for it, lent from the reserve if there is no other; `None` when
    /// there is not even that.
    pub fn lend<T>(&self, write: impl FnOnce() -> T) -> Option<T> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if FLOOR_BYTES <= self.free_of(&file) {
            drop(file);
            return Some(write());
        }
        if let Err(error) = file.set_len(0) {
            tracing::error!("lending from the disk reserve: {error}");
        }
        let written = (WRITE_BYTES_MIN <= self.free_of(&file)).then(write);
        self.fill(&file);
        written
    }

    /// What cannot be told counts as plenty: the write itself will say.
    fn free_of(&self, file: &File) -> u64 {
        (self.free)(file).unwrap_or_else(|error| {
            tracing::warn!("asking how much disk is free: {error}");
            u64::MAX
        })
    }

    /// Takes as much as there is.
    fn fill(&self, file: &File) {
        let mut bytes = RESERVE_BYTES;
        while WRITE_BYTES_MIN <= bytes {
            let flags = rustix::fs::FallocateFlags::empty();
            match rustix::fs::fallocate(file, flags, 0, bytes) {
                Ok(()) => return,
                Err(rustix::io::Errno::NOSPC | rustix::io::Errno::DQUOT) => bytes /= 2,
                Err(errno) => {
                    return tracing::warn!("this file system keeps no disk reserve: {errno}");
                }
            }
        }
    }
}

fn free_bytes(file: &File) -> io::Result<u64> {
    let disk = rustix::fs::fstatvfs(file)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use std::os::unix::fs::MetadataExt;

    /// Free space is `others` and what the reserve does not hold of its full size.
    fn with(scratch: &Scratch, others: u64) -> Reserve {
        let free = move |file: &File| Ok(others + RESERVE_BYTES - held(file));
        Reserve::over(scratch.path(), Box::new(free)).expect("opened")
    }

    fn held(file: &File) -> u64 {
        file.metadata().expect("read").blocks() * 512
    }

    #[test]
    fn space_is_lent_while_nothing_else_is_free_and_taken_back() {
        let check = |others: u64, short: bool, lent: bool| {
            let scratch = Scratch::new();
            let reserve = with(&scratch, others);
            let now = || held(&File::open(scratch.path().join("reserve")).expect("there"));
            assert_eq!(now(), RESERVE_BYTES, "{others}");
            assert_eq!(reserve.is_short(), short, "{others}");
            let meanwhile = reserve.lend(now);
            assert_eq!(meanwhile, Some(if lent { 0 } else { RESERVE_BYTES }), "{others}");
            assert_eq!(now(), RESERVE_BYTES, "{others}: taken back");
        };
        check(0, true, true);
        check(FLOOR_BYTES - 1, true, true);
        check(FLOOR_BYTES, true, false);
        check(SHORT_BYTES - 1, true, false);
        check(SHORT_BYTES, false, false);
    }

    #[test]
    fn nothing_is_written_without_any_space() {
        let scratch = Scratch::new();
        let reserve = Reserve::over(scratch.path(), Box::new(|_| Ok(0))).expect("opened");
        assert!(reserve.is_short());
        assert_eq!(reserve.lend(|| ()), None);
        let unknown = Box::new(|_: &File| Err(io::ErrorKind::Unsupported.into()));
        let reserve = Reserve::over(scratch.path(), unknown).expect("opened");
        assert!(!reserve.is_short());
        assert_eq!(reserve.lend(|| ()), Some(()));
    }
}
