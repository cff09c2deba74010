//! A blocking connection for what comes before and beside the load: log in, select, INFO. Decides
//! nothing.

use crate::error::Error;
use crate::target::Target;
use resp::Reply;
use resp::reply::Protocol;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long to wait for a connection or a reply.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest answer that is read.
const BULK_BYTES_MAX: u64 = 16 << 20;

/// A connection that is logged in.
#[derive(Debug)]
pub struct Wire {
    stream: BufReader<TcpStream>,
    address: String,
}

impl Wire {
    /// Connects, logs in, selects the database and sees that the server answers.
    ///
    /// # Errors
    /// [`Error`] when nobody answers, or says no.
    pub fn connect(target: &Target) -> Result<Self, Error> {
        let address = target.address();
        let stream = open(target)
            .map_err(|source| Error::Unreachable { address: address.clone(), source })?;
        let mut wire = Self { stream: BufReader::new(stream), address };
        if let Some(password) = &target.password {
            match &target.user {
                Some(user) => wire.call(&["AUTH", user, password])?,
                None => wire.call(&["AUTH", password])?,
            };
        }
        if target.db > 0 {
            wire.call(&["SELECT", &target.db.to_string()])?;
        }
        wire.call(&["PING"])?;
        Ok(wire)
    }

    /// Sends a command; its answer as text, without type or length.
    ///
    /// # Errors
    /// [`Error`] when the server refuses, falls silent or speaks another protocol.
    pub fn call(&mut self, words: &[&str]) -> Result<String, Error> {
        let mut out = Vec::new();
        let mut request = Reply::new(&mut out, Protocol::Two);
        request.array(words.len());
        words.iter().for_each(|word| request.bulk(word.as_bytes()));
        let exchanged = self.stream.get_mut().write_all(&out).and_then(|()| self.read_answer());
        let answer = exchanged
            .map_err(|source| Error::Unreachable { address: self.address.clone(), source })?;
        let address = self.address.clone();
        match answer.split_at_checked(1) {
            Some(("-", text)) => Err(Error::Refused { address, text: text.trim_end().into() }),
            Some(("+" | ":" | "$", text)) => Ok(text.trim_end().to_owned()),
            _ => {
                let start: String = answer.chars().take(40).collect();
                Err(Error::NotRedis { address, what: format!("{start:?}") })
            }
        }
    }

    /// The socket, for the load; nothing of it has been read ahead.
    #[must_use]
    pub fn into_stream(self) -> TcpStream {
        assert!(self.stream.buffer().is_empty(), "every answer has been read to its end");
        self.stream.into_inner()
    }

    /// The type's byte, then the text.
    fn read_answer(&mut self) -> io::Result<String> {
        let mut line = String::new();
        let limit = 64 << 10;
        if self.stream.by_ref().take(limit).read_line(&mut line)? == 0 {
            let why = "the server closed the connection";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
        }
        let len = line.strip_prefix('$').and_then(|len| len.trim_end().parse::<u64>().ok());
        match len.filter(|len| *len <= BULK_BYTES_MAX) {
            None => Ok(line),
            Some(len) => {
                let mut bytes = vec![0; len as usize + 2];
                self.stream.read_exact(&mut bytes)?;
                Ok(format!("${}", String::from_utf8_lossy(&bytes)))
            }
        }
    }
}

fn open(target: &Target) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (target.host.as_str(), target.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}
