//! Puts a node together: load, threads, loops; and takes it apart again.

use crate::admin_server::AdminServer;
use crate::host::{NodeHost, Stop};
use crate::io::listener::{ListenError, bind_all};
use crate::io::{EventLoop, EventWaker, Hall, Standby};
use crate::keeper::Keeper;
use crate::options::Options;
use crate::recorder;
use crate::upstream;
use journal::Wake;
use rustix::process::setpriority_process;
use rustix::thread::gettid;
use server::config::Config;
use server::inbox::Waker;
use server::shared::Facts;
use server::{Shared, snapshot};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;
use std::fmt::Write as _;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

/// Priority of threads that nobody waits for, on the scale of nice(1).
const NICE: i32 = 5;

/// Why a node did not come up or did not go on.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The working directory.
    #[error("change to directory {directory}: {source}")]
    Directory {
        /// Value of `dir`.
        directory: String,
        /// Why.
        source: io::Error,
    },
    /// The data set.
    #[error("load the data set: {0}")]
    Load(#[from] server::aof::LoadError),
    /// The endpoint.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The admin socket.
    #[error("open the admin socket: {0}")]
    Admin(#[from] admin::transport::TransportError),
    /// The operating system lacks something.
    #[error("{doing}: {source}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}

fn system(doing: &'static str) -> impl Fn(io::Error) -> NodeError {
    move |source| NodeError::System { doing, source }
}

/// Runs a node until it is told to stop.
///
/// # Errors
/// [`NodeError`] says what did not work; the data on disk is as it was.
pub fn run(options: Options) -> Result<(), NodeError> {
    // Huge pages make a small node several times as large, and Redis does without them too. A
    // kernel that cannot switch them off has none.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    let Options { config, config_file, admin_socket } = options;
    let directory = config.get("dir").to_owned();
    if admin_socket.is_some() {
        // Nodes outlive their agent: a session of their own keeps its signals away.
        let _ = rustix::process::setsid();
    }
    let admin_listener = admin_socket.as_deref().map(admin::transport::bind_private).transpose()?;
    std::env::set_current_dir(&directory)
        .map_err(|source| NodeError::Directory { directory: directory.clone(), source })?;
    let node = Node::new(config, config_file, admin_socket.is_some())?;
    let _reaper = node.start_reaper()?;
    node.start_signals()?;
    let admin = Arc::new(AdminServer::new(Arc::clone(&node.shared), Arc::clone(&node.halls)));
    if let Some(listener) = admin_listener {
        let admin = Arc::clone(&admin);
        spawn("admin", move || admin.serve(&listener))?;
    } else {
        node.listen()?;
    }
    let recorder = node.start_recorder()?;
    let keeper = node.start_keeper()?;
    server::aof::load_data_set(&node.shared)?;
    tracing::info!("data set loaded");
    keeper.begin();
    admin.loaded();
    let snapshots = node.start_snapshots()?;
    let threads = node.start_loops()?;
    node.start_upstream()?;
    tracing::info!("Ready to accept connections");
    threads.join();
    node.shared.upstream.close();
    // A save in the background leaves no file behind.
    node.shared.cuts.close();
    let _ = snapshots.join();
    node.shared.trash.close();
    node.shared.records.close();
    if let Some(recorder) = recorder {
        let _ = recorder.join();
    }
    admin.finish();
    if let Some(path) = admin_socket {
        let _ = std::fs::remove_file(path);
    }
    remove_pid_file(&node.shared);
    tracing::info!("bye bye");
    Ok(())
}

struct Node {
    shared: Arc<Shared>,
    stop: Arc<Stop>,
    wakers: Vec<EventWaker>,
    halls: Arc<[Hall]>,
}

impl Node {
    fn new(config: Config, config_file: String, managed: bool) -> Result<Self, NodeError> {
        let count = config.number("io-threads") as usize;
        let wakers: Vec<_> = (0..count)
            .map(|_| EventWaker::new())
            .collect::<Result<_, _>>()
            .map_err(system("make an eventfd"))?;
        let stop = Arc::new(Stop::default());
        wakers.iter().for_each(|waker| stop.add(Box::new(waker.clone())));
        let host = Box::new(NodeHost::new(Path::new("."), Arc::clone(&stop)));
        let started_ms = server::host::Host::clock(&*host).unix_ms();
        let run_id = stdx::random::entropy::<20>().iter().fold(String::new(), |mut id, byte| {
            let _ = write!(id, "{byte:02x}");
            id
        });
        let version = env!("CARGO_PKG_VERSION");
        write_pid_file(config.get("pidfile")).map_err(system("write the pid file"))?;
        let facts = Facts { version, run_id, started_ms, config_file, managed };
        let boxed = wakers.iter().map(|waker| Box::new(waker.clone()) as Box<dyn Waker>).collect();
        let shared = Arc::new(Shared::new(config, facts, host, boxed));
        let halls = (0..count).map(|_| Hall::default()).collect();
        Ok(Self { shared, stop, wakers, halls })
    }

    fn listen(&self) -> Result<(), NodeError> {
        let config = self.shared.config.lock().clone();
        let port = config.number("port") as u16;
        let backlog = config.number("tcp-backlog") as i32;
        if port > 0 {
            // Tools that start servers look for these words, as Redis writes them.
            let sockets = bind_all(config.get("bind"), port, backlog)
                .inspect_err(|_| tracing::error!("Failed listening on port {port}"))?;
            sockets.into_iter().for_each(|socket| self.halls[0].listen(socket));
            tracing::info!(port, "listening");
        }
        tracing::info!("Server initialized, PID: {}", std::process::id());
        self.wakers[0].wake();
        Ok(())
    }

    fn start_loops(&self) -> Result<Arc<Standby>, NodeError> {
        let threads = Arc::new(Standby::default());
        for (id, waker) in self.wakers.iter().enumerate() {
            let (shared, stop) = (Arc::clone(&self.shared), Arc::clone(&self.stop));
            let event_loop =
                EventLoop::new(id, shared, stop, waker.clone(), Arc::clone(&self.halls))
                    .map_err(system("make an epoll set"))?;
            threads.start(Box::new(event_loop)).map_err(system("start a thread"))?;
        }
        Ok(threads)
    }

    /// Writes down cuts of the data set, beside the loops.
    fn start_snapshots(&self) -> Result<JoinHandle<()>, NodeError> {
        let shared = Arc::clone(&self.shared);
        spawn("snapshots", move || {
            step_back();
            while let Some(rest) = snapshot::step(&shared) {
                if !rest.is_zero() {
                    shared.cuts.rest(rest);
                }
            }
        })
    }

    fn start_keeper(&self) -> Result<Arc<Keeper>, NodeError> {
        let keeper = Arc::new(Keeper::default());
        self.shared.aof.set_waker(Arc::clone(&keeper) as Arc<dyn Wake>);
        let (shared, own) = (Arc::clone(&self.shared), Arc::clone(&keeper));
        spawn("journal", move || own.run(&shared))?;
        Ok(keeper)
    }

    /// Writes the records of a managed node down.
    fn start_recorder(&self) -> Result<Option<JoinHandle<()>>, NodeError> {
        if !self.shared.facts.managed {
            return Ok(None);
        }
        let shared = Arc::clone(&self.shared);
        let started = spawn("records", move || {
            step_back();
            recorder::run(&shared);
        });
        started.map(Some)
    }

    fn start_reaper(&self) -> Result<JoinHandle<()>, NodeError> {
        let shared = Arc::clone(&self.shared);
        spawn("reaper", move || {
            step_back();
            shared.trash.reap();
        })
    }

    /// The thread that follows a primary when there is one.
    fn start_upstream(&self) -> Result<(), NodeError> {
        let primary = self.shared.config.lock().get("replicaof").to_owned();
        if let Some((host, port)) = upstream::parse_address(&primary) {
            let mut exclusive = self.shared.executor.exclusive();
            server::upstream::follow(&self.shared, &mut exclusive, host, port);
        }
        let shared = Arc::clone(&self.shared);
        spawn("upstream", move || upstream::run(&shared)).map(drop)
    }

    /// SIGTERM and SIGINT save, if `save` is not empty, and stop; while loading they end at once.
    fn start_signals(&self) -> Result<(), NodeError> {
        let (mut reader, writer) = UnixStream::pair().map_err(system("make a signal pipe"))?;
        for signal in [SIGTERM, SIGINT] {
            let end = writer.try_clone().map_err(system("copy the signal pipe"))?;
            pipe::register(signal, end).map_err(system("handle signals"))?;
        }
        let shared = Arc::clone(&self.shared);
        spawn("signals", move || {
            while matches!(reader.read(&mut [0]), Ok(n) if n > 0) {
                let save = !shared.config.lock().get("save").is_empty();
                let mut exclusive = shared.executor.exclusive();
                if exclusive.gate().loading {
                    end_while_loading(&shared);
                }
                match snapshot::stop(&shared, &mut exclusive, save) {
                    Ok(()) => tracing::info!("stopping on a signal"),
                    Err(error) => tracing::error!(%error, "save; the node goes on"),
                }
            }
        })?;
        Ok(())
    }
}

fn spawn<F: FnOnce() + Send + 'static>(name: &str, work: F) -> Result<JoinHandle<()>, NodeError> {
    Builder::new().name(name.to_owned()).spawn(guarded(work)).map_err(system("start a thread"))
}

/// Makes the calling thread give way to the loops where there are fewer processors than threads:
/// the scheduler then lets a loop that wakes run at once.
fn step_back() {
    let _ = setpriority_process(Some(gettid()), NICE);
}

/// A thread's work; a panic in it ends the process.
pub fn guarded(work: impl FnOnce()) -> impl FnOnce() {
    move || {
        let _guard = AbortOnPanic;
        work();
    }
}

/// A panic in a thread of the node is a broken invariant: to be gone is better than to serve with
/// a part missing, and failover is faster than corruption.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}

/// Reading a large data set would go on for long, and nothing has changed that is worth saving.
#[expect(clippy::disallowed_methods, reason = "no other thread has anything to finish")]
fn end_while_loading(shared: &Shared) -> ! {
    tracing::info!("stopping on a signal, before the data set was read");
    remove_pid_file(shared);
    std::process::exit(0);
}

fn write_pid_file(path: &str) -> io::Result<()> {
    if path.is_empty() { Ok(()) } else { std::fs::write(path, format!("{}\n", std::process::id())) }
}

fn remove_pid_file(shared: &Shared) {
    let path = shared.config.lock().get("pidfile").to_owned();
    if !path.is_empty() {
        let _ = std::fs::remove_file(path);
    }
}
