//! Key events: what happened to a key, published on the channels of that key and of that event as
//! soon as the command is done, under its locks.

use crate::shared::Shared;
use catalog::events::Classes;
use engine::Effects;

/// Messages by channel that leave later.
pub type Outbox = Vec<(Box<[u8]>, Box<[u8]>)>;

/// Publishes the events that `effects` holds and forgets them. What they tell is recorded already,
/// unless there is an `outbox` for them to wait in.
#[inline]
pub fn publish(
    shared: &Shared,
    wanted: Classes,
    effects: &mut Effects,
    outbox: Option<&mut Outbox>,
) {
    if !effects.events.is_empty() {
        send(shared, wanted, effects, outbox);
    }
}

#[cold]
fn send(shared: &Shared, wanted: Classes, effects: &mut Effects, outbox: Option<&mut Outbox>) {
    let mut waiting = Outbox::new();
    for event in effects.events.drain(..) {
        let db = event.db;
        if wanted.has(Classes::KEYSPACE) {
            let channel = [format!("__keyspace@{db}__:").as_bytes(), &event.key].concat();
            waiting.push((channel.into(), event.name.as_bytes().into()));
        }
        if wanted.has(Classes::KEYEVENT) {
            let channel = format!("__keyevent@{db}__:{}", event.name);
            waiting.push((channel.into_bytes().into(), event.key[..].into()));
        }
    }
    match outbox {
        Some(outbox) => outbox.append(&mut waiting),
        None => {
            let release = shared.journal.offset();
            for (channel, payload) in waiting {
                shared.pubsub.publish(&shared.inboxes, &channel, &payload, release);
            }
        }
    }
}
