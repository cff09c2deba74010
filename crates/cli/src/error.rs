//! Everything that can go wrong in a verb: what was being done, which kind of trouble it is (the
//! exit code), and what the reader can do about it (the hints). The only file with error texts of
//! this crate; knows neither sockets nor the terminal.

use std::io::ErrorKind;
use std::path::PathBuf;

/// Kinds of trouble, each with an exit code of its own so that scripts can tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The API understood and said no.
    Refused,
    /// The command line does not make sense, or an answer to a question was no.
    Usage,
    /// No server was reached, or what answered is not one.
    Connection,
    /// Credentials are missing, wrong or not allowed to do this.
    Denied,
    /// What was named does not exist.
    NotFound,
    /// The server is overloaded or not ready; the same command may work later.
    Busy,
    /// The deadline passed while the change was still under way.
    Timeout,
    /// A file, standard input or standard output of this machine failed.
    Local,
}

/// One row per [`Kind`]: exit code, and its meaning as shown by `larder instance --help`.
pub const EXIT_CODES: &[(Kind, u8, &str)] = &[
    (Kind::Refused, 1, "refused by the API"),
    (Kind::Usage, 2, "wrong usage"),
    (Kind::Connection, 3, "server not reached"),
    (Kind::Denied, 4, "credentials missing, wrong or not sufficient"),
    (Kind::NotFound, 5, "no such instance"),
    (Kind::Busy, 6, "server busy, try again"),
    (Kind::Timeout, 7, "deadline passed while waiting"),
    (Kind::Local, 8, "local file, input or output failed"),
];

impl Kind {
    /// Exit code of the process, from [`EXIT_CODES`].
    #[must_use]
    pub fn exit_code(self) -> u8 {
        EXIT_CODES.iter().find(|row| row.0 == self).map_or(1, |row| row.1)
    }
}

/// What the API answered instead of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Action that was called.
    pub action: String,
    /// HTTP status.
    pub status: u16,
    /// `Code` of the answer, such as `InvalidInstanceId.NotFound`.
    pub code: String,
    /// `Message` of the answer.
    pub message: String,
    /// `RequestId` of the answer; the audit log knows it.
    pub request_id: String,
    /// Where the credentials came from, in words.
    pub origin: String,
}

/// Why a verb failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line asks for something impossible.
    #[error("{problem}")]
    Usage {
        /// What is wrong.
        problem: String,
        /// What to type instead.
        hint: String,
    },
    /// No profile anywhere.
    #[error("no credentials: there is no profile and the environment names none")]
    NoCredentials,
    /// A profile exists but cannot be used.
    #[error("read profile {}: {reason}", path.display())]
    Profile {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// `configure` could not write.
    #[error("store profile {}: {source}", path.display())]
    StoreProfile {
        /// Which file.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// A result could not be written into the file that was named for it.
    #[error("write {}: {source}", path.display())]
    WriteFile {
        /// Which file.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// Nothing listens at the address, or the way there is broken.
    #[error("reach {api}: {reason}")]
    Unreachable {
        /// URL of the API.
        api: String,
        /// What the network said.
        reason: String,
        /// The host is there and nothing listens on the port.
        nobody_listens: bool,
    },
    /// Something answered, but not in the API's words.
    #[error("read the answer of {action} from {api}: {reason}")]
    NotTheApi {
        /// Action that was called.
        action: String,
        /// URL of the API.
        api: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The API said no.
    #[error("{}: {} ({})", .0.action, .0.message, .0.code)]
    Refused(Box<Refusal>),
    /// A wait came to its deadline.
    #[error("wait for {instance_id}: it was still {status} after {waited_s} s")]
    Deadline {
        /// Which instance.
        instance_id: String,
        /// Status seen last.
        status: String,
        /// Seconds waited.
        waited_s: u64,
    },
    /// A wait came to a state that does not heal by itself.
    #[error("wait for {instance_id}: it became {status}")]
    Failed {
        /// Which instance.
        instance_id: String,
        /// Status seen last.
        status: String,
    },
    /// Standard input or output failed.
    #[error("{doing}: {source}")]
    Stream {
        /// What was being done.
        doing: &'static str,
        /// The operating system's answer.
        source: std::io::Error,
    },
}

/// What a refusal's code means here; the first row whose pattern fits decides. A pattern ends with
/// `*` when only its beginning has to fit.
const CODES: &[(&str, Kind, &str)] = &[
    ("SignatureDoesNotMatch", Kind::Denied, "the access key secret is not the one the server has"),
    (
        "InvalidAccessKeyId*",
        Kind::Denied,
        "the server does not know this access key, or disabled it",
    ),
    ("InvalidTimeStamp.Expired", Kind::Denied, "compare `date -u` here and on the server"),
    ("SignatureNonceUsed", Kind::Busy, "run the command again"),
    ("Forbidden*", Kind::Denied, "ask for a policy that allows this action"),
    ("NoPermission*", Kind::Denied, "ask for a policy that allows this action"),
    ("InvalidInstanceId.NotFound", Kind::NotFound, "`larder instance list` shows what there is"),
    ("InvalidDbInstanceId.NotFound", Kind::NotFound, "`larder instance list` shows what there is"),
    ("InsufficientDiskSpace", Kind::Busy, "make room on the server's disk or enlarge it"),
    ("IncorrectDBInstanceState", Kind::Refused, "wait until `larder instance show ID` says Normal"),
    ("IdempotentParameterMismatch", Kind::Refused, "use a new --token for a different request"),
    ("InvalidInstanceName*", Kind::Refused, NAME_RULE),
    ("InvalidInstanceClass*", Kind::Refused, "`larder instance create --help` lists the classes"),
    ("InvalidCapacity*", Kind::Refused, "`larder instance create --help` lists the classes"),
    ("InvalidSecurityIPList.Format", Kind::Refused, "write addresses like 10.0.0.7 or 10.0.0.0/8"),
    ("InvalidPassword*", Kind::Refused, PASSWORD_RULE),
    ("InvalidAccountPassword*", Kind::Refused, PASSWORD_RULE),
    ("SecurityIPList.Duplicate", Kind::Refused, "the address is in the group already"),
    ("InvalidAction.NotFound", Kind::Refused, "the server may be older than this `larder`"),
    ("Throttling*", Kind::Busy, "wait a moment and run the command again"),
    ("ServiceUnavailable", Kind::Busy, "the server is starting or stopping; run the command again"),
    ("InternalError", Kind::Busy, "the server's log has more under the request id"),
];

const NAME_RULE: &str = "2 to 80 characters, a letter first, no blanks and none of @/:=\"<>{[]}";

const PASSWORD_RULE: &str = "8 to 32 characters, at least three of: upper case, lower case, \
                             digits, !@#$%^&*()_+-=";

/// The row of [`CODES`] for a code.
fn code_row(code: &str) -> Option<(Kind, &'static str)> {
    let fits = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => code.starts_with(start),
        None => code == pattern,
    };
    CODES.iter().find(|row| fits(row.0)).map(|row| (row.1, row.2))
}

impl Refusal {
    fn kind(&self) -> Kind {
        match (code_row(&self.code), self.status) {
            (Some((kind, _)), _) => kind,
            (None, 401) => Kind::Denied,
            (None, 429 | 500..) => Kind::Busy,
            (None, _) => Kind::Refused,
        }
    }

    fn hints(&self) -> Vec<String> {
        let mut hints: Vec<String> =
            code_row(&self.code).map(|row| row.1.to_owned()).into_iter().collect();
        if self.kind() == Kind::Denied {
            hints.push(format!("credentials were taken from {}", self.origin));
        }
        if !self.request_id.is_empty() {
            hints.push(format!("request id {}", self.request_id));
        }
        hints
    }
}

impl Error {
    /// Which kind of trouble this is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Usage { .. } => Kind::Usage,
            Self::NoCredentials => Kind::Denied,
            Self::Profile { .. }
            | Self::StoreProfile { .. }
            | Self::WriteFile { .. }
            | Self::Stream { .. } => Kind::Local,
            Self::Unreachable { .. } | Self::NotTheApi { .. } => Kind::Connection,
            Self::Refused(refusal) => refusal.kind(),
            Self::Failed { .. } => Kind::Refused,
            Self::Deadline { .. } => Kind::Timeout,
        }
    }

    /// What the reader can do about it, one sentence each, most useful first.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Usage { hint, .. } => vec![hint.clone()],
            Self::NoCredentials => vec![
                "`larder up --ready-file FILE` writes one; pass it with --profile FILE".to_owned(),
                "or set LARDER_PROFILE, or LARDER_API, LARDER_ACCESS_KEY_ID and \
                 LARDER_ACCESS_KEY_SECRET"
                    .to_owned(),
                "or run `larder configure` once".to_owned(),
            ],
            Self::Profile { .. } => vec![
                "`larder up --ready-file FILE` writes one once everything serves; it is a JSON \
                 object with \"api\", \"access_key_id\" and \"access_key_secret\""
                    .to_owned(),
            ],
            Self::Unreachable { nobody_listens: true, .. } => vec![
                "is `larder up` running there? start it, or name another profile with --profile"
                    .to_owned(),
            ],
            Self::Unreachable { .. } => {
                vec!["check the address in the profile's \"api\"".to_owned()]
            }
            Self::NotTheApi { api, .. } => {
                vec![format!("is {api} the address of a Larder API, without a path?")]
            }
            Self::Refused(refusal) => refusal.hints(),
            Self::Deadline { instance_id, .. } => vec![
                format!("the change goes on; look with `larder instance show {instance_id}`"),
                "wait longer with --wait-timeout SECONDS".to_owned(),
            ],
            Self::Failed { .. } => vec!["the log of `larder up` says why".to_owned()],
            Self::WriteFile { source, .. } if source.kind() == ErrorKind::AlreadyExists => {
                vec!["name a file that is not there yet".to_owned()]
            }
            Self::StoreProfile { .. } | Self::WriteFile { .. } | Self::Stream { .. } => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str) -> Error {
        Error::Refused(Box::new(Refusal {
            action: "DeleteInstance".to_owned(),
            status,
            code: code.to_owned(),
            message: "No.".to_owned(),
            request_id: "ID".to_owned(),
            origin: "file p.json".to_owned(),
        }))
    }

    #[test]
    fn codes_map_to_kinds() {
        let rows = [
            (400, "SignatureDoesNotMatch", Kind::Denied, "secret"),
            (404, "InvalidAccessKeyId.NotFound", Kind::Denied, "file p.json"),
            (403, "Forbidden.RAM", Kind::Denied, "file p.json"),
            (404, "InvalidInstanceId.NotFound", Kind::NotFound, "instance list"),
            (403, "IncorrectDBInstanceState", Kind::Refused, "Normal"),
            (503, "ServiceUnavailable", Kind::Busy, "again"),
            (400, "Throttling.User", Kind::Busy, "again"),
            (400, "InvalidPassword.Malformed", Kind::Refused, "8 to 32"),
            (403, "SomethingNew", Kind::Refused, "request id ID"),
            (401, "SomethingNew", Kind::Denied, "file p.json"),
            (500, "SomethingNew", Kind::Busy, "request id ID"),
            (400, "SomethingNew", Kind::Refused, "request id ID"),
        ];
        for (status, code, kind, word) in rows {
            let error = refused(status, code);
            assert_eq!(error.kind(), kind, "{code}");
            let hints = error.hints().join("; ");
            assert!(hints.contains(word), "{code}: {hints}");
        }
    }

    #[test]
    fn each_kind_has_one_exit_code() {
        let mut codes: Vec<u8> = EXIT_CODES.iter().map(|row| row.1).collect();
        codes.dedup();
        assert_eq!(codes, [1, 2, 3, 4, 5, 6, 7, 8]);
        for &(kind, code, meaning) in EXIT_CODES {
            assert_eq!(kind.exit_code(), code, "{meaning}");
        }
    }

    #[test]
    fn patterns_are_unique_and_explained() {
        let mut patterns: Vec<&str> = CODES.iter().map(|row| row.0).collect();
        patterns.sort_unstable();
        let all = patterns.len();
        patterns.dedup();
        assert_eq!(patterns.len(), all);
        assert!(CODES.iter().all(|row| !row.2.is_empty()));
    }
}
