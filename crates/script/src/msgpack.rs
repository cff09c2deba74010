//! The table `cmsgpack`: MessagePack to values and back. Tables deeper than 16 become nil on their
//! way out, as in the library of that name, so that one may hold itself.

use crate::convert::number;
use crate::failure;
use crate::sandbox::function;
use mlua::{Lua, LuaString, MultiValue, Table, Value};

/// Tables in tables that are written; the next one is nil.
const DEPTH_MAX: usize = 16;
/// Values that one call returns.
const VALUES_MAX: usize = 7_000;
/// Containers in containers that are read.
const NESTING_MAX: usize = 128;

/// The table.
pub fn table(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("_NAME", "cmsgpack")?;
    table.raw_set("_VERSION", "lua-cmsgpack 0.4.0")?;
    table.raw_set("pack", function(lua, pack)?)?;
    let unpack = function(lua, |lua, values| {
        let text = text(lua, values, "unpack")?;
        read(lua, &text.as_bytes(), 0, usize::MAX).map(|(_, values)| values)
    })?;
    table.raw_set("unpack", unpack)?;
    let one = function(lua, |lua, values| {
        let text = text(lua, values, "unpack_one")?;
        let offset = whole(lua, values, 1, "unpack_one")?.unwrap_or(0.0);
        limited(lua, &text, 1.0, offset)
    })?;
    table.raw_set("unpack_one", one)?;
    let limit = function(lua, |lua, values| {
        let text = text(lua, values, "unpack_limit")?;
        let Some(limit) = whole(lua, values, 1, "unpack_limit")? else {
            let text = "bad argument #2 to 'unpack_limit' (number expected, got no value)";
            return Err(failure::at_caller(lua, text));
        };
        let offset = whole(lua, values, 2, "unpack_limit")?.unwrap_or(0.0);
        limited(lua, &text, limit, offset)
    })?;
    table.raw_set("unpack_limit", limit)?;
    Ok(table)
}

fn text(lua: &Lua, values: &MultiValue, name: &str) -> mlua::Result<LuaString> {
    let value = values.front().cloned().unwrap_or(Value::Nil);
    lua.coerce_string(value)?.ok_or_else(|| {
        failure::at_caller(lua, &format!("bad argument #1 to '{name}' (string expected)"))
    })
}

fn whole(lua: &Lua, values: &MultiValue, at: usize, name: &str) -> mlua::Result<Option<f64>> {
    match values.get(at) {
        None | Some(Value::Nil) => Ok(None),
        Some(value) => number(value).map(|n| Some(n.trunc())).ok_or_else(|| {
            let text = format!("bad argument #{} to '{name}' (number expected)", at + 1);
            failure::at_caller(lua, &text)
        }),
    }
}

/// Some values from an offset on, behind the offset where the next one begins, -1 at the end.
fn limited(lua: &Lua, text: &LuaString, limit: f64, offset: f64) -> mlua::Result<MultiValue> {
    let bytes = text.as_bytes();
    if !(limit >= 0.0 && offset >= 0.0) {
        let text = format!(
            "Invalid request to unpack with offset of {offset} and limit of {}.",
            bytes.len()
        );
        return Err(failure::at_caller(lua, &text));
    }
    if offset > bytes.len() as f64 {
        let text = format!("Start offset {offset} greater than input length {}.", bytes.len());
        return Err(failure::at_caller(lua, &text));
    }
    let count = if limit == 0.0 { usize::MAX } else { limit as usize };
    let (end, mut values) = read(lua, &bytes, offset as usize, count)?;
    let next = if end == bytes.len() { -1.0 } else { end as f64 };
    values.push_front(Value::Number(next));
    Ok(values)
}

fn pack(lua: &Lua, values: &MultiValue) -> mlua::Result<LuaString> {
    if values.is_empty() {
        let text = "bad argument #0 to 'pack' (MessagePack pack needs input.)";
        return Err(failure::at_caller(lua, text));
    }
    let mut out = Vec::new();
    for value in values {
        write(value, 0, &mut out)?;
    }
    lua.create_string(out)
}

fn write(value: &Value, depth: usize, out: &mut Vec<u8>) -> mlua::Result<()> {
    match value {
        Value::Table(table) if depth < DEPTH_MAX => write_table(table, depth, out)?,
        Value::String(text) => {
            let bytes = text.as_bytes();
            match bytes.len() {
                len @ 0..32 => out.push(0xa0 | len as u8),
                len @ 32..0x100 => out.extend_from_slice(&[0xd9, len as u8]),
                len => head(0xda, len, out),
            }
            out.extend_from_slice(&bytes);
        }
        Value::Boolean(value) => out.push(if *value { 0xc3 } else { 0xc2 }),
        Value::Integer(_) | Value::Number(_) => write_number(number(value).unwrap_or(0.0), out),
        _ => out.push(0xc0),
    }
    Ok(())
}

/// A length of 16 bits behind `kind`, or one of 32 behind the next kind.
fn head(kind: u8, len: usize, out: &mut Vec<u8>) {
    match u16::try_from(len) {
        Ok(len) => {
            out.push(kind);
            out.extend_from_slice(&len.to_be_bytes());
        }
        Err(_) => {
            out.push(kind + 1);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
}

fn write_number(number: f64, out: &mut Vec<u8>) {
    let integer = number as i64;
    if number.fract() != 0.0 || !number.is_finite() || integer as f64 != number {
        let short = number as f32;
        if f64::from(short) == number {
            out.push(0xca);
            out.extend_from_slice(&short.to_be_bytes());
        } else {
            out.push(0xcb);
            out.extend_from_slice(&number.to_be_bytes());
        }
        return;
    }
    match integer {
        0..0x80 => out.push(integer as u8),
        0x80..0x100 => out.extend_from_slice(&[0xcc, integer as u8]),
        0x100..0x1_0000 => tagged(0xcd, &(integer as u16).to_be_bytes(), out),
        0x1_0000..0x1_0000_0000 => tagged(0xce, &(integer as u32).to_be_bytes(), out),
        0x1_0000_0000.. => tagged(0xcf, &integer.to_be_bytes(), out),
        -32..0 => out.push(integer as u8),
        -128..-32 => out.extend_from_slice(&[0xd0, integer as u8]),
        -0x8000..-128 => tagged(0xd1, &(integer as i16).to_be_bytes(), out),
        -0x8000_0000..-0x8000 => tagged(0xd2, &(integer as i32).to_be_bytes(), out),
        _ => tagged(0xd3, &integer.to_be_bytes(), out),
    }
}

fn tagged(kind: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(kind);
    out.extend_from_slice(bytes);
}

fn write_table(table: &Table, depth: usize, out: &mut Vec<u8>) -> mlua::Result<()> {
    let (len, last) = crate::convert::extent(table)?;
    if last == Some(len as f64) {
        if len < 16 {
            out.push(0x90 | len as u8)
        } else {
            head(0xdc, len, out)
        }
        for at in 1..=len {
            write(&table.raw_get(at)?, depth + 1, out)?;
        }
        return Ok(());
    }
    if len < 16 {
        out.push(0x80 | len as u8)
    } else {
        head(0xde, len, out)
    }
    for pair in table.pairs() {
        let (key, value): (Value, Value) = pair?;
        write(&key, depth + 1, out)?;
        write(&value, depth + 1, out)?;
    }
    Ok(())
}

/// Up to `count` values from `offset` on, and where they end.
fn read(lua: &Lua, bytes: &[u8], offset: usize, count: usize) -> mlua::Result<(usize, MultiValue)> {
    let mut reader = Reader { lua, bytes, at: offset };
    let mut values = MultiValue::new();
    while values.len() < count && reader.at < bytes.len() {
        if values.len() >= VALUES_MAX {
            return Err(failure::at_caller(lua, "too many results to unpack"));
        }
        values.push_back(reader.value(0)?);
    }
    Ok((reader.at, values))
}

struct Reader<'r> {
    lua: &'r Lua,
    bytes: &'r [u8],
    at: usize,
}

impl<'r> Reader<'r> {
    fn take(&mut self, len: usize) -> mlua::Result<&'r [u8]> {
        let end = self.at.checked_add(len).filter(|end| *end <= self.bytes.len());
        let Some(end) = end else {
            return Err(failure::at_caller(self.lua, "Missing bytes in input."));
        };
        let found = &self.bytes[self.at..end];
        self.at = end;
        Ok(found)
    }

    /// An unsigned number of up to 8 bytes.
    fn unsigned(&mut self, len: usize) -> mlua::Result<u64> {
        Ok(self.take(len)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// A signed number of up to 8 bytes.
    fn signed(&mut self, len: usize) -> mlua::Result<f64> {
        let shift = 64 - 8 * len as u32;
        Ok(((self.unsigned(len)? << shift) as i64 >> shift) as f64)
    }

    fn string(&mut self, len: u64) -> mlua::Result<Value> {
        let bytes = self.take(usize::try_from(len).unwrap_or(usize::MAX))?;
        Ok(Value::String(self.lua.create_string(bytes)?))
    }

    fn value(&mut self, depth: usize) -> mlua::Result<Value> {
        if depth > NESTING_MAX {
            return Err(failure::at_caller(self.lua, "The input nests too deep."));
        }
        let kind = self.take(1)?[0];
        let size = |shift: u8| 1usize << (kind & shift);
        Ok(match kind {
            0..0x80 => Value::Number(f64::from(kind)),
            0x80..0x90 => self.map(u64::from(kind & 15), depth)?,
            0x90..0xa0 => self.array(u64::from(kind & 15), depth)?,
            0xa0..0xc0 => self.string(u64::from(kind & 31))?,
            0xc0 => Value::Nil,
            0xc2 | 0xc3 => Value::Boolean(kind == 0xc3),
            0xca => {
                let bits = self.unsigned(4)? as u32;
                Value::Number(f64::from(f32::from_bits(bits)))
            }
            0xcb => Value::Number(f64::from_bits(self.unsigned(8)?)),
            0xcc..=0xcf => Value::Number(self.unsigned(size(3))? as f64),
            0xd0..=0xd3 => Value::Number(self.signed(size(3))?),
            0xd9 => {
                let len = self.unsigned(1)?;
                self.string(len)?
            }
            0xda | 0xdb => {
                let len = self.unsigned(if kind == 0xda { 2 } else { 4 })?;
                self.string(len)?
            }
            0xdc | 0xdd => {
                let len = self.unsigned(if kind == 0xdc { 2 } else { 4 })?;
                self.array(len, depth)?
            }
            0xde | 0xdf => {
                let len = self.unsigned(if kind == 0xde { 2 } else { 4 })?;
                self.map(len, depth)?
            }
            0xe0.. => Value::Number(f64::from(kind as i8)),
            _ => return Err(failure::at_caller(self.lua, "Bad data format in input.")),
        })
    }

    fn array(&mut self, len: u64, depth: usize) -> mlua::Result<Value> {
        let table = self.lua.create_table()?;
        for at in 1..=len {
            let value = self.value(depth + 1)?;
            table.raw_set(at, value)?;
        }
        Ok(Value::Table(table))
    }

    fn map(&mut self, len: u64, depth: usize) -> mlua::Result<Value> {
        let table = self.lua.create_table()?;
        for _ in 0..len {
            let (key, value) = (self.value(depth + 1)?, self.value(depth + 1)?);
            let is_nan = number(&key).is_some_and(f64::is_nan);
            if key.is_nil() || is_nan {
                return Err(failure::at_caller(self.lua, "Bad data format in input."));
            }
            table.raw_set(key, value)?;
        }
        Ok(Value::Table(table))
    }
}
