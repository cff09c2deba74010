//! Everything that can stop a run, each in one sentence that names the culprit and the cure. The
//! only file with error texts of the shell; knows no socket.

use std::io;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The options contradict each other or make no sense together.
    #[error("{0}")]
    Usage(String),
    /// Nobody answers where the URL points.
    #[error("cannot reach a server at {address}: {source}; check --url and that the server runs")]
    Unreachable {
        /// Host and port.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The server's first word was an error.
    #[error("the server at {address} refused: {}; {}", text.trim_end_matches('.'), cure(text))]
    Refused {
        /// Host and port.
        address: String,
        /// The server's error, code included.
        text: String,
    },
    /// What answered does not speak RESP2.
    #[error(
        "the server at {address} sent {what}, which is no reply of a Redis server; check --url"
    )]
    NotRedis {
        /// Host and port.
        address: String,
        /// The offending bytes.
        what: String,
    },
    /// The run ended without a single reply.
    #[error("no operation was answered: {0}")]
    NothingAnswered(String),
    /// The preparation met an error.
    #[error("--preload stopped: {0}; use --preload='COMMAND …' that suits the server's data")]
    Preload(String),
    /// This machine failed.
    #[error("{doing}: {source}")]
    Local {
        /// What was being done.
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
}

/// Starts of errors, and what to do about them.
const CURES: &[(&str, &str)] = &[
    ("NOAUTH", "put the password into --url: redis://default:PASSWORD@host:port"),
    ("WRONGPASS", "correct user and password in --url: redis://USER:PASSWORD@host:port"),
    ("ERR AUTH", "the server has no password: leave it out of --url"),
    (
        "ERR illegal address",
        "this host is not in the instance's allowlist: larder instance allow ID ADDRESS",
    ),
    ("ERR max number of clients", "use fewer --connections or a larger class"),
    ("ERR DB index", "use a database that exists in --url: redis://host:port/0"),
    ("ERR invalid DB", "use a database that exists in --url: redis://host:port/0"),
    ("LOADING", "try again when the server has loaded its data"),
];

fn cure(text: &str) -> &'static str {
    let row = CURES.iter().find(|(start, _)| text.starts_with(start));
    row.map_or("check --url", |(_, cure)| cure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_their_cure() {
        let check = |text: &str, want: &str| {
            let error = Error::Refused { address: "h:1".into(), text: text.into() };
            let shown = error.to_string();
            assert!(shown.starts_with("the server at h:1 refused: "), "{shown}");
            assert!(shown.contains(want) && !shown.contains(".;"), "{shown}");
        };
        check("NOAUTH Authentication required.", "redis://default:PASSWORD@");
        check("WRONGPASS invalid username-password pair", "correct user and password");
        check("ERR illegal address", "allowlist");
        check("ERR something new", "check --url");
    }
}
