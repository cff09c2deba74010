//! Lua's patterns, with a bound on depth and a tick while they work: the matcher of the C library
//! can overflow its stack, and nothing can stop it. Knows no Lua state.

/// Captures in one pattern.
const CAPTURES_MAX: usize = 32;
/// Nested matches; a single repetition needs none.
const DEPTH_MAX: usize = 200;
/// Steps between two ticks.
const STEPS: u32 = 16_384;

/// Why matching ended without an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The pattern is wrong, in Lua's words.
    Bad(&'static str),
    /// The tick said so.
    Ended,
}

/// Called every few thousand steps; `false` stops the work.
pub type Tick<'t> = &'t mut dyn FnMut() -> bool;

/// One capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capture {
    /// From a place up to another one.
    Span(usize, usize),
    /// `()`: a place, counted from 0.
    Place(usize),
    /// Not closed yet.
    Open(usize),
}

/// A pattern at work on a text.
pub struct Matcher<'t> {
    text: &'t [u8],
    pattern: &'t [u8],
    captures: Vec<Capture>,
    depth: usize,
    steps: u32,
    tick: Tick<'t>,
}

type Found = Result<Option<usize>, Stop>;

impl<'t> Matcher<'t> {
    /// Matches `pattern`, without its leading `^`, against `text`.
    pub fn new(text: &'t [u8], pattern: &'t [u8], tick: Tick<'t>) -> Self {
        Self { text, pattern, captures: Vec::new(), depth: 0, steps: 0, tick }
    }

    /// Matches at exactly `start`; the place behind the match.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn match_at(&mut self, start: usize) -> Found {
        self.captures.clear();
        self.depth = 0;
        self.run(start, 0)
    }

    /// The first match at or behind `start`: where it starts and ends.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn find(&mut self, start: usize, anchored: bool) -> Result<Option<(usize, usize)>, Stop> {
        let last = if anchored { start } else { self.text.len() };
        for at in start..=last {
            if let Some(end) = self.match_at(at)? {
                return Ok(Some((at, end)));
            }
        }
        Ok(None)
    }

    /// The captures of the match just found.
    ///
    /// # Errors
    /// One is not closed.
    pub fn captures(&self) -> Result<&[Capture], Stop> {
        match self.captures.iter().any(|capture| matches!(capture, Capture::Open(_))) {
            true => Err(Stop::Bad("unfinished capture")),
            false => Ok(&self.captures),
        }
    }

    fn step(&mut self) -> Result<(), Stop> {
        self.steps += 1;
        if self.steps >= STEPS {
            self.steps = 0;
            if !(self.tick)() {
                return Err(Stop::Ended);
            }
        }
        Ok(())
    }

    fn nested(&mut self, s: usize, p: usize) -> Found {
        if self.depth >= DEPTH_MAX {
            return Err(Stop::Bad("pattern too complex"));
        }
        self.depth += 1;
        let found = self.run(s, p);
        self.depth -= 1;
        found
    }

    fn run(&mut self, mut s: usize, mut p: usize) -> Found {
        loop {
            self.step()?;
            let Some(&head) = self.pattern.get(p) else { return Ok(Some(s)) };
            match (head, self.pattern.get(p + 1)) {
                (b'(', Some(b')')) => return self.open(s, p + 2, Capture::Place(s)),
                (b'(', _) => return self.open(s, p + 1, Capture::Open(s)),
                (b')', _) => return self.close(s, p + 1),
                (b'$', None) => return Ok((s == self.text.len()).then_some(s)),
                (b'%', Some(b'b')) => {
                    let Some(end) = self.balance(s, p + 2)? else { return Ok(None) };
                    (s, p) = (end, p + 4);
                }
                (b'%', Some(b'f')) => match self.frontier(s, p + 2)? {
                    Some(next) => p = next,
                    None => return Ok(None),
                },
                (b'%', Some(digit)) if digit.is_ascii_digit() => {
                    let Some(end) = self.repeat_capture(s, *digit)? else { return Ok(None) };
                    (s, p) = (end, p + 2);
                }
                _ => {
                    let end = self.class_end(p)?;
                    match self.pattern.get(end) {
                        Some(b'?') => {
                            if self.single(s, p, end) {
                                let found = self.nested(s + 1, end + 1)?;
                                if found.is_some() {
                                    return Ok(found);
                                }
                            }
                            p = end + 1;
                        }
                        Some(b'*') => return self.longest(s, p, end, 0),
                        Some(b'+') => return self.longest(s, p, end, 1),
                        Some(b'-') => return self.shortest(s, p, end),
                        _ if self.single(s, p, end) => (s, p) = (s + 1, end),
                        _ => return Ok(None),
                    }
                }
            }
        }
    }

    fn open(&mut self, s: usize, p: usize, capture: Capture) -> Found {
        if self.captures.len() >= CAPTURES_MAX {
            return Err(Stop::Bad("too many captures"));
        }
        let count = self.captures.len();
        self.captures.push(capture);
        let found = self.nested(s, p)?;
        if found.is_none() {
            self.captures.truncate(count);
        }
        Ok(found)
    }

    fn close(&mut self, s: usize, p: usize) -> Found {
        let open = self.captures.iter().rposition(|one| matches!(one, Capture::Open(_)));
        let at = open.ok_or(Stop::Bad("invalid pattern capture"))?;
        let was = self.captures[at];
        let Capture::Open(start) = was else { unreachable!("just looked for") };
        self.captures[at] = Capture::Span(start, s);
        let found = self.nested(s, p)?;
        if found.is_none() {
            self.captures[at] = was;
        }
        Ok(found)
    }

    fn longest(&mut self, s: usize, p: usize, end: usize, least: usize) -> Found {
        let mut count = 0;
        while self.single(s + count, p, end) {
            count += 1;
            self.step()?;
        }
        while count >= least {
            let found = self.nested(s + count, end + 1)?;
            if found.is_some() {
                return Ok(found);
            }
            if count == 0 {
                break;
            }
            count -= 1;
        }
        Ok(None)
    }

    fn shortest(&mut self, mut s: usize, p: usize, end: usize) -> Found {
        loop {
            let found = self.nested(s, end + 1)?;
            if found.is_some() {
                return Ok(found);
            }
            if !self.single(s, p, end) {
                return Ok(None);
            }
            s += 1;
        }
    }

    fn balance(&mut self, s: usize, p: usize) -> Found {
        let (Some(&open), Some(&close)) = (self.pattern.get(p), self.pattern.get(p + 1)) else {
            return Err(Stop::Bad("unbalanced pattern"));
        };
        if self.text.get(s) != Some(&open) {
            return Ok(None);
        }
        let mut depth = 1;
        for at in s + 1..self.text.len() {
            self.step()?;
            let byte = self.text[at];
            if byte == close {
                depth -= 1;
                if depth == 0 {
                    return Ok(Some(at + 1));
                }
            } else if byte == open {
                depth += 1;
            }
        }
        Ok(None)
    }

    /// The place in the pattern behind `%f[set]`, when `s` is where the set begins.
    fn frontier(&mut self, s: usize, p: usize) -> Found {
        if self.pattern.get(p) != Some(&b'[') {
            return Err(Stop::Bad("missing '[' after '%f' in pattern"));
        }
        let end = self.class_end(p)?;
        let before = if s == 0 { 0 } else { self.text[s - 1] };
        let here = self.text.get(s).copied().unwrap_or(0);
        let is_edge = !self.in_set(before, p, end - 1) && self.in_set(here, p, end - 1);
        Ok(is_edge.then_some(end))
    }

    fn repeat_capture(&mut self, s: usize, digit: u8) -> Found {
        let at = usize::from(digit).checked_sub(usize::from(b'1'));
        let capture = at.and_then(|at| self.captures.get(at));
        let Some(&Capture::Span(from, to)) = capture else {
            return Err(Stop::Bad("invalid capture index"));
        };
        let wanted = &self.text[from..to];
        Ok(self.text[s..].starts_with(wanted).then_some(s + wanted.len()))
    }

    /// The place behind the single-character class at `p`.
    fn class_end(&self, p: usize) -> Result<usize, Stop> {
        match self.pattern[p] {
            b'%' if p + 1 >= self.pattern.len() => {
                Err(Stop::Bad("malformed pattern (ends with '%')"))
            }
            b'%' => Ok(p + 2),
            b'[' => {
                let missing = Stop::Bad("malformed pattern (missing ']')");
                let mut at = p + 1;
                if self.pattern.get(at) == Some(&b'^') {
                    at += 1;
                }
                // A `]` in the first place stands for itself.
                loop {
                    let Some(&byte) = self.pattern.get(at) else { return Err(missing) };
                    at += if byte == b'%' { 2 } else { 1 };
                    if self.pattern.get(at) == Some(&b']') {
                        return Ok(at + 1);
                    }
                }
            }
            _ => Ok(p + 1),
        }
    }

    fn single(&self, s: usize, p: usize, end: usize) -> bool {
        let Some(&byte) = self.text.get(s) else { return false };
        match self.pattern[p] {
            b'.' => true,
            b'%' => in_class(byte, self.pattern[p + 1]),
            b'[' => self.in_set(byte, p, end - 1),
            own => own == byte,
        }
    }

    /// True when `byte` is in the set from the `[` at `p` to the `]` at `last`.
    fn in_set(&self, byte: u8, p: usize, last: usize) -> bool {
        let mut at = p + 1;
        let negated = self.pattern[at] == b'^';
        at += usize::from(negated);
        while at < last {
            let own = self.pattern[at];
            if own == b'%' {
                if in_class(byte, self.pattern[at + 1]) {
                    return !negated;
                }
                at += 2;
            } else if at + 2 < last && self.pattern[at + 1] == b'-' {
                if (own..=self.pattern[at + 2]).contains(&byte) {
                    return !negated;
                }
                at += 3;
            } else {
                if own == byte {
                    return !negated;
                }
                at += 1;
            }
        }
        negated
    }
}

fn in_class(byte: u8, class: u8) -> bool {
    let is = match class.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => matches!(byte, b' ' | 9..=13),
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        b'z' => byte == 0,
        _ => return class == byte,
    };
    is != class.is_ascii_uppercase()
}

/// True when `pattern` means more than itself.
#[must_use]
pub fn is_special(pattern: &[u8]) -> bool {
    pattern.iter().any(|byte| b"^$*+?.([%-".contains(byte))
}

/// The first `needle` in `text` at or behind `start`, in time that grows with their sum.
///
/// # Errors
/// [`Stop::Ended`].
pub fn find_plain(
    text: &[u8],
    needle: &[u8],
    start: usize,
    tick: Tick<'_>,
) -> Result<Option<usize>, Stop> {
    if needle.is_empty() {
        return Ok(Some(start));
    }
    // For each length of a matched part, the longest of its own beginnings that it ends with.
    let mut back = vec![0usize; needle.len()];
    let mut matched = 0;
    for at in 1..needle.len() {
        while matched > 0 && needle[at] != needle[matched] {
            matched = back[matched - 1];
        }
        matched += usize::from(needle[at] == needle[matched]);
        back[at] = matched;
    }
    matched = 0;
    for (at, &byte) in text.iter().enumerate().skip(start) {
        while matched > 0 && byte != needle[matched] {
            matched = back[matched - 1];
        }
        matched += usize::from(byte == needle[matched]);
        if matched == needle.len() {
            return Ok(Some(at + 1 - matched));
        }
        if at % (64 * STEPS as usize) == 0 && !tick() {
            return Err(Stop::Ended);
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, pattern: &str) -> Result<Option<(usize, usize, Vec<Capture>)>, Stop> {
        let (anchored, body) = match pattern.strip_prefix('^') {
            Some(rest) => (true, rest),
            None => (false, pattern),
        };
        let mut tick = || true;
        let mut matcher = Matcher::new(text.as_bytes(), body.as_bytes(), &mut tick);
        let Some((start, end)) = matcher.find(0, anchored)? else { return Ok(None) };
        Ok(Some((start, end, matcher.captures()?.to_vec())))
    }

    fn check(text: &str, pattern: &str, want: &str) {
        let got = match found(text, pattern) {
            Err(Stop::Bad(why)) => why.to_owned(),
            Err(Stop::Ended) => "ended".to_owned(),
            Ok(None) => "none".to_owned(),
            Ok(Some((start, end, captures))) => {
                let mut shown = text[start..end].to_owned();
                for capture in captures {
                    shown += &match capture {
                        Capture::Span(from, to) => format!("|{}", &text[from..to]),
                        Capture::Place(at) => format!("|@{at}"),
                        Capture::Open(_) => unreachable!("captures() refuses them"),
                    };
                }
                shown
            }
        };
        assert_eq!(got, want, "{pattern} on {text}");
    }

    #[test]
    fn patterns() {
        for (text, pattern, want) in [
            ("hello world", "o w", "o w"),
            ("hello world", "l+", "ll"),
            ("hello", "l-o", "llo"),
            ("hello", "^ell", "none"),
            ("hello", "o$", "o"),
            ("a.b", "%.", "."),
            ("key = value", "(%w+)%s*=%s*(%w+)", "key = value|key|value"),
            ("x", "()x()", "x|@0|@1"),
            ("f(a(b)c)d", "%b()", "(a(b)c)"),
            ("THE (quick) fox", "%f[%a]%a+%f[%A]", "THE"),
            ("abab", "(ab)%1", "abab|ab"),
            ("a]b", "[]]", "]"),
            ("a-b", "[a%-]+", "a-"),
            ("2024-01-02", "(%d+)-(%d+)-(%d+)", "2024-01-02|2024|01|02"),
            ("abc", "[^a-b]", "c"),
            ("aaa", "a?a?a?b", "none"),
            ("ab", "a?b?", "ab"),
            ("x", "[", "malformed pattern (missing ']')"),
            ("x", "[^", "malformed pattern (missing ']')"),
            ("x", "[]", "malformed pattern (missing ']')"),
            ("x", "[%", "malformed pattern (missing ']')"),
            ("x", "%", "malformed pattern (ends with '%')"),
            ("x", "(", "unfinished capture"),
            ("x", "(x", "unfinished capture"),
            ("x", "x)", "invalid pattern capture"),
            ("x", "%1", "invalid capture index"),
            ("x", "(%1)", "invalid capture index"),
            ("x", "%b", "unbalanced pattern"),
            ("x", "%f", "missing '[' after '%f' in pattern"),
            ("x", "", ""),
        ] {
            check(text, pattern, want);
        }
        check("x", &"()".repeat(33), "too many captures");
        check(&"a".repeat(1000), &"a?".repeat(1000), "pattern too complex");
        check(&"a".repeat(100_000), "a*", &"a".repeat(100_000));
    }

    #[test]
    fn a_tick_ends_what_would_take_for_ever() {
        let (text, pattern) = ("a".repeat(40), "a*".repeat(20) + "b");
        let mut ticks = 0;
        let mut tick = || {
            ticks += 1;
            ticks < 5
        };
        let mut matcher = Matcher::new(text.as_bytes(), pattern.as_bytes(), &mut tick);
        assert_eq!(matcher.find(0, false), Err(Stop::Ended));
    }

    #[test]
    fn plain_search() {
        for (text, needle, want) in [
            ("aaab", "aab", Some(1)),
            ("abcabd", "abd", Some(3)),
            ("abc", "", Some(0)),
            ("", "a", None),
            ("aaaa", "b", None),
        ] {
            let got = find_plain(text.as_bytes(), needle.as_bytes(), 0, &mut || true);
            assert_eq!(got, Ok(want), "{needle} in {text}");
        }
    }
}
