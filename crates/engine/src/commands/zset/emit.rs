//! How members and scores look in replies.

use resp::{Protocol, Reply};

/// What is told about each member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// Its name.
    Members,
    /// Its name and score: in RESP2 one after the other, in RESP3 as pairs.
    WithScores,
}

impl Show {
    /// Writes `count` members as one array.
    pub fn write<'z>(
        self,
        reply: &mut Reply<'_>,
        count: usize,
        members: impl Iterator<Item = (&'z [u8], f64)>,
    ) {
        match (self, reply.protocol()) {
            (Self::Members, _) => {
                reply.array(count);
                members.for_each(|(member, _)| reply.bulk(member));
            }
            (Self::WithScores, Protocol::Two) => {
                reply.array(2 * count);
                for (member, score) in members {
                    reply.bulk(member);
                    reply.double(score);
                }
            }
            (Self::WithScores, Protocol::Three) => {
                reply.array(count);
                members.for_each(|member| write_pair(reply, member));
            }
        }
    }
}

/// Writes a member and its score as an array of two.
pub fn write_pair(reply: &mut Reply<'_>, (member, score): (&[u8], f64)) {
    reply.array(2);
    reply.bulk(member);
    reply.double(score);
}
