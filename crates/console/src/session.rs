//! Sessions: who is logged in, since when, and until when. A pure table; time and secrets are
//! handed in, and the table keeps only a digest of each session's id, so that reading it opens
//! nothing.

use crate::actions::Caller;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::Arc;

/// Longest time without a request of the person's own.
pub const IDLE_MS_MAX: u64 = 30 * 60 * 1000;
/// Longest time since the login.
pub const AGE_MS_MAX: u64 = 12 * 60 * 60 * 1000;
/// For this long after the password was typed it is not asked again.
pub const PROOF_MS_MAX: u64 = 5 * 60 * 1000;
/// Sessions kept at once; the one unused for longest gives way.
pub const COUNT_MAX: usize = 1_000;

/// Secret that the browser holds, 64 hex digits.
pub type Token = String;

/// One login.
#[derive(Clone)]
pub struct Session {
    /// Who.
    pub caller: Arc<dyn Caller>,
    /// As typed at the login; the password is checked against it again.
    pub user: String,
    /// Must come with each form and each background request.
    pub csrf: Token,
    /// When it began.
    pub begun_ms: u64,
    /// When the person did something last.
    pub used_ms: u64,
    /// When the password was typed last.
    pub proved_ms: u64,
}

impl Session {
    fn expired(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.used_ms) >= IDLE_MS_MAX
            || now_ms.saturating_sub(self.begun_ms) >= AGE_MS_MAX
    }

    /// Whether the password was typed a moment ago.
    pub fn proved(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.proved_ms) < PROOF_MS_MAX
    }
}

/// Whether a request counts as the person being there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// A click.
    Person,
    /// A page that refreshes itself; must not keep a session alive for ever.
    Background,
}

/// All sessions.
#[derive(Default)]
pub struct Sessions {
    by_digest: HashMap<[u8; 32], Session>,
}

impl Sessions {
    /// Opens a session under a fresh secret.
    pub fn open(&mut self, token: &Token, session: Session) {
        let now_ms = session.used_ms;
        self.by_digest.retain(|_, session| !session.expired(now_ms));
        if self.by_digest.len() >= COUNT_MAX {
            let oldest = self.by_digest.iter().min_by_key(|(_, s)| s.used_ms).map(|(key, _)| *key);
            self.by_digest.remove(&oldest.unwrap_or_default());
        }
        self.by_digest.insert(digest(token), session);
    }

    /// The session of this secret, if it still holds.
    pub fn find(&mut self, token: &str, now_ms: u64, by: Use) -> Option<Session> {
        let key = digest(token);
        let session = self.by_digest.get_mut(&key)?;
        if session.expired(now_ms) {
            self.by_digest.remove(&key);
            return None;
        }
        if by == Use::Person {
            session.used_ms = now_ms;
        }
        Some(session.clone())
    }

    /// Notes that the password was typed again.
    pub fn prove(&mut self, token: &str, now_ms: u64) {
        if let Some(session) = self.by_digest.get_mut(&digest(token)) {
            session.proved_ms = now_ms;
        }
    }

    /// Ends a session.
    pub fn close(&mut self, token: &str) {
        self.by_digest.remove(&digest(token));
    }
}

/// A new secret.
pub fn fresh_token() -> Token {
    stdx::random::entropy::<32>().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::testing::nobody;

    fn session(at_ms: u64) -> Session {
        Session {
            caller: nobody(),
            user: "root".to_owned(),
            csrf: "c".to_owned(),
            begun_ms: at_ms,
            used_ms: at_ms,
            proved_ms: at_ms,
        }
    }

    #[test]
    fn sessions_end() {
        use Use::{Background, Person};
        let idle = IDLE_MS_MAX;
        // Looks at a session begun at 0, and whether the last of them finds it.
        let rows: &[(&[(u64, Use)], bool)] = &[
            (&[(idle - 1, Person)], true),
            (&[(idle, Person)], false),
            (&[(idle - 1, Person), (idle + 1, Person)], true),
            (&[(idle - 1, Background), (idle, Background)], false),
            (&[(idle, Person), (idle - 1, Person)], false),
        ];
        for (looks, found) in rows {
            let mut sessions = Sessions::default();
            sessions.open(&"t".to_owned(), session(0));
            let mut last = false;
            for &(now_ms, by) in *looks {
                last = sessions.find("t", now_ms, by).is_some();
            }
            assert_eq!(last, *found, "{looks:?}");
        }
    }

    #[test]
    fn a_busy_session_ends_too() {
        let mut sessions = Sessions::default();
        sessions.open(&"t".to_owned(), session(0));
        let mut now_ms = 0;
        while sessions.find("t", now_ms, Use::Person).is_some() {
            now_ms += IDLE_MS_MAX / 2;
        }
        assert_eq!(now_ms, AGE_MS_MAX);
    }

    #[test]
    fn the_oldest_gives_way_and_close_closes() {
        let mut sessions = Sessions::default();
        for n in 0..=COUNT_MAX as u64 {
            sessions.open(&n.to_string(), session(n));
        }
        assert!(sessions.find("0", 1, Use::Person).is_none());
        assert!(sessions.find("1", 1, Use::Person).is_some());
        assert_eq!(sessions.by_digest.len(), COUNT_MAX);
        sessions.close("1");
        assert!(sessions.find("1", 1, Use::Person).is_none());
    }

    #[test]
    fn proof_fades_and_tokens_differ() {
        assert!(session(0).proved(PROOF_MS_MAX - 1) && !session(0).proved(PROOF_MS_MAX));
        assert!(fresh_token().len() == 64 && fresh_token() != fresh_token());
    }
}
