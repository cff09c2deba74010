//! Resident bytes and CPU time per element: fills a fresh server with one kind of data and looks
//! how much it has grown and worked.

use super::sample;
use super::server::Server;
use anyhow::{Context, Result};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

/// What an element has cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Resident bytes.
    pub bytes: f64,
    /// CPU time of the server while it took it in, in nanoseconds.
    pub cpu_ns: f64,
}

/// Commands sent before their replies are awaited.
const PIPELINE: usize = 200;

/// One kind of data.
#[derive(Debug)]
pub struct DataSet {
    /// As shown.
    pub name: &'static str,
    /// Bytes of keys, fields and values per element.
    pub payload_bytes: usize,
    /// Elements that the growth is divided by.
    pub elements: usize,
    /// Commands that make them.
    commands: usize,
    /// Words of the n-th command, blank between them.
    command: fn(usize) -> String,
}

/// All kinds.
pub const DATA_SETS: [DataSet; 6] = [
    DataSet {
        name: "1 M strings, 16 B key, 16 B value",
        payload_bytes: 32,
        elements: 1_000_000,
        commands: 1_000_000,
        command: |n| format!("SET key:{n:012} value:{:010}", scatter(n)),
    },
    DataSet {
        name: "1 M strings, 16 B key, 64 B value, TTL",
        payload_bytes: 88,
        elements: 1_000_000,
        commands: 1_000_000,
        command: |n| format!("SET key:{n:012} {:0>64} EX {}", scatter(n), 100_000 + scatter(n) % 9),
    },
    DataSet {
        name: "100 k hashes of 10 fields (6 B / 11 B)",
        payload_bytes: 183,
        elements: 100_000,
        commands: 100_000,
        command: |n| {
            let fields: Vec<String> =
                (0..10).map(|f| format!("field{f} v{:010}", scatter(n * 10 + f))).collect();
            format!("HSET hash:{n:08} {}", fields.join(" "))
        },
    },
    DataSet {
        name: "one sorted set, 500 k members of 15 B",
        payload_bytes: 23,
        elements: 500_000,
        commands: 500_000,
        command: |n| format!("ZADD zset {} member:{:08}", scatter(n), scatter(n + 7) % 100_000_000),
    },
    DataSet {
        name: "one hash, 500 k fields (14 B / 14 B)",
        payload_bytes: 28,
        elements: 500_000,
        commands: 500_000,
        command: |n| format!("HSET hash field:{n:08} value:{:08}", scatter(n) % 100_000_000),
    },
    DataSet {
        name: "one set, 500 k members of 15 B",
        payload_bytes: 15,
        elements: 500_000,
        commands: 500_000,
        command: |n| format!("SADD set member:{n:08}"),
    },
];

/// A number below 10^10 that differs for each `n` below 10^9, in no visible order.
fn scatter(n: usize) -> usize {
    // The multiplier has no factor in common with 10^10.
    n * 7_654_321 % 10_000_000_000
}

impl DataSet {
    /// Fills `server`; what each element has cost.
    pub fn fill(&self, server: &Server) -> Result<Cost> {
        let before_kb = sample::pss_kb(server.pid())?;
        let before_ns = sample::cpu_ns(server.pid())?;
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port))?;
        let numbers: Vec<usize> = (0..self.commands).collect();
        for batch in numbers.chunks(PIPELINE) {
            let mut request = Vec::new();
            batch.iter().for_each(|n| encode(&(self.command)(*n), &mut request));
            stream.write_all(&request)?;
            read_lines(&mut stream, batch.len()).with_context(|| format!("fill: {}", self.name))?;
        }
        let worked_ns = sample::cpu_ns(server.pid())? - before_ns;
        let grown_kb = sample::pss_kb(server.pid())?.saturating_sub(before_kb);
        let each = |sum: f64| sum / self.elements as f64;
        Ok(Cost { bytes: each(grown_kb as f64 * 1024.0), cpu_ns: each(worked_ns as f64) })
    }
}

/// One request.
pub fn encode(words: &str, out: &mut Vec<u8>) {
    let words: Vec<&str> = words.split(' ').collect();
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
}

/// Reads `wanted` one-line replies, none of which may be an error.
fn read_lines(stream: &mut TcpStream, wanted: usize) -> Result<()> {
    let mut seen = Vec::new();
    let mut buffer = [0; 16 * 1024];
    while seen.iter().filter(|byte| **byte == b'\n').count() < wanted {
        let n = stream.read(&mut buffer)?;
        anyhow::ensure!(n > 0, "the server closed the connection");
        seen.extend_from_slice(&buffer[..n]);
    }
    let text = String::from_utf8_lossy(&seen);
    let error = text.lines().find(|line| line.starts_with('-'));
    anyhow::ensure!(error.is_none(), "{}", error.unwrap_or_default());
    Ok(())
}
