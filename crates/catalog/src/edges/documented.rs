//! Calls whose documented act is to grow, to stop or to wait, and nothing else: a short list, each
//! with its reason. Asks no server.

/// What a call does by its documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Makes a value as long as it is told, up to 512 MB.
    Grows,
    /// Does as much as it is told, without an end that a test can await.
    Endless,
    /// Answers nothing.
    Silent,
    /// The connection is one of another kind afterwards.
    Converts,
}

/// A number that makes a call one of these.
struct Rule {
    /// First words of the call.
    words: &'static [&'static str],
    /// Which of its words is the number; 0 for any call.
    at: usize,
    /// Least number.
    least: u64,
    /// Not when this is the last word.
    unless: &'static str,
    act: Act,
}

const fn rule(words: &'static [&'static str], at: usize, least: u64, act: Act) -> Rule {
    Rule { words, at, least, unless: "", act }
}

/// Values below this are made in no time.
const LONG: u64 = 8 << 20;

const RULES: &[Rule] = &[
    // A string is as long as its last bit.
    rule(&["SETBIT"], 2, LONG * 8, Act::Grows),
    rule(&["SETRANGE"], 2, LONG, Act::Grows),
    rule(&["BITFIELD"], 4, LONG / 8, Act::Grows),
    rule(&["BITFIELD"], 6, LONG / 8, Act::Grows),
    // Stops the server for that time, or makes that many keys.
    rule(&["DEBUG", "SLEEP"], 2, 1, Act::Endless),
    rule(&["DEBUG", "POPULATE"], 2, 1 << 16, Act::Endless),
    rule(&["DEBUG", "POPULATE"], 4, 1 << 16, Act::Endless),
    // Stops everybody but who writes nothing: CLIENT UNPAUSE too waits for the end.
    Rule { unless: "WRITE", ..rule(&["CLIENT", "PAUSE"], 2, 1, Act::Endless) },
    // The acknowledgement of a replica has no answer.
    rule(&["REPLCONF", "ACK"], 0, 0, Act::Silent),
    // A replica's connection carries the stream of effects.
    rule(&["PSYNC"], 0, 0, Act::Converts),
];

/// What the call does that others may not.
#[must_use]
pub fn act(words: &[Vec<u8>]) -> Option<Act> {
    let fits = |rule: &&Rule| {
        let named = rule.words.len() <= words.len()
            && rule.words.iter().zip(words).all(|(name, word)| word == name.as_bytes());
        let number = || words.get(rule.at).is_some_and(|word| magnitude(word) >= rule.least);
        let excepted =
            !rule.unless.is_empty() && words.last().is_some_and(|it| it == rule.unless.as_bytes());
        named && !excepted && (rule.at == 0 || number())
    };
    RULES.iter().find(fits).map(|rule| rule.act)
}

/// The number that a word is; nothing is 0.
fn magnitude(word: &[u8]) -> u64 {
    let text = std::str::from_utf8(word).unwrap_or_default();
    let digits = text.trim_start_matches('#');
    let float = digits.parse::<f64>().unwrap_or(0.0);
    digits.parse().unwrap_or(float.ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_long_is_excused() {
        let check = |call: &str, want: Option<Act>| {
            let words: Vec<Vec<u8>> = call.split(' ').map(|word| word.into()).collect();
            assert_eq!(act(&words), want, "{call}");
        };
        check("SETBIT s:0 4294967295 1", Some(Act::Grows));
        check("SETBIT s:0 65536 1", None);
        check("SETRANGE s:0 -1 v", None);
        check("SETRANGE s:0 2147483647 v", Some(Act::Grows));
        check("BITFIELD s:0 SET u8 #9223372036854775807 1", Some(Act::Grows));
        check("DEBUG SLEEP 0", None);
        check("DEBUG SLEEP 1e308", Some(Act::Endless));
        check("DEBUG POPULATE 18446744073709551615", Some(Act::Endless));
        check("REPLCONF ACK nan", Some(Act::Silent));
        check("REPLCONF ACK ", Some(Act::Silent));
        check("CLIENT PAUSE 1 ALL", Some(Act::Endless));
        check("CLIENT PAUSE -1 ALL", None);
        check("CLIENT PAUSE 9223372036854775807 WRITE", None);
        check("GETRANGE s:0 0 9223372036854775807", None);
    }
}
