//! Accounts of the data plane: the two that every instance has and those that its owner makes,
//! with the rules for their names. Passwords are known by their verifiers only; this module must
//! not know how those are computed.

use crate::instance::Instance;
use admin::{Privilege, UserSettings, Verifier};
use serde::{Deserialize, Serialize};

/// Most accounts that an owner may make on one instance.
pub const CREATED_MAX: usize = 18;

/// An account that the owner made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataAccount {
    /// Unique within the instance, case-sensitive.
    pub name: String,
    /// For people; may be empty.
    pub description: String,
    /// What it may do.
    pub privilege: Privilege,
    /// Accepted passwords, the newest first: one, or two while a change is under way.
    pub verifiers: Vec<Verifier>,
}

/// Why a change of an account is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccountFault {
    /// Not a name.
    #[error("an account name is 1 to 100 of a-z, 0-9 and _, the first a letter")]
    Name,
    /// A word of SQL or of the service.
    #[error("the name is reserved")]
    Reserved,
    /// The instance has one of this name.
    #[error("the instance has an account of this name")]
    Duplicate,
    /// There are [`CREATED_MAX`].
    #[error("an instance takes 18 accounts beside its two default ones; delete one first")]
    TooMany,
    /// Not a description.
    #[error("a description has 2 to 256 characters, begins with a letter and is no web address")]
    Description,
    /// The instance has none of this name.
    #[error("the instance has no account of this name")]
    NotFound,
    /// It is one of the two that belong to the instance.
    #[error("the account belongs to the instance and keeps its rights for life")]
    Default,
}

/// Checks the name of an account to be.
///
/// # Errors
/// `Name` or `Reserved`.
pub fn check_name(name: &str) -> Result<(), AccountFault> {
    let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
    let first = name.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
    if !first || name.len() > 100 || !name.bytes().all(inner) {
        return Err(AccountFault::Name);
    }
    if RESERVED.split(' ').any(|word| word == name) {
        return Err(AccountFault::Reserved);
    }
    Ok(())
}

/// Checks a description.
///
/// # Errors
/// `Description`.
pub fn check_description(text: &str) -> Result<(), AccountFault> {
    let lower = text.to_lowercase();
    let address = ["http://", "https://"].iter().any(|scheme| lower.starts_with(scheme));
    let fits = (2..=256).contains(&text.chars().count())
        && text.starts_with(char::is_alphabetic)
        && !text.contains(char::is_control)
        && !address;
    if fits { Ok(()) } else { Err(AccountFault::Description) }
}

impl Instance {
    /// Adds an account.
    ///
    /// # Errors
    /// What is wrong with it, or `Duplicate` or `TooMany`.
    pub fn create_account(&mut self, account: DataAccount) -> Result<(), AccountFault> {
        let name = account.name.as_str();
        // The name of the instance's own account would be no name, which misleads.
        if name == self.instance_id || self.accounts.iter().any(|known| known.name == name) {
            return Err(AccountFault::Duplicate);
        }
        check_name(name)?;
        if !account.description.is_empty() {
            check_description(&account.description)?;
        }
        if self.accounts.len() >= CREATED_MAX {
            return Err(AccountFault::TooMany);
        }
        self.accounts.push(account);
        Ok(())
    }

    /// Takes an account away.
    ///
    /// # Errors
    /// `Default`, `Name` or `NotFound`.
    pub fn delete_account(&mut self, name: &str) -> Result<(), AccountFault> {
        self.created_account(name)?;
        self.accounts.retain(|account| account.name != name);
        Ok(())
    }

    /// Changes what an account may do.
    ///
    /// # Errors
    /// `Default`, `Name` or `NotFound`.
    pub fn grant_privilege(
        &mut self,
        name: &str,
        privilege: Privilege,
    ) -> Result<(), AccountFault> {
        self.created_account(name)?.privilege = privilege;
        Ok(())
    }

    /// Describes an account, a default one too.
    ///
    /// # Errors
    /// `Description`, `Name` or `NotFound`.
    pub fn describe_account(&mut self, name: &str, text: &str) -> Result<(), AccountFault> {
        check_description(text)?;
        if self.default_accounts().contains(&name) {
            self.default_descriptions.insert(name.to_owned(), text.to_owned());
        } else {
            text.clone_into(&mut self.created_account(name)?.description);
        }
        Ok(())
    }

    /// Verifiers of an account, the newest first. The default accounts share theirs.
    ///
    /// # Errors
    /// `Name` or `NotFound`.
    pub fn verifiers_of(&mut self, name: &str) -> Result<&mut Vec<Verifier>, AccountFault> {
        if self.default_accounts().contains(&name) {
            return Ok(&mut self.verifiers);
        }
        Ok(&mut self.created_account(name)?.verifiers)
    }

    /// Description of a default account, empty until there is one.
    pub fn default_description(&self, name: &str) -> &str {
        self.default_descriptions.get(name).map_or("", String::as_str)
    }

    fn created_account(&mut self, name: &str) -> Result<&mut DataAccount, AccountFault> {
        if self.default_accounts().contains(&name) {
            return Err(AccountFault::Default);
        }
        let known = self.accounts.iter_mut().find(|account| account.name == name);
        let malformed = check_name(name) == Err(AccountFault::Name);
        known.ok_or(if malformed { AccountFault::Name } else { AccountFault::NotFound })
    }
}

impl DataAccount {
    /// What a node is told.
    pub fn user(&self) -> UserSettings {
        UserSettings {
            name: self.name.clone(),
            verifiers: self.verifiers.clone(),
            privilege: self.privilege,
        }
    }
}

/// Reserved names, one blank between two.
const RESERVED: &str = "\
    add admin all alter analyze and as asc asensitive aurora before between bigint binary blob \
    both by call cascade case change char character check collate column condition connection \
    constraint continue convert create cross current_date current_time current_timestamp \
    current_user cursor database databases day_hour day_microsecond day_minute day_second dec \
    decimal declare default delayed delete desc describe deterministic distinct distinctrow \
    div double drc_rds drop dual each eagleye else elseif enclosed escaped exists exit explain \
    false fetch float float4 float8 for force foreign from fulltext goto grant group guest \
    having high_priority hour_microsecond hour_minute hour_second if ignore in index infile \
    information_schema inner inout insensitive insert int int1 int2 int3 int4 int8 integer \
    interval into is iterate join key keys kill label leading leave left like limit linear \
    lines load localtime localtimestamp lock long longblob longtext loop low_priority match \
    mediumblob mediumint mediumtext middleint minute_microsecond minute_second mod modifies \
    mysql natural no_write_to_binlog not null numeric on optimize option optionally or order \
    out outer outfile precision primary procedure purge raid0 range read reads real references \
    regexp release rename repeat replace replicator require restrict return revoke right rlike \
    root schema schemas second_microsecond select sensitive separator set show smallint \
    spatial specific sql sql_big_result sql_calc_found_rows sql_small_result sqlexception \
    sqlstate sqlwarning ssl starting straight_join table terminated test then tinyblob tinyint \
    tinytext to trailing trigger true undo union unique unlock unsigned update usage use using \
    utc_date utc_time utc_timestamp values varbinary varchar varcharacter varying when where \
    while with write x509 xor xtrabak year_month zerofill";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::tests::sample;

    fn account(name: &str, description: &str) -> DataAccount {
        let verifiers = vec![Verifier { salt: "00".into(), mac: "11".into() }];
        let privilege = Privilege::ReadOnly;
        DataAccount { name: name.into(), description: description.into(), privilege, verifiers }
    }

    #[test]
    fn names() {
        let (longest, longer) = ("a".repeat(100), "a".repeat(101));
        for name in ["a", "app", "app_2", "selects", &longest] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", "1a", "_a", "App", "a-b", "a b", "a:b", "\u{e4}b", &longer] {
            assert_eq!(check_name(name), Err(AccountFault::Name), "{name}");
        }
        for name in ["add", "default", "select", "zerofill", "drc_rds", "sql_big_result"] {
            assert_eq!(check_name(name), Err(AccountFault::Reserved), "{name}");
        }
        let words = RESERVED.split(' ');
        assert!(words.clone().is_sorted(), "and none of them broken at the end of a line");
        assert_eq!(words.count(), RESERVED_COUNT);
    }

    /// As documented.
    const RESERVED_COUNT: usize = 236;

    #[test]
    fn descriptions() {
        let (longest, longer) = ("a".repeat(256), "a".repeat(257));
        for text in ["ab", "\u{7f13}\u{5b58}", "The app, 2nd try", &longest] {
            assert_eq!(check_description(text), Ok(()), "{text}");
        }
        let bad = ["", "a", "1st", "_ab", "http://x", "HTTPS://x", "a\tb", &longer];
        for text in bad {
            assert_eq!(check_description(text), Err(AccountFault::Description), "{text}");
        }
    }

    #[test]
    fn accounts_are_made_and_limited() {
        let mut instance = sample();
        let id = instance.instance_id.clone();
        let rows = [
            ("app", "", Ok(())),
            ("app", "", Err(AccountFault::Duplicate)),
            (&id, "", Err(AccountFault::Duplicate)),
            ("default", "", Err(AccountFault::Reserved)),
            ("App", "", Err(AccountFault::Name)),
            ("other", "x", Err(AccountFault::Description)),
        ];
        for (name, description, expected) in rows {
            assert_eq!(instance.create_account(account(name, description)), expected, "{name}");
        }
        for at in 1..CREATED_MAX {
            assert_eq!(instance.create_account(account(&format!("a{at}"), "")), Ok(()));
        }
        let one_more = account("more", "");
        assert_eq!(instance.create_account(one_more.clone()), Err(AccountFault::TooMany));
        assert_eq!(instance.delete_account("a1"), Ok(()));
        assert_eq!(instance.create_account(one_more), Ok(()));
        let users = instance.node_spec("127.0.0.1", &[]).settings.users;
        assert_eq!(users.len(), 2 + CREATED_MAX);
        assert_eq!((users[2].name.as_str(), users[2].privilege), ("app", Privilege::ReadOnly));
    }

    #[test]
    fn default_accounts_are_described_and_get_passwords_and_nothing_else() {
        let mut instance = sample();
        instance.create_account(account("app", "")).expect("a good one");
        let id = instance.instance_id.clone();
        for name in [&id, "default"] {
            assert_eq!(instance.delete_account(name), Err(AccountFault::Default));
            let granted = instance.grant_privilege(name, Privilege::ReadOnly);
            assert_eq!(granted, Err(AccountFault::Default));
            assert_eq!(instance.describe_account(name, "of all"), Ok(()));
            assert_eq!(instance.default_description(name), "of all");
            assert_eq!(instance.verifiers_of(name).map(|them| them.len()), Ok(0));
        }
        assert_eq!(instance.verifiers_of("app").map(|them| them.len()), Ok(1));
        assert_eq!(instance.verifiers_of("nobody"), Err(AccountFault::NotFound));
        assert_eq!(instance.verifiers_of("No-body"), Err(AccountFault::Name));
        assert_eq!(instance.grant_privilege("app", Privilege::ReadWrite), Ok(()));
        assert_eq!(instance.describe_account("app", "mine"), Ok(()));
        assert_eq!(instance.accounts[0].privilege, Privilege::ReadWrite);
        assert_eq!(instance.accounts[0].description, "mine");
    }

    #[test]
    fn instances_of_before_have_none() {
        let mut body = serde_json::to_value(sample()).expect("plain data");
        let fields = body.as_object_mut().expect("an object");
        assert!(fields.remove("accounts").is_some());
        assert!(fields.remove("default_descriptions").is_some());
        let read: Instance = serde_json::from_value(body).expect("still an instance");
        assert_eq!(read, sample());
    }
}
