//! DescribeMetricLast, DescribeMetricList, DescribeMetricData, DescribeMetricTop and
//! DescribeMetricMetaList of CloudMonitor. Must not know how series are kept.

use super::cloud::{self, METRIC_PARAM, NAMESPACE, NAMESPACE_PARAM, done, invalid};
use super::monitor_values::unreadable;
use super::params::{Kind, Param, Params};
use super::table::CMS;
use super::{Access, Action, Context, Done};
use crate::error::ApiError;
use catalog::metrics::{self, METRICS, Unit};
use control_model::selector::page;
use serde_json::{Value, json};
use series::rollup::{Fold, start_of};

const DIMENSIONS: Param =
    Param::optional("Dimensions", Kind::Text, "JSON list of {\"instanceId\":…}; all instances");
const PERIOD: Param = Param::optional("Period", Kind::Text, "seconds of a point; 60");
const START: Param = Param::optional("StartTime", Kind::Text, "not part of the range");
const END: Param = Param::optional("EndTime", Kind::Text, "part of the range; now");
const LENGTH: Param =
    Param::optional("Length", Kind::Integer { min: 1, max: 1_440 }, "points a page; 1000");
const EXPRESS: Param = Param::optional("Express", Kind::Text, "ignored");
const TOKEN: Param = Param::optional("NextToken", Kind::Text, "as the page before told");

/// DescribeMetricLast.
pub const LAST: Action = Action {
    name: "DescribeMetricLast",
    version: CMS,
    access: Access::Read,
    params: &[
        NAMESPACE_PARAM,
        METRIC_PARAM,
        PERIOD,
        START,
        END,
        DIMENSIONS,
        LENGTH,
        TOKEN,
        EXPRESS,
    ],
    doc: "Reads the newest point of a metric of each instance.",
    token: None,
    handler: last,
};

/// DescribeMetricList.
pub const LIST: Action = Action {
    name: "DescribeMetricList",
    version: CMS,
    access: Access::Read,
    params: &[
        NAMESPACE_PARAM,
        METRIC_PARAM,
        PERIOD,
        START,
        END,
        DIMENSIONS,
        LENGTH,
        TOKEN,
        EXPRESS,
    ],
    doc: "Reads the points of a metric.",
    token: None,
    handler: list,
};

/// DescribeMetricData.
pub const DATA: Action = Action {
    name: "DescribeMetricData",
    version: CMS,
    access: Access::Read,
    params: &[NAMESPACE_PARAM, METRIC_PARAM, PERIOD, START, END, DIMENSIONS, LENGTH, EXPRESS],
    doc: "Reads the points of a metric, in one page.",
    token: None,
    handler: data,
};

/// DescribeMetricTop.
pub const TOP: Action = Action {
    name: "DescribeMetricTop",
    version: CMS,
    access: Access::Read,
    params: &[
        NAMESPACE_PARAM,
        METRIC_PARAM,
        PERIOD,
        START,
        END,
        DIMENSIONS,
        Param::optional("Orderby", Kind::OneOf(&["Average", "Maximum", "Minimum"]), "Average"),
        Param::optional("OrderDesc", Kind::Boolean, "largest first, unless false"),
        Param::optional("Length", Kind::Integer { min: 1, max: 100 }, "10"),
        EXPRESS,
    ],
    doc: "Reads the newest point of a metric of those instances where it is largest.",
    token: None,
    handler: top,
};

/// DescribeMetricMetaList.
pub const META: Action = Action {
    name: "DescribeMetricMetaList",
    version: CMS,
    access: Access::Read,
    params: &[
        Param::optional("Namespace", Kind::Text, "acs_kvstore"),
        Param::optional("MetricName", Kind::Text, "only this one"),
        Param::optional("Labels", Kind::Text, "ignored"),
        Param::optional("PageNumber", Kind::Integer { min: 1, max: 1 << 31 }, "from 1"),
        Param::optional("PageSize", Kind::Integer { min: 1, max: 10_000 }, "30 unless told"),
    ],
    doc: "Lists the metrics of instances.",
    token: None,
    handler: meta,
};

/// What a range covers unless told, in seconds.
const RANGE_S: i64 = 3_600;
/// The longest range, in seconds.
const RANGE_S_MAX: i64 = 31 * 86_400;

/// One point.
struct Point {
    at_s: i64,
    instance_id: String,
    fold: Fold,
}

/// What is asked for.
struct Asked {
    points: Vec<Point>,
    period_s: i64,
    unit: Unit,
}

/// Points of whole periods that are over, by time and instance.
fn points(context: &Context<'_>, params: &Params<'_>) -> Result<Asked, ApiError> {
    let (column, unit) = cloud::series_of(params)?;
    let period_s = cloud::period_s("Period", params.text("Period"))?;
    let now_ms = context.now_unix_ms;
    let to_ms = cloud::time_ms(params, "EndTime")?.unwrap_or(now_ms);
    let from_ms =
        cloud::time_ms(params, "StartTime")?.unwrap_or(to_ms - RANGE_S.max(period_s) * 1000);
    if to_ms < from_ms || RANGE_S_MAX * 1000 < to_ms - from_ms {
        return Err(invalid("EndTime", "at or after StartTime, by 31 days at most"));
    }
    let instances = cloud::instances_of(context, "Dimensions", params.text("Dimensions"))?;
    let over_s = start_of(now_ms / 1000, period_s);
    let starts = |at_s: i64| from_ms < at_s * 1000 && at_s * 1000 <= to_ms && at_s < over_s;
    let range_s = (start_of(from_ms / 1000, period_s), to_ms / 1000 + period_s);
    let mut points = Vec::new();
    for instance in &instances {
        let read = context.metrics.read(&instance.node_id(), &[column], range_s, period_s);
        let read = read.map_err(unreadable)?.into_iter().filter(|(at_s, _)| starts(*at_s));
        points.extend(read.filter_map(|(at_s, row)| {
            let (instance_id, fold) = (instance.instance_id.clone(), *row.get(&column)?);
            Some(Point { at_s, instance_id, fold })
        }));
    }
    points.sort_by(|a, b| (a.at_s, &a.instance_id).cmp(&(b.at_s, &b.instance_id)));
    Ok(Asked { points, period_s, unit })
}

/// The newest of each instance.
fn newest(points: Vec<Point>) -> Vec<Point> {
    let by_instance = points.into_iter().map(|point| (point.instance_id.clone(), point));
    let newest: std::collections::BTreeMap<_, _> = by_instance.collect();
    newest.into_values().collect()
}

fn view(context: &Context<'_>, unit: Unit, point: &Point) -> Value {
    let fold = &point.fold;
    json!({
        "timestamp": point.at_s * 1000,
        "userId": context.account_id,
        "instanceId": point.instance_id,
        "Minimum": cloud::number(unit, fold.min as f64),
        "Average": cloud::number(unit, mean(fold)),
        "Maximum": cloud::number(unit, fold.max as f64),
    })
}

fn mean(fold: &Fold) -> f64 {
    fold.sum as f64 / f64::from(fold.count.max(1))
}

fn last(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let Asked { points, period_s, unit } = points(context, params)?;
    paged(context, params, (newest(points), period_s, unit))
}

fn list(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let Asked { points, period_s, unit } = points(context, params)?;
    paged(context, params, (points, period_s, unit))
}

fn paged(
    context: &Context<'_>,
    params: &Params<'_>,
    (points, period_s, unit): (Vec<Point>, i64, Unit),
) -> Result<Done, ApiError> {
    let length = params.integer("Length").map_or(1_000, |length| length as usize);
    let begun = match params.text("NextToken") {
        None => 0,
        Some(token) => {
            token.parse::<usize>().map_err(|_| invalid("NextToken", "what the page before told"))?
        }
    };
    let shown = points.iter().skip(begun).take(length);
    let shown: Vec<Value> = shown.map(|point| view(context, unit, point)).collect();
    let next = begun.saturating_add(length);
    let mut body = json!({
        "Datapoints": Value::from(shown).to_string(),
        "Period": period_s.to_string(),
    });
    if next < points.len() {
        body["NextToken"] = next.to_string().into();
    }
    Ok(done(body))
}

fn data(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let Asked { points, period_s, unit } = points(context, params)?;
    let length = params.integer("Length").map_or(1_000, |length| length as usize);
    let shown = points.iter().take(length).map(|point| view(context, unit, point));
    let shown = Value::from(shown.collect::<Vec<_>>()).to_string();
    Ok(done(json!({"Datapoints": shown, "Period": period_s.to_string()})))
}

fn top(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let Asked { points, period_s, unit } = points(context, params)?;
    let key = |point: &Point| match params.text("Orderby") {
        Some("Maximum") => point.fold.max as f64,
        Some("Minimum") => point.fold.min as f64,
        _ => mean(&point.fold),
    };
    let mut rows = newest(points);
    rows.sort_by(|a, b| key(b).total_cmp(&key(a)));
    if params.text("OrderDesc").is_some_and(|word| word.eq_ignore_ascii_case("false")) {
        rows.reverse();
    }
    let length = params.integer("Length").map_or(10, |length| length as usize);
    let ordered = rows.iter().take(length).zip(1..).map(|(point, order)| {
        let mut row = view(context, unit, point);
        row["order"] = json!(order);
        row
    });
    let shown = Value::from(ordered.collect::<Vec<_>>()).to_string();
    Ok(done(json!({"Datapoints": shown, "Period": period_s.to_string()})))
}

fn meta(_: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    cloud::check_namespace(params)?;
    let named = METRICS.iter().filter(|metric| !metric.cloud.is_empty());
    let named = named.map(|metric| (metric.cloud, metric.unit, metric.doc.to_owned()));
    let commands = metrics::command_columns()
        .map(|(name, _)| (name, Unit::CountPerSecond, format!("Runs of {}.", name.to_uppercase())));
    let rows = named.chain(commands).map(|(name, unit, doc)| {
        json!({
            "MetricName": format!("Standard{name}"),
            "Namespace": NAMESPACE,
            "Description": doc,
            "Unit": unit.cloud(),
            "Dimensions": "userId,instanceId",
            "Periods": "15,60,300,900,3600",
            "Statistics": "Average,Minimum,Maximum",
            "Labels": "[]",
        })
    });
    let wanted = params.text("MetricName");
    let rows = rows.filter(|row| wanted.is_none_or(|wanted| row["MetricName"] == wanted));
    let rows: Vec<Value> = rows.collect();
    let total = rows.len().to_string();
    let number = params.integer("PageNumber").unwrap_or(1) as usize;
    let size = params.integer("PageSize").unwrap_or(30) as usize;
    Ok(done(json!({"Resources": {"Resource": page(rows, number, size)}, "TotalCount": total})))
}
