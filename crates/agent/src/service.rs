//! The agent's own socket: one thread per connection, one request at a time on each. Must not know
//! what requests mean.

use crate::conversation::VERSION;
use crate::core::is_node_id;
use crate::core::message::refused;
use crate::directory::Layout;
use crate::logs;
use crate::mailbox::{Mail, Mailbox};
use admin::agent::{AgentReply, AgentRequest};
use admin::logs::LogQuery;
use admin::transport::{Connection, TransportError, answer_hello, check_peer};
use std::io::ErrorKind;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;

/// Connections at a time; control needs a handful.
const CONNECTIONS_MAX: usize = 64;

/// Takes connections and serves each until it closes.
#[derive(Debug)]
pub(crate) struct Service {
    listener: UnixListener,
    mailbox: Mailbox,
    layout: Layout,
    /// One clone per open connection.
    open: Arc<()>,
}

impl Service {
    /// Serves on a non-blocking listener.
    pub(crate) fn new(listener: UnixListener, mailbox: Mailbox, layout: Layout) -> Service {
        Service { listener, mailbox, layout, open: Arc::new(()) }
    }

    /// The listener, to be polled.
    pub(crate) fn listener(&self) -> &UnixListener {
        &self.listener
    }

    /// Takes all connections that wait. False when the kernel has no descriptor or memory for one:
    /// it stays in the queue, and asking again at once would only spin.
    pub(crate) fn accept(&self) -> bool {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if is_passing(error.kind()) => return true,
                Err(error) => {
                    tracing::warn!(%error, "connection to the agent has to wait");
                    return false;
                }
            };
            if CONNECTIONS_MAX < Arc::strong_count(&self.open) {
                tracing::warn!("connection refused: {CONNECTIONS_MAX} are open");
                continue;
            }
            let (mailbox, open) = (self.mailbox.clone(), self.open.clone());
            let layout = self.layout.clone();
            let started =
                std::thread::Builder::new().name("agent-service".to_owned()).spawn(move || {
                    let _open = open;
                    if let Err(error) = serve(stream, &mailbox, &layout) {
                        tracing::debug!(%error, "connection to the agent ended");
                    }
                });
            if let Err(error) = started {
                tracing::warn!(%error, "connection refused: no thread for it");
            }
        }
    }
}

/// Nothing waits, or what waited has gone away.
fn is_passing(kind: ErrorKind) -> bool {
    use ErrorKind::{ConnectionAborted, Interrupted, WouldBlock};
    matches!(kind, WouldBlock | Interrupted | ConnectionAborted)
}

fn serve(stream: UnixStream, mailbox: &Mailbox, layout: &Layout) -> Result<(), TransportError> {
    check_peer(&stream)?;
    stream
        .set_nonblocking(false)
        .map_err(|source| TransportError::Io { doing: "make the socket blocking", source })?;
    let mut connection = Connection::new(stream);
    let mut greeted = false;
    loop {
        let request = match connection.recv::<AgentRequest>() {
            Ok(Some((request, _))) => request,
            Ok(None) => return Ok(()),
            Err(TransportError::Malformed(error)) => {
                let answer = refused("BadRequest", format!("not understood: {error}"));
                connection.send(&answer, None)?;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let answer = match request {
            AgentRequest::Hello(theirs) => match answer_hello(&theirs, VERSION) {
                Ok(ours) => {
                    greeted = true;
                    AgentReply::Hello(ours)
                }
                Err(refusal) => {
                    connection.send(&AgentReply::Refused(refusal), None)?;
                    return Ok(());
                }
            },
            _ if !greeted => refused("ProtocolMismatch", "say hello first"),
            AgentRequest::Log(query) => log(layout, &query),
            request => ask(mailbox, request),
        };
        connection.send(&answer, None)?;
    }
}

/// Files are read here, on the connection's own thread: the core waits for no disk.
fn log(layout: &Layout, query: &LogQuery) -> AgentReply {
    if !is_node_id(&query.node_id) || !layout.node(&query.node_id).is_dir() {
        return refused("UnknownNode", format!("there is no node {:?}", query.node_id));
    }
    match logs::read(&layout.node(&query.node_id), query) {
        Ok(page) => AgentReply::Log(page),
        Err(error) => refused("Failed", format!("read a log of {}: {error}", query.node_id)),
    }
}

fn ask(mailbox: &Mailbox, request: AgentRequest) -> AgentReply {
    let (respond, response) = std::sync::mpsc::channel();
    mailbox.send(Mail::Request { request, respond });
    response.recv().unwrap_or_else(|_| refused("Failed", "the agent has stopped"))
}
