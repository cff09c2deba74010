//! The loop: polls signals, mail, processes and the agent's socket, tells the core, and does what
//! it says. What may block runs on a thread of its own. Must not decide anything.

mod perform;
mod pulse;

use crate::core::message::{Action, Endpoint, Event, Record, ReplyId, Signal};
use crate::core::{Agent, Start};
use crate::directory::{DataDirectory, Layout};
use crate::mailbox::{Inbox, Mail, Mailbox, mailbox};
use crate::process::{self, Process};
use crate::service::Service;
use crate::survey::Survey;
use crate::{AgentError, AgentOptions};
use admin::agent::AgentReply;
use admin::transport::bind_private;
use pulse::Pulse;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::Mode;
use std::collections::{BTreeMap, VecDeque};
use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use stdx::{Clock, SystemClock};

/// The longest sleep; a tick without need costs nothing.
const SLEEP_MAX: Duration = Duration::from_secs(60);
/// How late the loop may wake up before the delay counts as a pause of the whole agent.
const DELAY_MAX: Duration = Duration::from_secs(1);

/// How often, and after which pause, a taken address of control is tried again.
const ADDRESS_TRIES: u32 = 20;
const ADDRESS_PAUSE: Duration = Duration::from_millis(50);
/// Rest after the kernel had no descriptor for a connection, in milliseconds.
const ACCEPT_REST_MS: u64 = 500;

/// A running agent.
pub(crate) struct Shell {
    options: AgentOptions,
    directory: DataDirectory,
    boot_id: String,
    time: Time,
    core: Agent,
    mailbox: Mailbox,
    inbox: Inbox,
    service: Service,
    /// Gets a byte for each SIGTERM and SIGINT.
    signals: UnixStream,
    nodes: BTreeMap<String, Process>,
    pulse: Pulse,
    /// Lines to all nodes for their figures; held by the thread that asks.
    survey: Arc<Mutex<Survey>>,
    control: Option<Process>,
    listeners: BTreeMap<(String, Endpoint), OwnedFd>,
    waiting: BTreeMap<ReplyId, Sender<AgentReply>>,
    replies: ReplyId,
    /// No connection is taken before this time.
    accept_at: u64,
    /// Endings of actions that were carried out on the spot.
    events: VecDeque<Event>,
    exit: bool,
}

impl Shell {
    /// Takes over the data directory and whatever runs in it.
    pub(crate) fn start(options: AgentOptions) -> Result<Shell, AgentError> {
        let directory = DataDirectory::open(&options.data_dir)?;
        raise_descriptor_limit();
        // Whatever is created from here on, by us or by our children, is for this user alone.
        rustix::process::umask(Mode::RWXG | Mode::RWXO);
        let boot_id = process::boot_id().map_err(AgentError::system("read the boot id"))?;
        let layout = directory.layout().clone();
        let (records, nodes) = find_nodes(&layout, &boot_id)?;
        if nodes.is_empty() {
            // Living nodes are supervised even where control cannot serve.
            check_free(options.control_address)?;
        }
        let time = Time::new();
        let core = Agent::new(Start {
            records,
            epoch_reserved: layout.load_epoch()?,
            // Far above what an agent can count up to, so that no two agents share revisions.
            revision: u64::from_ne_bytes(stdx::random::entropy()) >> 2,
            now_ms: time.now_ms(),
        });
        let (mailbox, inbox) = mailbox().map_err(AgentError::system("create a mailbox"))?;
        let service = Service::new(listen(&layout)?, mailbox.clone(), layout.clone());
        Ok(Shell {
            options,
            directory,
            boot_id,
            time,
            core,
            mailbox,
            inbox,
            service,
            signals: catch_signals().map_err(AgentError::system("catch signals"))?,
            nodes,
            pulse: Pulse::default(),
            survey: Arc::default(),
            control: None,
            listeners: BTreeMap::new(),
            waiting: BTreeMap::new(),
            replies: 0,
            accept_at: 0,
            events: VecDeque::from([Event::Tick]),
            exit: false,
        })
    }

    /// Runs until the core says that nothing is left to do.
    pub(crate) fn run(mut self) -> Result<(), AgentError> {
        let data_dir = self.directory.layout().root().display();
        tracing::info!(%data_dir, nodes = self.nodes.len(), "agent runs");
        loop {
            self.turn();
            if self.exit {
                break;
            }
            let (ready, allowance) = self.poll()?;
            self.time.advance(allowance);
            self.collect(&ready);
        }
        let socket = self.directory.layout().agent_socket();
        if let Err(error) = std::fs::remove_file(&socket) {
            tracing::warn!(%error, "agent socket is left behind");
        }
        tracing::info!("agent stops");
        Ok(())
    }

    /// Lets the core take in all events, and does what it says.
    fn turn(&mut self) {
        let mut actions: Vec<Action> = Vec::new();
        while let Some(event) = self.events.pop_front() {
            report(&event, self.core.is_stopping());
            self.core.handle(event, self.time.now_ms(), &mut actions);
            for action in actions.drain(..) {
                self.perform(action);
            }
        }
    }

    /// Sleeps until something happens; tells what, and how long it may have taken.
    fn poll(&self) -> Result<(Ready, Duration), AgentError> {
        let now_ms = self.time.now_ms();
        let rest = Some(self.accept_at).filter(|&at| now_ms < at);
        let beats = self.pulse.due_at();
        let wake = self.core.wake(now_ms).into_iter().chain(rest).chain(beats).min();
        let limit = wake.map_or(SLEEP_MAX, |wake| {
            Duration::from_millis(wake.saturating_sub(now_ms)).min(SLEEP_MAX)
        });
        let processes: Vec<&String> = self.nodes.keys().collect();
        let heeded = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
        let fixed = [self.inbox.bell(), self.signals.as_fd()].map(heeded);
        let connections = match rest {
            None => heeded(self.service.listener().as_fd()),
            Some(_) => PollFd::new(self.service.listener(), PollFlags::empty()),
        };
        let pidfds = self.control.iter().chain(self.nodes.values()).map(Process::pidfd);
        let mut fds: Vec<PollFd<'_>> =
            fixed.into_iter().chain([connections]).chain(pidfds.map(heeded)).collect();
        fds.extend(self.pulse.fds().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        let timeout = Timespec::try_from(limit).ok();
        match rustix::event::poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(AgentError::system("poll")(errno.into())),
        }
        let mut is_ready = fds.iter().map(|fd| !fd.revents().is_empty());
        let mut next = || is_ready.next().unwrap_or(false);
        let ready = Ready {
            mail: next(),
            signals: next(),
            connections: next(),
            control: self.control.is_some() && next(),
            nodes: processes.into_iter().filter(|_| next()).cloned().collect(),
            beats: self.pulse.node_ids().filter(|_| next()).cloned().collect(),
        };
        Ok((ready, limit + DELAY_MAX))
    }

    fn collect(&mut self, ready: &Ready) {
        if ready.signals {
            let mut bytes = [0; 64];
            // A signal that comes while we stop changes nothing.
            if self.signals.read(&mut bytes).is_ok() {
                tracing::info!("told to stop");
                self.events.push_back(Event::Terminate);
            }
        }
        self.events.extend(ready.beats.iter().filter_map(|node_id| self.pulse.hear(node_id)));
        self.events.extend(self.pulse.overdue(self.time.now_ms()));
        for node_id in &ready.nodes {
            self.pulse.forget(node_id);
            if let Some(process) = self.nodes.remove(node_id) {
                let pid = process.identity().pid;
                let how = process.reap();
                let last_words = perform::last_words(&self.directory.layout().node_log(node_id));
                let how = [Some(how), last_words].into_iter().flatten().collect::<Vec<_>>();
                let (node_id, how) = (node_id.clone(), how.join("; last words: "));
                self.events.push_back(Event::NodeExited { node_id, pid, how });
            }
        }
        if ready.control
            && let Some(control) = self.control.take()
        {
            self.events.push_back(Event::ControlExited { how: control.reap() });
        }
        if ready.connections && !self.service.accept() {
            self.accept_at = self.time.now_ms() + ACCEPT_REST_MS;
        }
        if ready.mail {
            for mail in self.inbox.take() {
                self.take_in(mail);
            }
        }
        self.events.push_back(Event::Tick);
    }

    fn take_in(&mut self, mail: Mail) {
        match mail {
            Mail::Event(event) => self.events.push_back(event),
            Mail::Listener { node_id, endpoint, socket, event } => {
                self.listeners.entry((node_id, endpoint)).or_insert(socket);
                self.events.push_back(event);
            }
            Mail::Request { request, respond } => {
                self.replies += 1;
                self.waiting.insert(self.replies, respond);
                self.events.push_back(Event::Request { reply: self.replies, request });
            }
            Mail::Answer { reply, answer } => self.answer(reply, answer),
        }
    }

    fn answer(&mut self, reply: ReplyId, answer: AgentReply) {
        if let Some(respond) = self.waiting.remove(&reply) {
            // Fails when the one who asked is gone.
            let _ = respond.send(answer);
        }
    }
}

/// What a poll has found.
struct Ready {
    mail: bool,
    signals: bool,
    connections: bool,
    control: bool,
    nodes: Vec<String>,
    beats: Vec<String>,
}

/// Monotonic time without the agent's own pauses: while it was stopped or starved, no deadline of
/// others has come nearer.
struct Time {
    clock: SystemClock,
    last_us: u64,
    discounted_us: u64,
}

impl Time {
    fn new() -> Time {
        let clock = SystemClock::new();
        Time { last_us: clock.monotonic_us(), clock, discounted_us: 0 }
    }

    fn now_ms(&self) -> u64 {
        self.last_us.saturating_sub(self.discounted_us) / 1_000
    }

    fn advance(&mut self, allowance: Duration) {
        let now_us = self.clock.monotonic_us();
        self.discounted_us += pause_us(now_us - self.last_us, allowance);
        self.last_us = now_us;
    }
}

/// What of a sleep was too long.
fn pause_us(slept_us: u64, allowance: Duration) -> u64 {
    slept_us.saturating_sub(u64::try_from(allowance.as_micros()).unwrap_or(u64::MAX))
}

fn listen(layout: &Layout) -> Result<std::os::unix::net::UnixListener, AgentError> {
    let path = layout.agent_socket();
    let listener =
        bind_private(&path).map_err(|source| AgentError::Socket { path: path.clone(), source })?;
    listener.set_nonblocking(true).map_err(AgentError::io("make non-blocking", &path))?;
    Ok(listener)
}

type Found = (Vec<(Record, bool)>, BTreeMap<String, Process>);

/// Reads all records and finds their processes; kills processes of nodes that are not on record:
/// they were started just before an agent died, and were never granted anything.
fn find_nodes(layout: &Layout, boot_id: &str) -> Result<Found, AgentError> {
    let mut nodes = BTreeMap::new();
    let mut records = Vec::new();
    for record in layout.load_records()? {
        let found = record.process.as_ref().and_then(|it| Process::find(&it.identity, boot_id));
        records.push((record, found.is_some()));
        if let (Some(process), Some((record, _))) = (found, records.last()) {
            nodes.insert(record.spec.node_id.clone(), process);
        }
    }
    let socket_of = |id: &String| (id.clone(), layout.node_socket(id));
    let ids = records.iter().map(|(record, _)| &record.spec.node_id);
    let sockets: Vec<_> = ids.map(socket_of).collect();
    for (node_id, stray) in process::find_by_socket(&sockets, boot_id) {
        let recorded = nodes.get(&node_id).map(Process::identity);
        if recorded != Some(stray.identity()) {
            let outcome = stray.signal(Signal::Kill);
            tracing::warn!(%node_id, pid = stray.identity().pid, ?outcome, "stray node killed");
        }
    }
    Ok((records, nodes))
}

/// Each node costs a few descriptors; they inherit the limit, too.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, "limit of open files stays low");
    }
}

/// Whether control will be able to listen. The control process of an agent that has just been
/// killed may need a moment to notice.
#[expect(clippy::disallowed_methods, reason = "nobody tells when a port becomes free")]
fn check_free(address: SocketAddr) -> Result<(), AgentError> {
    let mut tries_left = ADDRESS_TRIES;
    loop {
        match TcpListener::bind(address) {
            Ok(_) => return Ok(()),
            Err(source) if source.kind() == ErrorKind::AddrInUse && 0 < tries_left => {
                tries_left -= 1;
                std::thread::sleep(ADDRESS_PAUSE);
            }
            Err(source) => return Err(AgentError::Address { address, source }),
        }
    }
}

fn catch_signals() -> std::io::Result<UnixStream> {
    let (read, write) = UnixStream::pair()?;
    read.set_nonblocking(true)?;
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::low_level::pipe::register(signal, write.try_clone()?)?;
    }
    Ok(read)
}

/// Why a step or a conversation with a node did not come to its end.
fn broken_off(event: &Event) -> Option<(&str, &'static str, &str)> {
    use crate::core::message::Success;
    let Event::Finished { node_id, result, .. } = event else { return None };
    let (what, failure) = match result {
        Err(failure) => ("step failed", failure),
        Ok(Success::Talked(talk)) => ("conversation stopped", talk.failure.as_ref()?),
        Ok(_) => return None,
    };
    Some((node_id, what, &failure.reason))
}

/// Logs what happened, where it is handled.
fn report(event: &Event, is_stopping: bool) {
    match (broken_off(event), is_stopping) {
        (Some((node_id, what, reason)), true) => tracing::info!(%node_id, %reason, "{what}"),
        (Some((node_id, what, reason)), false) => tracing::warn!(%node_id, %reason, "{what}"),
        (None, _) => {}
    }
    match event {
        Event::NodeExited { node_id, pid, how } => {
            tracing::info!(%node_id, pid, %how, "node process ended");
        }
        Event::ControlExited { how } => tracing::info!(%how, "control process ended"),
        Event::EpochsReserved(Err(reason)) => {
            tracing::error!(%reason, "epochs cannot be reserved: no node can be granted");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_free_once_nobody_listens_there() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let refused = check_free(address).unwrap_err().to_string();
        assert!(refused.contains(&address.to_string()) && refused.contains("--api"), "{refused}");
        drop(taken);
        check_free(address).unwrap();
    }

    #[test]
    fn only_sleep_beyond_the_allowance_is_discounted() {
        let allowance = Duration::from_millis(1_500);
        for (slept_ms, pause_ms) in [(0, 0), (1_500, 0), (1_501, 1), (61_500, 60_000)] {
            assert_eq!(pause_us(slept_ms * 1_000, allowance), pause_ms * 1_000);
        }
    }
}
