//! Fakes for tests: a terminal that keeps what is written, a folder that cleans itself up, and an
//! API that answers from a script and keeps the requests.

use crate::terminal::Terminal;
use std::cell::RefCell;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use stdx::Clock;

/// A private folder below the build directory.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../target/tmp")
            .join(format!("cli-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Output that the test can read afterwards.
#[derive(Clone, Default)]
pub struct Kept(Rc<RefCell<Vec<u8>>>);

impl Kept {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).unwrap()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Time that passes only while somebody pauses.
#[derive(Clone, Default)]
struct PausedClock(Arc<AtomicU64>);

impl Clock for PausedClock {
    fn unix_ms(&self) -> u64 {
        1_795_351_879_000 + self.monotonic_us() / 1000
    }
    fn monotonic_us(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A terminal without a person, unless `tty`.
pub fn terminal(
    env: Vec<(&'static str, String)>,
    input: &str,
    tty: bool,
) -> (Terminal, Kept, Kept) {
    let (out, err, clock) = (Kept::default(), Kept::default(), PausedClock::default());
    let pausing = clock.clone();
    let terminal = Terminal {
        out: Box::new(out.clone()),
        err: Box::new(err.clone()),
        input: Box::new(io::Cursor::new(input.to_owned().into_bytes())),
        input_is_tty: tty,
        output_is_tty: tty,
        env: Box::new(move |name| env.iter().find(|p| p.0 == name).map(|p| p.1.clone())),
        clock: Box::new(clock),
        pause: Box::new(move |time: Duration| {
            let us = u64::try_from(time.as_micros()).unwrap();
            pausing.0.fetch_add(us, Ordering::Relaxed);
        }),
    };
    (terminal, out, err)
}

/// One answer of the scripted API.
pub struct Reply {
    pub action: &'static str,
    pub status: u16,
    pub body: String,
}

pub fn ok(action: &'static str, body: &str) -> Reply {
    Reply { action, status: 200, body: body.to_owned() }
}

pub fn no(action: &'static str, status: u16, code: &str) -> Reply {
    let body = format!(r#"{{"Code":"{code}","Message":"No.","RequestId":"REQ-1"}}"#);
    Reply { action, status, body }
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    pub head: String,
    pub body: String,
}

/// Answers the scripted replies in order, one connection each, then stops listening.
pub struct Api {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    thread: Option<JoinHandle<()>>,
}

impl Api {
    pub fn serve(script: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let answer_all = move || {
            for reply in script {
                let (stream, _) = listener.accept().unwrap();
                log.lock().unwrap().push(answer(stream, &reply));
            }
        };
        let thread = std::thread::Builder::new().spawn(answer_all).unwrap();
        Self { address, seen, thread: Some(thread) }
    }

    /// Waits until the whole script was asked for.
    pub fn finish(mut self) -> Vec<Seen> {
        self.thread.take().unwrap().join().unwrap();
        self.seen.lock().unwrap().clone()
    }

    pub fn env(&self) -> Vec<(&'static str, String)> {
        vec![
            ("LARDER_API", self.address.to_string()),
            ("LARDER_ACCESS_KEY_ID", "AK".to_owned()),
            ("LARDER_ACCESS_KEY_SECRET", "SK".to_owned()),
        ]
    }
}

fn answer(stream: TcpStream, reply: &Reply) -> Seen {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0, "request ended early: {head}");
    }
    let length = header(&head, "content-length").map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    assert_eq!(header(&head, "x-acs-action"), Some(reply.action), "script and verb disagree");
    let (status, text) = (reply.status, &reply.body);
    let mut stream = reader.into_inner();
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
    .unwrap();
    Seen { head, body: String::from_utf8(body).unwrap() }
}

/// Value of a header in a request's head.
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}
