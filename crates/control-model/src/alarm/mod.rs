//! Alarms: rules over metrics, and when an instance enters or leaves one. Must not know where
//! numbers come from or how anybody is told.

pub mod evaluate;
pub mod rule;
pub mod span;

pub use evaluate::{Decision, Event, Phase, Point, State, evaluate};
pub use rule::{Condition, Level, NoData, Operator, Rule, Statistic, Target};
pub use span::Span;

use serde::{Deserialize, Serialize};

/// Someone who is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Unique in the account.
    pub name: String,
    /// Owner.
    pub account_id: String,
    /// About them.
    pub describe: String,
    /// Address for mail; empty for none.
    pub mail: String,
    /// Address for chat posts; empty for none.
    pub webhook: String,
    /// `zh-cn` or `en`.
    pub lang: String,
    /// Unix milliseconds.
    pub created_unix_ms: i64,
    /// Unix milliseconds.
    pub updated_unix_ms: i64,
}

/// Contacts that rules name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactGroup {
    /// Unique in the account.
    pub name: String,
    /// Owner.
    pub account_id: String,
    /// About it.
    pub describe: String,
    /// Names of contacts.
    pub contacts: Vec<String>,
    /// Unix milliseconds.
    pub created_unix_ms: i64,
    /// Unix milliseconds.
    pub updated_unix_ms: i64,
}

/// That an instance entered or left an alarm, and how those who were to be told were.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Unique; grows with time.
    pub log_id: String,
    /// Owner.
    pub account_id: String,
    /// Of the rule.
    pub rule_id: String,
    /// Of the rule, then.
    pub rule_name: String,
    /// Of the rule, then.
    pub metric: String,
    /// Which instance.
    pub instance_id: String,
    /// Its name, then.
    pub instance_name: String,
    /// What happened.
    pub event: Event,
    /// Level before; `None` for no alarm.
    pub from: Option<Level>,
    /// Level that is told of: the one entered, or left.
    pub level: Level,
    /// The condition as text, such as `$Average>80`.
    pub expression: String,
    /// How many periods in a row.
    pub times: u32,
    /// Value of the newest period.
    pub value: Option<f64>,
    /// `%`, `count/s`, …
    pub unit: String,
    /// Groups that were to be told.
    pub contact_groups: Vec<String>,
    /// Subject of mails; empty for ours.
    #[serde(default)]
    pub email_subject: String,
    /// Unix milliseconds.
    pub at_unix_ms: i64,
    /// One for each who is told.
    pub deliveries: Vec<Delivery>,
}

/// How a message goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Channel {
    /// POST of JSON to an address.
    Webhook,
    /// Mail.
    Mail,
}

/// One message and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// How.
    pub channel: Channel,
    /// URL or mail address.
    pub address: String,
    /// How far.
    pub stage: Stage,
    /// Tries so far.
    pub attempts: u32,
    /// What the last try came to, for a person; no content of the answer.
    pub note: String,
    /// Unix milliseconds of the next try.
    pub next_unix_ms: i64,
}

/// How far a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// To be tried.
    Pending,
    /// Taken by the other side.
    Sent,
    /// Given up.
    Failed,
}

/// Pauses before a message is tried again, in milliseconds; after the last it is given up.
const RETRIES_MS: [i64; 6] = [1_000, 4_000, 15_000, 60_000, 300_000, 900_000];

impl Delivery {
    /// A message that has not been tried.
    pub fn new(channel: Channel, address: &str, now_unix_ms: i64) -> Delivery {
        Delivery {
            channel,
            address: address.to_owned(),
            stage: Stage::Pending,
            attempts: 0,
            note: String::new(),
            next_unix_ms: now_unix_ms,
        }
    }

    /// Takes in what a try came to. `retry` is false for what would go wrong again.
    pub fn tried(&mut self, outcome: Result<String, String>, retry: bool, now_unix_ms: i64) {
        let pause_ms = RETRIES_MS.get(self.attempts as usize).filter(|_| retry);
        self.attempts += 1;
        match (outcome, pause_ms) {
            (Ok(note), _) => (self.stage, self.note) = (Stage::Sent, note),
            (Err(note), Some(pause_ms)) => {
                self.note = note;
                self.next_unix_ms = now_unix_ms + pause_ms;
            }
            (Err(note), None) => (self.stage, self.note) = (Stage::Failed, note),
        }
    }
}

impl Alert {
    /// When something is to be sent; `None` when nothing is left.
    pub fn due_unix_ms(&self) -> Option<i64> {
        let pending = self.deliveries.iter().filter(|one| one.stage == Stage::Pending);
        pending.map(|one| one.next_unix_ms).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_end() {
        let mut delivery = Delivery::new(Channel::Webhook, "http://x/", 0);
        let mut now = 0;
        let mut tries = 0;
        while delivery.stage == Stage::Pending {
            assert!(now <= delivery.next_unix_ms);
            now = delivery.next_unix_ms;
            delivery.tried(Err("refused".into()), true, now);
            tries += 1;
        }
        assert_eq!((tries, delivery.stage), (7, Stage::Failed));
        let mut once = Delivery::new(Channel::Mail, "a@b", 0);
        once.tried(Err("no such address".into()), false, 0);
        assert_eq!((once.stage, once.attempts), (Stage::Failed, 1));
        let mut sent = Delivery::new(Channel::Mail, "a@b", 0);
        sent.tried(Ok("250".into()), true, 0);
        assert_eq!(sent.stage, Stage::Sent);
    }
}
