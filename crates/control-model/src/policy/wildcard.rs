//! Texts against patterns in which `*` stands for any characters and `?` for one. Must not know
//! what the texts mean.

/// Whether the whole of `text` matches. Takes time in proportion to the product of both lengths at
/// worst.
pub fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut seen) = (0, 0);
    // Where the last star stands, and how much of the text it has taken.
    let mut star: Option<(usize, usize)> = None;
    while seen < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(&wanted) if wanted == '?' || wanted == text[seen] => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((place, taken)) = star else { return false };
                star = Some((place, taken + 1));
                (at, seen) = (place + 1, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|&rest| rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use stdx::Rng;

    /// By the definition, without any cleverness.
    fn plain(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => (0..=text.len()).any(|taken| plain(rest, &text[taken..])),
            ([b'?', rest @ ..], [_, left @ ..]) => plain(rest, left),
            ([wanted, rest @ ..], [found, left @ ..]) => wanted == found && plain(rest, left),
            _ => false,
        }
    }

    #[test]
    fn as_the_definition_says() {
        let mut rng = Rng::new(4);
        let mut text = |alphabet: &[u8], most: usize| -> String {
            let count = rng.below(most + 1);
            (0..count).map(|_| char::from(alphabet[rng.below(alphabet.len())])).collect()
        };
        let mut matching = 0;
        for _ in 0..20_000 {
            let (pattern, text) = (text(b"ab*?", 7), text(b"ab", 8));
            let expected = plain(pattern.as_bytes(), text.as_bytes());
            assert_eq!(matches(&pattern, &text), expected, "{pattern:?} {text:?}");
            matching += usize::from(expected);
        }
        assert!((2_000..18_000).contains(&matching), "{matching}");
    }

    #[test]
    fn characters_and_hostile_patterns() {
        assert!(matches("r-?", "r-ä") && !matches("r-?", "r-ab"));
        assert!(!matches(&"*a".repeat(500), &"a".repeat(499)));
    }
}
