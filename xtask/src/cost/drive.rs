//! One row against one server: batches over a few connections, as fast as it answers.

use super::table::{Fill, Row};
use crate::bench::sample;
use crate::bench::server::Server;
use anyhow::{Context, Result, bail};
use bench::replies::{Outcome, Replies};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};
use stdx::random::Rng;

/// Connections, so that a server finds more than one request when it looks.
const CONNECTIONS: usize = 50;
/// Different batches of a connection.
const BATCHES: usize = 64;
const SILENCE_MAX: Duration = Duration::from_secs(20);
/// Requests that make data are sent so many at a time.
const FILL_BATCH: u64 = 500;

/// Connections to a server, and what they reuse.
pub struct Driver {
    connections: Vec<TcpStream>,
    buffer: Vec<u8>,
}

impl Driver {
    /// Connects and makes the data.
    ///
    /// # Errors
    /// The server does not answer, or answers an error.
    pub fn start(server: &Server, fills: &[Fill]) -> Result<Self> {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port))?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(SILENCE_MAX))?;
            connections.push(stream);
        }
        let mut driver = Self { connections, buffer: vec![0; 1 << 18] };
        for fill in fills {
            for start in (0..fill.times).step_by(FILL_BATCH as usize) {
                let end = fill.times.min(start + FILL_BATCH);
                let mut bytes = Vec::new();
                (start..end).for_each(|index| fill.write(index, &mut bytes));
                driver.connections[0].write_all(&bytes)?;
                driver.receive(0, (end - start) as usize)?;
            }
        }
        Ok(driver)
    }

    /// CPU nanoseconds of the server per request, asked for `time`.
    ///
    /// # Errors
    /// The server does not answer, or answers an error.
    #[expect(clippy::disallowed_methods, reason = "measures another process")]
    pub fn measure(&mut self, server: &Server, row: &Row, time: Duration) -> Result<f64> {
        let mut rng = Rng::new(1);
        let batches: Vec<Vec<u8>> = (0..BATCHES)
            .map(|_| {
                let mut bytes = Vec::new();
                row.write(&mut rng, &mut bytes);
                bytes
            })
            .collect();
        let count = row.batch_len();
        self.turns(&batches, count, |turn| turn < BATCHES)?;
        let before_ns = sample::cpu_ns(server.pid())?;
        let end = Instant::now() + time;
        let turns = self.turns(&batches, count, |_| Instant::now() < end)?;
        let spent_ns = sample::cpu_ns(server.pid())? - before_ns;
        Ok(spent_ns as f64 / (turns * CONNECTIONS * count) as f64)
    }

    /// Batches on every connection, turn by turn while `more` says so; gives the turns.
    fn turns(
        &mut self,
        batches: &[Vec<u8>],
        count: usize,
        more: impl Fn(usize) -> bool,
    ) -> Result<usize> {
        let batch = |turn: usize, at: usize| &batches[(turn + at * 7) % batches.len()];
        for at in 0..CONNECTIONS {
            self.connections[at].write_all(batch(0, at))?;
        }
        let mut turn = 1;
        loop {
            let again = more(turn);
            for at in 0..CONNECTIONS {
                self.receive(at, count)?;
                if again {
                    self.connections[at].write_all(batch(turn, at))?;
                }
            }
            if !again {
                return Ok(turn);
            }
            turn += 1;
        }
    }

    fn receive(&mut self, at: usize, count: usize) -> Result<()> {
        let mut replies = Replies::default();
        let (mut seen, mut refused) = (0, None);
        while seen < count {
            let len = self.connections[at].read(&mut self.buffer).context("await a reply")?;
            if len == 0 {
                bail!("the server closed the connection");
            }
            let read = replies.feed(&self.buffer[..len], |outcome| {
                seen += 1;
                if let Outcome::Error(text) = outcome {
                    refused = Some(text.to_owned());
                }
            });
            read.map_err(|malformed| anyhow::anyhow!("no reply: {}", malformed.0))?;
        }
        match refused {
            Some(text) => bail!("it answers {text}"),
            None => Ok(()),
        }
    }
}
