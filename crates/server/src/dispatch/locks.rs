//! Which shards a request or a transaction needs, and taking them without waiting.

use super::{Outcome, Request, Run};
use crate::executor::Locked;
use crate::session::{Multi, Watch};
use crate::turn::Held;
use catalog::{Command, Flags, Keys as KeySpec, Lock};
use engine::keyspace::{Keyspace, shard_of};
use engine::parse;
use resp::Args;
use smallvec::SmallVec;

impl<'e> Run<'_, 'e> {
    /// Locks the shards of the request's keys.
    #[inline]
    pub(super) fn lock_keys(
        &self,
        row: &Command,
        request: &Request<'_>,
    ) -> Result<Locked<'e>, Outcome> {
        if let Held::All(exclusive) = &self.held {
            return Ok(exclusive.space());
        }
        let executor = &self.shared.executor;
        let locked = if request.hash != 0 {
            executor.lock(&[shard_of(request.hash)])
        } else {
            if names_any_key(row, request.args) {
                return Err(Outcome::NeedsExclusive);
            }
            let seed = executor.seed();
            let mut ids: SmallVec<[u8; 16]> = SmallVec::new();
            for_each_key(row.keys, request.args, |key| ids.push(shard_of(seed.hash(key))));
            ids.sort_unstable();
            ids.dedup();
            executor.lock(&ids)
        };
        let mut locked = locked.map_err(|_| {
            self.shared.stats[self.state.slot].deferrals.add(1);
            Outcome::Deferred
        })?;
        if locked.has_interest()
            && row.flags.has(Flags::WRITE)
            && self.wakes_across(row, request.args, &mut locked)
        {
            return Err(Outcome::NeedsExclusive);
        }
        Ok(locked)
    }

    /// True when the request may wake somebody whose command needs further shards.
    #[cold]
    fn wakes_across(&self, row: &Command, args: Args<'_>, locked: &mut Locked<'e>) -> bool {
        let seed = self.shared.executor.seed();
        let mut across = false;
        for_each_key(row.keys, args, |key| {
            let shard = locked.shard(shard_of(seed.hash(key)));
            across |= shard.is_some_and(|shard| shard.wakes_across(key));
        });
        across
    }

    /// Locks everything that the queued commands and the watched keys need.
    pub(super) fn lock_union(
        &self,
        multi: &Multi,
        watch: Option<&Watch>,
    ) -> Result<Locked<'e>, Outcome> {
        if let Held::All(exclusive) = &self.held {
            return Ok(exclusive.space());
        }
        let executor = &self.shared.executor;
        let seed = executor.seed();
        let mut ids: SmallVec<[u8; 16]> = SmallVec::new();
        let mut is_long = false;
        for (id, owned) in &multi.queue {
            let row = self.shared.index.row(*id);
            if matches!(row.lock, Lock::Walk | Lock::Exclusive)
                || names_any_key(row, owned.as_args())
            {
                return Err(Outcome::NeedsExclusive);
            }
            is_long |= row.flags.has(Flags::LONG);
            for_each_key(row.keys, owned.as_args(), |key| ids.push(shard_of(seed.hash(key))));
        }
        if is_long && !self.is_beside() {
            return Err(Outcome::Job);
        }
        let watched = watch.iter().flat_map(|watch| &watch.keys);
        ids.extend(watched.map(|(_, key)| shard_of(seed.hash(key))));
        ids.sort_unstable();
        ids.dedup();
        let mut locked = executor.lock(&ids).map_err(|_| {
            self.shared.stats[self.state.slot].deferrals.add(1);
            Outcome::Deferred
        })?;
        if locked.has_interest() {
            for (id, owned) in &multi.queue {
                let row = self.shared.index.row(*id);
                if row.flags.has(Flags::WRITE)
                    && self.wakes_across(row, owned.as_args(), &mut locked)
                {
                    return Err(Outcome::NeedsExclusive);
                }
            }
        }
        Ok(locked)
    }
}

/// The key that SORT stores to: the last one named.
fn sort_target(args: Args<'_>) -> Option<&[u8]> {
    let mut target = None;
    let mut words = args.from(2);
    while let Some(word) = words.next() {
        if parse::is(word, "STORE") {
            target = words.next();
        } else if parse::is(word, "LIMIT") {
            words.nth(1);
        } else if parse::is(word, "BY") || parse::is(word, "GET") {
            words.next();
        }
    }
    target
}

/// The key that GEORADIUS stores to: the last one named.
fn radius_target(args: Args<'_>) -> Option<&[u8]> {
    let mut target = None;
    let mut words = args.from(args.len().min(5));
    while let Some(word) = words.next() {
        if parse::is(word, "STORE") || parse::is(word, "STOREDIST") {
            target = words.next().or(target);
        }
    }
    target
}

/// True when the request may name keys that its row does not tell.
fn names_any_key(row: &Command, args: Args<'_>) -> bool {
    row.keys == KeySpec::Sort
        && args.from(2).any(|word| parse::is(word, "BY") || parse::is(word, "GET"))
}

/// Calls `visit` with each key of a request. Words that are not there, or a count that is no
/// number, give no key: the handler answers with an error and touches nothing.
pub fn for_each_key(spec: KeySpec, args: Args<'_>, mut visit: impl FnMut(&[u8])) {
    match spec {
        KeySpec::None => {}
        KeySpec::Range { first, last, step } => {
            let last = match usize::try_from(last) {
                Ok(last) => last,
                Err(_) => args.len().saturating_sub(usize::from(last.unsigned_abs())),
            };
            let places = (usize::from(first)..=last).step_by(usize::from(step));
            places.filter_map(|at| args.find(at)).for_each(visit);
        }
        KeySpec::Streams { after } => {
            let mut words = args.from(usize::from(after));
            words.find(|word| parse::is(word, "STREAMS"));
            let keys = words.len() / 2;
            words.take(keys).for_each(visit);
        }
        KeySpec::Sort => {
            args.find(1).into_iter().for_each(&mut visit);
            sort_target(args).into_iter().for_each(&mut visit);
        }
        KeySpec::Radius => {
            args.find(1).into_iter().for_each(&mut visit);
            radius_target(args).into_iter().for_each(&mut visit);
        }
        KeySpec::CountedPairs => {
            let number = args.find(1).and_then(resp::number::parse_i64);
            let number = number.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
            args.from(2).step_by(2).take(number).for_each(visit);
        }
        KeySpec::Counted { count, store } => {
            if store > 0 {
                args.find(usize::from(store)).into_iter().for_each(&mut visit);
            }
            let number = args.find(usize::from(count)).and_then(resp::number::parse_i64);
            let number = number.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
            args.from(usize::from(count) + 1).take(number).for_each(visit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use catalog::commands::Index;
    use resp::OwnedArgs;

    #[test]
    fn keys_of_requests() {
        let index = Index::new();
        for (line, want) in [
            ("get k", "k"),
            ("mset a 1 b 2", "a b"),
            ("del a b c", "a b c"),
            ("rename a b", "a b"),
            ("object encoding k", "k"),
            ("sort k by store get # store a limit 0 store store b", "k b"),
            ("georadius k 1 2 3 m store a COUNT 1 storedist b", "k b"),
            ("georadius store 1 2 store m", "store"),
            ("georadiusbymember k member 3 m STORE a", "k a"),
            ("msetex 2 a 1 b 2 EX 3", "a b"),
            ("msetex 9 a 1 b", "a b"),
            ("ping", ""),
        ] {
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            let owned = OwnedArgs::from_words(words.iter().copied());
            let id = index.resolve(words[0], words.get(1).copied()).expect("the command exists");
            let mut got = Vec::new();
            for_each_key(index.row(id).keys, owned.as_args(), |key| {
                got.push(String::from_utf8_lossy(key).into_owned());
            });
            assert_eq!(got.join(" "), want, "{line}");
        }
    }
}
