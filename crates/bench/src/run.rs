//! A run from its settings to its result: connects, preloads, spreads lanes over threads, watches
//! the server's memory when a report is wanted. The results' texts are made elsewhere.

use crate::error::Error;
use crate::lane::{End, Lane, Pace};
use crate::load::Load;
use crate::options::{Output, Settings, Stop};
use crate::sizing::{Info, Observed};
use crate::summary::Summary;
use crate::tally::Tally;
use crate::wire::Wire;
use crate::workload::{Stream, Workload};
use serde_json::json;
use std::io;
use std::net::TcpStream;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use stdx::{Clock, SystemClock};

/// Operations on the way per connection while filling.
const PRELOAD_PIPELINE: usize = 64;
/// How long an open loop may take after its end to send what was due.
const BACKLOG_US: u64 = 10_000_000;
/// How often memory is looked at for a report.
const WATCH_PERIOD: Duration = Duration::from_millis(500);

/// A finished run.
#[derive(Debug)]
pub struct Outcome {
    /// What to print.
    pub text: String,
    /// False when connections were lost or planned operations not sent.
    pub whole: bool,
}

/// Does what `settings` say.
///
/// # Errors
/// [`Error`] when there is no result to show.
pub fn execute(settings: &Settings) -> Result<Outcome, Error> {
    let (clock, work) = (SystemClock::new(), Arc::new(workload(settings)));
    let run = Run { settings, clock: &clock, work: &work };
    let mut watch = Wire::connect(&settings.target)?;
    let mut observed = Observed::default();
    if settings.report {
        observed.before = read_info(&mut watch)?;
    }
    if !settings.preload.is_empty() {
        run.preload()?;
    }
    let lanes = run.connect()?;
    let start_us = clock.monotonic_us();
    let tally = run.measure(lanes, start_us, |done| {
        let info = || if settings.report { read_info(&mut watch).ok() } else { None };
        watch_memory(done, info, &mut observed.peak_bytes)
    })?;
    if tally.replies() == 0 {
        let first = tally.errors.values().next().map(|errors| errors.first.clone());
        return Err(Error::NothingAnswered(first.unwrap_or("the run was too short".into())));
    }
    if settings.report {
        observed.after = read_info(&mut watch)?;
        observed.peak_bytes = observed.peak_bytes.max(observed.after.peak_bytes());
    }
    let summary = Summary::new(work.names(), tally, start_us);
    Ok(Outcome { text: show(settings, &summary, &observed), whole: summary.is_whole() })
}

fn workload(settings: &Settings) -> Workload {
    Workload::new(
        settings.operations.clone(),
        settings.value_bytes.clone(),
        (settings.keys, settings.distribution),
        settings.seed,
    )
}

fn show(settings: &Settings, summary: &Summary, observed: &Observed) -> String {
    if settings.report {
        let about = settings.describe();
        let (load, memory) = (summary.to_markdown(), observed.to_markdown());
        return format!("# Right-sizing report\n\n{about}\n## Load\n\n{load}\n{memory}");
    }
    match settings.output {
        Output::Text => format!("{}\n{}", settings.describe(), summary.to_text()),
        Output::Json => {
            let whole = json!({"run": settings.to_json(), "result": summary.to_json()});
            format!("{whole:#}\n")
        }
    }
}

fn read_info(wire: &mut Wire) -> Result<Info, Error> {
    wire.call(&["INFO"]).map(|text| Info::parse(&text))
}

/// Waits for `done`'s senders to end, looking at the server's memory meanwhile.
fn watch_memory(
    done: &mpsc::Receiver<()>,
    mut info: impl FnMut() -> Option<Info>,
    peak_bytes: &mut u64,
) {
    while done.recv_timeout(WATCH_PERIOD) == Err(mpsc::RecvTimeoutError::Timeout) {
        *peak_bytes = info().map_or(0, |info| info.peak_bytes()).max(*peak_bytes);
    }
}

struct Run<'a> {
    settings: &'a Settings,
    clock: &'a SystemClock,
    work: &'a Arc<Workload>,
}

impl Run<'_> {
    fn connect(&self) -> Result<Vec<TcpStream>, Error> {
        let connections = 0..self.settings.connections;
        connections.map(|_| Wire::connect(&self.settings.target).map(Wire::into_stream)).collect()
    }

    fn preload(&self) -> Result<(), Error> {
        let templates = Arc::new(self.settings.preload.clone());
        let count = self.settings.connections as u64;
        let lane = |(index, stream): (usize, TcpStream)| {
            let place = (index as u64, count);
            let (operations, len) = Stream::sweep(self.work, &templates, place);
            let end = End { operations: len, at_us: u64::MAX };
            (stream, Lane::new(operations, PRELOAD_PIPELINE, Pace::Closed, end))
        };
        let lanes = self.connect()?.into_iter().enumerate().map(lane).collect();
        let tally = self.spread(lanes, (false, u64::MAX), |done| {
            watch_memory(done, || None, &mut 0);
        })?;
        match tally.errors.into_values().next() {
            None => Ok(()),
            Some(errors) => Err(Error::Preload(errors.first)),
        }
    }

    /// The load itself, from `start_us` on; `meanwhile` runs until its receiver is cut off.
    fn measure(
        &self,
        streams: Vec<TcpStream>,
        start_us: u64,
        meanwhile: impl FnOnce(&mpsc::Receiver<()>),
    ) -> Result<Tally, Error> {
        let settings = self.settings;
        let count = settings.connections as u64;
        let at_us = match settings.stop {
            Stop::Seconds(seconds) => start_us + (seconds * 1e6) as u64,
            Stop::Operations(_) => u64::MAX,
        };
        let lane = |(index, stream): (usize, TcpStream)| {
            let index = index as u64;
            let operations = match settings.stop {
                Stop::Seconds(_) => u64::MAX,
                Stop::Operations(all) => all / count + u64::from(index < all % count),
            };
            let pace = settings.rate.map_or(Pace::Closed, |rate| Pace::Open {
                first_us: start_us as f64 + index as f64 * 1e6 / rate,
                interval_us: count as f64 * 1e6 / rate,
            });
            let end = End { operations, at_us };
            let operations = Stream::random(self.work, index);
            (stream, Lane::new(operations, settings.pipeline, pace, end))
        };
        let lanes = streams.into_iter().enumerate().map(lane).collect();
        let timing = (settings.rate.is_some(), at_us.saturating_add(BACKLOG_US));
        self.spread(lanes, timing, meanwhile)
    }

    fn spread(
        &self,
        lanes: Vec<(TcpStream, Lane)>,
        timing: (bool, u64),
        meanwhile: impl FnOnce(&mpsc::Receiver<()>),
    ) -> Result<Tally, Error> {
        let threads = self.settings.threads;
        let operations = self.settings.operations.len();
        let mut parts: Vec<Vec<(TcpStream, Lane)>> = (0..threads).map(|_| Vec::new()).collect();
        for (index, lane) in lanes.into_iter().enumerate() {
            parts[index % threads].push(lane);
        }
        let failed = |source: io::Error| Error::Local { doing: "run the load", source };
        thread::scope(|scope| {
            let (sender, done) = mpsc::channel::<()>();
            let mut handles = Vec::with_capacity(threads);
            for part in parts {
                let (sender, clock) = (sender.clone(), self.clock);
                let builder = thread::Builder::new().name("bench".into());
                let handle = builder.spawn_scoped(scope, move || {
                    let _held_until_the_end = sender;
                    Load::new(clock, part, operations, timing)?.run()
                });
                handles.push(handle.map_err(failed)?);
            }
            drop(sender);
            meanwhile(&done);
            let mut whole = Tally::new(operations);
            for handle in handles {
                let tally = handle.join().expect("a load thread does not panic");
                whole.add(&tally.map_err(failed)?);
            }
            Ok(whole)
        })
    }
}
