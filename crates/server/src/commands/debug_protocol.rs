//! DEBUG PROTOCOL: a sample of each type of reply, for tests of client libraries.

use crate::turn::Turn;
use engine::{CommandError, error};
use resp::{Protocol, Reply};

type Sample = fn(&mut Reply<'_>);

#[expect(clippy::approx_constant, reason = "Redis' sample, not the constant")]
const SOME_DOUBLE: f64 = 3.141;

const SAMPLES: &[(&str, Sample)] = &[
    ("string", |reply| reply.bulk(b"Hello World")),
    ("integer", |reply| reply.int(12_345)),
    ("double", |reply| reply.double(SOME_DOUBLE)),
    ("bignum", |reply| reply.big_number("1234567999999999999999999999999999999")),
    ("null", |reply| reply.null()),
    ("array", |reply| {
        reply.array(3);
        (0..3).for_each(|number| reply.int(number));
    }),
    ("set", |reply| {
        reply.set(3);
        (0..3).for_each(|number| reply.int(number));
    }),
    ("map", |reply| {
        reply.map(3);
        for number in 0..3 {
            reply.int(number);
            reply.boolean(number == 1);
        }
    }),
    ("attrib", |reply| {
        if reply.protocol() == Protocol::Three {
            reply.attribute(1);
            reply.bulk(b"key-popularity");
            reply.array(2);
            reply.bulk(b"key:123");
            reply.int(90);
        }
        reply.bulk(b"Some real reply following the attribute");
    }),
    ("push", |reply| {
        reply.push(2);
        reply.bulk(b"server-cpu-usage");
        reply.int(42);
        reply.bulk(b"Some real reply following the push reply");
    }),
    ("verbatim", |reply| reply.verbatim(b"This is a verbatim\nstring")),
    ("true", |reply| reply.boolean(true)),
    ("false", |reply| reply.boolean(false)),
];

/// DEBUG PROTOCOL type.
///
/// # Errors
/// There is no such type, or this protocol has none.
pub fn run(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let wanted = turn.args.at(2);
    let found = SAMPLES.iter().find(|(name, _)| engine::parse::is(wanted, name));
    let Some((name, write)) = found else {
        let names: Vec<_> = SAMPLES.iter().map(|(name, _)| *name).collect();
        let text = "ERR Wrong protocol type name. Please use one of the following: ";
        return Err(error::other(format!("{text}{}", names.join("|"))));
    };
    if *name == "push" && turn.session.protocol == Protocol::Two {
        return Err(error::other("ERR RESP2 is not supported by this command"));
    }
    write(&mut turn.reply());
    Ok(())
}
