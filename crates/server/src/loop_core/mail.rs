//! What other loops put into this loop's inbox, done for its connections.

use super::LoopCore;
use crate::blocked::address_of;
use crate::conn::Conn;
use crate::inbox::{Address, Mail, Message};
use crate::tracking;
use resp::Reply;
use std::sync::Arc;

/// Messages that a subscriber may leave unread before it is cut off, as in Redis.
const UNREAD_MESSAGES_BYTES_MAX: usize = 32 << 20;

impl LoopCore {
    /// Does what other loops asked for.
    pub fn read_mail(&mut self) {
        let shared = Arc::clone(&self.shared);
        let mail = shared.inboxes[self.state.slot].take();
        mail.into_iter().for_each(|mail| self.open(mail));
    }

    pub(super) fn open(&mut self, mail: Mail) {
        match mail {
            Mail::Publish(addresses, message) => {
                for address in addresses {
                    if !self.away.is_empty() && self.away.contains_key(&address.place) {
                        self.hold(address, Mail::Publish(vec![address], Arc::clone(&message)));
                    } else {
                        self.deliver(address, &message);
                    }
                }
            }
            Mail::Served { ref waiter, .. } | Mail::Released { ref waiter, .. }
                if self.away.contains_key(&waiter.home.place) =>
            {
                // It waits for a key, but has not come home yet.
                self.hold(address_of(waiter), mail);
            }
            Mail::Served { waiter, reply, offset } => self.served(&waiter, &reply, offset),
            Mail::Released { waiter, release } => self.released(&waiter, release),
            Mail::Invalidate(address, key) => {
                if self.away.contains_key(&address.place) {
                    self.hold(address, Mail::Invalidate(address, key));
                } else if let Some(conn) = self.addressed(address)
                    && conn.session.tracking.is_some()
                    && !conn.session.closing
                {
                    tracking::write(&mut conn.out, conn.session.protocol, key.as_deref());
                    self.touched.push(address.place);
                }
            }
            Mail::Monitor(address, line) => {
                if self.away.contains_key(&address.place) {
                    self.hold(address, Mail::Monitor(address, line));
                } else {
                    self.show(address, &line);
                }
            }
            Mail::Kill(address) => {
                if self.away.contains_key(&address.place) {
                    self.hold(address, mail);
                } else if let Some(conn) = self.addressed(address) {
                    conn.give_up();
                    self.touched.push(address.place);
                }
            }
            Mail::Return(job) => self.take_back(job),
        }
    }

    pub(super) fn addressed(&mut self, address: Address) -> Option<&mut Conn> {
        let conn = self.conn_mut(address.place)?;
        (conn.session.address() == address).then_some(conn)
    }

    fn show(&mut self, address: Address, line: &[u8]) {
        let Some(conn) = self.addressed(address) else { return };
        if !conn.session.monitor || conn.session.closing {
            return;
        }
        if conn.unsent().len() > UNREAD_MESSAGES_BYTES_MAX {
            conn.give_up();
        } else {
            conn.out.extend_from_slice(line);
        }
        self.touched.push(address.place);
    }

    fn deliver(&mut self, address: Address, message: &Message) {
        let durable = self.shared.aof.durable();
        let Some(conn) = self.addressed(address) else { return };
        let start = conn.out.len();
        // It may have unsubscribed since: behind its confirmation a message is no reply any more.
        let listens = match &message.pattern {
            None => conn.session.channels.contains(&message.channel),
            Some(pattern) => conn.session.patterns.contains(pattern),
        };
        if !listens || conn.session.closing {
            return;
        }
        if conn.unsent().len() > UNREAD_MESSAGES_BYTES_MAX {
            conn.give_up();
            self.touched.push(address.place);
            return;
        }
        let mut reply = Reply::new(&mut conn.out, conn.session.protocol);
        match &message.pattern {
            None => {
                reply.push(3);
                reply.bulk(b"message");
            }
            Some(pattern) => {
                reply.push(4);
                reply.bulk(b"pmessage");
                reply.bulk(pattern);
            }
        }
        reply.bulk(&message.channel);
        reply.bulk(&message.payload);
        conn.hold(start, message.release, durable);
        self.touched.push(address.place);
        self.note_held(address.place);
    }
}
