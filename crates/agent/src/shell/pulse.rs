//! The sockets that heartbeats travel on: one kept open to each serving process, watched by the
//! agent's own loop, so that hundreds of nodes cost no thread and no connection a second. Must not
//! know what an answer, or its lack, means.

use crate::conversation::VERSION;
use crate::core::heart::ANSWER_MS_MAX;
use crate::core::message::{Event, Failure, FailureKind, Success, Ticket};
use admin::node::{NodeReply, NodeRequest};
use admin::transport::{Connection, TransportError};
use admin::{Hello, PROTOCOL};
use rustix::fd::{AsFd, BorrowedFd};
use std::collections::BTreeMap;
use std::path::Path;

/// The lines to all processes, by node.
#[derive(Default)]
pub(super) struct Pulse {
    lines: BTreeMap<String, Line>,
}

struct Line {
    pid: u32,
    connection: Connection,
    /// The open question, and when it counts as not answered.
    asked: Option<(Ticket, u64)>,
}

impl Line {
    fn open(socket: &Path, pid: u32) -> Result<Line, TransportError> {
        let connection = Connection::connect(socket)?;
        if connection.peer_pid()? != pid {
            return Err(TransportError::Io {
                doing: "meet the right process",
                source: std::io::ErrorKind::ConnectionRefused.into(),
            });
        }
        connection.set_nonblocking()?;
        Ok(Line { pid, connection, asked: None })
    }

    /// The node's admin socket greets without asking the engine, so a long command does not look
    /// like death.
    fn ask(&mut self, ticket: Ticket, until_ms: u64) -> Result<(), TransportError> {
        let hello = Hello { protocol: PROTOCOL, version: VERSION.to_owned() };
        self.connection.send(&NodeRequest::Hello(hello), None)?;
        self.asked = Some((ticket, until_ms));
        Ok(())
    }

    /// `None` while the answer is incomplete.
    fn hear(&mut self) -> Option<Result<Success, Failure>> {
        let fail = |kind, reason: String| {
            let reason = format!("ask for a sign of life: {reason}");
            Some(Err(Failure { kind, reason }))
        };
        match self.connection.recv::<NodeReply>() {
            Ok(Some((NodeReply::Hello(_), _))) => Some(Ok(Success::Alive)),
            Ok(Some((other, _))) => fail(FailureKind::Other, format!("it says {other:?}")),
            Ok(None) => fail(FailureKind::Closed, "it closed".to_owned()),
            Err(TransportError::TimedOut) => None,
            Err(error) => fail(FailureKind::Other, error.to_string()),
        }
    }
}

fn finished(node_id: &str, ticket: Ticket, result: Result<Success, Failure>) -> Event {
    Event::Finished { node_id: node_id.to_owned(), ticket, result }
}

/// Who is asked.
pub(super) struct Asked<'a> {
    pub(super) node_id: &'a str,
    pub(super) pid: u32,
    pub(super) socket: &'a Path,
}

impl Pulse {
    /// Asks for a sign of life; the event tells when that is not possible.
    pub(super) fn ask(&mut self, who: &Asked<'_>, ticket: Ticket, now_ms: u64) -> Option<Event> {
        let until_ms = now_ms + ANSWER_MS_MAX;
        // What broke since the last question is tried once more on a new line.
        let kept = self.lines.get_mut(who.node_id).filter(|line| line.pid == who.pid);
        if kept.is_some_and(|line| line.ask(ticket, until_ms).is_ok()) {
            return None;
        }
        self.lines.remove(who.node_id);
        let opened = Line::open(who.socket, who.pid)
            .and_then(|mut line| line.ask(ticket, until_ms).map(|()| line));
        match opened {
            Ok(line) => {
                self.lines.insert(who.node_id.to_owned(), line);
                None
            }
            Err(error) => {
                let reason = format!("ask for a sign of life: {error}");
                let failure = Failure { kind: FailureKind::Other, reason };
                Some(finished(who.node_id, ticket, Err(failure)))
            }
        }
    }

    /// What to watch for answers.
    pub(super) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.lines.values().map(|line| line.connection.stream().as_fd())
    }

    /// Whose each of [`Pulse::fds`] is.
    pub(super) fn node_ids(&self) -> impl Iterator<Item = &String> {
        self.lines.keys()
    }

    /// Takes in what a node has sent. A line that broke is given up.
    pub(super) fn hear(&mut self, node_id: &str) -> Option<Event> {
        let line = self.lines.get_mut(node_id)?;
        let result = line.hear()?;
        let asked = line.asked.take();
        if result.is_err() || asked.is_none() {
            self.lines.remove(node_id);
        }
        asked.map(|(ticket, _)| finished(node_id, ticket, result))
    }

    /// When the next question counts as not answered.
    pub(super) fn due_at(&self) -> Option<u64> {
        self.lines.values().filter_map(|line| line.asked).map(|(_, until_ms)| until_ms).min()
    }

    /// Ends what has not been answered in time; a late answer must not pass for a later one's.
    pub(super) fn overdue(&mut self, now_ms: u64) -> Vec<Event> {
        let is_late = |line: &Line| line.asked.is_some_and(|(_, until_ms)| until_ms <= now_ms);
        let late = self.lines.extract_if(.., |_, line| is_late(line));
        let ended = late.filter_map(|(node_id, line)| {
            let reason = "ask for a sign of life: it does not answer".to_owned();
            let failure = Failure { kind: FailureKind::TimedOut, reason };
            line.asked.map(|(ticket, _)| finished(&node_id, ticket, Err(failure)))
        });
        ended.collect()
    }

    /// The process has ended.
    pub(super) fn forget(&mut self, node_id: &str) {
        self.lines.remove(node_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use admin::transport::bind_private;
    use std::os::unix::net::UnixListener;

    /// A node's end, which answers when it is told to.
    struct Node {
        listener: UnixListener,
        line: Option<Connection>,
    }

    impl Node {
        fn accept(&mut self) {
            self.line = Some(Connection::new(self.listener.accept().expect("connects").0));
        }

        fn try_answer(&mut self) -> Result<(), TransportError> {
            let line = self.line.as_mut().expect("accepted");
            let asked: Option<(NodeRequest, _)> = line.recv().expect("asked");
            let Some((NodeRequest::Hello(hello), _)) = asked else { panic!("{asked:?}") };
            line.send(&NodeReply::Hello(hello), None)
        }

        fn answer(&mut self) {
            self.try_answer().expect("answers");
        }
    }

    fn ended(event: Option<Event>) -> Option<(Ticket, Result<(), FailureKind>)> {
        match event? {
            Event::Finished { ticket, result, .. } => {
                Some((ticket, result.map(drop).map_err(|failure| failure.kind)))
            }
            other => panic!("{other:?}"),
        }
    }

    fn hear(pulse: &mut Pulse) -> Option<(Ticket, Result<(), FailureKind>)> {
        ended(pulse.hear("n"))
    }

    #[test]
    fn one_line_carries_all_beats_until_it_breaks() {
        let name = format!("larder-pulse-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir(&directory).expect("temporary directory");
        let socket = directory.join("admin.sock");
        let mut node = Node { listener: bind_private(&socket).expect("binds"), line: None };
        let mut pulse = Pulse::default();
        let pid = std::process::id();
        let who = |pid| Asked { node_id: "n", pid, socket: &socket };

        let refused = ended(pulse.ask(&who(pid + 1), 1, 0));
        assert_eq!(refused, Some((1, Err(FailureKind::Other))), "another process listens there");
        node.accept();

        assert_eq!(ended(pulse.ask(&who(pid), 2, 0)), None);
        assert_eq!(hear(&mut pulse), None, "no answer yet");
        node.accept();
        node.answer();
        assert_eq!(hear(&mut pulse), Some((2, Ok(()))));
        assert_eq!(pulse.due_at(), None);

        assert_eq!(ended(pulse.ask(&who(pid), 3, 500)), None);
        node.answer();
        assert_eq!(hear(&mut pulse), Some((3, Ok(()))), "over the same line");

        assert_eq!(ended(pulse.ask(&who(pid), 4, 1_000)), None);
        assert_eq!(pulse.due_at(), Some(1_000 + ANSWER_MS_MAX));
        assert!(pulse.overdue(999 + ANSWER_MS_MAX).is_empty());
        let late = pulse.overdue(1_000 + ANSWER_MS_MAX).pop();
        assert_eq!(ended(late), Some((4, Err(FailureKind::TimedOut))));
        assert!(node.try_answer().is_err(), "a late answer reaches nobody");
        assert_eq!(hear(&mut pulse), None);

        assert_eq!(ended(pulse.ask(&who(pid), 5, 4_000)), None);
        node.accept();
        node.line = None;
        assert_eq!(hear(&mut pulse), Some((5, Err(FailureKind::Other))), "reset");
        assert_eq!(ended(pulse.ask(&who(pid), 6, 5_000)), None);
        node.accept();
        node.answer();
        assert_eq!(hear(&mut pulse), Some((6, Ok(()))));
        node.line = None;
        assert_eq!(ended(pulse.ask(&who(pid), 7, 6_000)), None, "a new line for a broken one");
        node.accept();
        node.answer();
        assert_eq!(hear(&mut pulse), Some((7, Ok(()))));
        std::fs::remove_dir_all(&directory).expect("cleans up");
    }
}
