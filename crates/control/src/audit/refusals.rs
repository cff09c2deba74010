//! The brake on lines about strangers: whoever sends many bad requests learns no more from it, and
//! must not be able to fill the log. Time comes in as a value; must not know the log.

/// Refused requests noted in a second.
pub const REFUSALS_PER_SECOND: u32 = 20;

/// How many refusals of unauthenticated requests the log takes, by the second.
#[derive(Debug, Default)]
pub struct RefusalLimit {
    unix_s: i64,
    noted: u32,
    /// Since the last line that told.
    left_out: u64,
}

/// What to do with one more refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// Write it, and that so many were left out since the last line.
    Write {
        /// How many.
        left_out: u64,
    },
    /// Leave it out.
    LeaveOut {
        /// It is the first one that no line tells of yet.
        first: bool,
    },
}

impl RefusalLimit {
    /// Whether one more is noted.
    pub fn take(&mut self, now_unix_ms: i64) -> Note {
        let unix_s = now_unix_ms.div_euclid(1000);
        if self.unix_s != unix_s {
            (self.unix_s, self.noted) = (unix_s, 0);
        }
        if REFUSALS_PER_SECOND <= self.noted {
            self.left_out += 1;
            return Note::LeaveOut { first: self.left_out == 1 };
        }
        self.noted += 1;
        Note::Write { left_out: self.settle() }
    }

    /// How many were left out since the last line that told.
    pub fn settle(&mut self) -> u64 {
        std::mem::take(&mut self.left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_counted_by_the_second() {
        let (write, left_out) =
            (|left_out| Note::Write { left_out }, Note::LeaveOut { first: false });
        let mut limit = RefusalLimit::default();
        for _ in 0..REFUSALS_PER_SECOND {
            assert_eq!(limit.take(5_000), write(0));
        }
        assert_eq!(
            [limit.take(5_000), limit.take(5_999)],
            [Note::LeaveOut { first: true }, left_out]
        );
        assert_eq!([limit.take(6_000), limit.take(6_001)], [write(2), write(0)]);
        assert_eq!(limit.take(3_000), write(0), "the clock went back");
        assert_eq!(limit.settle(), 0);
    }
}
