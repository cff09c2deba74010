//! PERSIST key
//!
//! Lets a key live for ever; 0 when it did already or there is none.

use crate::commands::Ctx;
use crate::error::CommandError;
use catalog::events::Classes;

/// PERSIST.
///
/// # Errors
/// None of its own.
pub fn run(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let key = ctx.args.at(1);
    let mortal = ctx.keys.peek(key).is_some_and(|entry| entry.expiry_ms().is_some());
    if mortal {
        ctx.keys.set_expiry(key, None);
        ctx.keys.event(Classes::GENERIC, "persist", key);
        ctx.propagate_verbatim();
    }
    ctx.reply.int(i64::from(mortal));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn takes_the_time_of_death_away() {
        check(
            r#"
            SET k v EX 10 => +OK
            PERSIST k => :1 ~ PERSIST k
            TTL k => :-1
            PERSIST k => :0 ~
            PERSIST nokey => :0 ~
            "#,
        );
    }
}
