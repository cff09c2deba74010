//! Helpers of this crate's tests: scratch directories, a fixed clock, a scripted agent.

use crate::actions::Settings;
use crate::actions::table::ACTIONS;
use crate::audit::Audit;
use crate::bootstrap::{self, Credentials};
use crate::call::{Answer, Call};
use crate::control::{Control, Parts};
use crate::metrics::Metrics;
use crate::random;
use crate::signature::canonical::form_pairs;
use crate::signature::replay::{KEEP_MS, ReplayCache};
use crate::store::memory::MemoryStore;
use crate::store::{Kind, Store, documents};
use crate::vault::Vault;
use admin::Refusal;
use admin::agent::{AgentReply, AgentRequest, NodeObserved, NodePhase, NodeSpec};
use admin::logs::{LogPage, LogQuery};
use admin::node::{ClientRow, NodeStatus};
use control_model::Instance;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

/// A directory that goes away with the value.
pub struct Scratch(PathBuf);

impl Scratch {
    /// A fresh one; the name is short because socket paths are.
    pub fn new() -> Scratch {
        let name = format!("larder-{}", &random::request_id()[..13]);
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("scratch directory");
        Scratch(path)
    }

    /// Where.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Of an installation on this host.
pub fn settings() -> Settings {
    let host = |port: &str| format!("127.0.0.1{port}");
    Settings {
        advertise: host(""),
        api: host(":8077"),
        instances_max: 12,
        recycle_days: 7,
        key_id: "test".into(),
    }
}

/// What a fake agent does to the next request that would change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: it works.
    None,
    /// The connection breaks before the request is carried out.
    LostBefore,
    /// The connection breaks after the request was carried out.
    LostAfter,
    /// `PortInUse`.
    PortInUse,
    /// `Failed`.
    Refused,
}

/// An agent without processes: what is applied serves at once.
pub struct FakeAgent {
    state: Mutex<AgentState>,
    revision: watch::Sender<u64>,
}

#[derive(Default)]
struct AgentState {
    nodes: BTreeMap<String, NodeObserved>,
    /// Nodes whose directories are there, with or without a process.
    directories: BTreeSet<String>,
    specs: Vec<NodeSpec>,
    faults: VecDeque<Fault>,
    /// What applied nodes come up as.
    phase: Option<NodePhase>,
    status: Option<NodeStatus>,
    clients: Vec<ClientRow>,
    log: LogPage,
    asked: Option<LogQuery>,
}

impl FakeAgent {
    /// Listens at `socket` on the present runtime.
    pub fn start(socket: &Path) -> Arc<FakeAgent> {
        std::fs::create_dir_all(socket.parent().expect("a directory")).expect("made");
        let _ = std::fs::remove_file(socket);
        let listener = UnixListener::bind(socket).expect("socket");
        let agent =
            Arc::new(FakeAgent { state: Mutex::default(), revision: watch::Sender::new(1_000) });
        let accepting = agent.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let agent = accepting.clone();
                tokio::spawn(async move { agent.converse(stream).await });
            }
        });
        agent
    }

    /// Faults for the next changing requests, in order; then none.
    pub fn script(&self, faults: &[Fault]) {
        self.state().faults = faults.iter().copied().collect();
    }

    /// Faults that were not met.
    pub fn faults_left(&self) -> usize {
        self.state().faults.len()
    }

    /// What nodes come up as from now on.
    pub fn come_up_as(&self, phase: NodePhase) {
        self.state().phase = Some(phase);
    }

    /// Changes what is seen of all nodes.
    pub fn show(&self, change: impl Fn(&mut NodeObserved)) {
        self.state().nodes.values_mut().for_each(change);
        self.revision.send_modify(|revision| *revision += 1);
    }

    /// What nodes say of themselves from now on.
    pub fn tell(&self, status: NodeStatus, clients: Vec<ClientRow>) {
        let mut state = self.state();
        (state.status, state.clients) = (Some(status), clients);
    }

    /// What all logs of nodes hold from now on.
    pub fn write_log(&self, log: LogPage) {
        self.state().log = log;
    }

    /// The last question about a log.
    pub fn asked(&self) -> Option<LogQuery> {
        self.state().asked.clone()
    }

    /// Has no node any more, for no reason.
    pub fn lose_nodes(&self) {
        self.state().nodes.clear();
        self.revision.send_modify(|revision| *revision += 1);
    }

    /// All specs applied so far.
    pub fn specs(&self) -> Vec<NodeSpec> {
        self.state().specs.clone()
    }

    /// How many nodes there are.
    pub fn node_count(&self) -> usize {
        self.state().nodes.len()
    }

    /// How many nodes have data, those that do not run included.
    pub fn directory_count(&self) -> usize {
        self.state().directories.len()
    }

    fn state(&self) -> MutexGuard<'_, AgentState> {
        self.state.lock().expect("no test panics while holding it")
    }

    async fn converse(&self, stream: UnixStream) {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let request = serde_json::from_str(&line).expect("control sends requests");
            let Some(reply) = self.answer(request).await else { return };
            let mut line = serde_json::to_vec(&reply).expect("plain data");
            line.push(b'\n');
            if write.write_all(&line).await.is_err() {
                return;
            }
        }
    }

    /// `None` breaks the connection.
    async fn answer(&self, request: AgentRequest) -> Option<AgentReply> {
        match request {
            AgentRequest::Hello(hello) => Some(AgentReply::Hello(hello)),
            AgentRequest::Observe => Some(self.observed()),
            AgentRequest::Watch { after, timeout_ms } => {
                let mut revision = self.revision.subscribe();
                let changed = revision.wait_for(|revision| *revision != after);
                let _ = tokio::time::timeout(Duration::from_millis(timeout_ms), changed).await;
                Some(self.observed())
            }
            AgentRequest::Apply(spec) => self.change(|state| apply(state, *spec)),
            AgentRequest::Remove { node_id, .. } => self.change(|state| {
                state.nodes.remove(&node_id);
                state.directories.remove(&node_id);
                AgentReply::Done
            }),
            AgentRequest::Release { node_id, .. } => self.change(|state| {
                state.nodes.remove(&node_id);
                AgentReply::Done
            }),
            AgentRequest::Probe { node_id } => {
                let state = self.state();
                let mut specs = state.specs.iter().rev();
                let spec = specs.find(|spec| spec.node_id == node_id);
                let in_force = spec.map(|spec| spec.settings.parameters.clone());
                let status = state.status.clone().map(|mut status| {
                    if status.parameters.is_empty() {
                        status.parameters = in_force.unwrap_or_default();
                    }
                    status
                });
                Some(status.map_or(refused("Failed"), |s| AgentReply::Status(Box::new(s))))
            }
            AgentRequest::Sample => Some(AgentReply::Samples(Vec::new())),
            AgentRequest::Log(query) => {
                let mut state = self.state();
                state.asked = Some(*query);
                Some(AgentReply::Log(state.log.clone()))
            }
            AgentRequest::Clients { .. } => Some(AgentReply::Clients(self.state().clients.clone())),
        }
    }

    fn observed(&self) -> AgentReply {
        let revision = *self.revision.borrow();
        AgentReply::Observed { revision, nodes: self.state().nodes.values().cloned().collect() }
    }

    fn change(&self, act: impl FnOnce(&mut AgentState) -> AgentReply) -> Option<AgentReply> {
        let fault = self.state().faults.pop_front().unwrap_or(Fault::None);
        match fault {
            Fault::LostBefore => return None,
            Fault::PortInUse => return Some(refused("PortInUse")),
            Fault::Refused => return Some(refused("Failed")),
            Fault::None | Fault::LostAfter => {}
        }
        let reply = act(&mut self.state());
        self.revision.send_modify(|revision| *revision += 1);
        (fault == Fault::None).then_some(reply)
    }
}

fn apply(state: &mut AgentState, spec: NodeSpec) -> AgentReply {
    let known = state.nodes.get(&spec.node_id).map_or(0, |node| node.generation);
    if spec.generation < known {
        return refused("StaleGeneration");
    }
    let node = NodeObserved {
        node_id: spec.node_id.clone(),
        instance_id: spec.instance_id.clone(),
        generation: spec.generation,
        incarnation: spec.incarnation,
        phase: state.phase.clone().unwrap_or(NodePhase::Serving),
        port: spec.port,
        pid: Some(1),
        epoch: 1,
        crashes: 0,
    };
    state.nodes.insert(spec.node_id.clone(), node);
    state.directories.insert(spec.node_id.clone());
    state.specs.push(spec);
    AgentReply::Applied
}

fn refused(code: &str) -> AgentReply {
    AgentReply::Refused(Refusal { code: code.into(), message: "as scripted".into() })
}

/// A control plane over a store of the test's choice, with a fake agent.
pub struct World {
    /// Under test.
    pub control: Control,
    /// Its agent.
    pub agent: Arc<FakeAgent>,
    /// Its account.
    pub credentials: Credentials,
    /// Unix milliseconds that it reads.
    pub now_unix_ms: Arc<AtomicI64>,
    _scratch: Scratch,
}

/// 2026-11-22T12:51:19Z.
pub const NOW_UNIX_MS: i64 = 1_795_351_879_000;

impl World {
    /// Over a memory store.
    pub fn new() -> World {
        World::over(Arc::new(MemoryStore::default()))
    }

    /// Over this store.
    pub fn over(store: Arc<dyn Store>) -> World {
        World::keeping(store, settings().recycle_days)
    }

    /// Over this store, with a recycle bin of so many days.
    pub fn keeping(store: Arc<dyn Store>, recycle_days: u32) -> World {
        let scratch = Scratch::new();
        let socket = scratch.path().join("agent/agent.sock");
        let agent = FakeAgent::start(&socket);
        let vault = Vault::from_key(&[3; 32]);
        let credentials = bootstrap::credentials(store.as_ref(), &vault, NOW_UNIX_MS);
        let now_unix_ms = Arc::new(AtomicI64::new(NOW_UNIX_MS));
        let reading = now_unix_ms.clone();
        let parts = Parts {
            store,
            vault,
            audit: Audit::Memory(Mutex::default()),
            reserve: None,
            agent_socket: socket,
            settings: Settings { recycle_days, ..settings() },
            bind: "127.0.0.1".into(),
            clock: Arc::new(move || reading.load(Ordering::Relaxed)),
            replay: ReplayCache::new(KEEP_MS),
            channels: None,
            metrics: Arc::new(Metrics::new(scratch.path().join("metrics"))),
        };
        World {
            control: Control::start(parts),
            agent,
            credentials: credentials.expect("bootstrapped"),
            now_unix_ms,
            _scratch: scratch,
        }
    }

    /// Calls as root with `name=value&…`.
    pub async fn call(&self, action: &str, params: &str) -> Answer {
        self.control.call(self.request(action, params)).await
    }

    /// The call that [`World::call`] makes, of the first service that has the action.
    pub fn request(&self, action: &str, params: &str) -> Call {
        let params = form_pairs(params.as_bytes());
        let pairs: Vec<_> = params.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let mut call = Control::own_call(&self.credentials.account_id, action, &pairs);
        if let Some(row) = ACTIONS.iter().find(|row| row.name == action) {
            call.version = row.version.to_owned();
        }
        call
    }

    /// As [`World::call`], and the body of a success.
    pub async fn ok(&self, action: &str, params: &str) -> Value {
        let answer = self.call(action, params).await;
        assert_eq!(answer.status, 200, "{action} {params}: {}", answer.body);
        answer.body
    }

    /// As [`World::call`], and `status Code` of a refusal.
    pub async fn refusal(&self, action: &str, params: &str) -> String {
        let answer = self.call(action, params).await;
        format!("{} {}", answer.status, answer.body["Code"].as_str().unwrap_or("no error"))
    }

    /// The instance's status word; `gone` when there is none.
    pub async fn status(&self, id: &str) -> String {
        let answer = self.call("DescribeInstanceAttribute", &format!("InstanceId={id}")).await;
        if answer.status == 404 {
            return "gone".into();
        }
        let item = &answer.body["Instances"]["DBInstanceAttribute"][0];
        item["InstanceStatus"].as_str().expect("a status").to_owned()
    }

    /// Lets so much time pass, and wakes the reconciler, which then looks at the clock.
    pub fn later(&self, ms: i64) {
        self.now_unix_ms.fetch_add(ms, Ordering::Relaxed);
        self.control.shared.store.txn(&[]).expect("nothing to refuse");
    }

    /// Waits until the reconciler has looked at the instance, at the time that it is now: a change
    /// is in force when its call returns.
    pub async fn planned(&self, id: &str) {
        self.ok("ModifySecurityIps", &format!("InstanceId={id}&SecurityIps=10.0.0.1")).await;
    }

    /// Waits, by events, until the instance has this status.
    pub async fn until(&self, id: &str, wanted: &str) {
        self.until_true(async || self.status(id).await == wanted, &format!("{id} {wanted}")).await;
    }

    /// Waits, by events of view and store, until `reached` says so.
    pub async fn until_true(&self, reached: impl AsyncFn() -> bool, what: &str) {
        let mut view = self.control.shared.view.clone();
        let mut changes = self.control.shared.store.watch();
        let waiting = async {
            loop {
                view.borrow_and_update();
                changes.borrow_and_update();
                if reached().await {
                    return;
                }
                tokio::select! {
                    _ = view.changed() => {}
                    _ = changes.changed() => {}
                }
            }
        };
        let late = tokio::time::timeout(Duration::from_secs(60), waiting).await.is_err();
        assert!(!late, "waited in vain for {what}");
    }

    /// An instance that serves.
    pub async fn instance(&self, params: &str) -> String {
        let params = format!("RegionId=cn-hangzhou&InstanceClass=redis.shard.micro.ce&{params}");
        let made = self.ok("CreateInstance", &params).await;
        let id = made["InstanceId"].as_str().expect("an id").to_owned();
        self.until(&id, "Normal").await;
        // Until it is noted, a crash would still read as part of the creation.
        let noted = async || {
            let store = self.control.shared.store.as_ref();
            let found = documents::get::<Instance>(store, Kind::Instance, &id).expect("read");
            found.is_some_and(|read| read.value.served_incarnation > 0)
        };
        self.until_true(noted, "the note that it served").await;
        id
    }

    /// Lines of the audit log about calls, logins and refusals.
    pub fn audit(&self) -> Vec<Value> {
        let mut lines = self.audit_lines();
        lines.retain(|line| line["event"] != "system");
        lines
    }

    /// Waits until the audit log tells of so many things that happened without a call; their names.
    pub async fn until_told(&self, count: usize) -> Vec<String> {
        let told = || {
            let lines = self.audit_lines();
            lines.iter().filter(|line| line["event"] == "system").count()
        };
        let waiting = async {
            while told() < count {
                tokio::task::yield_now().await;
            }
        };
        let late = tokio::time::timeout(Duration::from_secs(60), waiting).await.is_err();
        assert!(!late, "waited in vain for {count} events");
        let lines = self.audit_lines().into_iter();
        let system = lines.filter(|line| line["event"] == "system");
        system.map(|line| line["action"].as_str().expect("a name").to_owned()).collect()
    }

    fn audit_lines(&self) -> Vec<Value> {
        match &self.control.shared.audit {
            Audit::Memory(lines) => lines.lock().expect("no test panics holding it").clone(),
            Audit::File(..) => Vec::new(),
        }
    }
}
