//! The encodings that both signature schemes share. Knows no scheme.

/// RFC 3986: everything but `A-Za-z0-9-_.~` as `%XX` in upper case.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Decodes `name=value&…` with `+` for a space; bytes that are not UTF-8 are replaced.
pub fn form_pairs(bytes: &[u8]) -> Vec<(String, String)> {
    let decoded = |part: &[u8]| String::from_utf8_lossy(&decode(part)).into_owned();
    let pair = |part: &[u8]| {
        let at = part.iter().position(|&c| c == b'=');
        let (name, value) = at.map_or((part, &b""[..]), |at| (&part[..at], &part[at + 1..]));
        (decoded(name), decoded(value))
    };
    bytes.split(|&c| c == b'&').filter(|part| !part.is_empty()).map(pair).collect()
}

fn decode(text: &[u8]) -> Vec<u8> {
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        match (text[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
                continue;
            }
            (b'+', ..) => out.push(b' '),
            (byte, ..) => out.push(byte),
        }
        at += 1;
    }
    out
}

/// Pairs sorted by name, encoded and joined.
pub fn query(pairs: &[(String, String)]) -> String {
    let mut sorted: Vec<_> = pairs.iter().collect();
    sorted.sort();
    let one = |(name, value): &&(String, String)| format!("{}={}", encode(name), encode(value));
    sorted.iter().map(one).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding() {
        assert_eq!(encode("aZ9-_.~"), "aZ9-_.~");
        assert_eq!(encode("a b+c*/é"), "a%20b%2Bc%2A%2F%C3%A9");
    }

    #[test]
    fn decoding_and_canonical_form() {
        let pairs = form_pairs(b"b=1+2&a=%2f%zz&c&&d=x=y&~=%7E");
        let shown: Vec<_> = pairs.iter().map(|(n, v)| format!("{n}:{v}")).collect();
        assert_eq!(shown, ["b:1 2", "a:/%zz", "c:", "d:x=y", "~:~"]);
        assert_eq!(query(&pairs), "a=%2F%25zz&b=1%202&c=&d=x%3Dy&~=~");
        assert_eq!(query(&form_pairs(b"")), "");
    }
}
