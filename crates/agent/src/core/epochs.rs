//! Epochs: numbers that grow with every grant, handed out of blocks that are reserved on disk
//! before the first of them is used. Must not know what a grant is.

use crate::core::message::Action;

/// Epochs per reservation.
const BLOCK: u64 = 1_000;
/// Pause after a reservation that failed, in milliseconds.
const RETRY_MS: u64 = 1_000;

/// The source of epochs of one agent.
#[derive(Debug)]
pub(crate) struct Epochs {
    /// The next to hand out.
    next: u64,
    /// The highest that may be handed out.
    reserved: u64,
    /// A reservation is under way.
    reserving: bool,
    /// No new reservation before this time.
    retry_at: u64,
}

impl Epochs {
    /// Goes on after a process that had reserved everything up to `reserved`.
    pub(crate) fn after(reserved: u64) -> Epochs {
        Epochs { next: reserved + 1, reserved, reserving: false, retry_at: 0 }
    }

    /// An epoch above all that were ever handed out; `None` while the disk is behind.
    pub(crate) fn take(&mut self) -> Option<u64> {
        let epoch = self.next;
        (epoch <= self.reserved).then(|| {
            self.next += 1;
            epoch
        })
    }

    /// Learns of an epoch that is in use somewhere.
    pub(crate) fn seen(&mut self, epoch: u64) {
        self.next = self.next.max(epoch.saturating_add(1));
    }

    /// Starts the next reservation early, so that a grant waits for no disk.
    pub(crate) fn replenish(&mut self, now_ms: u64) -> Option<Action> {
        let left = (self.reserved + 1).saturating_sub(self.next);
        if self.reserving || now_ms < self.retry_at || BLOCK / 2 <= left {
            return None;
        }
        self.reserving = true;
        Some(Action::ReserveEpochs { through: self.reserved.max(self.next - 1) + BLOCK })
    }

    /// The reservation has ended.
    pub(crate) fn reserved(&mut self, outcome: Result<u64, String>, now_ms: u64) {
        self.reserving = false;
        match outcome {
            Ok(through) => self.reserved = self.reserved.max(through),
            Err(_) => self.retry_at = now_ms + RETRY_MS,
        }
    }

    /// When to try again after a failure.
    pub(crate) fn wake(&self, now_ms: u64) -> Option<u64> {
        (!self.reserving && now_ms < self.retry_at).then_some(self.retry_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reserve(epochs: &mut Epochs) -> Option<u64> {
        match epochs.replenish(0) {
            Some(Action::ReserveEpochs { through }) => Some(through),
            _ => None,
        }
    }

    #[test]
    fn nothing_is_handed_out_before_it_is_reserved() {
        let mut epochs = Epochs::after(0);
        assert_eq!(epochs.take(), None);
        assert_eq!(reserve(&mut epochs), Some(1_000));
        assert_eq!(reserve(&mut epochs), None, "one reservation at a time");
        assert_eq!(epochs.take(), None);
        epochs.reserved(Ok(1_000), 0);
        assert_eq!(epochs.take(), Some(1));
    }

    #[test]
    fn a_new_process_starts_above_the_old_block() {
        let mut epochs = Epochs::after(1_000);
        assert_eq!(reserve(&mut epochs), Some(2_000));
        epochs.reserved(Ok(2_000), 0);
        assert_eq!(epochs.take(), Some(1_001));
    }

    #[test]
    fn a_failed_reservation_is_tried_again_later() {
        let mut epochs = Epochs::after(0);
        assert!(reserve(&mut epochs).is_some());
        epochs.reserved(Err("disk".to_owned()), 50);
        assert_eq!(epochs.wake(50), Some(1_050));
        assert!(epochs.replenish(1_049).is_none());
        assert!(epochs.replenish(1_050).is_some());
    }

    #[test]
    fn an_epoch_in_use_is_jumped_over() {
        let mut epochs = Epochs::after(1_000);
        epochs.reserved(Ok(2_000), 0);
        epochs.seen(5_000);
        assert_eq!(epochs.take(), None);
        assert_eq!(reserve(&mut epochs), Some(6_000));
        epochs.reserved(Ok(6_000), 0);
        assert_eq!(epochs.take(), Some(5_001));
    }

    #[test]
    fn half_a_block_is_always_at_hand() {
        let mut epochs = Epochs::after(0);
        epochs.reserved(Ok(1_000), 0);
        for _ in 0..500 {
            assert!(reserve(&mut epochs).is_none());
            epochs.take().unwrap();
        }
        epochs.take().unwrap();
        assert_eq!(reserve(&mut epochs), Some(2_000));
    }
}
