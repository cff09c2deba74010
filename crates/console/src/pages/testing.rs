//! A fake control plane for tests: answers each action from a function and keeps what was asked.

use crate::Console;
use crate::actions::{Ask, Caller, Gate, Later};
use control::{Answer, LoginError};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use stdx::Clock;

/// User and password that the fake lets in.
pub const USER: &str = "root";
pub const PASSWORD: &str = "Right_1pass";

/// Gate and caller at once.
pub struct Fake {
    answer: fn(&Ask) -> Answer,
    pub asked: Mutex<Vec<Ask>>,
}

/// A caller for tests that call nothing.
pub fn nobody() -> Arc<dyn Caller> {
    Arc::new(FakeCaller(Arc::new(Fake::new(|_| good(Value::Null)))))
}

pub fn good(body: Value) -> Answer {
    Answer { status: 200, body }
}

pub fn bad(status: u16, code: &str, message: &str) -> Answer {
    let body = json!({"Code": code, "Message": message, "RequestId": "REQ-1"});
    Answer { status, body }
}

struct FakeCaller(Arc<Fake>);

struct FakeGate(Arc<Fake>);

impl Fake {
    fn new(answer: fn(&Ask) -> Answer) -> Self {
        Self { answer, asked: Mutex::default() }
    }

    /// Names of the actions asked so far.
    pub fn actions(&self) -> Vec<&'static str> {
        self.asked.lock().unwrap().iter().map(|ask| ask.action).collect()
    }
}

impl Caller for FakeCaller {
    fn name(&self) -> &str {
        "root"
    }

    fn call(&self, ask: Ask) -> Later<'_, Answer> {
        let answer = (self.0.answer)(&ask);
        self.0.asked.lock().unwrap().push(ask);
        Box::pin(async { answer })
    }
}

impl Gate for FakeGate {
    fn login<'a>(
        &'a self,
        user: &'a str,
        password: &'a str,
        _source: IpAddr,
    ) -> Later<'a, Result<Arc<dyn Caller>, LoginError>> {
        let result: Result<Arc<dyn Caller>, LoginError> = match (user, password) {
            (USER, PASSWORD) => Ok(Arc::new(FakeCaller(Arc::clone(&self.0)))),
            ("braked", _) => Err(LoginError::Braked { retry_after_s: 7 }),
            _ => Err(LoginError::WrongCredentials),
        };
        Box::pin(async { result })
    }
}

/// A clock that the test turns.
#[derive(Default)]
pub struct HandClock(AtomicU64);

impl HandClock {
    pub fn pass_ms(&self, ms: u64) {
        self.0.fetch_add(ms * 1000, Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    fn unix_ms(&self) -> u64 {
        self.monotonic_us() / 1000
    }
    fn monotonic_us(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A console over the fake.
pub fn console(answer: fn(&Ask) -> Answer) -> (Arc<Console>, Arc<Fake>, Arc<HandClock>) {
    let fake = Arc::new(Fake::new(answer));
    let clock = Arc::new(HandClock::default());
    let gate = Arc::new(FakeGate(Arc::clone(&fake)));
    let console = Console::new(gate, Arc::<HandClock>::clone(&clock));
    (console, fake, clock)
}
