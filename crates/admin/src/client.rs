//! Blocking clients of the two admin sockets: one method per request, one answer awaited each.
//! Must not know what the answers are for.

use crate::agent::{AgentReply, AgentRequest, NodeObserved, NodeSpec};
use crate::node::{ClientRow, NodeReply, NodeRequest, NodeStatus, Role};
use crate::transport::{Connection, TransportError};
use crate::{Hello, NodeSettings, PROTOCOL, Refusal};
use rustix::fd::{BorrowedFd, OwnedFd};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;
use std::time::Duration;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The line did not get there or back; whether the request was carried out is unknown.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The peer closed instead of answering.
    #[error("peer closed instead of answering")]
    Closed,
    /// The peer said no.
    #[error("{}: {}", .0.code, .0.message)]
    Refused(Refusal),
    /// The answer is of another kind than the question.
    #[error("peer answered {request} by something else")]
    Unexpected {
        /// What was asked.
        request: &'static str,
    },
}

/// One request line out, one answer line in.
fn ask<Reply: DeserializeOwned>(
    connection: &mut Connection,
    request: &impl Serialize,
    fd: Option<BorrowedFd<'_>>,
) -> Result<(Reply, Option<OwnedFd>), ClientError> {
    connection.send(request, fd)?;
    connection.recv()?.ok_or(ClientError::Closed)
}

fn hello(version: &str) -> Hello {
    Hello { protocol: PROTOCOL, version: version.to_owned() }
}

fn connect(path: &Path, timeout: Duration) -> Result<Connection, ClientError> {
    let connection = Connection::connect(path)?;
    connection.set_timeout(Some(timeout))?;
    Ok(connection)
}

/// The agent's end of a node's admin socket.
#[derive(Debug)]
pub struct NodeClient {
    connection: Connection,
}

impl NodeClient {
    /// Connects and shakes hands; every later wait is at most `timeout` per answer.
    ///
    /// # Errors
    /// As [`ClientError`]; `Refused` for another protocol.
    pub fn connect(path: &Path, version: &str, timeout: Duration) -> Result<Self, ClientError> {
        Self::over(connect(path, timeout)?, version)
    }

    /// Shakes hands over a connection that the caller has examined.
    ///
    /// # Errors
    /// As [`ClientError`]; `Refused` for another protocol.
    pub fn over(connection: Connection, version: &str) -> Result<Self, ClientError> {
        let mut client = NodeClient { connection };
        match client.ask("Hello", NodeRequest::Hello(hello(version)), None)? {
            (NodeReply::Hello(_), _) => Ok(client),
            _ => Err(ClientError::Unexpected { request: "Hello" }),
        }
    }

    /// Changes how long a later answer may take.
    ///
    /// # Errors
    /// `Transport` for a zero duration.
    pub fn set_timeout(&self, timeout: Duration) -> Result<(), ClientError> {
        Ok(self.connection.set_timeout(Some(timeout))?)
    }

    /// Replaces the node's settings.
    ///
    /// # Errors
    /// `Refused` with `StaleGeneration`, and as [`ClientError`].
    pub fn configure(
        &mut self,
        generation: u64,
        settings: &NodeSettings,
    ) -> Result<(), ClientError> {
        let settings = Box::new(settings.clone());
        self.done("Configure", NodeRequest::Configure { generation, settings }, None)
    }

    /// Hands the node a duplicate of its listening socket.
    ///
    /// # Errors
    /// As [`ClientError`].
    pub fn listen(&mut self, listener: BorrowedFd<'_>) -> Result<(), ClientError> {
        self.done("Listen", NodeRequest::Listen, Some(listener))
    }

    /// Asks for a duplicate of the listening socket that the node holds.
    ///
    /// # Errors
    /// `Refused` when it holds none, and as [`ClientError`].
    pub fn take_listener(&mut self) -> Result<OwnedFd, ClientError> {
        match self.ask("TakeListener", NodeRequest::TakeListener, None)? {
            (NodeReply::Listener, Some(listener)) => Ok(listener),
            _ => Err(ClientError::Unexpected { request: "TakeListener" }),
        }
    }

    /// Gives the node its role; returns once it serves.
    ///
    /// # Errors
    /// `Refused` with `StaleEpoch`, and as [`ClientError`].
    pub fn grant(&mut self, role: Role, epoch: u64) -> Result<(), ClientError> {
        self.done("Grant", NodeRequest::Grant { role, epoch }, None)
    }

    /// Asks how the node is.
    ///
    /// # Errors
    /// As [`ClientError`].
    pub fn probe(&mut self) -> Result<NodeStatus, ClientError> {
        match self.ask("Probe", NodeRequest::Probe, None)? {
            (NodeReply::Status(status), _) => Ok(*status),
            _ => Err(ClientError::Unexpected { request: "Probe" }),
        }
    }

    /// Asks for the tenant's connections.
    ///
    /// # Errors
    /// As [`ClientError`].
    pub fn clients(&mut self) -> Result<Vec<ClientRow>, ClientError> {
        match self.ask("Clients", NodeRequest::Clients, None)? {
            (NodeReply::Clients(rows), _) => Ok(rows),
            _ => Err(ClientError::Unexpected { request: "Clients" }),
        }
    }

    /// Has an RDB file written; returns once it is in place.
    ///
    /// # Errors
    /// `Refused` with the reason of the failure, and as [`ClientError`].
    pub fn save(&mut self) -> Result<(), ClientError> {
        self.done("Save", NodeRequest::Save, None)
    }

    /// Stops the node, which exits after the answer.
    ///
    /// # Errors
    /// `Refused` when the save failed and the node runs on, and as [`ClientError`].
    pub fn shutdown(&mut self, save: bool) -> Result<(), ClientError> {
        self.done("Shutdown", NodeRequest::Shutdown { save }, None)
    }

    fn ask(
        &mut self,
        name: &'static str,
        request: NodeRequest,
        fd: Option<BorrowedFd<'_>>,
    ) -> Result<(NodeReply, Option<OwnedFd>), ClientError> {
        match ask(&mut self.connection, &request, fd)? {
            (NodeReply::Refused(refusal), _) => Err(ClientError::Refused(refusal)),
            (_, Some(_)) if name != "TakeListener" => {
                Err(ClientError::Unexpected { request: name })
            }
            answer => Ok(answer),
        }
    }

    fn done(
        &mut self,
        name: &'static str,
        request: NodeRequest,
        fd: Option<BorrowedFd<'_>>,
    ) -> Result<(), ClientError> {
        match self.ask(name, request, fd)? {
            (NodeReply::Done, _) => Ok(()),
            _ => Err(ClientError::Unexpected { request: name }),
        }
    }
}

/// Control's end of the agent's socket.
#[derive(Debug)]
pub struct AgentClient {
    connection: Connection,
    timeout: Duration,
}

/// All nodes of a host at one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Different whenever anything has changed.
    pub revision: u64,
    /// All nodes.
    pub nodes: Vec<NodeObserved>,
}

impl AgentClient {
    /// Connects and shakes hands; every later wait is at most `timeout` per answer, beside
    /// [`AgentClient::watch`] which may take its own time on top.
    ///
    /// # Errors
    /// As [`ClientError`]; `Refused` for another protocol.
    pub fn connect(path: &Path, version: &str, timeout: Duration) -> Result<Self, ClientError> {
        let mut client = AgentClient { connection: connect(path, timeout)?, timeout };
        match client.ask(AgentRequest::Hello(hello(version)))? {
            AgentReply::Hello(_) => Ok(client),
            _ => Err(ClientError::Unexpected { request: "Hello" }),
        }
    }

    /// States what a node should be.
    ///
    /// # Errors
    /// `Refused` with `StaleGeneration` or `PortInUse`, and as [`ClientError`].
    pub fn apply(&mut self, spec: NodeSpec) -> Result<(), ClientError> {
        match self.ask(AgentRequest::Apply(Box::new(spec)))? {
            AgentReply::Applied => Ok(()),
            _ => Err(ClientError::Unexpected { request: "Apply" }),
        }
    }

    /// Removes a node; returns once nothing is left of it.
    ///
    /// # Errors
    /// `Refused` with `StaleGeneration`, and as [`ClientError`].
    pub fn remove(&mut self, node_id: &str, generation: u64) -> Result<(), ClientError> {
        let node_id = node_id.to_owned();
        match self.ask(AgentRequest::Remove { node_id, generation })? {
            AgentReply::Done => Ok(()),
            _ => Err(ClientError::Unexpected { request: "Remove" }),
        }
    }

    /// Stops a node with a save and keeps its directory; returns once nothing of it runs.
    ///
    /// # Errors
    /// `Refused` with `StaleGeneration`, and as [`ClientError`].
    pub fn release(&mut self, node_id: &str, generation: u64) -> Result<(), ClientError> {
        let node_id = node_id.to_owned();
        match self.ask(AgentRequest::Release { node_id, generation })? {
            AgentReply::Done => Ok(()),
            _ => Err(ClientError::Unexpected { request: "Release" }),
        }
    }

    /// All nodes now.
    ///
    /// # Errors
    /// As [`ClientError`].
    pub fn observe(&mut self) -> Result<Observation, ClientError> {
        match self.ask(AgentRequest::Observe)? {
            AgentReply::Observed { revision, nodes } => Ok(Observation { revision, nodes }),
            _ => Err(ClientError::Unexpected { request: "Observe" }),
        }
    }

    /// All nodes as soon as the revision is not `after` any more, or after `wait`.
    ///
    /// # Errors
    /// As [`ClientError`].
    pub fn watch(&mut self, after: u64, wait: Duration) -> Result<Observation, ClientError> {
        let timeout_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        self.connection.set_timeout(Some(self.timeout.saturating_add(wait)))?;
        let reply = self.ask(AgentRequest::Watch { after, timeout_ms });
        self.connection.set_timeout(Some(self.timeout))?;
        match reply? {
            AgentReply::Observed { revision, nodes } => Ok(Observation { revision, nodes }),
            _ => Err(ClientError::Unexpected { request: "Watch" }),
        }
    }

    /// Asks a node how it is.
    ///
    /// # Errors
    /// `Refused` with `UnknownNode` or `Failed`, and as [`ClientError`].
    pub fn probe(&mut self, node_id: &str) -> Result<NodeStatus, ClientError> {
        match self.ask(AgentRequest::Probe { node_id: node_id.to_owned() })? {
            AgentReply::Status(status) => Ok(*status),
            _ => Err(ClientError::Unexpected { request: "Probe" }),
        }
    }

    /// Asks a node for the tenant's connections.
    ///
    /// # Errors
    /// `Refused` with `UnknownNode` or `Failed`, and as [`ClientError`].
    pub fn clients(&mut self, node_id: &str) -> Result<Vec<ClientRow>, ClientError> {
        match self.ask(AgentRequest::Clients { node_id: node_id.to_owned() })? {
            AgentReply::Clients(rows) => Ok(rows),
            _ => Err(ClientError::Unexpected { request: "Clients" }),
        }
    }

    fn ask(&mut self, request: AgentRequest) -> Result<AgentReply, ClientError> {
        match ask(&mut self.connection, &request, None)? {
            (AgentReply::Refused(refusal), _) => Err(ClientError::Refused(refusal)),
            (reply, _) => Ok(reply),
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the peer of a blocking call needs a thread")]
mod tests {
    use super::*;
    use crate::transport::answer_hello;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    fn client() -> (NodeClient, Connection) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (NodeClient { connection: Connection::new(ours) }, Connection::new(theirs))
    }

    fn refusal(code: &str) -> NodeReply {
        NodeReply::Refused(Refusal { code: code.to_owned(), message: String::new() })
    }

    /// What `run` makes of one answer.
    fn check<T>(reply: Option<NodeReply>, run: impl FnOnce(&mut NodeClient) -> T) -> T {
        let (mut client, mut server) = client();
        let answering = std::thread::spawn(move || {
            server.recv::<NodeRequest>().unwrap().unwrap();
            if let Some(reply) = reply {
                server.send(&reply, None).unwrap();
            }
        });
        let outcome = run(&mut client);
        answering.join().unwrap();
        outcome
    }

    #[test]
    fn answers_are_sorted_by_kind() {
        let save = |client: &mut NodeClient| client.save();
        assert!(check(Some(NodeReply::Done), save).is_ok());
        assert!(matches!(check(None, save), Err(ClientError::Closed)));
        let unexpected = check(Some(NodeReply::Listener), save);
        assert!(matches!(unexpected, Err(ClientError::Unexpected { request: "Save" })));
        let grant = |client: &mut NodeClient| client.grant(Role::Primary, 7);
        match check(Some(refusal("StaleEpoch")), grant) {
            Err(ClientError::Refused(refusal)) => assert_eq!(refusal.code, "StaleEpoch"),
            other => panic!("{other:?}"),
        }
        let without_descriptor = check(Some(NodeReply::Listener), |client| client.take_listener());
        assert!(matches!(without_descriptor, Err(ClientError::Unexpected { .. })));
    }

    #[test]
    fn a_listener_goes_there_and_back() {
        let (mut client, mut server) = client();
        let node = std::thread::spawn(move || {
            let (request, fd) = server.recv::<NodeRequest>().unwrap().unwrap();
            assert_eq!(request, NodeRequest::Listen);
            server.send(&NodeReply::Done, None).unwrap();
            let (request, _) = server.recv::<NodeRequest>().unwrap().unwrap();
            assert_eq!(request, NodeRequest::TakeListener);
            server.send(&NodeReply::Listener, Some(fd.unwrap().as_fd())).unwrap();
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        client.listen(listener.as_fd()).unwrap();
        let back = std::net::TcpListener::from(client.take_listener().unwrap());
        assert_eq!(back.local_addr().unwrap(), listener.local_addr().unwrap());
        node.join().unwrap();
    }

    #[test]
    fn hello_of_another_protocol_ends_the_connection() {
        let directory = std::env::temp_dir().join(format!("larder-hello-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("agent.sock");
        let listener = crate::transport::bind_private(&path).unwrap();
        let agent = std::thread::spawn(move || {
            let mut server = Connection::new(listener.accept().unwrap().0);
            let (request, _) = server.recv::<AgentRequest>().unwrap().unwrap();
            let AgentRequest::Hello(mut theirs) = request else { panic!("{request:?}") };
            theirs.protocol += 1;
            let refusal = answer_hello(&theirs, "0.1.0").unwrap_err();
            server.send(&AgentReply::Refused(refusal), None).unwrap();
        });
        let outcome = AgentClient::connect(&path, "0.1.0", Duration::from_secs(10));
        match outcome {
            Err(ClientError::Refused(refusal)) => assert_eq!(refusal.code, "ProtocolMismatch"),
            other => panic!("{other:?}"),
        }
        agent.join().unwrap();
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
