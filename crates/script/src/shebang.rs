//! The first line of a script or library: `#!lua name=… flags=…`. Knows no Lua.

use crate::ScriptError;

/// What a script says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScriptFlags {
    /// It has no shebang: each command is judged when it comes, as before Redis 7.
    pub compatible: bool,
    /// It does not write.
    pub no_writes: bool,
    /// It may run above `maxmemory`.
    pub allow_oom: bool,
    /// It may run on a stale replica.
    pub allow_stale: bool,
    /// It must not run in a cluster.
    pub no_cluster: bool,
    /// Its keys may be in several slots.
    pub allow_cross_slot: bool,
}

impl ScriptFlags {
    /// Names in the order of FUNCTION LIST.
    pub const NAMES: [&'static str; 5] =
        ["no-writes", "allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys"];

    /// Sets the flag called `name`; `None` when there is none.
    #[must_use]
    pub fn with(mut self, name: &[u8]) -> Option<Self> {
        let at = Self::NAMES.iter().position(|known| name == known.as_bytes())?;
        let fields = [
            &mut self.no_writes,
            &mut self.allow_oom,
            &mut self.allow_stale,
            &mut self.no_cluster,
            &mut self.allow_cross_slot,
        ];
        *fields.into_iter().nth(at)? = true;
        Some(self)
    }

    /// Names of the flags that are set.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        let set = [
            self.no_writes,
            self.allow_oom,
            self.allow_stale,
            self.no_cluster,
            self.allow_cross_slot,
        ];
        Self::NAMES.into_iter().zip(set).filter(|(_, set)| *set).map(|(name, _)| name)
    }
}

fn error(text: impl Into<String>) -> ScriptError {
    ScriptError(format!("ERR {}", text.into()))
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The words of the first line, and what follows.
type Split<'s> = (Vec<Vec<u8>>, &'s [u8]);

/// Splits the first line off when it is a shebang; the rest starts with its line feed, so that
/// lines keep their numbers.
fn split(source: &[u8]) -> Option<Result<Split<'_>, ()>> {
    if !source.starts_with(b"#!") {
        return None;
    }
    let Some(end) = source.iter().position(|&b| b == b'\n') else { return Some(Err(())) };
    Some(match resp::inline::split_words(&source[..end]) {
        Some(words) if !words.is_empty() => Ok((words, &source[end..])),
        _ => Err(()),
    })
}

/// Flags of a script for EVAL, and the source to compile.
///
/// # Errors
/// A first line that starts like a shebang and is none.
pub fn script(source: &[u8]) -> Result<(ScriptFlags, &[u8]), ScriptError> {
    let (words, rest) = match split(source) {
        None => return Ok((ScriptFlags { compatible: true, ..Default::default() }, source)),
        Some(Err(())) => return Err(error("Invalid script shebang")),
        Some(Ok(found)) => found,
    };
    if words[0] != b"#!lua" {
        let text = format!("Unexpected engine in script shebang: {}", shown(&words[0]));
        return Err(error(text));
    }
    let mut flags = ScriptFlags::default();
    for word in &words[1..] {
        let Some(names) = word.strip_prefix(b"flags=") else {
            return Err(error(format!("Unknown lua shebang option: {}", shown(word))));
        };
        for name in names.split(|&b| b == b',').filter(|_| !names.is_empty()) {
            flags = flags.with(name).ok_or_else(|| {
                error(format!("Unexpected flag in script shebang: {}", shown(name)))
            })?;
        }
    }
    Ok((flags, rest))
}

/// Flags of a script for EVAL.
///
/// # Errors
/// A first line that starts like a shebang and is none.
pub fn flags_of(source: &[u8]) -> Result<ScriptFlags, ScriptError> {
    script(source).map(|(flags, _)| flags)
}

/// Name of a library, and the source to compile.
///
/// # Errors
/// No shebang, or one that does not name a Lua library.
pub fn library(source: &[u8]) -> Result<(String, &[u8]), ScriptError> {
    let (words, rest) = match split(source) {
        None => return Err(error("Missing library metadata")),
        Some(Err(())) => return Err(error("Invalid library metadata")),
        Some(Ok(found)) => found,
    };
    let mut name = None;
    for word in &words[1..] {
        let is_name = word.len() >= 5 && word[..5].eq_ignore_ascii_case(b"name=");
        if !is_name {
            return Err(error(format!("Invalid metadata value given: {}", shown(word))));
        }
        if name.replace(word[5..].to_vec()).is_some() {
            let text = "Invalid metadata value, name argument was given multiple times";
            return Err(error(text));
        }
    }
    let name = name.ok_or_else(|| error("Library name was not given"))?;
    let name = checked_name(&name).ok_or_else(bad_name)?;
    if !words[0][2..].eq_ignore_ascii_case(b"lua") {
        return Err(error(format!("Engine '{}' not found", shown(&words[0][2..]))));
    }
    Ok((name, rest))
}

/// A name of letters, digits and underscores.
#[must_use]
pub fn checked_name(name: &[u8]) -> Option<String> {
    let good = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    let all = !name.is_empty() && name.iter().all(good);
    all.then(|| shown(name))
}

/// The refusal of any other name.
#[must_use]
pub fn bad_name() -> ScriptError {
    error(
        "Library names can only contain letters, numbers, or underscores(_) and must be at least \
         one character long",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts() {
        for (source, want) in [
            ("return 1", Ok("compatible")),
            ("#!lua\nreturn 1", Ok("")),
            ("#!lua flags=\nreturn 1", Ok("")),
            ("#!lua flags=no-writes,allow-oom\nreturn 1", Ok("no-writes allow-oom")),
            ("#!lua", Err("ERR Invalid script shebang")),
            ("#!not-lua\n", Err("ERR Unexpected engine in script shebang: #!not-lua")),
            ("#!lua badger\n", Err("ERR Unknown lua shebang option: badger")),
            ("#!lua flags=x\n", Err("ERR Unexpected flag in script shebang: x")),
        ] {
            let got = script(source.as_bytes()).map(|(flags, _)| {
                if flags.compatible {
                    "compatible".into()
                } else {
                    flags.names().collect::<Vec<_>>().join(" ")
                }
            });
            assert_eq!(
                got.map_err(|error| error.0),
                want.map(str::to_owned).map_err(str::to_owned)
            );
        }
    }

    #[test]
    fn libraries() {
        for (source, want) in [
            ("#!lua name=a_1\nx", Ok("a_1")),
            ("#!LUA NAME=foo\nx", Ok("foo")),
            ("x", Err("ERR Missing library metadata")),
            ("#!lua name=x", Err("ERR Invalid library metadata")),
            ("#!lua\n", Err("ERR Library name was not given")),
            ("#!lua name=a-b\n", Err(&*bad_name().0)),
            ("#!lua name=a foo=b\n", Err("ERR Invalid metadata value given: foo=b")),
            ("#!bad name=a\n", Err("ERR Engine 'bad' not found")),
        ] {
            let got = library(source.as_bytes()).map(|(name, _)| name).map_err(|error| error.0);
            assert_eq!(got, want.map(str::to_owned).map_err(str::to_owned), "{source}");
        }
    }
}
