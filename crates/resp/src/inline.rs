//! Inline commands: one line of words, quoted as redis-cli quotes them.

/// Splits a line into words; `None` when quotes do not balance.
/// `"…"` knows `\xHH \n \r \t \b \a \" \\`; `'…'` knows `\'`. A closing quote must end its word.
#[must_use]
pub fn split_words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut at = 0;
    loop {
        while line.get(at).is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        }
        if at >= line.len() {
            return Some(words);
        }
        let mut word = Vec::new();
        at = read_word(line, at, &mut word)?;
        words.push(word);
    }
}

fn read_word(line: &[u8], mut at: usize, word: &mut Vec<u8>) -> Option<usize> {
    while let Some(&byte) = line.get(at) {
        match byte {
            b'"' => return closed(line, read_double(line, at + 1, word)?),
            b'\'' => return closed(line, read_single(line, at + 1, word)?),
            _ if byte.is_ascii_whitespace() || byte == 0 => break,
            _ => word.push(byte),
        }
        at += 1;
    }
    Some(at.max(1))
}

fn closed(line: &[u8], at: usize) -> Option<usize> {
    line.get(at).is_none_or(u8::is_ascii_whitespace).then_some(at)
}

fn read_double(line: &[u8], mut at: usize, word: &mut Vec<u8>) -> Option<usize> {
    loop {
        match (*line.get(at)?, line.get(at + 1)) {
            (b'"', _) => return Some(at + 1),
            (b'\\', Some(b'x')) if hex_pair(line, at + 2).is_some() => {
                word.push(hex_pair(line, at + 2)?);
                at += 4;
            }
            (b'\\', Some(&escaped)) => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => other,
                });
                at += 2;
            }
            (byte, _) => {
                word.push(byte);
                at += 1;
            }
        }
    }
}

fn read_single(line: &[u8], mut at: usize, word: &mut Vec<u8>) -> Option<usize> {
    loop {
        match (*line.get(at)?, line.get(at + 1)) {
            (b'\'', _) => return Some(at + 1),
            (b'\\', Some(b'\'')) => {
                word.push(b'\'');
                at += 2;
            }
            (byte, _) => {
                word.push(byte);
                at += 1;
            }
        }
    }
}

fn hex_pair(line: &[u8], at: usize) -> Option<u8> {
    let digit = |i: usize| line.get(i).and_then(|&b| (b as char).to_digit(16));
    u8::try_from(digit(at)? * 16 + digit(at + 1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, want: Option<&[&str]>) {
        let got = split_words(line.as_bytes());
        let got = got.map(|words| {
            words.iter().map(|w| String::from_utf8_lossy(w).into_owned()).collect::<Vec<_>>()
        });
        let want = want.map(|words| words.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(got, want, "{line:?}");
    }

    #[test]
    fn words() {
        check("PING", Some(&["PING"]));
        check("  set  k  v ", Some(&["set", "k", "v"]));
        check(r#"set "a b" 'c d'"#, Some(&["set", "a b", "c d"]));
        check(r#""\x41\n\"" '\''"#, Some(&["A\n\"", "'"]));
        check(r#""""#, Some(&[""]));
        check(r#""unbalanced"#, None);
        check(r#""a"b"#, None);
        check("'a'b", None);
        check("", Some(&[]));
    }
}
