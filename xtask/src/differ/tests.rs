//! The tool against a fake server that has a fault: it must find and shrink it.

use super::generate::Generator;
use super::grammar::Grammar;
use super::peer::{Peer, Words};
use super::play::Pair;
use super::reply::{self, Reply};
use super::step::Step;
use super::{compare, shrink};
use anyhow::Result;
use catalog::syntax::Likeness;
use std::collections::VecDeque;
use std::rc::Rc;

/// Answers every request with a number that follows from its words; `fault` may change it.
struct Fake {
    fault: fn(&Words, u64) -> u64,
    replies: VecDeque<Reply>,
}

impl Fake {
    fn new(fault: fn(&Words, u64) -> u64) -> Self {
        Self { fault, replies: VecDeque::new() }
    }
}

impl Peer for Fake {
    fn send(&mut self, _: usize, requests: &[&Words]) -> Result<()> {
        for words in requests {
            let bytes = words.iter().flatten();
            let sum = bytes.fold(7u64, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte));
            let answer = (self.fault)(words, sum % 1_000_003);
            self.replies.push_back(Reply::Int(i64::try_from(answer).expect("small")));
        }
        Ok(())
    }

    fn receive(&mut self, _: usize, count: usize) -> Result<Vec<Reply>> {
        Ok(self.replies.drain(..count).collect())
    }

    fn gather(&mut self, connection: usize, words: &Words) -> Result<Reply> {
        self.send(connection, &[words])?;
        Ok(self.receive(connection, 1)?.remove(0))
    }

    fn park(&mut self, _: usize, _: &Words) -> Result<()> {
        Ok(())
    }
}

/// Steps until the fault is found, and the words of what is left after shrinking.
fn find(fault: fn(&Words, u64) -> u64) -> (usize, Vec<Step>) {
    let mut played = 0;
    let grammar = Rc::new(Grammar::new(&[], Vec::new()));
    for seed in 1..40 {
        let mut generator = Generator::new(seed, &grammar);
        let steps = generator.episode();
        let play = |steps: &[Step]| {
            let (mut ours, mut theirs) = (Fake::new(fault), Fake::new(|_, answer| answer));
            let mut pair = Pair { ours: &mut ours, theirs: &mut theirs };
            pair.play(steps, |_, _| ()).expect("a fake is never gone")
        };
        match play(&steps) {
            None => played += steps.len(),
            Some(difference) => {
                let first = steps[..=difference.at].to_vec();
                let small = shrink::shrink(first, |steps| play(steps).is_some());
                return (played + difference.at, small);
            }
        }
    }
    (usize::MAX, Vec::new())
}

#[test]
fn faults_are_found_within_ten_thousand_steps_and_made_small() {
    let faults: [fn(&Words, u64) -> u64; 4] = [
        |words, answer| answer + u64::from(words[0] == b"LRANGE"),
        |words, answer| answer + u64::from(words[0] == b"SETEX" && words.len() == 4),
        |words, answer| answer + u64::from(words[0] == b"ZADD" && words.contains(&b"GT".to_vec())),
        |words, answer| answer + u64::from(words.len() > 3 && words[3] == b"HINCRBYFLOAT"),
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        let (steps, small) = find(fault);
        assert!(steps < 10_000, "fault {number} after {steps}");
        assert_eq!(small.len(), 1, "fault {number}: {small:?}");
        assert!(small[0].words.len() <= 5, "fault {number}: {small:?}");
    }
}

#[test]
fn the_same_seed_draws_the_same_sequence() {
    let grammar = Rc::new(Grammar::new(&[], Vec::new()));
    let draw = |seed| Generator::new(seed, &grammar).episode();
    assert_eq!(draw(5), draw(5));
    assert_ne!(draw(5), draw(6));
}

#[test]
fn replies_are_alike_as_their_commands_say() {
    let check = |likeness, ours: &str, theirs: &str, want| {
        let read = |text: &str| {
            let text = text.replace(' ', "\r\n") + "\r\n";
            reply::read(&mut text.as_bytes()).expect("a reply")
        };
        let alike = compare::alike(likeness, &read(ours), &read(theirs));
        assert_eq!(alike, want, "{likeness:?} {ours} {theirs}");
    };
    use Likeness::*;
    check(Exact, "*2 :1 :2", "*2 :1 :2", true);
    check(Exact, "*2 :1 :2", "*2 :2 :1", false);
    check(Exact, "~2 :1 :2", "~2 :2 :1", true);
    check(Exact, "%2 :1 :2 :3 :4", "%2 :3 :4 :1 :2", true);
    check(Exact, "$-1", "*-1", false);
    check(Unordered, "*2 :1 :2", "*2 :2 :1", true);
    check(Unordered, "*2 :1 :2", "*2 :2 :2", false);
    check(Pairs, "*4 :1 :2 :3 :4", "*4 :3 :4 :1 :2", true);
    check(Pairs, "*4 :1 :2 :3 :4", "*4 :1 :4 :3 :2", false);
    check(Walk, "*2 $1 0 *2 :1 :2", "*2 $1 0 *2 :2 :1", true);
    check(Walk, "*2 $1 0 *1 :1", "*2 $1 0 *1 :2", false);
    check(Walk, "*2 $1 5 *1 :1", "*2 $1 0 *1 :2", true);
    check(Near, ":99000", ":99900", true);
    check(Near, ":99000", ":-1", false);
    check(Near, "*2 :-2 :500", "*2 :-2 :501", true);
    check(Aged, "*2 $4 idle :7", "*2 $4 idle :9", true);
    check(Aged, "*2 $4 idlE :7", "*2 $4 idlE :9", false);
    check(Aged, "*4 $3 1-1 $1 c :5 :2", "*4 $3 1-1 $1 c :9 :2", true);
    check(Aged, "*4 $3 1-1 $1 c :5 :2", "*4 $3 1-1 $1 c :5 :3", false);
    check(Random, "*1 :1", "*1 :2", true);
    check(Random, "*1 :1", "*2 :1 :2", false);
    check(Random, "-ERR", "-WRONGTYPE", false);
}
