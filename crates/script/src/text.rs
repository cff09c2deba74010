//! The functions of `string` that must be bounded: find, match, gmatch, gsub, rep.

use crate::convert::kind;
use crate::failure;
use crate::pattern::{self, Capture, Matcher, Stop};
use crate::sandbox::{function, tick};
use mlua::{Function, Lua, LuaString, MultiValue, Table, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Longest result of `string.rep`.
const REPEATED_BYTES_MAX: f64 = (64 << 20) as f64;

/// Puts the functions into `host`.
pub fn register(lua: &Lua, host: &Table) -> mlua::Result<()> {
    host.raw_set("find", function(lua, |lua, values| search(lua, values, true))?)?;
    host.raw_set("match", function(lua, |lua, values| search(lua, values, false))?)?;
    host.raw_set("gmatch", function(lua, all_matches)?)?;
    host.raw_set("gsub", function(lua, substitute)?)?;
    host.raw_set("rep", lua.create_function(repeat)?)
}

fn repeat(lua: &Lua, (text, times): (LuaString, f64)) -> mlua::Result<LuaString> {
    let len = text.as_bytes().len();
    if times * len as f64 > REPEATED_BYTES_MAX {
        return Err(failure::at_caller(lua, "resulting string too large"));
    }
    let times = if len == 0 || times < 0.0 { 0 } else { times as usize };
    lua.create_string(text.as_bytes().repeat(times))
}

fn bad_argument(lua: &Lua, at: usize, name: &str, wanted: &str, got: &Value) -> mlua::Error {
    let got = if matches!(got, Value::Nil) { "no value" } else { kind(got) };
    let text = format!("bad argument #{at} to '{name}' ({wanted} expected, got {got})");
    failure::at_caller(lua, &text)
}

fn argument(values: &MultiValue, at: usize) -> Value {
    values.get(at - 1).cloned().unwrap_or(Value::Nil)
}

fn text(lua: &Lua, values: &MultiValue, at: usize, name: &str) -> mlua::Result<LuaString> {
    let value = argument(values, at);
    match lua.coerce_string(value.clone())? {
        Some(text) => Ok(text),
        None => Err(bad_argument(lua, at, name, "string", &value)),
    }
}

fn stopped(lua: &Lua, stop: Stop) -> mlua::Error {
    match stop {
        Stop::Bad(why) => failure::at_caller(lua, why),
        Stop::Ended => failure::reply(crate::sandbox::KILLED),
    }
}

/// Where a search starts: places count from 1, negative ones from the end.
fn start_of(init: f64, len: usize) -> usize {
    let at = if init < 0.0 { init + len as f64 } else { init - 1.0 };
    (at.max(0.0) as usize).min(len)
}

fn capture_value(lua: &Lua, bytes: &[u8], capture: Capture) -> mlua::Result<Value> {
    match capture {
        Capture::Span(from, to) => Ok(Value::String(lua.create_string(&bytes[from..to])?)),
        Capture::Place(at) | Capture::Open(at) => Ok(Value::Number(at as f64 + 1.0)),
    }
}

/// The captures, or the whole match when there is none.
fn captured(
    lua: &Lua,
    bytes: &[u8],
    matcher: &Matcher<'_>,
    (start, end): (usize, usize),
    whole: bool,
) -> mlua::Result<Vec<Value>> {
    let captures = matcher.captures().map_err(|stop| stopped(lua, stop))?;
    if captures.is_empty() && whole {
        return Ok(vec![capture_value(lua, bytes, Capture::Span(start, end))?]);
    }
    captures.iter().map(|&capture| capture_value(lua, bytes, capture)).collect()
}

fn search(lua: &Lua, values: &MultiValue, is_find: bool) -> mlua::Result<MultiValue> {
    let name = if is_find { "find" } else { "match" };
    let (subject, pattern) = (text(lua, values, 1, name)?, text(lua, values, 2, name)?);
    let (bytes, pattern) = (&*subject.as_bytes(), &*pattern.as_bytes());
    let init = match argument(values, 3) {
        Value::Nil => 1.0,
        other => match lua.coerce_number(other.clone())? {
            Some(number) => number,
            None => return Err(bad_argument(lua, 3, name, "number", &other)),
        },
    };
    let start = start_of(init, bytes.len());
    let mut go_on = || tick(lua);
    let plain = !matches!(argument(values, 4), Value::Nil | Value::Boolean(false));
    if is_find && (plain || !pattern::is_special(pattern)) {
        let found = pattern::find_plain(bytes, pattern, start, &mut go_on);
        return Ok(match found.map_err(|stop| stopped(lua, stop))? {
            Some(at) => {
                [at + 1, at + pattern.len()].map(|n| Value::Number(n as f64)).into_iter().collect()
            }
            None => [Value::Nil].into_iter().collect(),
        });
    }
    let (anchored, body) = match pattern.strip_prefix(b"^") {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    let mut matcher = Matcher::new(bytes, body, &mut go_on);
    let found = matcher.find(start, anchored).map_err(|stop| stopped(lua, stop))?;
    let Some((start, end)) = found else { return Ok([Value::Nil].into_iter().collect()) };
    let captures = captured(lua, bytes, &matcher, (start, end), !is_find)?;
    if !is_find {
        return Ok(captures.into_iter().collect());
    }
    let span = [start + 1, end].map(|n| Value::Number(n as f64));
    Ok(span.into_iter().chain(captures).collect())
}

fn all_matches(lua: &Lua, values: &MultiValue) -> mlua::Result<Function> {
    let (subject, pattern) = (text(lua, values, 1, "gmatch")?, text(lua, values, 2, "gmatch")?);
    let (bytes, pattern): (Arc<[u8]>, Arc<[u8]>) =
        ((&*subject.as_bytes()).into(), (&*pattern.as_bytes()).into());
    let next = AtomicUsize::new(0);
    lua.create_function(move |lua, ()| {
        let from = next.load(Relaxed);
        if from > bytes.len() {
            return Ok([Value::Nil].into_iter().collect::<MultiValue>());
        }
        let mut go_on = || tick(lua);
        let mut matcher = Matcher::new(&bytes, &pattern, &mut go_on);
        let found = matcher.find(from, false).map_err(|stop| stopped(lua, stop))?;
        let Some((start, end)) = found else {
            next.store(bytes.len() + 1, Relaxed);
            return Ok([Value::Nil].into_iter().collect());
        };
        next.store(if end == start { end + 1 } else { end }, Relaxed);
        let captures = captured(lua, &bytes, &matcher, (start, end), true)?;
        Ok(captures.into_iter().collect())
    })
}

/// What takes the place of a match.
enum Replacement {
    Template(LuaString),
    Table(Table),
    Function(Function),
}

fn substitute(lua: &Lua, values: &MultiValue) -> mlua::Result<(LuaString, f64)> {
    let (subject, pattern) = (text(lua, values, 1, "gsub")?, text(lua, values, 2, "gsub")?);
    let replacement = match argument(values, 3) {
        Value::Table(table) => Replacement::Table(table),
        Value::Function(function) => Replacement::Function(function),
        other => match lua.coerce_string(other.clone())? {
            Some(template) => Replacement::Template(template),
            None => {
                return Err(bad_argument(lua, 3, "gsub", "string/function/table", &other));
            }
        },
    };
    let limit = match argument(values, 4) {
        Value::Nil => f64::INFINITY,
        other => match lua.coerce_number(other.clone())? {
            Some(number) => number,
            None => return Err(bad_argument(lua, 4, "gsub", "number", &other)),
        },
    };
    let (bytes, pattern) = (subject.as_bytes(), pattern.as_bytes());
    let (anchored, body) = match pattern.strip_prefix(b"^") {
        Some(rest) => (true, rest),
        None => (false, &*pattern),
    };
    let mut go_on = || tick(lua);
    let mut matcher = Matcher::new(&bytes, body, &mut go_on);
    let (mut out, mut at, mut count) = (Vec::new(), 0, 0.0);
    while count < limit {
        let found = matcher.match_at(at).map_err(|stop| stopped(lua, stop))?;
        if let Some(end) = found {
            count += 1.0;
            replace(lua, &bytes, &matcher, (at, end), &replacement, &mut out)?;
        }
        match found {
            Some(end) if end > at => at = end,
            _ if at < bytes.len() => {
                out.push(bytes[at]);
                at += 1;
            }
            _ => break,
        }
        if anchored {
            break;
        }
        if out.len() > REPEATED_BYTES_MAX as usize {
            return Err(failure::at_caller(lua, "resulting string too large"));
        }
    }
    out.extend_from_slice(&bytes[at.min(bytes.len())..]);
    Ok((lua.create_string(&out)?, count))
}

fn replace(
    lua: &Lua,
    bytes: &[u8],
    matcher: &Matcher<'_>,
    span: (usize, usize),
    replacement: &Replacement,
    out: &mut Vec<u8>,
) -> mlua::Result<()> {
    let whole = &bytes[span.0..span.1];
    let captures = captured(lua, bytes, matcher, span, true)?;
    let value: Value = match replacement {
        Replacement::Template(template) => {
            return expand(lua, &template.as_bytes(), whole, &captures, out);
        }
        Replacement::Table(table) => table.get(captures[0].clone())?,
        Replacement::Function(function) => {
            function.call(captures.into_iter().collect::<MultiValue>())?
        }
    };
    if matches!(value, Value::Nil | Value::Boolean(false)) {
        out.extend_from_slice(whole);
        return Ok(());
    }
    let kind = kind(&value);
    match lua.coerce_string(value)? {
        Some(text) => out.extend_from_slice(&text.as_bytes()),
        None => {
            let text = format!("invalid replacement value (a {kind})");
            return Err(failure::at_caller(lua, &text));
        }
    }
    Ok(())
}

/// A template with `%0` to `%9` filled in.
fn expand(
    lua: &Lua,
    template: &[u8],
    whole: &[u8],
    captures: &[Value],
    out: &mut Vec<u8>,
) -> mlua::Result<()> {
    let mut bytes = template.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'0') => out.extend_from_slice(whole),
            Some(digit) if digit.is_ascii_digit() => {
                let capture = captures.get(usize::from(digit - b'1'));
                let Some(capture) = capture else {
                    return Err(failure::at_caller(lua, "invalid capture index"));
                };
                let text = lua.coerce_string(capture.clone())?;
                out.extend_from_slice(&text.expect("captures are texts or numbers").as_bytes());
            }
            Some(&other) => out.push(other),
            None => out.push(0),
        }
    }
    Ok(())
}
