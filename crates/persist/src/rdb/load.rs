//! Reading an RDB file. Everything in it is checked, and nothing is believed.

use super::{MAGIC, mark, source::FileSource};
use crate::PersistError;
use engine::keyspace::Entry;
use engine::rdb::{DecodeError, Decoder, VERSION_READ_MAX, checks};
use std::io::Read;
use stdx::Disk;

/// The first version that ends with a checksum.
const VERSION_WITH_CHECKSUM: u16 = 5;
/// Longest key: what Redis accepts as one word of a request.
const KEY_BYTES_MAX: usize = 512 << 20;
/// Longer facts about the file are skipped.
const FACT_BYTES_MAX: usize = 256;
/// More facts than this are skipped.
const FACTS_MAX: usize = 64;

/// What was in a file.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct LoadReport {
    /// False when there is no such file.
    pub found: bool,
    /// Version of the format.
    pub version: u16,
    /// Keys handed over.
    pub keys: u64,
    /// Keys left out because they were dead.
    pub dead: u64,
    /// Collections left out because they had no elements.
    pub empty: u64,
    /// Sources of libraries of functions, for the caller to load.
    pub functions: Vec<Vec<u8>>,
    /// Length of the file.
    pub bytes: u64,
    /// Facts about the file by name, as far as they are short.
    pub facts: Vec<(String, String)>,
}

/// Why a key that was handed over is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There are not as many databases.
    NoSuchDb,
    /// The key is there already.
    Duplicate,
}

/// Takes a living key with its database. A file may lie about both: the taker looks.
pub type Taker<'f> = dyn FnMut(u16, Entry) -> Result<(), Refusal> + 'f;

/// Reads the file `name` and hands every living key over with its database. A missing file is
/// reported as not found.
///
/// # Errors
/// The file cannot be read, is damaged at any place, or holds what cannot be held. Keys before that
/// place have been handed over; the caller throws them away.
pub fn load(
    disk: &dyn Disk,
    name: &str,
    now_ms: u64,
    into: &mut Taker<'_>,
) -> Result<LoadReport, PersistError> {
    let file = match disk.open(name) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(LoadReport::default());
        }
        Err(source) => {
            return Err(PersistError::Read { name: name.to_owned(), offset: 0, source });
        }
    };
    load_from(file, name, now_ms, into)
}

/// As [`load`], from an open file, called `name` in errors.
///
/// # Errors
/// As [`load`].
pub fn load_from(
    file: Box<dyn Read + Send>,
    name: &str,
    now_ms: u64,
    into: &mut Taker<'_>,
) -> Result<LoadReport, PersistError> {
    load_as(file, name, now_ms, false, into)
}

/// As [`load_from`], for a file in which something else may follow: the report says where.
///
/// # Errors
/// As [`load`].
pub fn load_preamble(
    file: Box<dyn Read + Send>,
    name: &str,
    now_ms: u64,
    into: &mut Taker<'_>,
) -> Result<LoadReport, PersistError> {
    load_as(file, name, now_ms, true, into)
}

fn load_as(
    file: Box<dyn Read + Send>,
    name: &str,
    now_ms: u64,
    is_preamble: bool,
    into: &mut Taker<'_>,
) -> Result<LoadReport, PersistError> {
    let mut loader = Loader {
        decoder: Decoder::new(FileSource::new(file)),
        report: LoadReport { found: true, ..LoadReport::default() },
        db: 0,
        death_ms: None,
        key: Vec::new(),
        now_ms,
        is_preamble,
    };
    let result = loader.run(into);
    let source = &mut loader.decoder.source;
    loader.report.bytes = source.offset();
    result.map_err(|failure| failure.name(name, source))?;
    Ok(loader.report)
}

/// What went wrong, before the file's name and the offset are added.
enum Failure {
    Decode(DecodeError),
    Damaged(String),
    Unsupported(String),
    /// At a value.
    Value(Vec<u8>, DecodeError),
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl Failure {
    fn name(self, name: &str, source: &mut FileSource) -> PersistError {
        let (name, offset) = (name.to_owned(), source.offset());
        if let Some(source) = source.failure() {
            return PersistError::Read { name, offset, source };
        }
        match self {
            Self::Decode(error) => PersistError::Damaged { name, offset, what: error.to_string() },
            Self::Damaged(what) => PersistError::Damaged { name, offset, what },
            Self::Unsupported(what) => PersistError::Unsupported { name, offset, what },
            Self::Value(key, error) => {
                let what = format!("key \"{}\": {error}", key.escape_ascii());
                match error {
                    DecodeError::Unsupported { .. } => {
                        PersistError::Unsupported { name, offset, what }
                    }
                    _ => PersistError::Damaged { name, offset, what },
                }
            }
        }
    }
}

struct Loader {
    decoder: Decoder<FileSource>,
    report: LoadReport,
    db: u16,
    /// Of the next key.
    death_ms: Option<u64>,
    key: Vec<u8>,
    now_ms: u64,
    is_preamble: bool,
}

impl Loader {
    fn run(&mut self, into: &mut Taker<'_>) -> Result<(), Failure> {
        self.header()?;
        loop {
            match self.decoder.byte()? {
                mark::END => return self.end(),
                marked @ mark::SLOT.. => self.mark(marked)?,
                kind => {
                    if let Some(entry) = self.entry(kind)? {
                        into(self.db, entry).map_err(|refusal| self.refused(refusal))?;
                    }
                }
            }
        }
    }

    fn header(&mut self) -> Result<(), Failure> {
        let head: [u8; 9] = self.decoder.array()?;
        let (magic, digits) = head.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(Failure::Damaged("it does not start as an RDB file does".into()));
        }
        let number = digits.iter().try_fold(0u16, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + u16::from(digit - b'0'))
        });
        match number {
            Some(version @ 1..=VERSION_READ_MAX) => self.report.version = version,
            Some(version) => {
                let text = format!("version {version} of the format is not known");
                return Err(Failure::Unsupported(text));
            }
            None => return Err(Failure::Damaged("the version is not a number".into())),
        }
        Ok(())
    }

    fn mark(&mut self, marked: u8) -> Result<(), Failure> {
        match marked {
            mark::DB => {
                let db = self.decoder.count()?;
                self.db = u16::try_from(db)
                    .map_err(|_| Failure::Damaged(format!("there is no database {db}")))?;
            }
            mark::DEATH_MS => {
                self.death_ms = Some(u64::from_le_bytes(self.decoder.array()?));
            }
            mark::DEATH_S => {
                let seconds = u32::from_le_bytes(self.decoder.array()?);
                self.death_ms = Some(u64::from(seconds) * 1000);
            }
            mark::SIZES => drop((self.decoder.count()?, self.decoder.count()?)),
            mark::SLOT => {
                (0..3).try_for_each(|_| self.decoder.count().map(drop))?;
            }
            // Access times start anew.
            mark::IDLE => drop(self.decoder.count()?),
            mark::FREQUENCY => drop(self.decoder.byte()?),
            mark::AUX => self.fact()?,
            mark::FUNCTION => {
                let source = self.decoder.text()?.into_vec();
                self.report.functions.push(source);
            }
            mark::MODULE => return Err(Failure::Unsupported("it holds data of a module".into())),
            mark::FUNCTION_OLD => {
                let text = "it holds functions as only a release candidate of Redis wrote them";
                return Err(Failure::Unsupported(text.into()));
            }
            _ => unreachable!("the caller has handled all other marks"),
        }
        Ok(())
    }

    fn fact(&mut self) -> Result<(), Failure> {
        let short = |bytes: &[u8]| {
            (bytes.len() <= FACT_BYTES_MAX).then(|| String::from_utf8_lossy(bytes).into_owned())
        };
        let name = self.decoder.text()?.with(short);
        let value = self.decoder.text()?.with(short);
        if let (Some(name), Some(value)) = (name, value)
            && self.report.facts.len() < FACTS_MAX
        {
            self.report.facts.push((name, value));
        }
        Ok(())
    }

    fn entry(&mut self, kind: u8) -> Result<Option<Entry>, Failure> {
        self.key.clear();
        let key = &mut self.key;
        self.decoder.text()?.with(|bytes| key.extend_from_slice(bytes));
        if key.len() > KEY_BYTES_MAX {
            return Err(Failure::Damaged("a key is too long".into()));
        }
        let death_ms = self.death_ms.take();
        let entry = self
            .decoder
            .entry(kind, key, death_ms)
            .map_err(|error| Failure::Value(key.clone(), error))?;
        if entry.is_none() {
            self.report.empty += 1;
        } else if death_ms.is_some_and(|at_ms| at_ms <= self.now_ms) {
            self.report.dead += 1;
            return Ok(None);
        } else {
            self.report.keys += 1;
        }
        Ok(entry)
    }

    fn refused(&self, refusal: Refusal) -> Failure {
        let key = self.key.escape_ascii();
        match refusal {
            Refusal::NoSuchDb => Failure::Unsupported(format!(
                "key \"{key}\" is in database {}: there are not as many databases",
                self.db
            )),
            Refusal::Duplicate => Failure::Damaged(format!("key \"{key}\" comes twice")),
        }
    }

    fn end(&mut self) -> Result<(), Failure> {
        if self.report.version >= VERSION_WITH_CHECKSUM {
            let computed = self.decoder.source.checksum();
            let stored = u64::from_le_bytes(self.decoder.array()?);
            // Redis writes 0 when checksums are off.
            if stored != 0 && stored != computed && !checks::are_skipped() {
                return Err(Failure::Damaged(format!(
                    "the checksum is {stored:016x}, but the bytes give {computed:016x}"
                )));
            }
        }
        if self.is_preamble || self.decoder.source.at_end()? {
            return Ok(());
        }
        Err(Failure::Damaged("bytes follow the end".into()))
    }
}
