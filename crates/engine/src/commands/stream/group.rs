//! XGROUP CREATE key group id|$ [MKSTREAM] [ENTRIESREAD n], SETID key group id|$ [ENTRIESREAD n],
//! DESTROY key group, CREATECONSUMER and DELCONSUMER key group consumer: consumer groups.

use super::ids;
use super::trimming::discard;
use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::keyspace::Edit;
use crate::parse;
use crate::tick::STEPS;
use crate::types::Stream;
use crate::types::stream::{Group, Id};
use catalog::events::Classes;
use resp::Args;

/// Options of CREATE and SETID.
struct Options {
    makes_key: bool,
    read: Option<i64>,
}

impl Options {
    fn parse(args: Args<'_>, creates: bool) -> Result<Self, CommandError> {
        let mut options = Self { makes_key: false, read: None };
        let mut words = args.from(5);
        while let Some(word) = words.next() {
            if creates && parse::is(word, "MKSTREAM") {
                options.makes_key = true;
            } else if parse::is(word, "ENTRIESREAD")
                && let Some(read) = words.next()
            {
                options.read = match parse::integer(read)? {
                    -1 => None,
                    0.. => Some(parse::integer(read)?),
                    _ => return Err(error::BAD_ENTRIES_READ),
                };
            } else {
                return Err(error::bad_subcommand("XGROUP", args.at(1)));
            }
        }
        Ok(options)
    }
}

/// The stream at word 2, which nobody who watches it is told of.
fn edit<'k>(ctx: &'k mut Ctx<'_>) -> Result<Edit<'k, Stream>, CommandError> {
    let stream = ctx.keys.edit::<Stream>(ctx.args.at(2))?;
    let mut stream = stream.ok_or(error::XGROUP_NO_KEY)?;
    stream.unchanged();
    Ok(stream)
}

/// As [`edit`], for those who need the group at word 3.
fn edit_known<'k>(ctx: &'k mut Ctx<'_>) -> Result<Edit<'k, Stream>, CommandError> {
    let (key, group) = (ctx.args.at(2), ctx.args.at(3));
    let stream = edit(ctx)?;
    stream.group(group).ok_or_else(|| error::no_group_at(key, group))?;
    Ok(stream)
}

fn id_in(word: &[u8], stream: Option<&Stream>, strict: bool) -> Result<Id, CommandError> {
    match word {
        b"$" => Ok(stream.map_or(Id::MIN, |stream| stream.last_id)),
        _ if strict => ids::parse(word, 0),
        _ => ids::parse_end(word, 0),
    }
}

/// XGROUP CREATE.
///
/// # Errors
/// Bad options, no key without MKSTREAM, a group that is there, or the value is no stream.
pub fn create(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (key, name) = (ctx.args.at(2), ctx.args.at(3));
    let options = Options::parse(ctx.args, true)?;
    let found = ctx.keys.get_quietly::<Stream>(key)?;
    let is_new = found.is_none();
    if is_new && !options.makes_key {
        return Err(error::XGROUP_NO_KEY);
    }
    if ctx.args.len() > 8 {
        return Err(error::bad_subcommand("XGROUP", ctx.args.at(1)));
    }
    let id = id_in(ctx.args.at(4), found, true)?;
    if found.is_some_and(|stream| stream.group(name).is_some()) {
        return Err(error::GROUP_EXISTS);
    }
    let mut stream = ctx.keys.edit_or_new::<Stream>(key)?;
    if !is_new {
        stream.unchanged();
    }
    stream.add_group(Group::new(name, id, options.read));
    drop(stream);
    done(ctx, "xgroup-create");
    ctx.reply.ok();
    Ok(())
}

/// XGROUP SETID.
///
/// # Errors
/// Bad options, no key or group, or the value is no stream.
pub fn set_id(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let args = ctx.args;
    let options = Options::parse(args, false)?;
    let mut stream = edit_known(ctx)?;
    if !matches!(args.len(), 5 | 7) {
        return Err(error::bad_subcommand("XGROUP", args.at(1)));
    }
    let id = id_in(args.at(4), Some(&stream), false)?;
    stream.edit_group(args.at(3), |group| {
        group.last_id = id;
        group.read = options.read;
    });
    drop(stream);
    done(ctx, "xgroup-setid");
    ctx.reply.ok();
    Ok(())
}

/// XGROUP DESTROY.
///
/// # Errors
/// No key, or the value is no stream.
pub fn destroy(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (key, name) = (ctx.args.at(2), ctx.args.at(3));
    let taken = edit(ctx)?.take_group(name);
    ctx.reply.int(i64::from(taken.is_some()));
    if let Some(taken) = taken {
        discard(ctx, taken);
        done(ctx, "xgroup-destroy");
        ctx.keys.wake(key);
    }
    Ok(())
}

/// XGROUP CREATECONSUMER.
///
/// # Errors
/// No key or group, or the value is no stream.
pub fn create_consumer(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (args, now_ms) = (ctx.args, ctx.keys.moment.now_ms);
    let mut stream = edit_known(ctx)?;
    let made = stream.edit_group(args.at(3), |group| group.create_consumer(args.at(4), now_ms));
    drop(stream);
    let made = made == Some(true);
    if made {
        done(ctx, "xgroup-createconsumer");
    }
    ctx.reply.int(i64::from(made));
    Ok(())
}

/// XGROUP DELCONSUMER.
///
/// # Errors
/// As [`create_consumer`].
pub fn delete_consumer(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (key, group, name) = (ctx.args.at(2), ctx.args.at(3), ctx.args.at(4));
    let stream = edit_known(ctx)?;
    let consumer = stream.group(group).and_then(|group| group.consumer(name));
    let pending = consumer.map(|consumer| consumer.pending().len());
    drop(stream);
    ctx.reply.int(pending.unwrap_or(0) as i64);
    if pending.is_none() {
        return Ok(());
    }
    let Some(mut stream) = ctx.keys.edit::<Stream>(key)? else { return Ok(()) };
    stream.unchanged();
    while stream.edit_group(group, |group| group.forget(name, STEPS)) == Some(true) {
        // Too late for an error: some of it is done.
        _ = ctx.tick.tick();
    }
    let taken = stream.take_consumer(group, name);
    drop(stream);
    done(ctx, "xgroup-delconsumer");
    taken.into_iter().for_each(|taken| discard(ctx, taken));
    Ok(())
}

fn done(ctx: &mut Ctx<'_>, event: &'static str) {
    ctx.keys.event(Classes::STREAM, event, ctx.args.at(2));
    ctx.propagate_verbatim();
}

/// XGROUP HELP.
///
/// # Errors
/// None of its own.
pub fn help(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    super::emit::write_help(
        ctx,
        &[
            "XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
            "CREATE <key> <groupname> <id|$> [option]",
            "    Make a consumer group. Options are:",
            "    * MKSTREAM",
            "      Make an empty stream if there is none.",
            "    * ENTRIESREAD entries_read",
            "      Set how many entries the group has read (internal use).",
            "CREATECONSUMER <key> <groupname> <consumer>",
            "    Make a consumer in the group.",
            "DELCONSUMER <key> <groupname> <consumer>",
            "    Remove the consumer.",
            "DESTROY <key> <groupname>",
            "    Remove the group.",
            "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
            "    Set how far the group has read.",
            "HELP",
            "    Print this help.",
        ],
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn groups() {
        check(
            r#"
            XGROUP CREATE s g $ => -ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.
            XGROUP CREATE s g $ MKSTREAM => +OK ~ XGROUP CREATE s g $ MKSTREAM
            XGROUP CREATE s g $ => -BUSYGROUP Consumer Group name already exists
            XGROUP CREATE s h x => -ERR Invalid stream ID specified as stream command argument
            XGROUP CREATE s h 0 ENTRIESREAD -2 => -ERR value for ENTRIESREAD must be positive or -1
            XGROUP CREATE s h 0 WHAT => -ERR unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP HELP.
            XGROUP SETID s g 5-5 ENTRIESREAD 3 => +OK ~ XGROUP SETID s g 5-5 ENTRIESREAD 3
            XGROUP SETID s h 5 => -NOGROUP No such consumer group 'h' for key name 's'
            XGROUP CREATECONSUMER s g c => :1 ~ XGROUP CREATECONSUMER s g c
            XGROUP CREATECONSUMER s g c => :0 ~
            XGROUP CREATECONSUMER s h c => -NOGROUP No such consumer group 'h' for key name 's'
            XADD s 6-1 a 1 => "6-1"
            XREADGROUP GROUP g c STREAMS s > => [["s", [["6-1", ["a", "1"]]]]]
            XGROUP DELCONSUMER s g c => :1 ~ XGROUP DELCONSUMER s g c
            XGROUP DELCONSUMER s g c => :0 ~
            XPENDING s g => [:0, nil, nil, nil]
            XGROUP DESTROY s g => :1 ~ XGROUP DESTROY s g
            XGROUP DESTROY s g => :0 ~
            XGROUP DESTROY none g => -ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.
            "#,
        );
    }
}
