//! Rows of numbers at growing times. A column that has no number in any row takes no place. Must
//! not know how they become bytes.

use std::collections::BTreeMap;

/// The most rows of a block.
pub const ROWS_MAX: usize = 4096;
/// The most numbers of a block, absent ones included.
pub const CELLS_MAX: usize = 1 << 20;

/// A number, or that there is none.
pub type Value = Option<i64>;

/// Some rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Block {
    /// Seconds, strictly growing.
    times_s: Vec<i64>,
    /// By column id; each as long as the times.
    columns: BTreeMap<u16, Vec<Value>>,
}

impl Block {
    /// Puts parts together; `None` when they are no block.
    pub(crate) fn of(times_s: Vec<i64>, columns: BTreeMap<u16, Vec<Value>>) -> Option<Block> {
        let grows = times_s.windows(2).all(|pair| pair[0] < pair[1]);
        let fits = columns.values().all(|column| column.len() == times_s.len());
        (grows && fits).then_some(Block { times_s, columns })
    }

    /// Appends a row. False, and nothing is done, when `at_s` is not after the last row, or when
    /// the block is full.
    pub fn push(&mut self, at_s: i64, row: impl IntoIterator<Item = (u16, i64)>) -> bool {
        let rows = self.times_s.len();
        if self.times_s.last().is_some_and(|&last| at_s <= last) || self.is_full() {
            return false;
        }
        self.times_s.push(at_s);
        for (id, value) in row {
            let column = self.columns.entry(id).or_default();
            column.resize(rows, None);
            column.push(Some(value));
        }
        self.columns.values_mut().for_each(|column| column.resize(rows + 1, None));
        true
    }

    /// Appends the rows of another that are after the last one, as long as there is room.
    pub fn append(&mut self, other: &Block) {
        for (at, &at_s) in other.times_s.iter().enumerate() {
            let row = other.columns.iter().filter_map(|(&id, column)| Some((id, column[at]?)));
            self.push(at_s, row);
        }
    }

    /// True when no further row may be pushed.
    pub fn is_full(&self) -> bool {
        let rows = self.times_s.len() + 1;
        ROWS_MAX < rows || CELLS_MAX < rows * (self.columns.len() + 64)
    }

    /// Times in seconds.
    pub fn times_s(&self) -> &[i64] {
        &self.times_s
    }

    /// Columns by id.
    pub fn columns(&self) -> &BTreeMap<u16, Vec<Value>> {
        &self.columns
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.times_s.len()
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.times_s.is_empty()
    }

    /// Numbers, absent ones not counted.
    pub fn samples(&self) -> usize {
        self.columns.values().map(|column| column.iter().flatten().count()).sum()
    }

    /// The numbers of one column with their times, `from_s <= time <= to_s`.
    pub fn points(&self, id: u16, from_s: i64, to_s: i64) -> impl Iterator<Item = (i64, i64)> {
        let column = self.columns.get(&id).into_iter().flatten();
        let all = self.times_s.iter().zip(column);
        let all = all.filter_map(|(&at_s, &value)| Some((at_s, value?)));
        all.filter(move |(at_s, _)| (from_s..=to_s).contains(at_s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_grow_and_columns_may_miss() {
        let mut block = Block::default();
        assert!(block.push(5, [(1, 10)]));
        assert!(block.push(10, [(2, 20)]));
        assert!(!block.push(10, [(1, 99)]), "not after the last");
        assert!(block.push(11, []));
        assert_eq!(block.columns()[&1], [Some(10), None, None]);
        assert_eq!(block.columns()[&2], [None, Some(20), None]);
        assert_eq!((block.len(), block.samples()), (3, 2));
        assert_eq!(block.points(2, 0, 10).collect::<Vec<_>>(), [(10, 20)]);
        assert_eq!(block.points(2, 11, 99).count() + block.points(3, 0, 99).count(), 0);
        let mut other = Block::default();
        other.push(11, [(1, 0)]);
        other.push(12, [(1, 30)]);
        block.append(&other);
        assert_eq!((block.len(), block.columns()[&1].last()), (4, Some(&Some(30))));
        let mut full = Block::default();
        assert!((0..ROWS_MAX as i64).all(|at_s| full.push(at_s, [])));
        assert!(!full.push(i64::MAX, []));
    }
}
