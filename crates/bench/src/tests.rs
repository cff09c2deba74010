//! Whole runs against a server of a few lines on a port of its own.

use crate::error::Error;
use crate::options::tests::settings;
use crate::run::{Outcome, execute};
use resp::{Decoder, Limits, Step};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

type Answer = fn(&[String]) -> Option<Vec<u8>>;
type Log = Arc<Mutex<Vec<String>>>;

/// Answers each request by a function; `None` closes the connection.
struct Server {
    port: u16,
    seen: Log,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let (seen, stop) = (Log::default(), Arc::new(AtomicBool::new(false)));
        let (log, ended) = (Arc::clone(&seen), Arc::clone(&stop));
        let accept = move || {
            thread::scope(|scope| {
                for stream in listener.incoming() {
                    if ended.load(Ordering::SeqCst) {
                        break;
                    }
                    let log = Arc::clone(&log);
                    scope.spawn(move || serve(stream.expect("it connects"), answer, &log));
                }
            });
        };
        let thread = thread::Builder::new().spawn(accept).expect("a thread starts");
        Self { port, seen, stop, thread: Some(thread) }
    }

    fn bench(&self, login: &str, options: &str) -> Result<Outcome, Error> {
        let line = format!("--url redis://{login}127.0.0.1:{} {options}", self.port);
        execute(&settings(&line).expect("the options are valid"))
    }

    /// Requests since the last call, handshakes left out, in order of their text.
    fn seen(&self) -> Vec<String> {
        let mut seen = std::mem::take(&mut *self.seen.lock().expect("no thread panics"));
        seen.retain(|request| request != "PING");
        seen.sort();
        seen
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(thread::panicking() || matches!(ended, Some(Ok(()))), "the server panicked");
    }
}

fn serve(mut stream: TcpStream, answer: Answer, log: &Log) {
    let limits = Limits { bulk_bytes_max: 1 << 20, unauthenticated: false };
    let (mut decoder, mut input) = (Decoder::default(), Vec::new());
    let mut piece = [0; 4096];
    while let Ok(len @ 1..) = stream.read(&mut piece) {
        input.extend_from_slice(&piece[..len]);
        let mut out = Vec::new();
        while let Step::Request { consumed } = decoder.step(&input, limits) {
            let words = decoder.args(&input).from(0);
            let words: Vec<String> =
                words.map(|word| String::from_utf8_lossy(word).into_owned()).collect();
            decoder.finish();
            input.drain(..consumed);
            log.lock().expect("no thread panics").push(words.join(" "));
            let Some(reply) = answer(&words) else {
                let _ = stream.shutdown(Shutdown::Both);
                return;
            };
            out.extend(reply);
        }
        let _ = stream.write_all(&out);
    }
}

/// A cache that has only even keys.
fn cache(words: &[String]) -> Option<Vec<u8>> {
    let text = match words[0].as_str() {
        "GET" if words[1].ends_with(['0', '2', '4', '6', '8']) => "$5\r\nvalue\r\n",
        "GET" => "$-1\r\n",
        "PING" => "+PONG\r\n",
        "INFO" => "$46\r\nused_memory:300000000\r\ndb0:keys=1000,expires=0\r\n",
        "LPUSH" => "-WRONGTYPE this is no list\r\n",
        _ => "+OK\r\n",
    };
    Some(text.into())
}

fn json(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.text).expect("the result is JSON")
}

#[test]
fn every_request_is_sent_and_counted() {
    let server = Server::start(cache);
    for options in ["-P 1", "-P 7", "-P 7 -t 3", "-P 2 --rate 50000", "-P 500 -v 0-2000"] {
        let line = format!("-n 1000 -c 5 -k 10 --seed 1 --mix get=3,set,lpush -o json {options}");
        let outcome = server.bench("", &line).expect("the server answers");
        let result = &json(&outcome)["result"];
        assert!(outcome.whole, "{options}");
        assert_eq!(result["all"]["replies"], 1000, "{options}");
        let seen = server.seen();
        let count = |name: &str| seen.iter().filter(|text| text.starts_with(name)).count() as u64;
        let row = |index: usize| result["operations"][index].clone();
        assert_eq!(row(0)["replies"], count("GET"), "{options}");
        assert_eq!(row(1)["replies"], count("SET"), "{options}");
        assert_eq!(row(2)["errors"], count("LPUSH"), "{options}");
        assert_eq!(result["errors"][0]["first"], "WRONGTYPE this is no list");
        assert!(row(0)["nulls"].as_u64().is_some_and(|nulls| 0 < nulls && nulls < count("GET")));
        let sent: u64 = seen.iter().map(|text| text.len() as u64).sum();
        assert!(result["sent_bytes"].as_u64().is_some_and(|bytes| bytes > sent), "{options}");
    }
}

#[test]
fn a_seed_sends_the_same_again() {
    let server = Server::start(cache);
    let send = |options: &str| {
        let line = format!("-n 300 -c 3 -v 1-50 --distribution zipf {options}");
        server.bench("", &line).expect("the server answers");
        server.seen()
    };
    let first = send("--seed 5");
    assert_eq!(first, send("--seed 5 -P 20 -t 3"));
    assert_eq!(first, send("--seed 5 --rate 100000"));
    assert_ne!(first, send("--seed 6"));
}

#[test]
fn preload_fills_every_key_first() {
    let server = Server::start(cache);
    let line = "-n 10 -c 3 -k 100 --preload --mix hget";
    server.bench("", line).expect("the server answers");
    let seen = server.seen();
    let filled = seen.iter().filter(|text| text.starts_with("HSET hash:key:")).count();
    assert_eq!((filled, seen.len()), (100, 110));
    let line = "-n 1 \"--preload=LPUSH __key__ x\"";
    let error = server.bench("", line).expect_err("LPUSH is refused").to_string();
    assert!(error.starts_with("--preload stopped: WRONGTYPE this is no list; use"), "{error}");
}

#[test]
fn a_duration_ends_the_run() {
    let server = Server::start(cache);
    for options in ["", "--rate 2000"] {
        let line = format!("-d 0.05 -c 2 -o json {options}");
        let outcome = server.bench("", &line).expect("the server answers");
        let result = &json(&outcome)["result"];
        assert!(outcome.whole && result["all"]["replies"].as_u64() > Some(0), "{options}");
        if !options.is_empty() {
            assert_eq!(result["all"]["replies"], 100);
        }
    }
}

#[test]
fn a_report_suggests_a_class() {
    let server = Server::start(cache);
    let outcome = server.bench("", "-n 100 --report").expect("the server answers");
    for part in ["# Right-sizing report", "| Peak | 286.1 MiB |", "**redis.shard.small.2.ce**"] {
        assert!(outcome.text.contains(part), "{part} in {}", outcome.text);
    }
}

#[test]
fn login_and_database_come_first() {
    let server = Server::start(cache);
    let line = format!("--url redis://bob:secret@127.0.0.1:{}/3 -n 1 -c 1 --mix ping", server.port);
    execute(&settings(&line).expect("the options are valid")).expect("the server answers");
    assert_eq!(server.seen(), ["AUTH bob secret", "AUTH bob secret", "SELECT 3", "SELECT 3"]);
}

#[test]
fn refusals_are_one_sentence() {
    let check = |answer: Answer, login: &str, want: &str| {
        let server = Server::start(answer);
        let error = server.bench(login, "-n 10").expect_err("the server refuses").to_string();
        assert!(error.contains(want) && !error.contains('\n'), "{error}");
    };
    check(|_| Some(b"-NOAUTH Authentication required.\r\n".into()), "", "put the password into");
    check(|_| Some(b"-WRONGPASS no\r\n".into()), ":x@", "correct user and password");
    check(|_| Some(b"-ERR illegal address\r\n".into()), "", "allowlist");
    check(|_| Some(b"HTTP/1.1 400 Bad Request\r\n".into()), "", "no reply of a Redis server");
    check(|_| None, "", "cannot reach a server at 127.0.0.1");
    let dies: Answer = |words| (words[0] == "PING").then(|| b"+PONG\r\n".to_vec());
    check(dies, "", "no operation was answered: CLOSED");
}

#[test]
fn nobody_there_is_one_sentence() {
    let port = {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        free.local_addr().expect("it is bound").port()
    };
    let line = format!("--url redis://127.0.0.1:{port}");
    let error = execute(&settings(&line).expect("is valid")).expect_err("nobody is there");
    assert!(error.to_string().starts_with("cannot reach a server at 127.0.0.1:"), "{error}");
}

#[test]
fn lost_connections_spoil_a_run() {
    let some: Answer = |words| match words[0].as_str() {
        "SET" => None,
        _ => cache(words),
    };
    let server = Server::start(some);
    let line = "-n 1000 -c 4 --seed 3 -o json --mix get=20,set";
    let outcome = server.bench("", line).expect("some are answered");
    let result = &json(&outcome)["result"];
    assert!(!outcome.whole);
    assert_eq!(result["connections_lost"], 4);
    let answered = result["all"]["replies"].as_u64().unwrap_or(0);
    assert_eq!(
        result["operations_unsent"].as_u64().map(|unsent| unsent + answered + 4),
        Some(1000)
    );
}
