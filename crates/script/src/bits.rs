//! The table `bit`: operations on 32 bits, as LuaJIT's library of that name has them.

use crate::convert::kind;
use crate::failure;
use crate::sandbox::function;
use mlua::{Lua, MultiValue, Table, Value};

/// Any number to 32 bits, as if it were an integer of two's complement.
fn to_bits(lua: &Lua, values: &MultiValue, at: usize, name: &str) -> mlua::Result<i32> {
    let value = values.get(at).cloned().unwrap_or(Value::Nil);
    let kind = kind(&value);
    match lua.coerce_number(value)? {
        Some(number) if number.is_finite() => {
            // Adding this puts the integer into the low bits of the significand.
            let shifted = number % 4_294_967_296.0 + 6_755_399_441_055_744.0;
            Ok(shifted.to_bits() as i32)
        }
        Some(_) => Ok(0),
        None => {
            let text =
                format!("bad argument #{} to '{name}' (number expected, got {kind})", at + 1);
            Err(failure::at_caller(lua, &text))
        }
    }
}

fn fold(lua: &Lua, table: &Table, name: &'static str, op: fn(i32, i32) -> i32) -> mlua::Result<()> {
    let function = function(lua, move |lua, values| {
        let mut result = to_bits(lua, values, 0, name)?;
        for at in 1..values.len() {
            result = op(result, to_bits(lua, values, at, name)?);
        }
        Ok(f64::from(result))
    })?;
    table.raw_set(name, function)
}

fn one(lua: &Lua, table: &Table, name: &'static str, op: fn(i32) -> i32) -> mlua::Result<()> {
    let function =
        function(lua, move |lua, values| Ok(f64::from(op(to_bits(lua, values, 0, name)?))))?;
    table.raw_set(name, function)
}

fn shift(
    lua: &Lua,
    table: &Table,
    name: &'static str,
    op: fn(i32, u32) -> i32,
) -> mlua::Result<()> {
    let function = function(lua, move |lua, values| {
        let value = to_bits(lua, values, 0, name)?;
        let count = to_bits(lua, values, 1, name)? as u32 & 31;
        Ok(f64::from(op(value, count)))
    })?;
    table.raw_set(name, function)
}

fn hex(value: i32, digits: i32) -> String {
    let count = digits.unsigned_abs().min(8) as usize;
    let value = if count == 8 { value as u32 } else { value as u32 & ((1 << (4 * count)) - 1) };
    if digits < 0 { format!("{value:0count$X}") } else { format!("{value:0count$x}") }
}

/// The table.
pub fn table(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    fold(lua, &table, "band", |a, b| a & b)?;
    fold(lua, &table, "bor", |a, b| a | b)?;
    fold(lua, &table, "bxor", |a, b| a ^ b)?;
    one(lua, &table, "tobit", |a| a)?;
    one(lua, &table, "bnot", |a| !a)?;
    one(lua, &table, "bswap", i32::swap_bytes)?;
    shift(lua, &table, "lshift", |a, n| a << n)?;
    shift(lua, &table, "rshift", |a, n| (a as u32 >> n) as i32)?;
    shift(lua, &table, "arshift", |a, n| a >> n)?;
    shift(lua, &table, "rol", i32::rotate_left)?;
    shift(lua, &table, "ror", i32::rotate_right)?;
    let tohex = function(lua, |lua, values| {
        let value = to_bits(lua, values, 0, "tohex")?;
        let digits = if values.len() > 1 { to_bits(lua, values, 1, "tohex")? } else { 8 };
        Ok(hex(value, digits))
    })?;
    table.raw_set("tohex", tohex)?;
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits() {
        for (value, digits, want) in [
            (255, 8, "000000ff"),
            (255, -4, "00FF"),
            (-1, 2, "ff"),
            (1, i32::MIN, "00000001"),
            (7, 0, "0"),
        ] {
            assert_eq!(hex(value, digits), want, "{value} {digits}");
        }
    }
}
