//! A server that is asked, over a few connections. Knows no table and judges nothing.

use super::reply::{self, Reply};
use anyhow::{Context, Result};
use std::io::{BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// What each connection is for.
pub struct Place;

impl Place {
    /// The first so many send whatever is drawn.
    pub const ACTORS: usize = 3;
    /// Is told messages.
    pub const LISTENER: usize = 3;
    /// Sends calls that wait.
    pub const WAITER: usize = 4;
    /// Ends their waiting.
    pub const WAKER: usize = 5;
    /// Connections to each server.
    pub const COUNT: usize = 6;
}

/// Ends what a connection is asked to gather.
const TOKEN: &[u8] = b"that is all";
const SILENCE_MAX: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);
const POLLS_MAX: usize = 500;

/// The words of a request.
pub type Words = Vec<Vec<u8>>;

/// Who answers requests, in their order.
pub trait Peer {
    /// Sends requests on one connection.
    ///
    /// # Errors
    /// The connection is gone.
    fn send(&mut self, connection: usize, requests: &[&Words]) -> Result<()>;

    /// Reads that many replies.
    ///
    /// # Errors
    /// The connection is gone, silent, or says what is no reply.
    fn receive(&mut self, connection: usize, count: usize) -> Result<Vec<Reply>>;

    /// All that comes up to the reply to a request and with it.
    ///
    /// # Errors
    /// As [`Self::receive`].
    fn gather(&mut self, connection: usize, words: &Words) -> Result<Reply> {
        let end = vec![b"PING".to_vec(), TOKEN.to_vec()];
        self.send(connection, &[words, &end])?;
        let mut all = Vec::new();
        loop {
            let reply = self.receive(connection, 1)?.remove(0);
            let last = reply.elements().map_or(Some(&reply), <[Reply]>::last);
            if last == Some(&Reply::Bulk(TOKEN.to_vec())) {
                return Ok(Reply::Array(all));
            }
            all.push(reply);
        }
    }

    /// Sends a request that may wait, and comes back when it does or is answered.
    ///
    /// # Errors
    /// As [`Self::receive`].
    fn park(&mut self, connection: usize, words: &Words) -> Result<()>;
}

/// A process of its own; dropping it ends it.
pub struct Server {
    child: Child,
    directory: PathBuf,
    port: u16,
    connections: Vec<(TcpStream, BufReader<TcpStream>)>,
}

impl Server {
    /// Starts `program words…` with a port and a directory and connects to it.
    ///
    /// # Errors
    /// It does not start, or does not listen in time.
    #[expect(clippy::disallowed_methods, reason = "polls another process")]
    pub fn start(root: &Path, program: &Path, words: &[&str]) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let directory = root.join("target/differ").join(port.to_string());
        std::fs::create_dir_all(&directory)?;
        let log = std::fs::File::create(directory.join("log"))?;
        let mut child = Command::new(program)
            .args(words)
            .args(["--port", &port.to_string(), "--dir"])
            .arg(&directory)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("start {}", program.display()))?;
        for _ in 0..POLLS_MAX {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                let mut server = Self { child, directory, port, connections: Vec::new() };
                server.connect()?;
                return Ok(server);
            }
            std::thread::sleep(POLL);
        }
        child.kill()?;
        anyhow::bail!("{} does not listen", program.display())
    }

    /// Opens all connections anew.
    ///
    /// # Errors
    /// It does not accept.
    pub fn connect(&mut self) -> Result<()> {
        self.connections.clear();
        // One more, to look at the server from outside.
        for _ in 0..=Place::COUNT {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(SILENCE_MAX))?;
            let reader = BufReader::with_capacity(1 << 16, stream.try_clone()?);
            self.connections.push((stream, reader));
        }
        Ok(())
    }

    fn is_answered(&self, connection: usize) -> Result<bool> {
        let (stream, reader) = &self.connections[connection];
        if !reader.buffer().is_empty() {
            return Ok(true);
        }
        stream.set_nonblocking(true)?;
        let seen = stream.peek(&mut [0]);
        stream.set_nonblocking(false)?;
        Ok(seen.is_ok())
    }

    /// What it printed.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }
}

impl Peer for Server {
    fn send(&mut self, connection: usize, requests: &[&Words]) -> Result<()> {
        let mut bytes = Vec::with_capacity(requests.len() * 64);
        for words in requests {
            encode(words, &mut bytes);
        }
        Ok(self.connections[connection].0.write_all(&bytes)?)
    }

    fn receive(&mut self, connection: usize, count: usize) -> Result<Vec<Reply>> {
        let reader = &mut self.connections[connection].1;
        (0..count).map(|_| reply::read(reader)).collect()
    }

    #[expect(clippy::disallowed_methods, reason = "polls another process")]
    fn park(&mut self, connection: usize, words: &Words) -> Result<()> {
        self.send(connection, &[words])?;
        let info = vec![b"INFO".to_vec(), b"clients".to_vec()];
        for _ in 0..POLLS_MAX {
            self.send(Place::COUNT, &[&info])?;
            let text = self.receive(Place::COUNT, 1)?.remove(0).to_string();
            if !text.contains("blocked_clients:0") || self.is_answered(connection)? {
                return Ok(());
            }
            std::thread::sleep(Duration::from_micros(100));
        }
        anyhow::bail!("neither waits nor answers")
    }
}

fn encode(words: &Words, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing can be done about a failure here, and what was found stands without it.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

impl Server {
    /// Number of the process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// True when there is an answer to read before `span` is over.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn is_answered_within(&self, connection: usize, span: Duration) -> Result<bool> {
        let (stream, reader) = &self.connections[connection];
        if !reader.buffer().is_empty() {
            return Ok(true);
        }
        stream.set_read_timeout(Some(span))?;
        let seen = stream.peek(&mut [0]);
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        match seen {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
