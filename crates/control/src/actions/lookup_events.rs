//! LookupEvents and DescribeTrails of ActionTrail: what was done with an account, page by page.
//! Must not know how the audit log is kept.

use super::params::{Kind, Param, Params};
use super::table::ACTIONTRAIL;
use super::{Access, Action, Context, Done, trail_event, views};
use crate::audit::lookup::Query;
use crate::error::{self, ApiError};
use serde_json::json;

/// The row of LookupEvents.
pub const SPEC: Action = Action {
    name: "LookupEvents",
    version: ACTIONTRAIL,
    access: Access::Read,
    params: &[
        Param::optional("StartTime", Kind::Text, "at or after, as 2026-11-22T12:00:00Z"),
        Param::optional("EndTime", Kind::Text, "at or before; the last 7 days without both"),
        Param::optional("Direction", Kind::Text, "BACKWARD, the newest first, or FORWARD"),
        Param::optional("LookupAttribute", Kind::Text, "LookupAttribute.N.Key and .Value, two"),
        Param::optional("MaxResults", Kind::Text, "1 to 50; 20 unless told"),
        Param::optional("NextToken", Kind::Text, "of the page before"),
    ],
    doc: "Lists who did what with the account.",
    token: None,
    handler: run,
};

/// The row of DescribeTrails.
pub const TRAILS: Action = Action {
    name: "DescribeTrails",
    version: ACTIONTRAIL,
    access: Access::Read,
    params: &[
        Param::optional("NameList", Kind::Text, "comma-separated"),
        Param::optional("IncludeShadowTrails", Kind::Text, "ignored"),
    ],
    doc: "Lists trails that deliver events elsewhere: there are none.",
    token: None,
    handler: |_, _| Ok(Done::now(json!({"TrailList": []}))),
};

const DAY_MS: i64 = 24 * 3_600_000;
/// How far back events are found.
const KEPT_MS: i64 = 90 * DAY_MS;
const DEFAULT_RANGE_MS: i64 = 7 * DAY_MS;
const ATTRIBUTES_MAX: usize = 2;

/// Keys of LookupAttribute that compare a field of a line.
const FIELD_KEYS: &[(&str, &str)] = &[
    ("EventName", "action"),
    ("User", "principal"),
    ("ResourceType", "resource_type"),
    ("ResourceName", "resource"),
    ("EventAccessKeyId", "access_key_id"),
];

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let mut query = Query {
        account_id: context.account_id.to_owned(),
        from_unix_ms: 0,
        to_unix_ms: 0,
        fields: Vec::new(),
        writes: None,
        seq: None,
        after: None,
        newest_first: newest_first(params)?,
        count: count(params)?,
    };
    let attributes = attributes(params)?;
    let event_id = apply(&mut query, &attributes)?;
    let asked = format!("{:?} {:?} {:?}", query, attributes, context.account_id);
    (query.from_unix_ms, query.to_unix_ms) = range(params, context.now_unix_ms)?;
    if let Some(token) = params.text("NextToken") {
        let place =
            Place::read(token, &asked).ok_or_else(|| bad("NextToken", "one of an answer"))?;
        (query.from_unix_ms, query.to_unix_ms) = (place.from_unix_ms, place.to_unix_ms);
        query.after = Some(place.seq);
    }
    let oldest = context.now_unix_ms - KEPT_MS;
    let kept = Query { from_unix_ms: query.from_unix_ms.max(oldest), ..query.clone() };
    let page = context.audit.look_up(&kept).map_err(|error| {
        tracing::error!("reading the audit log: {error}");
        error::SERVICE_UNAVAILABLE.plain()
    })?;
    let events: Vec<_> = page.lines.iter().map(|l| trail_event::of(l, context.settings)).collect();
    let is_wanted = |event: &&serde_json::Value| {
        event_id.as_ref().is_none_or(|id| event["eventId"] == id.as_str())
    };
    let events: Vec<_> = events.iter().filter(is_wanted).collect();
    let mut body = json!({
        "Events": events,
        "StartTime": views::time(query.from_unix_ms),
        "EndTime": views::time(query.to_unix_ms),
    });
    let last = page.lines.last().and_then(|line| line["seq"].as_u64());
    if let Some(seq) = last.filter(|_| page.more) {
        let Query { from_unix_ms, to_unix_ms, .. } = query;
        body["NextToken"] = Place { seq, from_unix_ms, to_unix_ms }.token(&asked).into();
    }
    Ok(Done::now(body))
}

fn bad(name: &str, wanted: &str) -> ApiError {
    let row = &error::INVALID_QUERY_PARAMETER;
    row.says(format!("{} {name} is {wanted}.", row.message))
}

fn newest_first(params: &Params<'_>) -> Result<bool, ApiError> {
    match params.text("Direction") {
        None | Some("BACKWARD") => Ok(true),
        Some("FORWARD") => Ok(false),
        Some(_) => Err(bad("Direction", "BACKWARD or FORWARD")),
    }
}

fn count(params: &Params<'_>) -> Result<usize, ApiError> {
    let Some(text) = params.text("MaxResults") else { return Ok(20) };
    let count = text.parse().ok().filter(|count| (1..=50).contains(count));
    count.ok_or_else(|| bad("MaxResults", "a number from 1 to 50"))
}

/// First and last moment asked for; both or none are given.
fn range(params: &Params<'_>, now_unix_ms: i64) -> Result<(i64, i64), ApiError> {
    let time = |name: &str, fault: &error::Fault| {
        let parsed = params.text(name).map(|text| text.parse::<jiff::Timestamp>());
        parsed.transpose().map_err(|_| fault.plain())
    };
    let start = time("StartTime", &error::INVALID_LOOKUP_START)?;
    let end = time("EndTime", &error::INVALID_LOOKUP_END)?;
    let (start, end) = match (start, end) {
        (None, None) => return Ok((now_unix_ms - DEFAULT_RANGE_MS, now_unix_ms)),
        (Some(start), Some(end)) => (start.as_millisecond(), end.as_millisecond()),
        _ => return Err(error::INVALID_COMBINATION.plain()),
    };
    if end < start {
        return Err(error::INVALID_LOOKUP_END.plain());
    }
    if now_unix_ms < start {
        return Err(error::INVALID_LOOKUP_START.plain());
    }
    // What happened within the last second belongs to the range.
    Ok((start, end + 999))
}

fn attributes<'a>(params: &Params<'a>) -> Result<Vec<(&'a str, &'a str)>, ApiError> {
    let mut found = Vec::new();
    for number in 1..=ATTRIBUTES_MAX + 1 {
        let part = |part: &str| params.text(&format!("LookupAttribute.{number}.{part}"));
        match (part("Key"), part("Value")) {
            (None, None) => {}
            (Some(key), Some(value)) => found.push((key, value)),
            _ => return Err(bad("LookupAttribute", "a Key with its Value")),
        }
    }
    if ATTRIBUTES_MAX < found.len() {
        return Err(bad("LookupAttribute", "given twice at most"));
    }
    Ok(found)
}

/// Puts the attributes into the question; gives the event id that is asked for.
fn apply(query: &mut Query, attributes: &[(&str, &str)]) -> Result<Option<String>, ApiError> {
    let mut event_id = None;
    for (key, value) in attributes {
        match *key {
            "EventRW" => match *value {
                "Write" => query.writes = Some(true),
                "Read" => query.writes = Some(false),
                "All" => {}
                _ => return Err(bad("EventRW", "Read, Write or All")),
            },
            "EventId" => {
                query.seq = Some(trail_event::seq_of(value).unwrap_or(u64::MAX));
                event_id = Some((*value).to_owned());
            }
            "ServiceName" => query.fields.push(("service", trail_event::service_of(value))),
            key => {
                let field = FIELD_KEYS.iter().find(|(name, _)| *name == key);
                let field = field.ok_or_else(|| {
                    bad(
                        "LookupAttribute.N.Key",
                        "one of ServiceName, EventName, User, EventId, \
                         ResourceType, ResourceName, EventRW and EventAccessKeyId",
                    )
                })?;
                query.fields.push((field.1, (*value).to_owned()));
            }
        }
    }
    Ok(event_id)
}

/// Where the next page begins, and in which range.
struct Place {
    seq: u64,
    from_unix_ms: i64,
    to_unix_ms: i64,
}

impl Place {
    /// A token that goes on only with the question `asked`.
    fn token(&self, asked: &str) -> String {
        let Place { seq, from_unix_ms, to_unix_ms } = self;
        format!("{seq:x}.{from_unix_ms:x}.{to_unix_ms:x}.{:x}", crate::audit::digest(asked))
    }

    fn read(token: &str, asked: &str) -> Option<Place> {
        let mut parts = token.split('.');
        let mut number = || u64::from_str_radix(parts.next()?, 16).ok();
        let (seq, from, to, digest) = (number()?, number()?, number()?, number()?);
        let fits = digest == u64::from(crate::audit::digest(asked)) && parts.next().is_none();
        let (from_unix_ms, to_unix_ms) = (from.cast_signed(), to.cast_signed());
        fits.then_some(Place { seq, from_unix_ms, to_unix_ms })
    }
}
