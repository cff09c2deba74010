//! Who may connect and as whom: users with salted verifiers, privileges, and the allowlist. Must
//! not know connections; those that are logged in share their user's rights.

use catalog::{Command, Flags};
use hmac::{Hmac, KeyInit, Mac};
use ipnet::IpNet;
use sha2::Sha256;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// Users and allowlist, replaced as a whole.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// All users; `default` is among them.
    pub users: Vec<Arc<User>>,
    /// Who may connect.
    pub allowlist: Allowlist,
    /// The node belongs to a managed instance: administration only over the admin socket.
    pub managed: bool,
    /// Writes and refusals are recorded: the instance's audit log is on.
    pub audited: bool,
    /// Commands that nobody may run, by lower-case name, sorted; with a container its subcommands.
    pub disabled: Vec<String>,
    /// Nobody writes, for this reason.
    pub write_lock: Option<String>,
}

/// An account.
#[derive(Debug, Clone)]
pub struct User {
    /// Name, case-sensitive.
    pub name: String,
    /// Accepted passwords.
    pub verifiers: Vec<Verifier>,
    /// Connections are this user's from the start.
    pub password_free: bool,
    /// What it may do.
    pub rights: Arc<Rights>,
}

/// What an account may do. The same object through all changes of the account, so that open
/// connections follow them with their next command.
#[derive(Debug)]
pub struct Rights(AtomicU8);

/// Values of [`Rights`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Reads and changes data.
    Write,
    /// Changes neither data nor what all connections share.
    Read,
    /// The account is gone: who was logged in is nobody.
    Nothing,
}

impl Rights {
    /// Rights that nobody shares yet.
    #[must_use]
    pub fn new(right: Right) -> Arc<Self> {
        Arc::new(Self(AtomicU8::new(right as u8)))
    }

    /// What they are now.
    #[inline]
    #[must_use]
    pub fn get(&self) -> Right {
        match self.0.load(Relaxed) {
            0 => Right::Write,
            1 => Right::Read,
            _ => Right::Nothing,
        }
    }

    fn set(&self, right: Right) {
        self.0.store(right as u8, Relaxed);
    }

    /// Whether they suffice for a command of these properties.
    #[inline]
    #[must_use]
    pub fn allow(&self, flags: Flags) -> bool {
        match self.get() {
            Right::Write => true,
            Right::Read => !flags.has(Flags::WRITE) && !flags.has(Flags::INTERFERES),
            Right::Nothing => false,
        }
    }
}

/// `HMAC-SHA-256(key = salt, message = password)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    /// Random bytes.
    pub salt: Vec<u8>,
    /// The check value.
    pub mac: Vec<u8>,
}

impl Verifier {
    /// The verifier of `password` under `salt`.
    #[must_use]
    pub fn new(salt: &[u8], password: &[u8]) -> Self {
        let mac = keyed(salt).chain_update(password).finalize().into_bytes().to_vec();
        Self { salt: salt.to_vec(), mac }
    }

    /// True for the right password; takes the same time for any wrong one.
    #[must_use]
    pub fn accepts(&self, password: &[u8]) -> bool {
        keyed(&self.salt).chain_update(password).verify_slice(&self.mac).is_ok()
    }
}

fn keyed(salt: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(salt).expect("HMAC takes keys of any length")
}

impl User {
    /// True when `password` is one of this user's.
    #[must_use]
    pub fn accepts(&self, password: &[u8]) -> bool {
        self.password_free || self.has(password)
    }

    fn has(&self, password: &[u8]) -> bool {
        self.verifiers.iter().any(|verifier| verifier.accepts(password))
    }
}

/// What a password led to.
#[derive(Debug, Clone, Copy)]
pub enum LogIn<'a> {
    /// It is this user's.
    Right(&'a Arc<User>),
    /// It is not the named user's, but everybody may be this one.
    Anyway(&'a Arc<User>),
    /// There is no such user, or it has another password.
    Wrong,
}

impl<'a> LogIn<'a> {
    /// Who has been logged in.
    #[must_use]
    pub fn user(self) -> Option<&'a Arc<User>> {
        match self {
            Self::Right(user) | Self::Anyway(user) => Some(user),
            Self::Wrong => None,
        }
    }

    /// False for a guess that failed.
    #[must_use]
    pub fn is_right(self) -> bool {
        matches!(self, Self::Right(_))
    }
}

/// Who may connect.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Allowlist {
    /// Everybody: a drop-in without a control plane.
    #[default]
    Everybody,
    /// Addresses in these blocks; nobody when there is none.
    Blocks(Vec<IpNet>),
}

impl Allowlist {
    /// Reads literal addresses and CIDR blocks.
    ///
    /// # Errors
    /// The first entry that is neither.
    pub fn parse<'t>(entries: impl Iterator<Item = &'t str>) -> Result<Self, String> {
        let block = |entry: &str| {
            let net = entry.parse::<IpNet>().ok();
            net.or_else(|| entry.parse::<IpAddr>().ok().map(IpNet::from)).ok_or(entry.to_owned())
        };
        entries.map(block).collect::<Result<Vec<_>, _>>().map(Self::Blocks)
    }

    /// True when a peer at `address` may connect.
    #[must_use]
    pub fn admits(&self, address: IpAddr) -> bool {
        match self {
            Self::Everybody => true,
            Self::Blocks(blocks) => {
                blocks.iter().any(|block| block.contains(&address.to_canonical()))
            }
        }
    }
}

impl Access {
    /// A drop-in server's: one user `default`, with `password` unless it is empty.
    #[must_use]
    pub fn drop_in(password: &[u8], salt: &[u8]) -> Self {
        let verifiers = match password {
            [] => Vec::new(),
            _ => vec![Verifier::new(salt, password)],
        };
        let user = User {
            name: DEFAULT_USER.to_owned(),
            verifiers,
            password_free: password.is_empty(),
            rights: Rights::new(Right::Write),
        };
        let users = vec![Arc::new(user)];
        Self { users, ..Self::default() }
    }

    /// True when nobody may run this command.
    #[inline]
    #[must_use]
    pub fn disables(&self, row: &Command) -> bool {
        let name = || row.container().unwrap_or(row.name);
        !self.disabled.is_empty()
            && self.disabled.binary_search_by(|known| (**known).cmp(name())).is_ok()
    }

    /// A user by name.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<&Arc<User>> {
        self.users.iter().find(|user| user.name.as_bytes() == name)
    }

    /// The user that a new connection is before AUTH, if that needs no password.
    #[must_use]
    pub fn initial_user(&self) -> Option<&Arc<User>> {
        self.find(DEFAULT_USER.as_bytes()).filter(|user| user.password_free)
    }

    /// Takes the place of `old`: who is logged in stays so with the rights that its account has
    /// here, and has none where the account is not here. To be called when nothing runs.
    #[must_use]
    pub fn in_place_of(mut self, old: &Access) -> Self {
        for known in &old.users {
            let user = self.users.iter_mut().find(|user| user.name == known.name);
            known.rights.set(user.as_ref().map_or(Right::Nothing, |user| user.rights.get()));
            if let Some(user) = user {
                *user = Arc::new(User { rights: Arc::clone(&known.rights), ..(**user).clone() });
            }
        }
        self
    }

    /// The user that `AUTH password` logs in: `default`; or, for `AUTH user:password`, the one
    /// named before the colon. Where `default` needs no password, it is who nobody else is.
    #[must_use]
    pub fn log_in_by_password(&self, password: &[u8]) -> LogIn<'_> {
        let default = self.find(DEFAULT_USER.as_bytes());
        let named = || {
            let colon = password.iter().position(|&byte| byte == b':')?;
            self.find_right(&password[..colon], &password[colon + 1..])
        };
        let owned = default.filter(|user| user.has(password));
        match (owned.or_else(named), default.filter(|user| user.password_free)) {
            (Some(user), _) => LogIn::Right(user),
            // The answer is the same for every password: it tells nothing.
            (None, Some(user)) if !password.contains(&b':') => LogIn::Right(user),
            (None, Some(user)) => LogIn::Anyway(user),
            (None, None) => LogIn::Wrong,
        }
    }

    /// The user that `AUTH name password` logs in.
    #[must_use]
    pub fn log_in(&self, name: &[u8], password: &[u8]) -> LogIn<'_> {
        self.find_right(name, password).map_or(LogIn::Wrong, LogIn::Right)
    }

    fn find_right(&self, name: &[u8], password: &[u8]) -> Option<&Arc<User>> {
        self.find(name).filter(|user| user.accepts(password))
    }
}

/// Name of the user that everybody is at first.
pub const DEFAULT_USER: &str = "default";

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> Access {
        let user = |name: &str, password: &str| {
            let verifiers = vec![Verifier::new(b"salt", password.as_bytes())];
            let name = name.to_owned();
            let rights = Rights::new(Right::Write);
            Arc::new(User { name, verifiers, password_free: false, rights })
        };
        let users = vec![user("r-1", "secret"), user("default", "secret"), user("app", "a:b")];
        Access { users, ..Access::default() }
    }

    #[test]
    fn both_forms_of_auth() {
        let access = access();
        let by_password =
            |p: &str| access.log_in_by_password(p.as_bytes()).user().map(|u| &*u.name);
        assert_eq!(by_password("secret"), Some("default"));
        assert_eq!(by_password("r-1:secret"), Some("r-1"));
        assert_eq!(by_password("app:a:b"), Some("app"));
        assert_eq!(by_password("app:wrong"), None);
        assert_eq!(by_password(""), None);
        assert!(access.log_in(b"app", b"a:b").is_right());
        assert!(access.log_in(b"nobody", b"secret").user().is_none());
        assert!(access.initial_user().is_none());
    }

    #[test]
    fn a_password_free_default_leaves_other_accounts_their_passwords() {
        let mut access = access();
        let default = User { password_free: true, ..(*access.users[1]).clone() };
        access.users[1] = Arc::new(default);
        let by_password =
            |p: &str| access.log_in_by_password(p.as_bytes()).user().map(|u| &*u.name);
        for (password, name) in [("app:a:b", "app"), ("app:x", "default"), ("secret", "default")] {
            assert_eq!(by_password(password), Some(name), "{password}");
        }
        assert!(access.log_in(b"app", b"x").user().is_none());
        for (password, right) in [("app:a:b", true), ("app:x", false), ("x", true), ("x:y", false)]
        {
            let log_in = access.log_in_by_password(password.as_bytes());
            assert_eq!(log_in.is_right(), right, "{password}: is it a guess that failed");
        }
    }

    #[test]
    fn who_is_logged_in_follows_the_account() {
        let old = access();
        let logged_in = |name: &str| Arc::clone(&old.find(name.as_bytes()).expect("it is").rights);
        let (app, default) = (logged_in("app"), logged_in("default"));
        let only = |access: Access, name: &str, right| {
            let users = access.users.into_iter().filter(|user| user.name == name);
            let change =
                |user: Arc<User>| Arc::new(User { rights: Rights::new(right), ..(*user).clone() });
            Access { users: users.map(change).collect(), ..Access::default() }
        };
        let second = only(access(), "app", Right::Read).in_place_of(&old);
        assert_eq!((app.get(), default.get()), (Right::Read, Right::Nothing));
        let third = only(access(), "app", Right::Write).in_place_of(&second);
        assert_eq!(app.get(), Right::Write, "also over several changes");
        let none = Access::default().in_place_of(&third);
        assert_eq!(app.get(), Right::Nothing);
        let _anew = only(access(), "app", Right::Write).in_place_of(&none);
        assert_eq!(app.get(), Right::Nothing, "a new account of the name is another one");
    }

    #[test]
    fn allowlists() {
        let list = Allowlist::parse(["127.0.0.1", "10.0.0.0/8", "::1"].into_iter());
        let list = list.expect("all entries are addresses");
        for (address, want) in [
            ("127.0.0.1", true),
            ("127.0.0.2", false),
            ("10.200.1.1", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("::2", false),
        ] {
            assert_eq!(list.admits(address.parse().expect("an address")), want, "{address}");
        }
        assert_eq!(Allowlist::parse(["x"].into_iter()), Err("x".to_owned()));
        let nobody = Allowlist::Blocks(Vec::new());
        assert!(!nobody.admits("127.0.0.1".parse().expect("an address")));
    }
}
