//! Whom to ask: `redis://[user:password@]host[:port][/db]` as a value. Opens nothing.

use std::fmt;
use std::str::FromStr;

const PORT: u16 = 6379;
const FORM: &str = "redis://[user:password@]host[:port][/db]";

/// A server, a database and who we say we are.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// Name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Database to select.
    pub db: u32,
    /// User name; `None` logs in by password alone.
    pub user: Option<String>,
    /// Password; without one nobody logs in.
    pub password: Option<String>,
}

impl Target {
    /// Host and port as shown.
    #[must_use]
    pub fn address(&self) -> String {
        let colons = self.host.contains(':');
        let host = if colons { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{host}:{}", self.port)
    }
}

impl fmt::Display for Target {
    /// The URL without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "redis://{}/{}", self.address(), self.db)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        if url.starts_with("rediss://") {
            return Err("TLS (rediss://) is not supported; use redis://".into());
        }
        let rest = url.strip_prefix("redis://").ok_or_else(|| format!("write it as {FORM}"))?;
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, rest),
        };
        let (user, password) = login.map_or(Ok((None, None)), read_login)?;
        let (address, db) = place.split_once('/').unwrap_or((place, ""));
        let db = match db {
            "" => 0,
            text => text.parse().map_err(|_| format!("'{text}' is no database number"))?,
        };
        let (host, port) = read_address(address)?;
        Ok(Self { host, port, db, user, password })
    }
}

fn read_login(login: &str) -> Result<(Option<String>, Option<String>), String> {
    let (user, password) =
        login.split_once(':').ok_or("a login needs user and password (redis://user:password@…)")?;
    let user = Some(decode(user)?).filter(|name| !name.is_empty());
    let password = Some(decode(password)?).filter(|word| !word.is_empty());
    if user.is_some() && password.is_none() {
        return Err("the password behind the user name is empty".into());
    }
    Ok((user, password))
}

fn read_address(address: &str) -> Result<(String, u16), String> {
    let (host, port) = if let Some(inner) = address.strip_prefix('[') {
        let (host, port) = inner.split_once(']').ok_or("the address lacks its ']'")?;
        (host, port.strip_prefix(':').unwrap_or(port))
    } else {
        address.split_once(':').unwrap_or((address, ""))
    };
    if host.is_empty() {
        return Err(format!("the host is missing; write it as {FORM}"));
    }
    let port = match port {
        "" => PORT,
        text => text.parse().map_err(|_| format!("'{text}' is no port"))?,
    };
    Ok((host.to_owned(), port))
}

/// Resolves `%40` and its like.
fn decode(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        let pair = match rest {
            [high, low, ..] => digit(high).zip(digit(low)),
            _ => None,
        };
        let (high, low) = pair.ok_or("a '%' in a URL is followed by two hexadecimal digits")?;
        bytes.push((high * 16 + low) as u8);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).map_err(|_| "the login is no UTF-8".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, want: Result<(&str, u16, u32, &str, &str), &str>) {
        let show = |part: &Option<String>| part.clone().unwrap_or_default();
        match (url.parse::<Target>(), want) {
            (Ok(t), Ok(want)) => {
                let got = (t.host.clone(), t.port, t.db, show(&t.user), show(&t.password));
                let (host, port, db, user, password) = want;
                assert_eq!(got, (host.into(), port, db, user.into(), password.into()), "{url}");
            }
            (Err(error), Err(part)) => assert!(error.contains(part), "{url}: {error}"),
            (got, want) => panic!("{url}: {got:?}, not {want:?}"),
        }
    }

    #[test]
    fn urls() {
        check("redis://localhost", Ok(("localhost", 6379, 0, "", "")));
        check("redis://10.0.0.1:7000/3", Ok(("10.0.0.1", 7000, 3, "", "")));
        check("redis://:p%40ss@h:1/", Ok(("h", 1, 0, "", "p@ss")));
        check("redis://bob:a:b@h", Ok(("h", 6379, 0, "bob", "a:b")));
        check("redis://[::1]:80/1", Ok(("::1", 80, 1, "", "")));
        check("localhost:6379", Err("redis://[user"));
        check("rediss://h", Err("TLS"));
        check("redis://h:x", Err("'x' is no port"));
        check("redis://h/x", Err("'x' is no database"));
        check("redis://bob@h", Err("needs user and password"));
        check("redis://:%4@h", Err("hexadecimal"));
        check("redis://:6379", Err("host is missing"));
    }

    #[test]
    fn the_password_is_not_shown() {
        let target: Target = "redis://bob:secret@[::1]:80".parse().expect("is a URL");
        assert_eq!(format!("{target} {target:?}"), "redis://[::1]:80/0 redis://[::1]:80/0");
    }
}
