//! DELEX key [IFEQ value | IFNE value | IFDEQ digest | IFDNE digest], DELIFEQ key value and DIGEST
//! key: deleting a string only while it is what its owner believes, and the digest to tell by.
//!
//! DELEX without a condition deletes a key of any type. Propagated as DEL, which older servers
//! know.

use super::compare::{Compare, digest, show_digest};
use crate::commands::Ctx;
use crate::commands::view::View;
use crate::error::{self, CommandError};
use crate::keyspace::text_of;
use catalog::events::Classes;

/// DELEX.
///
/// # Errors
/// No such condition, or there is one and the value is no string.
pub fn delex(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let key = ctx.args.at(1);
    let wanted = match (ctx.args.len(), ctx.keys.peek(key)) {
        (2, found) => found.is_some(),
        (4, None) => false,
        (4, Some(entry)) => {
            let text = text_of(entry).map_err(|_| error::CONDITION_OF_NO_STRING)?;
            let compare = Compare::named(ctx.args.at(2)).ok_or(error::BAD_CONDITION)?;
            compare(ctx.args.at(3)).holds(text)?
        }
        _ => return Err(error::wrong_arity("delex")),
    };
    delete_if(ctx, wanted);
    Ok(())
}

/// DELIFEQ.
///
/// # Errors
/// The value is no string.
pub fn delifeq(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let text = ctx.keys.text_quietly(ctx.args.at(1))?;
    let wanted = match text {
        Some(text) => Compare::equal_to(ctx.args.at(2)).holds(text)?,
        None => false,
    };
    delete_if(ctx, wanted);
    Ok(())
}

fn delete_if(ctx: &mut Ctx<'_>, wanted: bool) {
    let key = ctx.args.at(1);
    if wanted {
        ctx.keys.remove(key);
        ctx.keys.event(Classes::GENERIC, "del", key);
        ctx.propagate(&[b"DEL", key]);
    }
    ctx.reply.int(i64::from(wanted));
}

/// DIGEST.
///
/// # Errors
/// The value is no string.
pub fn run_digest(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    match ctx.keys.text(ctx.args.at(1))? {
        Some(text) => {
            let digest = digest(&View::of(text), ctx.tick)?;
            ctx.reply.bulk(show_digest(digest).as_bytes());
        }
        None => ctx.reply.null(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};

    #[test]
    fn deletes_what_compares() {
        check(
            r#"
            SET k hello => +OK
            DIGEST k => "9555e8555c62dcfd"
            DIGEST none => nil
            DELEX k IFEQ x => :0 ~
            DELEX k IFNE hello => :0
            DELEX k IFDEQ 9555e8555c62dcfe => :0
            DELEX k IFDNE 9555e8555c62dcfd => :0
            DELEX k IFDEQ 9555e8555c62dcfd => :1 ~ DEL k
            SET k 12 => +OK
            DELEX k IFEQ 12 => :1 ~ DEL k
            DELEX k IFNE 12 => :0 ~
            DELEX k => :0 ~
            SET k v => +OK
            DELIFEQ k x => :0 ~
            DELIFEQ k v => :1 ~ DEL k
            DELIFEQ k v => :0 ~
            RPUSH l a => :1
            DELEX l IFEQ a => -ERR Key should be of string type if conditions are specified
            DELIFEQ l a => -WRONGTYPE Operation against a key holding the wrong kind of value
            DIGEST l => -WRONGTYPE Operation against a key holding the wrong kind of value
            DELEX l => :1 ~ DEL l
            SET k v => +OK
            DELEX k IF v => -ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE
            DELEX k IFEQ => -ERR wrong number of arguments for 'delex' command
            DELEX k IFEQ v x => -ERR wrong number of arguments for 'delex' command
            "#,
        );
    }

    #[test]
    fn compares_pages() {
        let mut bench = Bench::new();
        let long = "0123456789".repeat(500);
        bench.check(&format!("SET k {long} => +OK"));
        bench.check(&format!("APPEND k {long} => :10000"));
        let digest = bench.run("DIGEST k").0;
        bench.check(&format!("SET whole {long}{long} => +OK"));
        bench.check(&format!("DIGEST whole => {digest}"));
        bench.check(&format!("SET k x IFEQ {long}{} => nil", "0123456780".repeat(500)));
        bench.check(&format!("DELEX k IFEQ {long}{long} => :1"));
    }
}
