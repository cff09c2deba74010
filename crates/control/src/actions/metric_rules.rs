//! Alarm rules: put, listed, switched and deleted. Must not know how they are evaluated.

use super::cloud::{self, NAMESPACE, done, invalid};
use super::params::{Kind, Param, Params};
use super::rule_params::{self, Fields};
use super::table::CMS;
use super::{Access, Action, Context, Done};
use crate::alarms::rule_key;
use crate::error::{self, ApiError};
use crate::store::{self, Expect, documents};
use control_model::alarm::{Level, Phase, Rule, State, Target};
use control_model::selector::page;
use serde_json::{Map, Value, json};

/// PutResourceMetricRule.
pub const PUT: Action = Action {
    name: "PutResourceMetricRule",
    version: CMS,
    access: Access::Write,
    params: &[
        Param::required("RuleId", Kind::Text, "chosen by the caller"),
        Param::required("RuleName", Kind::Text, "for people"),
        cloud::NAMESPACE_PARAM,
        cloud::METRIC_PARAM,
        Param::required("Resources", Kind::Text, "JSON list of {\"instanceId\":…}, or _ALL"),
        Param::required("ContactGroups", Kind::Text, "names, comma-separated"),
        Param::optional("Escalations", Kind::Text, ".Critical, .Warn, .Info: when it is one"),
        Param::optional("Period", Kind::Text, "seconds; 60"),
        Param::optional("Interval", Kind::Text, "ignored: rules are looked at each period"),
        Param::optional("SilenceTime", Kind::Integer { min: 0, max: 1 << 31 }, "86400 s"),
        Param::optional("EffectiveInterval", Kind::Text, "as 00:00-23:59, UTC"),
        Param::optional("NoEffectiveInterval", Kind::Text, "as 00:00-06:00, UTC"),
        Param::optional("Webhook", Kind::Secret, "URL that is posted to"),
        Param::optional("EmailSubject", Kind::Text, "of mails"),
        Param::optional("NoDataPolicy", Kind::Text, "KEEP_LAST_STATE, INSUFFICIENT_DATA, OK"),
        Param::optional("SendOK", Kind::Boolean, "tell the end, too; true"),
        Param::optional("Labels", Kind::Text, ".N.Key, .N.Value"),
    ],
    doc: "Makes an alarm rule or replaces it.",
    token: None,
    handler: put,
};

/// PutResourceMetricRules.
pub const PUT_MANY: Action = Action {
    name: "PutResourceMetricRules",
    version: CMS,
    access: Access::Write,
    params: &[Param::optional("Rules", Kind::Secret, ".N. and what PutResourceMetricRule takes")],
    doc: "Makes or replaces up to 100 alarm rules.",
    token: None,
    handler: put_many,
};

/// DescribeMetricRuleList.
pub const LIST: Action = Action {
    name: "DescribeMetricRuleList",
    version: CMS,
    access: Access::Read,
    params: &[
        Param::optional("Namespace", Kind::Text, "acs_kvstore"),
        Param::optional("MetricName", Kind::Text, "only of this metric"),
        Param::optional("RuleName", Kind::Text, "a part of the name"),
        Param::optional("RuleIds", Kind::Text, "comma-separated"),
        Param::optional("EnableState", Kind::Boolean, "only enabled or disabled ones"),
        Param::optional(
            "AlertState",
            Kind::OneOf(&["OK", "ALARM", "INSUFFICIENT_DATA"]),
            "only in this state",
        ),
        Param::optional("Dimensions", Kind::Text, "only of these instances"),
        Param::optional("GroupId", Kind::Text, "ignored"),
        Param::optional("GroupBy", Kind::Text, "ignored"),
        Param::optional("Page", Kind::Integer { min: 1, max: 1 << 31 }, "from 1"),
        Param::optional("PageSize", Kind::Integer { min: 1, max: 100 }, "10 unless told"),
    ],
    doc: "Lists alarm rules with their states.",
    token: None,
    handler: list,
};

/// EnableMetricRules.
pub const ENABLE: Action = Action {
    name: "EnableMetricRules",
    version: CMS,
    access: Access::Write,
    params: &[Param::optional("RuleId", Kind::Text, ".N, up to 100")],
    doc: "Switches alarm rules on.",
    token: None,
    handler: |context, params| switch(context, params, true),
};

/// DisableMetricRules.
pub const DISABLE: Action = Action {
    name: "DisableMetricRules",
    version: CMS,
    access: Access::Write,
    params: &[Param::optional("RuleId", Kind::Text, ".N, up to 100")],
    doc: "Switches alarm rules off.",
    token: None,
    handler: |context, params| switch(context, params, false),
};

/// DeleteMetricRules.
pub const DELETE: Action = Action {
    name: "DeleteMetricRules",
    version: CMS,
    access: Access::Write,
    params: &[Param::optional("Id", Kind::Text, ".N, up to 100")],
    doc: "Deletes alarm rules.",
    token: None,
    handler: delete,
};

/// Rules of one account.
pub(super) const RULES_MAX: usize = 1_000;
/// Rules of one request.
const MANY_MAX: usize = 100;

fn own_rules(context: &Context<'_>) -> Result<Vec<Rule>, ApiError> {
    let rules = documents::list::<Rule>(context.store, store::Kind::AlarmRule)?;
    let rules = rules.into_iter().map(|read| read.value);
    Ok(rules.filter(|rule| rule.account_id == context.account_id).collect())
}

fn put(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    store_rule(context, &Fields { params: *params, prefix: String::new() })?;
    Ok(done(json!({})))
}

fn store_rule(context: &Context<'_>, fields: &Fields<'_>) -> Result<(), ApiError> {
    let mut rule = rule_params::rule(context, fields)?;
    let key = rule_key(context.account_id, &rule.rule_id);
    loop {
        let before = documents::get::<Rule>(context.store, store::Kind::AlarmRule, &key)?;
        let expect = before.as_ref().map_or(Expect::Absent, |read| Expect::Revision(read.revision));
        match before {
            Some(read) => {
                rule.created_unix_ms = read.value.created_unix_ms;
                rule.enabled = read.value.enabled;
            }
            None if RULES_MAX <= own_rules(context)?.len() => {
                let text = format!("An account has at most {RULES_MAX} alarm rules.");
                return Err(error::QUOTA_EXCEED.says(text));
            }
            None => {}
        }
        let change =
            documents::put(store::Kind::AlarmRule, &key, expect, context.account_id, &rule);
        match context.store.txn(&[change]) {
            Ok(_) => return Ok(()),
            Err(store::StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn put_many(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let numbers = params.numbers("Rules");
    if numbers.is_empty() {
        return Err(error::missing("Rules"));
    }
    if MANY_MAX < numbers.len() {
        return Err(invalid("Rules", "a list of at most 100"));
    }
    let mut failed = Vec::new();
    for number in numbers {
        let fields = Fields { params: *params, prefix: format!("Rules.{number}.") };
        if let Err(error) = store_rule(context, &fields) {
            let result = json!({"Code": error.code, "Message": error.message, "Success": false});
            failed.push(json!({"RuleId": fields.text("RuleId"), "Result": result}));
        }
    }
    Ok(done(json!({"FailedListResult": {"Target": failed}})))
}

fn ids<'a>(params: &Params<'a>, name: &str) -> Result<Vec<&'a str>, ApiError> {
    let ids = params.list(name);
    if ids.is_empty() {
        return Err(error::missing(name));
    }
    if MANY_MAX < ids.len() {
        return Err(invalid(name, "a list of at most 100"));
    }
    Ok(ids)
}

fn switch(context: &Context<'_>, params: &Params<'_>, enabled: bool) -> Result<Done, ApiError> {
    let mut changes = Vec::new();
    for id in ids(params, "RuleId")? {
        let key = rule_key(context.account_id, id);
        let read = documents::get::<Rule>(context.store, store::Kind::AlarmRule, &key)?;
        let read = read.ok_or_else(|| no_rule(id))?;
        let rule = Rule { enabled, updated_unix_ms: context.now_unix_ms, ..read.value };
        let expect = Expect::Revision(read.revision);
        let account = context.account_id;
        changes.push(documents::put(store::Kind::AlarmRule, &key, expect, account, &rule));
    }
    context.store.txn(&changes)?;
    Ok(done(json!({})))
}

fn delete(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let mut changes = Vec::new();
    for id in ids(params, "Id")? {
        let key = rule_key(context.account_id, id);
        if context.store.get(store::Kind::AlarmRule, &key)?.is_none() {
            return Err(no_rule(id));
        }
        changes.push(documents::delete(store::Kind::AlarmRule, &key, Expect::Any));
    }
    context.store.txn(&changes)?;
    Ok(done(json!({})))
}

fn no_rule(id: &str) -> ApiError {
    error::RESOURCE_NOT_FOUND.says(format!("There is no alarm rule {id}."))
}

fn list(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    cloud::check_namespace(params)?;
    let states = documents::list::<State>(context.store, store::Kind::AlarmState)?;
    let stored = context.store.list(store::Kind::AlarmState)?;
    let phases: Vec<(String, Phase)> = stored
        .into_iter()
        .map(|found| found.id)
        .zip(states.iter().map(|read| read.value.phase))
        .collect();
    let wanted_ids = params.text("RuleIds").map(|ids| ids.split(',').collect::<Vec<_>>());
    let dimensions = params.text("Dimensions");
    let instances = dimensions.map(|text| cloud::instance_ids("Dimensions", text)).transpose()?;
    let enabled = params.text("EnableState").map(|_| params.is_true("EnableState"));
    let state = |rule: &Rule| state_of(rule, &phases);
    let mut rules: Vec<Rule> = own_rules(context)?
        .into_iter()
        .filter(|rule| params.text("MetricName").is_none_or(|name| rule.metric == name))
        .filter(|rule| params.text("RuleName").is_none_or(|part| rule.name.contains(part)))
        .filter(|rule| wanted_ids.as_ref().is_none_or(|ids| ids.contains(&&*rule.rule_id)))
        .filter(|rule| enabled.is_none_or(|enabled| rule.enabled == enabled))
        .filter(|rule| params.text("AlertState").is_none_or(|name| state(rule) == name))
        .filter(|rule| instances.as_ref().is_none_or(|ids| ids.iter().any(|id| rule.watches(id))))
        .collect();
    rules.sort_by_key(|rule| std::cmp::Reverse((rule.updated_unix_ms, rule.rule_id.clone())));
    let total = rules.len().to_string();
    let number = params.integer("Page").unwrap_or(1) as usize;
    let size = params.integer("PageSize").unwrap_or(10) as usize;
    let rules = page(rules, number, size);
    let rows: Vec<Value> = rules.iter().map(|rule| view(rule, state(rule))).collect();
    Ok(done(json!({"Alarms": {"Alarm": rows}, "Total": total, "Code": 200})))
}

/// The worst of its instances.
fn state_of(rule: &Rule, phases: &[(String, Phase)]) -> &'static str {
    let prefix = format!("{}/{}/", rule.account_id, rule.rule_id);
    // Rule ids may hold slashes; instance ids do not.
    let own = phases.iter().filter(|(key, _)| {
        key.strip_prefix(&prefix).is_some_and(|instance| !instance.contains('/'))
    });
    let own: Vec<Phase> = own.map(|(_, phase)| *phase).collect();
    let alarm = own.iter().find(|phase| matches!(phase, Phase::Alarm(_)));
    let unknown = own.iter().find(|phase| **phase == Phase::InsufficientData);
    alarm.or(unknown).or(own.first()).map_or(Phase::InsufficientData.name(), |phase| phase.name())
}

fn view(rule: &Rule, state: &str) -> Value {
    let escalation = |level: Level| {
        let Some(condition) = rule.condition(level) else { return json!({}) };
        json!({
            "Statistics": condition.statistic.name(),
            "ComparisonOperator": condition.operator.name(),
            "Threshold": condition.threshold.to_string(),
            "Times": condition.times,
            "PreCondition": "",
        })
    };
    let resources = match &rule.target {
        Target::All => json!([{"resource": "_ALL"}]),
        Target::Instances(ids) => {
            ids.iter().map(|id| json!({"instanceId": id})).collect::<Vec<_>>().into()
        }
    };
    let span =
        |span: Option<control_model::alarm::Span>| span.map(|s| s.text()).unwrap_or_default();
    let labels: Vec<Value> =
        rule.labels.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
    let escalations: Map<String, Value> = [Level::Critical, Level::Warn, Level::Info]
        .map(|level| (level.name().to_owned(), escalation(level)))
        .into_iter()
        .collect();
    json!({
        "RuleId": rule.rule_id,
        "RuleName": rule.name,
        "Namespace": NAMESPACE,
        "MetricName": rule.metric,
        "Period": rule.period_s.to_string(),
        "Resources": resources.to_string(),
        "Dimensions": resources.to_string(),
        "ContactGroups": rule.contact_groups.join(","),
        "Webhook": rule.webhook,
        "MailSubject": rule.email_subject,
        "SilenceTime": rule.silence_s,
        "EffectiveInterval": span(rule.effective),
        "NoEffectiveInterval": span(rule.not_effective),
        "EnableState": rule.enabled,
        "AlertState": state,
        "SourceType": "METRIC",
        "Escalations": escalations,
        "NoDataPolicy": rule.no_data.name(),
        "SendOK": rule.send_ok,
        "Labels": {"Labels": labels},
        "GroupId": "",
        "GroupName": "",
        "ProductCategory": "kvstore",
        "GmtCreate": rule.created_unix_ms,
        "GmtUpdate": rule.updated_unix_ms.to_string(),
    })
}
