//! Files of one directory, as a trait: the real one here, simulated ones in tests. A name may lead
//! into a directory below it, as in `below/file`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// A directory that cores read and write by file name.
pub trait Disk: Send + Sync {
    /// Opens an existing file.
    ///
    /// # Errors
    /// As the operating system says; `NotFound` when there is none.
    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send>>;
    /// Creates or truncates a file, mode 0600.
    ///
    /// # Errors
    /// As the operating system says.
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;
    /// Opens a file to write at its end; creates it, mode 0600, when there is none.
    ///
    /// # Errors
    /// As the operating system says.
    fn append(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;
    /// Length of a file in bytes.
    ///
    /// # Errors
    /// As the operating system says; `NotFound` when there is none.
    fn len(&self, name: &str) -> io::Result<u64>;
    /// Cuts a file off behind its first `len` bytes, durably.
    ///
    /// # Errors
    /// As the operating system says.
    fn truncate(&self, name: &str, len: u64) -> io::Result<()>;
    /// Makes a directory, mode 0700, unless it is there, durably.
    ///
    /// # Errors
    /// As the operating system says.
    fn create_directory(&self, name: &str) -> io::Result<()>;
    /// Makes the names in the directory `name` durable.
    ///
    /// # Errors
    /// As the operating system says.
    fn sync_directory(&self, name: &str) -> io::Result<()>;
    /// Renames and makes the rename durable.
    ///
    /// # Errors
    /// As the operating system says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    ///
    /// # Errors
    /// As the operating system says.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// A file without a name: what is written to one end is read from its start at the other, and
    /// its room is free again when both ends are gone. Held in memory unless the disk has better.
    ///
    /// # Errors
    /// As the operating system says.
    fn scratch(&self) -> io::Result<Scratch> {
        let shared = SharedBytes::default();
        let reader = SharedBytes { bytes: Arc::clone(&shared.bytes), read: 0 };
        Ok((Box::new(shared), Box::new(reader)))
    }
}

/// The writing and the reading end of a file without a name. Its `sync` does nothing.
pub type Scratch = (Box<dyn DiskFile>, Box<dyn Read + Send>);

/// A file without a name in memory.
#[derive(Default)]
struct SharedBytes {
    bytes: Arc<Mutex<Vec<u8>>>,
    read: usize,
}

impl Write for SharedBytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.lock().map_err(|_| io::ErrorKind::Other)?.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for SharedBytes {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.bytes.lock().map_err(|_| io::ErrorKind::Other)?.truncate(len as usize);
        Ok(())
    }
}

impl Read for SharedBytes {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.bytes.lock().map_err(|_| io::ErrorKind::Other)?;
        let n = (&bytes[self.read..]).read(into)?;
        self.read += n;
        Ok(n)
    }
}

/// A file being written.
pub trait DiskFile: Write + Send {
    /// Makes everything written so far durable.
    ///
    /// # Errors
    /// As the operating system says; never retried as a success.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file off behind its first `len` bytes; the next write goes there.
    ///
    /// # Errors
    /// As the operating system says.
    fn truncate(&mut self, len: u64) -> io::Result<()>;
}

impl DiskFile for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)?;
        self.seek(SeekFrom::Start(len)).map(drop)
    }
}

/// A directory of the file system.
#[derive(Debug, Clone)]
pub struct RealDisk {
    directory: PathBuf,
}

impl RealDisk {
    /// Names are resolved against `directory`, which must exist.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_path_buf() }
    }
}

impl Disk for RealDisk {
    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(self.directory.join(name))?))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        Ok(Box::new(options.open(self.directory.join(name))?))
    }

    fn append(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600);
        Ok(Box::new(options.open(self.directory.join(name))?))
    }

    fn len(&self, name: &str) -> io::Result<u64> {
        Ok(fs::metadata(self.directory.join(name))?.len())
    }

    fn truncate(&self, name: &str, len: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(self.directory.join(name))?;
        file.set_len(len)?;
        file.sync_all()
    }

    fn create_directory(&self, name: &str) -> io::Result<()> {
        let path = self.directory.join(name);
        match fs::DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            Err(error) => Err(error),
            Ok(()) => File::open(&self.directory)?.sync_all(),
        }
    }

    fn sync_directory(&self, name: &str) -> io::Result<()> {
        File::open(self.directory.join(name))?.sync_all()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (self.directory.join(from), self.directory.join(to));
        fs::rename(&from, &to)?;
        let (left, entered) = (from.parent(), to.parent());
        let both = entered.into_iter().chain(left.filter(|_| left != entered));
        both.into_iter().try_for_each(|directory| File::open(directory)?.sync_all())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.directory.join(name))
    }

    fn scratch(&self) -> io::Result<Scratch> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Relaxed);
        let path = self.directory.join(format!("temp-{}-{number}", std::process::id()));
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&path)?;
        let reader = File::open(&path);
        fs::remove_file(&path)?;
        Ok((Box::new(Unnamed(file)), Box::new(reader?)))
    }
}

/// Nobody finds this file after a crash, so nothing is made durable.
struct Unnamed(File);

impl Write for Unnamed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl DiskFile for Unnamed {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.0.truncate(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Plain;

    impl Disk for Plain {
        fn open(&self, _: &str) -> io::Result<Box<dyn Read + Send>> {
            Err(io::ErrorKind::NotFound.into())
        }
        fn create(&self, _: &str) -> io::Result<Box<dyn DiskFile>> {
            Err(io::ErrorKind::NotFound.into())
        }
        fn append(&self, _: &str) -> io::Result<Box<dyn DiskFile>> {
            Err(io::ErrorKind::NotFound.into())
        }
        fn len(&self, _: &str) -> io::Result<u64> {
            Err(io::ErrorKind::NotFound.into())
        }
        fn truncate(&self, _: &str, _: u64) -> io::Result<()> {
            Ok(())
        }
        fn create_directory(&self, _: &str) -> io::Result<()> {
            Ok(())
        }
        fn sync_directory(&self, _: &str) -> io::Result<()> {
            Ok(())
        }
        fn rename(&self, _: &str, _: &str) -> io::Result<()> {
            Ok(())
        }
        fn remove(&self, _: &str) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_written_to_a_scratch_file_is_read_at_its_other_end() {
        let directory = std::env::temp_dir();
        for disk in [&RealDisk::new(&directory) as &dyn Disk, &Plain] {
            let (mut writer, mut reader) = disk.scratch().expect("there is room");
            writer.write_all(b"one ").expect("there is room");
            let mut text = String::new();
            reader.read_to_string(&mut text).expect("it can be read");
            writer.write_all(b"two").expect("there is room");
            reader.read_to_string(&mut text).expect("it can be read");
            assert_eq!(text, "one two");
        }
    }
}
