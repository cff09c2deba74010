//! Lines of the audit log as links of a chain: each has a number, a part of the check value of the
//! line before, and a check value of its own that only the holder of the key can make. Pure; must
//! not know files.
//!
//! ```text
//! {"seq":7,"prev":"<32 hex>", … ,"mac":"<32 hex>"}
//!  └────────── covered by mac ─────┘
//! ```

use crate::hex;
use hmac::{Hmac, KeyInit, Mac as _};
use serde_json::{Map, Value};
use sha2::Sha256;

/// Check value of a line: the first half of an HMAC-SHA-256.
pub type Mac = [u8; 16];

/// Bytes of `,"mac":"…"}`.
const END_BYTES: usize = 42;

/// Makes and checks check values. Costs nothing to clone.
#[derive(Clone)]
pub struct ChainKey(Hmac<Sha256>);

/// A line taken apart; its check value is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Number of the line, from 1.
    pub seq: u64,
    /// Check value of the line before.
    pub prev: Mac,
    /// Its own.
    pub mac: Mac,
}

impl ChainKey {
    /// Chains under this key.
    pub fn new(key: &[u8; 32]) -> ChainKey {
        ChainKey(Hmac::new_from_slice(key).expect("HMAC takes keys of any length"))
    }

    /// Check value of `text`.
    pub fn mac(&self, text: &[u8]) -> Mac {
        let whole = self.0.clone().chain_update(text).finalize().into_bytes();
        std::array::from_fn(|at| whole[at])
    }

    /// What the first line of a chain follows.
    pub fn genesis(&self) -> Mac {
        self.mac(b"larder audit chain 1")
    }

    /// The line of these fields that follows `prev` as number `seq`, with its line feed.
    pub fn seal(&self, seq: u64, prev: Mac, fields: Map<String, Value>) -> (String, Mac) {
        let fields = Value::Object(fields).to_string();
        let mut line = String::with_capacity(fields.len() + 110);
        line.push_str(&format!("{{\"seq\":{seq},\"prev\":\"{}\"", hex::encode(&prev)));
        if fields.len() > 2 {
            line.push(',');
            line.push_str(&fields[1..fields.len() - 1]);
        }
        let mac = self.mac(line.as_bytes());
        line.push_str(&format!(",\"mac\":\"{}\"}}\n", hex::encode(&mac)));
        (line, mac)
    }

    /// The link that a line without its line feed is; `None` when nobody with the key wrote it so.
    pub fn open(&self, line: &[u8]) -> Option<Link> {
        let link = read(line)?;
        let covered = &line[..line.len() - END_BYTES];
        (self.mac(covered) == link.mac).then_some(link)
    }
}

/// What a line says of its place in the chain, unchecked.
pub fn read(line: &[u8]) -> Option<Link> {
    let (covered, end) = line.split_at_checked(line.len().checked_sub(END_BYTES)?)?;
    let mac = half_mac(end.strip_prefix(b",\"mac\":\"")?.strip_suffix(b"\"}")?)?;
    let rest = covered.strip_prefix(b"{\"seq\":")?;
    let comma = rest.iter().position(|byte| *byte == b',')?;
    let seq = std::str::from_utf8(&rest[..comma]).ok()?.parse().ok()?;
    let prev = half_mac(rest[comma..].strip_prefix(b",\"prev\":\"")?.get(..32)?)?;
    Some(Link { seq, prev, mac })
}

/// Only lower-case digits: no byte of a line may be another one and the line still open.
fn half_mac(digits: &[u8]) -> Option<Mac> {
    if digits.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    hex::decode(std::str::from_utf8(digits).ok()?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(value: Value) -> Map<String, Value> {
        crate::actions::object(value)
    }

    #[test]
    fn a_line_opens_as_it_was_sealed_and_not_otherwise() {
        let key = ChainKey::new(&[1; 32]);
        for value in [json!({}), json!({"a": "b\"c\n", "mac": 1, "seq": 9})] {
            let (line, mac) = key.seal(7, [2; 16], fields(value));
            let line = line.strip_suffix('\n').expect("a line").as_bytes();
            assert_eq!(key.open(line), Some(Link { seq: 7, prev: [2; 16], mac }));
            serde_json::from_slice::<Value>(line).expect("JSON");
            assert_eq!(ChainKey::new(&[2; 32]).open(line), None);
            for at in 0..line.len() {
                let mut bent = line.to_vec();
                for bit in 0..8 {
                    bent[at] = line[at] ^ 1 << bit;
                    assert_eq!(key.open(&bent), None, "bit {bit} of byte {at}");
                }
                assert_eq!(key.open(&line[..at]), None, "cut at {at}");
            }
        }
    }

    #[test]
    fn texts_cannot_pass_for_the_frame() {
        let key = ChainKey::new(&[1; 32]);
        let text = "\",\"mac\":\"00000000000000000000000000000000\"}";
        let (line, mac) = key.seal(1, key.genesis(), fields(json!({ "z": text })));
        assert_eq!(key.open(line.trim_end().as_bytes()).map(|link| link.mac), Some(mac));
    }
}
