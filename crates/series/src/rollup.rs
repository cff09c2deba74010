//! Fine rows folded into coarse ones: the mean, the largest and the smallest of each column. Must
//! not know which columns those are.

use crate::block::Block;
use std::collections::BTreeMap;

/// Which number of a coarse row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Statistic {
    /// Rounded to the nearest.
    Mean,
    /// The largest.
    Max,
    /// The smallest.
    Min,
}

/// All of them.
pub const STATISTICS: [Statistic; 3] = [Statistic::Mean, Statistic::Max, Statistic::Min];

/// Largest id of a column that can be folded.
pub const ID_MAX: u16 = u16::MAX / 3 - 1;

/// The column of a coarse block that holds a statistic of a fine one.
pub fn column(id: u16, statistic: Statistic) -> u16 {
    id * 3 + statistic as u16
}

/// Sums of one period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fold {
    /// Sum of all numbers.
    pub sum: i128,
    /// How many.
    pub count: u32,
    /// The largest.
    pub max: i64,
    /// The smallest.
    pub min: i64,
}

impl Fold {
    /// Of one number.
    pub fn of(value: i64) -> Fold {
        Fold { sum: i128::from(value), count: 1, max: value, min: value }
    }

    /// With the numbers of another.
    pub fn with(self, other: Fold) -> Fold {
        Fold {
            sum: self.sum + other.sum,
            count: self.count + other.count,
            max: self.max.max(other.max),
            min: self.min.min(other.min),
        }
    }

    /// The mean, rounded to the nearest.
    pub fn mean(&self) -> i64 {
        let count = i128::from(self.count.max(1));
        // Means lie between two numbers of 64 bits.
        (self.sum + count / 2).div_euclid(count) as i64
    }

    /// One of the three.
    pub fn get(&self, statistic: Statistic) -> i64 {
        match statistic {
            Statistic::Mean => self.mean(),
            Statistic::Max => self.max,
            Statistic::Min => self.min,
        }
    }
}

/// Start of the period of `period_s` seconds that `at_s` lies in.
pub fn start_of(at_s: i64, period_s: i64) -> i64 {
    at_s.div_euclid(period_s) * period_s
}

/// Folds rows into periods, each under the time at which it starts. Rows of periods that end after
/// `until_s` are left out: more may come.
pub fn fold(fine: &Block, period_s: i64, until_s: i64) -> Block {
    let mut periods: BTreeMap<i64, BTreeMap<u16, Fold>> = BTreeMap::new();
    for (&id, values) in fine.columns().iter().filter(|(id, _)| **id <= ID_MAX) {
        for (&at_s, value) in fine.times_s().iter().zip(values) {
            let start_s = start_of(at_s, period_s);
            let Some(value) = value.filter(|_| start_s + period_s <= until_s) else { continue };
            let row = periods.entry(start_s).or_default();
            let added = Fold::of(value);
            row.entry(id).and_modify(|fold| *fold = fold.with(added)).or_insert(added);
        }
    }
    let mut coarse = Block::default();
    for (start_s, row) in periods {
        let cells = row.iter().flat_map(|(&id, fold)| {
            STATISTICS.map(|statistic| (column(id, statistic), fold.get(statistic)))
        });
        coarse.push(start_s, cells);
    }
    coarse
}

#[cfg(test)]
mod tests {
    use super::*;
    use Statistic::{Max, Mean, Min};

    #[test]
    fn minutes_of_five_seconds() {
        let mut fine = Block::default();
        for row in 0..30 {
            fine.push(row * 5, [(0, row), (7, -row)]);
        }
        let minutes = fold(&fine, 60, 150);
        assert_eq!(minutes.times_s(), [0, 60], "the third may go on");
        let cell = |id, statistic, at: usize| minutes.columns()[&column(id, statistic)][at];
        assert_eq!(cell(0, Max, 0), Some(11));
        assert_eq!(cell(0, Min, 1), Some(12));
        assert_eq!(cell(0, Mean, 0), Some(6), "5.5");
        assert_eq!(cell(7, Mean, 0), Some(-5), "-5.5");
        assert_eq!(cell(7, Min, 1), Some(-23));
        assert_eq!(fold(&fine, 60, 180).len(), 3);
        assert!(fold(&Block::default(), 60, 0).is_empty());
    }

    #[test]
    fn extremes_do_not_overflow() {
        let mut fold = Fold::of(i64::MAX);
        for _ in 0..1_000 {
            fold = fold.with(Fold::of(i64::MAX));
        }
        assert_eq!(fold.mean(), i64::MAX);
        assert_eq!(Fold::of(i64::MIN).with(Fold::of(i64::MIN)).mean(), i64::MIN);
        assert_eq!(start_of(-1, 60), -60);
    }
}
