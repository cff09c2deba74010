//! The table `cjson`: JSON to values and back, without recursion, so that no document overflows
//! a stack. Its settings hold for all scripts, as in Redis.

use crate::convert::{extent, kind, number};
use crate::failure;
use crate::sandbox::function;
use mlua::{Function, Lua, MultiValue, Table, Value};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Containers in containers, whatever scripts set: the host holds a value of each.
const DEPTH_MAX: usize = 2_000;

/// What scripts can set.
#[derive(Debug, Clone, Copy)]
struct Settings {
    encode_depth_max: usize,
    decode_depth_max: usize,
    digits: usize,
    /// Sparse arrays become objects instead of errors.
    sparse_converts: bool,
    sparse_ratio: usize,
    sparse_safe: usize,
    encode_invalid: Invalid,
    decode_invalid: bool,
}

/// What becomes of NaN and the infinities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Invalid {
    Refused,
    Written,
    Null,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            encode_depth_max: 1000,
            decode_depth_max: 1000,
            digits: 14,
            sparse_converts: false,
            sparse_ratio: 2,
            sparse_safe: 10,
            encode_invalid: Invalid::Refused,
            decode_invalid: true,
        }
    }
}

type Shared = Arc<Mutex<Settings>>;

fn lock(settings: &Shared) -> MutexGuard<'_, Settings> {
    settings.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The table.
pub fn table(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    let settings = Shared::default();
    table.raw_set("null", Value::NULL)?;
    table.raw_set("_NAME", "cjson")?;
    table.raw_set("_VERSION", "2.1.0")?;
    let shared = Arc::clone(&settings);
    let encode = function(lua, move |lua, values| {
        expect_one(lua, values, "encode")?;
        let settings = *lock(&shared);
        let text = encode(lua, &values[0], &settings).map_err(|why| failed(lua, why))?;
        lua.create_string(text)
    })?;
    table.raw_set("encode", encode)?;
    let shared = Arc::clone(&settings);
    let decode = function(lua, move |lua, values| {
        expect_one(lua, values, "decode")?;
        let Some(text) = lua.coerce_string(values[0].clone())? else {
            let text =
                format!("bad argument #1 to 'decode' (string expected, got {})", kind(&values[0]));
            return Err(failure::at_caller(lua, &text));
        };
        let settings = *lock(&shared);
        decode(lua, &text.as_bytes(), &settings).map_err(|why| failed(lua, why))
    })?;
    table.raw_set("decode", decode)?;
    register_settings(lua, &table, &settings)?;
    Ok(table)
}

fn expect_one(lua: &Lua, values: &MultiValue, name: &str) -> mlua::Result<()> {
    if values.len() == 1 {
        return Ok(());
    }
    Err(failure::at_caller(lua, &format!("bad argument #1 to '{name}' (expected 1 argument)")))
}

/// Why a text or value was not taken.
enum Refusal {
    Text(String),
    Lua(mlua::Error),
}

impl From<mlua::Error> for Refusal {
    fn from(error: mlua::Error) -> Self {
        Self::Lua(error)
    }
}

fn refused<T>(text: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Text(text.into()))
}

fn failed(lua: &Lua, refusal: Refusal) -> mlua::Error {
    match refusal {
        Refusal::Text(text) => failure::at_caller(lua, &text),
        Refusal::Lua(error) => error,
    }
}

/// A function that changes a setting when it gets a value, and returns what is in force.
fn setting<T: mlua::IntoLuaMulti>(
    lua: &Lua,
    table: &Table,
    (name, settings): (&'static str, &Shared),
    change: impl Fn(&mut Settings, &MultiValue) -> Option<T> + Send + 'static,
) -> mlua::Result<()> {
    let shared = Arc::clone(settings);
    let function = function(lua, move |lua, values| {
        change(&mut lock(&shared), values)
            .ok_or_else(|| failure::at_caller(lua, &format!("bad argument #1 to '{name}'")))
    })?;
    table.raw_set(name, function)
}

/// The number at `at` from `low` on, `kept` when there is none.
fn count(values: &MultiValue, at: usize, low: usize, kept: usize) -> Option<usize> {
    match values.get(at) {
        None | Some(Value::Nil) => Some(kept),
        Some(value) => {
            let number = number(value).filter(|n| *n >= low as f64 && *n < 2_147_483_648.0)?;
            Some(number as usize)
        }
    }
}

/// A switch at `at`.
fn switch(values: &MultiValue, at: usize, kept: bool) -> Option<bool> {
    match values.get(at) {
        None | Some(Value::Nil) => Some(kept),
        Some(Value::Boolean(value)) => Some(*value),
        Some(Value::String(text)) => match &*text.as_bytes() {
            b"on" => Some(true),
            b"off" => Some(false),
            _ => None,
        },
        Some(_) => None,
    }
}

fn register_settings(lua: &Lua, table: &Table, shared: &Shared) -> mlua::Result<()> {
    setting(lua, table, ("encode_max_depth", shared), |settings, values| {
        settings.encode_depth_max = count(values, 0, 1, settings.encode_depth_max)?;
        Some(settings.encode_depth_max as f64)
    })?;
    setting(lua, table, ("decode_max_depth", shared), |settings, values| {
        settings.decode_depth_max = count(values, 0, 1, settings.decode_depth_max)?;
        Some(settings.decode_depth_max as f64)
    })?;
    setting(lua, table, ("encode_number_precision", shared), |settings, values| {
        settings.digits = count(values, 0, 1, settings.digits).filter(|digits| *digits <= 14)?;
        Some(settings.digits as f64)
    })?;
    // The buffer is never kept.
    setting(lua, table, ("encode_keep_buffer", shared), |_, values| switch(values, 0, true))?;
    setting(lua, table, ("decode_invalid_numbers", shared), |settings, values| {
        settings.decode_invalid = switch(values, 0, settings.decode_invalid)?;
        Some(settings.decode_invalid)
    })?;
    setting(lua, table, ("encode_invalid_numbers", shared), |settings, values| {
        let null =
            matches!(values.front(), Some(Value::String(text)) if &*text.as_bytes() == b"null");
        let kept = settings.encode_invalid;
        settings.encode_invalid = match null {
            true => Invalid::Null,
            false if matches!(values.front(), None | Some(Value::Nil)) => kept,
            false if switch(values, 0, false)? => Invalid::Written,
            false => Invalid::Refused,
        };
        Some(settings.encode_invalid != Invalid::Refused)
    })?;
    setting(lua, table, ("encode_sparse_array", shared), |settings, values| {
        settings.sparse_converts = switch(values, 0, settings.sparse_converts)?;
        settings.sparse_ratio = count(values, 1, 0, settings.sparse_ratio)?;
        settings.sparse_safe = count(values, 2, 0, settings.sparse_safe)?;
        let Settings { sparse_converts, sparse_ratio, sparse_safe, .. } = *settings;
        Some((sparse_converts, sparse_ratio as f64, sparse_safe as f64))
    })
}

/// A table on its way out.
struct Open {
    table: Table,
    rest: Rest,
    is_first: bool,
}

/// What of a table is to be written yet.
enum Rest {
    /// Places from the first number to the second.
    Array(i64, i64),
    /// The fields that Lua names behind this key.
    Object(Value),
}

impl Open {
    /// The next field; its key in an object.
    fn next(&mut self, following: &Function) -> mlua::Result<Option<(Option<Value>, Value)>> {
        match &mut self.rest {
            Rest::Array(at, last) if *at > *last => Ok(None),
            Rest::Array(at, _) => {
                *at += 1;
                Ok(Some((None, self.table.raw_get(*at - 1)?)))
            }
            Rest::Object(before) => {
                let asked = (&self.table, std::mem::replace(before, Value::Nil));
                let (key, value): (Value, Value) = following.call(asked)?;
                if key.is_nil() {
                    return Ok(None);
                }
                *before = key.clone();
                Ok(Some((Some(key), value)))
            }
        }
    }
}

fn encode(lua: &Lua, value: &Value, settings: &Settings) -> Result<Vec<u8>, Refusal> {
    let following: Function = lua.globals().raw_get("next")?;
    let (mut out, mut open): (Vec<u8>, Vec<Open>) = (Vec::new(), Vec::new());
    let mut next = Some(value.clone());
    loop {
        if let Some(value) = next.take() {
            match value {
                Value::Table(table) => {
                    if open.len() >= settings.encode_depth_max.min(DEPTH_MAX) {
                        let depth = open.len() + 1;
                        return refused(format!("Cannot serialise, excessive depth ({depth})"));
                    }
                    open.push(enter(table, settings, &mut out)?);
                }
                scalar => write_scalar(&scalar, settings, &mut out)?,
            }
        }
        let Some(top) = open.last_mut() else { return Ok(out) };
        let Some((key, value)) = top.next(&following)? else {
            out.push(if matches!(top.rest, Rest::Array(..)) { b']' } else { b'}' });
            open.pop();
            continue;
        };
        if !std::mem::take(&mut top.is_first) {
            out.push(b',');
        }
        if let Some(key) = key {
            write_key(&key, settings, &mut out)?;
        }
        next = Some(value);
    }
}

/// Decides whether a table is an array.
fn enter(table: Table, settings: &Settings, out: &mut Vec<u8>) -> Result<Open, Refusal> {
    let (fields, last) = extent(&table)?;
    let len = last.unwrap_or(0.0);
    let mut is_array = len > 0.0;
    let Settings { sparse_ratio, sparse_safe, sparse_converts, .. } = *settings;
    let sparse =
        sparse_ratio > 0 && len > fields as f64 * sparse_ratio as f64 && len > sparse_safe as f64;
    if is_array && sparse {
        if !sparse_converts {
            return refused("Cannot serialise table: excessively sparse array");
        }
        is_array = false;
    }
    out.push(if is_array { b'[' } else { b'{' });
    let rest = if is_array { Rest::Array(1, len as i64) } else { Rest::Object(Value::Nil) };
    Ok(Open { table, rest, is_first: true })
}

fn write_key(key: &Value, settings: &Settings, out: &mut Vec<u8>) -> Result<(), Refusal> {
    match key {
        Value::String(text) => write_text(&text.as_bytes(), out),
        Value::Integer(_) | Value::Number(_) => {
            out.push(b'"');
            write_scalar(key, settings, out)?;
            out.push(b'"');
        }
        other => {
            let kind = kind(other);
            return refused(format!(
                "Cannot serialise {kind}: table key must be a number or string"
            ));
        }
    }
    out.push(b':');
    Ok(())
}

fn write_scalar(value: &Value, settings: &Settings, out: &mut Vec<u8>) -> Result<(), Refusal> {
    match value {
        Value::String(text) => write_text(&text.as_bytes(), out),
        Value::Boolean(value) => {
            out.extend_from_slice(if *value { b"true" } else { b"false" });
        }
        Value::Nil => out.extend_from_slice(b"null"),
        Value::LightUserData(data) if data.0.is_null() => out.extend_from_slice(b"null"),
        Value::Integer(_) | Value::Number(_) => {
            let number = number(value).unwrap_or(f64::NAN);
            match (number.is_finite(), settings.encode_invalid) {
                (false, Invalid::Refused) => {
                    return refused("Cannot serialise number: must not be NaN or Inf");
                }
                (false, Invalid::Null) => out.extend_from_slice(b"null"),
                _ => out.extend_from_slice(significant(number, settings.digits).as_bytes()),
            }
        }
        other => {
            let kind = kind(other);
            return refused(format!("Cannot serialise {kind}: type not supported"));
        }
    }
    Ok(())
}

fn write_text(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' | b'\\' | b'/' => out.extend_from_slice(&[b'\\', byte]),
            8 => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            12 => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0..32 | 127 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// A number with so many significant digits, as C's `%g`.
fn significant(number: f64, digits: usize) -> String {
    if number.is_nan() {
        return "nan".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf".into() } else { "-inf".into() };
    }
    let scientific = format!("{number:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if exponent < -4 || exponent >= digits as i32 {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", trim(mantissa), exponent.abs());
    }
    let places = usize::try_from(digits as i32 - 1 - exponent).unwrap_or(0);
    trim(&format!("{number:.places$}"))
}

/// A container on its way in.
enum Building {
    Array(Table, usize),
    /// With the key whose value comes.
    Object(Table, Option<Value>),
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
}

fn decode(lua: &Lua, text: &[u8], settings: &Settings) -> Result<Value, Refusal> {
    let mut reader = Reader { text, at: 0 };
    let mut open: Vec<Building> = Vec::new();
    loop {
        reader.skip_space();
        let start = reader.at;
        let mut done = match reader.peek() {
            Some(byte @ (b'[' | b'{')) => {
                reader.at += 1;
                if open.len() >= settings.decode_depth_max.min(DEPTH_MAX) {
                    let depth = open.len() + 1;
                    let at = start + 1;
                    return refused(format!(
                        "Found too many nested data structures ({depth}) at character {at}"
                    ));
                }
                let table = lua.create_table()?;
                reader.skip_space();
                let close = if byte == b'[' { b']' } else { b'}' };
                if reader.peek() == Some(close) {
                    reader.at += 1;
                    Value::Table(table)
                } else if byte == b'[' {
                    open.push(Building::Array(table, 0));
                    continue;
                } else {
                    let key = reader.key(lua)?;
                    open.push(Building::Object(table, Some(key)));
                    continue;
                }
            }
            _ => reader.scalar(lua, settings)?,
        };
        // A value is complete, and perhaps what holds it.
        loop {
            reader.skip_space();
            let Some(top) = open.pop() else {
                return match reader.peek() {
                    None => Ok(done),
                    Some(_) => reader.expected("the end"),
                };
            };
            let next = reader.peek();
            done = match (top, next) {
                (Building::Array(table, len), Some(byte @ (b',' | b']'))) => {
                    reader.at += 1;
                    table.raw_set(len + 1, done)?;
                    if byte == b',' {
                        open.push(Building::Array(table, len + 1));
                        break;
                    }
                    Value::Table(table)
                }
                (Building::Object(table, key), Some(byte @ (b',' | b'}'))) => {
                    reader.at += 1;
                    table.raw_set(key.unwrap_or(Value::Nil), done)?;
                    if byte == b',' {
                        reader.skip_space();
                        let key = reader.key(lua)?;
                        open.push(Building::Object(table, Some(key)));
                        break;
                    }
                    Value::Table(table)
                }
                (Building::Array(..), _) => return reader.expected("comma or array end"),
                (Building::Object(..), _) => return reader.expected("comma or object end"),
            };
        }
    }
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expected<T>(&self, what: &str) -> Result<T, Refusal> {
        let found = match self.peek() {
            None => "T_END",
            Some(b'{') => "T_OBJ_BEGIN",
            Some(b'}') => "T_OBJ_END",
            Some(b'[') => "T_ARR_BEGIN",
            Some(b']') => "T_ARR_END",
            Some(b',') => "T_COMMA",
            Some(b':') => "T_COLON",
            Some(b'"') => "T_STRING",
            Some(b'0'..=b'9' | b'-') => "T_NUMBER",
            Some(_) => "invalid token",
        };
        refused(format!("Expected {what} but found {found} at character {}", self.at + 1))
    }

    /// A key and its colon.
    fn key(&mut self, lua: &Lua) -> Result<Value, Refusal> {
        if self.peek() != Some(b'"') {
            return self.expected("object key string");
        }
        let key = self.string()?;
        self.skip_space();
        if self.peek() != Some(b':') {
            return self.expected("colon");
        }
        self.at += 1;
        Ok(Value::String(lua.create_string(key)?))
    }

    fn scalar(&mut self, lua: &Lua, settings: &Settings) -> Result<Value, Refusal> {
        for (word, value) in [
            ("true", Value::Boolean(true)),
            ("false", Value::Boolean(false)),
            ("null", Value::NULL),
        ] {
            if self.text[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        match self.peek() {
            Some(b'"') => Ok(Value::String(lua.create_string(self.string()?)?)),
            _ => self.number(settings),
        }
    }

    fn number(&mut self, settings: &Settings) -> Result<Value, Refusal> {
        let rest = &self.text[self.at..];
        let len = rest
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
            .count();
        let word = std::str::from_utf8(&rest[..len]).unwrap_or_default();
        let (sign, bare) = match word.strip_prefix('-') {
            Some(bare) => (-1.0, bare),
            None => (1.0, word),
        };
        let plain = bare.starts_with(|c: char| c.is_ascii_digit());
        let hexadecimal = bare.strip_prefix("0x").or_else(|| bare.strip_prefix("0X"));
        let odd = match (bare.to_ascii_lowercase().as_str(), hexadecimal) {
            ("inf" | "infinity", _) => Some(f64::INFINITY),
            ("nan", _) => Some(f64::NAN),
            (_, Some(digits)) => u64::from_str_radix(digits, 16).ok().map(|n| n as f64),
            _ => None,
        };
        let found = match odd {
            Some(number) if settings.decode_invalid => Some(number),
            Some(_) => None,
            None if plain => bare.parse().ok(),
            None => None,
        };
        match found {
            Some(number) => {
                self.at += len;
                Ok(Value::Number(sign * number))
            }
            None => self.expected("value"),
        }
    }

    fn string(&mut self) -> Result<Vec<u8>, Refusal> {
        let start = self.at;
        self.at += 1;
        let mut out = Vec::new();
        loop {
            let Some(byte) = self.peek() else {
                self.at = start;
                let at = self.text.len() + 1;
                return refused(format!(
                    "Expected value but found unexpected end of string at character {at}"
                ));
            };
            self.at += 1;
            match byte {
                b'"' => return Ok(out),
                b'\\' => self.escape(&mut out)?,
                other => out.push(other),
            }
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let at = self.at;
        let bad = |what: &str| {
            refused(format!("Expected value but found invalid {what} at character {at}"))
        };
        let Some(byte) = self.peek() else { return bad("escape code") };
        self.at += 1;
        out.push(match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let Some(mut code) = self.hex() else { return bad("unicode escape code") };
                if (0xD800..0xDC00).contains(&code) {
                    let low = self.text[self.at..].starts_with(b"\\u").then(|| {
                        self.at += 2;
                        self.hex()
                    });
                    let Some(Some(low @ 0xDC00..0xE000)) = low else {
                        return bad("unicode escape code");
                    };
                    code = 0x1_0000 + ((code - 0xD800) << 10) + (low - 0xDC00);
                }
                let Some(character) = char::from_u32(code) else {
                    return bad("unicode escape code");
                };
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return bad("escape code"),
        });
        Ok(())
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        let all = digits.iter().all(u8::is_ascii_hexdigit);
        let code = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        self.at += 4;
        all.then_some(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_c_prints_them() {
        for (number, digits, want) in [
            (1.0, 14, "1"),
            (-0.5, 14, "-0.5"),
            (1e15, 14, "1e+15"),
            (0.1 + 0.2, 14, "0.3"),
            (1e-5, 14, "1e-05"),
            (0.000_300_000_000_000_001, 14, "0.0003"),
            (123_456.789, 3, "1.23e+05"),
            (99.99, 3, "100"),
        ] {
            assert_eq!(significant(number, digits), want, "{number}");
        }
    }
}
