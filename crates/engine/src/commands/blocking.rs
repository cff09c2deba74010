//! What commands that wait have in common: their timeout, the keys they look at, and what they do
//! when nothing is there.

use super::{Blocking, Ctx};
use crate::error::{self, CommandError};
use crate::keyspace::Wait;
use crate::parse;
use resp::Args;

/// Redis looks at no longer text when it reads a float.
const FLOAT_BYTES_MAX: usize = 5 * 1024;

/// A timeout in seconds, with fractions, as milliseconds rounded up; 0 is for ever.
///
/// # Errors
/// It is no number, or negative, or so large that Redis takes it for negative.
pub fn timeout_ms(text: &[u8]) -> Result<u64, CommandError> {
    let seconds = parse::double_text(text).filter(|_| text.len() < FLOAT_BYTES_MAX);
    let ms = (seconds.ok_or(error::BAD_TIMEOUT)? * 1000.0).ceil();
    if (0.0..9.2e18).contains(&ms) { Ok(ms as u64) } else { Err(error::TIMEOUT_NEGATIVE) }
}

/// The keys to look at: those that `wait` names, or only the one that is ready.
pub fn sources<'a>(ctx: &Ctx<'a>, wait: &Wait) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let (args, blocking): (Args<'a>, _) = (ctx.args, ctx.blocking);
    let keys = args.from(wait.first as usize).take(wait.keys as usize);
    keys.filter(move |key| match blocking {
        Blocking::Served(ready, _) => *key == ready,
        Blocking::Allowed | Blocking::Denied => true,
    })
}

/// Waits, or answers as if the time were over where waiting is not allowed.
///
/// # Errors
/// [`CommandError::Block`].
pub fn wait(ctx: &mut Ctx<'_>, wait: Wait) -> Result<(), CommandError> {
    if ctx.blocking == Blocking::Denied {
        ctx.reply.null_array();
        return Ok(());
    }
    Err(CommandError::Block(wait))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts() {
        let digits = "9".repeat(FLOAT_BYTES_MAX);
        for (text, want) in [
            ("0", Ok(0)),
            ("1", Ok(1000)),
            ("0.0001", Ok(1)),
            ("-0.0001", Ok(0)),
            ("+.5", Ok(500)),
            ("0x1", Ok(1000)),
            ("-1", Err(error::TIMEOUT_NEGATIVE)),
            ("inf", Err(error::TIMEOUT_NEGATIVE)),
            ("1e300", Err(error::TIMEOUT_NEGATIVE)),
            ("9223372036854775807", Err(error::TIMEOUT_NEGATIVE)),
            (&digits, Err(error::BAD_TIMEOUT)),
            (&digits[1..], Err(error::TIMEOUT_NEGATIVE)),
            ("nan", Err(error::BAD_TIMEOUT)),
            (" 1", Err(error::BAD_TIMEOUT)),
            ("", Err(error::BAD_TIMEOUT)),
            ("abc", Err(error::BAD_TIMEOUT)),
        ] {
            assert_eq!(timeout_ms(text.as_bytes()), want, "{text:?}");
        }
    }
}
