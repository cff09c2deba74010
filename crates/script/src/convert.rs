//! Values between Lua and RESP, with Redis' rules: numbers lose their fraction, arrays end at the
//! first nil, tables with one known field are errors, statuses or RESP3 types.

use mlua::{Lua, Table, Value};
use resp::number::parse_i64;
use resp::{Protocol, Reply};

/// Tables in tables; deeper ones become an error.
const DEPTH_MAX: usize = 256;

/// What a script calls the type of `value`.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Integer(_) | Value::Number(_) => "number",
        Value::Error(_) => "userdata",
        other => other.type_name(),
    }
}

/// A number.
pub fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Number(number) => Some(*number),
        _ => None,
    }
}

/// Number of a table's fields, and the largest of its keys if all are whole numbers from 1 on. One
/// field after the other: Lua has no room for many values in the host's hands.
pub fn extent(table: &Table) -> mlua::Result<(usize, Option<f64>)> {
    let (mut len, mut last) = (0, Some(0f64));
    for pair in table.pairs::<Value, Value>() {
        let place = number(&pair?.0).filter(|n| *n >= 1.0 && n.fract() == 0.0);
        last = last.and_then(|last| Some(place?.max(last)));
        len += 1;
    }
    Ok((len, last))
}

/// Appends a word of a command; `None` when the value is neither text nor number.
pub fn push_word(value: &Value, out: &mut Vec<u8>) -> Option<()> {
    match value {
        Value::String(text) => out.extend_from_slice(&text.as_bytes()),
        Value::Integer(number) => resp::number::write_i64(out, *number),
        Value::Number(number) => {
            out.extend_from_slice(resp::double::Decimal::new().format(*number).as_bytes());
        }
        _ => return None,
    }
    Some(())
}

/// A reply as it came from a command, being read.
pub struct Replied<'r> {
    bytes: &'r [u8],
}

impl<'r> Replied<'r> {
    /// `bytes` hold one whole reply that the server itself has written.
    pub fn new(bytes: &'r [u8]) -> Self {
        Self { bytes }
    }

    fn line(&mut self) -> &'r [u8] {
        let end = self.bytes.windows(2).position(|pair| pair == b"\r\n");
        let end = end.expect("replies are whole");
        let line = &self.bytes[..end];
        self.bytes = &self.bytes[end + 2..];
        line
    }

    fn sized(&mut self, len: usize) -> &'r [u8] {
        let found = &self.bytes[..len];
        self.bytes = &self.bytes[len + 2..];
        found
    }

    /// The text of an error reply.
    pub fn error(&mut self) -> Option<&'r [u8]> {
        let is_error = self.bytes.first() == Some(&b'-');
        is_error.then(|| &self.line()[1..])
    }

    /// The next value.
    pub fn value(&mut self, lua: &Lua) -> mlua::Result<Value> {
        let line = self.line();
        let (kind, rest) = line.split_first().expect("replies have a type");
        let number = || parse_i64(rest);
        match (kind, number()) {
            (b':', Some(number)) => Ok(Value::Number(number as f64)),
            (b'$', Some(len @ 0..)) => text(lua, self.sized(len as usize)),
            (b'*', Some(len @ 0..)) => self.array(lua, len as usize),
            (b'$' | b'*', _) => Ok(Value::Boolean(false)),
            (b'+', _) => single(lua, "ok", text(lua, rest)?),
            (b'-', _) => single(lua, "err", text(lua, rest)?),
            (b'%', Some(len)) => self.map(lua, len as usize),
            (b'~' | b'>', Some(len)) => self.set(lua, len as usize),
            (b'_', _) => Ok(Value::Nil),
            (b'#', _) => Ok(Value::Boolean(rest == b"t")),
            (b',', _) => {
                let number = std::str::from_utf8(rest).ok().and_then(|text| text.parse().ok());
                single(lua, "double", Value::Number(number.unwrap_or(f64::NAN)))
            }
            (b'(', _) => single(lua, "big_number", text(lua, rest)?),
            (b'=', Some(len @ 4..)) => self.verbatim(lua, len as usize),
            (b'|', Some(len @ 0..)) => {
                // Attributes are not for scripts; what they belong to follows.
                for _ in 0..2 * len {
                    self.value(lua)?;
                }
                self.value(lua)
            }
            _ => Err(mlua::Error::runtime("a reply of a type that scripts do not know")),
        }
    }

    fn array(&mut self, lua: &Lua, len: usize) -> mlua::Result<Value> {
        let table = lua.create_table_with_capacity(len, 0)?;
        for at in 1..=len {
            table.raw_set(at, self.value(lua)?)?;
        }
        Ok(Value::Table(table))
    }

    fn map(&mut self, lua: &Lua, len: usize) -> mlua::Result<Value> {
        let table = lua.create_table_with_capacity(0, len)?;
        for _ in 0..len {
            let key = self.value(lua)?;
            table.raw_set(key, self.value(lua)?)?;
        }
        single(lua, "map", Value::Table(table))
    }

    fn set(&mut self, lua: &Lua, len: usize) -> mlua::Result<Value> {
        let table = lua.create_table_with_capacity(0, len)?;
        for _ in 0..len {
            table.raw_set(self.value(lua)?, true)?;
        }
        single(lua, "set", Value::Table(table))
    }

    fn verbatim(&mut self, lua: &Lua, len: usize) -> mlua::Result<Value> {
        let bytes = self.sized(len);
        let table = lua.create_table_with_capacity(0, 2)?;
        table.raw_set("string", text(lua, &bytes[4..])?)?;
        table.raw_set("format", text(lua, &bytes[..3])?)?;
        single(lua, "verbatim_string", Value::Table(table))
    }
}

fn text(lua: &Lua, bytes: &[u8]) -> mlua::Result<Value> {
    Ok(Value::String(lua.create_string(bytes)?))
}

fn single(lua: &Lua, field: &str, value: Value) -> mlua::Result<Value> {
    let table = lua.create_table_with_capacity(0, 1)?;
    table.raw_set(field, value)?;
    Ok(Value::Table(table))
}

/// Writes what a script returned. `script` is the protocol that the script has chosen for itself.
pub fn write(value: &Value, script: Protocol, reply: &mut Reply<'_>) -> mlua::Result<()> {
    Writer { script, depth: 0 }.value(value, reply)
}

struct Writer {
    script: Protocol,
    depth: usize,
}

/// As C casts: what does not fit becomes the smallest number.
fn integer(number: f64) -> i64 {
    if number.abs() < 9_223_372_036_854_775_808.0 { number as i64 } else { i64::MIN }
}

impl Writer {
    fn value(&mut self, value: &Value, reply: &mut Reply<'_>) -> mlua::Result<()> {
        match value {
            Value::String(text) => reply.bulk(&text.as_bytes()),
            Value::Integer(number) => reply.int(*number),
            Value::Number(number) => reply.int(integer(*number)),
            Value::Boolean(value) if self.script == Protocol::Three => reply.boolean(*value),
            Value::Boolean(true) => reply.int(1),
            Value::Table(_) if self.depth >= DEPTH_MAX => {
                reply.error(b"ERR reached lua stack limit");
            }
            Value::Table(table) => {
                self.depth += 1;
                self.table(table, reply)?;
                self.depth -= 1;
            }
            _ => reply.null(),
        }
        Ok(())
    }

    fn table(&mut self, table: &Table, reply: &mut Reply<'_>) -> mlua::Result<()> {
        if let Value::String(text) = table.raw_get("err")? {
            reply.error(&text.as_bytes());
        } else if let Value::String(text) = table.raw_get("ok")? {
            line(b'+', &text.as_bytes(), reply);
        } else if let Some(number) = number(&table.raw_get("double")?) {
            reply.double(number);
        } else if let Value::String(text) = table.raw_get("big_number")? {
            match reply.protocol() {
                Protocol::Two => reply.bulk(&one_line(&text.as_bytes())),
                Protocol::Three => line(b'(', &text.as_bytes(), reply),
            }
        } else if verbatim(table, reply)? {
        } else if let Value::Table(map) = table.raw_get("map")? {
            reply.map(map.pairs::<Value, Value>().count());
            for pair in map.pairs() {
                let (key, value) = pair?;
                self.value(&key, reply)?;
                self.value(&value, reply)?;
            }
        } else if let Value::Table(set) = table.raw_get("set")? {
            reply.set(set.pairs::<Value, Value>().count());
            for pair in set.pairs::<Value, Value>() {
                self.value(&pair?.0, reply)?;
            }
        } else {
            self.array(table, reply)?;
        }
        Ok(())
    }

    fn array(&mut self, table: &Table, reply: &mut Reply<'_>) -> mlua::Result<()> {
        let mut len = 0;
        while !matches!(table.raw_get(len + 1)?, Value::Nil) {
            len += 1;
        }
        reply.array(len);
        for at in 1..=len {
            self.value(&table.raw_get(at)?, reply)?;
        }
        Ok(())
    }
}

fn verbatim(table: &Table, reply: &mut Reply<'_>) -> mlua::Result<bool> {
    let Value::Table(inner) = table.raw_get("verbatim_string")? else { return Ok(false) };
    let (Value::String(format), Value::String(text)) =
        (inner.raw_get("format")?, inner.raw_get("string")?)
    else {
        return Ok(false);
    };
    match reply.protocol() {
        Protocol::Two => reply.bulk(&text.as_bytes()),
        Protocol::Three => {
            let mut three = [b' '; 3];
            for (to, from) in three.iter_mut().zip(format.as_bytes().iter()) {
                *to = if from.is_ascii_graphic() { *from } else { b' ' };
            }
            let bytes = text.as_bytes();
            reply.raw(format!("={}\r\n", bytes.len() + 4).as_bytes());
            reply.raw(&three);
            reply.raw(b":");
            reply.raw(&bytes);
            reply.raw(b"\r\n");
        }
    }
    Ok(true)
}

/// Line ends become spaces, so that no text of a script forges a second reply.
fn one_line(text: &[u8]) -> Vec<u8> {
    let clean = |byte: &u8| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte };
    text.iter().map(clean).collect()
}

/// A line of one type.
fn line(kind: u8, text: &[u8], reply: &mut Reply<'_>) {
    reply.raw(&[kind]);
    reply.raw(&one_line(text));
    reply.raw(b"\r\n");
}
