//! Answers as text for people: the columns that a short verb names, else whatever is there. Knows
//! no answer in particular.

use super::line;
use super::table::Short;
use crate::options::Format;
use crate::output;
use serde_json::Value;

/// Columns of a list that nobody chose columns for.
const COLUMNS_MAX: usize = 6;

/// The whole result.
pub fn text(answer: &Value, short: Option<&Short>, format: Format) -> String {
    if format == Format::Json {
        return output::json(answer);
    }
    match short.filter(|short| !short.columns.is_empty()) {
        Some(short) => chosen(answer, short),
        None => everything(answer),
    }
}

/// A value below others: `Accounts.Account`.
fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(value, |value, name| &value[name])
}

fn chosen(answer: &Value, short: &Short) -> String {
    let headers: Vec<&str> = short.columns.iter().map(|(header, _)| *header).collect();
    let items = at(answer, short.list).as_array().map_or(&[][..], Vec::as_slice);
    let row = |item: &Value| short.columns.iter().map(|(_, path)| cell(at(item, path))).collect();
    let rows: Vec<Vec<String>> = items.iter().map(row).collect();
    output::table(&headers, &rows)
}

fn cell(value: &Value) -> String {
    match value.as_array() {
        Some(values) => values.iter().map(output::text).collect::<Vec<_>>().join(", "),
        None => output::text(value),
    }
}

/// Scalars as lines, then each list of objects as a table.
fn everything(answer: &Value) -> String {
    let fields = answer.as_object().into_iter().flatten();
    let scalars: Vec<(String, String)> = fields
        .filter(|(_, value)| !value.is_object() && !value.is_array())
        .map(|(name, value)| line(name, value))
        .collect();
    let pairs: Vec<_> = scalars.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
    let mut text = output::fields(&pairs);
    let mut lists = Vec::new();
    find_lists(answer, "", &mut lists);
    for (path, items) in lists {
        text.push_str(&format!("\n{path} ({})\n{}", items.len(), list(items)));
    }
    text
}

/// All lists of objects, wherever they are, but not those inside lists.
fn find_lists<'a>(value: &'a Value, path: &str, found: &mut Vec<(String, &'a [Value])>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match value {
            Value::Array(items) => found.push((path, items)),
            Value::Object(_) => find_lists(value, &path, found),
            _ => {}
        }
    }
}

/// What tells entries apart comes first.
fn rank(name: &str) -> usize {
    let ends = ["InstanceId", "Id", "Name", "Status", "State"];
    ends.iter().position(|end| name.ends_with(end)).unwrap_or(ends.len())
}

fn list(items: &[Value]) -> String {
    let Some(first) = items.first() else { return String::new() };
    let Some(object) = first.as_object() else {
        return items.iter().map(|item| format!("{}\n", output::text(item))).collect();
    };
    let tells = |name: &&str| {
        let shown = |item: &Value| !cell(&item[*name]).is_empty() && !item[*name].is_object();
        items.iter().any(shown)
    };
    let mut headers: Vec<&str> = object.keys().map(String::as_str).filter(tells).collect();
    headers.sort_by_key(|name| rank(name));
    headers.truncate(COLUMNS_MAX);
    let row = |item: &Value| headers.iter().map(|name| cell(&item[*name])).collect();
    let rows: Vec<Vec<String>> = items.iter().map(row).collect();
    output::table(&headers, &rows)
}
