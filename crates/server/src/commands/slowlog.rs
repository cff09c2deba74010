//! SLOWLOG: the newest requests that took long.

use crate::error;
use crate::turn::Turn;
use engine::{CommandError, parse};

/// Requests that GET returns unless told otherwise.
const COUNT: usize = 10;

/// SLOWLOG GET [count]; −1 is all.
///
/// # Errors
/// The count is no number, or below −1.
pub fn get(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    if turn.args.len() > 3 {
        return Err(error::subcommand_syntax("slowlog", turn.args.at(1)));
    }
    let count = match turn.args.find(2).map(parse::integer) {
        None => COUNT,
        Some(Ok(-1)) => usize::MAX,
        Some(count) => {
            let count = count.ok().and_then(|count| usize::try_from(count).ok());
            count.ok_or_else(|| error::reply(error::SLOWLOG_COUNT))?
        }
    };
    let kept: Vec<_> = turn.shared.measures.slow.lock().newest(count).cloned().collect();
    let mut reply = turn.reply();
    reply.array(kept.len());
    for slow in kept {
        reply.array(6);
        reply.int(slow.id as i64);
        reply.int(slow.at_s as i64);
        reply.int(slow.took_us as i64);
        reply.array(slow.words.len());
        slow.words.iter().for_each(|word| reply.bulk(word));
        reply.bulk(slow.peer.as_bytes());
        reply.bulk(slow.name.as_bytes());
    }
    Ok(())
}

/// SLOWLOG LEN.
///
/// # Errors
/// None.
pub fn len(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let len = turn.shared.measures.slow.lock().len();
    turn.reply().int(len as i64);
    Ok(())
}

/// SLOWLOG RESET.
///
/// # Errors
/// None.
pub fn reset(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    turn.shared.measures.slow.lock().reset();
    turn.reply().ok();
    Ok(())
}

/// SLOWLOG HELP.
///
/// # Errors
/// None.
pub fn help(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let index = &turn.shared.index;
    super::help_lines(&mut turn.reply(), "SLOWLOG", index);
    Ok(())
}
