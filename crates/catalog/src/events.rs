//! Classes of key events, as `notify-keyspace-events` names them by letters.

/// A set of classes, and of the two kinds of channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Classes(u16);

impl Classes {
    /// `K`: messages about a key, on a channel of that key.
    pub const KEYSPACE: Self = Self(1);
    /// `E`: messages about an event, on a channel of that event.
    pub const KEYEVENT: Self = Self(1 << 1);
    /// `g`: commands of any type.
    pub const GENERIC: Self = Self(1 << 2);
    /// `$`: strings.
    pub const STRING: Self = Self(1 << 3);
    /// `l`: lists.
    pub const LIST: Self = Self(1 << 4);
    /// `s`: sets.
    pub const SET: Self = Self(1 << 5);
    /// `h`: hashes.
    pub const HASH: Self = Self(1 << 6);
    /// `z`: sorted sets.
    pub const SORTED_SET: Self = Self(1 << 7);
    /// `x`: a key's time has come.
    pub const EXPIRED: Self = Self(1 << 8);
    /// `e`: a key made room.
    pub const EVICTED: Self = Self(1 << 9);
    /// `t`: streams.
    pub const STREAM: Self = Self(1 << 10);
    /// `d`: modules.
    pub const MODULE: Self = Self(1 << 11);
    /// `n`: a key was made.
    pub const NEW: Self = Self(1 << 12);
    /// `m`: a key was read that is not there.
    pub const MISS: Self = Self(1 << 13);

    const ALL: Self = Self(0b1111_1111_1100);

    /// Letters in the order in which CONFIG GET shows them; `A` stands for several.
    const LETTERS: [(char, Self); 14] = [
        ('g', Self::GENERIC),
        ('$', Self::STRING),
        ('l', Self::LIST),
        ('s', Self::SET),
        ('h', Self::HASH),
        ('z', Self::SORTED_SET),
        ('x', Self::EXPIRED),
        ('e', Self::EVICTED),
        ('t', Self::STREAM),
        ('d', Self::MODULE),
        ('n', Self::NEW),
        ('K', Self::KEYSPACE),
        ('E', Self::KEYEVENT),
        ('m', Self::MISS),
    ];

    /// The classes that `letters` name; `None` when one names nothing.
    #[must_use]
    pub fn parse(letters: &str) -> Option<Self> {
        letters.chars().try_fold(Self::default(), |sum, letter| {
            let known = Self::LETTERS.iter().find(|(other, _)| *other == letter);
            let class =
                if letter == 'A' { Some(Self::ALL) } else { known.map(|(_, class)| *class) };
            class.map(|class| Self(sum.0 | class.0))
        })
    }

    /// The letters in one order. Behind `A`, an `n` comes last.
    #[must_use]
    pub fn letters(self) -> String {
        let all = self.has(Self::ALL);
        let hidden = |class: Self| all && (Self::ALL.has(class) || class == Self::NEW);
        let shown = Self::LETTERS.iter().filter(|(_, class)| self.has(*class) && !hidden(*class));
        let new = (all && self.has(Self::NEW)).then_some('n');
        all.then_some('A').into_iter().chain(shown.map(|(letter, _)| *letter)).chain(new).collect()
    }

    /// What CONFIG GET shows of [`Classes::letters`]: as in Redis, `A` hides an `n`, though it does
    /// not stand for it.
    #[must_use]
    pub fn shown(letters: &str) -> &str {
        if letters.starts_with('A') { letters.trim_end_matches('n') } else { letters }
    }

    /// True when all of `other` are in the set.
    #[inline]
    #[must_use]
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// What is in force: nothing, while neither kind of channel is chosen.
    #[must_use]
    pub fn in_force(self) -> Self {
        let channels = Self::KEYSPACE.0 | Self::KEYEVENT.0;
        if self.0 & channels == 0 { Self::default() } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_shown_as_redis_shows_them() {
        for (given, shown) in [
            ("", Some("")),
            ("KEA", Some("AKE")),
            ("g$lshzxetd", Some("A")),
            ("g$lshzxetdn", Some("A")),
            ("nAKm", Some("AKm")),
            ("mEx", Some("xEm")),
            ("nK", Some("nK")),
            ("Kq", None),
        ] {
            let got = Classes::parse(given).map(Classes::letters);
            assert_eq!(got.as_deref().map(Classes::shown), shown, "{given}");
            let again = got.and_then(|letters| Classes::parse(&letters));
            assert_eq!(again, Classes::parse(given), "{given}");
        }
        assert_eq!(Classes::parse("A").map(Classes::in_force), Some(Classes::default()));
    }
}
