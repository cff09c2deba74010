//! What the actions of CloudMonitor share: the frame of their answers, names of metrics, dimensions
//! and times. Must not know single actions.

use super::params::{Kind, Param, Params};
use super::{Context, Done, object};
use crate::error::{self, ApiError};
use crate::store::documents;
use catalog::metrics::{self, Unit};
use control_model::Instance;
use serde_json::{Value, json};

/// The only namespace.
pub const NAMESPACE: &str = "acs_kvstore";
/// `Namespace`, where it must be given.
pub const NAMESPACE_PARAM: Param = Param::required("Namespace", Kind::Text, "acs_kvstore");
/// `MetricName`, where it must be given.
pub const METRIC_PARAM: Param =
    Param::required("MetricName", Kind::Text, "a name that DescribeMetricMetaList lists");

/// The most dimensions of a request.
const DIMENSIONS_MAX: usize = 50;

/// An answer with what all of CloudMonitor's carry.
pub fn done(body: Value) -> Done {
    let mut body = object(body);
    body.entry("Code").or_insert_with(|| "200".into());
    body.insert("Message".into(), "The specified resource is found.".into());
    body.insert("Success".into(), true.into());
    Done { body, after: super::After::Nothing }
}

/// The series that a request names.
///
/// # Errors
/// `ResourceNotFound` for another namespace or an unknown metric.
pub fn series_of(params: &Params<'_>) -> Result<(u16, Unit), ApiError> {
    check_namespace(params)?;
    find_metric(params.required("MetricName"))
}

/// The series of a metric's name.
///
/// # Errors
/// `ResourceNotFound` when there is none.
pub fn find_metric(name: &str) -> Result<(u16, Unit), ApiError> {
    metrics::find_cloud(name).ok_or_else(|| {
        let text = format!("There is no metric {name} in {NAMESPACE}.");
        error::RESOURCE_NOT_FOUND.says(text)
    })
}

/// Refuses all namespaces but ours; one that is absent is ours.
///
/// # Errors
/// `ResourceNotFound`.
pub fn check_namespace(params: &Params<'_>) -> Result<(), ApiError> {
    match params.text("Namespace") {
        None | Some(NAMESPACE) => Ok(()),
        Some(other) => {
            let text = format!("There is no namespace {other}; it is {NAMESPACE}.");
            Err(error::RESOURCE_NOT_FOUND.says(text))
        }
    }
}

/// The caller's instances that a JSON list of dimensions names; all of them without any. Others'
/// and unknown ones are left out.
///
/// # Errors
/// `ParameterInvalid` for anything but at most 50 objects with an `instanceId`.
pub fn instances_of(
    context: &Context<'_>,
    name: &str,
    text: Option<&str>,
) -> Result<Vec<Instance>, ApiError> {
    let own = documents::instances(context.store)?.into_iter().map(|read| read.value);
    let own = own.filter(|instance| instance.account_id == context.account_id);
    let Some(text) = text else { return Ok(own.collect()) };
    let wanted = instance_ids(name, text)?;
    Ok(own.filter(|instance| wanted.contains(&instance.instance_id)).collect())
}

/// Instance ids of a JSON object or list with `instanceId`.
///
/// # Errors
/// As [`instances_of`].
pub fn instance_ids(name: &str, text: &str) -> Result<Vec<String>, ApiError> {
    let wrong =
        || invalid(name, "a JSON list of at most 50 objects such as {\"instanceId\":\"r-…\"}");
    let parsed: Value = serde_json::from_str(text).map_err(|_| wrong())?;
    let rows = match parsed {
        Value::Array(rows) => rows,
        object @ Value::Object(_) => vec![object],
        _ => return Err(wrong()),
    };
    if rows.is_empty() || DIMENSIONS_MAX < rows.len() {
        return Err(wrong());
    }
    let id = |row: &Value| row["instanceId"].as_str().map(str::to_owned).ok_or_else(wrong);
    rows.iter().map(id).collect()
}

/// A time in Unix milliseconds: a number of them, or a text in UTC.
///
/// # Errors
/// `ParameterInvalid`.
pub fn time_ms(params: &Params<'_>, name: &str) -> Result<Option<i64>, ApiError> {
    let Some(text) = params.text(name) else { return Ok(None) };
    if let Ok(number) = text.parse::<i64>()
        && jiff::Timestamp::from_millisecond(number).is_ok()
    {
        return Ok(Some(number));
    }
    let whole = text.replacen(' ', "T", 1);
    let whole = if whole.ends_with('Z') { whole } else { format!("{whole}Z") };
    let parsed = whole.parse::<jiff::Timestamp>();
    let parsed = parsed.map(|time| Some(time.as_millisecond()));
    parsed.map_err(|_| invalid(name, "Unix milliseconds or a UTC time as 2026-11-22 12:00:00"))
}

/// Periods that points are made of, in seconds: 15, 60 and multiples of 60.
///
/// # Errors
/// `ParameterInvalid`.
pub fn period_s(name: &str, text: Option<&str>) -> Result<i64, ApiError> {
    let Some(text) = text else { return Ok(60) };
    let number = text.parse::<i64>().ok();
    let known =
        |number: &i64| *number == 15 || (number % 60 == 0 && (60..=86_400).contains(number));
    number.filter(known).ok_or_else(|| invalid(name, "15, or a multiple of 60 up to 86400"))
}

/// `ParameterInvalid` with what is wanted instead.
pub fn invalid(name: &str, wanted: &str) -> ApiError {
    error::PARAMETER_INVALID.says(format!("{name} is not valid. Reason: it is {wanted}."))
}

/// The number of a metric, rounded as people write it.
pub fn number(unit: Unit, stored: f64) -> Value {
    let value = unit.load(stored);
    json!((value * 1000.0).round() / 1000.0)
}
