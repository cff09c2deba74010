//! Stand-ins for the processes that an agent starts: a node that keeps one word and echoes it over
//! TCP, and a control process that only says that it is there. Must not know the tests.

use admin::agent::AgentRequest;
use admin::node::{ClientRow, NodeReply, NodeRequest, NodeStatus, Role};
use admin::transport::{Connection, answer_hello, bind_private, check_peer};
use admin::{Hello, PROTOCOL, Refusal};
use rustix::event::{PollFd, PollFlags, Timespec};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// No stand-in outlives its test for long.
const LIFE_SECONDS_MAX: i64 = 120;

/// A file in a node's directory: the process that runs is of a build with another protocol.
pub(crate) const OLD: &str = "old";

struct Node {
    directory: PathBuf,
    word: String,
    generation: u64,
    epoch: u64,
    listener: Option<OwnedFd>,
    serving: bool,
}

fn argument(arguments: &[String], name: &str) -> String {
    let at = arguments.iter().position(|argument| argument == name);
    arguments[at.unwrap_or_else(|| panic!("no {name} in {arguments:?}")) + 1].clone()
}

fn limit_life() {
    std::thread::spawn(|| {
        let limit = Timespec { tv_sec: LIFE_SECONDS_MAX, tv_nsec: 0 };
        let _ = rustix::event::poll(&mut [], Some(&limit));
        std::process::exit(9);
    });
}

/// `node --admin-socket PATH --dir PATH --io-threads N --node-id ID`.
pub(crate) fn node(arguments: &[String]) -> ExitCode {
    limit_life();
    rustix::process::setsid().unwrap();
    let directory = PathBuf::from(argument(arguments, "--dir"));
    let socket = PathBuf::from(argument(arguments, "--admin-socket"));
    println!("node {} starts", argument(arguments, "--node-id"));
    let word = std::fs::read_to_string(directory.join("dump")).unwrap_or_default();
    let _ = std::fs::remove_file(directory.join(OLD));
    let node = Node { directory, word, generation: 0, epoch: 0, listener: None, serving: false };
    let node = Arc::new(Mutex::new(node));
    let listener = bind_private(&socket).unwrap();
    loop {
        let (stream, _) = listener.accept().unwrap();
        let node = node.clone();
        std::thread::spawn(move || converse(stream, &node));
    }
}

fn converse(stream: UnixStream, node: &Arc<Mutex<Node>>) {
    check_peer(&stream).unwrap();
    let mut connection = Connection::new(stream);
    while let Ok(Some((request, fd))) = connection.recv::<NodeRequest>() {
        let stops = matches!(request, NodeRequest::Shutdown { .. });
        let (reply, fd) = answer(request, fd, node);
        let _ = connection.send(&reply, fd.as_ref().map(AsFd::as_fd));
        if stops {
            std::process::exit(0);
        }
    }
}

fn refused(code: &str) -> NodeReply {
    NodeReply::Refused(Refusal { code: code.to_owned(), message: "by the stand-in".to_owned() })
}

fn answer(
    request: NodeRequest,
    fd: Option<OwnedFd>,
    shared: &Arc<Mutex<Node>>,
) -> (NodeReply, Option<OwnedFd>) {
    let mut node = shared.lock().unwrap();
    let reply = match request {
        NodeRequest::Hello(_) if node.directory.join(OLD).exists() => refused("ProtocolMismatch"),
        NodeRequest::Hello(theirs) => match answer_hello(&theirs, "0.0.0") {
            Ok(ours) => NodeReply::Hello(ours),
            Err(refusal) => NodeReply::Refused(refusal),
        },
        NodeRequest::Configure { generation, .. } if generation < node.generation => {
            refused("StaleGeneration")
        }
        NodeRequest::Configure { generation, .. } => {
            node.generation = generation;
            NodeReply::Done
        }
        NodeRequest::Listen => {
            node.listener = fd;
            NodeReply::Done
        }
        NodeRequest::TakeListener => {
            return match &node.listener {
                Some(fd) => (NodeReply::Listener, Some(fd.try_clone().unwrap())),
                None => (refused("Failed"), None),
            };
        }
        NodeRequest::Grant { epoch, .. } if node.serving && epoch == node.epoch => NodeReply::Done,
        NodeRequest::Grant { epoch, .. } if epoch <= node.epoch => refused("StaleEpoch"),
        NodeRequest::Grant { epoch, .. } => {
            node.epoch = epoch;
            node.serving = true;
            let listener = node.listener.as_ref().unwrap().try_clone().unwrap();
            let shared = shared.clone();
            std::thread::spawn(move || serve(TcpListener::from(listener), &shared));
            NodeReply::Done
        }
        NodeRequest::Probe => NodeReply::Status(Box::new(status(&node))),
        NodeRequest::Figures => NodeReply::Figures(Box::default()),
        NodeRequest::Clients => NodeReply::Clients(vec![client()]),
        NodeRequest::Save | NodeRequest::Shutdown { .. } => {
            std::fs::write(node.directory.join("dump"), &node.word).unwrap();
            NodeReply::Done
        }
    };
    (reply, None)
}

/// Tenants say `SET word` or `GET`; both are answered `pid epoch word`.
fn serve(listener: TcpListener, node: &Arc<Mutex<Node>>) {
    loop {
        let mut fds = [PollFd::from_borrowed_fd(listener.as_fd(), PollFlags::IN)];
        rustix::event::poll(&mut fds, None).unwrap();
        let Ok((stream, _)) = listener.accept() else { continue };
        stream.set_nonblocking(false).unwrap();
        let node = node.clone();
        std::thread::spawn(move || tenant(stream, &node));
    }
}

fn tenant(stream: TcpStream, node: &Mutex<Node>) {
    let mut answers = stream.try_clone().unwrap();
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let mut node = node.lock().unwrap();
        if let Some(word) = line.strip_prefix("SET ") {
            node.word = word.to_owned();
        }
        let (pid, epoch, word) = (std::process::id(), node.epoch, &node.word);
        if writeln!(answers, "{pid} {epoch} {word}").is_err() {
            return;
        }
    }
}

fn status(node: &Node) -> NodeStatus {
    NodeStatus {
        version: "0.0.0".to_owned(),
        role: if node.serving { Role::Primary } else { Role::Nobody },
        epoch: node.epoch,
        generation: node.generation,
        loading: false,
        uptime_ms: 1,
        loops: 1,
        used_memory_bytes: 1,
        maxmemory_bytes: 0,
        connections: 1,
        connections_received: 1,
        connections_refused: 0,
        commands: 1,
        commands_per_second: 0,
        net_input_bytes: 0,
        net_output_bytes: 0,
        keyspace_hits: 0,
        keyspace_misses: 0,
        keys: u64::from(!node.word.is_empty()),
        keys_with_ttl: 0,
        expired_keys: 0,
        cpu_us: 0,
        changes_since_save: 0,
        last_save_unix_s: 0,
        parameters: BTreeMap::new(),
    }
}

fn client() -> ClientRow {
    ClientRow {
        id: 1,
        address: "127.0.0.1:1".to_owned(),
        name: String::new(),
        user: "default".to_owned(),
        db: 0,
        age_s: 0,
        idle_s: 0,
        command: "get".to_owned(),
        library: String::new(),
    }
}

/// `control READY WORD --parent-pid PID`: sends its word to the socket READY, then waits.
pub(crate) fn control(arguments: &[String]) -> ExitCode {
    limit_life();
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)).unwrap();
    let parent: i32 = argument(arguments, "--parent-pid").parse().unwrap();
    if rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get()) != Some(parent) {
        return ExitCode::FAILURE;
    }
    let mut test = Connection::connect(&PathBuf::from(&arguments[1])).unwrap();
    let hello = Hello { protocol: PROTOCOL, version: arguments[2].clone() };
    test.send(&AgentRequest::Hello(hello), None).unwrap();
    std::thread::park_timeout(Duration::from_secs(LIFE_SECONDS_MAX.unsigned_abs()));
    ExitCode::SUCCESS
}
