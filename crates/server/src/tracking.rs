//! Connections that keep copies of what they read (CLIENT TRACKING): which keys each has read is
//! known to the shards; here they are told that a copy is stale. An invalidation is put into the
//! inbox under the locks of the command that is its cause, as the read was noted under its own, so
//! it can never come before the read and be forgotten.

use crate::inbox::{Address, Mail};
use crate::shared::Shared;
use engine::Effects;
use engine::keyspace::Reader;
use resp::{Protocol, Reply};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Tells everybody who has read what `client` has changed, and forgets that they have.
#[inline]
pub fn publish(shared: &Shared, client: u64, effects: &mut Effects) {
    if !effects.stale.is_empty() {
        send(shared, client, effects);
    }
}

#[cold]
fn send(shared: &Shared, client: u64, effects: &mut Effects) {
    for (key, readers) in effects.stale.drain(..) {
        let key: Arc<[u8]> = key.into();
        for reader in readers.iter().filter_map(std::sync::Weak::upgrade) {
            if !(reader.skips_own && reader.home.client == client) {
                tell(shared, address_of(&reader), Some(Arc::clone(&key)));
            }
        }
    }
}

/// Tells everybody that all copies are stale.
pub fn publish_flush(shared: &Shared) {
    for record in shared.clients.all() {
        if record.tracks.load(Relaxed) {
            tell(shared, record.address, None);
        }
    }
}

fn tell(shared: &Shared, address: Address, key: Option<Arc<[u8]>>) {
    shared.inboxes[usize::from(address.loop_id)].push(Mail::Invalidate(address, key));
}

fn address_of(reader: &Reader) -> Address {
    let home = reader.home;
    Address { loop_id: home.loop_id, place: home.place, client: home.client }
}

/// Writes an invalidation of one key, or of all; RESP2 has no room for one.
pub fn write(out: &mut Vec<u8>, protocol: Protocol, key: Option<&[u8]>) {
    if protocol == Protocol::Three {
        let mut reply = Reply::new(out, protocol);
        reply.push(2);
        reply.bulk(b"invalidate");
        match key {
            Some(key) => {
                reply.array(1);
                reply.bulk(key);
            }
            None => reply.null(),
        }
    }
}
