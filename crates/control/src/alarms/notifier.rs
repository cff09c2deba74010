//! Sends messages of alerts: each once taken, or tried again with growing pauses until it is given
//! up. What is left is in the store, so a restart goes on with it; a message that was taken just
//! before a crash may go out twice and then carries the same log id. Must not know when alerts
//! come about.

use super::Channels;
use super::message;
use super::reach::{Forbidden, GuardedResolver};
use crate::pipeline::Clock;
use crate::store::{Expect, Kind, Store, StoreError, documents};
use control_model::alarm::{Alert, Channel, Delivery, Stage};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::sleep;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::DefaultConnector;

/// Messages under way at once.
const SENDING_MAX: usize = 16;
/// How long one try may take.
const TRY_LIMIT: Duration = Duration::from_secs(10);
/// The longest rest without anything to do.
const REST_MS: i64 = 60_000;
/// Characters of an error that are kept.
const NOTE_CHARS_MAX: usize = 200;

/// What sending works with.
pub(crate) struct Notifier {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Clock,
    pub(crate) channels: Channels,
    /// `host:port` of our own API.
    pub(crate) api: String,
}

/// A message: the alert and which of its deliveries.
type Place = (String, usize);

/// Sends for ever. `fresh` names alerts that have just been stored.
pub(crate) async fn run(notifier: Notifier, mut fresh: UnboundedReceiver<String>) {
    let this = Arc::new(notifier);
    let mut due: BTreeMap<Place, i64> = BTreeMap::new();
    let mut sending: BTreeSet<Place> = BTreeSet::new();
    let mut tasks: JoinSet<(String, Vec<(Place, i64)>)> = JoinSet::new();
    let reader = this.clone();
    tasks.spawn_blocking(move || (String::new(), reader.all()));
    loop {
        let now_ms = (this.clock)();
        let ready: Vec<Place> = due
            .iter()
            .filter(|(place, at)| **at <= now_ms && !sending.contains(*place))
            .map(|(place, _)| place.clone())
            .take(SENDING_MAX.saturating_sub(sending.len()))
            .collect();
        for place in ready {
            due.remove(&place);
            sending.insert(place.clone());
            let this = this.clone();
            tasks.spawn_blocking(move || {
                let left = this.send(&place);
                (format!("{} {}", place.0, place.1), left)
            });
        }
        let next_ms = due.values().min().map_or(REST_MS, |at| (at - now_ms).clamp(50, REST_MS));
        tokio::select! {
            log_id = fresh.recv() => {
                let Some(log_id) = log_id else { return };
                let this = this.clone();
                tasks.spawn_blocking(move || (String::new(), this.pending(&log_id)));
            }
            Some(ended) = tasks.join_next(), if !tasks.is_empty() => match ended {
                Ok((name, left)) => {
                    sending.retain(|place| format!("{} {}", place.0, place.1) != name);
                    due.extend(left);
                }
                Err(error) => tracing::error!("sending a message broke down: {error}"),
            },
            () = sleep(Duration::from_millis(next_ms.unsigned_abs())) => {}
        }
    }
}

impl Notifier {
    /// Everything that is to be sent.
    fn all(&self) -> Vec<(Place, i64)> {
        match documents::list::<Alert>(self.store.as_ref(), Kind::Alert) {
            Ok(alerts) => alerts.iter().flat_map(|read| pending_of(&read.value)).collect(),
            Err(error) => {
                tracing::error!("messages of alarms cannot be read: {error}");
                Vec::new()
            }
        }
    }

    fn pending(&self, log_id: &str) -> Vec<(Place, i64)> {
        match documents::get::<Alert>(self.store.as_ref(), Kind::Alert, log_id) {
            Ok(found) => found.map(|read| pending_of(&read.value)).unwrap_or_default(),
            Err(error) => {
                tracing::error!("a message of an alarm cannot be read: {error}");
                Vec::new()
            }
        }
    }

    /// One try; what is left of this message.
    fn send(&self, (log_id, at): &Place) -> Vec<(Place, i64)> {
        match self.try_send(log_id, *at) {
            Ok(Some(left)) if left.stage == Stage::Pending => {
                vec![((log_id.clone(), *at), left.next_unix_ms)]
            }
            Ok(_) => Vec::new(),
            Err(error) => {
                tracing::error!("noting a message of an alarm: {error}");
                vec![((log_id.clone(), *at), (self.clock)() + REST_MS)]
            }
        }
    }

    fn try_send(&self, log_id: &str, at: usize) -> Result<Option<Delivery>, StoreError> {
        let store = self.store.as_ref();
        let Some(read) = documents::get::<Alert>(store, Kind::Alert, log_id)? else {
            return Ok(None);
        };
        let alert = read.value;
        let Some(delivery) = alert.deliveries.get(at).filter(|one| one.stage == Stage::Pending)
        else {
            return Ok(None);
        };
        let outcome = match delivery.channel {
            Channel::Webhook => self.post(&delivery.address, &alert),
            Channel::Mail => self.mail(&delivery.address, &alert),
        };
        let short = |text: String| text.chars().take(NOTE_CHARS_MAX).collect::<String>();
        let (outcome, retry) = match outcome {
            Ok(note) => (Ok(short(note)), false),
            Err((note, retry)) => (Err(short(note)), retry),
        };
        loop {
            let Some(read) = documents::get::<Alert>(store, Kind::Alert, log_id)? else {
                return Ok(None);
            };
            let mut alert = read.value;
            let Some(delivery) = alert.deliveries.get_mut(at) else { return Ok(None) };
            delivery.tried(outcome.clone(), retry, (self.clock)());
            let left = delivery.clone();
            let expect = Expect::Revision(read.revision);
            let account = alert.account_id.clone();
            match store.txn(&[documents::put(Kind::Alert, log_id, expect, &account, &alert)]) {
                Ok(_) => return Ok(Some(left)),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The answer's body is not read: nobody is to look at others' services through us.
    fn post(&self, url: &str, alert: &Alert) -> Result<String, (String, bool)> {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(TRY_LIMIT))
            .max_redirects(0)
            .http_status_as_error(false)
            .proxy(None)
            .max_idle_connections(0)
            .user_agent(concat!("larder/", env!("CARGO_PKG_VERSION")))
            .build();
        let resolver = GuardedResolver {
            own_ports: self.own_ports(),
            denied: self.channels.denied.clone(),
            system: DefaultResolver::default(),
        };
        let agent = ureq::Agent::with_parts(config, DefaultConnector::default(), resolver);
        let request = agent
            .post(url)
            .header("content-type", "application/json")
            .header("x-larder-log-id", &alert.log_id);
        match request.send(message::body(alert).to_string()) {
            Ok(answer) => {
                let status = answer.status().as_u16();
                match status {
                    200..=299 => Ok(format!("answered {status}")),
                    300..=399 => {
                        Err((format!("answered {status}; redirects are not followed"), false))
                    }
                    408 | 429 | 500..=599 => Err((format!("answered {status}"), true)),
                    _ => Err((format!("answered {status}"), false)),
                }
            }
            Err(ureq::Error::Other(error)) if error.is::<Forbidden>() => {
                Err((error.to_string(), false))
            }
            Err(error) => Err((error.to_string(), true)),
        }
    }

    /// Where the API and instances listen.
    fn own_ports(&self) -> Vec<u16> {
        let claims = self.store.list(Kind::Port).unwrap_or_default();
        let api = self.api.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        let claimed = claims.into_iter().filter_map(|claim| claim.id.parse().ok());
        claimed.chain(api).collect()
    }

    fn mail(&self, to: &str, alert: &Alert) -> Result<String, (String, bool)> {
        let Some(mailer) = &self.channels.mailer else {
            return Err(("no mail server: start larder with LARDER_SMTP_URL".to_owned(), false));
        };
        mailer.send(to, &message::subject(alert), message::text(alert))
    }
}

fn pending_of(alert: &Alert) -> Vec<(Place, i64)> {
    let all = alert.deliveries.iter().enumerate();
    let pending = all.filter(|(_, delivery)| delivery.stage == Stage::Pending);
    pending.map(|(at, delivery)| ((alert.log_id.clone(), at), delivery.next_unix_ms)).collect()
}
