//! What a command must pass before it is queued or run, in Redis' order. Pure: state in, verdict
//! out. The state changes only in exclusive mode.

use crate::access::{Access, Right};
use crate::config::{Allowed, Settings};
use crate::error;
use crate::scripts::Running;
use crate::session::Session;
use catalog::{Command, Flags};
use engine::CommandError;
use resp::Protocol;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Everything the gates look at that does not belong to one connection.
#[derive(Debug, Clone, Default)]
pub struct GateState {
    /// Writes are served: the node is a granted primary (a drop-in always is).
    pub primary: bool,
    /// Fencing number of the grant.
    pub epoch: u64,
    /// Generation of the settings in force.
    pub generation: u64,
    /// The node follows a primary.
    pub replica: bool,
    /// It follows one, and the link to that primary is down.
    pub link_is_down: bool,
    /// How many replicas follow closely, counted every second; the same for all loops.
    pub close_replicas: Arc<AtomicU64>,
    /// The data set is being read.
    pub loading: bool,
    /// The last save in the background failed.
    pub save_failed: bool,
    /// Why writes are refused: the disk does not take what was promised to it.
    pub disk_error: Option<Arc<str>>,
    /// Replies wait until what they tell is durable.
    pub holds_replies: bool,
    /// Parameters in force.
    pub settings: Arc<Settings>,
    /// Users and allowlist in force.
    pub access: Arc<Access>,
    /// Commands that wait.
    pub pause: Pause,
    /// The script that keeps everybody waiting; set only in the copy that is used meanwhile.
    pub busy: Option<Arc<Running>>,
}

/// CLIENT PAUSE.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pause {
    /// Unix milliseconds of its end; 0 without one.
    pub until_ms: u64,
    /// Not only commands that change data.
    pub all: bool,
}

impl Pause {
    /// True until its end.
    #[inline]
    #[must_use]
    pub fn is_on(&self, now_ms: u64) -> bool {
        self.until_ms != 0 && now_ms < self.until_ms
    }
}

impl GateState {
    /// True when this node may remove keys on its own account: those whose time has come, and those
    /// that make room.
    #[inline]
    #[must_use]
    pub fn may_remove(&self, now_ms: u64) -> bool {
        self.primary && !self.pause.is_on(now_ms)
    }

    /// True when this node may remove dead keys that only its own clients know of.
    #[must_use]
    pub fn removes_own(&self, now_ms: u64) -> bool {
        self.replica && !self.loading && !self.pause.is_on(now_ms)
    }

    /// True when fewer replicas follow closely than `min-replicas-to-write` asks for.
    #[inline]
    fn lacks_replicas(&self) -> bool {
        let Settings { replicas_min, replica_lag_s_max, .. } = *self.settings;
        let asks = replicas_min > 0 && replica_lag_s_max > 0;
        asks && self.close_replicas.load(Relaxed) < replicas_min
    }
}

/// Decides whether `session` may run `row` now. `used_bytes` is asked only when there is a limit.
///
/// # Errors
/// The refusal, which also aborts an open MULTI.
#[inline]
pub fn check(
    state: &GateState,
    session: &Session,
    row: &Command,
    used_bytes: impl FnOnce() -> u64,
) -> Result<(), CommandError> {
    let flags = row.flags;
    if session.applies {
        return Ok(());
    }
    if session.refused {
        return Err(error::reply(error::ILLEGAL_ADDRESS));
    }
    if flags.has(Flags::PROTECTED) && !state.access.managed {
        let local = || session.record.is_local();
        let debug = state.settings.debug;
        if !(debug == Allowed::Everybody || debug == Allowed::Local && local()) {
            return Err(error::reply(error::DEBUG_NOT_ALLOWED));
        }
    }
    let user = session.user.as_ref().filter(|user| user.rights.get() != Right::Nothing);
    let Some(user) = user else {
        return if flags.has(Flags::NO_AUTH) { Ok(()) } else { Err(error::reply(error::NOAUTH)) };
    };
    if session.multi.is_some() && flags.has(Flags::NO_MULTI) {
        return Err(error::reply(error::NOT_IN_MULTI));
    }
    if state.access.managed && catalog::restrictions::refuses(flags) {
        return Err(error::managed(row.name));
    }
    if state.access.disables(row) {
        return Err(error::disabled(row.name));
    }
    if !user.rights.allow(flags) {
        return Err(error::no_permission(row.name));
    }
    check_room(state, row, used_bytes)?;
    if flags.has(Flags::WRITE) {
        check_role(state)?;
    }
    if session.protocol == Protocol::Two
        && session.subscriptions() > 0
        && !flags.has(Flags::IN_PUBSUB)
    {
        return Err(error::in_pubsub(row.name));
    }
    if state.link_is_down && !state.settings.serves_stale && !flags.has(Flags::STALE) {
        return Err(error::reply(error::PRIMARY_DOWN));
    }
    if state.loading && !flags.has(Flags::LOADING) {
        return Err(error::reply(error::LOADING));
    }
    if let Some(running) = &state.busy
        && !flags.has(Flags::ALLOW_BUSY)
    {
        return Err(running.busy());
    }
    if session.monitor && (flags.has(Flags::READONLY) || flags.has(Flags::WRITE)) {
        return Err(error::reply(error::LINK));
    }
    if session.replica.is_some() {
        return check_link(session, row);
    }
    Ok(())
}

/// Is there memory and disk for what the command may add?
#[inline]
fn check_room(
    state: &GateState,
    row: &Command,
    used_bytes: impl FnOnce() -> u64,
) -> Result<(), CommandError> {
    let flags = row.flags;
    let limit = state.settings.maxmemory_bytes;
    let busy = state.busy.is_some();
    if limit > 0 && !state.replica && flags.has(Flags::DENYOOM) && !busy && used_bytes() > limit {
        return Err(error::reply(error::OOM));
    }
    if state.save_failed
        && state.primary
        && state.settings.save_must_not_fail
        && (flags.has(Flags::WRITE) || row.name == "ping")
    {
        return Err(error::reply(error::SAVE_FAILED));
    }
    if let Some(text) = &state.disk_error
        && (flags.has(Flags::WRITE) || row.name == "ping")
    {
        return Err(engine::error::other(text.to_string()));
    }
    Ok(())
}

/// May anything be written: is it not locked, and the node a primary with enough replicas, or a
/// replica that takes writes.
///
/// # Errors
/// The refusal.
#[inline]
pub fn check_role(state: &GateState) -> Result<(), CommandError> {
    if let Some(reason) = &state.access.write_lock {
        return Err(error::locked(reason));
    }
    match (state.primary, state.replica) {
        (true, _) if state.lacks_replicas() => Err(error::reply(error::LACKS_REPLICAS)),
        (true, _) => Ok(()),
        (false, true) if state.settings.replica_read_only => Err(error::reply(error::READ_ONLY)),
        (false, true) => Ok(()),
        (false, false) => Err(error::reply(error::NOBODY)),
    }
}

/// Over a link nothing is answered, so what would be is refused.
#[cold]
fn check_link(session: &Session, row: &Command) -> Result<(), CommandError> {
    let silent = ["replconf", "sync", "psync"].contains(&row.name);
    if session.is_link() && !silent { Err(error::reply(error::LINK)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Rights, User};
    use catalog::commands::Index;
    use resp::OwnedArgs;

    struct Case {
        command: &'static str,
        state: fn(&mut GateState),
        session: fn(&mut Session),
        used_bytes: u64,
        want: Option<&'static str>,
    }

    fn check_case(case: &Case) {
        let index = Index::new();
        let row = index.row(index.find(case.command.as_bytes()).expect("the command exists"));
        let mut state = GateState { primary: true, ..GateState::default() };
        let mut session = Session::for_tests();
        (case.state)(&mut state);
        (case.session)(&mut session);
        let verdict = check(&state, &session, row, || case.used_bytes);
        let got = verdict.err().map(|error| match error {
            CommandError::Reply(text) => text.into_owned(),
            other => format!("{other:?}"),
        });
        let matches = match (&got, case.want) {
            (Some(text), Some(want)) => text.starts_with(want),
            (None, None) => true,
            _ => false,
        };
        assert!(matches, "{}: {got:?}, wanted {:?}", case.command, case.want);
    }

    fn limited(state: &mut GateState) {
        state.settings = Arc::new(Settings { maxmemory_bytes: 100, ..Settings::default() });
    }

    fn busy(state: &mut GateState) {
        state.busy =
            Some(Arc::new(Running::new("", false, OwnedArgs::from_words(std::iter::empty()), 0)));
    }

    fn with_right(session: &mut Session, right: Right) {
        session.user = Some(Arc::new(User {
            name: "reader".into(),
            verifiers: Vec::new(),
            password_free: false,
            rights: Rights::new(right),
        }));
    }

    #[test]
    fn each_gate_refuses_what_it_is_for() {
        let open: fn(&mut GateState) = |_| {};
        let plain: fn(&mut Session) = |_| {};
        let reader: fn(&mut Session) = |session| with_right(session, Right::Read);
        let gone: fn(&mut Session) = |session| with_right(session, Right::Nothing);
        let stranger: fn(&mut Session) = |session| session.user = None;
        let managed: fn(&mut GateState) = |state| {
            state.access = Arc::new(Access { managed: true, ..Access::default() });
        };
        let locked: fn(&mut GateState) = |state| {
            let write_lock = Some("moving\r\nout".into());
            state.access = Arc::new(Access { write_lock, ..Access::default() });
        };
        let row = |command, state, session, used_bytes, want| Case {
            command,
            state,
            session,
            used_bytes,
            want,
        };
        for case in [
            row("get", open, plain, 0, None),
            row("ping", open, |s| s.refused = true, 0, Some("ERR illegal address")),
            row("get", open, stranger, 0, Some("NOAUTH")),
            row("auth", open, stranger, 0, None),
            row("shutdown", managed, plain, 0, Some("ERR command 'SHUTDOWN' not support")),
            row("config|get", managed, plain, 0, None),
            row("set", open, reader, 0, Some("NOPERM")),
            row("get", open, reader, 0, None),
            row("function|load", open, reader, 0, Some("NOPERM")),
            row("script|flush", open, reader, 0, Some("NOPERM")),
            row("client|kill", open, reader, 0, Some("NOPERM")),
            row("client|pause", open, reader, 0, Some("NOPERM")),
            row("config|set", managed, reader, 0, Some("NOPERM")),
            row("config|set", managed, plain, 0, None),
            row("monitor", managed, reader, 0, Some("ERR command 'MONITOR' not support")),
            row("get", open, gone, 0, Some("NOAUTH")),
            row("auth", open, gone, 0, None),
            row("set", limited, plain, 101, Some("OOM")),
            row("set", limited, plain, 100, None),
            row("set", |s| s.save_failed = true, plain, 0, Some("MISCONF")),
            row("ping", |s| s.save_failed = true, plain, 0, Some("MISCONF")),
            row("get", |s| s.save_failed = true, plain, 0, None),
            row("del", limited, plain, 101, None),
            row("set", |s| s.primary = false, plain, 0, Some("READONLY")),
            row("set", locked, plain, 0, Some("READONLY the instance is locked for writes")),
            row("get", locked, plain, 0, None),
            row("get", |s| s.primary = false, plain, 0, None),
            row("get", |s| s.loading = true, plain, 0, Some("LOADING")),
            row("info", |s| s.loading = true, plain, 0, None),
            row("get", busy, plain, 0, Some("BUSY Redis is busy running a script. You can only")),
            row("ping", busy, plain, 0, Some("BUSY")),
            row("multi", busy, plain, 0, None),
            row("get", busy, stranger, 0, Some("NOAUTH")),
        ] {
            check_case(&case);
        }
    }
}
