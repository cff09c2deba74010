//! Conditions of policy statements: operators, the keys that a statement may ask about, and whether
//! a condition holds for what is known of a call. Must not know where the facts come from.

use super::wildcard;
use ipnet::IpNet;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What is known of a call, by condition key. Keys differ in more than case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts(BTreeMap<String, String>);

impl Facts {
    /// Adds a fact; `key` as in documents: `acs:SourceIp`.
    pub fn know(&mut self, key: &str, value: impl Into<String>) {
        self.0.insert(key.to_ascii_lowercase(), value.into());
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }
}

/// One key under one operator of a statement.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Condition {
    operator: &'static Operator,
    /// In lower case.
    key: String,
    values: Vec<Operand>,
}

#[derive(Debug, PartialEq)]
struct Operator {
    name: &'static str,
    kind: Kind,
    relation: Relation,
    /// It holds exactly when its positive twin does not.
    negated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Text,
    AnyCase,
    Pattern,
    Number,
    Time,
    Flag,
    Address,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Relation {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A value of a condition, read once.
#[derive(Debug, Clone, PartialEq)]
enum Operand {
    Text(String),
    Number(f64),
    Time(jiff::Timestamp),
    Flag(bool),
    Net(IpNet),
}

const fn row(name: &'static str, kind: Kind, relation: Relation, negated: bool) -> Operator {
    Operator { name, kind, relation, negated }
}

const OPERATORS: &[Operator] = &[
    row("StringEquals", Kind::Text, Relation::Equal, false),
    row("StringNotEquals", Kind::Text, Relation::Equal, true),
    row("StringEqualsIgnoreCase", Kind::AnyCase, Relation::Equal, false),
    row("StringNotEqualsIgnoreCase", Kind::AnyCase, Relation::Equal, true),
    row("StringLike", Kind::Pattern, Relation::Equal, false),
    row("StringNotLike", Kind::Pattern, Relation::Equal, true),
    row("NumericEquals", Kind::Number, Relation::Equal, false),
    row("NumericNotEquals", Kind::Number, Relation::Equal, true),
    row("NumericLessThan", Kind::Number, Relation::Less, false),
    row("NumericLessThanEquals", Kind::Number, Relation::LessOrEqual, false),
    row("NumericGreaterThan", Kind::Number, Relation::Greater, false),
    row("NumericGreaterThanEquals", Kind::Number, Relation::GreaterOrEqual, false),
    row("DateEquals", Kind::Time, Relation::Equal, false),
    row("DateNotEquals", Kind::Time, Relation::Equal, true),
    row("DateLessThan", Kind::Time, Relation::Less, false),
    row("DateLessThanEquals", Kind::Time, Relation::LessOrEqual, false),
    row("DateGreaterThan", Kind::Time, Relation::Greater, false),
    row("DateGreaterThanEquals", Kind::Time, Relation::GreaterOrEqual, false),
    row("Bool", Kind::Flag, Relation::Equal, false),
    row("IpAddress", Kind::Address, Relation::Equal, false),
    row("NotIpAddress", Kind::Address, Relation::Equal, true),
];

/// Keys that calls give facts for. One that ends in `/` is followed by a tag's key.
const KEYS: &[&str] = &[
    "acs:SourceIp",
    "acs:CurrentTime",
    "acs:SecureTransport",
    "acs:MFAPresent",
    "acs:PrincipalARN",
    "acs:RequestTag/",
    "acs:ResourceTag/",
    "kvstore:InstanceClass",
    "kvstore:InstanceAofConfig",
    "kvstore:TLSVersion",
    "sts:ExternalId",
];

/// Services whose keys are all known here: a condition on another key would be without effect,
/// which is worse than an error.
const SERVICES: &[&str] =
    &["acs:", "kvstore:", "ram:", "sts:", "vpc:", "cms:", "actiontrail:", "larder:"];

impl Condition {
    /// Reads one key under one operator.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that names its place.
    pub(super) fn read(operator: &str, key: &str, values: &[String]) -> Result<Condition, String> {
        let found = OPERATORS.iter().find(|row| row.name == operator);
        let operator = found.ok_or_else(|| {
            let names: Vec<_> = OPERATORS.iter().map(|row| row.name).collect();
            format!("{operator} is none of the operators {}", names.join(", "))
        })?;
        check_key(key)?;
        let read = |value: &String| {
            operator.kind.read(value).ok_or_else(|| {
                format!("{} compares with {}, not {value:?}", operator.name, operator.kind.wanted())
            })
        };
        let values = values.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Condition { operator, key: key.to_ascii_lowercase(), values })
    }

    /// Whether it holds. Of a key that the call has no fact for, nothing is equal, less or within;
    /// so only negated operators hold.
    pub(super) fn holds(&self, facts: &Facts) -> bool {
        let Operator { kind, relation, negated, .. } = *self.operator;
        let found = facts.get(&self.key);
        let compared = found.is_some_and(|fact| {
            self.values.iter().any(|value| value.compares(kind, relation, fact))
        });
        compared != negated
    }
}

fn check_key(key: &str) -> Result<(), String> {
    let is_ours = SERVICES.iter().any(|service| starts_with(key, service));
    let is_known = |known: &&str| match known.strip_suffix('/') {
        Some(_) => starts_with(key, known) && known.len() < key.len(),
        None => key.eq_ignore_ascii_case(known),
    };
    if !key.contains(':') || is_ours && !KEYS.iter().any(is_known) {
        return Err(format!("{key:?} is none of the condition keys {}", KEYS.join(", ")));
    }
    Ok(())
}

fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

impl Kind {
    fn read(self, text: &str) -> Option<Operand> {
        match self {
            Kind::Text | Kind::AnyCase | Kind::Pattern => Some(Operand::Text(text.to_owned())),
            Kind::Number => number(text).map(Operand::Number),
            Kind::Time => text.parse().ok().map(Operand::Time),
            Kind::Flag => flag(text).map(Operand::Flag),
            Kind::Address => {
                let net =
                    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
                net.map(Operand::Net)
            }
        }
    }

    fn wanted(self) -> &'static str {
        match self {
            Kind::Text | Kind::AnyCase | Kind::Pattern => "texts",
            Kind::Number => "numbers",
            Kind::Time => "times such as 2026-11-22T12:00:00Z",
            Kind::Flag => "true or false",
            Kind::Address => "addresses or networks such as 10.0.0.0/8",
        }
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn flag(text: &str) -> Option<bool> {
    ["false", "true"].iter().position(|word| text.eq_ignore_ascii_case(word)).map(|at| at == 1)
}

impl Operand {
    /// Whether `fact` stands in the relation to this value.
    fn compares(&self, kind: Kind, relation: Relation, fact: &str) -> bool {
        match self {
            Operand::Text(wanted) => match kind {
                Kind::Pattern => wildcard::matches(wanted, fact),
                Kind::AnyCase => wanted.eq_ignore_ascii_case(fact),
                _ => wanted == fact,
            },
            Operand::Number(wanted) => {
                number(fact).and_then(|fact| fact.partial_cmp(wanted)).is_some_and(in_(relation))
            }
            Operand::Time(wanted) => {
                let fact: Option<jiff::Timestamp> = fact.parse().ok();
                fact.map(|fact| fact.cmp(wanted)).is_some_and(in_(relation))
            }
            Operand::Flag(wanted) => flag(fact) == Some(*wanted),
            Operand::Net(net) => fact.parse().is_ok_and(|address: IpAddr| net.contains(&address)),
        }
    }
}

fn in_(relation: Relation) -> impl Fn(Ordering) -> bool {
    move |order| match relation {
        Relation::Equal => order.is_eq(),
        Relation::Less => order.is_lt(),
        Relation::LessOrEqual => order.is_le(),
        Relation::Greater => order.is_gt(),
        Relation::GreaterOrEqual => order.is_ge(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(operator: &str, key: &str, values: &str) -> Result<bool, String> {
        let mut facts = Facts::default();
        for (key, value) in [
            ("acs:SourceIp", "10.1.2.3"),
            ("acs:CurrentTime", "2026-11-22T12:00:00Z"),
            ("acs:SecureTransport", "false"),
            ("acs:ResourceTag/env", "Prod"),
            ("kvstore:InstanceClass", "64"),
        ] {
            facts.know(key, value);
        }
        let values: Vec<_> = values.split('|').map(str::to_owned).collect();
        Condition::read(operator, key, &values).map(|condition| condition.holds(&facts))
    }

    #[test]
    fn operators() {
        let (tag, class, time) =
            ("acs:ResourceTag/env", "kvstore:InstanceClass", "acs:CurrentTime");
        for (operator, key, values, expected) in [
            ("StringEquals", tag, "Dev|Prod", true),
            ("StringEquals", tag, "prod", false),
            ("StringEquals", "acs:ResourceTag/other", "Prod", false),
            ("StringNotEquals", tag, "Dev|Prod", false),
            ("StringNotEquals", tag, "Dev", true),
            ("StringNotEquals", "acs:ResourceTag/other", "Prod", true),
            ("StringEqualsIgnoreCase", tag, "prod", true),
            ("StringNotEqualsIgnoreCase", tag, "prod", false),
            ("StringLike", tag, "P*", true),
            ("StringNotLike", tag, "P?d", true),
            ("NumericEquals", class, "64.0", true),
            ("NumericNotEquals", class, "64.0", false),
            ("NumericLessThan", class, "65", true),
            ("NumericLessThan", class, "64", false),
            ("NumericLessThanEquals", class, "64", true),
            ("NumericGreaterThan", class, "64", false),
            ("NumericGreaterThanEquals", class, "64", true),
            ("NumericLessThan", tag, "1", false),
            ("DateEquals", time, "2026-11-22T20:00:00+08:00", true),
            ("DateNotEquals", time, "2026-11-22T20:00+08:00", false),
            ("DateLessThan", time, "2026-11-22T12:00:01Z", true),
            ("DateLessThanEquals", time, "2026-11-22T11:59:59Z", false),
            ("DateGreaterThan", time, "2026-11-22T11:59:59Z", true),
            ("DateGreaterThanEquals", time, "2026-11-22T12:00:01Z", false),
            ("Bool", "acs:SecureTransport", "False", true),
            ("Bool", "acs:SecureTransport", "true", false),
            ("IpAddress", "acs:sourceip", "192.168.0.1|10.0.0.0/8", true),
            ("IpAddress", "acs:SourceIp", "10.1.2.4", false),
            ("NotIpAddress", "acs:SourceIp", "10.0.0.0/8", false),
            ("NotIpAddress", "acs:SourceIp", "::/0", true),
        ] {
            assert_eq!(holds(operator, key, values), Ok(expected), "{operator} {key} {values}");
        }
    }

    #[test]
    fn faults_name_the_culprit() {
        for (operator, key, values, culprit) in [
            ("StringIs", "acs:SourceIp", "x", "StringIs"),
            ("StringEquals", "acs:SourceIP2", "x", "acs:SourceIP2"),
            ("StringEquals", "acs:RequestTag/", "x", "acs:RequestTag/"),
            ("StringEquals", "SourceIp", "x", "SourceIp"),
            ("IpAddress", "acs:SourceIp", "10.0.0.0/8|10.0.0.300", "10.0.0.300"),
            ("NumericEquals", "kvstore:InstanceClass", "NaN", "NaN"),
            ("DateEquals", "acs:CurrentTime", "yesterday", "yesterday"),
            ("Bool", "acs:MFAPresent", "yes", "yes"),
        ] {
            let fault = holds(operator, key, values).expect_err(culprit);
            assert!(fault.contains(culprit), "{fault}");
        }
        assert_eq!(holds("StringEquals", "oss:Prefix", "x"), Ok(false), "of a service elsewhere");
    }
}
