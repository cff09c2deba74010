//! Streams against a plain model, at random.

use super::*;
use std::collections::BTreeMap;
use stdx::Rng;

type Model = BTreeMap<Id, Vec<Vec<u8>>>;

fn words_of(entry: &Entry<'_>) -> Vec<Vec<u8>> {
    let own = |text: Text<'_>| text.with(<[u8]>::to_vec);
    entry.pairs().flat_map(|(field, value)| [own(field), own(value)]).collect()
}

fn all(entries: impl Iterator<Item = (Id, Vec<Vec<u8>>)>) -> Vec<(Id, Vec<Vec<u8>>)> {
    entries.collect()
}

fn random_words(rng: &mut Rng) -> Vec<Vec<u8>> {
    let fields = [1, 1, 1, 2, 5][rng.below(5)];
    let alike = rng.below(4) > 0;
    let word = |rng: &mut Rng| match rng.below(4) {
        0 => rng.below(100_000).to_string().into_bytes(),
        1 => vec![b'v'; rng.below(40)],
        _ => format!("value {}", rng.below(50)).into_bytes(),
    };
    (0..fields)
        .flat_map(|i| {
            let name = if alike { format!("field-{i}").into_bytes() } else { word(rng) };
            [name, word(rng)]
        })
        .collect()
}

fn next_id(last: Id, rng: &mut Rng) -> Id {
    match rng.below(3) {
        0 => last.next().expect("far from the end"),
        1 => Id { ms: last.ms + 1 + rng.below(3) as u64, seq: 0 },
        _ => Id { ms: last.ms + rng.below(200) as u64 + 1, seq: rng.below(1000) as u64 },
    }
}

fn check(stream: &Stream, model: &Model, rng: &mut Rng) {
    stream.check_invariants();
    assert_eq!(stream.len(), model.len());
    let first = model.keys().next().copied().unwrap_or_default();
    assert_eq!(stream.first_id(), first);
    assert_eq!(stream.top_id(), model.keys().last().copied().unwrap_or_default());
    let mut pick = |other: Id| {
        let known = model.keys().nth(rng.below(model.len().max(1))).copied();
        [known.unwrap_or(other), other, Id { ms: rng.below(3000) as u64, seq: 1 }][rng.below(3)]
    };
    let (start, end) = (pick(Id::MIN), pick(Id::MAX));
    let want = if start <= end {
        all(model.range(start..=end).map(|(id, words)| (*id, words.clone())))
    } else {
        Vec::new()
    };
    assert_eq!(all(stream.range(start, end).map(|e| (e.id, words_of(&e)))), want);
    assert_eq!(stream.count(start, end), want.len());
    let back = stream.range_back(start, end).map(|e| (e.id, words_of(&e)));
    assert_eq!(all(back), want.into_iter().rev().collect::<Vec<_>>());
    assert_eq!(stream.get(start).is_some(), model.contains_key(&start));
}

fn run(seed: u64) {
    println!("seed {seed}");
    let mut rng = Rng::new(seed);
    let (mut stream, mut model) = (Stream::default(), Model::new());
    let mut kept: Vec<(Stream, Model)> = Vec::new();
    for round in 0..1_500 {
        match rng.below(20) {
            0..14 => {
                let (id, words) = (next_id(stream.last_id, &mut rng), random_words(&mut rng));
                let slices: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
                stream.add(id, &slices);
                model.insert(id, words);
            }
            14..17 => {
                let id = model.keys().nth(rng.below(model.len() + 1)).copied();
                let id = id.unwrap_or(Id { ms: 1, seq: 7 });
                assert_eq!(stream.delete(id), model.remove(&id).is_some());
            }
            17 => {
                let keep = rng.below(model.len() + 3);
                let trim = Trim { reach: Reach::Len(keep as u64), by_nodes: false, limit: 0 };
                let count = model.len().saturating_sub(keep);
                assert_eq!(stream.trim(trim).0, count as u64);
                (0..count).for_each(|_| _ = model.pop_first());
            }
            18 => {
                let id = Id { ms: rng.below(stream.last_id.ms as usize + 2) as u64 / 2, seq: 3 };
                let by_nodes = rng.below(2) == 0;
                let count = model.range(..id).count() as u64;
                let trim = Trim { reach: Reach::From(id), by_nodes, limit: 0 };
                let taken = stream.trim(trim).0;
                assert!(if by_nodes { taken <= count } else { taken == count });
                (0..taken).for_each(|_| _ = model.pop_first());
            }
            _ if kept.len() < 4 => kept.push((stream.clone(), model.clone())),
            _ => drop(kept.swap_remove(rng.below(4))),
        }
        if round % 10 == 0 {
            check(&stream, &model, &mut rng);
            kept.iter().for_each(|(stream, model)| check(stream, model, &mut rng));
        }
    }
}

#[test]
fn behaves_as_a_sorted_map() {
    (0..20).for_each(run);
}

#[test]
fn groups_behave_as_maps() {
    for seed in 0..10 {
        println!("seed {seed}");
        let mut rng = Rng::new(seed);
        let mut group = Group::new(b"g", Id::MIN, None);
        let mut model: BTreeMap<Id, (String, u64)> = BTreeMap::new();
        let mut released: Vec<Id> = Vec::new();
        for _ in 0..1_500 {
            let id = Id { ms: rng.below(60) as u64, seq: rng.below(3) as u64 };
            let name = format!("c{}", rng.below(12));
            match rng.below(13) {
                0..6 => {
                    let count = rng.below(5) as u64;
                    group.see(name.as_bytes(), 5);
                    group.give(id, name.as_bytes(), 5, count);
                    model.insert(id, (name, count));
                    released.retain(|other| *other != id);
                }
                6..9 => {
                    assert_eq!(group.acknowledge(id).is_some(), model.remove(&id).is_some());
                    released.retain(|other| *other != id);
                }
                9 => group.keep_times(),
                10..12 => {
                    group.release(id, 7);
                    model.insert(id, (String::new(), 7));
                    released.retain(|other| *other != id);
                    released.push(id);
                }
                _ => {
                    let before = model.len();
                    let consumer = group.consumer(name.as_bytes());
                    let count = consumer.map_or(0, |consumer| consumer.pending().len());
                    model.retain(|_, (owner, _)| *owner != name);
                    assert_eq!(before - model.len(), count);
                    let known = consumer.is_some();
                    while group.forget(name.as_bytes(), 2) {}
                    assert_eq!(group.remove_consumer(name.as_bytes()).is_some(), known);
                }
            }
            assert!(group.released().eq(released.iter().copied()));
            group.check_invariants();
            let got = group.pending().from(&id).map(|p| (p.id, (group.owner(p).to_vec(), p.count)));
            let want = model.range(id..);
            assert!(got.eq(want.map(|(id, (n, c))| (*id, (n.clone().into_bytes(), *c)))));
        }
    }
}

#[test]
fn entries_take_few_bytes() {
    let mut stream = Stream::default();
    for i in 0..1_000u64 {
        let id = Id { ms: 1_700_000_000_000 + i, seq: 0 };
        stream.add(id, &[b"sensor-id", b"1234", b"temperature", b"19.8"]);
    }
    // Head 2, number 2, value 1 + 2, value 1 + 4; the rest is for blocks, which are small here.
    let blocks = stream.entries.leaves().count();
    let bytes: usize = stream.bytes() - blocks * size_of::<Block>();
    assert!(bytes <= 12_000, "{bytes}");
}

/// What XINFO STREAM of redis-server 7.0.15 shows, for first ids of nodes.
#[test]
fn radix_trees_are_those_of_redis() {
    for (ids, want) in [
        (&[][..], 1),
        (&[(1, 1)], 2),
        (&[(1, 1), (1, 2)], 4),
        (&[(1, 1), (2, 1)], 6),
        (&[(1, 1), (1, 2), (1, 3)], 5),
        (&[(1, 1), (1, 2), (2, 1)], 8),
        (&[(1, 1), (1, 256)], 6),
    ] {
        let mut path = trim::RadixPath::default();
        ids.iter().for_each(|&(ms, seq)| path.add(Id { ms, seq }.to_bytes()));
        assert_eq!(path.finish(), want, "{ids:?}");
    }
}
