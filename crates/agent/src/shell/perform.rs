//! Carries out actions of the core: at once where that is quick, otherwise on a thread that mails
//! its ending. Must not decide anything.

use crate::conversation::{self, Peer};
use crate::core::message::{
    Action, Endpoint, Event, Failure, FailureKind, Leave, Question, Record, ReplyId, Script,
    Signal, Success, Ticket, refused,
};
use crate::endpoint;
use crate::mailbox::{Mail, Promise};
use crate::process::Process;
use crate::shell::Shell;
use crate::shell::pulse::Asked;
use crate::survey::Target;
use admin::agent::{AgentReply, NodeObserved, NodePhase};
use rustix::fd::OwnedFd;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// How much of a log is searched for last words.
const LOG_TAIL_BYTES: u64 = 16 << 10;
/// The longest part of them that is passed on.
const LOG_LINE_CHARS: usize = 300;

type Outcome = Result<Success, Failure>;

fn failure(error: &io::Error) -> Failure {
    Failure { kind: FailureKind::Other, reason: error.to_string() }
}

fn finished(node_id: String, ticket: Ticket, result: Outcome) -> Event {
    Event::Finished { node_id, ticket, result }
}

impl Shell {
    /// Does one thing, or sees to its being done.
    pub(super) fn perform(&mut self, action: Action) {
        match action {
            Action::Bind { node_id, ticket, endpoint } => self.bind(node_id, ticket, endpoint),
            Action::CloseSocket { node_id, endpoint } => {
                self.listeners.remove(&(node_id, endpoint));
            }
            Action::Persist { node_id, ticket, record } => self.persist(node_id, ticket, record),
            Action::Spawn { node_id, ticket, loops } => self.spawn(node_id, ticket, loops),
            Action::Adopt { node_id, ticket, pid } => self.adopt(node_id, ticket, pid),
            Action::Talk { node_id, ticket, pid, script } => {
                self.talk(node_id, ticket, pid, script);
            }
            Action::Beat { node_id, ticket, pid } => {
                let socket = self.directory.layout().node_socket(&node_id);
                let who = Asked { node_id: &node_id, pid, socket: &socket };
                self.events.extend(self.pulse.ask(&who, ticket, self.time.now_ms()));
            }
            Action::Stop { node_id, ticket, pid } => {
                let peer = self.peer(&node_id, pid);
                self.work(node_id, ticket, move || {
                    conversation::stop(&peer?).map(|()| Success::Stopping)
                });
            }
            Action::Signal { node_id, pid, signal } => self.signal(&node_id, pid, signal),
            Action::Delete { node_id, ticket, leave } => self.delete(node_id, ticket, leave),
            Action::ReserveEpochs { through } => self.reserve_epochs(through),
            Action::Relay { reply, node_id, pid, question } => {
                self.relay(reply, &node_id, pid, question);
            }
            Action::Survey { reply, nodes } => self.survey(reply, nodes),
            Action::Reply { reply, answer } => self.answer(reply, answer),
            Action::Publish { node_id, observed } => publish(&node_id, observed.as_deref()),
            Action::SpawnControl { first } => self.spawn_control(first),
            Action::SignalControl(signal) => self.signal_control(signal),
            Action::Exit => self.exit = true,
        }
    }

    // ---- at once

    fn bind(&mut self, node_id: String, ticket: Ticket, endpoint: Endpoint) {
        let result = match endpoint::listen(endpoint) {
            Ok(socket) => {
                self.listeners.insert((node_id.clone(), endpoint), socket);
                Ok(Success::Bound)
            }
            Err(error) => Err(failure(&error)),
        };
        self.events.push_back(finished(node_id, ticket, result));
    }

    fn spawn(&mut self, node_id: String, ticket: Ticket, loops: u32) {
        let result = match self.spawn_node(&node_id, loops) {
            Ok(process) => {
                let identity = process.identity().clone();
                tracing::info!(%node_id, pid = identity.pid, "node process started");
                self.nodes.insert(node_id.clone(), process);
                Ok(Success::Spawned(identity))
            }
            Err(error) => {
                let reason = format!("start {}: {error}", self.options.executable.display());
                Err(Failure { kind: FailureKind::Other, reason })
            }
        };
        self.events.push_back(finished(node_id, ticket, result));
    }

    fn spawn_node(&self, node_id: &str, loops: u32) -> io::Result<Process> {
        let layout = self.directory.layout();
        layout.create_node(node_id)?;
        let log = layout.open_node_log(node_id)?;
        let mut command = Command::new(&self.options.executable);
        command
            .arg("node")
            .arg("--admin-socket")
            .arg(layout.node_socket(node_id))
            .arg("--dir")
            .arg(layout.node(node_id))
            .args(["--io-threads", &loops.to_string(), "--node-id", node_id])
            // Holds the password of a mail server, which is control's business.
            .env_remove("LARDER_SMTP_URL")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        Process::spawn(&mut command, &self.boot_id)
    }

    fn signal(&self, node_id: &str, pid: u32, signal: Signal) {
        let process = self.nodes.get(node_id).filter(|process| process.identity().pid == pid);
        let Some(process) = process else { return };
        tracing::info!(%node_id, pid, ?signal, "node process signalled");
        if let Err(error) = process.signal(signal) {
            tracing::error!(%node_id, pid, %error, "node process cannot be signalled");
        }
    }

    fn spawn_control(&mut self, first: bool) {
        let arguments = match first {
            true => &self.options.control_args,
            false => &self.options.control_restart_args,
        };
        let mut command = Command::new(&self.options.executable);
        command
            .args(arguments)
            .args(["--parent-pid", &std::process::id().to_string()])
            .stdin(Stdio::null())
            // Ctrl-C is for the agent alone, which stops control in its order.
            .process_group(0);
        match Process::spawn(&mut command, &self.boot_id) {
            Ok(process) => {
                tracing::info!(pid = process.identity().pid, "control process started");
                self.control = Some(process);
                self.events.push_back(Event::ControlStarted);
            }
            Err(error) => {
                let how = format!("start {}: {error}", self.options.executable.display());
                self.events.push_back(Event::ControlExited { how });
            }
        }
    }

    fn signal_control(&self, signal: Signal) {
        let Some(control) = &self.control else { return };
        if let Err(error) = control.signal(signal) {
            tracing::error!(%error, "control process cannot be signalled");
        }
    }

    // ---- on a thread

    /// Runs `job` on a thread; its ending, or its panic, becomes an event.
    fn work(
        &self,
        node_id: String,
        ticket: Ticket,
        job: impl FnOnce() -> Outcome + Send + 'static,
    ) {
        self.promise(node_id, ticket, move |node_id| Mail::Event(finished(node_id, ticket, job())));
    }

    fn promise(
        &self,
        node_id: String,
        ticket: Ticket,
        job: impl FnOnce(String) -> Mail + Send + 'static,
    ) {
        let reason = "no thread could do it".to_owned();
        let lost = Err(Failure { kind: FailureKind::Other, reason });
        let otherwise = Mail::Event(finished(node_id.clone(), ticket, lost));
        self.run_aside(otherwise, move || job(node_id));
    }

    fn run_aside(&self, otherwise: Mail, job: impl FnOnce() -> Mail + Send + 'static) {
        let promise = Promise::new(self.mailbox.clone(), otherwise);
        let started = std::thread::Builder::new()
            .name("agent-worker".to_owned())
            .spawn(move || promise.keep(job()));
        if let Err(error) = started {
            tracing::error!(%error, "no thread for a step");
        }
    }

    fn persist(&self, node_id: String, ticket: Ticket, record: Box<Record>) {
        let layout = self.directory.layout().clone();
        self.work(node_id, ticket, move || match layout.persist(&record) {
            Ok(()) => Ok(Success::Persisted),
            Err(error) => Err(failure(&error)),
        });
    }

    fn delete(&self, node_id: String, ticket: Ticket, leave: Leave) {
        let layout = self.directory.layout().clone();
        let id = node_id.clone();
        self.work(node_id, ticket, move || match layout.delete(&id, leave) {
            Ok(()) => Ok(Success::Deleted),
            Err(error) => Err(failure(&error)),
        });
    }

    fn reserve_epochs(&self, through: u64) {
        let layout = self.directory.layout().clone();
        let lost = Err("no thread could do it".to_owned());
        self.run_aside(Mail::Event(Event::EpochsReserved(lost)), move || {
            let outcome = layout.reserve_epochs(through);
            let outcome = outcome.map(|()| through).map_err(|error| error.to_string());
            Mail::Event(Event::EpochsReserved(outcome))
        });
    }

    fn adopt(&self, node_id: String, ticket: Ticket, pid: u32) {
        let peer = self.peer(&node_id, pid);
        self.promise(node_id, ticket, move |node_id| {
            let (adoption, socket) = match peer.and_then(|peer| conversation::adopt(&peer)) {
                Ok(adopted) => adopted,
                Err(failure) => return Mail::Event(finished(node_id, ticket, Err(failure))),
            };
            let endpoint = adoption.endpoint;
            let event = finished(node_id.clone(), ticket, Ok(Success::Adopted(adoption)));
            match (endpoint, socket) {
                (Some(endpoint), Some(socket)) => {
                    Mail::Listener { node_id, endpoint, socket, event }
                }
                _ => Mail::Event(event),
            }
        });
    }

    fn talk(&self, node_id: String, ticket: Ticket, pid: u32, script: Script) {
        let peer = self.peer(&node_id, pid);
        let listener = script.listen.map(|endpoint| self.duplicate(&node_id, endpoint));
        self.work(node_id, ticket, move || {
            let listener = listener.transpose()?;
            Ok(Success::Talked(conversation::talk(&peer?, &script, listener)))
        });
    }

    fn duplicate(&self, node_id: &str, endpoint: Endpoint) -> Result<OwnedFd, Failure> {
        let listener = self.listeners.get(&(node_id.to_owned(), endpoint));
        let listener = listener.expect("the core hands over only what is bound");
        listener.try_clone().map_err(|error| failure(&error))
    }

    fn relay(&self, reply: ReplyId, node_id: &str, pid: u32, question: Question) {
        let peer = self.peer(node_id, pid);
        let lost = refused("Failed", "no thread could ask the node");
        self.run_aside(Mail::Answer { reply, answer: lost }, move || {
            let answer = match peer {
                Ok(peer) => conversation::relay(&peer, question),
                Err(failure) => refused("Failed", failure.reason),
            };
            Mail::Answer { reply, answer }
        });
    }

    fn survey(&self, reply: ReplyId, nodes: Vec<(String, u32)>) {
        let layout = self.directory.layout();
        let target = |(node_id, pid): (String, u32)| Target {
            socket: layout.node_socket(&node_id),
            directory: layout.node(&node_id),
            log: layout.node_log(&node_id),
            node_id,
            pid,
        };
        let targets: Vec<Target> = nodes.into_iter().map(target).collect();
        let lines = self.survey.clone();
        let lost = refused("Failed", "no thread could ask the nodes");
        self.run_aside(Mail::Answer { reply, answer: lost }, move || {
            let answer = match lines.try_lock() {
                Ok(mut lines) => AgentReply::Samples(lines.sample(targets)),
                Err(_) => refused("Failed", "the nodes are being asked already"),
            };
            Mail::Answer { reply, answer }
        });
    }

    fn peer(&self, node_id: &str, pid: u32) -> Result<Peer, Failure> {
        let process = self.nodes.get(node_id).filter(|process| process.identity().pid == pid);
        let process = process.ok_or_else(|| Failure {
            kind: FailureKind::Unreachable,
            reason: format!("process {pid} has ended"),
        })?;
        let pidfd = process.pidfd().try_clone_to_owned().map_err(|error| failure(&error))?;
        Ok(Peer { socket: self.directory.layout().node_socket(node_id), pid, pidfd })
    }
}

/// One log line per change of state.
fn publish(node_id: &str, observed: Option<&NodeObserved>) {
    let Some(seen) = observed else {
        tracing::info!(%node_id, "node is gone");
        return;
    };
    let NodeObserved { generation, incarnation, port, epoch, crashes, .. } = seen;
    let pid = seen.pid.unwrap_or(0);
    if let NodePhase::Failed { reason } = &seen.phase {
        tracing::warn!(%node_id, generation, incarnation, port, crashes, %reason, "node fails");
    } else {
        let phase = &seen.phase;
        tracing::info!(
            %node_id, ?phase, generation, incarnation, port, pid, epoch, crashes, "node"
        );
    }
}

/// Last words of a process, if it left any.
pub(super) fn last_words(log: &Path) -> Option<String> {
    let mut file = std::fs::File::open(log).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL_BYTES))).ok()?;
    let mut tail = Vec::new();
    file.take(LOG_TAIL_BYTES).read_to_end(&mut tail).ok()?;
    words_of(&String::from_utf8_lossy(&tail))
}

/// The last line; of a panic at the end of the log, where and why instead of its backtrace.
fn words_of(tail: &str) -> Option<String> {
    let lines: Vec<&str> = tail.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let panic = lines.iter().rposition(|line| line.contains(" panicked at "));
    let words = match panic {
        Some(at) => lines[at..].iter().take(2).copied().collect::<Vec<_>>().join(" "),
        None => (*lines.last()?).to_owned(),
    };
    Some(words.chars().take(LOG_LINE_CHARS).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_say_why() {
        let panic = "thread 'main' panicked at src/a.rs:1:2:\nno such table";
        let rows = [
            ("", None),
            ("\n \n", None),
            ("first\n last \n\n", Some("last".to_owned())),
            (
                &format!("old\n\n{panic}\nstack backtrace:\n   0: x\n"),
                Some(panic.replace('\n', " ")),
            ),
        ];
        for (tail, expected) in rows {
            assert_eq!(words_of(tail), expected, "{tail:?}");
        }
        assert_eq!(words_of(&"x".repeat(1_000)).map(|words| words.len()), Some(LOG_LINE_CHARS));
    }
}
