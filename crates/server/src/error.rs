//! Error replies of the session and the server, word for word. The only place for them in here.

use engine::CommandError;
use engine::error::other;

/// A command before AUTH.
pub const NOAUTH: &str = "NOAUTH Authentication required.";
/// A wrong password or an unknown user.
pub const WRONGPASS: &str = "WRONGPASS invalid username-password pair or user is disabled.";
/// A password, right or wrong, from a source with too many wrong ones.
pub const BRAKED: &str = "ERR too many wrong passwords from this address: no password is \
    looked at until fewer than 10 of the last second were wrong; stop the client that guesses, or \
    retry later";
/// The peer's address is not in the allowlist.
pub const ILLEGAL_ADDRESS: &str = "ERR illegal address";
/// AUTH where no password is set.
pub const NO_PASSWORD_SET: &str = "ERR AUTH <password> called without any password configured \
    for the default user. Are you sure your configuration is correct?";
/// A write above `maxmemory`.
pub const OOM: &str = "OOM command not allowed when used memory > 'maxmemory'.";
/// DEBUG without permission.
pub const DEBUG_NOT_ALLOWED: &str = "ERR DEBUG command not allowed. If the enable-debug-command \
    option is set to \"local\", you can run it from a local connection, otherwise you need to set \
    this option in the configuration file, and then restart the server.";
/// SLOWLOG GET with a count below −1.
pub const SLOWLOG_COUNT: &str = "ERR count should be greater than or equal to -1";
/// Before the data set is read.
pub const LOADING: &str = "LOADING Redis is loading the dataset in memory";
/// The node has no grant.
pub const NOBODY: &str =
    "READONLY this node has no role yet; it serves again when it is granted one";
/// A write to a replica.
pub const READ_ONLY: &str = "READONLY You can't write against a read only replica.";
/// A write while too few replicas follow closely.
pub const LACKS_REPLICAS: &str = "NOREPLICAS Not enough good replicas to write.";
/// A replica without its primary that is not to answer from what it has.
pub const PRIMARY_DOWN: &str =
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";
/// A replica that sends commands of clients over its link.
pub const LINK: &str = "ERR Replica can't interact with the keyspace";
/// BGREWRITEAOF while one runs.
pub const REWRITING: &str = "ERR Background append only file rewriting already in progress";
/// EXEC after a refused command.
pub const EXECABORT: &str = "EXECABORT Transaction discarded because of previous errors.";
/// WATCH between MULTI and EXEC.
pub const NOT_IN_MULTI: &str = "ERR Command not allowed inside a transaction";
/// Too many connections.
pub const MAX_CLIENTS: &str = "ERR max number of clients reached";
/// HELLO with a version we do not speak.
pub const NOPROTO: &str = "NOPROTO unsupported protocol version";
/// HELLO before AUTH without AUTH.
pub const HELLO_NOAUTH: &str = "NOAUTH HELLO must be called with the client already \
    authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to \
    authenticate the client and select the RESP protocol version at the same time";
/// A client name with spaces.
pub const BAD_CLIENT_NAME: &str =
    "ERR Client names cannot contain spaces, newlines or special characters.";

/// EVALSHA of a script that nobody has loaded.
pub const NO_SCRIPT: &str = "NOSCRIPT No matching script. Please use EVAL.";
/// SCRIPT KILL when nothing runs.
pub const NOT_BUSY: &str = "NOTBUSY No scripts in execution right now.";
/// SCRIPT KILL of a script that has written.
pub const UNKILLABLE: &str = "UNKILLABLE Sorry the script already executed write commands against \
    the dataset. You can either wait the script termination or kill the server in a hard way \
    using the SHUTDOWN NOSAVE command.";
/// Any command while a script keeps everybody waiting.
pub const BUSY_SCRIPT: &str =
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
/// Any command while a function keeps everybody waiting.
pub const BUSY_FUNCTION: &str =
    "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.";
/// EVAL with more keys than words.
pub const TOO_MANY_SCRIPT_KEYS: &str = "ERR Number of keys can't be greater than number of args";
/// EVAL with a number of keys below zero.
pub const NEGATIVE_SCRIPT_KEYS: &str = "ERR Number of keys can't be negative";
/// EVAL_RO of a script that says it writes.
pub const READ_ONLY_CALL: &str = "ERR Can not execute a script with write flag using *_ro command.";
/// A script calls a command that does not exist.
pub const UNKNOWN_IN_SCRIPT: &str = "ERR Unknown Redis command called from script";
/// A script calls a command with too few or too many words.
pub const WRONG_ARITY_IN_SCRIPT: &str =
    "ERR Wrong number of args calling Redis command from script";
/// A script calls a command that is not for scripts.
pub const NOT_FROM_SCRIPT: &str = "ERR This Redis command is not allowed from script";
/// A script calls a command that its user may not run.
pub const NO_PERMISSION_IN_SCRIPT: &str =
    "ERR The user executing the script can't run this command or subcommand";
/// A script calls a command that a replica without its primary does not answer.
pub const STALE_IN_SCRIPT: &str = "ERR Can not execute the command on a stale replica";
/// A read-only script writes.
pub const WRITE_IN_READ_ONLY_SCRIPT: &str =
    "ERR Write commands are not allowed from read-only scripts.";

/// An error reply from one of the texts above.
#[must_use]
pub fn reply(text: &'static str) -> CommandError {
    CommandError::Reply(text.into())
}

/// EXEC of a transaction that may not run.
#[must_use]
pub fn exec_aborted(why: &str) -> CommandError {
    other(format!("EXECABORT Transaction discarded because of: {why}"))
}

/// Commands of Redis whose arguments are secrets: those are not repeated, as clients log answers.
const SECRET_BEARERS: [&[u8]; 5] = [b"acl", b"auth", b"config", b"hello", b"migrate"];

/// A command that does not exist, with the start of its arguments.
#[must_use]
pub fn unknown_command(name: &[u8], args: impl Iterator<Item = impl AsRef<[u8]>>) -> CommandError {
    let clip = |bytes: &[u8], max: usize| {
        engine::error::shown(&bytes[..bytes.len().min(max)]).into_owned()
    };
    let mut shown = String::new();
    let hidden = SECRET_BEARERS.iter().any(|bearer| name.eq_ignore_ascii_case(bearer));
    for arg in args {
        if hidden || shown.len() >= 128 {
            break;
        }
        shown.push_str(&format!("'{}' ", clip(arg.as_ref(), 128 - shown.len())));
    }
    let name = clip(name, 128);
    other(format!("ERR unknown command '{name}', with args beginning with: {shown}"))
}

/// A subcommand that does not exist.
#[must_use]
pub fn unknown_subcommand(container: &str, sub: &[u8]) -> CommandError {
    let sub = engine::error::shown(&sub[..sub.len().min(128)]).into_owned();
    let container = container.to_ascii_uppercase();
    other(format!("ERR unknown subcommand '{sub}'. Try {container} HELP."))
}

/// A subcommand with words that it does not take.
#[must_use]
pub fn subcommand_syntax(container: &str, sub: &[u8]) -> CommandError {
    let sub = engine::error::shown(&sub[..sub.len().min(128)]).into_owned();
    let container = container.to_ascii_uppercase();
    let text = format!("ERR unknown subcommand or wrong number of arguments for '{sub}'.");
    other(format!("{text} Try {container} HELP."))
}

/// A write after a failed save, while saves are wanted.
pub const SAVE_FAILED: &str = "MISCONF Redis is configured to save RDB snapshots, but it's \
currently unable to persist to disk. Commands that may modify the data set are disabled, because \
this instance is configured to report errors during writes if RDB snapshotting fails \
(stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.";
/// SAVE or BGSAVE while the RDB file is being written.
pub const SAVING: &str = "ERR Background save already in progress";
/// BGSAVE while there is a cut for something else.
pub const OTHER_CUT: &str = "ERR Another child process is active (AOF?): can't BGSAVE right now. \
Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.";

/// A command that this user may not run.
#[must_use]
pub fn no_permission(command: &str) -> CommandError {
    let command = command.replace('|', " ");
    other(format!("NOPERM this user has no permissions to run the '{command}' command"))
}

/// A command that tenants of a managed instance may not run, with what does its work there.
#[must_use]
pub fn managed(command: &str) -> CommandError {
    let upper = command.replace('|', " ").to_ascii_uppercase();
    let instead = catalog::restrictions::find(command.as_bytes()).map_or(String::new(), |known| {
        let catalog::restrictions::Restriction { instead, action, .. } = known;
        match action {
            &"" => format!("; {instead}"),
            action => format!("; {instead} {action} (larder api {action})"),
        }
    });
    other(format!("ERR command '{upper}' not support for normal user{instead}"))
}

/// A command that the owner of a managed instance has disabled.
#[must_use]
pub fn disabled(command: &str) -> CommandError {
    let upper = command.replace('|', " ").to_ascii_uppercase();
    let text = "not support for normal user; #no_loose_disabled-commands of the instance names it";
    other(format!("ERR command '{upper}' {text}"))
}

/// A write on an instance that its owner has locked.
#[must_use]
pub fn locked(reason: &str) -> CommandError {
    let reason = reason.replace(char::is_control, " ");
    other(format!(
        "READONLY the instance is locked for writes: {reason}; UnlockDBInstanceWrite unlocks it"
    ))
}

/// A command on a RESP2 connection that has subscriptions.
#[must_use]
pub fn in_pubsub(command: &str) -> CommandError {
    other(format!(
        "ERR Can't execute '{command}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / \
         RESET are allowed in this context"
    ))
}
