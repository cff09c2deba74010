//! Which operations a run sends, and how often each: the table of named ones, and templates of the
//! user's own. Pure.

use crate::template::Template;

/// An operation that `--mix` knows.
#[derive(Debug)]
pub struct Named {
    /// As in `--mix`.
    pub name: &'static str,
    /// What is sent.
    pub command: &'static str,
    /// What `--preload` sends for every key so that the operation finds something; empty: nothing.
    pub preload: &'static str,
}

const STRINGS: &str = "SET __key__ __value__";
const NUMBERS: &str = "SET number:__key__ 1";
const HASHES: &str = "HSET hash:__key__ field __value__";
const LISTS: &str = "RPUSH list:__key__ __value__";
const SETS: &str = "SADD set:__key__ __value__";
const SCORES: &str = "ZADD zset:__key__ 1 __value__";

const fn row(name: &'static str, command: &'static str, preload: &'static str) -> Named {
    Named { name, command, preload }
}

/// Each type has a prefix of its own, so that operations on different types never meet.
pub const NAMED: &[Named] = &[
    row("ping", "PING", ""),
    row("get", "GET __key__", STRINGS),
    row("set", STRINGS, STRINGS),
    row("setex", "SET __key__ __value__ EX 3600", STRINGS),
    row("del", "DEL __key__", STRINGS),
    row("mget", "MGET __key__ __key__ __key__ __key__", STRINGS),
    row("incr", "INCR number:__key__", NUMBERS),
    row("hset", HASHES, HASHES),
    row("hget", "HGET hash:__key__ field", HASHES),
    row("lpush", "LPUSH list:__key__ __value__", LISTS),
    row("rpop", "RPOP list:__key__", LISTS),
    row("lrange", "LRANGE list:__key__ 0 99", LISTS),
    row("sadd", SETS, SETS),
    row("spop", "SPOP set:__key__", SETS),
    row("zadd", SCORES, SCORES),
    row("zrange", "ZRANGE zset:__key__ 0 99", SCORES),
];

/// One operation of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// As reported.
    pub name: String,
    /// What is sent.
    pub template: Template,
    /// Share of the run: weight by sum of weights.
    pub weight: u32,
    /// What fills the data it works on, as text; `None` when nothing need be there.
    pub preload: Option<String>,
}

/// Reads one `name[=weight]` of `--mix`.
///
/// # Errors
/// A sentence that names what is wrong.
pub fn named(text: &str) -> Result<Operation, String> {
    let (name, weight) = match text.split_once('=') {
        None => (text, 1),
        Some((name, weight)) => (name, parse_weight(weight)?),
    };
    let row = NAMED.iter().find(|row| row.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
        let names: Vec<&str> = NAMED.iter().map(|row| row.name).collect();
        format!(
            "there is no operation '{name}': choose among {}, or use --command",
            names.join(", ")
        )
    })?;
    Ok(Operation {
        name: row.name.to_owned(),
        template: Template::parse(row.command)?,
        weight,
        preload: Some(row.preload.to_owned()).filter(|text| !text.is_empty()),
    })
}

/// Reads one `COMMAND …[=weight]` of `--command`; a weight stands behind the last `=` and is a
/// number.
///
/// # Errors
/// A sentence that names what is wrong.
pub fn custom(text: &str) -> Result<Operation, String> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (command, weight) = match text.rsplit_once('=') {
        Some((command, weight)) if digits(weight) => (command, parse_weight(weight)?),
        _ => (text, 1),
    };
    let command = command.trim();
    Ok(Operation {
        name: command.to_owned(),
        template: Template::parse(command)?,
        weight,
        preload: Some(STRINGS.to_owned()),
    })
}

fn parse_weight(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(weight) if 0 < weight && weight <= 1_000_000 => Ok(weight),
        _ => Err(format!("a weight is a whole number from 1 to 1000000, not '{text}'")),
    }
}

/// The distinct commands that fill what `operations` work on.
#[must_use]
pub fn preloads(operations: &[Operation]) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for text in operations.iter().filter_map(|operation| operation.preload.as_ref()) {
        if !texts.contains(text) {
            texts.push(text.clone());
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_operation_parses_and_is_unique() {
        for row in NAMED {
            let operation = named(row.name).expect("rows are valid");
            assert_eq!(operation.weight, 1);
            assert!(row.preload.is_empty() || Template::parse(row.preload).is_ok(), "{}", row.name);
            assert_eq!(NAMED.iter().filter(|other| other.name == row.name).count(), 1);
        }
    }

    #[test]
    fn weights() {
        let check = |got: Result<Operation, String>, want: Result<(&str, u32), &str>| match want {
            Ok(want) => {
                let got = got.expect("is valid");
                assert_eq!((got.name.as_str(), got.weight), want);
            }
            Err(part) => assert!(got.expect_err("is invalid").contains(part), "{part}"),
        };
        check(named("GET=10"), Ok(("get", 10)));
        check(named("set"), Ok(("set", 1)));
        check(named("get=0"), Err("not '0'"));
        check(named("git"), Err("no operation 'git': choose among ping, get"));
        check(custom("SET __key__ __value__=3"), Ok(("SET __key__ __value__", 3)));
        check(custom("SET k a=b"), Ok(("SET k a=b", 1)));
        check(custom("SET k \"a"), Err("quotes"));
        check(custom("=3"), Err("empty"));
    }

    #[test]
    fn preloads_are_sent_once() {
        let mix: Vec<Operation> =
            ["get", "set", "ping", "hget"].iter().filter_map(|name| named(name).ok()).collect();
        assert_eq!(preloads(&mix), [STRINGS, HASHES]);
    }
}
