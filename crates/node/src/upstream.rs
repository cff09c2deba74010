//! The thread that follows a primary: connects, carries bytes, keeps time. What they mean is
//! decided in `replication`, what they do in `server`.

use replication::{Event, Link, LinkError};
use server::Shared;
use server::upstream::apply::{Applier, ApplyError};
use server::upstream::{self, Progress, Status, Target, Transfer};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Between two attempts to connect.
const RETRY_MS: u64 = 1_000;
/// Longest attempt to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two acknowledgements.
const ACKNOWLEDGE_US: u64 = 1_000_000;
/// Room for one read.
const READ_BYTES: usize = 256 * 1024;

/// Why a link ended.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("connect: {0}")]
    Connect(io::Error),
    #[error("the link broke: {0}")]
    Io(#[from] io::Error),
    #[error("the primary closed the link")]
    Closed,
    #[error("nothing came for {0} s")]
    Silent(u64),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

/// Follows whatever primary there is to follow, until the node ends.
pub fn run(shared: &Shared) {
    let mut applier = Applier::new(shared);
    while let Some(target) = shared.upstream.wait_for_target() {
        applier.begin(shared, format!("{}:{}", target.host, target.port));
        let ended = Following::new(shared, &target).and_then(|mut one| one.run(&mut applier));
        applier.end(shared);
        let Err(broken) = ended else { continue };
        let (host, port) = (&target.host, target.port);
        match broken {
            Broken::Apply(ApplyError::Changed) => {}
            Broken::Connect(_) | Broken::Closed | Broken::Io(_) => {
                tracing::info!(host, port, "Connection with master lost: {broken}");
            }
            broken => tracing::warn!(host, port, "follow the primary: {broken}"),
        }
        upstream::lost(shared, &target);
        shared.upstream.pause(&target, RETRY_MS);
    }
}

/// One link.
struct Following<'s> {
    shared: &'s Shared,
    target: &'s Target,
    socket: TcpStream,
    link: Link,
    acknowledged_us: u64,
    heard_us: u64,
}

impl<'s> Following<'s> {
    fn new(shared: &'s Shared, target: &'s Target) -> Result<Self, Broken> {
        tracing::info!("Connecting to MASTER {}:{}", target.host, target.port);
        note(shared, target, |status| status.progress = Progress::Connecting)?;
        let socket = connect(target).map_err(Broken::Connect)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(Duration::from_micros(ACKNOWLEDGE_US)))?;
        let twin = socket.try_clone()?;
        let cut = Box::new(move || {
            // It is closed already when this fails.
            let _ = twin.shutdown(Shutdown::Both);
        });
        if !shared.upstream.set_cut(target, cut) {
            return Err(ApplyError::Changed.into());
        }
        tracing::info!("MASTER <-> REPLICA sync started");
        note(shared, target, |status| status.progress = Progress::Handshake)?;
        let link = Link::new(upstream::greeting(shared));
        let now_us = shared.host.clock().monotonic_us();
        Ok(Self { shared, target, socket, link, acknowledged_us: now_us, heard_us: now_us })
    }

    /// Carries bytes until the link breaks.
    fn run(&mut self, applier: &mut Applier) -> Result<(), Broken> {
        let (mut input, mut piece) = (Vec::new(), vec![0; READ_BYTES]);
        loop {
            let out = self.link.take_output();
            self.socket.write_all(&out)?;
            match self.socket.read(&mut piece) {
                Ok(0) => return Err(Broken::Closed),
                Ok(len) => {
                    input.extend_from_slice(&piece[..len]);
                    self.heard()?;
                }
                Err(error) if is_timeout(&error) => self.check_silence()?,
                Err(error) => return Err(error.into()),
            }
            let consumed = self.take(applier, &input)?;
            input.drain(..consumed);
            self.acknowledge_when_due();
        }
    }

    /// Acts on what has arrived; gives how many bytes are done with.
    fn take(&mut self, applier: &mut Applier, input: &[u8]) -> Result<usize, Broken> {
        let (shared, target) = (self.shared, self.target);
        let mut at = 0;
        loop {
            let (consumed, event) = self.link.receive(&input[at..])?;
            let mut done = consumed;
            match event {
                None if consumed == 0 => return Ok(at),
                None => {}
                Some(Event::Full { id, offset }) => {
                    tracing::info!("Full resync from master: {id}:{offset}");
                    applier.expect_data(shared, id, offset)?;
                }
                Some(Event::Begin(total)) => note(shared, target, |status| {
                    status.progress = Progress::Transfer;
                    status.transfer = Transfer { total_bytes: total.unwrap_or(0), read_bytes: 0 };
                })?,
                Some(Event::Data(bytes)) => {
                    applier.take_data(bytes)?;
                    let len = bytes.len() as u64;
                    note(shared, target, |status| status.transfer.read_bytes += len)?;
                }
                Some(Event::End) => {
                    tracing::info!("MASTER <-> REPLICA sync: Loading DB in memory");
                    let twin = self.socket.try_clone()?;
                    // A primary that hears nothing gives up; an empty line says nothing. That the
                    // link broke is noticed later.
                    let alive = Box::new(move || drop((&twin).write_all(b"\n")));
                    let report = applier.load(shared, target, alive)?;
                    self.connected()?;
                    self.acknowledge();
                    let keys = report.keys;
                    tracing::info!(keys, "MASTER <-> REPLICA sync: Finished with success");
                }
                Some(Event::Continue { id }) => {
                    applier.go_on(shared, target, id.as_deref())?;
                    self.connected()?;
                    tracing::info!(
                        "MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization."
                    );
                }
                Some(Event::Stream(bytes)) => {
                    let applied = applier.apply(shared, target, bytes)?;
                    if let Some(failure) = applied.failure {
                        tracing::error!(failure, "a command of the primary failed here");
                    }
                    if applied.must_acknowledge {
                        self.acknowledge();
                    }
                    if applied.consumed == 0 {
                        return Ok(at);
                    }
                    done = applied.consumed;
                }
            }
            at += done;
        }
    }

    fn connected(&self) -> Result<(), Broken> {
        note(self.shared, self.target, |status| {
            status.progress = Progress::Connected;
            status.down_since_ms = 0;
        })
    }

    fn heard(&mut self) -> Result<(), Broken> {
        let clock = self.shared.host.clock();
        self.heard_us = clock.monotonic_us();
        let now_ms = clock.unix_ms();
        note(self.shared, self.target, |status| status.heard_ms = now_ms)
    }

    fn check_silence(&self) -> Result<(), Broken> {
        let limit_s = self.shared.config.lock().number("repl-timeout");
        let silent_us = self.shared.host.clock().monotonic_us() - self.heard_us;
        if silent_us > limit_s * 1_000_000 { Err(Broken::Silent(limit_s)) } else { Ok(()) }
    }

    fn acknowledge_when_due(&mut self) {
        let now_us = self.shared.host.clock().monotonic_us();
        if self.link.is_streaming() && now_us - self.acknowledged_us >= ACKNOWLEDGE_US {
            self.acknowledge();
        }
    }

    fn acknowledge(&mut self) {
        self.acknowledged_us = self.shared.host.clock().monotonic_us();
        self.link.acknowledge(self.shared.journal.offset());
    }
}

fn note(shared: &Shared, target: &Target, change: impl FnOnce(&mut Status)) -> Result<(), Broken> {
    if shared.upstream.note(target, change) { Ok(()) } else { Err(ApplyError::Changed.into()) }
}

fn connect(target: &Target) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (target.host.as_str(), target.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Host and port as the directive `replicaof` has them; `None` for an empty text, or `no one`.
pub fn parse_address(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.trim().split_once(' ')?;
    Some((host, port.trim().parse().ok()?))
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}
