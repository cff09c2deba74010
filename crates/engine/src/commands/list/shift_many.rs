//! LMOVEM source destination LEFT|RIGHT LEFT|RIGHT [COUNT count | EXACTLY count OBO | BULK] and
//! BLMOVEM, with a timeout before the count: several elements from one list to another.
//!
//! OBO moves one after the other, so that they come to lie in reverse between two equal ends; BULK
//! keeps their order. EXACTLY moves all of them or, until there are enough, none. Propagated as the
//! moves, or the pop and the push, that it consists of.

use super::pop::{self, end_named};
use super::push;
use super::shift::holds_list;
use crate::commands::blocking::{self, timeout_ms};
use crate::commands::{Blocking, Ctx};
use crate::error::{self, CommandError};
use crate::keyspace::{Wait, Wanted};
use crate::parse;
use crate::types::List;
use crate::types::list::End;
use catalog::events::Classes;
use resp::Args;
use resp::number::Digits;

/// How the moved elements come to lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    OneByOne,
    Bulk,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Request {
    from: End,
    to: End,
    count: usize,
    exactly: bool,
    order: Order,
}

impl Request {
    /// `options` is the word of the first option.
    fn parse(args: Args<'_>, options: usize) -> Result<Self, CommandError> {
        let (from, to) = (end_named(args.at(3))?, end_named(args.at(4))?);
        let mut request = Self { from, to, count: 1, exactly: false, order: Order::OneByOne };
        if args.len() == options {
            return Ok(request);
        }
        if args.len() != options + 3 {
            return Err(error::SYNTAX);
        }
        request.exactly = match args.at(options) {
            word if parse::is(word, "COUNT") => false,
            word if parse::is(word, "EXACTLY") => true,
            _ => return Err(error::SYNTAX),
        };
        request.order = match args.at(options + 2) {
            word if parse::is(word, "OBO") => Order::OneByOne,
            word if parse::is(word, "BULK") => Order::Bulk,
            _ => return Err(error::SYNTAX),
        };
        let count = parse::positive(args.at(options + 1)).ok().filter(|count| *count > 0);
        request.count = count.ok_or(error::COUNT_NOT_POSITIVE)?;
        Ok(request)
    }

    /// True when the elements lie in the destination in the order in which they were taken.
    fn keeps_order(self) -> bool {
        match self.order {
            Order::OneByOne => self.to == End::Back,
            Order::Bulk => self.from == End::Front,
        }
    }
}

/// LMOVEM.
///
/// # Errors
/// Bad words, or a value that is no list.
pub fn lmovem(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let request = Request::parse(ctx.args, 5)?;
    if !shift(ctx, request)? {
        ctx.reply.null_array();
    }
    Ok(())
}

/// BLMOVEM.
///
/// # Errors
/// Bad words, or a value that is no list.
pub fn blmovem(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let request = Request::parse(ctx.args, 6)?;
    let timeout_ms = timeout_ms(ctx.args.at(5))?;
    if shift(ctx, request)? {
        return Ok(());
    }
    if ctx.blocking == Blocking::Denied {
        ctx.reply.null_array();
        return Ok(());
    }
    let needed = if request.exactly { request.count } else { 1 };
    let needed = u32::try_from(needed).unwrap_or(u32::MAX);
    let wanted = Wanted::LongList(needed);
    blocking::wait(
        ctx,
        Wait { timeout_ms, first: 1, keys: 1, wanted, ids: Box::default(), again: None },
    )
}

/// Moves elements between the lists at words 1 and 2 and replies with them; false, without a
/// reply, when there are too few.
fn shift(ctx: &mut Ctx<'_>, request: Request) -> Result<bool, CommandError> {
    let (source, destination) = (ctx.args.at(1), ctx.args.at(2));
    let len = ctx.keys.get_quietly::<List>(source)?.map_or(0, List::len);
    if len == 0 {
        return Ok(false);
    }
    holds_list(&mut ctx.keys, destination)?;
    if request.exactly && len < request.count {
        return Ok(false);
    }
    let count = request.count.min(len);
    let moved = if source == destination {
        rotate(ctx, request, count)?
    } else {
        let mut list = ctx.keys.edit_or_new::<List>(source)?;
        let mut moved: Vec<_> = (0..count).filter_map(|_| list.pop(request.from)).collect();
        drop(list);
        if !request.keeps_order() {
            moved.reverse();
        }
        let mut list = ctx.keys.edit_or_new::<List>(destination)?;
        match request.to {
            End::Back => moved.iter().for_each(|value| list.push_back(value)),
            End::Front => moved.iter().rev().for_each(|value| list.push_front(value)),
        }
        moved
    };
    ctx.keys.event(Classes::LIST, push::event_of(request.to), destination);
    ctx.keys.event_or_del(Classes::LIST, pop::event_of(request.from), source);
    state_effects(ctx, request, &moved);
    ctx.reply.array(moved.len());
    moved.iter().for_each(|value| ctx.reply.bulk(value));
    Ok(true)
}

/// Moves elements within the list at word 1; returns them in the order in which they lie then.
fn rotate(ctx: &mut Ctx<'_>, request: Request, count: usize) -> Result<Vec<Vec<u8>>, CommandError> {
    let mut list = ctx.keys.edit_or_new::<List>(ctx.args.at(1))?;
    if request.order == Order::Bulk && request.from == request.to {
        let start = if request.from == End::Front { 0 } else { list.len() - count };
        return Ok(list.range(start, count).map(<[u8]>::to_vec).collect());
    }
    let mut moved = Vec::with_capacity(count);
    for _ in 0..count {
        let value = list.pop(request.from).expect("the list is longer");
        list.push(&value, request.to);
        moved.push(value);
    }
    if !request.keeps_order() {
        moved.reverse();
    }
    Ok(moved)
}

/// States the move in words that older servers know.
fn state_effects(ctx: &mut Ctx<'_>, request: Request, moved: &[Vec<u8>]) {
    let (source, destination) = (ctx.args.at(1), ctx.args.at(2));
    if source == destination || moved.len() == 1 {
        if request.order == Order::Bulk && request.from == request.to && source == destination {
            return;
        }
        let (from, to) = (name_of(request.from), name_of(request.to));
        for _ in moved {
            ctx.propagate(&[b"LMOVE", source, destination, from, to]);
        }
        return;
    }
    let (pop, push): (&[u8], &[u8]) = (
        if request.from == End::Front { b"LPOP" } else { b"RPOP" },
        if request.to == End::Front { b"LPUSH" } else { b"RPUSH" },
    );
    let mut digits = Digits::new();
    ctx.propagate(&[pop, source, digits.format(moved.len() as i64)]);
    let mut words: Vec<&[u8]> = vec![push, destination];
    match request.to {
        End::Back => words.extend(moved.iter().map(Vec::as_slice)),
        End::Front => words.extend(moved.iter().rev().map(Vec::as_slice)),
    }
    ctx.propagate(&words);
}

fn name_of(end: End) -> &'static [u8] {
    match end {
        End::Front => b"LEFT",
        End::Back => b"RIGHT",
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn moves_elements() {
        check(
            r#"
            RPUSH a 1 2 3 4 5 6 7 8 9 => :9
            LMOVEM a b LEFT RIGHT => ["1"] ~ LMOVE a b LEFT RIGHT
            LMOVEM a b LEFT LEFT COUNT 2 OBO => ["3", "2"] ~ LPOP a 2; LPUSH b 2 3
            LRANGE b 0 -1 => ["3", "2", "1"]
            LMOVEM a b left left count 2 bulk => ["4", "5"] ~ LPOP a 2; LPUSH b 5 4
            LRANGE b 0 -1 => ["4", "5", "3", "2", "1"]
            LMOVEM a c RIGHT RIGHT EXACTLY 2 OBO => ["9", "8"] ~ RPOP a 2; RPUSH c 9 8
            LMOVEM a c RIGHT RIGHT EXACTLY 3 BULK => nil ~
            LMOVEM a c RIGHT LEFT COUNT 99 BULK => ["6", "7"] ~ RPOP a 2; LPUSH c 7 6
            EXISTS a => :0
            LRANGE c 0 -1 => ["6", "7", "9", "8"]
            LMOVEM c c LEFT RIGHT COUNT 2 BULK => ["6", "7"] ~ LMOVE c c LEFT RIGHT; LMOVE c c LEFT RIGHT
            LRANGE c 0 -1 => ["9", "8", "6", "7"]
            LMOVEM c c RIGHT RIGHT COUNT 2 BULK => ["6", "7"] ~
            LMOVEM c c RIGHT RIGHT COUNT 2 OBO => ["7", "7"]
            LMOVEM none c LEFT LEFT => nil ~
            "#,
        );
    }

    #[test]
    fn waits_for_enough() {
        check(
            r#"
            RPUSH a 1 2 => :2
            BLMOVEM a b LEFT RIGHT 0 EXACTLY 3 BULK => ?waits 0 ms ~
            BLMOVEM a b LEFT RIGHT 0 COUNT 3 BULK => ["1", "2"] ~ LPOP a 2; RPUSH b 1 2
            BLMOVEM a b LEFT RIGHT 1.5 => ?waits 1500 ms ~
            BLMOVEM a b LEFT RIGHT x => -ERR timeout is not a float or out of range
            "#,
        );
    }

    #[test]
    fn refuses_bad_requests() {
        check(
            r#"
            RPUSH a 1 2 => :2
            SET s v => +OK
            LMOVEM a s LEFT LEFT => -WRONGTYPE Operation against a key holding the wrong kind of value
            LMOVEM s a LEFT LEFT => -WRONGTYPE Operation against a key holding the wrong kind of value
            LMOVEM a b UP LEFT COUNT 2 OBO => -ERR syntax error
            LMOVEM a b LEFT LEFT COUNT 2 => -ERR syntax error
            LMOVEM a b LEFT LEFT MANY 2 OBO => -ERR syntax error
            LMOVEM a b LEFT LEFT COUNT 2 FAST => -ERR syntax error
            LMOVEM a b LEFT LEFT COUNT 0 OBO => -ERR count should be greater than 0
            LMOVEM a b LEFT LEFT EXACTLY x BULK => -ERR count should be greater than 0
            LLEN a => :2
            "#,
        );
    }
}
