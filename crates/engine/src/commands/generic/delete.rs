//! DEL key [key …], UNLINK key [key …]
//!
//! Removes keys and says how many there were. Propagated as it came, but only when it removed
//! something.

use crate::commands::Ctx;
use crate::error::CommandError;
use catalog::events::Classes;

/// DEL, UNLINK.
///
/// # Errors
/// None of its own.
pub fn run(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let mut removed = 0u32;
    for key in ctx.args.from(1) {
        if ctx.keys.remove(key) {
            removed += 1;
            ctx.keys.event(Classes::GENERIC, "del", key);
        }
    }
    if removed > 0 {
        ctx.propagate_verbatim();
        ctx.keys.effects.dirty += u64::from(removed - 1);
    }
    ctx.reply.int(i64::from(removed));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};

    #[test]
    fn deletes_what_is_there() {
        check(
            r#"
            MSET a 1 b 2 c 3 => +OK
            DEL a b nokey => :2 ~ DEL a b nokey
            DEL a b => :0 ~
            UNLINK c c => :1 ~ UNLINK c c
            EXISTS a b c => :0
            "#,
        );
    }

    #[test]
    fn a_dead_key_is_not_counted() {
        let mut bench = Bench::new();
        bench.check("SET k v PX 10 => +OK");
        bench.now_ms += 10;
        bench.check("DEL k => :0 ~ DEL k");
        bench.check("DEL k => :0 ~");
    }
}
