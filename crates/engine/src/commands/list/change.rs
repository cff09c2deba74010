//! LSET, LINSERT, LREM and LTRIM: changing a list elsewhere than by pushing and popping.

use super::read::place;
use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::parse;
use crate::types::List;
use crate::types::list::End;
use catalog::events::Classes;

/// LSET key index element.
///
/// # Errors
/// The key is missing, the value is no list, or the index is outside.
pub fn lset(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let Some(mut edit) = ctx.keys.edit::<List>(ctx.args.at(1))? else {
        return Err(error::NO_SUCH_KEY);
    };
    let set = parse::integer(ctx.args.at(2)).and_then(|index| {
        let index = place(index, edit.len()).filter(|&index| index < edit.len());
        index.ok_or(error::INDEX_OUT_OF_RANGE)
    });
    match set {
        Ok(index) => edit.set(index, ctx.args.at(3)),
        Err(error) => {
            edit.unchanged();
            return Err(error);
        }
    };
    drop(edit);
    ctx.keys.event(Classes::LIST, "lset", ctx.args.at(1));
    ctx.propagate_verbatim();
    ctx.reply.ok();
    Ok(())
}

/// LINSERT key BEFORE|AFTER pivot element.
///
/// # Errors
/// Neither BEFORE nor AFTER, or the value is no list.
pub fn linsert(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let offset = match ctx.args.at(2) {
        word if parse::is(word, "BEFORE") => 0,
        word if parse::is(word, "AFTER") => 1,
        _ => return Err(error::SYNTAX),
    };
    let Some(mut edit) = ctx.keys.edit::<List>(ctx.args.at(1))? else {
        ctx.reply.int(0);
        return Ok(());
    };
    let pivot = ctx.args.at(3);
    let Some(index) = edit.iter().position(|value| value == pivot) else {
        edit.unchanged();
        ctx.reply.int(-1);
        return Ok(());
    };
    edit.insert(index + offset, ctx.args.at(4));
    let len = edit.len();
    drop(edit);
    ctx.keys.event(Classes::LIST, "linsert", ctx.args.at(1));
    ctx.propagate_verbatim();
    ctx.reply.int(len as i64);
    Ok(())
}

/// LREM key count element: from the front, from the back when the count is negative, all when 0.
///
/// # Errors
/// The count is no number, or the value no list.
pub fn lrem(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let count = parse::integer(ctx.args.at(2))?;
    let Some(mut edit) = ctx.keys.edit::<List>(ctx.args.at(1))? else {
        ctx.reply.int(0);
        return Ok(());
    };
    let max = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let max = if max == 0 { usize::MAX } else { max };
    let removed = remove_equal(&mut edit, ctx.args.at(3), max, count < 0);
    if removed == 0 {
        edit.unchanged();
    }
    drop(edit);
    if removed > 0 {
        ctx.keys.event_or_del(Classes::LIST, "lrem", ctx.args.at(1));
        ctx.propagate_verbatim();
    }
    ctx.reply.int(removed as i64);
    Ok(())
}

/// LTRIM key start stop.
///
/// # Errors
/// The places are no numbers, or the value is no list.
pub fn ltrim(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let start = parse::integer(ctx.args.at(2))?;
    let end = parse::integer(ctx.args.at(3))?;
    let (mut removed, mut exists) = (0, false);
    if let Some(mut edit) = ctx.keys.edit::<List>(ctx.args.at(1))? {
        exists = true;
        let before = edit.len();
        let (front, back) = match parse::range(start, end, before) {
            Some((first, last)) => (first, before - 1 - last),
            None => (before, 0),
        };
        edit.drop_many(front, End::Front);
        edit.drop_many(back, End::Back);
        removed = front + back;
        if removed == 0 {
            edit.unchanged();
        }
    }
    if exists {
        ctx.keys.event_or_del(Classes::LIST, "ltrim", ctx.args.at(1));
    }
    if removed > 0 {
        ctx.propagate_verbatim();
    }
    ctx.reply.ok();
    Ok(())
}

/// Removes up to `max` elements equal to `value`; returns how many.
fn remove_equal(list: &mut List, value: &[u8], max: usize, from_back: bool) -> usize {
    let mut places: Vec<usize> = Vec::new();
    let equal = |(_, element): &(usize, &[u8])| *element == value;
    if from_back {
        let len = list.len();
        let found = list.iter().rev().enumerate().filter(equal).take(max);
        places.extend(found.map(|(index, _)| len - 1 - index));
    } else {
        let found = list.iter().enumerate().filter(equal).take(max);
        places.extend(found.map(|(index, _)| index));
        places.reverse();
    }
    // From the last place down, so that the places before stay what they are.
    list.remove_each(&places);
    places.len()
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn sets_and_inserts() {
        check(
            r#"
            LSET l 0 x => -ERR no such key
            RPUSH l a b c => :3
            LSET l 0 x => +OK ~ LSET l 0 x
            LSET l -1 longer => +OK
            LSET l 3 x => -ERR index out of range
            LSET l y x => -ERR value is not an integer or out of range
            LRANGE l 0 -1 => ["x", "b", "longer"]
            LINSERT l BEFORE b 1 => :4 ~ LINSERT l BEFORE b 1
            LINSERT l after longer 2 => :5
            LINSERT l after none 2 => :-1 ~
            LINSERT l between b 2 => -ERR syntax error
            LINSERT none BEFORE b 1 => :0 ~
            LRANGE l 0 -1 => ["x", "1", "b", "longer", "2"]
            "#,
        );
    }

    #[test]
    fn removes_and_trims() {
        check(
            r#"
            RPUSH l a b a c a b => :6
            LREM l 1 a => :1 ~ LREM l 1 a
            LREM l -1 b => :1
            LREM l 0 x => :0 ~
            LREM l x x => -ERR value is not an integer or out of range
            LRANGE l 0 -1 => ["b", "a", "c", "a"]
            LREM l 0 a => :2
            LRANGE l 0 -1 => ["b", "c"]
            LREM none 0 a => :0
            RPUSH l d e => :4
            LTRIM l 0 -1 => +OK ~
            LTRIM l 1 2 => +OK ~ LTRIM l 1 2
            LRANGE l 0 -1 => ["c", "d"]
            LTRIM l 5 9 => +OK ~ LTRIM l 5 9
            EXISTS l => :0
            LTRIM l 0 1 => +OK ~
            RPUSH l a a => :2
            LREM l 0 a => :2
            EXISTS l => :0
            "#,
        );
    }
}
