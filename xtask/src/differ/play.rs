//! Playing a sequence to two servers and finding where their replies part. Draws nothing.

use super::compare;
use super::peer::{Peer, Place, Words};
use super::reply::Reply;
use super::step::{Step, Way};
use anyhow::Result;
use catalog::syntax::Likeness;

/// Requests that are under way at once.
const PIPELINE: usize = 64;

/// Where two servers parted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Place of the step.
    pub at: usize,
    /// What the first answered.
    pub ours: String,
    /// What the second answered.
    pub theirs: String,
}

impl Difference {
    /// True when both servers answered something of the same kind as in the other difference.
    pub fn is_like(&self, other: &Self) -> bool {
        let kinds = |one: &Self| [one.ours.chars().next(), one.theirs.chars().next()];
        kinds(self) == kinds(other)
    }
}

/// Two servers that are asked the same.
pub struct Pair<'p> {
    /// The one under test.
    pub ours: &'p mut dyn Peer,
    /// The one that is right.
    pub theirs: &'p mut dyn Peer,
}

impl Pair<'_> {
    /// Sends requests whose replies do not count.
    ///
    /// # Errors
    /// A connection is gone.
    pub fn prepare(&mut self, steps: &[Step]) -> Result<()> {
        for stretch in steps.chunk_by(|a, b| a.connection == b.connection && b.way == Way::Ask) {
            for peer in [&mut *self.ours, &mut *self.theirs] {
                answers(peer, stretch)?;
            }
        }
        Ok(())
    }

    /// Plays `steps` up to the first difference; `seen` is told each reply of the second server.
    ///
    /// # Errors
    /// The second server is gone. That the first is gone is a difference.
    pub fn play(
        &mut self,
        steps: &[Step],
        mut seen: impl FnMut(&Step, &Reply),
    ) -> Result<Option<Difference>> {
        let mut queued: [Option<Vec<Likeness>>; Place::COUNT] = Default::default();
        let together = |a: &Step, b: &Step| {
            a.connection == b.connection && a.way == Way::Ask && b.way == Way::Ask
        };
        let mut start = 0;
        for stretch in steps.chunk_by(together).flat_map(|all| all.chunks(PIPELINE)) {
            let (ours, theirs) = match self.ask(stretch)? {
                (Ok(ours), theirs) => (ours, theirs),
                (Err(error), _) => {
                    let (ours, theirs) = (format!("gone: {error:#}"), String::new());
                    let at = start + stretch.len() - 1;
                    return Ok(Some(Difference { at, ours, theirs }));
                }
            };
            for (at, (a, b)) in ours.iter().zip(&theirs).enumerate() {
                let step = &stretch[at];
                if !same(step, a, b, &mut queued[step.connection]) {
                    let (ours, theirs) = (a.to_string(), b.to_string());
                    return Ok(Some(Difference { at: start + at, ours, theirs }));
                }
                seen(step, b);
            }
            start += stretch.len();
        }
        Ok(None)
    }

    /// The replies of both to a stretch; plain requests are under way at both at once.
    fn ask(&mut self, stretch: &[Step]) -> Result<(Result<Vec<Reply>>, Vec<Reply>)> {
        let (connection, length) = (stretch[0].connection, stretch.len());
        if stretch[0].way != Way::Ask {
            let theirs = answers(self.theirs, stretch)?;
            return Ok((answers(self.ours, stretch), theirs));
        }
        let requests: Vec<&Words> = stretch.iter().map(|step| &step.words).collect();
        let sent = self.ours.send(connection, &requests);
        self.theirs.send(connection, &requests)?;
        let theirs = self.theirs.receive(connection, length)?;
        Ok((sent.and_then(|()| self.ours.receive(connection, length)), theirs))
    }
}

/// The replies of one to steps of one connection; a parked call has none.
fn answers(peer: &mut dyn Peer, stretch: &[Step]) -> Result<Vec<Reply>> {
    let (connection, words) = (stretch[0].connection, &stretch[0].words);
    match stretch[0].way {
        Way::Gather => Ok(vec![peer.gather(connection, words)?]),
        Way::Park => {
            peer.park(connection, words)?;
            Ok(vec![Reply::Nil(b'_')])
        }
        Way::Ask => {
            let requests: Vec<&Words> = stretch.iter().map(|step| &step.words).collect();
            peer.send(connection, &requests)?;
            peer.receive(connection, requests.len())
        }
    }
}

/// Compares, following what a transaction has queued.
fn same(step: &Step, ours: &Reply, theirs: &Reply, queued: &mut Option<Vec<Likeness>>) -> bool {
    let name = step.words.first().map(|word| word.to_ascii_lowercase()).unwrap_or_default();
    if *theirs == Reply::Status(b"QUEUED".to_vec()) {
        queued.get_or_insert_default().push(step.likeness);
        return ours == theirs;
    }
    if name != b"exec" {
        let ends = matches!(theirs, Reply::Status(_))
            && matches!(name.as_slice(), b"multi" | b"discard" | b"reset");
        if ends {
            *queued = None;
        }
        return compare::alike(step.likeness, ours, theirs);
    }
    let likenesses = queued.take().unwrap_or_default();
    match (ours.elements(), theirs.elements()) {
        (Some(a), Some(b)) if b.len() == likenesses.len() => {
            let likenesses = likenesses.into_iter();
            let each = |((a, b), likeness)| compare::alike(likeness, a, b);
            a.len() == b.len() && a.iter().zip(b).zip(likenesses).all(each)
        }
        _ => ours == theirs,
    }
}
