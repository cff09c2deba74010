//! Alarms at work: rules are looked at when a period ends, what follows is stored with its
//! messages in one transaction, and messages go out until they are taken or given up. Decisions are
//! `control_model::alarm`'s; must not know actions.

mod evaluator;
mod mail;
mod message;
mod notifier;
pub(crate) mod reach;

pub(crate) use evaluator::{Evaluator, rule_key};
pub use mail::MailError;
pub(crate) use mail::{Mailer, is_address};
pub(crate) use message::body;
pub(crate) use notifier::{Notifier, run};

/// How this installation sends messages.
#[derive(Default)]
pub(crate) struct Channels {
    /// Sends mail, if there is a server for it.
    pub(crate) mailer: Option<Mailer>,
    /// Networks that webhooks must not be in.
    pub(crate) denied: Vec<ipnet::IpNet>,
}

/// Alerts are kept so long, in days, and so many at most.
const KEPT_DAYS: i64 = 90;
const KEPT_MAX: usize = 10_000;
