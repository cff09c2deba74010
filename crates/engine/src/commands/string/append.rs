//! APPEND key value

use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::keyspace::entry::INLINE_BYTES_MAX;
use crate::keyspace::{Keys, Ttl, Value, ValueRef};
use crate::types::Object;
use catalog::events::Classes;

/// APPEND.
///
/// # Errors
/// The value is no string, or would become too long.
pub fn run(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (key, tail) = (ctx.args.at(1), ctx.args.at(2));
    let len = ctx.keys.text_quietly(key)?.map(|text| text.len());
    let total = len.unwrap_or(0) + tail.len();
    if total as u64 > ctx.keys.moment.bulk_bytes_max {
        return Err(error::TOO_LONG);
    }
    match len {
        None => ctx.keys.set(key, Value::string(tail), Ttl::Keep),
        Some(len) => write(&mut ctx.keys, key, len, tail),
    }
    ctx.keys.event(Classes::STRING, "append", key);
    ctx.propagate_verbatim();
    ctx.reply.int(total as i64);
    Ok(())
}

/// Overwrites the bytes of the string at `key` from `offset` on, in place when it is a long one; a
/// missing key is an empty string, and missing bytes are zeros. The caller has checked the type.
pub fn write(keys: &mut Keys<'_>, key: &[u8], offset: usize, patch: &[u8]) {
    if keys.write_long(key, offset, patch) {
        return;
    }
    let mut bytes = match keys.peek(key).map(crate::keyspace::Entry::value) {
        Some(ValueRef::Bytes(bytes)) => bytes.to_vec(),
        Some(ValueRef::Integer(number)) => number.to_string().into_bytes(),
        Some(ValueRef::Object(_)) => unreachable!("long strings change in place"),
        None => Vec::new(),
    };
    let end = offset + patch.len();
    if end > INLINE_BYTES_MAX {
        let mut object = Object::Bytes(bytes);
        object.write(offset, patch);
        keys.set(key, Value::Object(Box::new(object)), Ttl::Keep);
        return;
    }
    bytes.resize(bytes.len().max(end), 0);
    bytes[offset..end].copy_from_slice(patch);
    keys.set(key, Value::bytes(&bytes), Ttl::Keep);
    keys.mark_raw(key);
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};

    #[test]
    fn appends() {
        check(
            r#"
            APPEND k 12 => :2 ~ APPEND k 12
            APPEND k 3 => :3
            GET k => "123"
            EXPIRE k 10 => :1
            APPEND k x => :4
            TTL k => :10
            SET e "" => +OK
            APPEND e 12 => :2
            OBJECT ENCODING e => "raw"
            "#,
        );
    }

    #[test]
    fn grows_beyond_the_inline_form() {
        let mut bench = Bench::new();
        let part = "0123456789".repeat(40);
        for i in 1..=10 {
            bench.check(&format!("APPEND k {part} => :{}", i * 400));
        }
        assert_eq!(bench.run("GET k").0, format!("{:?}", part.repeat(10)));
    }
}
