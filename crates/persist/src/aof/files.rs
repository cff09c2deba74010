//! The directory: which files there are, and the one that is written. Decides nothing about when.

use super::{AofError, Manifest};
use std::io::{self, Read, Write};
use stdx::{Disk, DiskFile};

/// The files of one append-only file.
pub struct AofFiles {
    directory: String,
    stem: String,
    manifest: Manifest,
    current: Option<Current>,
    base_bytes: u64,
    /// Bytes of the increments before the current one.
    before_bytes: u64,
}

/// The increment that is written.
struct Current {
    name: String,
    file: Box<dyn DiskFile>,
    bytes: u64,
    synced_bytes: u64,
    /// It has no place in the manifest before the first base is complete.
    is_temporary: bool,
}

/// A write that did not succeed as a whole.
#[derive(Debug)]
pub struct WriteFailure {
    /// Bytes that are in the file all the same, and must not be written again.
    pub taken: usize,
    /// What the system said.
    pub source: io::Error,
}

impl AofFiles {
    /// Reads the manifest, if there is one, and takes over a file `stem` of a version before 7 as
    /// Redis does; true when it did.
    ///
    /// # Errors
    /// The manifest is damaged, or the disk fails.
    pub fn open(disk: &dyn Disk, directory: &str, stem: &str) -> Result<(Self, bool), AofError> {
        let name = format!("{directory}/{stem}.manifest");
        let manifest = match read_text(disk, &name) {
            Ok(text) => Manifest::parse(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Manifest::default(),
            Err(source) => return Err(AofError::Read { name, source }),
        };
        let mut files = Self {
            directory: directory.to_owned(),
            stem: stem.to_owned(),
            manifest,
            current: None,
            base_bytes: 0,
            before_bytes: 0,
        };
        let takes_over = files.must_take_over(disk);
        if takes_over {
            files.take_over(disk)?;
        }
        Ok((files, takes_over))
    }

    /// True when a file of an old version lies beside a directory that does not know it yet, or
    /// that had only just begun to.
    fn must_take_over(&self, disk: &dyn Disk) -> bool {
        let begun = Manifest::of_old_file(&self.stem);
        let half_way =
            self.manifest.text() == begun.text() && disk.len(&self.path(&self.stem)).is_err();
        disk.len(&self.stem).is_ok() && (self.manifest.is_empty() || half_way)
    }

    fn take_over(&mut self, disk: &dyn Disk) -> Result<(), AofError> {
        self.create_directory(disk)?;
        self.put_manifest(disk, Manifest::of_old_file(&self.stem))?;
        disk.rename(&self.stem, &self.path(&self.stem))
            .map_err(AofError::disk("Error trying to move the old AOF file", &self.stem))
    }

    /// Makes the directory, unless it is there.
    ///
    /// # Errors
    /// What the disk says.
    pub fn create_directory(&self, disk: &dyn Disk) -> Result<(), AofError> {
        disk.create_directory(&self.directory)
            .map_err(AofError::disk("Can't open or create append-only dir", &self.directory))
    }

    /// Path of a file of the directory.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.directory)
    }

    /// The list of files.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Writes the manifest in one step and makes it durable.
    fn put_manifest(&mut self, disk: &dyn Disk, manifest: Manifest) -> Result<(), AofError> {
        let name = format!("{}.manifest", self.stem);
        let (path, temp) = (self.path(&name), self.path(&format!("temp-{name}")));
        let write = || {
            let mut file = disk.create(&temp)?;
            file.write_all(manifest.text().as_bytes())?;
            file.sync()?;
            disk.rename(&temp, &path)
        };
        write().map_err(AofError::disk("Error writing the AOF manifest file", &name))?;
        self.manifest = manifest;
        Ok(())
    }

    /// Measures the files; to be called before anything is written.
    ///
    /// # Errors
    /// One of them is missing, or the disk fails.
    pub fn measure(&mut self, disk: &dyn Disk) -> Result<u64, AofError> {
        let len = |name: &str| {
            disk.len(&self.path(name)).map_err(|source| match source.kind() {
                io::ErrorKind::NotFound => AofError::Missing { name: name.to_owned() },
                _ => AofError::Read { name: name.to_owned(), source },
            })
        };
        let base_bytes = self.manifest.base.as_ref().map_or(Ok(0), |part| len(&part.name))?;
        let increments = self.manifest.increments.iter().map(|part| len(&part.name));
        let before_bytes = increments.sum::<Result<u64, _>>()?;
        (self.base_bytes, self.before_bytes) = (base_bytes, before_bytes);
        Ok(self.base_bytes + self.before_bytes)
    }

    /// Starts to write behind what was loaded: in the newest increment, or in a first one. Returns
    /// its name and whether it is new.
    ///
    /// # Errors
    /// What the disk says.
    pub fn resume(&mut self, disk: &dyn Disk) -> Result<(String, bool), AofError> {
        self.create_directory(disk)?;
        let mut manifest = self.manifest.clone();
        let newest = manifest.increments.last().map(|part| part.name.clone());
        let is_new = newest.is_none();
        let name = newest.unwrap_or_else(|| manifest.add_increment(&self.stem));
        let path = self.path(&name);
        let open = || Ok((disk.append(&path)?, disk.len(&path)?));
        let (file, bytes) =
            open().map_err(AofError::disk("Can't open the append-only file", &name))?;
        disk.sync_directory(&self.directory)
            .map_err(AofError::disk("Fail to fsync AOF directory", &self.directory))?;
        if is_new {
            self.put_manifest(disk, manifest)?;
        }
        self.before_bytes -= bytes.min(self.before_bytes);
        let current =
            Current { name: name.clone(), file, bytes, synced_bytes: bytes, is_temporary: false };
        self.current = Some(current);
        Ok((name, is_new))
    }

    /// Goes on in a new increment. `temporary`: it gets its place in the manifest with the first
    /// base only. The file before must be durable already. Returns the name.
    ///
    /// # Errors
    /// What the disk says; then the file before goes on.
    pub fn begin_increment(
        &mut self,
        disk: &dyn Disk,
        temporary: bool,
    ) -> Result<String, AofError> {
        self.create_directory(disk)?;
        let mut manifest = self.manifest.clone();
        let name = if temporary {
            format!("temp-{}.incr", self.stem)
        } else {
            manifest.add_increment(&self.stem)
        };
        let file = disk
            .create(&self.path(&name))
            .map_err(AofError::disk("Can't open the append-only file", &name))?;
        if !temporary {
            self.put_manifest(disk, manifest)?;
        }
        let current = Current {
            name: name.clone(),
            file,
            bytes: 0,
            synced_bytes: 0,
            is_temporary: temporary,
        };
        let before = self.current.replace(current);
        self.before_bytes += before.map_or(0, |current| current.bytes);
        Ok(name)
    }

    /// Gives the finished base `temp` its place and name; what it replaces is forgotten. Returns
    /// its name.
    ///
    /// # Errors
    /// What the disk says; then everything is as it was, but for `temp`.
    pub fn replace_base(
        &mut self,
        disk: &dyn Disk,
        temp: &str,
        is_rdb: bool,
    ) -> Result<String, AofError> {
        self.create_directory(disk)?;
        let mut manifest = self.manifest.clone();
        let is_temporary = self.current.as_ref().is_some_and(|current| current.is_temporary);
        let keep = usize::from(self.current.is_some() && !is_temporary);
        let name = manifest.replace_base(&self.stem, is_rdb, keep);
        let path = self.path(&name);
        disk.rename(temp, &path)
            .map_err(AofError::disk("Error trying to rename the temporary AOF base file", temp))?;
        if is_temporary && let Some(current) = &mut self.current {
            let increment = manifest.add_increment(&self.stem);
            let (from, to) = (&current.name, &increment);
            disk.rename(&format!("{}/{from}", self.directory), &format!("{}/{to}", self.directory))
                .map_err(AofError::disk(
                    "Error trying to rename the temporary AOF incr file",
                    from,
                ))?;
            current.name = increment;
        }
        let bytes =
            disk.len(&path).map_err(AofError::disk("Unable to obtain the length of", &name))?;
        self.put_manifest(disk, manifest)?;
        if let Some(current) = &mut self.current {
            current.is_temporary = false;
        }
        (self.base_bytes, self.before_bytes) = (bytes, 0);
        Ok(name)
    }

    /// Removes what the base has replaced; returns the names.
    ///
    /// # Errors
    /// What the disk says; the next time tries again.
    pub fn remove_history(&mut self, disk: &dyn Disk) -> Result<Vec<String>, AofError> {
        if self.manifest.history.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<_> = self.manifest.history.iter().map(|part| part.name.clone()).collect();
        for name in &names {
            match disk.remove(&self.path(name)) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(AofError::disk("remove the history file", name)(source));
                }
                _ => {}
            }
        }
        self.put_manifest(disk, self.manifest.without_history())?;
        Ok(names)
    }

    /// Appends to the current increment.
    ///
    /// # Errors
    /// [`WriteFailure`] says how much of it is there all the same.
    ///
    /// # Panics
    /// When there is no current increment.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), WriteFailure> {
        let current = self.current.as_mut().expect("only an open increment is written");
        let mut taken = 0;
        while taken < bytes.len() {
            match current.file.write(&bytes[taken..]) {
                Ok(0) => return current.undo(taken, io::ErrorKind::WriteZero.into()),
                Ok(n) => taken += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return current.undo(taken, error),
            }
        }
        current.bytes += taken as u64;
        Ok(())
    }

    /// Makes the current increment durable.
    ///
    /// # Errors
    /// What the system said. The file must not be trusted from there on: what could not be written
    /// back may be gone, and another sync would not tell.
    pub fn sync(&mut self) -> io::Result<()> {
        if let Some(current) = &mut self.current
            && current.synced_bytes != current.bytes
        {
            current.file.sync()?;
            current.synced_bytes = current.bytes;
        }
        Ok(())
    }

    /// True when something written is not known to be durable.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.synced_bytes != current.bytes)
    }

    /// Stops writing. A temporary increment is removed.
    pub fn close(&mut self, disk: &dyn Disk) {
        if let Some(current) = self.current.take() {
            if current.is_temporary {
                // It is overwritten the next time if it stays.
                let _ = disk.remove(&self.path(&current.name));
            } else {
                self.before_bytes += current.bytes;
            }
        }
    }

    /// True while an increment is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.current.is_some()
    }

    /// Bytes of the base and of all increments.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.base_bytes + self.before_bytes + self.current.as_ref().map_or(0, |c| c.bytes)
    }

    /// Bytes of the base.
    #[must_use]
    pub fn base_bytes(&self) -> u64 {
        self.base_bytes
    }
}

impl Current {
    /// Takes back a part that was written, so that no torn command stays in the file.
    fn undo(&mut self, taken: usize, source: io::Error) -> Result<(), WriteFailure> {
        let undone = taken == 0 || self.file.truncate(self.bytes).is_ok();
        let taken = if undone { 0 } else { taken };
        self.bytes += taken as u64;
        Err(WriteFailure { taken, source })
    }
}

fn read_text(disk: &dyn Disk, name: &str) -> io::Result<String> {
    let mut text = String::new();
    disk.open(name)?.read_to_string(&mut text)?;
    Ok(text)
}
