//! A node without sockets for tests: loops that run one after the other, a clock set by hand, a
//! disk in memory.

use crate::access::Access;
use crate::aof::{self, LoadError, Next};
use crate::config::Config;
use crate::conn::Conn;
use crate::host::Host;
use crate::inbox::Waker;
use crate::job::Job;
use crate::loop_core::{LoopCore, Peer};
use crate::memory_disk::{Fault, MemoryDisk};
use crate::shared::{Facts, Shared};
use crate::snapshot;
use journal::{Consumer, From, Interest};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use stdx::{Clock, Disk};

/// Time that moves only by hand.
#[derive(Default)]
pub struct HandClock(AtomicU64);

impl Clock for HandClock {
    fn unix_ms(&self) -> u64 {
        1_000_000 + self.0.load(Relaxed)
    }
    fn monotonic_us(&self) -> u64 {
        self.0.load(Relaxed) * 1000
    }
}

/// The process in tests.
#[derive(Default, Clone)]
pub struct TestHost {
    clock: Arc<HandClock>,
    /// Its files.
    pub disk: MemoryDisk,
    /// Its log.
    pub lines: Arc<Mutex<Vec<String>>>,
    stopped: Arc<AtomicBool>,
}

impl Host for TestHost {
    fn clock(&self) -> &dyn Clock {
        &*self.clock
    }
    fn disk(&self) -> &dyn Disk {
        &self.disk
    }
    fn cpu_us(&self) -> (u64, u64) {
        (0, 0)
    }
    fn resident_bytes(&self) -> u64 {
        0
    }
    fn pid(&self) -> u32 {
        1
    }
    fn entropy(&self) -> [u8; 16] {
        [7; 16]
    }
    fn enter(&self, _: &str) -> std::io::Result<()> {
        Ok(())
    }
    fn sleep_ms(&self, duration_ms: u64) {
        self.pass_ms(duration_ms);
    }
    fn log(&self, text: &str) {
        self.lines.lock().expect("not poisoned").push(text.to_owned());
    }
    fn warn(&self, text: &str) {
        self.log(text);
    }
    fn stop(&self) {
        self.stopped.store(true, Relaxed);
    }
}

impl TestHost {
    /// Makes the disk refuse new files, or take them again.
    pub fn fill_disk(&self, full: bool) {
        self.disk.set_fault(if full { Fault::Create } else { Fault::None });
    }

    /// Names of all files.
    pub fn files(&self) -> Vec<String> {
        self.disk.names()
    }

    /// Moves time.
    pub fn pass_ms(&self, ms: u64) {
        self.clock.0.fetch_add(ms, Relaxed);
    }
}

struct NoWaker;

impl Waker for NoWaker {
    fn wake(&self) {}
}

/// A node and connections by name.
pub struct Bench {
    pub shared: Arc<Shared>,
    pub host: TestHost,
    loops: Vec<LoopCore>,
    conns: HashMap<char, (usize, u32)>,
}

impl Bench {
    /// A drop-in with `loops` loops and an empty data set.
    pub fn new(loops: usize) -> Self {
        Self::on(loops, TestHost::default())
    }

    /// As [`Bench::new`], on a host that may hold files already; they are loaded.
    pub fn on(loops: usize, host: TestHost) -> Self {
        Self::try_on(loops, host).expect("the files are good")
    }

    /// As [`Bench::on`], with files that may be bad.
    pub fn try_on(loops: usize, host: TestHost) -> Result<Self, LoadError> {
        Self::with(loops, host, &[])
    }

    /// As [`Bench::try_on`], with parameters.
    pub fn with(loops: usize, host: TestHost, config: &[(&str, &str)]) -> Result<Self, LoadError> {
        let facts = Facts {
            version: "test",
            run_id: "0".repeat(40),
            started_ms: 1_000_000,
            config_file: String::new(),
            managed: false,
        };
        let wakers = (0..loops).map(|_| Box::new(NoWaker) as Box<dyn Waker>).collect();
        let mut parameters = Config::default();
        for (name, value) in config {
            parameters.set_at_start(name, value).expect("a test knows its parameters");
        }
        let shared = Shared::new(parameters, facts, Box::new(host.clone()), wakers);
        let shared = Arc::new(shared);
        aof::load_data_set(&shared)?;
        let loops = (0..loops).map(|id| LoopCore::new(Arc::clone(&shared), id)).collect();
        Ok(Self { shared, host, loops, conns: HashMap::new() })
    }

    /// Lets the keeper of the append-only file do all that it can do now.
    ///
    /// # Errors
    /// What would end the process.
    pub fn keep(&self) -> Result<(), String> {
        loop {
            match aof::step(&self.shared) {
                Next::Wait(Some(0)) => {}
                Next::Wait(_) => {
                    let rest = snapshot::step(&self.shared).expect("the node does not end");
                    if !rest.is_zero() && self.shared.cuts.active().is_none() {
                        return Ok(());
                    }
                }
                Next::Fatal(why) => return Err(why),
            }
        }
    }

    /// Starts recording the journal.
    pub fn record(&self) -> Consumer {
        let interest = Interest { from: From::Now, lag_bytes_max: u64::MAX, wake: None };
        self.shared.journal.attach(interest).expect("the end is there")
    }

    /// What the journal got since the last look, `\r\n` as a space.
    pub fn recorded(&self, consumer: &Consumer) -> String {
        let mut log = Vec::new();
        self.shared.journal.read(consumer, &mut log, usize::MAX).expect("it has no limit");
        String::from_utf8_lossy(&log).replace("\r\n", " ").trim().to_owned()
    }

    /// Replaces users and allowlist, as an agent does.
    pub fn set_access(&self, access: Access) {
        let mut exclusive = self.shared.executor.exclusive();
        let access = Arc::new(access.in_place_of(&exclusive.gate().access));
        exclusive.change_gate(|gate| gate.access = Arc::clone(&access));
        drop(exclusive);
        crate::commands::client::cut_gone(&self.shared, &access);
    }

    /// Moves time.
    pub fn pass_ms(&self, ms: u64) {
        self.host.pass_ms(ms);
    }

    /// The loops, to be driven by threads.
    pub fn take_loops(&mut self) -> Vec<LoopCore> {
        std::mem::take(&mut self.loops)
    }

    /// True when the node asked its process to end.
    pub fn is_stopped(&self) -> bool {
        self.host.stopped.load(Relaxed)
    }

    /// A tick of every loop.
    pub fn tick(&mut self) {
        self.loops.iter_mut().for_each(LoopCore::tick);
    }

    /// A connection from `address`; connections are dealt to loops by their letter.
    pub fn connect_from(&mut self, name: char, address: &str) {
        let loop_id = (name as usize - 'a' as usize) % self.loops.len();
        let peer = Peer {
            address: address.parse().ok(),
            peer: format!("{address}:{}", name as u32),
            local: "127.0.0.1:6379".into(),
        };
        let place = self.loops[loop_id].connect(peer);
        self.conns.insert(name, (loop_id, place));
    }

    /// Sends bytes on a connection (made when it is new) and returns everything there is to read.
    pub fn send(&mut self, name: char, bytes: &[u8]) -> String {
        self.send_unread(name, bytes);
        self.read(name)
    }

    /// As [`Bench::send`], with the answer as it is.
    pub fn send_bytes(&mut self, name: char, bytes: &[u8]) -> Vec<u8> {
        self.send_unread(name, bytes);
        let (loop_id, place) = self.conns[&name];
        let conn = self.loops[loop_id].conn_mut(place).expect("it is open");
        let got = conn.unsent().to_vec();
        conn.sent(got.len());
        got
    }

    /// Sends bytes on a connection (made when it is new) and leaves the answers and all mail.
    pub fn send_unread(&mut self, name: char, bytes: &[u8]) {
        if !self.conns.contains_key(&name) {
            self.connect_from(name, "127.0.0.1");
        }
        let (loop_id, place) = self.conns[&name];
        if let Some(input) = self.loops[loop_id].input(place) {
            input.extend_from_slice(bytes);
        }
        self.loops[loop_id].process(place);
        self.loops[loop_id].run_jobs();
    }

    /// Sends a request that runs as a job, and leaves it to the caller to run it.
    pub fn send_job(&mut self, name: char, request: &[u8]) -> Box<Job> {
        if !self.conns.contains_key(&name) {
            self.connect_from(name, "127.0.0.1");
        }
        let (loop_id, place) = self.conns[&name];
        self.loops[loop_id].input(place).expect("it is open").extend_from_slice(request);
        self.loops[loop_id].process(place);
        self.loops[loop_id].next_job().expect("it is a job")
    }

    /// True while a connection's request is a job.
    pub fn is_away(&self, name: char) -> bool {
        let (loop_id, place) = self.conns[&name];
        self.loops[loop_id].is_away(place)
    }

    /// Makes room in a connection's input, as a shell does before it reads.
    pub fn room(&mut self, name: char, bytes: usize) {
        if !self.conns.contains_key(&name) {
            self.connect_from(name, "127.0.0.1");
        }
        let (loop_id, place) = self.conns[&name];
        self.loops[loop_id].input(place).expect("it is open").reserve(bytes);
    }

    /// Bytes that a connection's input takes before it has to grow.
    pub fn input_room(&mut self, name: char) -> usize {
        let (loop_id, place) = self.conns[&name];
        let input = self.loops[loop_id].input(place).expect("it is open");
        input.capacity() - input.len()
    }

    /// Bytes that a connection's input has room for.
    pub fn input_capacity(&mut self, name: char) -> usize {
        let (loop_id, place) = self.conns[&name];
        self.loops[loop_id].conn_mut(place).expect("it is open").input.capacity()
    }

    /// Everything a connection has to read, `\r\n` as a space; `closed` at its end.
    pub fn read(&mut self, name: char) -> String {
        let (loop_id, place) = self.conns[&name];
        for one in &mut self.loops {
            one.read_mail();
            one.time_out();
        }
        self.loops[loop_id].retry_waiting();
        self.loops[loop_id].run_jobs();
        while self.loops[loop_id].feed() {}
        if self.loops[loop_id].is_away(place) {
            return String::new();
        }
        self.loops[loop_id].release_held();
        let Some(conn) = self.loops[loop_id].conn_mut(place) else { return "closed".into() };
        let mut text = String::from_utf8_lossy(conn.sendable()).replace("\r\n", " ");
        let n = conn.sendable().len();
        conn.sent(n);
        if conn.session.closing && conn.unsent().is_empty() {
            self.loops[loop_id].disconnect(place);
            text.push_str("closed");
        }
        text.trim().to_owned()
    }

    /// An open connection.
    pub fn conn(&mut self, name: char) -> &mut Conn {
        let (loop_id, place) = self.conns[&name];
        self.loops[loop_id].conn_mut(place).expect("it is open")
    }

    /// Everything a connection has to read, as it is.
    pub fn read_bytes(&mut self, name: char) -> Vec<u8> {
        let (loop_id, place) = self.conns[&name];
        for one in &mut self.loops {
            one.read_mail();
            one.retry_waiting();
            one.run_jobs();
        }
        while self.loops[loop_id].feed() {}
        let Some(conn) = self.loops[loop_id].conn_mut(place) else { return Vec::new() };
        let bytes = conn.unsent().to_vec();
        conn.sent(bytes.len());
        bytes
    }

    /// The name of a closed connection may be used again.
    pub fn forget(&mut self, name: char) {
        self.conns.remove(&name);
    }

    /// Runs lines of `connection> command => reply`; a line without `>` is connection `a`'s.
    pub fn check(&mut self, script: &str) {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (request, want) = line.split_once(" =>").expect("command => reply");
            let (name, command) = match request.split_once("> ") {
                Some((name, command)) => (name.chars().next().expect("a letter"), command),
                None => ('a', request),
            };
            let got = match command {
                "read" => self.read(name),
                _ => self.send(name, format!("{command}\r\n").as_bytes()),
            };
            assert_eq!(got, want.trim(), "{line}");
        }
    }
}
