//! Mail from several senders: nothing is lost, nothing overtakes.

use super::check;
use crate::inbox::{Address, Inbox, Mail, Waker};
use shuttle::sync::{Condvar, Mutex};
use shuttle::thread;
use std::sync::Arc;

const SENDERS: u16 = 2;
const LETTERS: u64 = 3;

/// What an eventfd does: a wake before the wait ends the wait.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    fn wait(&self) {
        let mut rung = self.rung.lock().expect("no thread panics");
        while !*rung {
            rung = self.changed.wait(rung).expect("no thread panics");
        }
        *rung = false;
    }
}

struct Ringer(Arc<Bell>);

impl Waker for Ringer {
    fn wake(&self) {
        *self.0.rung.lock().expect("no thread panics") = true;
        self.0.changed.notify_one();
    }
}

#[test]
fn mail_arrives_once_and_in_order_and_wakes_the_loop() {
    check(10_000, || {
        let bell = Arc::new(Bell::default());
        let inbox = Arc::new(Inbox::new(Box::new(Ringer(Arc::clone(&bell)))));
        let senders: Vec<_> = (0..SENDERS)
            .map(|loop_id| {
                let inbox = Arc::clone(&inbox);
                thread::spawn(move || {
                    for client in 0..LETTERS {
                        inbox.push(Mail::Kill(Address { loop_id, place: 0, client }));
                    }
                })
            })
            .collect();
        let mut next = [0; SENDERS as usize];
        // A lost wake would leave this loop waiting, which the checker reports as a deadlock.
        while next.iter().any(|count| *count < LETTERS) {
            bell.wait();
            for mail in inbox.take() {
                let Mail::Kill(address) = mail else { unreachable!("nothing else was sent") };
                let count = &mut next[usize::from(address.loop_id)];
                assert_eq!(address.client, *count, "each sender's mail keeps its order");
                *count += 1;
            }
        }
        senders.into_iter().for_each(|sender| sender.join().expect("no thread panics"));
        assert!(inbox.take().is_empty());
    });
}
