//! Who listens to which channel or pattern. One leaf lock; delivery goes through the inboxes.

use crate::inbox::{Address, Inbox, Mail, Message};
use engine::glob;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The subscriptions of all connections.
#[derive(Debug, Default)]
pub struct PubSub {
    lists: Mutex<Lists>,
}

#[derive(Debug, Default)]
struct Lists {
    channels: HashMap<Box<[u8]>, Vec<Address>>,
    patterns: BTreeMap<Box<[u8]>, Vec<Address>>,
}

/// Channels or patterns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Exact names.
    Channel,
    /// Glob patterns.
    Pattern,
}

impl PubSub {
    /// Adds a subscription; the caller knows that it is new.
    pub fn subscribe(&self, scope: Scope, name: &[u8], who: Address) {
        let mut lists = self.lists.lock();
        match scope {
            Scope::Channel => lists.channels.entry(name.into()).or_default().push(who),
            Scope::Pattern => lists.patterns.entry(name.into()).or_default().push(who),
        }
    }

    /// Removes a subscription.
    pub fn unsubscribe(&self, scope: Scope, name: &[u8], who: Address) {
        let mut lists = self.lists.lock();
        match scope {
            Scope::Channel => {
                if let Some(list) = lists.channels.get_mut(name) {
                    list.retain(|other| *other != who);
                    if list.is_empty() {
                        lists.channels.remove(name);
                    }
                }
            }
            Scope::Pattern => {
                if let Some(list) = lists.patterns.get_mut(name) {
                    list.retain(|other| *other != who);
                    if list.is_empty() {
                        lists.patterns.remove(name);
                    }
                }
            }
        }
    }

    /// How many would get a message now.
    #[must_use]
    pub fn receivers(&self, channel: &[u8]) -> usize {
        let lists = self.lists.lock();
        let matching = lists.patterns.iter().filter(|(p, _)| hears(p, channel));
        let direct = lists.channels.get(channel).map_or(0, Vec::len);
        direct + matching.map(|(_, list)| list.len()).sum::<usize>()
    }

    /// Sends `payload` to everybody who listens, once the journal is durable up to `release`;
    /// returns how many.
    pub fn publish(
        &self,
        inboxes: &[Inbox],
        channel: &[u8],
        payload: &[u8],
        release: u64,
    ) -> usize {
        let lists = self.lists.lock();
        let direct = lists.channels.get(channel).map(|list| (None, list));
        let matching = lists.patterns.iter().filter(|(p, _)| hears(p, channel));
        let groups = direct.into_iter().chain(matching.map(|(p, list)| (Some(p.clone()), list)));
        let mut shared: Option<Arc<[u8]>> = None;
        let mut receivers = 0;
        for (pattern, list) in groups {
            receivers += list.len();
            let payload = Arc::clone(shared.get_or_insert_with(|| payload.into()));
            let message = Arc::new(Message { pattern, channel: channel.into(), payload, release });
            // The lock stays held, so that two publishers reach every inbox in the same order.
            for (loop_id, inbox) in inboxes.iter().enumerate() {
                let here = |address: &&Address| usize::from(address.loop_id) == loop_id;
                let addresses: Vec<_> = list.iter().filter(here).copied().collect();
                if !addresses.is_empty() {
                    inbox.push(Mail::Publish(addresses, Arc::clone(&message)));
                }
            }
        }
        receivers
    }

    /// Channels with subscribers that match `pattern`.
    #[must_use]
    pub fn channels(&self, pattern: Option<&[u8]>) -> Vec<Box<[u8]>> {
        let lists = self.lists.lock();
        let hit = |name: &[u8]| pattern.is_none_or(|pattern| hears(pattern, name));
        lists.channels.keys().filter(|name| hit(name)).cloned().collect()
    }

    /// Subscribers of a channel, patterns not counted.
    #[must_use]
    pub fn subscribers(&self, channel: &[u8]) -> usize {
        self.lists.lock().channels.get(channel).map_or(0, Vec::len)
    }

    /// Number of patterns that anybody listens to.
    #[must_use]
    pub fn patterns(&self) -> usize {
        self.lists.lock().patterns.len()
    }
}

/// True when a pattern stands for a channel. One without a name is heard by no star, as in Redis.
fn hears(pattern: &[u8], channel: &[u8]) -> bool {
    channel.is_empty() == pattern.is_empty() && glob::matches(pattern, channel)
}
