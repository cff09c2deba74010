//! Emptying and cleaning on behalf of the control plane, each exactly once for the data set that it
//! was wanted of. Wishes are numbered; the number of the last one that was carried out is a fact of
//! the data set and travels in its files. So a node that crashes and reads an older file, written
//! before, empties that again, while what was written after the wish was carried out is safe from
//! it. Must not know who wishes.

use crate::key_events;
use crate::shared::Shared;
use crate::snapshot;
use crate::tracking;
use crate::trash::Rubbish;
use catalog::events::Classes;
use engine::effects::Effects;
use engine::keyspace::{Dead, Keyspace, SHARDS, Shard};
use persist::rdb::LoadReport;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;

/// Name of the fact in files.
const FACT: &str = "larder-cleared";

/// Dead keys removed while everything is held once.
const DEAD_AT_ONCE: usize = 512;

/// The newest wish of each kind, by number; 0 is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// All databases empty.
    pub all: u64,
    /// These databases empty.
    pub dbs: BTreeMap<u16, u64>,
    /// No dead keys.
    pub dead: u64,
}

impl Wanted {
    fn newest(&self) -> u64 {
        self.dbs.values().copied().chain([self.all, self.dead]).max().unwrap_or(0)
    }
}

/// What a file tells about the last wish that its data have seen; nothing before the first.
pub fn fact(cleared: u64) -> Option<(&'static str, String)> {
    (cleared > 0).then(|| (FACT, cleared.to_string()))
}

/// Takes over what the file tells that the data set was read from.
pub fn note_load(shared: &Shared, report: &LoadReport) {
    let fact = report.facts.iter().find(|(name, _)| name == FACT);
    let number = fact.and_then(|(_, text)| text.parse().ok()).unwrap_or(0);
    shared.cleared.store(number, Relaxed);
}

/// Carries out every wish that the data set has not seen. Call it with the data set read, one call
/// at a time.
pub fn catch_up(shared: &Shared, wanted: &Wanted) {
    let seen = shared.cleared.load(Relaxed);
    if wanted.newest() <= seen {
        return;
    }
    if seen < wanted.all {
        empty(shared, None);
    }
    for (db, _) in wanted.dbs.iter().filter(|(_, number)| **number > seen) {
        empty(shared, Some(*db));
    }
    if seen < wanted.dead {
        (0..SHARDS).for_each(|id| remove_dead(shared, id as u8));
    }
    shared.cleared.store(wanted.newest(), Relaxed);
    if seen < wanted.all {
        let mut exclusive = shared.executor.exclusive();
        let mut space = exclusive.space();
        snapshot::flushed(shared, &mut exclusive, &mut space);
    }
}

/// Empties one database, or all.
fn empty(shared: &Shared, only: Option<u16>) {
    let exclusive = shared.executor.exclusive();
    let mut space = exclusive.space();
    let (dbs, now_ms) = (exclusive.gate().settings.dbs, shared.host.clock().unix_ms());
    let several = only.map_or(0..dbs, |db| db..db.saturating_add(1).min(dbs));
    for db in several {
        crate::commands::keyspace::flush_db(shared, &mut space, db, now_ms);
    }
    let mut effects = Effects::default();
    effects.wanted = shared.journal.is_wanted();
    let command: &[u8] = if only.is_none() { b"FLUSHALL" } else { b"FLUSHDB" };
    effects.command(only.unwrap_or(0), &[command]);
    shared.journal.append(effects.propagated());
    tracking::publish_flush(shared);
}

/// Removes all dead keys of a shard, a few at a time.
fn remove_dead(shared: &Shared, id: u8) {
    let mut effects = Effects::default();
    loop {
        let exclusive = shared.executor.exclusive();
        let mut space = exclusive.space();
        let now_ms = shared.host.clock().unix_ms();
        let shard = space.shard(id).expect("the exclusive holder has all shards");
        effects.wanted = shared.journal.is_wanted();
        let dead = shard.remove_dead(now_ms, DEAD_AT_ONCE, &mut effects);
        let events = exclusive.gate().settings.events;
        let count = dead.len();
        announce_dead(shared, shard, &mut effects, (events, true), &dead);
        bury(shared, 0, dead);
        drop((space, exclusive));
        if count < DEAD_AT_ONCE {
            return;
        }
    }
}

/// Counts keys that were removed because their time had come, and has everything dropped.
pub fn bury(shared: &Shared, slot: usize, dead: Vec<Dead>) {
    let keys = dead.iter().filter(|one| matches!(one, Dead::Key(..))).count();
    shared.stats[slot].expired_keys.add(keys as u64);
    let entries = dead.into_iter().filter_map(|one| match one {
        Dead::Key(_, entry) => Some(entry),
        Dead::Fields(_, shed) => shed.empty,
    });
    shared.trash.add(entries.map(Rubbish::Entry));
}

/// Tells subscribers, trackers and, where they are `propagated`, replicas and files of what was
/// removed because its time had come.
pub fn announce_dead(
    shared: &Shared,
    shard: &mut Shard,
    effects: &mut Effects,
    (events, propagated): (Classes, bool),
    dead: &[Dead],
) {
    for one in dead {
        match one {
            Dead::Key(db, entry) => {
                effects.event(events, Classes::EXPIRED, "expired", *db, entry.key());
                effects.command(*db, &[b"DEL", entry.key()]);
            }
            Dead::Fields(db, shed) => shed.tell(*db, events, effects),
        }
        if propagated {
            shard.changed_at = shared.journal.append(effects.propagated());
        }
        key_events::publish(shared, events, effects, None);
        tracking::publish(shared, 0, effects);
        effects.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Bench, TestHost};

    #[test]
    fn each_wish_is_carried_out_once() {
        let mut bench = Bench::new(2);
        let dbs = |pairs: &[(u16, u64)]| pairs.iter().copied().collect::<BTreeMap<_, _>>();
        let of_dbs = |pairs| Wanted { dbs: dbs(pairs), ..Wanted::default() };
        let rows = [
            (of_dbs(&[(1, 1)]), [1, 0, 1]),
            (of_dbs(&[(1, 1)]), [1, 1, 1]),
            (of_dbs(&[(1, 1), (2, 2)]), [1, 1, 0]),
            (Wanted { all: 3, ..Wanted::default() }, [0, 0, 0]),
            (Wanted { all: 3, dead: 4, ..Wanted::default() }, [1, 1, 1]),
            (Wanted { all: 3, dead: 4, dbs: dbs(&[(200, 5)]) }, [1, 1, 1]),
        ];
        for (wanted, expected) in rows {
            for db in 0..3 {
                bench.check(&format!("select {db} => +OK\nset k v => +OK"));
            }
            catch_up(&bench.shared, &wanted);
            for (db, keys) in (0..).zip(expected) {
                bench.check(&format!("select {db} => +OK\ndbsize => :{keys}"));
            }
            assert_eq!(bench.shared.cleared.load(Relaxed), wanted.newest());
        }
    }

    #[test]
    fn a_file_of_before_is_emptied_again_and_one_of_after_is_not() {
        let host = TestHost::default();
        let wanted = Wanted { dbs: BTreeMap::from([(0, 1)]), ..Wanted::default() };
        let mut bench = Bench::on(1, host.clone());
        bench.check("set old v => +OK\nsave => +OK");
        catch_up(&bench.shared, &wanted);
        bench.check("dbsize => :0\nset new v => +OK");
        // It crashes here.
        let mut bench = Bench::on(1, host.clone());
        bench.check("exists old => :1");
        catch_up(&bench.shared, &wanted);
        bench.check("dbsize => :0\nset new v => +OK\nsave => +OK");
        let mut bench = Bench::on(1, host.clone());
        catch_up(&bench.shared, &wanted);
        bench.check("exists new => :1\nset newer v => +OK");
        bench.check("bgsave => +Background saving started");
        bench.keep().expect("saved");
        let mut bench = Bench::on(1, host);
        catch_up(&bench.shared, &wanted);
        bench.check("exists newer => :1");
    }

    #[test]
    fn dead_keys_go_at_once() {
        let mut bench = Bench::new(1);
        bench.check("set alive v => +OK");
        for n in 0..2_000 {
            bench.check(&format!("set k{n} v px 1 => +OK"));
        }
        bench.pass_ms(10);
        bench.check("dbsize => :2001");
        catch_up(&bench.shared, &Wanted { dead: 1, ..Wanted::default() });
        bench.check("dbsize => :1\nexists alive => :1");
    }
}
