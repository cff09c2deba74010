//! Talking to the agent: one JSON line there, one back, over its unix socket. Connections are kept
//! and replaced; every request can be repeated, so a lost one is. Must not know what to ask for.

use admin::agent::{AgentReply, AgentRequest};
use admin::{Hello, LINE_BYTES_MAX, PROTOCOL, Refusal};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

const IDLE_MAX: usize = 8;

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The connection could not be made or broke.
    #[error("the agent is away: {0}")]
    Away(#[from] io::Error),
    /// No answer in time.
    #[error("the agent did not answer in time")]
    TimedOut,
    /// It said no.
    #[error("the agent refused: {}: {}", .0.code, .0.message)]
    Refused(Refusal),
    /// An answer that does not belong to the request.
    #[error("the agent answered something else than was asked")]
    Unexpected,
}

/// A line that came or went wrong.
fn broken(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// One connection after its handshake.
pub struct Connection {
    stream: BufReader<UnixStream>,
}

impl Connection {
    /// Connects and shakes hands.
    ///
    /// # Errors
    /// When nobody listens or the peer speaks another protocol.
    pub async fn open(socket: &Path) -> Result<Connection, AgentError> {
        let stream = BufReader::new(UnixStream::connect(socket).await?);
        let mut connection = Connection { stream };
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let hello = AgentRequest::Hello(Hello { protocol: PROTOCOL, version });
        match connection.ask(&hello).await? {
            AgentReply::Hello(_) => Ok(connection),
            _ => Err(AgentError::Unexpected),
        }
    }

    /// One request, one answer; a refusal is an error.
    ///
    /// # Errors
    /// See [`AgentError`].
    pub async fn ask(&mut self, request: &AgentRequest) -> Result<AgentReply, AgentError> {
        let mut line = serde_json::to_vec(request).map_err(io::Error::from)?;
        line.push(b'\n');
        self.stream.write_all(&line).await?;
        let mut answer = Vec::new();
        let mut limited = (&mut self.stream).take(LINE_BYTES_MAX as u64 + 1);
        limited.read_until(b'\n', &mut answer).await?;
        if answer.pop() != Some(b'\n') {
            return Err(broken("the agent closed the connection or sent too long a line").into());
        }
        match serde_json::from_slice(&answer).map_err(io::Error::from)? {
            AgentReply::Refused(refusal) => Err(AgentError::Refused(refusal)),
            reply => Ok(reply),
        }
    }
}

/// The agent of this host, wherever it is.
pub struct AgentClient {
    socket: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl AgentClient {
    /// Talks to whoever listens at `socket`.
    pub fn new(socket: PathBuf) -> AgentClient {
        AgentClient { socket, idle: Mutex::default() }
    }

    /// One request within `limit`. A kept connection that turns out dead is replaced once.
    ///
    /// # Errors
    /// See [`AgentError`].
    pub async fn request(
        &self,
        request: &AgentRequest,
        limit: Duration,
    ) -> Result<AgentReply, AgentError> {
        timeout(limit, self.request_unbounded(request)).await.unwrap_or(Err(AgentError::TimedOut))
    }

    async fn request_unbounded(&self, request: &AgentRequest) -> Result<AgentReply, AgentError> {
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(mut connection) = kept {
            match connection.ask(request).await {
                Err(AgentError::Away(_)) => {}
                answered => return self.keep(connection, answered),
            }
        }
        let mut connection = Connection::open(&self.socket).await?;
        let answered = connection.ask(request).await;
        self.keep(connection, answered)
    }

    fn keep<T>(
        &self,
        connection: Connection,
        answered: Result<T, AgentError>,
    ) -> Result<T, AgentError> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let usable = matches!(answered, Ok(_) | Err(AgentError::Refused(_)));
        if usable && idle.len() < IDLE_MAX {
            idle.push(connection);
        }
        answered
    }
}
