//! Whose history a log is: what replicas compare before they go on from an offset.

/// The two names of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// 40 hex digits.
    pub id: String,
    /// The history that this one grew out of: 40 hex digits.
    pub second_id: Option<String>,
    /// Up to which offset the two agree.
    pub second_until: u64,
}

impl Identity {
    /// A history of its own.
    ///
    /// # Panics
    /// When `id` is not 40 hex digits.
    #[must_use]
    pub fn new(id: &str) -> Self {
        let is_hex = id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(is_hex, "an id is 40 hex digits");
        Self { id: id.to_owned(), second_id: None, second_until: 0 }
    }

    /// The history goes on under a new name from `offset`: readers of the old one may follow.
    #[must_use]
    pub fn renamed(self, id: &str, offset: u64) -> Self {
        Self { second_id: Some(self.id), second_until: offset, ..Self::new(id) }
    }

    /// True when a reader that knows `id` up to `offset` may go on from there.
    #[must_use]
    pub fn covers(&self, id: &str, offset: u64) -> bool {
        let is_second = self.second_id.as_deref() == Some(id) && offset <= self.second_until;
        self.id == id || is_second
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_history_covers_the_old_one_up_to_its_end() {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let identity = Identity::new(&a).renamed(&b, 100);
        for (id, offset, want) in
            [(&a, 100, true), (&a, 101, false), (&b, 1000, true), (&"c".repeat(40), 0, false)]
        {
            assert_eq!(identity.covers(id, offset), want, "{id} {offset}");
        }
    }
}
