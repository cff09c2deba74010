//! EXISTS key [key …], TOUCH key [key …], TYPE key
//!
//! EXISTS and TOUCH count the keys that exist, one named twice as two; TOUCH also refreshes their
//! access times. TYPE names the type of a value, `none` when there is none.

use crate::commands::Ctx;
use crate::error::CommandError;

/// EXISTS.
///
/// # Errors
/// None of its own.
pub fn exists(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let found = ctx.args.from(1).filter(|key| ctx.keys.look(key).is_some()).count();
    ctx.reply.int(found as i64);
    Ok(())
}

/// TOUCH.
///
/// # Errors
/// None of its own.
pub fn touch(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let found = ctx.args.from(1).filter(|key| ctx.keys.read(key).is_some()).count();
    ctx.reply.int(found as i64);
    Ok(())
}

/// TYPE.
///
/// # Errors
/// None of its own.
pub fn type_of(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let entry = ctx.keys.look(ctx.args.at(1));
    ctx.reply.simple(entry.map_or("none", |entry| entry.type_name()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};

    #[test]
    fn counts_and_names() {
        check(
            r#"
            MSET a 1 b text => +OK
            EXISTS a => :1 ~
            EXISTS a a b nokey => :3
            TOUCH a a b nokey => :3 ~
            TYPE a => +string
            TYPE b => +string
            TYPE nokey => +none
            "#,
        );
    }

    #[test]
    fn only_touch_refreshes_the_access_time() {
        let mut bench = Bench::new();
        bench.check("SET k v => +OK");
        bench.now_ms += 7_000;
        bench.check("EXISTS k => :1");
        bench.check("TYPE k => +string");
        bench.check("OBJECT IDLETIME k => :7");
        bench.check("TOUCH k => :1");
        bench.check("OBJECT IDLETIME k => :0");
    }

    #[test]
    fn a_dead_key_does_not_exist() {
        let mut bench = Bench::new();
        bench.check("SET k v PX 10 => +OK");
        bench.now_ms += 10;
        bench.check("TYPE k => +none ~ DEL k");
        bench.check("EXISTS k => :0 ~");
    }
}
