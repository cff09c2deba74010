//! Conversations with a node over its admin socket. Each runs on a thread of its own, may block,
//! and ends within a bounded time or when the process does. Must not know what follows from them.

use crate::core::message::{
    Adoption, Endpoint, Failure, FailureKind, Question, Script, TalkReport, refused,
};
use crate::endpoint::endpoint_of;
use crate::process::wait_for_exit;
use admin::agent::AgentReply;
use admin::client::{ClientError, NodeClient};
use admin::node::Role;
use admin::transport::{Connection, TransportError};
use rustix::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;
use stdx::{Clock, SystemClock};

/// Version that we introduce ourselves by.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A new process may take this long until its admin socket is there.
const START_LIMIT: Duration = Duration::from_secs(30);
/// A process that has run for long answers within this, or it counts as silent.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// A grant is answered once the data is loaded; after this the node is asked whether it still is.
const GRANT_LIMIT: Duration = Duration::from_secs(10);
/// A save of no data may take this long; more data may take longer.
const SAVE_LIMIT: Duration = Duration::from_secs(30);
/// The slowest disk that is waited for.
const SAVE_BYTES_PER_SECOND: u64 = 20 << 20;
/// Questions of control must be answered within this.
const RELAY_LIMIT: Duration = Duration::from_secs(1);
/// Pauses between tries to connect: short at first, because a node is there in milliseconds.
const CONNECT_PAUSE: Duration = Duration::from_millis(2);
const CONNECT_PAUSE_LATER: Duration = Duration::from_millis(20);
const CONNECTS_SOON: u32 = 100;
/// Pause after a save that failed.
const SAVE_RETRY: Duration = Duration::from_secs(1);

/// The process to talk to.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Its admin socket.
    pub(crate) socket: PathBuf,
    /// Its process id; nobody else who listens on that path is talked to.
    pub(crate) pid: u32,
    /// Readable once it has ended.
    pub(crate) pidfd: OwnedFd,
}

impl Peer {
    /// Connects, retrying for `limit`; later answers may take `answer_limit` each.
    fn connect(&self, limit: Duration, answer_limit: Duration) -> Result<NodeClient, Failure> {
        let clock = SystemClock::new();
        let limit_us = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
        for attempt in 0.. {
            let why = match self.try_connect(answer_limit) {
                Ok(client) => return client,
                Err(why) => why,
            };
            if limit_us <= clock.monotonic_us() {
                let reason = format!("node does not open its admin socket: {why}");
                return Err(Failure { kind: FailureKind::Unreachable, reason });
            }
            let pause = if attempt < CONNECTS_SOON { CONNECT_PAUSE } else { CONNECT_PAUSE_LATER };
            if wait_for_exit(self.pidfd.as_fd(), pause) {
                break;
            }
        }
        let reason = format!("process {} has ended", self.pid);
        Err(Failure { kind: FailureKind::Unreachable, reason })
    }

    /// One try; the outer error is worth another one.
    fn try_connect(
        &self,
        answer_limit: Duration,
    ) -> Result<Result<NodeClient, Failure>, TransportError> {
        let connection = Connection::connect(&self.socket)?;
        let listener = connection.peer_pid()?;
        if listener != self.pid {
            return Err(TransportError::Io {
                doing: "meet the right process",
                source: std::io::ErrorKind::ConnectionRefused.into(),
            });
        }
        connection.set_timeout(Some(answer_limit))?;
        Ok(NodeClient::over(connection, VERSION).map_err(failure_of("greet")))
    }
}

fn failure_of(doing: &'static str) -> impl FnOnce(ClientError) -> Failure {
    move |error| {
        let kind = match &error {
            ClientError::Refused(refusal) => match refusal.code.as_str() {
                "ProtocolMismatch" => FailureKind::ProtocolMismatch,
                "StaleEpoch" => FailureKind::StaleEpoch,
                _ => FailureKind::Other,
            },
            ClientError::Transport(TransportError::TimedOut) => FailureKind::TimedOut,
            ClientError::Closed | ClientError::Transport(_) => FailureKind::Closed,
            ClientError::Unexpected { .. } => FailureKind::Other,
        };
        Failure { kind, reason: format!("{doing}: {error}") }
    }
}

/// Tells a node what it misses. `listener` accompanies `script.listen`.
pub(crate) fn talk(peer: &Peer, script: &Script, listener: Option<OwnedFd>) -> TalkReport {
    let mut report = TalkReport::default();
    report.failure = talk_through(peer, script, listener, &mut report).err();
    report
}

fn talk_through(
    peer: &Peer,
    script: &Script,
    listener: Option<OwnedFd>,
    report: &mut TalkReport,
) -> Result<(), Failure> {
    let mut client = peer.connect(START_LIMIT, ANSWER_LIMIT)?;
    if let Some((generation, settings)) = &script.configure {
        client.configure(*generation, settings).map_err(failure_of("configure"))?;
        report.configured = Some(*generation);
    }
    if let (Some(endpoint), Some(listener)) = (script.listen, listener) {
        client.listen(listener.as_fd()).map_err(failure_of("hand over the socket"))?;
        report.listening = Some(endpoint);
    }
    if let Some(epoch) = script.grant {
        let status = client.probe().map_err(failure_of("probe"))?;
        report.node_epoch = status.epoch;
        report.loading = status.loading;
        client.set_timeout(GRANT_LIMIT).map_err(failure_of("grant"))?;
        client.grant(Role::Primary, epoch).map_err(failure_of("grant"))?;
        report.granted = Some(epoch);
    }
    Ok(())
}

/// Hears how a process of an earlier agent is, and takes a duplicate of its listening socket.
pub(crate) fn adopt(peer: &Peer) -> Result<(Adoption, Option<OwnedFd>), Failure> {
    let mut client = peer.connect(ANSWER_LIMIT, ANSWER_LIMIT)?;
    let socket = match client.take_listener() {
        Ok(socket) => Some(socket),
        // It was not given one before its agent died.
        Err(ClientError::Refused(_)) => None,
        Err(error) => return Err(failure_of("take the socket")(error)),
    };
    let endpoint: Option<Endpoint> = match socket.as_ref().map(endpoint_of).transpose() {
        Ok(endpoint) => endpoint,
        Err(error) => {
            let reason = format!("look at the socket: {error}");
            return Err(Failure { kind: FailureKind::Other, reason });
        }
    };
    let status = client.probe().map_err(failure_of("probe"))?;
    let adoption = Adoption {
        endpoint,
        role: status.role,
        epoch: status.epoch,
        generation: status.generation,
    };
    Ok((adoption, socket))
}

/// Has a node save and stop; returns when it has agreed. A save that fails is tried again for a
/// while, because ending the process then loses data.
pub(crate) fn stop(peer: &Peer) -> Result<(), Failure> {
    let clock = SystemClock::new();
    let mut client = peer.connect(ANSWER_LIMIT, ANSWER_LIMIT)?;
    let used_bytes = client.probe().map_or(0, |status| status.used_memory_bytes);
    let limit = SAVE_LIMIT + Duration::from_secs(used_bytes / SAVE_BYTES_PER_SECOND);
    let limit_us = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
    loop {
        client.set_timeout(limit).map_err(failure_of("stop"))?;
        match client.shutdown(true) {
            Ok(()) => return Ok(()),
            Err(ClientError::Refused(_)) if clock.monotonic_us() < limit_us => {
                if wait_for_exit(peer.pidfd.as_fd(), SAVE_RETRY) {
                    return Ok(());
                }
            }
            Err(error) => return Err(failure_of("stop")(error)),
        }
    }
}

/// Passes a question on.
pub(crate) fn relay(peer: &Peer, question: Question) -> AgentReply {
    let answer = peer.connect(RELAY_LIMIT, RELAY_LIMIT).and_then(|mut client| match question {
        Question::Probe => {
            let status = client.probe().map_err(failure_of("probe"))?;
            Ok(AgentReply::Status(Box::new(status)))
        }
        Question::Clients => {
            Ok(AgentReply::Clients(client.clients().map_err(failure_of("list clients"))?))
        }
    });
    answer.unwrap_or_else(|failure| refused("Failed", failure.reason))
}
