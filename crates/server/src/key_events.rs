//! Key events: what happened to a key, published on the channels of that key and of that event as
//! soon as the command is done, under its locks.

use crate::shared::Shared;
use catalog::events::Classes;
use engine::Effects;

/// Publishes the events that `effects` holds and forgets them.
#[inline]
pub fn publish(shared: &Shared, wanted: Classes, effects: &mut Effects) {
    if !effects.events.is_empty() {
        send(shared, wanted, effects);
    }
}

#[cold]
fn send(shared: &Shared, wanted: Classes, effects: &mut Effects) {
    for event in effects.events.drain(..) {
        let db = event.db;
        if wanted.has(Classes::KEYSPACE) {
            let channel = [format!("__keyspace@{db}__:").as_bytes(), &event.key].concat();
            shared.pubsub.publish(&shared.inboxes, &channel, event.name.as_bytes());
        }
        if wanted.has(Classes::KEYEVENT) {
            let channel = format!("__keyevent@{db}__:{}", event.name);
            shared.pubsub.publish(&shared.inboxes, channel.as_bytes(), &event.key);
        }
    }
}
