//! Glob patterns as KEYS, SCAN and PSUBSCRIBE have them: `*`, `?`, `[a-c]`, `[^a]`, `\x`.
//! Time is bounded by pattern × text: a `*` that fails is retried only at the last one seen.

/// Stars in a pattern that can match. Redis' limit, there to bound its recursion.
const STARS_MAX: usize = 1000;

/// True when the whole `text` matches `pattern`.
#[must_use]
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    let mut stars = Stars::default();
    loop {
        if p < pattern.len() && pattern[p] == b'*' {
            if p + 1 == pattern.len() {
                return true;
            }
            if stars.pass(pattern, p) > STARS_MAX {
                return false;
            }
            retry = Some((p + 1, t));
            p += 1;
            continue;
        }
        if t < text.len() {
            if let Some(next) = step(pattern, p, text[t]) {
                (p, t) = (next, t + 1);
                continue;
            }
        } else if p == pattern.len() {
            return true;
        }
        match retry {
            Some((after_star, from)) if from < text.len() => {
                (p, t) = (after_star, from + 1);
                retry = Some((after_star, from + 1));
            }
            _ => return false,
        }
    }
}

/// Groups of stars met so far, however often.
#[derive(Default)]
struct Stars {
    count: usize,
    /// Places before this have been counted.
    seen: usize,
}

impl Stars {
    fn pass(&mut self, pattern: &[u8], p: usize) -> usize {
        if self.seen <= p {
            self.seen = p + 1;
            self.count += usize::from(p == 0 || pattern[p - 1] != b'*');
        }
        self.count
    }
}

/// Matches one byte against the pattern's element at `p`; returns where the next element starts.
fn step(pattern: &[u8], p: usize, byte: u8) -> Option<usize> {
    match *pattern.get(p)? {
        b'?' => Some(p + 1),
        b'[' => class(pattern, p + 1, byte),
        b'\\' if p + 1 < pattern.len() => (pattern[p + 1] == byte).then_some(p + 2),
        literal => (literal == byte).then_some(p + 1),
    }
}

fn class(pattern: &[u8], mut p: usize, byte: u8) -> Option<usize> {
    let negated = pattern.get(p) == Some(&b'^');
    p += usize::from(negated);
    let mut hit = false;
    loop {
        match (pattern.get(p), pattern.get(p + 1), pattern.get(p + 2)) {
            (None, ..) => break,
            (Some(b']'), ..) => {
                p += 1;
                break;
            }
            (Some(b'\\'), Some(&escaped), _) => {
                hit |= escaped == byte;
                p += 2;
            }
            (Some(&a), Some(b'-'), Some(&b)) => {
                hit |= (a.min(b)..=a.max(b)).contains(&byte);
                p += 3;
            }
            (Some(&literal), ..) => {
                hit |= literal == byte;
                p += 1;
            }
        }
    }
    (hit != negated).then_some(p)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, want) in [
            ("*", "", true),
            ("*", "abc", true),
            ("a**", "abc", true),
            ("a*c", "abbbc", true),
            ("a*c", "abbbd", false),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h[ae]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-c]llo", "hbllo", true),
            ("h[c-a]llo", "hbllo", true),
            (r"a\*b", "a*b", true),
            (r"a\*b", "axb", false),
            ("", "", true),
            ("", "a", false),
            ("a**b", "ab", true),
            ("[", "a", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), want, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_stay_cheap() {
        let pattern = [b"a*".repeat(500), b"b".to_vec()].concat();
        assert!(!matches(&pattern, &[b'a'; 5_000]));
    }

    #[test]
    fn too_many_stars_match_nothing() {
        let text = [b'a'; 5_000];
        assert!(matches(&b"*?".repeat(1_000), &text));
        assert!(!matches(&b"*?".repeat(1_001), &text));
    }
}
