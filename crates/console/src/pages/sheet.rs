//! Answers of the API as tables, without knowing any of them.

use serde_json::Value;

/// Columns of a table.
const COLUMNS_MAX: usize = 8;

/// One list of an answer.
pub struct Sheet {
    /// Where it is in the answer.
    pub title: String,
    /// Names of the fields.
    pub headers: Vec<String>,
    /// One entry a row.
    pub rows: Vec<Vec<String>>,
}

/// The scalars of an answer as one table, and each list of it as another.
pub fn sheets(answer: &Value) -> Vec<Sheet> {
    let fields = || answer.as_object().into_iter().flatten();
    let scalars = fields().filter(|(_, value)| !value.is_object() && !value.is_array());
    let rows: Vec<Vec<String>> =
        scalars.map(|(name, value)| vec![name.clone(), text(value)]).collect();
    let headers = vec!["Field".to_owned(), "Value".to_owned()];
    let mut found = Vec::new();
    lists(answer, "", &mut found);
    found.push(Sheet { title: "Answer".to_owned(), headers, rows });
    found
}

fn lists(value: &Value, path: &str, found: &mut Vec<Sheet>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        match value {
            Value::Array(items) => found.push(sheet(name, items)),
            Value::Object(_) => lists(value, &format!("{path}{name}."), found),
            _ => {}
        }
    }
}

fn sheet(title: &str, items: &[Value]) -> Sheet {
    let title = format!("{title} ({})", items.len());
    let Some(first) = items.first().and_then(Value::as_object) else {
        let rows = items.iter().map(|item| vec![text(item)]).collect();
        return Sheet { title, headers: vec!["Value".to_owned()], rows };
    };
    let tells = |name: &&String| items.iter().any(|item| !text(&item[name.as_str()]).is_empty());
    let mut headers: Vec<String> = first.keys().filter(tells).cloned().collect();
    headers.sort_by_key(|name| rank(name));
    headers.truncate(COLUMNS_MAX);
    let row = |item: &Value| headers.iter().map(|name| text(&item[name.as_str()])).collect();
    Sheet { title, rows: items.iter().map(row).collect(), headers }
}

/// What tells entries apart comes first.
fn rank(name: &str) -> usize {
    let ends = ["InstanceId", "Id", "Name", "Status", "State"];
    ends.iter().position(|end| name.ends_with(end)).unwrap_or(ends.len())
}

/// A value in one cell; empty for objects, which have no place there.
fn text(value: &Value) -> String {
    match value {
        Value::Null | Value::Object(_) => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_and_scalars() {
        let answer = json!({
            "RequestId": "R", "Accounts": {"Account": [
                {"Zone": "", "AccountName": "a", "AccountStatus": "In", "P": {"x": 1}},
                {"Zone": "", "AccountName": "b", "AccountStatus": "Out", "P": {"x": 1}},
            ]}, "Words": ["x", "y"], "None": [],
        });
        let shown: Vec<_> = sheets(&answer)
            .into_iter()
            .map(|sheet| format!("{} {:?} {:?}", sheet.title, sheet.headers, sheet.rows))
            .collect();
        let expected = [
            r#"Account (2) ["AccountName", "AccountStatus"] [["a", "In"], ["b", "Out"]]"#,
            r#"None (0) ["Value"] []"#,
            r#"Words (2) ["Value"] [["x"], ["y"]]"#,
            r#"Answer ["Field", "Value"] [["RequestId", "R"]]"#,
        ];
        assert_eq!(shown, expected);
    }
}
