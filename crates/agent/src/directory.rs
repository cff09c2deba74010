//! The data directory: its layout, its lock, and what the agent remembers in it. Every file is
//! written whole and durably, mode 0600. Must not know what the content means.

use crate::AgentError;
use crate::core::is_node_id;
use crate::core::message::{Leave, Record};
use rustix::fs::FlockOperation;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use stdx::Reserve;
use stdx::reserve::Sizes;

/// A data directory that this process owns for as long as the value lives.
#[derive(Debug)]
pub(crate) struct DataDirectory {
    layout: Layout,
    _lock: File,
}

/// Where things lie below a data directory.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
    reserve: Arc<Reserve>,
}

/// Disk space for records, which take a few KiB each: who cannot write them down starts no node.
const RESERVE: Sizes = Sizes {
    kept_bytes: 1 << 20,
    floor_bytes: 512 << 10,
    write_bytes_min: 64 << 10,
    short_bytes: 0,
};

impl DataDirectory {
    /// Creates the tree if needed and locks it.
    ///
    /// # Errors
    /// `Locked` when another agent runs here.
    pub(crate) fn open(root: &Path) -> Result<DataDirectory, AgentError> {
        create_private(root)?;
        let root = fs::canonicalize(root).map_err(AgentError::io("resolve", root))?;
        let lock = lock(&root.join("lock"))?;
        for name in ["agent", "agent/nodes", "nodes", "control"] {
            create_private(&root.join(name))?;
        }
        let path = root.join("agent/reserve");
        let reserve = Reserve::open(&path, RESERVE).map_err(AgentError::io("open", &path))?;
        Ok(DataDirectory { layout: Layout { root, reserve: Arc::new(reserve) }, _lock: lock })
    }

    /// Where things lie.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }
}

fn lock(path: &Path) -> Result<File, AgentError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(path).map_err(AgentError::io("open", path))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut holder = String::new();
            // The holder may be between locking and writing; then its id stays unknown.
            let _ = file.read_to_string(&mut holder);
            let pid = holder.trim().parse().ok();
            return Err(AgentError::Locked { path: path.to_owned(), pid: Holder(pid) });
        }
        Err(errno) => return Err(AgentError::io("lock", path)(errno.into())),
    }
    // As long as any before, so that a full disk has room for it.
    let written = writeln!(&file, "{:<10}", std::process::id());
    written.map_err(AgentError::io("write", path))?;
    Ok(file)
}

/// The process that holds a lock, as far as it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder(Option<u32>);

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(pid) => write!(f, "process {pid}"),
            None => f.write_str("another process"),
        }
    }
}

fn create_private(path: &Path) -> Result<(), AgentError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700).create(path).map_err(AgentError::io("create", path))
}

impl Layout {
    /// The data directory itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The agent's own socket.
    pub(crate) fn agent_socket(&self) -> PathBuf {
        self.root.join("agent/agent.sock")
    }

    /// A node's working directory.
    pub(crate) fn node(&self, node_id: &str) -> PathBuf {
        assert!(is_node_id(node_id), "{node_id:?} must not become a path");
        self.root.join("nodes").join(node_id)
    }

    /// A node's admin socket.
    pub(crate) fn node_socket(&self, node_id: &str) -> PathBuf {
        self.node(node_id).join("admin.sock")
    }

    /// A node's standard output and error.
    pub(crate) fn node_log(&self, node_id: &str) -> PathBuf {
        self.node(node_id).join("node.log")
    }

    fn records(&self) -> PathBuf {
        self.root.join("agent/nodes")
    }

    fn record(&self, node_id: &str) -> PathBuf {
        assert!(is_node_id(node_id), "{node_id:?} must not become a path");
        self.records().join(format!("{node_id}.json"))
    }

    fn epoch(&self) -> PathBuf {
        self.root.join("agent/epoch")
    }

    /// Creates a node's working directory, if needed.
    pub(crate) fn create_node(&self, node_id: &str) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(self.node(node_id))
    }

    /// Opens a node's log for appending.
    pub(crate) fn open_node_log(&self, node_id: &str) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600).open(self.node_log(node_id))
    }

    /// Writes a node's record durably.
    pub(crate) fn persist(&self, record: &Record) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(record)?;
        self.replace(&self.record(&record.spec.node_id), &bytes)
    }

    /// Deletes a node's directory, or with `Leave::Directory` only the socket in it, then its
    /// record.
    pub(crate) fn delete(&self, node_id: &str, leave: Leave) -> io::Result<()> {
        match leave {
            Leave::Nothing => absent_is_fine(fs::remove_dir_all(self.node(node_id)))?,
            Leave::Directory => absent_is_fine(fs::remove_file(self.node_socket(node_id)))?,
        }
        absent_is_fine(fs::remove_file(self.record(node_id)))?;
        sync_directory(&self.records())
    }

    /// All records. A record that cannot be read stops the agent: its process may be alive, and
    /// going on as if it did not exist could start a second one.
    pub(crate) fn load_records(&self) -> Result<Vec<Record>, AgentError> {
        let directory = self.records();
        let entries = fs::read_dir(&directory).map_err(AgentError::io("list", &directory))?;
        let mut records = Vec::new();
        for entry in entries {
            let path = entry.map_err(AgentError::io("list", &directory))?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                records.push(load_record(&path)?);
            }
        }
        Ok(records)
    }

    /// Highest epoch reserved so far, 0 in a new directory.
    pub(crate) fn load_epoch(&self) -> Result<u64, AgentError> {
        let path = self.epoch();
        match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().map_err(|_| AgentError::Unreadable {
                path,
                reason: "it holds no number".to_owned(),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(AgentError::io("read", &path)(error)),
        }
    }

    /// Writes durably that epochs up to `through` may be in use.
    pub(crate) fn reserve_epochs(&self, through: u64) -> io::Result<()> {
        self.replace(&self.epoch(), format!("{through}\n").as_bytes())
    }

    /// Replaces a file as a whole: after a crash it holds the old or the new content.
    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let written = self.reserve.lend(|| replace(path, bytes));
        written.unwrap_or_else(|| Err(io::ErrorKind::StorageFull.into()))
    }
}

fn load_record(path: &Path) -> Result<Record, AgentError> {
    let unreadable = |reason| AgentError::Unreadable { path: path.to_owned(), reason };
    let bytes = fs::read(path).map_err(AgentError::io("read", path))?;
    let record: Record =
        serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
    let named = path.file_stem().is_some_and(|stem| *stem == *record.spec.node_id);
    if !named || !is_node_id(&record.spec.node_id) {
        return Err(unreadable(format!("it is the record of {:?}", record.spec.node_id)));
    }
    Ok(record)
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let next = path.with_extension("next");
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&next)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&next, path)?;
    sync_directory(path.parent().unwrap_or(Path::new(".")))
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn absent_is_fine(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}
