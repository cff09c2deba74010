//! Buffered, checksummed writing to a file.

use engine::rdb::{Sink, crc64};
use std::io::{self, Write};
use stdx::DiskFile;

const BUFFER_BYTES: usize = 256 << 10;

/// Writes to a file in large parts. After the first error nothing more is written.
pub struct FileSink {
    file: Box<dyn DiskFile>,
    buffer: Vec<u8>,
    sum: crc64::Running,
    written: u64,
    failure: Option<io::Error>,
}

impl FileSink {
    /// Writes to `file` from where it stands.
    pub fn new(file: Box<dyn DiskFile>) -> Self {
        let buffer = Vec::with_capacity(BUFFER_BYTES);
        Self { file, buffer, sum: crc64::start(), written: 0, failure: None }
    }

    /// What went wrong; the file is of no use then.
    pub fn failure(&self) -> Option<io::Error> {
        self.failure.as_ref().map(|error| io::Error::new(error.kind(), error.to_string()))
    }

    /// Appends the checksum of everything so far and makes the file durable; returns its length.
    ///
    /// # Errors
    /// The first error there was.
    pub fn finish(mut self) -> io::Result<u64> {
        self.flush();
        let sum = self.sum.clone().finalize();
        self.put(&sum.to_le_bytes());
        self.flush();
        match self.failure {
            Some(error) => Err(error),
            None => self.file.sync().map(|()| self.written),
        }
    }

    fn flush(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        self.write(&buffer);
        self.buffer = buffer;
        self.buffer.clear();
    }

    fn write(&mut self, bytes: &[u8]) {
        self.sum.update(bytes);
        self.written += bytes.len() as u64;
        if self.failure.is_none() {
            self.failure = self.file.write_all(bytes).err();
        }
    }
}

impl Sink for FileSink {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.flush();
            if bytes.len() > BUFFER_BYTES {
                self.write(bytes);
                return;
            }
        }
        self.buffer.extend_from_slice(bytes);
    }
}
