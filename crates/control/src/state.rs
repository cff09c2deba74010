//! The control plane's whole memory as one JSON document, out of a running control and into a data
//! directory at rest. Must not know what documents mean, but for one thing: a restored intent must
//! be newer than whatever a node has seen since the backup.

use crate::hex;
use crate::store::embedded::EmbeddedStore;
use crate::store::{Kind, SCHEMA, Store, StoreError};
use crate::vault::{Vault, VaultError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// First field of every backup.
const FORMAT: &str = "larder-state-1";

/// Added to the generation of every restored intent. Far above what can be missing between a
/// backup and the last change before it was needed.
const GENERATIONS_AHEAD: u64 = 1 << 32;

/// A backup.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    format: String,
    /// Layout of the documents.
    schema: u64,
    larder_version: String,
    time: String,
    /// Of the store when it was read.
    revision: u64,
    /// Which master.key opens the secrets.
    master_key_id: String,
    documents: Vec<Entry>,
    /// Of the documents, so that a torn or edited file is not restored.
    sha256: String,
}

/// One document with its whole key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// `kind/id`.
    pub key: String,
    /// Owner.
    pub account_id: String,
    /// Content.
    pub body: Value,
}

/// Why a state was not restored. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The backup cannot be read.
    #[error("reading {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// The file is not a whole backup.
    #[error("{path} is no backup of a state: {why}")]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The secrets could not be opened.
    #[error(
        "the secrets in the backup open with master key {wanted}; {path} is key {found}: put the \
         master.key of that installation there first"
    )]
    OtherKey {
        /// Where the key is looked for.
        path: PathBuf,
        /// Id of the backup's.
        wanted: String,
        /// Id of the one there.
        found: String,
    },
    /// See [`VaultError`].
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// There is no key at all.
    #[error("{0} is missing: put the master.key of the backed-up installation there first")]
    NoKey(PathBuf),
    /// Something is there already.
    #[error("{0} holds a state: give --replace to set it aside and restore all the same")]
    Present(PathBuf),
    /// See [`StoreError`]. A store that is held means a running control.
    #[error("{source}; is larder still running on this data directory? stop it first")]
    Store {
        /// What happened.
        #[from]
        source: StoreError,
    },
    /// The file system said no.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What happened.
        source: io::Error,
    },
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// When the backup was made.
    pub time: String,
    /// Documents in it.
    pub documents: usize,
    /// Instances among them.
    pub instances: usize,
    /// Where the state that was there before is now.
    pub set_aside: Option<PathBuf>,
}

/// Everything in the store at one moment.
///
/// # Errors
/// When the store cannot be read.
pub fn export(store: &dyn Store, key_id: &str, now_unix_ms: i64) -> Result<State, StoreError> {
    let (revision, documents) = store.all()?;
    let time = jiff::Timestamp::from_millisecond(now_unix_ms).unwrap_or_default();
    Ok(State {
        format: FORMAT.to_owned(),
        schema: SCHEMA,
        larder_version: env!("CARGO_PKG_VERSION").to_owned(),
        time: time.to_string(),
        revision,
        master_key_id: key_id.to_owned(),
        sha256: digest(&documents),
        documents,
    })
}

fn digest(documents: &[Entry]) -> String {
    let bytes = serde_json::to_vec(documents).expect("documents are plain data");
    hex::encode(&Sha256::digest(bytes))
}

/// Puts a backup into a data directory that no control uses. With `replace`, a state that is there
/// is set aside under another name.
///
/// # Errors
/// See [`RestoreError`].
pub fn restore(file: &Path, data_dir: &Path, replace: bool) -> Result<Restored, RestoreError> {
    let state = read(file)?;
    check_key(&state, &data_dir.join("master.key"))?;
    let path = data_dir.join("control/store.redb");
    // Opening it proves that nobody else holds it, and refuses a later layout.
    let present = path.exists().then(|| EmbeddedStore::open(&path)).transpose()?;
    let full = present.as_ref().map(|store| store.all()).transpose()?;
    if full.is_some_and(|(_, documents)| !documents.is_empty()) && !replace {
        return Err(RestoreError::Present(path));
    }
    let fresh = path.with_extension("redb.restoring");
    let io = |doing| move |source| RestoreError::Io { doing, source };
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(io("removing what an earlier restore left")(error));
        }
        _ => {}
    }
    let documents: Vec<Entry> = state.documents.into_iter().map(ahead).collect();
    EmbeddedStore::open(&fresh)?.fill(state.revision, &documents)?;
    let set_aside = present.is_some().then(|| aside(&path));
    if let Some(aside) = &set_aside {
        fs::rename(&path, aside).map_err(io("setting the present state aside"))?;
    }
    fs::rename(&fresh, &path).map_err(io("putting the restored state in its place"))?;
    let directory = fs::File::open(data_dir.join("control")).and_then(|dir| dir.sync_all());
    directory.map_err(io("making the change durable"))?;
    let prefix = format!("{}/", Kind::Instance.name());
    let instances = documents.iter().filter(|entry| entry.key.starts_with(&prefix)).count();
    Ok(Restored { time: state.time, documents: documents.len(), instances, set_aside })
}

fn read(file: &Path) -> Result<State, RestoreError> {
    let unusable = |why: String| RestoreError::Unusable { path: file.to_owned(), why };
    let text = fs::read(file);
    let text = text.map_err(|source| RestoreError::Read { path: file.to_owned(), source })?;
    let parsed: Value =
        serde_json::from_slice(&text).map_err(|error| unusable(error.to_string()))?;
    // As the API answers, or the state alone.
    let state = parsed.get("State").cloned().unwrap_or(parsed);
    let state: State =
        serde_json::from_value(state).map_err(|error| unusable(error.to_string()))?;
    if state.format != FORMAT {
        return Err(unusable(format!("its format is {:?}, not {FORMAT:?}", state.format)));
    }
    if SCHEMA < state.schema {
        let why = format!("it has schema {}; this larder reads up to {SCHEMA}", state.schema);
        return Err(unusable(why));
    }
    if state.sha256 != digest(&state.documents) {
        return Err(unusable("its checksum does not match: it was cut or changed".to_owned()));
    }
    Ok(state)
}

fn check_key(state: &State, path: &Path) -> Result<(), RestoreError> {
    if !path.exists() {
        return Err(RestoreError::NoKey(path.to_owned()));
    }
    let found = Vault::open(path)?.key_id().to_owned();
    if found != state.master_key_id {
        let wanted = state.master_key_id.clone();
        return Err(RestoreError::OtherKey { path: path.to_owned(), wanted, found });
    }
    Ok(())
}

/// The entry with its generation, if it is an instance, in the recycle bin or not, ahead of all
/// that nodes have seen.
fn ahead(mut entry: Entry) -> Entry {
    let kinds = [Kind::Instance, Kind::Released].map(Kind::name);
    let is_instance = entry.key.split('/').next().is_some_and(|kind| kinds.contains(&kind));
    if let Some(generation) = entry.body.get_mut("generation").filter(|_| is_instance) {
        let ahead = generation.as_u64().unwrap_or_default() + GENERATIONS_AHEAD;
        *generation = ahead.into();
    }
    entry
}

/// A name for the present state that nothing has.
fn aside(path: &Path) -> PathBuf {
    let name = |n: u32| path.with_extension(format!("redb.before-restore-{n}"));
    (1..).map(name).find(|path| !path.exists()).expect("numbers do not end")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Change, Expect, Write};
    use crate::testing::Scratch;
    use serde_json::json;

    fn put(kind: Kind, id: &str, body: Value) -> Change {
        let write = Write::Put { account_id: "7".into(), body };
        Change { kind, id: id.into(), expect: Expect::Any, write }
    }

    /// A data directory with an instance and a task in it, and its backup.
    fn backed_up(data: &Path) -> State {
        let vault = Vault::open(&data.join("master.key")).expect("key");
        let store = EmbeddedStore::open(&data.join("control/store.redb")).expect("store");
        let changes = [
            put(Kind::Instance, "r-1", json!({"instance_id": "r-1", "generation": 3})),
            put(Kind::Released, "r-2", json!({"instance_id": "r-2", "generation": 4})),
            put(Kind::Task, "t-1", json!({"generation": 3})),
        ];
        store.txn(&changes).expect("written");
        export(&store, vault.key_id(), 0).expect("exported")
    }

    fn write(path: &Path, state: &impl Serialize) {
        fs::write(path, serde_json::to_vec(state).expect("JSON")).expect("written");
    }

    #[test]
    fn what_was_backed_up_comes_back_ahead_of_what_nodes_saw() {
        let scratch = Scratch::new();
        let (old, new) = (scratch.path().join("old"), scratch.path().join("new"));
        fs::create_dir_all(&old).expect("directory");
        fs::create_dir_all(&new).expect("directory");
        let state = backed_up(&old);
        let file = scratch.path().join("state.json");
        write(&file, &json!({"RequestId": "1", "State": state}));
        let missing = restore(&file, &new, false);
        assert!(matches!(missing, Err(RestoreError::NoKey(_))), "{missing:?}");
        Vault::open(&new.join("master.key")).expect("another key");
        let other = restore(&file, &new, false);
        assert!(matches!(other, Err(RestoreError::OtherKey { .. })), "{other:?}");
        fs::copy(old.join("master.key"), new.join("master.key")).expect("copied");
        let restored = restore(&file, &new, false).expect("restored");
        assert_eq!((restored.documents, restored.instances), (3, 1));
        let path = new.join("control/store.redb");
        let store = EmbeddedStore::open(&path).expect("opened");
        assert!(state.revision < *store.watch().borrow(), "revisions go on");
        let body = |kind, id| store.get(kind, id).expect("read").expect("there").body;
        assert_eq!(body(Kind::Instance, "r-1")["generation"], 3 + GENERATIONS_AHEAD);
        assert_eq!(body(Kind::Released, "r-2")["generation"], 4 + GENERATIONS_AHEAD);
        assert_eq!(body(Kind::Task, "t-1"), json!({"generation": 3}));
        let held = restore(&file, &new, true);
        assert!(matches!(held, Err(RestoreError::Store { .. })), "{held:?}");
        drop(store);
        let present = restore(&file, &new, false);
        assert!(matches!(present, Err(RestoreError::Present(_))), "{present:?}");
        let again = restore(&file, &new, true).expect("replaced");
        assert!(again.set_aside.expect("set aside").exists());
    }

    #[test]
    fn only_whole_backups_are_restored() {
        let scratch = Scratch::new();
        let state = backed_up(scratch.path());
        let mut edited = state.clone();
        edited.documents[0].account_id = "8".into();
        let mut cut = state.clone();
        cut.documents.pop();
        let later = State { schema: SCHEMA + 1, ..state.clone() };
        let foreign = State { format: "backup".into(), ..state };
        let file = scratch.path().join("state.json");
        for (state, expected) in
            [(edited, "checksum"), (cut, "checksum"), (later, "schema"), (foreign, "format")]
        {
            write(&file, &state);
            let refused = restore(&file, scratch.path(), true).expect_err("refused").to_string();
            assert!(refused.contains(expected), "{refused}");
        }
        fs::write(&file, "{").expect("written");
        assert!(matches!(restore(&file, scratch.path(), true), Err(RestoreError::Unusable { .. })));
    }
}
