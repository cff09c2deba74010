//! JSON lines over blocking unix stream sockets, with descriptors riding along (SCM_RIGHTS), and
//! the private sockets that they run over.
//!
//! A line is handed to the kernel together with its descriptor, and the kernel never mixes bytes of
//! two such messages behind one descriptor; so a descriptor belongs to the line that holds the last
//! byte of the chunk it arrived with. Must not know what any line means.

use crate::{Hello, LINE_BYTES_MAX, PROTOCOL, Refusal};
use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Bytes asked from the kernel at once.
const CHUNK_BYTES: usize = 16 << 10;
/// Descriptors that one chunk may bring; more than one is refused, the room shows the excess.
const DESCRIPTORS_MAX: usize = 4;
/// The longest path that fits into a unix socket address, without its closing zero.
const ADDRESS_BYTES_MAX: usize = 107;

/// Why a line could not be sent or received. The connection is of no further use after any of
/// these but [`TransportError::TimedOut`] while receiving.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The peer did nothing for the time set by [`Connection::set_timeout`].
    #[error("peer did not answer in time")]
    TimedOut,
    /// The peer closed in the middle of a line.
    #[error("peer closed in the middle of a line")]
    Truncated,
    /// A line, ours or theirs, is longer than [`LINE_BYTES_MAX`].
    #[error("line is longer than {LINE_BYTES_MAX} bytes")]
    Oversize,
    /// More than one descriptor came with a line, or the process is out of descriptors.
    #[error("descriptors of a line were lost or are more than one")]
    Descriptors,
    /// The line is no JSON of the expected shape.
    #[error("line is not understood: {0}")]
    Malformed(#[source] serde_json::Error),
    /// The peer runs as another user.
    #[error("peer runs as uid {uid}, which may not speak here")]
    ForeignPeer {
        /// The peer's user.
        uid: u32,
    },
    /// A system call failed.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the kernel said.
        source: std::io::Error,
    },
}

impl TransportError {
    fn io(doing: &'static str) -> impl FnOnce(Errno) -> TransportError {
        move |errno| match errno {
            Errno::AGAIN => TransportError::TimedOut,
            _ => TransportError::Io { doing, source: errno.into() },
        }
    }
}

/// One end of a connection: sends and receives whole lines.
#[derive(Debug)]
pub struct Connection {
    stream: UnixStream,
    /// Received and not yet returned; never holds more than one line and one chunk.
    received: Vec<u8>,
    /// Bytes of `received` known to hold no line end.
    scanned: usize,
    /// Descriptors with the index in `received` of the last byte they came with.
    descriptors: VecDeque<(usize, OwnedFd)>,
}

impl Connection {
    /// Takes over a connected stream.
    pub fn new(stream: UnixStream) -> Connection {
        Connection { stream, received: Vec::new(), scanned: 0, descriptors: VecDeque::new() }
    }

    /// Connects without ever waiting: a listener whose backlog is full counts as timed out.
    ///
    /// # Errors
    /// `Io` when nobody listens there.
    pub fn connect(path: &Path) -> Result<Connection, TransportError> {
        let address = Address::of(path)?;
        let socket = rustix::net::socket_with(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            None,
        )
        .map_err(TransportError::io("create a socket"))?;
        rustix::net::connect(&socket, &address.socket)
            .map_err(TransportError::io("connect to the socket"))?;
        let stream = UnixStream::from(socket);
        stream
            .set_nonblocking(false)
            .map_err(|source| TransportError::Io { doing: "make the socket blocking", source })?;
        Ok(Connection::new(stream))
    }

    /// The longest that a single send or receive may wait; `None` for ever. At most that long per
    /// chunk, so a peer that dribbles can take longer.
    ///
    /// # Errors
    /// `Io` for a zero duration.
    pub fn set_timeout(&self, timeout: Option<Duration>) -> Result<(), TransportError> {
        self.stream
            .set_read_timeout(timeout)
            .and_then(|()| self.stream.set_write_timeout(timeout))
            .map_err(|source| TransportError::Io { doing: "set the timeout", source })
    }

    /// Makes sends and receives return [`TransportError::TimedOut`] instead of waiting at all.
    ///
    /// # Errors
    /// `Io` as the kernel says.
    pub fn set_nonblocking(&self) -> Result<(), TransportError> {
        self.stream
            .set_nonblocking(true)
            .map_err(|source| TransportError::Io { doing: "make the socket nonblocking", source })
    }

    /// The stream, to shut it down or to ask about the peer.
    pub fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// Process id of the listener that this end connected to; never that of a process which has
    /// merely taken over the path since.
    ///
    /// # Errors
    /// `Io` when the kernel does not tell.
    pub fn peer_pid(&self) -> Result<u32, TransportError> {
        let peer = rustix::net::sockopt::socket_peercred(&self.stream)
            .map_err(TransportError::io("ask who the peer is"))?;
        Ok(peer.pid.as_raw_nonzero().get().unsigned_abs())
    }

    /// Sends one line, with a duplicate of `fd`.
    ///
    /// # Errors
    /// `Oversize` before anything is sent; `TimedOut` and `Io` after some of it may have been.
    pub fn send(
        &mut self,
        line: &impl Serialize,
        fd: Option<BorrowedFd<'_>>,
    ) -> Result<(), TransportError> {
        let mut bytes = serde_json::to_vec(line).map_err(TransportError::Malformed)?;
        bytes.push(b'\n');
        if LINE_BYTES_MAX < bytes.len() {
            return Err(TransportError::Oversize);
        }
        let mut sent = 0;
        while sent < bytes.len() {
            let riding = fd.filter(|_| sent == 0);
            sent += match self.send_chunk(&bytes[sent..], riding) {
                Err(Errno::INTR) => 0,
                outcome => outcome.map_err(TransportError::io("send a line"))?,
            };
        }
        Ok(())
    }

    fn send_chunk(&self, bytes: &[u8], fd: Option<BorrowedFd<'_>>) -> Result<usize, Errno> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors = fd.as_slice();
        if fd.is_some() {
            let fits = control.push(SendAncillaryMessage::ScmRights(descriptors));
            assert!(fits, "the control buffer has room for one descriptor");
        }
        let bytes = [IoSlice::new(bytes)];
        rustix::net::sendmsg(&self.stream, &bytes, &mut control, SendFlags::NOSIGNAL)
    }

    /// Receives one line and the descriptor that came with it; `None` when the peer has closed
    /// between two lines. Descriptors are close-on-exec.
    ///
    /// # Errors
    /// Any; after `TimedOut` receiving may go on where it was.
    pub fn recv<T: DeserializeOwned>(
        &mut self,
    ) -> Result<Option<(T, Option<OwnedFd>)>, TransportError> {
        loop {
            if let Some(end) = self.line_end()? {
                let fd = self.take_descriptor(end)?;
                let parsed = serde_json::from_slice(&self.received[..end]);
                self.consume(end + 1);
                let line = parsed.map_err(TransportError::Malformed)?;
                return Ok(Some((line, fd)));
            }
            if self.recv_chunk()? == 0 {
                return match self.received.is_empty() {
                    true => Ok(None),
                    false => Err(TransportError::Truncated),
                };
            }
        }
    }

    fn line_end(&mut self) -> Result<Option<usize>, TransportError> {
        let fresh = &self.received[self.scanned..];
        let end = fresh.iter().position(|&byte| byte == b'\n').map(|at| at + self.scanned);
        self.scanned = end.unwrap_or(self.received.len());
        match LINE_BYTES_MAX <= self.scanned {
            true => Err(TransportError::Oversize),
            false => Ok(end),
        }
    }

    fn take_descriptor(&mut self, end: usize) -> Result<Option<OwnedFd>, TransportError> {
        let of_line = self.descriptors.iter().take_while(|(at, _)| *at <= end).count();
        let mut taken = self.descriptors.drain(..of_line).map(|(_, fd)| fd);
        let first = taken.next();
        match taken.next() {
            None => Ok(first),
            Some(_) => Err(TransportError::Descriptors),
        }
    }

    fn consume(&mut self, bytes: usize) {
        self.received.drain(..bytes);
        self.scanned = 0;
        for (at, _) in &mut self.descriptors {
            *at -= bytes;
        }
    }

    /// Appends what the kernel has; 0 bytes mean that the peer has closed.
    fn recv_chunk(&mut self) -> Result<usize, TransportError> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let held = self.received.len();
        self.received.resize(held + CHUNK_BYTES, 0);
        let outcome = rustix::io::retry_on_intr(|| {
            let mut chunk = [IoSliceMut::new(&mut self.received[held..])];
            rustix::net::recvmsg(&self.stream, &mut chunk, &mut control, RecvFlags::CMSG_CLOEXEC)
        });
        let bytes = outcome.as_ref().map_or(0, |message| message.bytes);
        self.received.truncate(held + bytes);
        let message = outcome.map_err(TransportError::io("receive a line"))?;
        for ancillary in control.drain() {
            if let RecvAncillaryMessage::ScmRights(fds) = ancillary {
                self.descriptors.extend(fds.map(|fd| (held + bytes.saturating_sub(1), fd)));
            }
        }
        match message.flags.contains(ReturnFlags::CTRUNC) {
            true => Err(TransportError::Descriptors),
            false => Ok(bytes),
        }
    }
}

/// Answers the first line of a peer: our own hello, or why we cannot talk.
///
/// # Errors
/// `ProtocolMismatch`, to be sent as the answer before closing.
pub fn answer_hello(theirs: &Hello, version: &str) -> Result<Hello, Refusal> {
    if theirs.protocol == PROTOCOL {
        return Ok(Hello { protocol: PROTOCOL, version: version.to_owned() });
    }
    Err(Refusal {
        code: "ProtocolMismatch".to_owned(),
        message: format!(
            "this is larder {version} with protocol {PROTOCOL}, the peer is {} with protocol {}; \
             restart the older one",
            theirs.version, theirs.protocol
        ),
    })
}

/// Listens on `path` with mode 0600. The socket is made in a directory that only its owner can
/// enter and then moved into place, so nobody else can connect at any moment; whatever socket file
/// lay there before is replaced, even a live one: being the only server is the caller's business.
///
/// # Errors
/// `Io` when the directory of `path` is missing or not writable.
pub fn bind_private(path: &Path) -> Result<UnixListener, TransportError> {
    let io = |doing| move |source| TransportError::Io { doing, source };
    let (parent, name) = split(path)?;
    let cell = parent.join(format!(".{}.{}", name.display(), std::process::id()));
    // A leftover of a process that had the same id and died in here.
    match std::fs::remove_dir_all(&cell) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(io("clear the socket's making place")(error));
        }
        _ => {}
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.mode(0o700).create(&cell).map_err(io("create the socket's making place"))?;
    let listener = bind_in(&cell, path);
    // Empty after success; after a failure the error tells more than the leftover.
    let _ = std::fs::remove_dir_all(&cell);
    listener
}

fn bind_in(cell: &Path, path: &Path) -> Result<UnixListener, TransportError> {
    let made = cell.join("s");
    let address = Address::of(&made)?;
    let socket = rustix::net::socket_with(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )
    .map_err(TransportError::io("create a socket"))?;
    rustix::net::bind(&socket, &address.socket).map_err(TransportError::io("bind the socket"))?;
    rustix::fs::chmod(&made, Mode::RUSR | Mode::WUSR)
        .map_err(TransportError::io("restrict the socket"))?;
    rustix::net::listen(&socket, 128).map_err(TransportError::io("listen on the socket"))?;
    std::fs::rename(&made, path)
        .map_err(|source| TransportError::Io { doing: "move the socket into place", source })?;
    Ok(UnixListener::from(socket))
}

/// Lets only the same user and root speak to us.
///
/// # Errors
/// `ForeignPeer`, or `Io` when the kernel does not tell.
pub fn check_peer(stream: &UnixStream) -> Result<(), TransportError> {
    let peer = rustix::net::sockopt::socket_peercred(stream)
        .map_err(TransportError::io("ask who the peer is"))?;
    if peer.uid.is_root() || peer.uid == rustix::process::geteuid() {
        return Ok(());
    }
    Err(TransportError::ForeignPeer { uid: peer.uid.as_raw() })
}

/// A socket address for a path of any length: a long one is reached through its open directory.
struct Address {
    socket: SocketAddrUnix,
    /// Keeps the directory open for as long as the address names it.
    _parent: Option<OwnedFd>,
}

impl Address {
    fn of(path: &Path) -> Result<Address, TransportError> {
        let name_it =
            |path: &Path| SocketAddrUnix::new(path).map_err(TransportError::io("name the socket"));
        if path.as_os_str().len() <= ADDRESS_BYTES_MAX {
            return Ok(Address { socket: name_it(path)?, _parent: None });
        }
        let (parent, name) = split(path)?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let parent = rustix::fs::openat(CWD, parent, flags, Mode::empty())
            .map_err(TransportError::io("open the socket's directory"))?;
        let short = PathBuf::from(format!("/proc/self/fd/{}", parent.as_fd().as_raw_fd()));
        Ok(Address { socket: name_it(&short.join(name))?, _parent: Some(parent) })
    }
}

fn split(path: &Path) -> Result<(&Path, &Path), TransportError> {
    let parent = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => Path::new("."),
    };
    match path.file_name() {
        Some(name) => Ok((parent, Path::new(name))),
        None => Err(TransportError::io("name the socket")(Errno::INVAL)),
    }
}

#[cfg(test)]
mod tests;
