//! Parameters that accounts of a managed instance have set by CONFIG SET, until control has
//! answered: numbered, so that each is answered once. Must not know how they are reported.

use catalog::managed::{self, Fault};
use engine::CommandError;
use engine::error::other;

/// Changes that may wait for an answer.
const WAITING_MAX: usize = 64;

/// One CONFIG SET.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Grows over all processes of the instance: an epoch belongs to one of them.
    pub number: u64,
    /// Who.
    pub account: String,
    /// When.
    pub unix_ms: u64,
    /// Names of the API and values.
    pub set: Vec<(&'static str, String)>,
}

/// What waits for an answer.
#[derive(Debug, Default)]
pub struct Changes {
    waiting: Vec<Change>,
    last: u64,
}

/// Who sets parameters, and when.
#[derive(Debug, Clone, Copy)]
pub struct Who<'a> {
    /// Of the grant.
    pub epoch: u64,
    /// Account.
    pub account: &'a str,
    /// Unix milliseconds.
    pub unix_ms: u64,
}

impl Changes {
    /// Takes a change that is in force now.
    pub fn add(&mut self, who: Who<'_>, set: Vec<(&'static str, String)>) {
        self.last = (self.last + 1).max((who.epoch << 32) + 1);
        let (account, unix_ms) = (who.account.to_owned(), who.unix_ms);
        self.waiting.push(Change { number: self.last, account, unix_ms, set });
    }

    /// Changes up to this number are answered.
    pub fn answered(&mut self, number: u64) {
        self.waiting.retain(|change| number < change.number);
        self.last = self.last.max(number);
    }

    /// All that wait, the oldest first.
    #[must_use]
    pub fn waiting(&self) -> &[Change] {
        &self.waiting
    }

    /// Whether another one can be taken.
    ///
    /// # Errors
    /// A refusal that names what to do instead.
    pub fn check_room(&self) -> Result<(), CommandError> {
        if self.waiting.len() < WAITING_MAX {
            return Ok(());
        }
        let text = "ERR CONFIG SET failed - too many changes wait to be recorded; try again later, \
                    or set parameters by ModifyInstanceConfig";
        Err(other(text.to_owned()))
    }
}

/// What an account of a managed instance wants to set, checked as a whole.
///
/// # Errors
/// A refusal that names the culprit and ModifyInstanceConfig.
pub fn check(
    redis_version: &str,
    pairs: &[(String, Vec<u8>)],
) -> Result<Vec<(&'static str, String)>, CommandError> {
    let version = redis_version.get(..3).unwrap_or_default();
    let mut set: Vec<(&'static str, String)> = Vec::new();
    for (name, value) in pairs {
        let name = name.to_ascii_lowercase();
        let value = String::from_utf8_lossy(value);
        let row = managed::find(version, &name).and_then(|row| match row.directive {
            // What CONFIG does not know, it does not set.
            "" => Err(Fault::NotSupported),
            _ => Ok(row),
        });
        let checked = row.and_then(|row| managed::check(version, row.name, &value));
        let (name, value) = checked.map_err(|fault| refusal(&name, &fault))?;
        if set.iter().any(|(known, _)| *known == name) {
            let failed = "ERR CONFIG SET failed (possibly related to argument";
            return Err(other(format!("{failed} '{name}') - duplicate parameter")));
        }
        set.push((name, value));
    }
    Ok(set)
}

fn refusal(name: &str, fault: &Fault) -> CommandError {
    // A name that there is not may be anything, a secret too.
    let known =
        catalog::params::find(name).is_some() || managed::MANAGED.iter().any(|r| r.name == name);
    let name = if known { name } else { "?" };
    let failed = format!("ERR CONFIG SET failed (possibly related to argument '{name}')");
    match fault {
        Fault::Value(wanted) => other(format!("{failed} - argument must be {wanted}")),
        Fault::Unknown | Fault::NotSupported => other(format!(
            "ERR command 'CONFIG SET' not support for normal user with argument '{name}'; \
             ModifyInstanceConfig sets the parameters of the instance"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(epoch: u64) -> Who<'static> {
        Who { epoch, account: "app", unix_ms: 5 }
    }

    #[test]
    fn numbers_grow_over_processes_and_answers_end_the_wait() {
        let mut first = Changes::default();
        first.add(who(3), vec![("timeout", "5".to_owned())]);
        first.add(who(3), Vec::new());
        let numbers: Vec<_> = first.waiting().iter().map(|change| change.number).collect();
        assert_eq!(numbers, [(3 << 32) + 1, (3 << 32) + 2]);
        first.answered(numbers[0]);
        assert_eq!(first.waiting().len(), 1);
        let mut second = Changes::default();
        second.answered(numbers[1]);
        second.add(who(4), Vec::new());
        assert!(numbers[1] < second.waiting()[0].number);
        assert!(second.check_room().is_ok());
        (0..WAITING_MAX).for_each(|_| second.add(who(4), Vec::new()));
        assert!(second.check_room().is_err());
    }

    #[test]
    fn only_what_the_service_lets_accounts_set() {
        let try_set = |version: &str, pairs: &[(&str, &str)]| {
            let pairs: Vec<_> =
                pairs.iter().map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec())).collect();
            check(version, &pairs).map_err(|error| match error {
                CommandError::Reply(text) => text.to_string(),
                other => panic!("{other:?}"),
            })
        };
        assert_eq!(try_set("7.0.15", &[("Timeout", "007")]), Ok(vec![("timeout", "7".to_owned())]));
        for (pairs, text) in [
            (&[("timeout", "-1")][..], "from 0 to 100000"),
            (&[("timeout", "5"), ("maxmemory", "1")], "'maxmemory'; ModifyInstanceConfig"),
            (&[("timeout", "5"), ("TIMEOUT", "6")], "duplicate"),
            (&[(managed::DISABLED_COMMANDS, "get")], "ModifyInstanceConfig"),
            (&[("requirepass", "x")], "'requirepass'; ModifyInstanceConfig"),
            (&[("a-secret", "x")], "'?'; ModifyInstanceConfig"),
        ] {
            let refused = try_set("7.0.15", pairs).expect_err("refused");
            assert!(refused.contains(text), "{refused}");
        }
    }
}
