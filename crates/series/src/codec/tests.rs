//! Random blocks against themselves, damaged bytes, and how many bytes a number takes.

use super::*;
use stdx::random::Rng;

/// Numbers of many shapes, chosen by `shape`.
fn value(rng: &mut Rng, shape: usize, last: i64) -> i64 {
    match shape {
        0 => 0,
        1 => 42,
        2 => last.wrapping_add(rng.below(9) as i64 - 4),
        3 => last.wrapping_add(5),
        4 => rng.below(10_000) as i64,
        5 => rng.next_u64() as i64,
        6 => *[i64::MIN, i64::MAX, 0, -1].get(rng.below(4)).expect("one of four"),
        _ => i64::from(rng.below(50) == 0) * 1_000_000_000,
    }
}

fn random_block(rng: &mut Rng) -> Block {
    let mut block = Block::default();
    let (rows, columns) = (rng.below(80), rng.below(20));
    let shapes: Vec<_> =
        (0..columns).map(|_| (rng.below(9), rng.below(3), rng.below(700) as u16)).collect();
    let mut last = vec![0; columns];
    let mut at_s = rng.below(1 << 40) as i64;
    for _ in 0..rows {
        at_s += 1 + [0, 4, 4, 4, 977][rng.below(5)];
        let mut row = BTreeMap::new();
        for (at, &(shape, gaps, id)) in shapes.iter().enumerate() {
            last[at] = value(rng, shape, last[at]);
            if gaps == 0 || rng.below(3 * gaps) > 0 {
                row.insert(id, last[at]);
            }
        }
        assert!(block.push(at_s, row));
    }
    block
}

#[test]
fn random_blocks_come_back() {
    let seed = u64::from_le_bytes(stdx::random::entropy());
    let mut rng = Rng::new(seed);
    for _ in 0..400 {
        let block = random_block(&mut rng);
        let whole = block.times_s().first().copied().zip(block.times_s().last().copied());
        assert_eq!(span(&encode(&block)), whole, "seed {seed}");
        let back = decode(&encode(&block)).unwrap_or_else(|error| panic!("{error}, seed {seed}"));
        assert_eq!(back.times_s(), block.times_s(), "seed {seed}");
        for (id, values) in block.columns() {
            let none = vec![None; block.len()];
            assert_eq!(back.columns().get(id).unwrap_or(&none), values, "seed {seed}");
        }
        assert_eq!(back.samples(), block.samples(), "seed {seed}");
    }
}

#[test]
fn damaged_bytes_are_refused_or_another_block_and_never_panic() {
    let seed = u64::from_le_bytes(stdx::random::entropy());
    let mut rng = Rng::new(seed);
    let mut refused = 0;
    for _ in 0..200 {
        let good = encode(&random_block(&mut rng));
        for cut in 0..good.len() {
            assert!(decode(&good[..cut]).is_err(), "cut at {cut}, seed {seed}");
        }
        for _ in 0..50 {
            let mut bad = good.clone();
            let at = rng.below(bad.len());
            bad[at] = rng.next_u64() as u8;
            refused += usize::from(decode(&bad).is_err());
        }
        let noise: Vec<u8> = (0..rng.below(200)).map(|_| rng.next_u64() as u8).collect();
        let mut noise = [&[FORMAT], noise.as_slice()].concat();
        let _ = (decode(&noise), span(&noise));
        noise[0] = 9;
        assert_eq!(decode(&noise), Err(CodecError::Format(9)));
    }
    assert!(refused > 0, "seed {seed}");
    // A column's number at the edge of what can be written.
    let mut edge = vec![FORMAT, 0, 1];
    varint::put(&mut edge, u64::MAX);
    assert_eq!(decode(&edge), Err(CodecError::Malformed));
    // A few bytes must not ask for gigabytes.
    let mut bomb = vec![FORMAT];
    varint::put(&mut bomb, ROWS_MAX as u64);
    bomb.extend([2, 0, 2, 0]);
    varint::put(&mut bomb, 60_000);
    assert_eq!(decode(&bomb), Err(CodecError::Malformed));
}

/// Bytes a number, in blocks of `rows` rows of 40 columns.
fn bytes_per_sample(rows: i64, mut value: impl FnMut(i64, u16) -> i64) -> f64 {
    let (mut bytes, mut samples) = (0, 0);
    for block in 0..(1_440 / rows) {
        let mut made = Block::default();
        for row in block * rows..(block + 1) * rows {
            made.push(1_795_351_875 + 5 * row, (0..40).map(|id| (id, value(row, id))));
        }
        bytes += encode(&made).len();
        samples += made.samples();
    }
    bytes as f64 / samples as f64
}

#[test]
fn a_number_takes_at_most_two_bytes() {
    let mut rng = Rng::new(7);
    let mut walks = [500_000i64; 40];
    // Hundredths of a percent at random: nothing foretells the next.
    let hostile = bytes_per_sample(360, |_, _| rng.below(10_001) as i64);
    let mut rng = Rng::new(8);
    let hostile_tail = bytes_per_sample(12, |_, _| rng.below(10_001) as i64);
    let mut rng = Rng::new(9);
    let walk = bytes_per_sample(360, |_, id| {
        let value = &mut walks[usize::from(id)];
        *value += rng.below(2_001) as i64 - 1_000;
        *value
    });
    let idle = bytes_per_sample(12, |_, id| i64::from(id) * 1_000);
    println!("hostile {hostile:.2}, in tails {hostile_tail:.2}, walk {walk:.2}, idle {idle:.2}");
    assert!(hostile <= 2.0 && walk <= 2.0 && idle <= 0.5, "{hostile} {walk} {idle}");
    assert!(hostile_tail <= 2.3, "{hostile_tail}");
}
