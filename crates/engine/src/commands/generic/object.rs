//! OBJECT ENCODING key, OBJECT FREQ key, OBJECT IDLETIME key, OBJECT REFCOUNT key, OBJECT HELP
//!
//! How a value is kept and when it was last used; null when there is no key. The names are those
//! that Redis gives to values of the same kind and size, and say little about our own structures.

use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::keyspace::{Access, Entry, ValueRef, evict};

/// Integers below this are shared objects in Redis, which gives them this many references.
const SHARED_INTEGERS: i64 = 10_000;
const SHARED_REFERENCES: i64 = i32::MAX as i64;

/// OBJECT ENCODING.
///
/// # Errors
/// None of its own.
pub fn encoding(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let name = ctx.keys.look_quietly(ctx.args.at(2)).map(Entry::encoding);
    ctx.reply.bulk_or_null(name.map(str::as_bytes));
    Ok(())
}

/// OBJECT FREQ.
///
/// # Errors
/// [`error::NOT_LFU`] when the key exists and accesses are not counted.
pub fn freq(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let moment = ctx.keys.moment;
    match ctx.keys.look_quietly(ctx.args.at(2)) {
        Some(entry) if moment.clocks == Access::Count => {
            ctx.reply.int(i64::from(evict::decayed(entry.access(), moment.now_ms)));
        }
        Some(_) => return Err(error::NOT_LFU),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// OBJECT IDLETIME.
///
/// # Errors
/// None of its own.
pub fn idletime(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let moment = ctx.keys.moment;
    let now = moment.access();
    match ctx.keys.look_quietly(ctx.args.at(2)) {
        Some(_) if moment.clocks == Access::Count => return Err(error::LFU),
        Some(entry) => {
            let idle_s = now.wrapping_sub(entry.access()) & 0x00ff_ffff;
            ctx.reply.int(i64::from(idle_s));
        }
        None => ctx.reply.null(),
    }
    Ok(())
}

/// OBJECT REFCOUNT.
///
/// # Errors
/// None of its own.
pub fn refcount(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    match ctx.keys.look_quietly(ctx.args.at(2)).map(Entry::value) {
        Some(ValueRef::Integer(0..SHARED_INTEGERS)) => ctx.reply.int(SHARED_REFERENCES),
        Some(_) => ctx.reply.int(1),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// OBJECT HELP.
///
/// # Errors
/// None of its own.
pub fn help(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    const LINES: &[&str] = &[
        "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "ENCODING <key>",
        "    Name how the value of <key> is kept.",
        "FREQ <key>",
        "    Return how often <key> is used, on a logarithmic scale.",
        "IDLETIME <key>",
        "    Return the seconds since <key> was last used.",
        "REFCOUNT <key>",
        "    Return how many references the value of <key> has.",
        "HELP",
        "    Print this help.",
    ];
    ctx.reply.array(LINES.len());
    LINES.iter().for_each(|line| ctx.reply.simple(line));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};

    #[test]
    fn encodings_of_strings() {
        let mut bench = Bench::new();
        for (value, want) in [
            ("1".to_owned(), "int"),
            ("-9223372036854775808".into(), "int"),
            ("01".into(), "embstr"),
            ("x".repeat(44), "embstr"),
            ("x".repeat(45), "raw"),
            ("x".repeat(5_000), "raw"),
        ] {
            bench.check(&format!("SET k {value} => +OK"));
            bench.check(&format!("OBJECT ENCODING k => \"{want}\" ~"));
        }
    }

    #[test]
    fn the_rest() {
        check(
            r#"
            OBJECT ENCODING nokey => nil
            OBJECT FREQ nokey => nil
            OBJECT IDLETIME nokey => nil
            OBJECT REFCOUNT nokey => nil
            MSET small 7 large 10000 text x => +OK
            OBJECT REFCOUNT small => :2147483647
            OBJECT REFCOUNT large => :1
            OBJECT REFCOUNT text => :1
            "#,
        );
    }

    #[test]
    fn frequencies_are_not_counted() {
        let mut bench = Bench::new();
        bench.check("SET k v => +OK");
        let reply = bench.run("OBJECT FREQ k").0;
        assert!(reply.starts_with("-ERR An LFU maxmemory policy is not selected"), "{reply}");
    }

    #[test]
    fn idle_time_wraps_with_its_24_bits() {
        let mut bench = Bench::new();
        bench.now_ms = ((1 << 24) - 1) * 1000;
        bench.check("SET k v => +OK");
        bench.now_ms += 5_000;
        bench.check("OBJECT IDLETIME k => :5");
        bench.check("GET k => \"v\"");
        bench.check("OBJECT IDLETIME k => :0");
    }

    #[test]
    fn help_is_a_list_of_lines() {
        assert!(Bench::new().run("OBJECT HELP").0.starts_with("[+OBJECT <subcommand>"));
    }
}
