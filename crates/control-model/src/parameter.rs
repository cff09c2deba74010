//! Parameters of an instance: what somebody wants to set, checked as a whole, and the history of
//! what was set. Must not know where the wish comes from.

use crate::instance::Instance;
use admin::node::{NodeFigures, TenantChange};
use catalog::managed::{self, Fault};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Entries of a history; older ones are forgotten.
const HISTORY_MAX: usize = 1_000;

/// One parameter that was set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterChange {
    /// Its name of the API.
    pub name: String,
    /// Value before.
    pub old: String,
    /// Value since.
    pub new: String,
    /// When, in Unix milliseconds.
    pub unix_ms: i64,
    /// Who: a user of the installation, or `account:NAME` for an account of the data plane.
    pub user: String,
}

/// The document of an instance's changes, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterHistory {
    /// At most [`HISTORY_MAX`].
    pub changes: Vec<ParameterChange>,
}

impl ParameterHistory {
    /// Adds changes and forgets the oldest where there are too many.
    pub fn add(&mut self, changes: Vec<ParameterChange>) {
        self.changes.extend(changes);
        let over = self.changes.len().saturating_sub(HISTORY_MAX);
        self.changes.drain(..over);
    }
}

/// Why nothing was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterFault {
    /// The wish is no JSON object.
    NoObject,
    /// It is empty.
    Nothing,
    /// This parameter cannot be set so.
    Parameter {
        /// As it was given, where it can be repeated.
        name: String,
        /// Why.
        fault: Fault,
    },
}

/// Names and values of a JSON object, checked for an engine version: all, or the first fault.
///
/// # Errors
/// See [`ParameterFault`].
pub fn parse(version: &str, text: &str) -> Result<Vec<(String, String)>, ParameterFault> {
    let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(text) else {
        return Err(ParameterFault::NoObject);
    };
    if fields.is_empty() {
        return Err(ParameterFault::Nothing);
    }
    let mut wanted: Vec<(String, String)> = Vec::new();
    for (name, value) in &fields {
        let (kept, value) = check(version, name, value)
            .map_err(|fault| ParameterFault::Parameter { name: shown(name), fault })?;
        wanted.retain(|(known, _)| known != kept);
        wanted.push((kept.to_owned(), value));
    }
    Ok(wanted)
}

fn check(version: &str, name: &str, value: &Value) -> Result<(&'static str, String), Fault> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        _ => return Err(Fault::Value(managed::find(version, name)?.wanted())),
    };
    managed::check(version, name, &text)
}

/// A name that may be repeated to its sender: what does not look like one may be anything.
fn shown(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_# ".contains(&byte);
    let good = name.len() <= 64 && !name.is_empty() && name.bytes().all(plain);
    if good { name.to_owned() } else { "a name that is none".to_owned() }
}

/// Makes checked values the intent. Gives what has changed; nothing is to be told to a node when
/// that is empty.
pub fn set(
    instance: &mut Instance,
    wanted: &[(String, String)],
    (user, unix_ms): (&str, i64),
) -> Vec<ParameterChange> {
    let present = instance.effective_parameters();
    let mut changes = Vec::new();
    for (name, new) in wanted {
        let old = present.get(name).cloned().unwrap_or_default();
        if old == *new {
            continue;
        }
        instance.parameters.insert(name.clone(), new.clone());
        let (name, new, user) = (name.clone(), new.clone(), user.to_owned());
        changes.push(ParameterChange { name, old, new, unix_ms, user });
    }
    if !changes.is_empty() {
        instance.touch();
    }
    changes
}

/// What a node reports that its intent does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// Accounts of the data plane have set parameters.
    Changed,
    /// Values differ from the intent, though the node has confirmed it: name and value in force.
    Drifted(Vec<(String, String)>),
}

/// What these figures report of the instance.
pub fn report(instance: &Instance, figures: &NodeFigures) -> Option<Report> {
    let is_new = |change: &TenantChange| instance.adopted_change < change.number;
    if figures.tenant_changes.iter().any(is_new) {
        return Some(Report::Changed);
    }
    // What was answered is on its way to the node.
    if !figures.tenant_changes.is_empty() || figures.generation != instance.generation {
        return None;
    }
    let set = instance.effective_parameters();
    let differs =
        |(name, value): &(&String, &String)| set.get(*name).is_some_and(|it| it != *value);
    let drift = figures.parameters.iter().filter(differs);
    let drift: Vec<_> = drift.map(|(name, value)| (name.clone(), value.clone())).collect();
    (!drift.is_empty()).then_some(Report::Drifted(drift))
}

/// Answers what accounts of the data plane have set: makes it the intent as far as it may be, and
/// has the node told. Gives what has changed; none of it is new when the answer was given before.
pub fn adopt(instance: &mut Instance, reported: &[TenantChange]) -> Option<Vec<ParameterChange>> {
    let answered = instance.adopted_change;
    let mut changes = Vec::new();
    for change in reported.iter().filter(|change| answered < change.number) {
        instance.adopted_change = instance.adopted_change.max(change.number);
        let version = &instance.engine_version;
        let checked = change.set.iter().map(|(name, value)| managed::check(version, name, value));
        let Ok(checked) = checked.collect::<Result<Vec<_>, _>>() else { continue };
        let wanted: Vec<_> = checked.into_iter().map(|(n, value)| (n.to_owned(), value)).collect();
        let user = format!("account:{}", change.account);
        let unix_ms = i64::try_from(change.unix_ms).unwrap_or(i64::MAX);
        changes.extend(set(instance, &wanted, (&user, unix_ms)));
    }
    if answered == instance.adopted_change {
        return None;
    }
    instance.touch();
    Some(changes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::tests::sample;

    #[test]
    fn a_wish_is_taken_as_a_whole() {
        let fault =
            |name: &str, fault| Err(ParameterFault::Parameter { name: name.to_owned(), fault });
        let range = || Fault::Value("a number from 0 to 100000".to_owned());
        let pairs = |pairs: &[(&str, &str)]| {
            Ok(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
        };
        for (text, expected) in [
            ("", Err(ParameterFault::NoObject)),
            ("[1]", Err(ParameterFault::NoObject)),
            ("{}", Err(ParameterFault::Nothing)),
            (r#"{"timeout":"5"}"#, pairs(&[("timeout", "5")])),
            (r#"{"timeout":5}"#, pairs(&[("timeout", "5")])),
            (r#"{"latency-tracking":false}"#, pairs(&[("latency-tracking", "no")])),
            (r#"{"EvictionPolicy":"noeviction"}"#, pairs(&[("maxmemory-policy", "noeviction")])),
            (r#"{"timeout":5.5}"#, fault("timeout", range())),
            (r#"{"timeout":null}"#, fault("timeout", range())),
            (r#"{"slowlog-max-len":500,"timeout":-1}"#, fault("timeout", range())),
            (r#"{"dir":"/"}"#, fault("dir", Fault::Unknown)),
            (r#"{"hz":10}"#, fault("hz", Fault::NotSupported)),
            (r#"{"a/b":"x"}"#, fault("a name that is none", Fault::Unknown)),
        ] {
            assert_eq!(parse("7.0", text), expected, "{text}");
        }
    }

    fn by_tenant(number: u64, name: &str, value: &str) -> TenantChange {
        let set = vec![(name.to_owned(), value.to_owned())];
        TenantChange { number, account: "app".into(), unix_ms: 7, set }
    }

    #[test]
    fn what_accounts_set_is_adopted_once_or_undone() {
        let mut instance = sample();
        let reported = [
            by_tenant(4, "timeout", "9"),
            by_tenant(5, "dir", "/"),
            by_tenant(6, "timeout", "-5"),
            by_tenant(9, "slowlog-max-len", "500"),
        ];
        let changes = adopt(&mut instance, &reported).expect("news");
        let texts: Vec<_> = changes.iter().map(|c| [&*c.name, &*c.new, &*c.user]).collect();
        let app = "account:app";
        assert_eq!(texts, [["timeout", "9", app], ["slowlog-max-len", "500", app]]);
        assert_eq!(instance.adopted_change, 9);
        let told = instance.node_spec("::1", &[]).settings;
        assert_eq!((told.adopted_change, &*told.parameters["timeout"]), (9, "9"));
        assert!(sample().generation < instance.generation);
        let generation = instance.generation;
        assert_eq!(adopt(&mut instance, &reported), None, "answered before");
        assert_eq!(adopt(&mut instance, &[by_tenant(10, "port", "1")]), Some(Vec::new()));
        assert!(generation < instance.generation, "the node is told to undo it");
    }

    #[test]
    fn reports() {
        let instance = Instance { adopted_change: 4, ..sample() };
        let all = instance.effective_parameters();
        let stray: Vec<_> = [("timeout", "7"), ("dir", "/")].into();
        let stray = stray.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned()));
        let drifted = || all.clone().into_iter().chain(stray.clone()).collect();
        let drift = Some(Report::Drifted(vec![("timeout".to_owned(), "7".to_owned())]));
        for (generation, parameters, tenant_changes, expected) in [
            (1, all.clone(), vec![], None),
            (1, drifted(), vec![], drift),
            (0, drifted(), vec![], None),
            (1, drifted(), vec![by_tenant(4, "timeout", "7")], None),
            (1, drifted(), vec![by_tenant(5, "timeout", "7")], Some(Report::Changed)),
        ] {
            let figures =
                NodeFigures { generation, parameters, tenant_changes, ..NodeFigures::default() };
            assert_eq!(report(&instance, &figures), expected, "{figures:?}");
        }
    }

    #[test]
    fn only_what_differs_is_a_change() {
        let mut instance = sample();
        let wanted = parse("7.0", r#"{"timeout":"9","slowlog-max-len":"1024"}"#).expect("good");
        let changes = set(&mut instance, &wanted, ("root", 5));
        let texts: Vec<_> = changes.iter().map(|c| [&*c.name, &*c.old, &*c.new]).collect();
        assert_eq!(texts, [["timeout", "0", "9"]]);
        assert_eq!((instance.generation, &*instance.parameters["timeout"]), (2, "9"));
        assert_eq!(instance.node_spec("::1", &[]).settings.parameters["timeout"], "9");
        assert!(set(&mut instance, &wanted, ("root", 6)).is_empty());
        assert_eq!(instance.generation, 2);
        let mut history = ParameterHistory::default();
        (0..HISTORY_MAX + 5).for_each(|_| history.add(changes.clone()));
        assert_eq!(history.changes.len(), HISTORY_MAX);
    }
}
