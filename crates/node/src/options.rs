//! `larder node [redis.conf] [--directive value …]`, as redis-server reads its command line.

use resp::inline::split_words;
use server::config::{Config, ConfigError};
use std::fs;
use std::path::{Path, PathBuf};

/// Text of `larder node --help`, before the list of directives.
pub const HELP: &str = "\
Runs one engine process: a drop-in redis-server.

Usage: larder node [redis.conf] [--directive value ...]

Examples:
  larder node                              port 6379 on 127.0.0.1, saves dump.rdb at a stop
  larder node --port 7000 --io-threads 4   four loops
  larder node redis.conf --save \"\"         a file, then directives that override it

Under an agent: --admin-socket PATH, --node-id ID.

Directives:
";

/// What the command line asks for.
#[derive(Debug)]
pub struct Options {
    /// Parameters.
    pub config: Config,
    /// Path of the configuration file; empty without one.
    pub config_file: String,
    /// Serves an instance under an agent, which speaks over this socket.
    pub admin_socket: Option<PathBuf>,
}

/// What is wrong with the command line or a file.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// The configuration file cannot be read.
    #[error("read configuration file {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A line of the file is wrong.
    #[error("{path}:{line}: {why}")]
    Line {
        /// The file.
        path: String,
        /// Line number, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// A word of the command line is wrong.
    #[error("{0}; `larder node --help` lists the directives")]
    Word(String),
}

impl Options {
    /// Reads the words behind `larder node`.
    ///
    /// # Errors
    /// [`OptionsError`] names the culprit.
    pub fn parse(words: &[String]) -> Result<Self, OptionsError> {
        let mut options =
            Self { config: Config::default(), config_file: String::new(), admin_socket: None };
        let mut rest = words;
        if let [first, tail @ ..] = words
            && !first.starts_with("--")
        {
            options.read_file(Path::new(first))?;
            rest = tail;
        }
        for line in directives(rest) {
            options.apply(&line)?;
        }
        Ok(options)
    }

    fn apply(&mut self, line: &[String]) -> Result<(), OptionsError> {
        let [name, values @ ..] = line else { return Ok(()) };
        match (name.as_str(), values) {
            ("admin-socket", [path]) => self.admin_socket = Some(PathBuf::from(path)),
            // Only for people who look at the process list.
            ("node-id", [_]) => {}
            _ => self.directive(name, values).map_err(|why| {
                let values = values.iter().map(|value| format!(" {value:?}")).collect::<String>();
                OptionsError::Word(format!("directive '{name}{values}': {why}"))
            })?,
        }
        Ok(())
    }

    fn directive(&mut self, name: &str, values: &[String]) -> Result<(), String> {
        let many = catalog::params::find(name).is_none_or(|param| param.kind.takes_many());
        if values.len() != 1 && !many {
            return Err("wrong number of arguments".to_owned());
        }
        let mut value = values.join(" ");
        // `save` may stand on several lines; each adds to the ones before.
        if name.eq_ignore_ascii_case("save") && !value.is_empty() {
            let default = catalog::params::find("save").map_or("", |param| param.default);
            let before = Some(self.config.get("save")).filter(|v| *v != default);
            value = [before.unwrap_or_default(), &value].join(" ").trim().to_owned();
        }
        self.config.set_at_start(name, &value).map_err(|error| match error {
            ConfigError::Unknown(_) => "unknown directive".to_owned(),
            ConfigError::Invalid { why, .. } => why,
            other => other.to_string(),
        })
    }

    fn read_file(&mut self, path: &Path) -> Result<(), OptionsError> {
        let shown = path.display().to_string();
        let text = fs::read_to_string(path)
            .map_err(|source| OptionsError::Read { path: shown.clone(), source })?;
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |why| OptionsError::Line { path: shown.clone(), line: number + 1, why };
            let words = split_words(line.as_bytes());
            let words = words.ok_or_else(|| wrong("quotes do not balance".to_owned()))?;
            let mut words = words.iter().map(|word| String::from_utf8_lossy(word).into_owned());
            let name = words.next().unwrap_or_default();
            let values: Vec<String> = words.collect();
            let named = |why| wrong(format!("directive '{name}': {why}"));
            self.directive(&name, &values).map_err(named)?;
        }
        self.config_file = fs::canonicalize(path).map_or(shown, |p| p.display().to_string());
        Ok(())
    }
}

/// The directives of a command line, each with its values. The word behind a name is a value even
/// if it begins with `--`; a name with values may also be one word, as in `"--port 7000"`.
fn directives(words: &[String]) -> Vec<Vec<String>> {
    let mut lines: Vec<Vec<String>> = Vec::new();
    let mut takes_value = false;
    for (at, word) in words.iter().enumerate() {
        let named = word.strip_prefix("--").filter(|_| !takes_value);
        takes_value = false;
        let Some(name) = named else {
            match lines.last_mut() {
                Some(line) => line.push(word.clone()),
                None => lines.push(vec![word.clone()]),
            }
            continue;
        };
        let parts = split_words(name.as_bytes()).unwrap_or_else(|| vec![name.into()]);
        let mut parts: Vec<String> =
            parts.iter().map(|part| String::from_utf8_lossy(part).into_owned()).collect();
        if parts.len() == 1 {
            let bare = words.get(at + 1).is_none_or(|next| next.starts_with("--"));
            // `--save` alone means: never.
            if name.eq_ignore_ascii_case("save") && bare {
                parts.push(String::new());
            } else {
                takes_value = true;
            }
        }
        lines.push(parts);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, OptionsError> {
        let words = split_words(line.as_bytes()).expect("quotes balance");
        let words: Vec<_> = words.iter().map(|w| String::from_utf8_lossy(w).into_owned()).collect();
        Options::parse(&words)
    }

    #[test]
    fn command_lines() {
        let options = parse(r#"--port 7000 --save "" --bind 127.0.0.1 ::1"#).expect("it is good");
        assert_eq!(options.config.get("port"), "7000");
        assert_eq!(options.config.get("save"), "");
        assert_eq!(options.config.get("bind"), "127.0.0.1 ::1");
        let options = parse(r#""--port 7000" --save --loglevel --pidfile"#);
        assert!(options.is_err(), "a value that begins with dashes is a value");
        let options = parse(r#""--port 7000" --save --loglevel debug"#).expect("it is good");
        assert_eq!((options.config.get("port"), options.config.get("save")), ("7000", ""));
        for (line, culprit) in [
            ("--nosuch 1", "nosuch"),
            ("--port 1 2", "'port \"1\" \"2\"': wrong number of arguments"),
            ("--port --bla --loglevel verbose", "'port \"--bla\"'"),
            ("--port x", "port"),
            ("--admin-socket", "admin-socket"),
            ("/nosuch/redis.conf", "/nosuch/redis.conf"),
        ] {
            let error = parse(line).expect_err(line).to_string();
            assert!(error.contains(culprit), "{line}: {error}");
        }
    }

    #[test]
    fn files() {
        let path = std::env::temp_dir().join(format!("larder-options-{}", std::process::id()));
        fs::write(&path, "# comment\nport 7001\nsave 1 2\nsave 3 4\n\nmaxmemory 1mb\n")
            .expect("the temporary directory is writable");
        let line = format!("{} --port 7002", path.display());
        let options = parse(&line).expect("it is good");
        assert_eq!(options.config.get("port"), "7002");
        assert_eq!(options.config.get("save"), "1 2 3 4");
        assert_eq!(options.config.get("maxmemory"), "1048576");
        fs::write(&path, "port 1\nbad directive\n").expect("still writable");
        let error = parse(&path.display().to_string()).expect_err("a bad line").to_string();
        assert!(error.contains(":2: directive 'bad': unknown directive"), "{error}");
        fs::remove_file(&path).expect("it was written");
    }
}
