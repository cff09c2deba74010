//! Reads an alarm rule out of parameters. Must not know how it is stored.

use super::Context;
use super::cloud::{self, NAMESPACE, find_metric, invalid, period_s};
use super::params::Params;
use crate::alarms::{reach, rule_key};
use crate::error::{self, ApiError};
use crate::store::{self, documents};
use control_model::alarm::rule::LEVELS;
use control_model::alarm::{
    Condition, ContactGroup, Level, NoData, Operator, Rule, Span, Statistic, Target,
};
use serde_json::Value;

/// Parameters of one rule; in a list of rules they have a prefix.
pub struct Fields<'a> {
    /// All parameters.
    pub params: Params<'a>,
    /// Before each name.
    pub prefix: String,
}

impl<'a> Fields<'a> {
    /// A value, unless absent or empty.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.params.text(&format!("{}{name}", self.prefix))
    }

    fn required(&self, name: &str) -> Result<&'a str, ApiError> {
        self.text(name).ok_or_else(|| error::missing(name))
    }
}

/// Names that every account's contacts are found under upstream.
const USUAL_GROUPS: [&str; 2] = ["Default Contact Group", "云账号报警联系人"];
const ID_CHARS_MAX: usize = 128;
const TIMES_MAX: u32 = 60;
const GROUPS_MAX: usize = 20;
const LABELS_MAX: usize = 20;

/// The rule; its `enabled` and times of creation are those of a new one.
///
/// # Errors
/// `Missing…`, `ParameterInvalid` or `ResourceNotFound`, with what is wanted.
pub fn rule(context: &Context<'_>, fields: &Fields<'_>) -> Result<Rule, ApiError> {
    let short = |name: &'static str| {
        let text = fields.required(name)?;
        let fits = text.chars().count() <= ID_CHARS_MAX && !text.chars().any(char::is_control);
        fits.then(|| text.to_owned())
            .ok_or_else(|| invalid(name, "at most 128 characters without control characters"))
    };
    let rule_id = short("RuleId")?;
    let name = short("RuleName")?;
    let namespace = fields.required("Namespace")?;
    if namespace != NAMESPACE {
        let text = format!("There is no namespace {namespace}; it is {NAMESPACE}.");
        return Err(error::RESOURCE_NOT_FOUND.says(text));
    }
    let metric = fields.required("MetricName")?.to_owned();
    find_metric(&metric)?;
    let target = target(context, fields.required("Resources")?)?;
    let webhook = fields.text("Webhook").unwrap_or_default();
    if let Some(wanted) = Some(webhook).filter(|url| !url.is_empty()).and_then(reach::fault) {
        return Err(invalid("Webhook", wanted));
    }
    let contact_groups = groups(context, fields.required("ContactGroups")?, webhook)?;
    Ok(Rule {
        rule_id,
        account_id: context.account_id.to_owned(),
        name,
        metric,
        target,
        period_s: period_s("Period", fields.text("Period"))?,
        conditions: conditions(fields)?,
        contact_groups,
        webhook: webhook.to_owned(),
        email_subject: fields.text("EmailSubject").unwrap_or_default().to_owned(),
        silence_s: silence_s(fields)?,
        effective: span(fields, "EffectiveInterval")?,
        not_effective: span(fields, "NoEffectiveInterval")?,
        no_data: no_data(fields)?,
        send_ok: fields.text("SendOK").is_none_or(|word| !word.eq_ignore_ascii_case("false")),
        labels: labels(fields)?,
        enabled: true,
        created_unix_ms: context.now_unix_ms,
        updated_unix_ms: context.now_unix_ms,
    })
}

fn target(context: &Context<'_>, text: &str) -> Result<Target, ApiError> {
    let parsed: Option<Value> = serde_json::from_str(text).ok();
    let first = parsed.as_ref().and_then(|value| value.get(0).or(Some(value)));
    if first.is_some_and(|row| row["resource"] == "_ALL" || *row == "_ALL") {
        return Ok(Target::All);
    }
    let ids = cloud::instance_ids("Resources", text)?;
    for id in &ids {
        context
            .instance(id)
            .map_err(|_| error::RESOURCE_NOT_FOUND.says(format!("There is no instance {id}.")))?;
    }
    Ok(Target::Instances(ids))
}

/// Groups that nobody made are taken as long as somebody is told.
fn groups(context: &Context<'_>, text: &str, webhook: &str) -> Result<Vec<String>, ApiError> {
    let text = text.trim_matches(['[', ']']).replace('"', "");
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    let names: Vec<String> = names.map(str::to_owned).collect();
    if names.is_empty() || GROUPS_MAX < names.len() {
        return Err(invalid("ContactGroups", "a comma-separated list of at most 20 names"));
    }
    for name in &names {
        let key = rule_key(context.account_id, name);
        let found = documents::get::<ContactGroup>(context.store, store::Kind::ContactGroup, &key)?;
        if found.is_none() && webhook.is_empty() && !USUAL_GROUPS.contains(&name.as_str()) {
            let text = format!(
                "There is no contact group {name}, and no Webhook: nobody would be told. \
                 PutContactGroup makes one."
            );
            return Err(error::RESOURCE_NOT_FOUND.says(text));
        }
    }
    Ok(names)
}

fn conditions(fields: &Fields<'_>) -> Result<Vec<Condition>, ApiError> {
    let found = LEVELS.iter().map(|level| condition(fields, *level));
    let found: Vec<Option<Condition>> = found.collect::<Result<_, _>>()?;
    let found: Vec<Condition> = found.into_iter().flatten().collect();
    if found.is_empty() {
        let wanted = "at least one of Critical, Warn and Info with its Threshold";
        return Err(invalid("Escalations", wanted));
    }
    Ok(found)
}

fn condition(fields: &Fields<'_>, level: Level) -> Result<Option<Condition>, ApiError> {
    let prefix = format!("Escalations.{}.", level.name());
    let text = |name: &str| fields.text(&format!("{prefix}{name}"));
    let names = ["Statistics", "ComparisonOperator", "Threshold", "Times"];
    if names.iter().all(|name| text(name).is_none()) {
        return Ok(None);
    }
    let wrong = |name: &str, wanted: &str| invalid(&format!("{prefix}{name}"), wanted);
    let threshold = text("Threshold").and_then(|text| text.parse::<f64>().ok());
    let threshold = threshold.filter(|number| number.is_finite());
    let operator = text("ComparisonOperator").unwrap_or("GreaterThanOrEqualToThreshold");
    let statistic = text("Statistics").unwrap_or("Average");
    // Upstream takes several, of which the first counts for one metric.
    let statistic = statistic.split(',').next().unwrap_or_default();
    let times = text("Times").unwrap_or("1").parse::<u32>().ok();
    let times = times.filter(|times| (1..=TIMES_MAX).contains(times));
    Ok(Some(Condition {
        level,
        statistic: Statistic::parse(statistic)
            .ok_or_else(|| wrong("Statistics", "Average, Maximum or Minimum"))?,
        operator: Operator::parse(operator)
            .ok_or_else(|| wrong("ComparisonOperator", "such as GreaterThanOrEqualToThreshold"))?,
        threshold: threshold.ok_or_else(|| wrong("Threshold", "a number"))?,
        times: times.ok_or_else(|| wrong("Times", "a number from 1 to 60"))?,
    }))
}

fn silence_s(fields: &Fields<'_>) -> Result<i64, ApiError> {
    let text = fields.text("SilenceTime").unwrap_or("86400");
    let number = text.parse::<i64>().ok().filter(|number| (0..=1 << 31).contains(number));
    number.ok_or_else(|| invalid("SilenceTime", "a number of seconds"))
}

fn span(fields: &Fields<'_>, name: &str) -> Result<Option<Span>, ApiError> {
    let Some(text) = fields.text(name) else { return Ok(None) };
    let span = Span::parse(text);
    span.map(Some).ok_or_else(|| invalid(name, "a span of UTC such as 08:00-22:59"))
}

fn no_data(fields: &Fields<'_>) -> Result<NoData, ApiError> {
    let text = fields.text("NoDataPolicy").unwrap_or("KEEP_LAST_STATE");
    let wanted = "KEEP_LAST_STATE, INSUFFICIENT_DATA or OK";
    NoData::parse(text).ok_or_else(|| invalid("NoDataPolicy", wanted))
}

fn labels(fields: &Fields<'_>) -> Result<Vec<(String, String)>, ApiError> {
    let mut labels = Vec::new();
    for number in 1.. {
        let Some(key) = fields.text(&format!("Labels.{number}.Key")) else { break };
        let value = fields.text(&format!("Labels.{number}.Value")).unwrap_or_default();
        labels.push((key.to_owned(), value.to_owned()));
    }
    if LABELS_MAX < labels.len() {
        return Err(invalid("Labels", "a list of at most 20"));
    }
    Ok(labels)
}
