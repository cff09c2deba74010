//! Figures of all nodes at once: one line kept open to each, one request and one answer each, all
//! under way together within one limit, so that a silent node delays the others by nothing but the
//! limit. What the kernel knows of a process is added. Must not know what figures mean.

use crate::conversation::VERSION;
use admin::agent::NodeSample;
use admin::node::{NodeFigures, NodeReply, NodeRequest};
use admin::transport::{Connection, TransportError};
use admin::{Hello, PROTOCOL};
use rustix::event::{PollFd, PollFlags, Timespec};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;
use stdx::{Clock, SystemClock};

/// How long all answers together may take.
const LIMIT: Duration = Duration::from_secs(1);
/// Files of a node's directory that are looked at.
const FILES_MAX: usize = 256;

/// A node that runs.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) node_id: String,
    pub(crate) pid: u32,
    /// Its admin socket.
    pub(crate) socket: PathBuf,
    /// Where its files are.
    pub(crate) directory: PathBuf,
    /// Its log.
    pub(crate) log: PathBuf,
}

/// The lines to all nodes.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    lines: BTreeMap<String, Line>,
}

#[derive(Debug)]
struct Line {
    pid: u32,
    connection: Connection,
}

impl Line {
    fn open(target: &Target) -> Result<Line, TransportError> {
        let connection = Connection::connect(&target.socket)?;
        if connection.peer_pid()? != target.pid {
            return Err(TransportError::Io {
                doing: "meet the right process",
                source: std::io::ErrorKind::ConnectionRefused.into(),
            });
        }
        connection.set_nonblocking()?;
        let mut line = Line { pid: target.pid, connection };
        let hello = Hello { protocol: PROTOCOL, version: VERSION.to_owned() };
        line.connection.send(&NodeRequest::Hello(hello), None)?;
        Ok(line)
    }

    fn ask(&mut self) -> bool {
        self.connection.send(&NodeRequest::Figures, None).is_ok()
    }

    /// `None` while the answer is incomplete; an error when it is not worth waiting for.
    fn hear(&mut self) -> Option<Result<NodeFigures, ()>> {
        loop {
            match self.connection.recv::<NodeReply>() {
                Ok(Some((NodeReply::Hello(_), _))) => {}
                Ok(Some((NodeReply::Figures(figures), _))) => return Some(Ok(*figures)),
                Err(TransportError::TimedOut) => return None,
                Ok(_) | Err(_) => return Some(Err(())),
            }
        }
    }
}

impl Survey {
    /// Asks all of them; lines to others are given up. Blocks for the limit at most.
    pub(crate) fn sample(&mut self, targets: Vec<Target>) -> Vec<NodeSample> {
        self.ask_all(&targets);
        let mut figures = self.hear_all();
        targets
            .into_iter()
            .map(|target| {
                let (data_bytes, log_bytes) = file_bytes(&target.directory, &target.log);
                NodeSample {
                    figures: figures.remove(&target.node_id),
                    cpu_us: cpu_us(target.pid),
                    resident_bytes: resident_bytes(target.pid),
                    node_id: target.node_id,
                    pid: target.pid,
                    data_bytes,
                    log_bytes,
                }
            })
            .collect()
    }

    fn ask_all(&mut self, targets: &[Target]) {
        let wanted: BTreeMap<&str, u32> =
            targets.iter().map(|target| (target.node_id.as_str(), target.pid)).collect();
        self.lines.retain(|id, line| wanted.get(id.as_str()) == Some(&line.pid) && line.ask());
        for target in targets {
            if self.lines.contains_key(&target.node_id) {
                continue;
            }
            // A node that cannot be asked has no figures; its heartbeat tells more.
            let Ok(mut line) = Line::open(target) else { continue };
            if line.ask() {
                self.lines.insert(target.node_id.clone(), line);
            }
        }
    }

    /// Answers by node. A line that stays silent is given up: a late answer must not pass for a
    /// later one's.
    fn hear_all(&mut self) -> BTreeMap<String, NodeFigures> {
        let clock = SystemClock::new();
        let limit_us = u64::try_from(LIMIT.as_micros()).unwrap_or(u64::MAX);
        let mut waiting: BTreeSet<String> = self.lines.keys().cloned().collect();
        let mut heard = BTreeMap::new();
        while !waiting.is_empty() {
            let left_us = limit_us.saturating_sub(clock.monotonic_us());
            if left_us == 0 || !self.wait(&waiting, Duration::from_micros(left_us)) {
                break;
            }
            for node_id in waiting.clone() {
                let answer = self.lines.get_mut(&node_id).and_then(Line::hear);
                let Some(answer) = answer else { continue };
                waiting.remove(&node_id);
                match answer {
                    Ok(figures) => drop(heard.insert(node_id, figures)),
                    Err(()) => drop(self.lines.remove(&node_id)),
                }
            }
        }
        self.lines.retain(|node_id, _| !waiting.contains(node_id));
        heard
    }

    /// Until one of those has something to say; false when nobody has in time.
    fn wait(&self, waiting: &BTreeSet<String>, limit: Duration) -> bool {
        let lines = self.lines.iter().filter(|(node_id, _)| waiting.contains(*node_id));
        let mut fds: Vec<PollFd<'_>> =
            lines.map(|(_, line)| PollFd::new(line.connection.stream(), PollFlags::IN)).collect();
        let limit = Timespec::try_from(limit).ok();
        match rustix::event::poll(&mut fds, limit.as_ref()) {
            Ok(ready) => ready > 0,
            Err(errno) => errno == rustix::io::Errno::INTR,
        }
    }
}

/// CPU time of a process with all its threads.
fn cpu_us(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    parse_cpu_us(&stat, rustix::param::clock_ticks_per_second())
}

fn parse_cpu_us(stat: &str, ticks_per_second: u64) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let user: u64 = fields.nth(11)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) * 1_000_000 / ticks_per_second.max(1))
}

fn resident_bytes(pid: u32) -> Option<u64> {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// Bytes of data files, in the directory and one below, and of the log.
fn file_bytes(directory: &Path, log: &Path) -> (u64, u64) {
    let files = |directory: &Path| {
        let entries = std::fs::read_dir(directory).into_iter().flatten();
        entries.flatten().take(FILES_MAX).collect::<Vec<_>>()
    };
    let size = |entry: &std::fs::DirEntry| {
        let file = entry.metadata().ok().filter(std::fs::Metadata::is_file);
        file.map_or(0, |file| file.len())
    };
    let mut data_bytes = 0;
    for entry in files(directory) {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => {
                data_bytes += files(&entry.path()).iter().map(size).sum::<u64>();
            }
            _ if entry.path() == log => {}
            _ => data_bytes += size(&entry),
        }
    }
    (data_bytes, std::fs::metadata(log).map_or(0, |log| log.len()))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the peers of a blocking call need threads")]
mod tests {
    use super::*;
    use admin::transport::bind_private;
    use std::os::unix::net::UnixListener;

    /// What a node does with a request.
    #[derive(Clone, Copy, PartialEq)]
    enum Manner {
        Answers,
        Silent,
        Closes,
        Unknowing,
    }

    fn serve(listener: &UnixListener, manner: Manner, conversations: usize) {
        for stream in listener.incoming().take(conversations) {
            let mut connection = Connection::new(stream.expect("connected"));
            let mut served = 0;
            while let Ok(Some((request, _))) = connection.recv::<NodeRequest>() {
                let reply = match (request, manner) {
                    (NodeRequest::Hello(hello), _) => NodeReply::Hello(hello),
                    (_, Manner::Answers) => {
                        served += 1;
                        let figures = NodeFigures { keys: served, ..NodeFigures::default() };
                        NodeReply::Figures(Box::new(figures))
                    }
                    (_, Manner::Silent) => continue,
                    (_, Manner::Closes) => break,
                    (_, Manner::Unknowing) => NodeReply::Done,
                };
                if connection.send(&reply, None).is_err() {
                    break;
                }
            }
        }
    }

    #[test]
    fn a_silent_node_delays_the_others_by_nothing() {
        let name = format!("larder-survey-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir(&directory).expect("temporary directory");
        std::fs::write(directory.join("dump.rdb"), [0; 10]).expect("written");
        std::fs::create_dir(directory.join("appendonlydir")).expect("made");
        std::fs::write(directory.join("appendonlydir/a"), [0; 7]).expect("written");
        std::fs::write(directory.join("node.log"), [0; 5]).expect("written");
        let manners = [Manner::Silent, Manner::Answers, Manner::Closes, Manner::Unknowing];
        let mut targets = Vec::new();
        for (at, manner) in manners.into_iter().enumerate() {
            let socket = directory.join(format!("{at}.sock"));
            let listener = bind_private(&socket).expect("binds");
            std::thread::spawn(move || serve(&listener, manner, 9));
            targets.push(Target {
                node_id: format!("n{at}"),
                pid: std::process::id(),
                socket,
                directory: directory.clone(),
                log: directory.join("node.log"),
            });
        }
        let keys = |samples: &[NodeSample]| -> Vec<Option<u64>> {
            samples.iter().map(|one| one.figures.as_ref().map(|figures| figures.keys)).collect()
        };
        let mut survey = Survey::default();
        let first = survey.sample(targets.clone());
        assert_eq!(keys(&first), [None, Some(1), None, None]);
        let row = &first[0];
        assert_eq!((row.data_bytes, row.log_bytes), (17, 5));
        assert!(row.cpu_us.is_some() && row.resident_bytes.is_some_and(|bytes| 0 < bytes));
        assert_eq!(keys(&survey.sample(targets.clone()))[1], Some(2), "over the same line");
        targets[1].pid += 1;
        assert_eq!(keys(&survey.sample(targets[1..2].to_vec())), [None], "another process");
        assert!(survey.lines.is_empty());
        std::fs::remove_dir_all(&directory).expect("cleans up");
    }

    #[test]
    fn cpu_time_is_read_behind_any_name() {
        let stat = "4711 (a) b) R 1 2 3 0 -1 4194560 1 2 3 4 250 50 7 8 20 0 1 0 987654 1000 20";
        assert_eq!(parse_cpu_us(stat, 100), Some(3_000_000));
        assert_eq!(parse_cpu_us("4711 (x) S 1", 100), None);
    }
}
