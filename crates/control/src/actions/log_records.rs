//! DescribeSlowLogRecords and DescribeRunningLogRecords: what an instance's node wrote down of slow
//! commands and of itself. Must not know files.

use super::params::{INSTANCE_ID, Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, views};
use crate::error::{self, ApiError};
use admin::logs::{LogPage, LogQuery, LogRow, NodeLog};
use control_model::Instance;
use serde_json::{Value, json};

const START: Param = Param::required("StartTime", Kind::Text, "at or after, as 2026-11-22T12:00Z");
const END: Param = Param::required("EndTime", Kind::Text, "at or before, a day later at most");
const PAGE_NUMBER: Param =
    Param::optional("PageNumber", Kind::Integer { min: 1, max: 1 << 31 }, "from 1");
const PAGE_SIZE: Param =
    Param::optional("PageSize", Kind::OneOf(&["30", "50", "100"]), "30, 50 or 100; 30 unless told");
const NODE_ID: Param = Param::optional("NodeId", Kind::Text, "the instance's one node");
const KEYWORD: Param = Param::optional("QueryKeyword", Kind::Text, "what a row must hold");
const ORDER: Param =
    Param::optional("OrderType", Kind::OneOf(&["ASC", "DESC", "asc", "desc"]), "DESC unless told");

/// The row of DescribeSlowLogRecords.
pub const SLOW: Action = Action {
    name: "DescribeSlowLogRecords",
    version: KVSTORE,
    access: Access::Read,
    params: &[
        INSTANCE_ID,
        START,
        END,
        NODE_ID,
        Param::optional("DBName", Kind::Integer { min: 0, max: 255 }, "only of this database"),
        PAGE_SIZE,
        PAGE_NUMBER,
        Param::optional("SlowLogRecordType", Kind::OneOf(&["db", "proxy"]), "db unless told"),
        KEYWORD,
        ORDER,
        Param::optional("OrderBy", Kind::Text, "execution_time"),
    ],
    doc: "Lists commands that took long.",
    token: None,
    handler: slow,
};

/// The row of DescribeRunningLogRecords.
pub const RUNNING: Action = Action {
    name: "DescribeRunningLogRecords",
    version: KVSTORE,
    access: Access::Read,
    params: &[
        INSTANCE_ID,
        START,
        END,
        NODE_ID,
        Param::optional("DBName", Kind::Text, "ignored: the log is one for all databases"),
        Param::optional("RoleType", Kind::OneOf(&["master", "primary", "secondary"]), "master"),
        PAGE_SIZE,
        PAGE_NUMBER,
        Param::optional("ResourceGroupId", Kind::Text, "ignored"),
        Param::optional("CharacterType", Kind::OneOf(&["proxy", "db", "cs"]), "db unless told"),
        KEYWORD,
        ORDER,
    ],
    doc: "Lists what the engine says of itself.",
    token: None,
    handler: running,
};

const DAY_MS: i64 = 24 * 3_600_000;

/// The caller's instance, under the code that log actions have for an unknown one.
pub(super) fn instance(context: &Context<'_>, id: &str) -> Result<Instance, ApiError> {
    context.instance(id).map_err(|error| match &*error.code {
        "InvalidInstanceId.NotFound" => error::DB_INSTANCE_NOT_FOUND.plain(),
        _ => error,
    })
}

/// A time to the minute or the second in Unix milliseconds.
pub(super) fn time(params: &Params<'_>, name: &str) -> Result<i64, ApiError> {
    let text = params.required(name);
    let to_minute = text.len() == "2026-11-22T12:00Z".len();
    let whole = if to_minute { text.replace('Z', ":00Z") } else { text.to_owned() };
    let parsed = whole.parse::<jiff::Timestamp>();
    let wanted = "a UTC time such as 2026-11-22T12:00Z";
    parsed.map(jiff::Timestamp::as_millisecond).map_err(|_| error::malformed(name, wanted))
}

/// Whether rows of this node are asked for: all of them, or those of a node that there is.
pub(super) fn means(instance: &Instance, params: &Params<'_>) -> bool {
    let named = params.text("NodeId").map(|id| id.split('#').next().unwrap_or(id));
    named.is_none_or(|id| [&*instance.instance_id, &*instance.node_id()].contains(&id))
}

/// Page and size.
pub(super) fn paging(params: &Params<'_>) -> (u64, u64) {
    let number = |name: &str, unless: i64| params.integer(name).unwrap_or(unless).unsigned_abs();
    (number("PageNumber", 1), number("PageSize", 30))
}

fn query(params: &Params<'_>, instance: &Instance, log: NodeLog) -> Result<LogQuery, ApiError> {
    let (from_unix_ms, end_unix_ms) = (time(params, "StartTime")?, time(params, "EndTime")?);
    if end_unix_ms < from_unix_ms || from_unix_ms + DAY_MS < end_unix_ms {
        return Err(error::malformed("EndTime", "not before StartTime, and at most a day later"));
    }
    let (number, size) = paging(params);
    // Times are told to the minute: what happened within the last one belongs to the range.
    let to_minute = params.required("EndTime").len() == "2026-11-22T12:00Z".len();
    let to_unix_ms = end_unix_ms + if to_minute { 60_000 } else { 1_000 };
    Ok(LogQuery {
        node_id: instance.node_id(),
        log,
        from_unix_ms,
        to_unix_ms,
        db: None,
        user: None,
        host: None,
        keyword: params.text("QueryKeyword").map(str::to_owned),
        newest_first: !params.text("OrderType").is_some_and(|o| o.eq_ignore_ascii_case("asc")),
        skip: (number - 1).saturating_mul(size),
        count: size,
    })
}

/// The answer's frame around rows.
fn framed(params: &Params<'_>, page: &LogPage, rows: Vec<Value>) -> Result<Done, ApiError> {
    let (number, size) = paging(params);
    Ok(Done::now(json!({
        "InstanceId": params.required("InstanceId"),
        "Engine": "redis",
        "StartTime": views::time(time(params, "StartTime")?),
        "EndTime": views::time(time(params, "EndTime")?),
        "PageNumber": number,
        "PageSize": size,
        "PageRecordCount": rows.len(),
        "TotalRecordCount": page.total,
        "Items": {"LogRecords": rows},
    })))
}

fn slow(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let instance = instance(context, params.required("InstanceId"))?;
    let mut query = query(params, &instance, NodeLog::Slow)?;
    query.db = params.integer("DBName").and_then(|db| u16::try_from(db).ok());
    let is_proxy = params.text("SlowLogRecordType") == Some("proxy");
    let page = match means(&instance, params) && !is_proxy {
        true => context.nodes.log(&query)?,
        false => LogPage::default(),
    };
    let row = |row: &LogRow| {
        json!({
            "Account": row.user,
            "AccountName": row.user,
            "Command": row.text,
            "DBName": row.db.to_string(),
            "DataBaseName": row.db.to_string(),
            "ElapsedTime": row.took_us,
            "ExecuteTime": views::time(row.unix_ms),
            "IPAddress": row.peer,
            "NodeId": instance.node_id(),
        })
    };
    framed(params, &page, page.rows.iter().map(row).collect())
}

fn running(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let instance = instance(context, params.required("InstanceId"))?;
    let query = query(params, &instance, NodeLog::Running)?;
    // One node: no replica and no proxy that could have said anything.
    let is_other = params.text("RoleType") == Some("secondary")
        || matches!(params.text("CharacterType"), Some("proxy" | "cs"));
    let page = match means(&instance, params) && !is_other {
        true => context.nodes.log(&query)?,
        false => LogPage::default(),
    };
    let row = |row: &LogRow| {
        json!({
            "CreateTime": views::time(row.unix_ms),
            "InstanceId": instance.instance_id,
            "NodeId": instance.node_id(),
            "Content": row.text,
        })
    };
    framed(params, &page, page.rows.iter().map(row).collect())
}
