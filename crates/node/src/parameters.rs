//! Parameters of the instance between their names of the API and the node's directives. Must not
//! know who sets them.

use admin::node::TenantChange;
use catalog::managed::{self, DISABLED_COMMANDS};
use server::config::Config;
use server::tenant::Change;
use std::collections::BTreeMap;

/// Puts the instance's parameters into the configuration. What it does not take is skipped: control
/// checked it, and a node of another version must come up all the same.
pub fn set(config: &mut Config, parameters: &BTreeMap<String, String>) {
    for (name, value) in parameters.iter().filter(|(name, _)| *name != DISABLED_COMMANDS) {
        if let Err(error) = config.set_at_start(name, value) {
            tracing::warn!(%error, "skip a parameter of the instance");
        }
    }
}

/// Puts what accounts have set, and nobody has answered yet, over that.
pub fn set_again(config: &mut Config, changes: &[Change]) {
    for (name, value) in changes.iter().flat_map(|change| &change.set) {
        if let Err(error) = config.set_at_start(name, value) {
            tracing::warn!(%error, "skip a parameter that an account has set");
        }
    }
}

/// Those changes, as they are reported.
pub fn reported(changes: &[Change]) -> Vec<TenantChange> {
    let pair = |(name, value): &(&str, String)| ((*name).to_owned(), value.clone());
    let report = |change: &Change| TenantChange {
        number: change.number,
        account: change.account.clone(),
        unix_ms: change.unix_ms,
        set: change.set.iter().map(pair).collect(),
    };
    changes.iter().map(report).collect()
}

/// The commands that the parameters disable, sorted.
pub fn disabled(parameters: &BTreeMap<String, String>) -> Vec<String> {
    let names = parameters.get(DISABLED_COMMANDS).map_or("", String::as_str).split(',');
    let mut names: Vec<_> = names.filter(|name| !name.is_empty()).map(str::to_owned).collect();
    names.sort_unstable();
    names
}

/// Every parameter of an engine version as it is in force.
pub fn in_force(config: &Config, version: &str, disabled: String) -> BTreeMap<String, String> {
    let value = |row: &managed::Managed| match row.name {
        DISABLED_COMMANDS => disabled.clone(),
        _ => config.get(row.directive).to_owned(),
    };
    managed::rows(version).map(|row| (row.name.to_owned(), value(row))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_in_force_under_the_name_of_the_version() {
        for (version, name) in
            [("5.0", "hash-max-ziplist-entries"), ("7.0", "hash-max-listpack-entries")]
        {
            let wanted = [(name, "7"), ("timeout", "9"), (DISABLED_COMMANDS, "flushall,keys")];
            let wanted = wanted.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let wanted = managed::effective(version, &BTreeMap::from(wanted));
            let mut config = Config::default();
            set(&mut config, &wanted);
            let disabled = disabled(&wanted);
            assert_eq!(disabled, ["flushall", "keys"]);
            assert_eq!(in_force(&config, version, disabled.join(",")), wanted);
        }
    }
}
