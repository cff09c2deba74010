//! Disk space that a process keeps for itself, as a file that it empties while it writes when there
//! is no other space left: so that a full disk can still be cleared, and files that must not meet
//! the end of the disk do not. Must not know what is written.

use rustix::fs::FallocateFlags;
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// How much is kept, and when it is needed.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// What is kept, at most.
    pub kept_bytes: u64,
    /// Less free space than this is lent from what is kept.
    pub floor_bytes: u64,
    /// Nothing is written with less than this, what was kept counted in.
    pub write_bytes_min: u64,
    /// With less free space than this the disk is short.
    pub short_bytes: u64,
}

/// Bytes that may still be written to the disk of the reserve.
type Free = Box<dyn Fn(&File) -> io::Result<u64> + Send + Sync>;

/// The space kept. A file system that cannot keep any lends nothing.
pub struct Reserve {
    file: Mutex<File>,
    sizes: Sizes,
    free: Free,
}

impl std::fmt::Debug for Reserve {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reserve").field("sizes", &self.sizes).finish_non_exhaustive()
    }
}

impl Reserve {
    /// Opens or makes the file at `path`, mode 0600, as large as the disk allows.
    ///
    /// # Errors
    /// As the file system says; never for lack of space.
    pub fn open(path: &Path, sizes: Sizes) -> io::Result<Reserve> {
        Reserve::over(path, sizes, Box::new(free_bytes))
    }

    fn over(path: &Path, sizes: Sizes, free: Free) -> io::Result<Reserve> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(path)?;
        let reserve = Reserve { file: Mutex::new(file), sizes, free };
        reserve.fill(&reserve.file.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(reserve)
    }

    /// Whether so little is left that only what makes room should go on.
    pub fn is_short(&self) -> bool {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        self.free_of(&file) < self.sizes.short_bytes
    }

    /// Runs `write` with space for it, lent from the reserve if there is no other; `None` when
    /// there is not even that.
    pub fn lend<T>(&self, write: impl FnOnce() -> T) -> Option<T> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if self.sizes.floor_bytes <= self.free_of(&file) {
            drop(file);
            return Some(write());
        }
        let lent = file.set_len(0);
        let enough = self.sizes.write_bytes_min <= self.free_of(&file);
        let written = (lent.is_ok() && enough).then(write);
        self.fill(&file);
        written
    }

    /// What cannot be told counts as plenty: the write itself will say.
    fn free_of(&self, file: &File) -> u64 {
        (self.free)(file).unwrap_or(u64::MAX)
    }

    /// Takes as much as there is.
    fn fill(&self, file: &File) {
        let mut bytes = self.sizes.kept_bytes;
        while self.sizes.write_bytes_min <= bytes {
            match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, bytes) {
                Err(Errno::NOSPC | Errno::DQUOT) => bytes /= 2,
                // Done, or this file system keeps nothing.
                _ => return,
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
    use std::fs;
    use std::os::unix::fs::MetadataExt;
    use std::path::PathBuf;

    const SIZES: Sizes = Sizes {
        kept_bytes: 1 << 20,
        floor_bytes: 256 << 10,
        write_bytes_min: 64 << 10,
        short_bytes: 4 << 20,
    };

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("larder-reserve-{}-{name}", std::process::id()))
    }

    fn held(file: &File) -> u64 {
        file.metadata().expect("read").blocks() * 512
    }

    #[test]
    fn space_is_lent_while_nothing_else_is_free_and_taken_back() {
        // Beside `others`, that is free which the reserve does not hold of its full size.
        let check = |others: u64, short: bool, lent: bool| {
            let path = path(&others.to_string());
            let free = move |file: &File| Ok(others + SIZES.kept_bytes - held(file));
            let reserve = Reserve::over(&path, SIZES, Box::new(free)).expect("opened");
            let now = || held(&File::open(&path).expect("there"));
            assert_eq!(now(), SIZES.kept_bytes, "{others}");
            assert_eq!(reserve.is_short(), short, "{others}");
            let meanwhile = reserve.lend(now);
            assert_eq!(meanwhile, Some(if lent { 0 } else { SIZES.kept_bytes }), "{others}");
            assert_eq!(now(), SIZES.kept_bytes, "{others}: taken back");
            fs::remove_file(path).expect("removed");
        };
        check(0, true, true);
        check(SIZES.floor_bytes - 1, true, true);
        check(SIZES.floor_bytes, true, false);
        check(SIZES.short_bytes - 1, true, false);
        check(SIZES.short_bytes, false, false);
    }

    #[test]
    fn nothing_is_written_without_any_space() {
        let path = path("none");
        let reserve = Reserve::over(&path, SIZES, Box::new(|_| Ok(0))).expect("opened");
        assert!(reserve.is_short());
        assert_eq!(reserve.lend(|| ()), None);
        let unknown = Box::new(|_: &File| Err(io::ErrorKind::Unsupported.into()));
        let reserve = Reserve::over(&path, SIZES, unknown).expect("opened");
        assert!(!reserve.is_short());
        assert_eq!(reserve.lend(|| ()), Some(()));
        fs::remove_file(path).expect("removed");
    }
}
