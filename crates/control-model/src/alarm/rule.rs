//! What an alarm rule says. Must not know what is measured.

use super::span::Span;
use serde::{Deserialize, Serialize};

/// How bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    /// The mildest.
    Info,
    /// In between.
    Warn,
    /// The worst.
    Critical,
}

/// All levels, the worst first.
pub const LEVELS: [Level; 3] = [Level::Critical, Level::Warn, Level::Info];

impl Level {
    /// As in parameters of the API.
    pub fn name(self) -> &'static str {
        match self {
            Level::Critical => "Critical",
            Level::Warn => "Warn",
            Level::Info => "Info",
        }
    }

    /// As in the alert log.
    pub fn code(self) -> &'static str {
        match self {
            Level::Critical => "P2",
            Level::Warn => "P3",
            Level::Info => "P4",
        }
    }
}

/// Which number of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Statistic {
    /// The mean.
    Average,
    /// The largest.
    Maximum,
    /// The smallest.
    Minimum,
}

impl Statistic {
    /// As the API writes it.
    pub fn name(self) -> &'static str {
        match self {
            Statistic::Average => "Average",
            Statistic::Maximum => "Maximum",
            Statistic::Minimum => "Minimum",
        }
    }

    /// The one of this name, in any case; `Value` is the mean.
    pub fn parse(text: &str) -> Option<Statistic> {
        let rows = [
            ("Average", Statistic::Average),
            ("Value", Statistic::Average),
            ("Maximum", Statistic::Maximum),
            ("Minimum", Statistic::Minimum),
        ];
        let found = rows.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(text.trim()));
        found.map(|(_, statistic)| statistic)
    }
}

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the API's")]
pub enum Operator {
    GreaterThanOrEqualToThreshold,
    GreaterThanThreshold,
    LessThanOrEqualToThreshold,
    LessThanThreshold,
    NotEqualToThreshold,
    EqualToThreshold,
    GreaterThanYesterday,
    LessThanYesterday,
    GreaterThanLastWeek,
    LessThanLastWeek,
    GreaterThanLastPeriod,
    LessThanLastPeriod,
}

/// All operators: name, sign in texts.
pub const OPERATORS: [(Operator, &str, &str); 12] = [
    (Operator::GreaterThanOrEqualToThreshold, "GreaterThanOrEqualToThreshold", ">="),
    (Operator::GreaterThanThreshold, "GreaterThanThreshold", ">"),
    (Operator::LessThanOrEqualToThreshold, "LessThanOrEqualToThreshold", "<="),
    (Operator::LessThanThreshold, "LessThanThreshold", "<"),
    (Operator::NotEqualToThreshold, "NotEqualToThreshold", "!="),
    (Operator::EqualToThreshold, "EqualToThreshold", "=="),
    (Operator::GreaterThanYesterday, "GreaterThanYesterday", "% above yesterday >"),
    (Operator::LessThanYesterday, "LessThanYesterday", "% below yesterday >"),
    (Operator::GreaterThanLastWeek, "GreaterThanLastWeek", "% above last week >"),
    (Operator::LessThanLastWeek, "LessThanLastWeek", "% below last week >"),
    (Operator::GreaterThanLastPeriod, "GreaterThanLastPeriod", "% above last period >"),
    (Operator::LessThanLastPeriod, "LessThanLastPeriod", "% below last period >"),
];

impl Operator {
    /// The one of this name.
    pub fn parse(text: &str) -> Option<Operator> {
        let found = OPERATORS.iter().find(|(_, name, _)| *name == text.trim());
        found.map(|(operator, _, _)| *operator)
    }

    fn row(self) -> (&'static str, &'static str) {
        let found = OPERATORS.iter().find(|(operator, _, _)| *operator == self);
        found.map_or(("", ""), |(_, name, sign)| (name, sign))
    }

    /// As the API writes it.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// How long before the value the one lies that it is compared with; `None` where it is
    /// compared with the threshold alone.
    pub fn back_s(self, period_s: i64) -> Option<i64> {
        use Operator as O;
        match self {
            O::GreaterThanYesterday | O::LessThanYesterday => Some(86_400),
            O::GreaterThanLastWeek | O::LessThanLastWeek => Some(7 * 86_400),
            O::GreaterThanLastPeriod | O::LessThanLastPeriod => Some(period_s),
            _ => None,
        }
    }

    /// Whether the value is what the rule warns of. `base` is the earlier value, where one is
    /// compared with; without it nothing is known.
    pub fn breaches(self, value: f64, base: Option<f64>, threshold: f64) -> Option<bool> {
        use Operator as O;
        let growth = || {
            let base = base?;
            (base != 0.0).then(|| (value - base) * 100.0 / base.abs())
        };
        match self {
            O::GreaterThanOrEqualToThreshold => Some(value >= threshold),
            O::GreaterThanThreshold => Some(value > threshold),
            O::LessThanOrEqualToThreshold => Some(value <= threshold),
            O::LessThanThreshold => Some(value < threshold),
            O::NotEqualToThreshold => Some(value != threshold),
            O::EqualToThreshold => Some(value == threshold),
            O::GreaterThanYesterday | O::GreaterThanLastWeek | O::GreaterThanLastPeriod => {
                Some(growth()? > threshold)
            }
            O::LessThanYesterday | O::LessThanLastWeek | O::LessThanLastPeriod => {
                Some(-growth()? > threshold)
            }
        }
    }
}

/// When a level is reached.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// How bad it then is.
    pub level: Level,
    /// Which number of a period.
    pub statistic: Statistic,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub threshold: f64,
    /// In how many periods in a row; as many without end it.
    pub times: u32,
}

impl Condition {
    /// As the alert log writes it.
    pub fn expression(&self) -> String {
        format!("${}{}{}", self.statistic.name(), self.operator.row().1, self.threshold)
    }
}

/// What an instance without numbers counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoData {
    /// What it was.
    KeepLastState,
    /// Lacking data, which is told.
    InsufficientData,
    /// Well.
    Ok,
}

impl NoData {
    /// As the API writes it.
    pub fn name(self) -> &'static str {
        match self {
            NoData::KeepLastState => "KEEP_LAST_STATE",
            NoData::InsufficientData => "INSUFFICIENT_DATA",
            NoData::Ok => "OK",
        }
    }

    /// The one of this name.
    pub fn parse(text: &str) -> Option<NoData> {
        let all = [NoData::KeepLastState, NoData::InsufficientData, NoData::Ok];
        all.into_iter().find(|policy| policy.name() == text)
    }
}

/// Which instances a rule watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// All of the account, also later ones.
    All,
    /// These.
    Instances(Vec<String>),
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Chosen by the caller, unique in the account.
    pub rule_id: String,
    /// Owner.
    pub account_id: String,
    /// For people.
    pub name: String,
    /// Name in CloudMonitor.
    pub metric: String,
    /// Which instances.
    pub target: Target,
    /// Length of a period, in seconds.
    pub period_s: i64,
    /// At most one of each level, the worst first.
    pub conditions: Vec<Condition>,
    /// Who is told.
    pub contact_groups: Vec<String>,
    /// Address that is posted to; empty for none.
    pub webhook: String,
    /// Subject of mails; empty for ours.
    pub email_subject: String,
    /// An alarm that lasts is told again after so many seconds.
    pub silence_s: i64,
    /// Only in this span.
    pub effective: Option<Span>,
    /// Not in this span.
    pub not_effective: Option<Span>,
    /// What missing numbers mean.
    pub no_data: NoData,
    /// The end of an alarm is told, too.
    pub send_ok: bool,
    /// Keys and values of the owner.
    pub labels: Vec<(String, String)>,
    /// Whether it counts.
    pub enabled: bool,
    /// Unix milliseconds.
    pub created_unix_ms: i64,
    /// Unix milliseconds.
    pub updated_unix_ms: i64,
}

impl Rule {
    /// Whether it counts at this moment.
    pub fn is_effective(&self, at_s: i64) -> bool {
        let inside = self.effective.is_none_or(|span| span.holds(at_s));
        let outside = self.not_effective.is_none_or(|span| !span.holds(at_s));
        self.enabled && inside && outside
    }

    /// Whether it watches this instance.
    pub fn watches(&self, instance_id: &str) -> bool {
        match &self.target {
            Target::All => true,
            Target::Instances(ids) => ids.iter().any(|id| id == instance_id),
        }
    }

    /// The most periods that a condition looks back over.
    pub fn times_max(&self) -> u32 {
        self.conditions.iter().map(|condition| condition.times).max().unwrap_or(1)
    }

    /// The condition of a level.
    pub fn condition(&self, level: Level) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.level == level)
    }
}
