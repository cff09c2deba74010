//! A disk in memory for tests: it can be full, fail, and forget what was not synced.

use std::collections::HashMap;
use std::io::{self, Cursor, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard};
use stdx::{Disk, DiskFile};

/// Files in memory; clones see the same ones.
#[derive(Default, Clone)]
pub struct MemoryDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    files: HashMap<String, Shared>,
    fault: Fault,
}

/// Open files keep their content through a rename.
type Shared = Arc<Mutex<Content>>;

#[derive(Default)]
struct Content {
    bytes: Vec<u8>,
    synced: usize,
}

/// What does not work.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Everything works.
    #[default]
    None,
    /// Nothing more can be written; half of the first attempt still was.
    Full,
    /// No file can be made.
    Create,
    /// Nothing can be made durable.
    Sync,
}

struct MemoryFile(MemoryDisk, Shared);

fn locked(content: &Shared) -> MutexGuard<'_, Content> {
    content.lock().expect("not poisoned")
}

fn cut(content: &Shared, len: u64) {
    let mut content = locked(content);
    content.bytes.truncate(len as usize);
    content.synced = content.synced.min(len as usize);
}

impl MemoryDisk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("not poisoned")
    }

    /// From now on this goes wrong.
    pub fn set_fault(&self, fault: Fault) {
        self.state().fault = fault;
    }

    /// What a machine has behind a power failure: of every file what was synced.
    pub fn after_power_failure(&self) -> Self {
        let state = self.state();
        let kept = |content: &Shared| {
            let content = locked(content);
            let bytes = content.bytes[..content.synced].to_vec();
            Arc::new(Mutex::new(Content { bytes, synced: content.synced }))
        };
        let files = state.files.iter().map(|(name, content)| (name.clone(), kept(content)));
        Self(Arc::new(Mutex::new(State { files: files.collect(), fault: Fault::None })))
    }

    /// The bytes of a file.
    pub fn get(&self, name: &str) -> Option<Vec<u8>> {
        self.state().files.get(name).map(|content| locked(content).bytes.clone())
    }

    /// Puts a file there.
    pub fn set(&self, name: &str, bytes: &[u8]) {
        let content = Content { bytes: bytes.to_vec(), synced: bytes.len() };
        self.state().files.insert(name.to_owned(), Arc::new(Mutex::new(content)));
    }

    /// Names of all files, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.state().files.keys().cloned().collect();
        names.sort();
        names
    }
}

impl Write for MemoryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let full = self.0.state().fault == Fault::Full;
        if full && bytes.len() < 2 {
            return Err(io::Error::from_raw_os_error(28));
        }
        let taken = if full { bytes.len() / 2 } else { bytes.len() };
        locked(&self.1).bytes.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for MemoryFile {
    fn sync(&mut self) -> io::Result<()> {
        if self.0.state().fault == Fault::Sync {
            return Err(io::Error::from_raw_os_error(5));
        }
        let mut content = locked(&self.1);
        content.synced = content.bytes.len();
        Ok(())
    }
    fn truncate(&mut self, len: u64) -> io::Result<()> {
        cut(&self.1, len);
        Ok(())
    }
}

impl Disk for MemoryDisk {
    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(self.get(name).ok_or(io::ErrorKind::NotFound)?)))
    }
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        if self.state().fault == Fault::Create {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let content = Shared::default();
        self.state().files.insert(name.to_owned(), Arc::clone(&content));
        Ok(Box::new(MemoryFile(self.clone(), content)))
    }
    fn append(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let content = Arc::clone(self.state().files.entry(name.to_owned()).or_default());
        Ok(Box::new(MemoryFile(self.clone(), content)))
    }
    fn len(&self, name: &str) -> io::Result<u64> {
        Ok(self.get(name).ok_or(io::ErrorKind::NotFound)?.len() as u64)
    }
    fn truncate(&self, name: &str, len: u64) -> io::Result<()> {
        cut(self.state().files.get(name).ok_or(io::ErrorKind::NotFound)?, len);
        Ok(())
    }
    fn create_directory(&self, _: &str) -> io::Result<()> {
        Ok(())
    }
    fn sync_directory(&self, _: &str) -> io::Result<()> {
        Ok(())
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        let content = state.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.files.insert(to.to_owned(), content);
        Ok(())
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.state().files.remove(name).map(drop).ok_or(io::ErrorKind::NotFound.into())
    }
}
