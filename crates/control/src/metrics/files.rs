//! The series of one node on disk, in a directory of its own: a tail of small frames written each
//! minute, a file a day of what the tail held, half an hour a frame, and a file a month of the
//! minutes of it. A frame that was torn is cut off. Nothing is kept open. Must not know what the
//! columns measure.

use crate::vault::make_private_dir;
use series::frame::{Scanned, frame, scan_range};
use series::rollup;
use series::{Block, Value};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What the tail covers at most, in seconds; a frame of the day's file.
pub const TAIL_S: i64 = 30 * 60;
/// Period of coarse rows, in seconds.
pub const COARSE_S: i64 = 60;
/// Seconds that one file of fine rows covers; the present one and the one before are kept.
const FINE_FILE_S: i64 = 24 * 3600;
/// As that, of coarse rows.
const COARSE_FILE_S: i64 = 30 * 24 * 3600;
const TAIL: &str = "tail";

/// Which rows of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// As they were sampled, a day long.
    Fine,
    /// Minutes, 30 days long; without those that are still in the tail.
    Coarse,
}

impl Grain {
    fn file(self, at_s: i64) -> String {
        format!("{}{}", self.prefix(), at_s.div_euclid(self.file_s()))
    }

    fn prefix(self) -> &'static str {
        match self {
            Grain::Fine => "fine-",
            Grain::Coarse => "coarse-",
        }
    }

    fn file_s(self) -> i64 {
        match self {
            Grain::Fine => FINE_FILE_S,
            Grain::Coarse => COARSE_FILE_S,
        }
    }
}

/// The files of one node.
#[derive(Debug)]
pub struct Files {
    directory: PathBuf,
    /// Files whose end was found whole, or made so, by this process.
    whole: BTreeSet<String>,
}

impl Files {
    /// Opens, or makes, the directory. Gives also the time of the last row of the tail.
    ///
    /// # Errors
    /// When the directory cannot be made or the tail not be read.
    pub fn open(directory: &Path) -> io::Result<(Files, Option<i64>)> {
        make_private_dir(directory)?;
        let mut files = Files { directory: directory.to_owned(), whole: BTreeSet::new() };
        files.mend(TAIL)?;
        let tail = files.scan(TAIL)?;
        let last_s = tail.blocks.iter().filter_map(|block| block.times_s().last()).max();
        Ok((files, last_s.copied()))
    }

    /// Appends rows to the tail. They survive the end of this process, and an end of the machine
    /// once the kernel has written them, which it does within half a minute.
    ///
    /// # Errors
    /// As the disk says.
    pub fn append(&mut self, rows: &Block) -> io::Result<()> {
        self.write(TAIL, &frame(rows)).map(drop)
    }

    /// Moves what the tail holds into the files of the day and of the month, for good. Repeating
    /// it after a crash adds rows that are there already, which reading leaves out.
    ///
    /// # Errors
    /// As the disk says; the tail stays.
    pub fn fold(&mut self) -> io::Result<()> {
        let mut fine = Block::default();
        let tail = self.scan(TAIL)?;
        tail.blocks.iter().for_each(|block| fine.append(block));
        if let (Some(&first_s), Some(&last_s)) = (fine.times_s().first(), fine.times_s().last()) {
            self.write(&Grain::Fine.file(first_s), &frame(&fine))?.sync_data()?;
            let coarse = rollup::fold(&fine, COARSE_S, last_s + COARSE_S);
            self.write(&Grain::Coarse.file(first_s), &frame(&coarse))?.sync_data()?;
            self.prune(last_s)?;
        }
        remove(&self.directory.join(TAIL))
    }

    /// Blocks of the tail.
    ///
    /// # Errors
    /// As the disk says.
    pub fn tail(&self) -> io::Result<Vec<Block>> {
        Ok(self.scan(TAIL)?.blocks)
    }

    /// Blocks that hold rows of `from_s..=to_s`.
    ///
    /// # Errors
    /// As the disk says.
    pub fn blocks(&self, grain: Grain, from_s: i64, to_s: i64) -> io::Result<Vec<Block>> {
        let number = |at_s: i64| at_s.div_euclid(grain.file_s());
        let mut blocks = Vec::new();
        for (found, name) in self.files(grain)? {
            // A block lies in the file of its first row.
            if (number(from_s - TAIL_S)..=number(to_s)).contains(&found) {
                blocks.extend(self.scan_range(&name, (from_s, to_s))?.blocks);
            }
        }
        Ok(blocks)
    }

    /// Deletes everything.
    ///
    /// # Errors
    /// As the disk says.
    pub fn delete(directory: &Path) -> io::Result<()> {
        match fs::remove_dir_all(directory) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn files(&self, grain: Grain) -> io::Result<Vec<(i64, String)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let number = name.strip_prefix(grain.prefix()).and_then(|number| number.parse().ok());
            found.extend(number.map(|number| (number, name)));
        }
        found.sort();
        Ok(found)
    }

    fn prune(&mut self, now_s: i64) -> io::Result<()> {
        for grain in [Grain::Fine, Grain::Coarse] {
            let present = now_s.div_euclid(grain.file_s());
            for (number, name) in self.files(grain)? {
                if number < present - 1 {
                    remove(&self.directory.join(&name))?;
                    self.whole.remove(&name);
                }
            }
        }
        Ok(())
    }

    fn scan(&self, name: &str) -> io::Result<Scanned> {
        self.scan_range(name, (i64::MIN, i64::MAX))
    }

    fn scan_range(&self, name: &str, range_s: (i64, i64)) -> io::Result<Scanned> {
        let path = self.directory.join(name);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        let found = scan_range(&bytes, range_s);
        if found.damaged > 0 {
            tracing::warn!("{}: {} damaged blocks are left out", path.display(), found.damaged);
        }
        Ok(found)
    }

    /// Cuts off what was torn, once for each file.
    fn mend(&mut self, name: &str) -> io::Result<()> {
        if !self.whole.insert(name.to_owned()) {
            return Ok(());
        }
        let valid_bytes = self.scan(name)?.valid_bytes as u64;
        let path = self.directory.join(name);
        match OpenOptions::new().write(true).open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            opened => {
                let file = opened?;
                if valid_bytes < file.metadata()?.len() {
                    file.set_len(valid_bytes)?;
                }
                Ok(())
            }
        }
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<File> {
        self.mend(name)?;
        let mut options = OpenOptions::new();
        let path = self.directory.join(name);
        let mut file = options.append(true).create(true).mode(0o600).open(path)?;
        if let Err(error) = file.write_all(bytes) {
            // Whatever part of it is there must go before anything follows.
            self.whole.remove(name);
            return Err(error);
        }
        Ok(file)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Rows of many blocks in one order, each time once.
pub fn merged(mut blocks: Vec<Block>) -> Vec<(i64, Vec<(u16, i64)>)> {
    blocks.sort_by_key(|block| block.times_s().first().copied());
    let mut rows: std::collections::BTreeMap<i64, Vec<(u16, i64)>> = Default::default();
    for block in &blocks {
        for (at, &at_s) in block.times_s().iter().enumerate() {
            let value = |(&id, column): (&u16, &Vec<Value>)| Some((id, column[at]?));
            rows.entry(at_s).or_insert_with(|| block.columns().iter().filter_map(value).collect());
        }
    }
    rows.into_iter().collect()
}
