//! The log against a plain vector of everything ever appended.

use super::log::CHUNK_BYTES;
use super::*;
use std::sync::atomic::AtomicUsize;
use stdx::Rng;

fn journal() -> Journal {
    Journal::new(Identity::new(&"0".repeat(40)))
}

fn interest(from: From) -> Interest {
    Interest { from, lag_bytes_max: u64::MAX, wake: None }
}

fn text(journal: &Journal, consumer: &Consumer) -> String {
    let mut out = Vec::new();
    journal.read(consumer, &mut out, usize::MAX).expect("it was not dropped");
    String::from_utf8_lossy(&out).replace("\r\n", " ")
}

#[test]
fn blocks_select_their_database_and_are_wrapped_when_they_are_many() {
    let journal = journal();
    let reader = journal.attach(interest(From::Now)).expect("the end is there");
    journal.append([(0, &b"A;"[..])].into_iter());
    assert_eq!(text(&journal, &reader), "*2 $6 SELECT $1 0 A;");
    journal.append([(0, &b"B;"[..]), (12, &b"C;"[..])].into_iter());
    let want = "*1 $5 MULTI B;*2 $6 SELECT $2 12 C;*1 $4 EXEC ";
    assert_eq!(text(&journal, &reader), want);
    assert_eq!(journal.append(std::iter::empty::<(u16, &[u8])>()), journal.offset());
}

#[test]
fn a_stream_that_starts_now_selects_its_database() {
    let journal = journal();
    journal.keep_backlog(1000);
    journal.append([(3, &b"A;"[..])].into_iter());
    let goes_on = journal.attach(interest(From::End)).expect("the end is there");
    journal.append([(3, &b"B;"[..])].into_iter());
    let starts = journal.attach(interest(From::Now)).expect("the end is there");
    journal.append([(3, &b"C;"[..])].into_iter());
    assert_eq!(text(&journal, &goes_on), "B;*2 $6 SELECT $1 3 C;");
    assert_eq!(text(&journal, &starts), "*2 $6 SELECT $1 3 C;");
    journal.append_verbatim(b"X;", Some(5));
    journal.append([(5, &b"D;"[..])].into_iter());
    assert_eq!(text(&journal, &starts), "X;D;");
}

#[test]
fn records_only_for_those_who_want_it() {
    let journal = journal();
    assert!(!journal.is_wanted());
    journal.keep_backlog(10);
    assert!(journal.is_wanted());
    let reader = journal.attach(interest(From::Now)).expect("the end is there");
    journal.keep_backlog(0);
    assert!(journal.is_wanted());
    journal.detach(reader);
    assert!(!journal.is_wanted());
}

#[test]
fn offsets_outside_the_backlog_are_gone() {
    let journal = journal();
    journal.append_verbatim(&[b'x'; 50], Some(0));
    journal.keep_backlog(100);
    journal.append_verbatim(&[b'y'; 20], Some(0));
    let attach = |offset| journal.attach(interest(From::Offset(offset))).map(|c| c.start());
    assert_eq!(attach(49), Err(Gone::Before(50)));
    assert_eq!(attach(50), Ok(50));
    assert_eq!(attach(70), Ok(70));
    assert_eq!(attach(71), Err(Gone::Beyond(70)));
    journal.append_verbatim(&[b'z'; 200], Some(0));
    assert_eq!(attach(169), Err(Gone::Before(170)));
    journal.restart_at(1000);
    assert_eq!(attach(170), Err(Gone::Before(1000)));
    assert_eq!(attach(1000), Ok(1000));
}

#[test]
fn who_lags_too_far_behind_is_dropped_and_holds_nothing() {
    let journal = journal();
    let lag_bytes_max = 2 * CHUNK_BYTES as u64;
    let slow = journal.attach(Interest { lag_bytes_max, ..interest(From::Now) });
    let slow = slow.expect("the end is there");
    let block = vec![b'x'; CHUNK_BYTES / 4];
    let mut out = Vec::new();
    while journal.read(&slow, &mut out, 0).is_ok() {
        assert!(journal.offset() <= lag_bytes_max + 2 * CHUNK_BYTES as u64, "it must be dropped");
        journal.append_verbatim(&block, Some(0));
    }
    let dropped = journal.read(&slow, &mut out, 1);
    assert!(
        matches!(dropped, Err(Dropped::TooFarBehind { lag_bytes }) if lag_bytes > lag_bytes_max)
    );
    assert!(!journal.wake_me(&slow), "the dropped do not sleep");
    journal.append_verbatim(&vec![b'x'; CHUNK_BYTES], Some(0));
    assert!(journal.log.lock().held_bytes() <= CHUNK_BYTES as u64);
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(&self) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[test]
fn sleepers_are_woken_once() {
    let (journal, count) = (journal(), Arc::new(Count::default()));
    let wake = Some(Arc::clone(&count) as Arc<dyn Wake>);
    let reader = journal.attach(Interest { wake, ..interest(From::Now) }).expect("the end");
    let woken = || {
        journal.wake_due();
        count.0.load(Relaxed)
    };
    journal.append_verbatim(b"a", Some(0));
    assert_eq!(woken(), 0, "it is awake");
    assert!(!journal.wake_me(&reader), "there is something to read");
    assert_eq!(text(&journal, &reader), "a");
    assert!(journal.wake_me(&reader));
    assert_eq!(woken(), 0);
    journal.append_verbatim(b"b", Some(0));
    journal.append_verbatim(b"c", Some(0));
    assert_eq!((woken(), woken()), (1, 1));
    assert_eq!(text(&journal, &reader), "bc");
    assert!(journal.wake_me(&reader));
    journal.restart_at(77);
    assert_eq!(woken(), 2, "its end is news too");
    assert_eq!(journal.read(&reader, &mut Vec::new(), 1), Err(Dropped::Restarted));
}

/// A reader and how far its model has read.
struct Modelled {
    consumer: Consumer,
    read: u64,
}

#[test]
fn readers_get_every_byte_in_order() {
    for seed in 0..8 {
        run_model(seed);
    }
}

fn run_model(seed: u64) {
    let mut rng = Rng::new(seed);
    let journal = journal();
    let backlog = rng.below(3 * CHUNK_BYTES) as u64;
    journal.keep_backlog(backlog);
    let mut log: Vec<u8> = Vec::new();
    let mut readers: Vec<Modelled> = Vec::new();
    for step in 0..1_500 {
        let context = format!("seed {seed} step {step}");
        match rng.below(10) {
            0..=4 => {
                let len =
                    if rng.below(20) == 0 { rng.below(3 * CHUNK_BYTES) } else { rng.below(900) };
                let block: Vec<u8> = (0..len).map(|i| (i as u64 ^ rng.next_u64()) as u8).collect();
                log.extend_from_slice(&block);
                assert_eq!(journal.append_verbatim(&block, Some(0)), log.len() as u64, "{context}");
            }
            5..=7 if !readers.is_empty() => {
                let at = rng.below(readers.len());
                let len = rng.below(2 * CHUNK_BYTES);
                read_some(&journal, &mut readers[at], &log, len, &context);
            }
            8 if readers.len() < 5 => {
                let oldest = (log.len() as u64).saturating_sub(backlog);
                let offset = oldest + rng.below((log.len() as u64 - oldest) as usize + 1) as u64;
                let consumer = journal.attach(interest(From::Offset(offset))).expect(&context);
                readers.push(Modelled { consumer, read: offset });
            }
            9 if readers.len() > 3 => {
                let gone = readers.swap_remove(rng.below(readers.len()));
                journal.detach(gone.consumer);
            }
            _ => {}
        }
        journal.log.lock().check_invariants();
        let slowest = readers.iter().map(|reader| reader.read).min().unwrap_or(u64::MAX);
        let kept_from = slowest.min((log.len() as u64).saturating_sub(backlog));
        let held = journal.log.lock().held_bytes();
        let bound = log.len() as u64 - kept_from + 2 * CHUNK_BYTES as u64;
        assert!(held <= bound, "{context}: {held} bytes are held, {bound} would do");
    }
    for reader in &mut readers {
        read_some(&journal, reader, &log, usize::MAX, "the end");
        assert_eq!(reader.read, log.len() as u64);
    }
}

fn read_some(journal: &Journal, reader: &mut Modelled, log: &[u8], len: usize, context: &str) {
    let lag = log.len() as u64 - reader.read;
    assert_eq!(journal.lag_bytes(&reader.consumer), lag, "{context}");
    let mut out = vec![7];
    let got = journal.read(&reader.consumer, &mut out, len).expect(context);
    assert_eq!(got, len.min(lag as usize), "{context}");
    let from = reader.read as usize;
    assert!(out[1..] == log[from..from + got], "{context}: other bytes than were appended");
    reader.read += got as u64;
}
