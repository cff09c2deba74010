//! What all loops of a node share: locks, tables, registries and the journal.

use crate::access::Access;
use crate::aof::Aof;
use crate::bandwidth::Bandwidth;
use crate::blocked::Blocked;
use crate::brake::Brake;
use crate::clients::Clients;
use crate::config::{Config, DROP_IN_VERSION};
use crate::dispatch::{Bound, bind};
use crate::executor::Executor;
use crate::gate::GateState;
use crate::host::Host;
use crate::inbox::{Inbox, Waker};
use crate::links::Links;
use crate::measure::Measures;
use crate::memory::MemoryMarks;
use crate::monitors::Monitors;
use crate::pubsub::PubSub;
use crate::records::Records;
use crate::scripts::Scripts;
use crate::snapshot::background::RdbName;
use crate::snapshot::{Cuts, SaveState};
use crate::stats::{Counter, LoopStats};
use crate::switches::Switches;
use crate::tenant::Changes;
use crate::trash::Trash;
use crate::turn::LoopState;
use crate::upstream::Upstream;
use catalog::commands::Index;
use journal::{Identity, Journal};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use stdx::Padded;
use stdx::hash::HashSeed;

/// Long commands that may run side by side, at least.
const LONG_MIN: usize = 2;

/// The node, as every loop sees it.
pub struct Shared {
    /// Locks and shards.
    pub executor: Executor,
    /// The ordered log of effects.
    pub journal: Arc<Journal>,
    /// Command rows by name.
    pub index: Index,
    /// Handler of each row.
    pub bound: Vec<Bound>,
    /// One per loop.
    pub inboxes: Vec<Inbox>,
    /// Records of all connections.
    pub clients: Clients,
    /// The brake on guessing passwords.
    pub brake: Brake,
    /// What clients may send and be sent.
    pub bandwidth: Bandwidth,
    /// Commands that wait for a key.
    pub blocked: Blocked,
    /// Who is shown every command.
    pub monitors: Padded<Monitors>,
    /// Subscriptions.
    pub pubsub: PubSub,
    /// What long commands work with, one per slot behind the loops; the last is that of the holder
    /// of exclusive mode.
    pub slots: Vec<Mutex<LoopState>>,
    /// Counters, one set per loop and slot.
    pub stats: Vec<Padded<LoopStats>>,
    /// Parameters as text.
    pub config: Mutex<Config>,
    /// Parameters that accounts of a managed instance have set.
    pub tenant: Mutex<Changes>,
    /// Scripts and functions.
    pub scripts: Scripts,
    /// Values on their way to the reaper.
    pub trash: Trash,
    /// Replicas that follow this node.
    pub links: Links,
    /// The append-only file.
    pub aof: Aof,
    /// The primary that this node follows, if it is a replica.
    pub upstream: Upstream,
    /// Saving.
    pub saves: Mutex<SaveState>,
    /// Who may take the name of the RDB file.
    pub rdb_file: Arc<RdbName>,
    /// Number of the last wish of the control plane that the data set has seen.
    pub cleared: AtomicU64,
    /// The data set at one moment, for those who want it.
    pub cuts: Cuts,
    /// Commands run in the last full second, sampled by loop 0.
    pub commands_per_second: AtomicU64,
    /// Slow commands, writes and refusals on their way to files.
    pub records: Records,
    /// What commands cost.
    pub measures: Measures,
    /// Marks of allocated bytes.
    pub memory: MemoryMarks,
    /// What DEBUG switches for tests.
    pub switches: Switches,
    /// The process.
    pub host: Box<dyn Host>,
    /// Facts that never change.
    pub facts: Facts,
}

/// What is fixed when a node starts.
#[derive(Debug, Clone)]
pub struct Facts {
    /// `larder` version.
    pub version: &'static str,
    /// 40 hex digits, new at every start.
    pub run_id: String,
    /// Unix milliseconds of the start.
    pub started_ms: u64,
    /// Path of the configuration file; empty without one.
    pub config_file: String,
    /// Serves an instance under an agent.
    pub managed: bool,
}

impl Shared {
    /// A node with as many loops as there are wakers. A managed node starts as nobody, with an
    /// allowlist that admits nobody; a drop-in starts as a primary.
    #[must_use]
    pub fn new(
        config: Config,
        facts: Facts,
        host: Box<dyn Host>,
        wakers: Vec<Box<dyn Waker>>,
    ) -> Self {
        config.apply_limits();
        let mut access = Access::drop_in(config.bytes("requirepass"), &host.entropy());
        if facts.managed {
            access = Access { users: Vec::new(), managed: true, ..access };
            access.allowlist = crate::access::Allowlist::Blocks(Vec::new());
        }
        let gate = GateState {
            primary: !facts.managed,
            loading: true,
            settings: Arc::new(config.settings(DROP_IN_VERSION)),
            access: Arc::new(access),
            ..GateState::default()
        };
        let memory = MemoryMarks::default();
        memory.start(stdx::alloc::used_bytes());
        let index = Index::new();
        let journal = Arc::new(Journal::new(Identity::new(&new_id(&*host))));
        let seed = HashSeed::from_bytes(host.entropy());
        // Long commands side by side, and the holder of exclusive mode.
        let (loops, long) = (wakers.len(), wakers.len().max(LONG_MIN));
        let slot = |slot| {
            let seed = u64::from_le_bytes(host.entropy()[..8].try_into().expect("8 of 16"));
            Mutex::new(LoopState::new(slot, seed, host.clock().unix_ms()))
        };
        let measures = Measures::new(loops + long + 1, index.rows().len());
        let shared = Self {
            executor: Executor::new(loops, long, seed, &gate),
            slots: (loops..=loops + long).map(slot).collect(),
            journal,
            bound: bind(&index),
            index,
            stats: (0..=loops + long).map(|_| Padded(LoopStats::default())).collect(),
            inboxes: wakers.into_iter().map(Inbox::new).collect(),
            clients: Clients::default(),
            bandwidth: Bandwidth::default(),
            blocked: Blocked::default(),
            brake: Brake::default(),
            monitors: Padded(Monitors::default()),
            pubsub: PubSub::default(),
            config: Mutex::new(config),
            tenant: Mutex::default(),
            scripts: Scripts::new(DROP_IN_VERSION),
            trash: Trash::default(),
            links: Links::default(),
            aof: Aof::new(loops),
            upstream: Upstream::default(),
            saves: Mutex::new(SaveState::new(facts.started_ms)),
            rdb_file: Arc::default(),
            cleared: AtomicU64::new(0),
            cuts: Cuts::default(),
            commands_per_second: AtomicU64::new(0),
            records: Records::default(),
            measures,
            memory,
            switches: Switches::default(),
            host,
            facts,
        };
        if shared.facts.managed {
            shared.links.keep_backlog(&shared);
        }
        shared
    }

    /// The slot of whoever runs in exclusive mode.
    #[must_use]
    pub fn lonely_slot(&self) -> usize {
        self.stats.len() - 1
    }

    /// The sum of one counter over all loops.
    pub fn total(&self, counter: impl Fn(&LoopStats) -> &Counter) -> u64 {
        self.stats.iter().map(|stats| counter(stats).get()).sum()
    }
}

/// 40 random hex digits, as ids of histories have.
#[must_use]
pub fn new_id(host: &dyn Host) -> String {
    let (a, b) = (u128::from_le_bytes(host.entropy()), u128::from_le_bytes(host.entropy()));
    format!("{a:032x}{:08x}", b as u32)
}
