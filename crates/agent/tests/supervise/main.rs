//! The whole agent with real processes, sockets and signals. This executable plays all parts: run
//! as `agent DIRECTORY READY` it is the agent, as `node …` and `control …` what the agent starts,
//! and otherwise the tests. An argument selects tests by name.
#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]
#![expect(clippy::disallowed_methods, reason = "stand-ins are threads and processes")]

mod fake;

use admin::agent::{NodeObserved, NodePhase, NodeSpec};
use admin::client::{AgentClient, ClientError};
use admin::transport::{Connection, bind_private};
use admin::{Allowlist, NodeSettings};
use agent::{AgentError, AgentOptions};
use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, Signal};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::time::{Duration, Instant};

/// Longer than anything here may take.
const LIMIT: Duration = Duration::from_secs(60);

type Test = fn(&mut Bed);

const TESTS: [(&str, Test); 12] = [
    ("a_node_serves_and_answers_questions", a_node_serves_and_answers_questions),
    ("a_killed_node_is_back_while_clients_wait", a_killed_node_is_back_while_clients_wait),
    ("a_killed_agent_is_followed_without_a_trace", a_killed_agent_is_followed_without_a_trace),
    ("a_process_not_on_record_is_killed", a_process_not_on_record_is_killed),
    ("a_node_of_another_protocol_is_replaced", a_node_of_another_protocol_is_replaced),
    ("a_restart_keeps_the_data", a_restart_keeps_the_data),
    ("a_removed_node_leaves_nothing", a_removed_node_leaves_nothing),
    ("a_released_node_keeps_its_data", a_released_node_keeps_its_data),
    ("sigterm_stops_all_and_all_comes_back", sigterm_stops_all_and_all_comes_back),
    ("control_is_started_again", control_is_started_again),
    ("one_agent_per_directory", one_agent_per_directory),
    ("a_hundred_nodes", a_hundred_nodes),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("node") => fake::node(&arguments),
        Some("control") => fake::control(&arguments),
        Some("agent") => run_agent(&arguments),
        _ => run_tests(&arguments),
    }
}

fn run_tests(arguments: &[String]) -> ExitCode {
    let wanted = arguments.iter().find(|argument| !argument.starts_with('-'));
    let is_wanted = |name: &str| wanted.is_none_or(|part| name.contains(part.as_str()));
    for (name, test) in TESTS.into_iter().filter(|(name, _)| is_wanted(name)) {
        let started = Instant::now();
        test(&mut Bed::new(name));
        println!("test {name} ... ok ({} ms)", started.elapsed().as_millis());
    }
    ExitCode::SUCCESS
}

fn options(directory: &Path, ready: &Path) -> AgentOptions {
    let control = |word: &str| vec!["control".into(), ready.into(), word.into()];
    AgentOptions {
        data_dir: directory.to_owned(),
        executable: std::env::current_exe().unwrap(),
        control_address: (Ipv4Addr::LOCALHOST, 0).into(),
        control_args: control("first"),
        control_restart_args: control("again"),
    }
}

fn run_agent(arguments: &[String]) -> ExitCode {
    match agent::run(options(Path::new(&arguments[1]), Path::new(&arguments[2]))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// A data directory with an agent on it.
struct Bed {
    directory: PathBuf,
    ready: UnixListener,
    agent: Child,
    control: OwnedFd,
}

impl Bed {
    fn new(name: &str) -> Bed {
        let base = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&base);
        std::fs::create_dir_all(&base).unwrap();
        let ready = bind_private(&base.join("ready")).unwrap();
        let directory = base.join("data");
        let agent = start_agent(&directory);
        let (control, word) = meet_control(&ready);
        assert_eq!(word, "first");
        Bed { directory, ready, agent, control }
    }

    fn client(&self) -> AgentClient {
        let socket = self.directory.join("agent/agent.sock");
        AgentClient::connect(&socket, "0.0.0", LIMIT).unwrap()
    }

    /// Waits until the agent sees the node as wanted.
    fn wait(&self, node_id: &str, wanted: impl Fn(&NodeObserved) -> bool) -> NodeObserved {
        let mut client = self.client();
        let mut seen = client.observe().unwrap();
        let started = Instant::now();
        loop {
            let node = seen.nodes.iter().find(|node| node.node_id == node_id);
            if let Some(node) = node.filter(|node| wanted(node)) {
                return node.clone();
            }
            assert!(started.elapsed() < LIMIT, "{node_id} is not as wanted: {node:?}");
            seen = client.watch(seen.revision, Duration::from_secs(1)).unwrap();
        }
    }

    fn serve(&self, spec: &NodeSpec) -> NodeObserved {
        self.client().apply(spec.clone()).unwrap();
        self.wait(&spec.node_id, |node| {
            node.phase == NodePhase::Serving
                && node.generation == spec.generation
                && node.incarnation == spec.incarnation
        })
    }

    fn restart_agent(&mut self) {
        self.agent = start_agent(&self.directory);
        self.control = meet_control(&self.ready).0;
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        let pid = Pid::from_child(&self.agent);
        let _ = rustix::process::kill_process(pid, Signal::TERM);
        let _ = self.agent.wait();
    }
}

fn start_agent(directory: &Path) -> Child {
    let ready = directory.parent().unwrap().join("ready");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("agent").arg(directory).arg(ready).spawn().unwrap()
}

fn meet_control(ready: &UnixListener) -> (OwnedFd, String) {
    let (stream, _) = ready.accept().unwrap();
    let pid = rustix::net::sockopt::socket_peercred(&stream).unwrap().pid;
    let control = rustix::process::pidfd_open(pid, PidfdFlags::empty()).unwrap();
    let mut connection = Connection::new(stream);
    let (request, _) = connection.recv::<admin::agent::AgentRequest>().unwrap().unwrap();
    match request {
        admin::agent::AgentRequest::Hello(hello) => (control, hello.version),
        other => panic!("{other:?}"),
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn spec(node_id: &str, generation: u64, incarnation: u64, port: u16) -> NodeSpec {
    NodeSpec {
        node_id: node_id.to_owned(),
        instance_id: format!("r-{node_id}"),
        generation,
        incarnation,
        bind: "127.0.0.1".to_owned(),
        port,
        loops: 1,
        settings: NodeSettings {
            instance_id: format!("r-{node_id}"),
            engine_version: "7.0".to_owned(),
            users: Vec::new(),
            password_free: false,
            allowlist: Allowlist::Nobody,
            maxmemory_bytes: 0,
            connections_max: 100,
            parameters: BTreeMap::new(),
            clears: Default::default(),
            bandwidth_bytes_per_s: 0,
            audit_log_days: None,
            adopted_change: 0,
            write_lock: None,
        },
    }
}

/// A tenant's connection to a stand-in.
struct Tenant {
    stream: BufReader<TcpStream>,
}

impl Tenant {
    fn connect(port: u16) -> Tenant {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        Tenant { stream: BufReader::new(stream) }
    }

    /// Pid, epoch and word of the node that answers.
    fn ask(&mut self, line: &str) -> (u32, u64, String) {
        writeln!(self.stream.get_ref(), "{line}").unwrap();
        let mut answer = String::new();
        self.stream.read_line(&mut answer).unwrap();
        let mut parts = answer.trim_end().splitn(3, ' ');
        let mut next = || parts.next().unwrap_or_default();
        (next().parse().unwrap(), next().parse().unwrap(), next().to_owned())
    }
}

fn process(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
}

fn wait_for_exit(pidfd: &OwnedFd) {
    use rustix::event::{PollFd, PollFlags, Timespec};
    let limit = Timespec { tv_sec: 60, tv_nsec: 0 };
    let mut fds = [PollFd::new(pidfd, PollFlags::IN)];
    assert_eq!(rustix::event::poll(&mut fds, Some(&limit)).unwrap(), 1, "it lives on");
}

fn kill(pid: u32) {
    let pidfd = rustix::process::pidfd_open(process(pid), PidfdFlags::empty()).unwrap();
    rustix::process::pidfd_send_signal(&pidfd, Signal::KILL).unwrap();
    wait_for_exit(&pidfd);
}

fn code(outcome: Result<(), ClientError>) -> String {
    match outcome {
        Err(ClientError::Refused(refusal)) => refusal.code,
        other => panic!("{other:?}"),
    }
}

fn a_node_serves_and_answers_questions(bed: &mut Bed) {
    let port = free_port();
    let seen = bed.serve(&spec("n", 1, 1, port));
    assert_eq!((seen.port, seen.epoch, seen.crashes), (port, 1, 0));
    let (pid, epoch, _) = Tenant::connect(port).ask("GET");
    assert_eq!((Some(pid), epoch), (seen.pid, 1));
    let mut client = bed.client();
    assert_eq!(client.probe("n").unwrap().epoch, 1);
    assert_eq!(client.clients("n").unwrap().len(), 1);
    assert_eq!(code(client.probe("m").map(drop)), "UnknownNode");
    assert_eq!(code(client.apply(spec("n", 0, 1, port))), "BadRequest");
    bed.serve(&spec("n", 2, 1, port));
    assert_eq!(code(client.apply(spec("n", 1, 1, port))), "StaleGeneration");
    assert_eq!(code(client.apply(spec("m", 1, 1, port))), "PortInUse");
    let log = std::fs::read_to_string(bed.directory.join("nodes/n/node.log")).unwrap();
    assert_eq!(log, "node n starts\n");
    for (path, mode) in [("agent/nodes/n.json", 0o600), ("nodes/n", 0o700), ("lock", 0o600)] {
        use std::os::unix::fs::PermissionsExt;
        let metadata = std::fs::metadata(bed.directory.join(path)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{path}");
    }
}

fn a_killed_node_is_back_while_clients_wait(bed: &mut Bed) {
    let port = free_port();
    let before = bed.serve(&spec("n", 1, 1, port));
    for round in 1..=2 {
        let pid = bed.wait("n", |node| node.phase == NodePhase::Serving).pid.unwrap();
        kill(pid);
        let killed = Instant::now();
        // Never refused: the agent holds the socket while nobody polls it.
        let (now, epoch, _) = Tenant::connect(port).ask("GET");
        assert!(killed.elapsed() < Duration::from_secs(1), "{:?}", killed.elapsed());
        assert_ne!(now, pid);
        assert_eq!(epoch, before.epoch + round);
    }
    assert_eq!(bed.wait("n", |node| node.phase == NodePhase::Serving).crashes, 2);
}

fn a_killed_agent_is_followed_without_a_trace(bed: &mut Bed) {
    let port = free_port();
    let before = bed.serve(&spec("n", 1, 1, port));
    let mut tenant = Tenant::connect(port);
    tenant.ask("SET kept");
    bed.agent.kill().unwrap();
    bed.agent.wait().unwrap();
    wait_for_exit(&bed.control);
    assert_eq!(tenant.ask("GET").2, "kept", "the node serves on without an agent");
    bed.restart_agent();
    let after = bed.wait("n", |node| node.phase == NodePhase::Serving);
    assert_eq!((after.pid, after.epoch), (before.pid, before.epoch), "no new grant");
    assert_eq!((after.generation, after.incarnation, after.port), (1, 1, port));
    assert_eq!(tenant.ask("GET").2, "kept");
    bed.serve(&spec("n", 2, 1, port));
    let pid = after.pid.unwrap();
    kill(pid);
    let (now, epoch, _) = Tenant::connect(port).ask("GET");
    assert!(now != pid && epoch > 1_000, "an adopted node is watched, too");
    // Killed together: the next agent binds the same port again.
    bed.agent.kill().unwrap();
    bed.agent.wait().unwrap();
    kill(now);
    bed.restart_agent();
    bed.wait("n", |node| node.phase == NodePhase::Serving);
    assert!(Tenant::connect(port).ask("GET").1 > epoch);
}

fn a_process_not_on_record_is_killed(bed: &mut Bed) {
    let port = free_port();
    let seen = bed.serve(&spec("n", 1, 1, port));
    let pid = process(seen.pid.unwrap());
    let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty()).unwrap();
    bed.agent.kill().unwrap();
    bed.agent.wait().unwrap();
    // As if the agent had died just before it wrote the process down.
    let path = bed.directory.join("agent/nodes/n.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut record: serde_json::Value = serde_json::from_str(&text).unwrap();
    record["process"] = serde_json::Value::Null;
    std::fs::write(&path, record.to_string()).unwrap();
    bed.restart_agent();
    wait_for_exit(&pidfd);
    let after = bed.wait("n", |node| node.phase == NodePhase::Serving);
    assert_ne!(after.pid, seen.pid);
    assert!(after.epoch > seen.epoch);
}

/// A newer agent takes over nodes of its own protocol as they are and starts others anew.
fn a_node_of_another_protocol_is_replaced(bed: &mut Bed) {
    let port = free_port();
    let before = bed.serve(&spec("n", 1, 1, port));
    bed.agent.kill().unwrap();
    bed.agent.wait().unwrap();
    std::fs::write(bed.directory.join("nodes/n").join(fake::OLD), "").unwrap();
    bed.restart_agent();
    let after = bed.wait("n", |node| node.phase == NodePhase::Serving);
    assert!(after.pid != before.pid && after.epoch > before.epoch, "{after:?}");
    assert_eq!((after.generation, after.port, after.crashes), (1, port, 0));
}

fn a_restart_keeps_the_data(bed: &mut Bed) {
    let port = free_port();
    let before = bed.serve(&spec("n", 1, 1, port));
    Tenant::connect(port).ask("SET kept");
    let after = bed.serve(&spec("n", 2, 2, port));
    assert_ne!(before.pid, after.pid);
    assert_eq!(after.crashes, 0);
    assert_eq!(Tenant::connect(port).ask("GET").2, "kept");
}

fn a_removed_node_leaves_nothing(bed: &mut Bed) {
    let port = free_port();
    let seen = bed.serve(&spec("n", 1, 1, port));
    let pid = process(seen.pid.unwrap());
    let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty()).unwrap();
    let mut client = bed.client();
    client.remove("n", 2).unwrap();
    wait_for_exit(&pidfd);
    for path in ["nodes/n", "agent/nodes/n.json"] {
        assert!(!bed.directory.join(path).exists(), "{path} is left");
    }
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    assert!(client.observe().unwrap().nodes.is_empty());
    client.remove("n", 2).unwrap();
    assert_eq!(code(client.apply(spec("n", 1, 1, port))), "StaleGeneration");
}

fn a_released_node_keeps_its_data(bed: &mut Bed) {
    let (port, later) = (free_port(), free_port());
    let seen = bed.serve(&spec("n", 1, 1, port));
    Tenant::connect(port).ask("SET kept");
    let pidfd = rustix::process::pidfd_open(process(seen.pid.unwrap()), PidfdFlags::empty());
    let pidfd = pidfd.unwrap();
    let mut client = bed.client();
    client.release("n", 2).unwrap();
    wait_for_exit(&pidfd);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    assert!(client.observe().unwrap().nodes.is_empty());
    for (path, stays) in
        [("nodes/n", true), ("nodes/n/admin.sock", false), ("agent/nodes/n.json", false)]
    {
        assert_eq!(bed.directory.join(path).exists(), stays, "{path}");
    }
    client.release("n", 2).unwrap();
    bed.serve(&spec("n", 3, 2, later));
    assert_eq!(Tenant::connect(later).ask("GET").2, "kept");
    client.release("n", 4).unwrap();
    client.remove("n", 4).unwrap();
    assert!(!bed.directory.join("nodes/n").exists());
}

fn sigterm_stops_all_and_all_comes_back(bed: &mut Bed) {
    let ports = [free_port(), free_port()];
    let mut nodes = Vec::new();
    for (id, port) in ["n", "m"].into_iter().zip(ports) {
        let seen = bed.serve(&spec(id, 1, 1, port));
        Tenant::connect(port).ask(&format!("SET {id}"));
        let pid = process(seen.pid.unwrap());
        nodes.push(rustix::process::pidfd_open(pid, PidfdFlags::empty()).unwrap());
    }
    let agent = Pid::from_child(&bed.agent);
    rustix::process::kill_process(agent, Signal::TERM).unwrap();
    let _ = rustix::process::kill_process(agent, Signal::TERM);
    assert!(bed.agent.wait().unwrap().success());
    wait_for_exit(&bed.control);
    nodes.iter().for_each(wait_for_exit);
    assert!(!bed.directory.join("agent/agent.sock").exists());
    bed.restart_agent();
    for (id, port) in ["n", "m"].into_iter().zip(ports) {
        bed.wait(id, |node| node.phase == NodePhase::Serving);
        assert_eq!(Tenant::connect(port).ask("GET").2, id);
    }
}

fn control_is_started_again(bed: &mut Bed) {
    rustix::process::pidfd_send_signal(&bed.control, Signal::KILL).unwrap();
    let (control, word) = meet_control(&bed.ready);
    assert_eq!(word, "again");
    bed.control = control;
}

fn one_agent_per_directory(bed: &mut Bed) {
    let pid = bed.agent.id();
    let second = agent::run(options(&bed.directory, Path::new("unused")));
    match second {
        Err(error @ AgentError::Locked { .. }) => {
            assert!(error.to_string().contains(&format!("process {pid} ")), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

fn a_hundred_nodes(bed: &mut Bed) {
    // Bound together, so that no two get the same.
    let listeners: Vec<_> = (0..100).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let ports: Vec<u16> =
        listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
    drop(listeners);
    let mut client = bed.client();
    for (at, port) in ports.iter().enumerate() {
        client.apply(spec(&format!("n{at}"), 1, 1, *port)).unwrap();
    }
    let everybody = |bed: &Bed| -> Vec<u32> {
        let serving = |node: &NodeObserved| node.phase == NodePhase::Serving;
        (0..100).map(|at| bed.wait(&format!("n{at}"), serving).pid.unwrap()).collect()
    };
    let before = everybody(bed);
    bed.agent.kill().unwrap();
    bed.agent.wait().unwrap();
    bed.restart_agent();
    assert_eq!(everybody(bed), before);
    before.iter().for_each(|pid| kill(*pid));
    for port in ports {
        Tenant::connect(port).ask("GET");
    }
}
