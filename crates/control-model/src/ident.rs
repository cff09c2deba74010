//! Identifiers and generated secrets from injected random bytes. Must not know where randomness
//! comes from.

const LOWER: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const ALNUM: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A source of random bytes: fills the whole slice.
pub trait Randomness {
    /// Overwrites `bytes`.
    fn fill(&mut self, bytes: &mut [u8]);
}

impl<F: FnMut(&mut [u8])> Randomness for F {
    fn fill(&mut self, bytes: &mut [u8]) {
        self(bytes);
    }
}

/// `count` characters of `alphabet`, each equally likely.
fn text(random: &mut impl Randomness, alphabet: &[u8], count: usize) -> String {
    // Bytes above the largest multiple of the alphabet's size would favour its first characters.
    let fair = 256 - 256 % alphabet.len();
    let mut out = String::with_capacity(count);
    while out.len() < count {
        let mut byte = [0];
        random.fill(&mut byte);
        let byte = usize::from(byte[0]);
        if byte < fair {
            out.push(char::from(alphabet[byte % alphabet.len()]));
        }
    }
    out
}

/// `r-` and 16 lower-case characters.
pub fn instance_id(random: &mut impl Randomness) -> String {
    format!("r-{}", text(random, LOWER, 16))
}

/// `t-` and 16 lower-case characters.
pub fn task_id(random: &mut impl Randomness) -> String {
    format!("t-{}", text(random, LOWER, 16))
}

/// 16 digits, the first not 0.
pub fn account_id(random: &mut impl Randomness) -> String {
    format!("{}{}", text(random, b"123456789", 1), text(random, b"0123456789", 15))
}

/// Of a user or a role: 18 digits, the first not 0.
pub fn principal_id(random: &mut impl Randomness) -> String {
    format!("{}{}", text(random, b"23456789", 1), text(random, b"0123456789", 17))
}

/// `g-` and 16 characters.
pub fn group_id(random: &mut impl Randomness) -> String {
    format!("g-{}", text(random, ALNUM, 16))
}

/// Of a group that instances share or are made from: `g-` and 16 lower-case characters.
pub fn template_id(random: &mut impl Randomness) -> String {
    format!("g-{}", text(random, LOWER, 16))
}

/// `STS.` and 20 characters, of a session.
pub fn session_key_id(random: &mut impl Randomness) -> String {
    format!("STS.{}", text(random, ALNUM, 20))
}

/// `LTAI` and 20 characters.
pub fn access_key_id(random: &mut impl Randomness) -> String {
    format!("LTAI{}", text(random, ALNUM, 20))
}

/// 30 characters, some 178 bits.
pub fn access_key_secret(random: &mut impl Randomness) -> String {
    text(random, ALNUM, 30)
}

/// A password that satisfies [`crate::password`], needs no escaping in a URL or a shell, and holds
/// at least 160 random bits.
pub fn password(random: &mut impl Randomness) -> String {
    // Three kinds are forced at the front; 28 free characters carry 166 bits.
    let front = [&ALNUM[..26], &ALNUM[26..52], &ALNUM[52..]];
    let mut out: String = front.iter().map(|kind| text(random, kind, 1)).collect();
    out.push('_');
    out.push_str(&text(random, ALNUM, 28));
    out
}

/// `count` random bytes in lower-case hex.
pub fn hex(random: &mut impl Randomness, count: usize) -> String {
    let mut bytes = vec![0; count];
    random.fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter() -> impl Randomness {
        let mut next = 0u8;
        move |bytes: &mut [u8]| {
            for byte in bytes {
                next = next.wrapping_mul(13).wrapping_add(101);
                *byte = next;
            }
        }
    }

    #[test]
    fn shapes() {
        let mut random = counter();
        let id = instance_id(&mut random);
        assert!(id.starts_with("r-") && id.len() == 18, "{id}");
        assert!(id[2..].bytes().all(|c| LOWER.contains(&c)), "{id}");
        let account = account_id(&mut random);
        assert!(account.len() == 16 && account.bytes().all(|c| c.is_ascii_digit()), "{account}");
        assert_eq!(access_key_id(&mut random).len(), 24);
        assert_eq!(access_key_secret(&mut random).len(), 30);
        assert_eq!(hex(&mut random, 16).len(), 32);
        let password = password(&mut random);
        assert!(password.len() == 32 && crate::password::check(&password).is_ok(), "{password}");
    }

    #[test]
    fn characters_are_fair() {
        let mut seen = [0usize; 36];
        let mut all = 0u16;
        let mut random = |bytes: &mut [u8]| {
            for byte in bytes {
                *byte = (all % 256) as u8;
                all += 1;
            }
        };
        for c in text(&mut random, LOWER, 252).bytes() {
            seen[LOWER.iter().position(|&x| x == c).expect("of the alphabet")] += 1;
        }
        assert_eq!(seen, [7; 36]);
    }
}
