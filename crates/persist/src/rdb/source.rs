//! Buffered, checksummed reading of a file.

use engine::rdb::{DecodeError, Source, crc64};
use std::io::{self, Read};

const BUFFER_BYTES: usize = 256 << 10;

/// Reads a file in large parts. The buffer grows beyond its usual size only as bytes of one long
/// value really arrive.
pub struct FileSource {
    file: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The checksum covers the buffer up to here.
    summed: usize,
    sum: crc64::Running,
    /// Where in the file the buffer starts.
    base: u64,
    failure: Option<io::Error>,
}

impl FileSource {
    /// Reads `file` from its start.
    pub fn new(file: Box<dyn Read + Send>) -> Self {
        Self {
            file,
            buffer: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
            summed: 0,
            sum: crc64::start(),
            base: 0,
            failure: None,
        }
    }

    /// Bytes taken so far.
    pub fn offset(&self) -> u64 {
        self.base + self.start as u64
    }

    /// Checksum of everything taken so far.
    pub fn checksum(&mut self) -> u64 {
        self.add_to_sum();
        self.sum.clone().finalize()
    }

    /// What the system said when reading failed.
    pub fn failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// True when nothing is left.
    ///
    /// # Errors
    /// Reading failed.
    pub fn at_end(&mut self) -> Result<bool, DecodeError> {
        match self.fill(1) {
            Ok(()) => Ok(false),
            Err(DecodeError::Truncated) => Ok(true),
            Err(error) => Err(error),
        }
    }

    fn add_to_sum(&mut self) {
        self.sum.update(&self.buffer[self.summed..self.start]);
        self.summed = self.start;
    }

    /// Reads until `len` bytes are in the buffer.
    #[cold]
    fn fill(&mut self, len: usize) -> Result<(), DecodeError> {
        self.add_to_sum();
        self.buffer.copy_within(self.start..self.end, 0);
        self.base += self.start as u64;
        self.end -= self.start;
        (self.start, self.summed) = (0, 0);
        if self.buffer.len() > BUFFER_BYTES && self.end.max(len) <= BUFFER_BYTES {
            self.buffer.truncate(BUFFER_BYTES);
            self.buffer.shrink_to_fit();
        }
        while self.end < len {
            if self.end == self.buffer.len() {
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
            match self.file.read(&mut self.buffer[self.end..]) {
                Ok(0) => return Err(DecodeError::Truncated),
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failure = Some(error);
                    return Err(DecodeError::Source);
                }
            }
        }
        Ok(())
    }
}

impl Source for FileSource {
    #[inline]
    fn take(&mut self, len: u64) -> Result<&[u8], DecodeError> {
        let len = usize::try_from(len).map_err(|_| DecodeError::Truncated)?;
        if self.end - self.start < len {
            self.fill(len)?;
        }
        let at = self.start;
        self.start += len;
        Ok(&self.buffer[at..self.start])
    }
}
