//! What the console makes of a refusal: which field of a form it belongs to, and what a page says
//! that cannot be shown. The table of codes here is about fields and advice only; the API's own
//! message is always shown with it.

use control::Answer;
use serde_json::Value;

/// An answer that is no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// `Code`.
    pub code: String,
    /// `Message`.
    pub message: String,
    /// `RequestId`.
    pub request_id: String,
}

/// Which field of a form a code is about; a pattern ends with `*` when only its beginning has to
/// fit. Codes without a row are shown above the form.
const FIELDS: &[(&str, &str)] = &[
    ("InvalidInstanceName*", "name"),
    ("InvalidInstanceClass*", "class"),
    ("InstanceClass*", "class"),
    ("InvalidCapacity*", "class"),
    ("InvalidEngineVersion*", "engine_version"),
    ("InvalidPassword*", "password"),
    ("InvalidAccountPassword*", "password"),
    ("InvalidPort*", "port"),
    ("SecurityIPList*", "entries"),
    ("InvalidSecurityI*", "entries"),
    ("InvalidIP*", "entries"),
    ("QuotaExceed*", "name"),
];

/// What to do about a page that cannot be shown, by code or status.
const ADVICE: &[(&str, &str)] = &[
    ("InvalidInstanceId.NotFound", "It may have been deleted. The list shows what there is."),
    ("Forbidden*", "Ask whoever manages this account for the right to do it."),
    ("NoPermission*", "Ask whoever manages this account for the right to do it."),
    ("IncorrectDBInstanceState", "Wait until its status is Normal, then try again."),
    ("Throttling*", "Wait a moment, then try again."),
    ("ServiceUnavailable", "The server is starting or stopping. Try again in a few seconds."),
];

impl Refusal {
    /// The refusal in an answer, `Err` with the result if it is none.
    pub fn from_answer(answer: Answer) -> Result<Value, Self> {
        if answer.status == 200 {
            return Ok(answer.body);
        }
        let field = |name: &str| answer.body[name].as_str().unwrap_or_default().to_owned();
        Err(Self {
            status: answer.status,
            code: field("Code"),
            message: field("Message"),
            request_id: field("RequestId"),
        })
    }

    /// The form field that this is about. `MissingPassword` and `Password is mandatory` too.
    pub fn field(&self) -> Option<&'static str> {
        row(FIELDS, &self.code)
    }

    /// What to do, one sentence.
    pub fn advice(&self) -> &'static str {
        let fallback = match self.status {
            500.. => "Try again. If it stays like this, the server's log knows more.",
            _ => "Go back and try something else.",
        };
        row(ADVICE, &self.code).unwrap_or(fallback)
    }

    /// Whether the instance does not exist.
    pub fn is_gone(&self) -> bool {
        self.code == "InvalidInstanceId.NotFound"
    }
}

fn row(table: &[(&str, &'static str)], code: &str) -> Option<&'static str> {
    let fits = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => code.starts_with(start),
        None => code == pattern,
    };
    table.iter().find(|row| fits(row.0)).map(|row| row.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_find_their_fields() {
        let rows = [
            ("InvalidInstanceName.Malformed", Some("name")),
            ("InvalidPassword.Malformed", Some("password")),
            ("SecurityIPList.Duplicate", Some("entries")),
            ("InternalError", None),
        ];
        for (code, field) in rows {
            let body = serde_json::json!({"Code": code, "Message": "m", "RequestId": "r"});
            let refusal = Refusal::from_answer(Answer { status: 400, body }).unwrap_err();
            assert_eq!(refusal.field(), field, "{code}");
            assert!(!refusal.advice().is_empty());
        }
    }
}
