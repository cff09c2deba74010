//! COMMAND: the table of commands, from the table of commands.

use crate::dispatch::for_each_key;
use crate::error;
use crate::turn::Turn;
use catalog::commands::{CommandId, Index};
use catalog::{Command, Family, Keys};
use engine::{CommandError, parse};
use resp::{Args, OwnedArgs, Reply};

/// COMMAND.
///
/// # Errors
/// None.
pub fn all(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let index = &turn.shared.index;
    let tops: Vec<_> = tops(index).collect();
    let mut reply = turn.reply();
    reply.array(tops.len());
    tops.iter().for_each(|row| describe(&mut reply, index, row));
    Ok(())
}

/// COMMAND COUNT.
///
/// # Errors
/// None.
pub fn count(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let number = tops(&turn.shared.index).count();
    turn.reply().int(number as i64);
    Ok(())
}

/// COMMAND INFO [name …].
///
/// # Errors
/// None.
pub fn info(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    if turn.args.len() == 2 {
        return all(turn);
    }
    let (index, args) = (&turn.shared.index, turn.args);
    let mut reply = turn.reply();
    reply.array(args.len() - 2);
    for name in args.from(2) {
        match index.find(name) {
            Some(id) => describe(&mut reply, index, index.row(id)),
            None => reply.null_array(),
        }
    }
    Ok(())
}

/// COMMAND LIST [FILTERBY ACLCAT category | PATTERN glob | MODULE name].
///
/// # Errors
/// Another filter.
pub fn list(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let index = &turn.shared.index;
    let args = turn.args;
    let value = args.find(4).unwrap_or_default();
    let wanted: Box<dyn Fn(&Command) -> bool> = match (args.len(), args.find(3)) {
        (2, _) => Box::new(|_| true),
        (5, Some(kind)) if parse::is(args.at(2), "FILTERBY") => {
            if parse::is(kind, "ACLCAT") {
                Box::new(move |row| row.categories().any(|name| parse::is(value, name)))
            } else if parse::is(kind, "PATTERN") {
                Box::new(move |row| engine::glob::matches(value, row.name.as_bytes()))
            } else if parse::is(kind, "MODULE") {
                Box::new(|_| false)
            } else {
                return Err(engine::error::SYNTAX);
            }
        }
        _ => return Err(engine::error::SYNTAX),
    };
    let rows: Vec<_> = index.rows().iter().filter(|row| wanted(row)).collect();
    let mut reply = turn.reply();
    reply.array(rows.len());
    rows.iter().for_each(|row| reply.bulk(row.name.as_bytes()));
    Ok(())
}

/// COMMAND DOCS [name …].
///
/// # Errors
/// None.
pub fn docs(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let (index, args) = (&turn.shared.index, turn.args);
    let rows: Vec<&Command> = match args.len() {
        2 => tops(index).collect(),
        _ => args.from(2).filter_map(|name| index.find(name)).map(|id| index.row(id)).collect(),
    };
    let mut reply = turn.reply();
    reply.map(rows.len());
    rows.iter().for_each(|row| document(&mut reply, index, row));
    Ok(())
}

/// COMMAND GETKEYS command [argument …].
///
/// # Errors
/// No such command, a wrong number of words, or a command without keys.
pub fn getkeys(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let index = &turn.shared.index;
    let request = OwnedArgs::from_words(turn.args.from(2));
    let request = request.as_args();
    let id: Result<CommandId, _> = index.resolve(request.at(0), request.find(1));
    let row = index.row(id.map_err(|_| error::reply("ERR Invalid command specified"))?);
    if row.keys == Keys::None {
        return Err(error::reply("ERR The command has no key arguments"));
    }
    if !row.accepts(request.len()) {
        return Err(error::reply("ERR Invalid number of arguments specified for command"));
    }
    let mut keys = Vec::new();
    match row.keys {
        Keys::Counted { count, store } => {
            let (count, store) = (usize::from(count), usize::from(store));
            if let Some(number) = counted(request, count) {
                keys.extend(request.from(count + 1).take(number).map(<[u8]>::to_vec));
                if store > 0 {
                    // Redis finds the destination last where it has to guess the number.
                    let exact = resp::number::parse_i64(request.at(count)).is_some();
                    let place = if exact { 0 } else { keys.len() };
                    keys.insert(place, request.at(store).to_vec());
                }
            }
        }
        spec => for_each_key(spec, request, |key| keys.push(key.to_vec())),
    }
    // A script may do without keys.
    if keys.is_empty() && row.family != Family::Scripting {
        return Err(error::reply("ERR Invalid arguments specified for command"));
    }
    let mut reply = turn.reply();
    reply.array(keys.len());
    keys.iter().for_each(|key| reply.bulk(key));
    Ok(())
}

/// How many keys follow the word at `at`, at least one, if they are there. As Redis does here, the
/// number ends at the first byte that is none of its digits, and has 32 bits.
fn counted(request: Args<'_>, at: usize) -> Option<usize> {
    let text = request.find(at)?.trim_ascii_start();
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] => (1, digits),
        digits => (1, digits),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let value = digits.fold(0i64, |value, byte| {
        value.saturating_mul(10).saturating_add(i64::from(byte - b'0') * sign)
    });
    let number = usize::try_from(value as i32).ok()?;
    (1..request.len() - at).contains(&number).then_some(number)
}

/// COMMAND HELP.
///
/// # Errors
/// None.
pub fn help(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let index = &turn.shared.index;
    super::help_lines(&mut turn.reply(), "COMMAND", index);
    Ok(())
}

fn tops(index: &Index) -> impl Iterator<Item = &'static Command> {
    index.rows().iter().copied().filter(|row| row.container().is_none())
}

fn subs<'i>(index: &'i Index, row: &Command) -> impl Iterator<Item = &'static Command> + 'i {
    let name = row.name;
    index.rows().iter().copied().filter(move |sub| sub.container() == Some(name))
}

fn describe(reply: &mut Reply<'_>, index: &Index, row: &Command) {
    let (first, last, step) = match row.keys {
        Keys::Range { first, last, step } => (i64::from(first), i64::from(last), i64::from(step)),
        Keys::Sort | Keys::Radius => (1, 1, 1),
        Keys::None | Keys::Counted { .. } | Keys::CountedPairs | Keys::Streams { .. } => (0, 0, 0),
    };
    reply.array(10);
    reply.bulk(row.name.as_bytes());
    reply.int(i64::from(row.arity));
    let flags: Vec<_> = row.flags.names().collect();
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.simple(flag));
    reply.int(first);
    reply.int(last);
    reply.int(step);
    let categories: Vec<_> = row.categories().collect();
    reply.set(categories.len());
    categories.iter().for_each(|name| reply.simple(&format!("@{name}")));
    // Tips and key specifications are not told yet.
    reply.array(0);
    reply.array(0);
    let subs: Vec<_> = subs(index, row).collect();
    reply.array(subs.len());
    subs.iter().for_each(|sub| describe(reply, index, sub));
}

fn document(reply: &mut Reply<'_>, index: &Index, row: &Command) {
    let subs: Vec<_> = subs(index, row).collect();
    reply.bulk(row.name.as_bytes());
    reply.map(3 + usize::from(!subs.is_empty()));
    for (name, text) in
        [("summary", row.summary), ("since", row.since), ("group", row.family.group())]
    {
        reply.bulk(name.as_bytes());
        reply.bulk(text.as_bytes());
    }
    if !subs.is_empty() {
        reply.bulk(b"subcommands");
        reply.map(subs.len());
        subs.iter().for_each(|sub| document(reply, index, sub));
    }
}
