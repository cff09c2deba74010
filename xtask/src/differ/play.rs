//! Playing a sequence to two servers and finding where their replies part. Draws nothing.

use super::compare;
use super::generate::Step;
use super::peer::{CONNECTIONS, Peer, Words};
use super::reply::Reply;
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
        for step in steps {
            for peer in [&mut *self.ours, &mut *self.theirs] {
                peer.send(step.connection, &[&step.words])?;
                peer.receive(step.connection, 1)?;
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
        let mut queued: [Option<Vec<Likeness>>; CONNECTIONS] = Default::default();
        let mut start = 0;
        while start < steps.len() {
            let connection = steps[start].connection;
            let own = steps[start..].iter().take(PIPELINE);
            let length = own.take_while(|step| step.connection == connection).count();
            let stretch = &steps[start..start + length];
            let requests: Vec<&Words> = stretch.iter().map(|step| &step.words).collect();
            let sent = self.ours.send(connection, &requests);
            self.theirs.send(connection, &requests)?;
            let theirs = self.theirs.receive(connection, length)?;
            let ours = match sent.and_then(|()| self.ours.receive(connection, length)) {
                Ok(ours) => ours,
                Err(error) => {
                    let (ours, theirs) = (format!("gone: {error:#}"), String::new());
                    return Ok(Some(Difference { at: start + length - 1, ours, theirs }));
                }
            };
            for (at, (a, b)) in ours.iter().zip(&theirs).enumerate() {
                let step = &stretch[at];
                if !same(step, a, b, &mut queued[connection]) {
                    let (ours, theirs) = (a.to_string(), b.to_string());
                    return Ok(Some(Difference { at: start + at, ours, theirs }));
                }
                seen(step, b);
            }
            start += length;
        }
        Ok(None)
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
        if matches!(name.as_slice(), b"multi" | b"discard" | b"reset") {
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
