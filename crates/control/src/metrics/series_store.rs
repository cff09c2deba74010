//! The series of all nodes: rows come in, wait in memory for at most a minute, go to files, and are
//! read back in periods. Must not know what the columns measure, nor which nodes there are.

use super::files::{COARSE_S, Files, Grain, TAIL_S, merged};
use series::Block;
use series::rollup::{Fold, Statistic, column, fold, start_of};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Rows wait for the disk so long at most, in seconds.
const WAIT_S: i64 = 55;
/// A row that is so far before the last one means that the clock was set back.
const SET_BACK_S: i64 = 3600;
/// Rows that wait while the disk fails.
const WAITING_MAX: usize = 360;
/// Ranges up to this are read as they were sampled even where minutes would do.
const FINE_RANGE_S: i64 = 2 * 3600;

/// Folds by the start of their period, then by column.
pub type Periods = BTreeMap<i64, BTreeMap<u16, Fold>>;

/// All series.
#[derive(Debug)]
pub struct SeriesStore {
    root: PathBuf,
    nodes: Mutex<BTreeMap<String, Arc<Mutex<Node>>>>,
}

#[derive(Debug)]
struct Node {
    files: Files,
    waiting: Block,
    last_s: Option<i64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SeriesStore {
    /// Over the directories below `root`.
    pub fn new(root: PathBuf) -> SeriesStore {
        SeriesStore { root, nodes: Mutex::default() }
    }

    /// Takes one row in; one that is not after the last is left out.
    ///
    /// # Errors
    /// As the disk says. What could not be written waits on, for half an hour at most.
    pub fn push(&self, node_id: &str, at_s: i64, numbers: &[(u16, i64)]) -> io::Result<()> {
        lock(&*self.node(node_id)?).push(at_s, numbers)
    }

    /// Writes all rows that wait.
    ///
    /// # Errors
    /// As the disk says.
    pub fn flush(&self) -> io::Result<()> {
        let nodes: Vec<_> = lock(&self.nodes).values().cloned().collect();
        nodes.iter().try_for_each(|node| lock(node).flush())
    }

    /// Deletes the series of all other nodes.
    ///
    /// # Errors
    /// As the disk says.
    pub fn retain(&self, keep: impl Fn(&str) -> bool) -> io::Result<()> {
        lock(&self.nodes).retain(|node_id, _| keep(node_id));
        let entries = match std::fs::read_dir(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if !entry.file_name().to_str().is_some_and(&keep) {
                Files::delete(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Numbers of `columns` at `from_s <= time <= to_s`, in periods of `period_s`. Short ranges and
    /// periods come from the rows as they were sampled, others from minutes.
    ///
    /// # Errors
    /// As the disk says.
    pub fn read(
        &self,
        node_id: &str,
        columns: &[u16],
        range_s: (i64, i64),
        period_s: i64,
    ) -> io::Result<Periods> {
        let (from_s, to_s) = range_s;
        if !self.root.join(node_id).is_dir() {
            return Ok(Periods::new());
        }
        let node = self.node(node_id)?;
        let node = lock(&*node);
        let mut fine = node.files.tail()?;
        fine.push(node.waiting.clone());
        let mut periods = Periods::new();
        let mut add = |at_s: i64, id: u16, value: Fold| {
            if (from_s..=to_s).contains(&at_s) && columns.contains(&id) {
                let row = periods.entry(start_of(at_s, period_s)).or_default();
                row.entry(id).and_modify(|sum| *sum = sum.with(value)).or_insert(value);
            }
        };
        if period_s < COARSE_S || to_s - from_s <= FINE_RANGE_S {
            let first_s = fine.iter().filter_map(|block| block.times_s().first()).min();
            if first_s.is_none_or(|first_s| from_s < *first_s) {
                fine.extend(node.files.blocks(Grain::Fine, from_s, to_s)?);
            }
            for (at_s, row) in merged(fine) {
                row.into_iter().for_each(|(id, value)| add(at_s, id, Fold::of(value)));
            }
            return Ok(periods);
        }
        let mut coarse = node.files.blocks(Grain::Coarse, from_s, to_s)?;
        coarse.extend(fine.iter().map(|block| fold(block, COARSE_S, i64::MAX - COARSE_S)));
        for (at_s, row) in merged(coarse) {
            let row: BTreeMap<u16, i64> = row.into_iter().collect();
            for &id in columns {
                if let Some(minute) = minute(&row, id) {
                    add(at_s, id, minute);
                }
            }
        }
        Ok(periods)
    }

    fn node(&self, node_id: &str) -> io::Result<Arc<Mutex<Node>>> {
        let mut nodes = lock(&self.nodes);
        if let Some(node) = nodes.get(node_id) {
            return Ok(node.clone());
        }
        let (files, last_s) = Files::open(&self.root.join(node_id))?;
        let node = Arc::new(Mutex::new(Node { files, waiting: Block::default(), last_s }));
        nodes.insert(node_id.to_owned(), node.clone());
        Ok(node)
    }
}

/// A minute of one column, which counts once whatever it was made of.
fn minute(row: &BTreeMap<u16, i64>, id: u16) -> Option<Fold> {
    let get = |statistic| row.get(&column(id, statistic)).copied();
    let mean = get(Statistic::Mean)?;
    let (max, min) = (get(Statistic::Max)?, get(Statistic::Min)?);
    Some(Fold { sum: i128::from(mean), count: 1, max, min })
}

impl Node {
    fn push(&mut self, at_s: i64, numbers: &[(u16, i64)]) -> io::Result<()> {
        if let Some(last_s) = self.last_s {
            if at_s < last_s - SET_BACK_S || start_of(last_s, TAIL_S) < start_of(at_s, TAIL_S) {
                self.flush()?;
                self.files.fold()?;
            } else if at_s <= last_s {
                return Ok(());
            }
        }
        self.last_s = Some(at_s);
        self.waiting.push(at_s, numbers.iter().copied());
        let since_s = self.waiting.times_s().first().map_or(0, |first_s| at_s - first_s);
        if WAIT_S <= since_s { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let written = self.files.append(&self.waiting);
        if written.is_ok() || WAITING_MAX <= self.waiting.len() {
            self.waiting = Block::default();
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use std::fs;

    /// The start of a day.
    const DAY: i64 = 20_780 * 86_400;

    fn fill(store: &SeriesStore, rows: std::ops::Range<i64>) {
        for row in rows {
            store.push("n", DAY + 5 * row, &[(2, row), (1_000, -row)]).expect("taken");
        }
    }

    fn values(store: &SeriesStore, from: i64, to: i64, period_s: i64) -> Vec<(i64, i64, i64, i64)> {
        let read = store.read("n", &[2], (DAY + from, DAY + to), period_s).expect("read");
        read.into_iter()
            .map(|(at_s, row)| {
                let fold = row[&2];
                (at_s - DAY, fold.mean(), fold.max, fold.min)
            })
            .collect()
    }

    #[test]
    fn rows_are_read_back_from_memory_tail_and_files() {
        let scratch = Scratch::new();
        let store = SeriesStore::new(scratch.path().join("m"));
        assert!(values(&store, 0, 100, 5).is_empty());
        // Two hours and a bit: files, tail, memory.
        fill(&store, 0..1_500);
        assert_eq!(values(&store, 0, 10, 5), [(0, 0, 0, 0), (5, 1, 1, 1), (10, 2, 2, 2)]);
        assert_eq!(values(&store, 7_490, 9_999, 5).last(), Some(&(7_495, 1_499, 1_499, 1_499)));
        assert_eq!(values(&store, 0, 7_495, 5).len(), 1_500);
        assert_eq!(values(&store, 0, 59, 60), [(0, 6, 11, 0)]);
        let minutes = values(&store, 0, 8_000, 60);
        assert_eq!(
            (minutes.len(), minutes[0], minutes[124]),
            (125, (0, 6, 11, 0), (7_440, 1_494, 1_499, 1_488))
        );
        assert_eq!(values(&store, 0, 8_000, 600).len(), 13);
        // Not after the last, or far before it.
        store.push("n", DAY + 7_000, &[(2, 99)]).expect("left out");
        assert_eq!(values(&store, 7_000, 7_000, 5), [(7_000, 1_400, 1_400, 1_400)]);
        store.push("n", DAY - 3_600, &[(2, 99)]).expect("the clock was set back");
        assert_eq!(values(&store, -3_600, 0, 60).first(), Some(&(-3_600, 99, 99, 99)));
    }

    #[test]
    fn at_most_a_minute_is_lost_by_a_kill() {
        let scratch = Scratch::new();
        let root = scratch.path().join("m");
        for rows in [1, 11, 12, 13, 24, 359, 360, 361, 700] {
            let store = SeriesStore::new(root.clone());
            fill(&store, 0..rows);
            // A kill: nothing is flushed.
            drop(store);
            let again = SeriesStore::new(root.clone());
            let kept = values(&again, 0, 86_400, 5).len() as i64;
            assert!(rows - 12 < kept + 1 && kept <= rows, "{kept} of {rows}");
            fill(&again, kept..rows);
            again.flush().expect("written");
            let third = SeriesStore::new(root.clone());
            assert_eq!(values(&third, 0, 86_400, 5).len() as i64, rows);
            third.retain(|_| false).expect("deleted");
            assert_eq!(fs::read_dir(&root).map_or(0, Iterator::count), 0);
        }
    }

    #[test]
    fn torn_files_are_cut_at_every_byte() {
        let scratch = Scratch::new();
        let root = scratch.path().join("m");
        let store = SeriesStore::new(root.clone());
        fill(&store, 0..36);
        store.flush().expect("written");
        let path = root.join("n/tail");
        let whole = fs::read(&path).expect("there");
        for cut in (0..whole.len()).step_by(7) {
            fs::write(&path, &whole[..cut]).expect("torn");
            let again = SeriesStore::new(root.clone());
            let kept = values(&again, 0, 999, 5).len() as i64;
            fill(&again, kept..50);
            again.flush().expect("written");
            let third = SeriesStore::new(root.clone());
            assert_eq!(values(&third, 0, 999, 5).len(), 50, "cut at {cut}");
        }
    }

    #[test]
    fn old_files_go() {
        let scratch = Scratch::new();
        let root = scratch.path().join("m");
        let store = SeriesStore::new(root.clone());
        for day in 0..70 {
            for row in 0..3 {
                let at_s = DAY + day * 86_400 + row * 1_800;
                store.push("n", at_s, &[(2, day)]).expect("taken");
            }
        }
        let mut names: Vec<_> = fs::read_dir(root.join("n"))
            .expect("there")
            .map(|entry| entry.expect("read").file_name().into_string().expect("text"))
            .collect();
        names.sort();
        let kinds = |prefix: &str| names.iter().filter(|name| name.starts_with(prefix)).count();
        assert_eq!((kinds("fine-"), kinds("coarse-")), (2, 2), "{names:?}");
        let month = values(&store, 39 * 86_400, 70 * 86_400, 86_400);
        assert!(month.len() >= 30, "{month:?}");
    }
}
