//! The node's end of the admin socket: one thread per connection, apart from the loops, so that it
//! answers whatever they do.

use crate::figures;
use crate::io::Hall;
use crate::parameters;
use admin::node::{ClientRow, NodeFigures, NodeReply, NodeRequest, NodeStatus, Role};
use admin::transport::{Connection, answer_hello, check_peer};
use admin::{Clears, NodeSettings, Privilege, Refusal};
use parking_lot::{Condvar, Mutex};
use rustix::fd::{AsFd, OwnedFd};
use server::Shared;
use server::access::{Access, Allowlist, DEFAULT_USER, Right, Rights, User, Verifier};
use server::clearing::{self, Wanted};
use server::config::reported_version;
use server::{commands, info, snapshot};
use std::collections::BTreeMap;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// What the agent has told this node.
pub struct AdminServer {
    shared: Arc<Shared>,
    halls: Arc<[Hall]>,
    /// Held for a whole change of the gates, so that one follows the other.
    turn: Mutex<()>,
    /// Held for moments only: a probe is answered whatever else goes on.
    state: Mutex<State>,
    loaded: Condvar,
    /// Keys, and those with a time to live, when they were last counted.
    counted: Mutex<(u64, u64)>,
    /// Held while a shutdown is answered.
    farewell: Mutex<()>,
}

/// Attempts to count keys while a long command holds shards; then the last numbers must do.
const COUNT_TRIES: usize = 16;

#[derive(Default)]
struct State {
    loaded: bool,
    listener: Option<OwnedFd>,
    listening: bool,
    role: Option<Role>,
    epoch: u64,
    generation: u64,
    maxmemory_bytes: u64,
    clears: Wanted,
    engine_version: String,
    /// Commands that nobody may run, joined by commas.
    disabled: String,
}

impl AdminServer {
    /// A node that has been told nothing.
    #[must_use]
    pub fn new(shared: Arc<Shared>, halls: Arc<[Hall]>) -> Self {
        Self {
            shared,
            halls,
            turn: Mutex::default(),
            state: Mutex::default(),
            loaded: Condvar::new(),
            counted: Mutex::default(),
            farewell: Mutex::default(),
        }
    }

    /// The data set has been read: grants may be answered.
    pub fn loaded(&self) {
        self.state.lock().loaded = true;
        self.loaded.notify_all();
    }

    /// Waits until whoever asked for the end has been answered.
    pub fn finish(&self) {
        drop(self.farewell.lock());
    }

    /// Serves every connection of `listener`, for ever.
    pub fn serve(self: &Arc<Self>, listener: &UnixListener) {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { continue };
            if let Err(error) = check_peer(&stream) {
                tracing::warn!(%error, "refuse an admin connection");
                continue;
            }
            let this = Arc::clone(self);
            let work = move || this.converse(Connection::new(stream));
            let name = "admin".to_owned();
            if let Err(error) = std::thread::Builder::new().name(name).spawn(work) {
                tracing::error!(%error, "start a thread for an admin connection");
            }
        }
    }

    fn converse(&self, mut connection: Connection) {
        loop {
            let (request, fd) = match connection.recv::<NodeRequest>() {
                Ok(Some(request)) => request,
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(%error, "read an admin request");
                    return;
                }
            };
            let ends = matches!(request, NodeRequest::Shutdown { .. });
            let _farewell = ends.then(|| self.farewell.lock());
            let (reply, fd) = self.answer(request, fd);
            if let Err(error) = connection.send(&reply, fd.as_ref().map(AsFd::as_fd)) {
                tracing::warn!(%error, "answer an admin request");
                return;
            }
        }
    }

    fn answer(&self, request: NodeRequest, fd: Option<OwnedFd>) -> (NodeReply, Option<OwnedFd>) {
        let result = match request {
            NodeRequest::Hello(hello) => {
                answer_hello(&hello, self.shared.facts.version).map(NodeReply::Hello)
            }
            NodeRequest::Configure { generation, settings } => {
                self.configure(generation, &settings)
            }
            NodeRequest::Listen => self.listen(fd),
            NodeRequest::TakeListener => return self.take_listener(),
            NodeRequest::Grant { role, epoch } => self.grant(role, epoch),
            NodeRequest::Probe => Ok(NodeReply::Status(Box::new(self.status()))),
            NodeRequest::Clients => Ok(NodeReply::Clients(self.clients())),
            NodeRequest::Figures => Ok(NodeReply::Figures(Box::new(self.figures()))),
            NodeRequest::Save => self.save(),
            NodeRequest::Shutdown { save } => self.shutdown(save),
        };
        (result.unwrap_or_else(NodeReply::Refused), None)
    }

    fn configure(&self, generation: u64, settings: &NodeSettings) -> Result<NodeReply, Refusal> {
        let _turn = self.turn.lock();
        let last = self.state.lock().generation;
        if generation < last {
            let text = format!("generation {generation} is older than {last}");
            return Err(refusal("StaleGeneration", text));
        }
        let access = access_of(settings)?;
        self.shared.records.set_audited(settings.audit_log_days);
        let mut exclusive = self.shared.executor.exclusive();
        let mut config = self.shared.config.lock();
        parameters::set(&mut config, &settings.parameters);
        let mut tenant = self.shared.tenant.lock();
        tenant.answered(settings.adopted_change);
        parameters::set_again(&mut config, tenant.waiting());
        drop(tenant);
        let limits = [
            ("maxmemory", settings.maxmemory_bytes.to_string()),
            ("maxclients", settings.connections_max.to_string()),
        ];
        for (name, value) in limits {
            let set = config.set_at_start(name, &value);
            set.map_err(|error| refusal("BadRequest", error.to_string()))?;
        }
        config.apply_limits();
        let new = Arc::new(config.settings(reported_version(&settings.engine_version)));
        drop(config);
        let access = Arc::new(access.in_place_of(&exclusive.gate().access));
        exclusive.change_gate(|gate| {
            gate.settings = Arc::clone(&new);
            gate.access = Arc::clone(&access);
            gate.generation = generation;
        });
        drop(exclusive);
        self.shared.bandwidth.set(settings.bandwidth_bytes_per_s);
        commands::client::cut_gone(&self.shared, &access);
        let mut state = self.state.lock();
        state.clears = wanted(&settings.clears);
        if state.loaded {
            // The generation is confirmed once all that it says has come about.
            let clears = state.clears.clone();
            drop(state);
            clearing::catch_up(&self.shared, &clears);
            state = self.state.lock();
        }
        state.generation = generation;
        state.maxmemory_bytes = settings.maxmemory_bytes;
        state.engine_version.clone_from(&settings.engine_version);
        state.disabled = access.disabled.join(",");
        tracing::info!(generation, "configured");
        Ok(NodeReply::Done)
    }

    fn listen(&self, fd: Option<OwnedFd>) -> Result<NodeReply, Refusal> {
        let fd = fd.ok_or_else(|| refusal("BadRequest", "Listen came without a descriptor"))?;
        rustix::io::ioctl_fionbio(&fd, true).map_err(|error| {
            refusal("Failed", format!("make the listener nonblocking: {error}"))
        })?;
        let mut state = self.state.lock();
        state.listener = Some(fd);
        state.listening = false;
        self.poll_if_granted(&mut state)?;
        Ok(NodeReply::Done)
    }

    fn take_listener(&self) -> (NodeReply, Option<OwnedFd>) {
        let state = self.state.lock();
        let copy = state.listener.as_ref().map(|fd| fd.try_clone());
        match copy {
            Some(Ok(fd)) => (NodeReply::Listener, Some(fd)),
            Some(Err(error)) => {
                (NodeReply::Refused(refusal("Failed", format!("copy the listener: {error}"))), None)
            }
            None => (NodeReply::Refused(refusal("Failed", "this node has no listener")), None),
        }
    }

    fn grant(&self, role: Role, epoch: u64) -> Result<NodeReply, Refusal> {
        check_epoch(&self.state.lock(), role, epoch)?;
        self.wait_until_loaded();
        let _turn = self.turn.lock();
        // A later grant may have come first while this one waited.
        check_epoch(&self.state.lock(), role, epoch)?;
        let clears = self.state.lock().clears.clone();
        clearing::catch_up(&self.shared, &clears);
        self.shared.executor.exclusive().change_gate(|gate| {
            gate.primary = role == Role::Primary;
            gate.epoch = epoch;
        });
        let mut state = self.state.lock();
        state.role = Some(role);
        state.epoch = epoch;
        self.poll_if_granted(&mut state)?;
        tracing::info!(?role, epoch, "granted");
        Ok(NodeReply::Done)
    }

    fn wait_until_loaded(&self) {
        let mut state = self.state.lock();
        while !state.loaded {
            self.loaded.wait(&mut state);
        }
    }

    /// Lets loop 0 accept, once there is both a socket and a grant.
    fn poll_if_granted(&self, state: &mut State) -> Result<(), Refusal> {
        if state.listening || state.role != Some(Role::Primary) {
            return Ok(());
        }
        let Some(listener) = &state.listener else { return Ok(()) };
        let copy = listener
            .try_clone()
            .map_err(|error| refusal("Failed", format!("copy the listener: {error}")))?;
        self.halls[0].listen(copy);
        self.shared.inboxes[0].wake();
        state.listening = true;
        Ok(())
    }

    fn save(&self) -> Result<NodeReply, Refusal> {
        let mut exclusive = self.shared.executor.exclusive();
        if exclusive.gate().loading {
            return Err(refusal("Failed", "the data set has not been read yet"));
        }
        let mut space = exclusive.space();
        let saved = snapshot::save(&self.shared, &mut exclusive, &mut space);
        saved.map(|_| NodeReply::Done).map_err(|error| refusal("Failed", error.to_string()))
    }

    fn shutdown(&self, save: bool) -> Result<NodeReply, Refusal> {
        let mut exclusive = self.shared.executor.exclusive();
        snapshot::stop(&self.shared, &mut exclusive, save)
            .map_err(|error| refusal("Failed", error.to_string()))?;
        Ok(NodeReply::Done)
    }

    fn status(&self) -> NodeStatus {
        let shared = &self.shared;
        let (keys, keys_with_ttl) = self.key_counts();
        let saves = shared.saves.lock().clone();
        let (user_us, system_us) = shared.host.cpu_us();
        let parameters = self.parameters();
        let state = self.state.lock();
        let now_ms = shared.host.clock().unix_ms();
        NodeStatus {
            version: shared.facts.version.to_owned(),
            role: state.role.unwrap_or(Role::Nobody),
            epoch: state.epoch,
            generation: state.generation,
            loading: !state.loaded,
            uptime_ms: now_ms.saturating_sub(shared.facts.started_ms),
            loops: shared.inboxes.len() as u32,
            used_memory_bytes: stdx::alloc::used_bytes(),
            maxmemory_bytes: state.maxmemory_bytes,
            connections: shared.clients.len() as u64,
            connections_received: shared.total(|stats| &stats.connections_received),
            connections_refused: shared.total(|stats| &stats.connections_refused),
            commands: shared.total(|stats| &stats.commands),
            commands_per_second: shared.commands_per_second.load(Relaxed),
            net_input_bytes: shared.total(|stats| &stats.net_input_bytes),
            net_output_bytes: shared.total(|stats| &stats.net_output_bytes),
            keyspace_hits: shared.total(|stats| &stats.keyspace_hits),
            keyspace_misses: shared.total(|stats| &stats.keyspace_misses),
            keys,
            keys_with_ttl,
            expired_keys: shared.total(|stats| &stats.expired_keys),
            cpu_us: user_us + system_us,
            changes_since_save: shared.total(|stats| &stats.changes) - saves.changes_at_last,
            last_save_unix_s: saves.last_s,
            parameters,
        }
    }

    /// Keys of all databases; those last counted when shards stay in use.
    fn key_counts(&self) -> (u64, u64) {
        for _ in 0..COUNT_TRIES {
            let mut walk = self.shared.executor.walk();
            if let Ok(counts) = info::count_keys(&mut walk, 16) {
                let sum = |(a, b), (keys, mortal): &(usize, usize)| {
                    (a + *keys as u64, b + *mortal as u64)
                };
                let counts = counts.iter().fold((0, 0), sum);
                *self.counted.lock() = counts;
                return counts;
            }
            drop(walk);
            std::thread::yield_now();
        }
        *self.counted.lock()
    }

    fn figures(&self) -> NodeFigures {
        let counted = self.key_counts();
        let maxmemory_bytes = self.state.lock().maxmemory_bytes;
        let generation = self.state.lock().generation;
        let parameters = self.parameters();
        let tenant_changes = parameters::reported(self.shared.tenant.lock().waiting());
        let figures = figures::of(&self.shared, counted, maxmemory_bytes);
        NodeFigures { generation, parameters, tenant_changes, ..figures }
    }

    /// Parameters of the instance as they are in force.
    fn parameters(&self) -> BTreeMap<String, String> {
        let (version, disabled) = {
            let state = self.state.lock();
            (state.engine_version.clone(), state.disabled.clone())
        };
        parameters::in_force(&self.shared.config.lock(), &version, disabled)
    }

    fn clients(&self) -> Vec<ClientRow> {
        let now_ms = self.shared.host.clock().unix_ms();
        let row = |record: &Arc<server::clients::ClientRecord>| {
            let texts = record.texts.lock().clone();
            ClientRow {
                id: record.address.client,
                address: record.peer.clone(),
                name: texts.name,
                user: texts.user,
                db: record.db.load(Relaxed),
                age_s: now_ms.saturating_sub(record.created_ms) / 1000,
                idle_s: now_ms.saturating_sub(record.active_ms.load(Relaxed)) / 1000,
                command: commands::client::last_command(&self.shared, record).to_owned(),
                library: format!("{} {}", texts.library_name, texts.library_version)
                    .trim()
                    .to_owned(),
            }
        };
        self.shared.clients.all().iter().map(row).collect()
    }
}

fn wanted(clears: &Clears) -> Wanted {
    let Clears { all, dbs, dead } = clears.clone();
    Wanted { all, dbs, dead }
}

fn check_epoch(state: &State, role: Role, epoch: u64) -> Result<(), Refusal> {
    let repeated = state.role == Some(role) && state.epoch == epoch;
    if epoch <= state.epoch && !repeated {
        let text = format!("epoch {epoch} is not above {}", state.epoch);
        return Err(refusal("StaleEpoch", text));
    }
    Ok(())
}

fn refusal(code: &str, message: impl Into<String>) -> Refusal {
    Refusal { code: code.to_owned(), message: message.into() }
}

fn access_of(settings: &NodeSettings) -> Result<Access, Refusal> {
    let users = settings.users.iter().map(|user| {
        let verifiers = user.verifiers.iter().map(|verifier| {
            let bytes = |text: &str| {
                hex(text).ok_or_else(|| {
                    refusal("BadRequest", format!("a verifier of {} is not hex", user.name))
                })
            };
            Ok(Verifier { salt: bytes(&verifier.salt)?, mac: bytes(&verifier.mac)? })
        });
        let right = match user.privilege {
            Privilege::ReadWrite => Right::Write,
            Privilege::ReadOnly => Right::Read,
        };
        Ok(Arc::new(User {
            name: user.name.clone(),
            verifiers: verifiers.collect::<Result<_, Refusal>>()?,
            password_free: settings.password_free && user.name == DEFAULT_USER,
            rights: Rights::new(right),
        }))
    });
    let allowlist = match &settings.allowlist {
        admin::Allowlist::Nobody => Allowlist::Blocks(Vec::new()),
        admin::Allowlist::Entries(entries) => {
            let parsed = Allowlist::parse(entries.iter().map(String::as_str));
            parsed.map_err(|entry| {
                refusal("BadRequest", format!("allowlist entry '{entry}' is no address"))
            })?
        }
    };
    let audited = settings.audit_log_days.is_some();
    let disabled = parameters::disabled(&settings.parameters);
    let users = users.collect::<Result<_, Refusal>>()?;
    let write_lock = settings.write_lock.clone();
    Ok(Access { users, allowlist, managed: true, audited, disabled, write_lock })
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.len() % 2 == 1 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.chunks(2).map(pair).collect()
}
