//! The operations of a run as a sequence that follows from a seed: each connection has a stream of
//! its own, so timing never changes what is sent. Knows no socket and no clock.

use crate::distribution::{Distribution, Sampler};
use crate::mix::Operation;
use crate::template::{Fill, Template};
use std::ops::RangeInclusive;
use std::sync::Arc;
use stdx::Rng;

/// Size of the block of random bytes that values are cut from, beside the longest value.
const BLOCK_BYTES: usize = 64 << 10;

/// What all connections of a run have in common.
#[derive(Debug)]
pub struct Workload {
    operations: Vec<Operation>,
    weights: usize,
    value_bytes: RangeInclusive<usize>,
    block: Vec<u8>,
    keys: u64,
    sampler: Sampler,
    seed: u64,
}

impl Workload {
    /// A workload over `keys` keys. `operations` has at least one.
    #[must_use]
    pub fn new(
        operations: Vec<Operation>,
        value_bytes: RangeInclusive<usize>,
        (keys, distribution): (u64, Distribution),
        seed: u64,
    ) -> Self {
        assert!(!operations.is_empty() && keys > 0, "a workload has operations and keys");
        let weights = operations.iter().map(|operation| operation.weight as usize).sum();
        let block = random_text(BLOCK_BYTES + value_bytes.end(), seed);
        let sampler = Sampler::new(distribution, keys);
        Self { operations, weights, value_bytes, block, keys, sampler, seed }
    }

    /// Names of the operations, by their index.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.operations.iter().map(|operation| operation.name.clone()).collect()
    }

    fn choose(&self, rng: &mut Rng) -> usize {
        if self.operations.len() == 1 {
            return 0;
        }
        let mut rest = rng.below(self.weights);
        for (index, operation) in self.operations.iter().enumerate() {
            match rest.checked_sub(operation.weight as usize) {
                None => return index,
                Some(left) => rest = left,
            }
        }
        unreachable!("the draw is below the sum of the weights")
    }
}

/// Letters and digits, so that values can be looked at.
fn random_text(len: usize, seed: u64) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut rng = Rng::new(seed);
    let mut text = Vec::with_capacity(len + 10);
    while text.len() < len {
        let bits = rng.next_u64();
        text.extend((0..10).map(|letter| LETTERS[(bits >> (6 * letter)) as usize & 63]));
    }
    text.truncate(len);
    text
}

/// The operations of one connection.
#[derive(Debug)]
pub struct Stream {
    work: Arc<Workload>,
    rng: Rng,
    order: Order,
}

#[derive(Debug)]
enum Order {
    /// By weight and distribution.
    Random,
    /// Each template for this key, then for `step` keys further.
    Sweep { templates: Arc<Vec<Template>>, sent: u64, first: u64, step: u64 },
}

impl Stream {
    /// The random stream of connection `index`.
    #[must_use]
    pub fn random(work: &Arc<Workload>, index: u64) -> Self {
        let rng = Rng::new(work.seed ^ (index + 1).wrapping_mul(0xd6e8_feb8_6659_fd93));
        Self { work: Arc::clone(work), rng, order: Order::Random }
    }

    /// Connection `index`'s part of sending each of `templates` for every key, and its length.
    #[must_use]
    pub fn sweep(
        work: &Arc<Workload>,
        templates: &Arc<Vec<Template>>,
        (index, connections): (u64, u64),
    ) -> (Self, u64) {
        let keys = work.keys.saturating_sub(index).div_ceil(connections);
        let mut stream = Self::random(work, index);
        let templates = Arc::clone(templates);
        let len = keys * templates.len() as u64;
        stream.order = Order::Sweep { templates, sent: 0, first: index, step: connections };
        (stream, len)
    }

    /// Appends the next operation to `out`; its index among the workload's operations.
    #[inline]
    pub fn write_next(&mut self, out: &mut Vec<u8>) -> usize {
        let work = &*self.work;
        let rng = &mut self.rng;
        match &mut self.order {
            Order::Random => {
                let index = work.choose(rng);
                let fill = &mut Draw { work, rng, key: None };
                work.operations[index].template.write(out, fill);
                index
            }
            Order::Sweep { templates, sent, first, step } => {
                let count = templates.len() as u64;
                let key = Some(*first + *sent / count * *step);
                templates[(*sent % count) as usize].write(out, &mut Draw { work, rng, key });
                *sent += 1;
                0
            }
        }
    }
}

struct Draw<'a> {
    work: &'a Workload,
    rng: &'a mut Rng,
    key: Option<u64>,
}

impl Fill for Draw<'_> {
    fn key(&mut self) -> u64 {
        self.key.unwrap_or_else(|| self.work.sampler.draw(self.rng))
    }

    fn value(&mut self) -> &[u8] {
        let (low, high) = (*self.work.value_bytes.start(), *self.work.value_bytes.end());
        let len = if low == high { low } else { low + self.rng.below(high - low + 1) };
        let start = self.rng.below(BLOCK_BYTES);
        &self.work.block[start..start + len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix;

    fn work(mix: &[&str], values: RangeInclusive<usize>, seed: u64) -> Arc<Workload> {
        let operations = mix.iter().map(|text| mix::named(text).expect("is valid")).collect();
        Arc::new(Workload::new(operations, values, (100, Distribution::Uniform), seed))
    }

    fn sent(mut stream: Stream, count: usize) -> (Vec<usize>, String) {
        let mut out = Vec::new();
        let indices = (0..count).map(|_| stream.write_next(&mut out)).collect();
        (indices, String::from_utf8(out).expect("operations are text"))
    }

    #[test]
    fn a_seed_fixes_the_operations_of_each_connection() {
        let stream =
            |seed, index| sent(Stream::random(&work(&["get", "set"], 1..=9, seed), index), 50);
        assert_eq!(stream(1, 0), stream(1, 0));
        assert_ne!(stream(1, 0), stream(1, 1));
        assert_ne!(stream(1, 0), stream(2, 0));
    }

    #[test]
    fn weights_are_kept() {
        let (indices, _) = sent(Stream::random(&work(&["get=9", "set"], 1..=1, 3), 0), 10_000);
        let sets = indices.iter().filter(|&&index| index == 1).count();
        assert!((900..1_100).contains(&sets), "{sets}");
    }

    #[test]
    fn values_have_lengths_within_the_range() {
        let (_, text) = sent(Stream::random(&work(&["set"], 0..=3, 3), 0), 400);
        let lengths: Vec<usize> = text.split("\r\n").skip(6).step_by(7).map(str::len).collect();
        assert_eq!(lengths.len(), 400);
        for len in 0..=3 {
            assert!(lengths.contains(&len), "{len}");
        }
        assert!(lengths.iter().all(|&len| len <= 3));
    }

    #[test]
    fn a_sweep_visits_every_key_once() {
        let work = work(&["get"], 1..=1, 3);
        let templates = Arc::new(vec![
            Template::parse("GET __key__").expect("is valid"),
            Template::parse("DEL __key__").expect("is valid"),
        ]);
        let mut keys = Vec::new();
        for index in 0..7 {
            let (stream, len) = Stream::sweep(&work, &templates, (index, 7));
            let (_, text) = sent(stream, len as usize);
            keys.extend(text.lines().filter(|line| line.starts_with("key:")).map(str::to_owned));
        }
        keys.sort();
        let want: Vec<String> = (0..200).map(|twice| format!("key:{:012}", twice / 2)).collect();
        assert_eq!(keys, want);
    }
}
