//! LPOP key [count], RPOP and LMPOP numkeys key [key ...] LEFT|RIGHT [COUNT count]: taking elements
//! off an end.

use crate::commands::Ctx;
use crate::commands::blocking::sources;
use crate::commands::walk::FirstOf;
use crate::error::{self, CommandError};
use crate::keyspace::Wanted;
use crate::parse;
use crate::types::List;
use crate::types::list::End;
use catalog::events::Classes;
use resp::number::Digits;

/// LPOP.
///
/// # Errors
/// The value is no list, or the count is no count.
pub fn lpop(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    pop(ctx, End::Front, "lpop")
}

/// RPOP.
///
/// # Errors
/// As [`lpop`].
pub fn rpop(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    pop(ctx, End::Back, "rpop")
}

/// LMPOP: from the first of several lists that is there.
///
/// # Errors
/// Bad numbers or options, or the first value found is no list.
pub fn lmpop(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let request = FirstOf::parse(ctx.args, 1, end_named)?;
    if !pop_first(ctx, &request)? {
        ctx.reply.null_array();
    }
    Ok(())
}

/// Takes from the first of several lists that is there; false when there is none.
///
/// # Errors
/// The first value found is no list.
pub fn pop_first(ctx: &mut Ctx<'_>, request: &FirstOf<End>) -> Result<bool, CommandError> {
    for key in sources(ctx, &request.wait(0, Wanted::List)) {
        let Some(mut edit) = ctx.keys.edit::<List>(key)? else { continue };
        let list: &mut List = &mut edit;
        let taken = request.count.min(list.len());
        ctx.reply.array(2);
        ctx.reply.bulk(key);
        ctx.reply.array(taken);
        for _ in 0..taken {
            ctx.reply.bulk_or_null(list.peek(request.side));
            list.drop_end(request.side);
        }
        drop(edit);
        let name: &[u8] = if request.side == End::Front { b"LPOP" } else { b"RPOP" };
        ctx.keys.event_or_del(Classes::LIST, event_of(request.side), key);
        ctx.propagate(&[name, key, Digits::new().format(taken as i64)]);
        return Ok(true);
    }
    Ok(false)
}

/// LEFT or RIGHT.
///
/// # Errors
/// Neither of the two.
pub fn end_named(word: &[u8]) -> Result<End, CommandError> {
    match word {
        _ if parse::is(word, "LEFT") => Ok(End::Front),
        _ if parse::is(word, "RIGHT") => Ok(End::Back),
        _ => Err(error::SYNTAX),
    }
}

/// Name of the key event of taking from an end.
#[must_use]
pub fn event_of(end: End) -> &'static str {
    if end == End::Front { "lpop" } else { "rpop" }
}

fn pop(ctx: &mut Ctx<'_>, end: End, name: &str) -> Result<(), CommandError> {
    let count = match ctx.args.len() {
        2 => None,
        3 => Some(parse::positive(ctx.args.at(2))?),
        _ => return Err(error::wrong_arity(name)),
    };
    let Some(mut edit) = ctx.keys.edit::<List>(ctx.args.at(1))? else {
        if count.is_some() {
            ctx.reply.null_array()
        } else {
            ctx.reply.null()
        }
        return Ok(());
    };
    if count == Some(0) {
        edit.unchanged();
        ctx.reply.array(0);
        return Ok(());
    }
    let list: &mut List = &mut edit;
    if let Some(count) = count {
        ctx.reply.array(count.min(list.len()));
    }
    for _ in 0..count.unwrap_or(1).min(list.len()) {
        ctx.reply.bulk_or_null(list.peek(end));
        list.drop_end(end);
    }
    drop(edit);
    ctx.keys.event_or_del(Classes::LIST, event_of(end), ctx.args.at(1));
    ctx.propagate_verbatim();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn pops_one_or_many() {
        check(
            r#"
            RPUSH l 1 2 3 4 5 6 => :6
            LPOP l => "1" ~ LPOP l
            RPOP l => "6" ~ RPOP l
            LPOP l 2 => ["2", "3"] ~ LPOP l 2
            LPOP l 0 => [] ~
            RPOP l 9 => ["5", "4"] ~ RPOP l 9
            EXISTS l => :0
            LPOP l => nil ~
            LPOP l 1 => nil ~
            LPOP l -1 => -ERR value is out of range, must be positive
            LPOP l x => -ERR value is out of range, must be positive
            RPOP l 1 2 => -ERR wrong number of arguments for 'rpop' command
            "#,
        );
    }

    #[test]
    fn pops_from_the_first_list() {
        check(
            r#"
            RPUSH b 1 2 3 => :3
            LMPOP 2 a b LEFT => ["b", ["1"]] ~ LPOP b 1
            LMPOP 2 a b right COUNT 5 => ["b", ["3", "2"]] ~ RPOP b 2
            LMPOP 2 a b LEFT => nil ~
            LMPOP 0 a LEFT => -ERR numkeys should be greater than 0
            LMPOP 1 a LEFT COUNT 0 => -ERR count should be greater than 0
            LMPOP 1 a LEFT COUNT => -ERR syntax error
            LMPOP 1 a LEFT COUNT 1 COUNT 1 => -ERR syntax error
            LMPOP 1 a UP => -ERR syntax error
            LMPOP 9 a LEFT => -ERR syntax error
            "#,
        );
    }
}
