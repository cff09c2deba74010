//! Where the credentials come from, and how `configure` keeps them. One order of precedence, and an
//! [`Origin`] that error texts can name. Knows no HTTP and no verb.

use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Looks a variable of the environment up.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Access to one Larder, as `larder up --ready-file` and `larder configure` write it. Fields of a
/// ready file that are not named here are ignored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// URL of the API, such as `http://127.0.0.1:8077`.
    pub api: String,
    /// Public half of the access key.
    pub access_key_id: String,
    /// Secret half.
    pub access_key_secret: String,
    /// Region to use when a command names none.
    #[serde(default, alias = "region_id", skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// Where a profile was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `--profile`.
    Flag(PathBuf),
    /// `LARDER_PROFILE`.
    Variable(PathBuf),
    /// `LARDER_API`, `LARDER_ACCESS_KEY_ID`, `LARDER_ACCESS_KEY_SECRET`.
    Keys,
    /// Written by `larder configure`.
    Stored(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(path) => write!(f, "{} (--profile)", path.display()),
            Self::Variable(path) => write!(f, "{} (LARDER_PROFILE)", path.display()),
            Self::Keys => f.write_str("the environment (LARDER_ACCESS_KEY_ID)"),
            Self::Stored(path) => write!(f, "{} (larder configure)", path.display()),
        }
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The secret must not reach a log by way of `{:?}`.
        f.debug_struct("Profile")
            .field("api", &self.api)
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

/// Finds the credentials: `--profile`, `LARDER_PROFILE`, the three variables, the stored profile.
///
/// # Errors
/// `NoCredentials` when there are none, `Profile` when a file is named and cannot be used, `Usage`
/// when the variables are incomplete.
pub fn find(flag: Option<&Path>, env: Environment<'_>) -> Result<(Profile, Origin), Error> {
    if let Some(path) = flag {
        return Ok((read(path)?, Origin::Flag(path.to_owned())));
    }
    if let Some(path) = variable(env, "LARDER_PROFILE") {
        let path = PathBuf::from(path);
        return Ok((read(&path)?, Origin::Variable(path)));
    }
    if let Some(profile) = from_variables(env)? {
        return Ok((profile, Origin::Keys));
    }
    match stored_path(env) {
        Some(path) if path.exists() => Ok((read(&path)?, Origin::Stored(path))),
        _ => Err(Error::NoCredentials),
    }
}

/// `$XDG_CONFIG_HOME/larder/profile.json`, by default `~/.config/larder/profile.json`.
pub fn stored_path(env: Environment<'_>) -> Option<PathBuf> {
    let config = variable(env, "XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| Some(PathBuf::from(variable(env, "HOME")?).join(".config")))?;
    Some(config.join("larder/profile.json"))
}

/// Reads and checks a profile file.
///
/// # Errors
/// `Profile`, with what is wrong.
pub fn read(path: &Path) -> Result<Profile, Error> {
    let fail = |reason: String| Error::Profile { path: path.to_owned(), reason };
    let text = fs::read_to_string(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => fail("there is no such file".to_owned()),
        _ => fail(error.to_string()),
    })?;
    // The parser's own message could quote the secret.
    let profile: Profile = serde_json::from_str(&text)
        .map_err(|error| fail(format!("line {}: not a complete profile", error.line())))?;
    checked(profile).map_err(fail)
}

/// Brings `api` into the form `http://host:port` and refuses what cannot work.
///
/// # Errors
/// One sentence on what is wrong.
pub fn checked(mut profile: Profile) -> Result<Profile, String> {
    let given = profile.api.trim();
    let api = if given.contains("://") { given.to_owned() } else { format!("http://{given}") };
    let Some(authority) = api.strip_prefix("http://").map(|rest| rest.trim_end_matches('/')) else {
        return Err(format!("\"api\" is {api}, but only http:// addresses can be reached"));
    };
    if authority.is_empty() || authority.contains(['/', '?', '#', '@', ' ']) {
        return Err(format!("\"api\" is {api}; it must be http://HOST:PORT"));
    }
    if profile.access_key_id.is_empty() || profile.access_key_secret.is_empty() {
        return Err("\"access_key_id\" or \"access_key_secret\" is empty".to_owned());
    }
    profile.api = format!("http://{authority}");
    Ok(profile)
}

/// Writes a profile, readable for its owner only, replacing the old one in one step.
///
/// # Errors
/// `StoreProfile`.
pub fn store(path: &Path, profile: &Profile) -> Result<(), Error> {
    let fail = |source| Error::StoreProfile { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(fail)?;
    }
    let draft = path.with_extension("json.new");
    // An old draft may have other permissions, so it is never reused.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(fail(error)),
        _ => {}
    }
    let mut text = serde_json::to_string_pretty(profile).map_err(|e| fail(e.into()))?;
    text.push('\n');
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&draft).map_err(fail)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(fail)?;
    fs::rename(&draft, path).map_err(fail)
}

fn from_variables(env: Environment<'_>) -> Result<Option<Profile>, Error> {
    const NAMES: [&str; 3] = ["LARDER_API", "LARDER_ACCESS_KEY_ID", "LARDER_ACCESS_KEY_SECRET"];
    let values = NAMES.map(|name| variable(env, name));
    if values.iter().all(Option::is_none) {
        return Ok(None);
    }
    let missing: Vec<&str> =
        NAMES.iter().zip(&values).filter(|(_, value)| value.is_none()).map(|(n, _)| *n).collect();
    let [Some(api), Some(access_key_id), Some(access_key_secret)] = values else {
        return Err(Error::Usage {
            problem: format!(
                "the environment names a part of the credentials only: {} is not set",
                missing.join(" and ")
            ),
            hint: "set all of LARDER_API, LARDER_ACCESS_KEY_ID and LARDER_ACCESS_KEY_SECRET"
                .to_owned(),
        });
    };
    let profile = Profile { api, access_key_id, access_key_secret, region: None };
    checked(profile).map(Some).map_err(|problem| Error::Usage {
        problem: problem.replace("\"api\"", "LARDER_API"),
        hint: "LARDER_API looks like http://127.0.0.1:8077".to_owned(),
    })
}

fn variable(env: Environment<'_>, name: &str) -> Option<String> {
    env(name).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;
    use std::os::unix::fs::PermissionsExt;

    fn profile(api: &str) -> Profile {
        Profile {
            api: api.to_owned(),
            access_key_id: "AK".to_owned(),
            access_key_secret: "SK".to_owned(),
            region: None,
        }
    }

    #[test]
    fn api_addresses() {
        let rows = [
            ("127.0.0.1:8077", Ok("http://127.0.0.1:8077")),
            ("http://h:1/", Ok("http://h:1")),
            ("http://[::1]:8077", Ok("http://[::1]:8077")),
            ("https://h", Err("only http")),
            ("http://", Err("HOST:PORT")),
            ("http://h/console", Err("HOST:PORT")),
        ];
        for (given, expected) in rows {
            match (checked(profile(given)), expected) {
                (Ok(got), Ok(api)) => assert_eq!(got.api, api),
                (Err(got), Err(word)) => assert!(got.contains(word), "{got}"),
                (got, _) => panic!("{given}: {got:?}"),
            }
        }
    }

    #[test]
    fn precedence() {
        let folder = Folder::new("precedence");
        let write = |name: &str, api: &str| {
            let path = folder.path(name);
            store(&path, &profile(api)).unwrap();
            path
        };
        let flag = write("flag.json", "flag:1");
        let named = write("named.json", "named:1");
        let stored = write("larder/profile.json", "stored:1");
        let home = folder.path("").display().to_string();
        let named_text = named.display().to_string();
        let keys = [
            ("LARDER_API", "keys:1"),
            ("LARDER_ACCESS_KEY_ID", "AK"),
            ("LARDER_ACCESS_KEY_SECRET", "SK"),
        ];
        let all = [("XDG_CONFIG_HOME", home.as_str())];
        let check = |flag: Option<&Path>, add: &[(&'static str, &str)], origin: Origin| {
            let added: Vec<(&str, String)> =
                add.iter().map(|(n, v)| (*n, (*v).to_owned())).collect();
            let env = |name: &str| {
                let own = added.iter().find(|pair| pair.0 == name).map(|pair| pair.1.clone());
                own.or_else(|| all.iter().find(|p| p.0 == name).map(|p| p.1.to_owned()))
            };
            assert_eq!(find(flag, &env).unwrap().1, origin);
        };
        check(None, &[], Origin::Stored(stored));
        check(None, &keys, Origin::Keys);
        let mut both = keys.to_vec();
        both.push(("LARDER_PROFILE", &named_text));
        check(None, &both, Origin::Variable(named.clone()));
        check(Some(&flag), &both, Origin::Flag(flag.clone()));
        assert!(matches!(find(None, &|_| None), Err(Error::NoCredentials)));
    }

    #[test]
    fn half_of_the_variables_is_a_mistake() {
        let env = |name: &str| (name == "LARDER_API").then(|| "h:1".to_owned());
        let error = find(None, &env).unwrap_err().to_string();
        assert!(error.contains("LARDER_ACCESS_KEY_ID and LARDER_ACCESS_KEY_SECRET"), "{error}");
    }

    #[test]
    fn a_stored_profile_is_private_and_a_broken_one_does_not_leak() {
        let folder = Folder::new("private");
        let path = folder.path("deep/profile.json");
        store(&path, &profile("http://h:1")).unwrap();
        store(&path, &profile("http://h:2")).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read(&path).unwrap().api, "http://h:2");
        fs::write(&path, r#"{"api": "h:1", "access_key_secret": "hush", "access_key_id": 5}"#)
            .unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("line 1") && !error.contains("hush"), "{error}");
        assert!(!format!("{:?}", profile("h:1")).contains("SK"));
    }
}
