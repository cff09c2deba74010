//! A command with places for keys and values, read from text once and written as RESP many times.
//! Knows no socket and no choice of keys: whoever writes supplies them.

use resp::inline::split_words;
use resp::number::write_i64;

/// The place of a key within a word; each one draws a key of its own.
pub const KEY: &str = "__key__";
/// The place of a value: a word of its own.
pub const VALUE: &str = "__value__";

/// Digits of a key's number: enough for any number of keys, and the same length for all.
const KEY_DIGITS: usize = 12;
const KEY_START: &str = "key:";
const KEY_BYTES: usize = KEY_START.len() + KEY_DIGITS;

/// Most keys whose numbers fit.
pub const KEYS_MAX: u64 = 10u64.pow(KEY_DIGITS as u32);

/// Supplies what stands at the places.
pub trait Fill {
    /// Number of the next key.
    fn key(&mut self) -> u64;
    /// The next value.
    fn value(&mut self) -> &[u8];
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// Bytes as they are, lengths of words included.
    Literal(Vec<u8>),
    Key,
    /// A whole word with its length.
    Value,
}

/// A command ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

impl Template {
    /// Reads words as redis-cli does, quotes included.
    ///
    /// # Errors
    /// A sentence that names what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words = split_words(text.as_bytes())
            .ok_or_else(|| format!("the quotes of '{text}' do not match"))?;
        if words.is_empty() {
            return Err("the command is empty".into());
        }
        let mut parts = Vec::new();
        literal(&mut parts, format!("*{}\r\n", words.len()).as_bytes());
        for word in &words {
            if word == VALUE.as_bytes() {
                parts.push(Part::Value);
            } else if find(word, VALUE).is_some() {
                let word = String::from_utf8_lossy(word);
                return Err(format!("{VALUE} must be a word of its own, not part of '{word}'"));
            } else {
                add_word(&mut parts, word);
            }
        }
        Ok(Self { parts })
    }

    /// Appends the command, with keys and values from `fill`.
    #[inline]
    pub fn write(&self, out: &mut Vec<u8>, fill: &mut impl Fill) {
        for part in &self.parts {
            match part {
                Part::Literal(bytes) => out.extend_from_slice(bytes),
                Part::Key => write_key(out, fill.key()),
                Part::Value => {
                    let value = fill.value();
                    out.push(b'$');
                    write_i64(out, value.len() as i64);
                    out.extend_from_slice(b"\r\n");
                    out.extend_from_slice(value);
                    out.extend_from_slice(b"\r\n");
                }
            }
        }
    }
}

fn add_word(parts: &mut Vec<Part>, word: &[u8]) {
    let places = {
        let mut rest = word;
        let mut count = 0;
        while let Some(at) = find(rest, KEY) {
            rest = &rest[at + KEY.len()..];
            count += 1;
        }
        count
    };
    let len = word.len() - places * KEY.len() + places * KEY_BYTES;
    literal(parts, format!("${len}\r\n").as_bytes());
    let mut rest = word;
    while let Some(at) = find(rest, KEY) {
        literal(parts, &rest[..at]);
        parts.push(Part::Key);
        rest = &rest[at + KEY.len()..];
    }
    literal(parts, rest);
    literal(parts, b"\r\n");
}

/// Neighbouring literals become one copy.
fn literal(parts: &mut Vec<Part>, bytes: &[u8]) {
    match parts.last_mut() {
        Some(Part::Literal(last)) => last.extend_from_slice(bytes),
        _ => parts.push(Part::Literal(bytes.to_vec())),
    }
}

fn find(word: &[u8], place: &str) -> Option<usize> {
    word.windows(place.len()).position(|window| window == place.as_bytes())
}

#[inline]
fn write_key(out: &mut Vec<u8>, mut number: u64) {
    let mut text = *b"key:000000000000";
    let mut at = KEY_BYTES;
    while number > 0 && at > KEY_START.len() {
        at -= 1;
        text[at] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.extend_from_slice(&text);
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(u64);

    impl Fill for Counting {
        fn key(&mut self) -> u64 {
            self.0 += 1;
            self.0
        }
        fn value(&mut self) -> &[u8] {
            b"val"
        }
    }

    fn check(text: &str, want: Result<&str, &str>) {
        let got = Template::parse(text).map(|template| {
            let mut out = Vec::new();
            template.write(&mut out, &mut Counting(0));
            String::from_utf8(out).expect("these commands are text").replace("\r\n", " ")
        });
        assert_eq!(got.as_deref().map_err(String::as_str), want, "{text}");
    }

    #[test]
    fn templates_become_resp() {
        check("PING", Ok("*1 $4 PING "));
        check("SET __key__ __value__", Ok("*3 $3 SET $16 key:000000000001 $3 val "));
        check(
            "MGET a:__key__:b __key__",
            Ok("*3 $4 MGET $20 a:key:000000000001:b $16 key:000000000002 "),
        );
        check("GET __key____key__", Ok("*2 $3 GET $32 key:000000000001key:000000000002 "));
        check("ECHO \"a b\"", Ok("*2 $4 ECHO $3 a b "));
        check("ECHO \"a", Err("the quotes of 'ECHO \"a' do not match"));
        check("", Err("the command is empty"));
        check(
            "SET k x__value__",
            Err("__value__ must be a word of its own, not part of 'x__value__'"),
        );
    }

    #[test]
    fn the_largest_key_fits() {
        let mut out = Vec::new();
        write_key(&mut out, KEYS_MAX - 1);
        assert_eq!(out, b"key:999999999999");
    }
}
