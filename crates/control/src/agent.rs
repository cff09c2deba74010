//! Talking to the agent: one JSON line there, one back, over its unix socket. Connections are kept
//! and replaced; every request can be repeated, so a lost one is. Must not know what to ask for.

use admin::agent::{AgentReply, AgentRequest};
use admin::node::NodeStatus;
use admin::{Hello, LINE_BYTES_MAX, PROTOCOL, Refusal};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

const IDLE_MAX: usize = 8;
/// Requests under way at once, some fewer than the agent has connections for; more wait.
const REQUESTS_MAX: usize = 48;
/// How long a node is asked about itself.
pub const LIVE_LIMIT: Duration = Duration::from_secs(1);

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

/// Longest path that fits into a socket address.
const ADDRESS_BYTES_MAX: usize = 107;

/// Connects to a path of any length: a long one is reached through its open directory.
async fn connect(socket: &Path) -> io::Result<UnixStream> {
    if socket.as_os_str().len() <= ADDRESS_BYTES_MAX {
        return UnixStream::connect(socket).await;
    }
    let parts = socket.parent().zip(socket.file_name());
    let (parent, name) = parts.ok_or_else(|| broken("the agent's socket has no name"))?;
    let directory = std::fs::File::open(parent)?;
    let short = format!("/proc/self/fd/{}", directory.as_raw_fd());
    UnixStream::connect(Path::new(&short).join(name)).await
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
        let stream = BufReader::new(connect(socket).await?);
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
    turns: Semaphore,
}

impl AgentClient {
    /// Talks to whoever listens at `socket`.
    pub fn new(socket: PathBuf) -> AgentClient {
        let turns = Semaphore::new(REQUESTS_MAX);
        AgentClient { socket, idle: Mutex::default(), turns }
    }

    /// One request within `limit` from its turn on. A kept connection that turns out dead is
    /// replaced once.
    ///
    /// # Errors
    /// See [`AgentError`].
    pub async fn request(
        &self,
        request: &AgentRequest,
        limit: Duration,
    ) -> Result<AgentReply, AgentError> {
        let _turn = self.turns.acquire().await.map_err(io::Error::other)?;
        timeout(limit, self.request_unbounded(request)).await.unwrap_or(Err(AgentError::TimedOut))
    }

    /// The node's own account of itself, asked for at most a second.
    ///
    /// # Errors
    /// See [`AgentError`].
    pub async fn status(&self, node_id: &str) -> Result<NodeStatus, AgentError> {
        let probe = AgentRequest::Probe { node_id: node_id.to_owned() };
        match self.request(&probe, LIVE_LIMIT).await? {
            AgentReply::Status(status) => Ok(*status),
            _ => Err(AgentError::Unexpected),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeAgent, Scratch};

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_deep_data_directory_is_reached() {
        let scratch = Scratch::new();
        let deep = scratch.path().join("d".repeat(60)).join("e".repeat(60));
        std::fs::create_dir_all(&deep).expect("made");
        let near = scratch.path().join("a.sock");
        let _agent = FakeAgent::start(&near);
        let far = deep.join("agent.sock");
        std::fs::rename(&near, &far).expect("moved");
        let answer = AgentClient::new(far).request(&AgentRequest::Observe, LIMIT).await;
        assert!(matches!(answer, Ok(AgentReply::Observed { .. })), "{answer:?}");
    }

    #[tokio::test]
    async fn a_replaced_agent_is_found_again_and_a_missing_one_is_away() {
        let scratch = Scratch::new();
        let socket = scratch.path().join("a.sock");
        let client = AgentClient::new(socket.clone());
        let answer = client.request(&AgentRequest::Observe, LIMIT).await;
        assert!(matches!(answer, Err(AgentError::Away(_))), "{answer:?}");
        for _ in 0..2 {
            // The listener of the round before is gone with its socket file.
            let _agent = FakeAgent::start(&socket);
            let answer = client.request(&AgentRequest::Observe, LIMIT).await;
            assert!(matches!(answer, Ok(AgentReply::Observed { .. })), "{answer:?}");
        }
    }
}
