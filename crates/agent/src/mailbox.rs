//! The way into the loop for everything that runs beside it. Must not know what is sent.

use crate::core::message::{Endpoint, Event, ReplyId};
use admin::agent::{AgentReply, AgentRequest};
use rustix::event::EventfdFlags;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

/// What the loop is told.
#[derive(Debug)]
pub(crate) enum Mail {
    /// Something for the core.
    Event(Event),
    /// A node handed over its listening socket; the event tells the core.
    Listener {
        /// Whose.
        node_id: String,
        /// Where it is bound.
        endpoint: Endpoint,
        /// The socket.
        socket: OwnedFd,
        /// To be taken in once the socket is kept.
        event: Event,
    },
    /// Control asks.
    Request {
        /// What.
        request: AgentRequest,
        /// Where the answer goes.
        respond: Sender<AgentReply>,
    },
    /// A node has answered a question that was passed on.
    Answer {
        /// Who waits.
        reply: ReplyId,
        /// The answer.
        answer: AgentReply,
    },
}

/// The writing end; one for each thread.
#[derive(Debug, Clone)]
pub(crate) struct Mailbox {
    sender: Sender<Mail>,
    bell: Arc<OwnedFd>,
}

/// The reading end.
#[derive(Debug)]
pub(crate) struct Inbox {
    receiver: Receiver<Mail>,
    bell: Arc<OwnedFd>,
}

/// A new mailbox.
///
/// # Errors
/// As the kernel says when it is out of descriptors.
pub(crate) fn mailbox() -> std::io::Result<(Mailbox, Inbox)> {
    let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
    let bell = Arc::new(rustix::event::eventfd(0, flags)?);
    let (sender, receiver) = std::sync::mpsc::channel();
    Ok((Mailbox { sender, bell: bell.clone() }, Inbox { receiver, bell }))
}

impl Mailbox {
    /// Sends; nothing happens when the loop is over.
    pub(crate) fn send(&self, mail: Mail) {
        if self.sender.send(mail).is_ok() {
            // Fails only when the counter is full, and then the loop is awake already.
            let _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
        }
    }
}

impl Inbox {
    /// Readable while there may be mail.
    pub(crate) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// All mail that is here now.
    pub(crate) fn take(&self) -> Vec<Mail> {
        // The bell before the mail: what comes in between rings again. Fails when it did not ring.
        let _ = rustix::io::read(&self.bell, &mut [0u8; 8]);
        self.receiver.try_iter().collect()
    }
}

/// Mail that is owed: whoever drops the promise, by a panic or because no thread could be started,
/// sends the failure that it was made with.
#[derive(Debug)]
pub(crate) struct Promise {
    mailbox: Mailbox,
    otherwise: Option<Mail>,
}

impl Promise {
    /// Owes one mail, or `otherwise`.
    pub(crate) fn new(mailbox: Mailbox, otherwise: Mail) -> Promise {
        Promise { mailbox, otherwise: Some(otherwise) }
    }

    /// Sends what was owed.
    pub(crate) fn keep(mut self, mail: Mail) {
        self.otherwise = None;
        self.mailbox.send(mail);
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        if let Some(mail) = self.otherwise.take() {
            self.mailbox.send(mail);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(inbox: &Inbox) -> usize {
        inbox.take().len()
    }

    #[test]
    fn each_promise_sends_exactly_once() {
        let (mailbox, inbox) = mailbox().unwrap();
        drop(Promise::new(mailbox.clone(), Mail::Event(Event::Tick)));
        assert_eq!(ticks(&inbox), 1);
        Promise::new(mailbox, Mail::Event(Event::Tick)).keep(Mail::Event(Event::Terminate));
        assert!(matches!(inbox.take()[..], [Mail::Event(Event::Terminate)]));
        assert_eq!(ticks(&inbox), 0);
    }
}
