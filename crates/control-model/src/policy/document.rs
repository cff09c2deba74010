//! Policy documents of version "1": the grammar, with faults that name the place, and whether a
//! statement is about a call. Must not know who the documents belong to.

use super::condition::{Condition, Facts};
use super::{Question, wildcard};
use serde_json::{Map, Value};

/// Longest document, in characters.
pub const DOCUMENT_CHARS_MAX: usize = 6144;

/// A document that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    statements: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq)]
struct Statement {
    effect: Effect,
    actions: Actions,
    resources: Vec<String>,
    conditions: Vec<Condition>,
}

/// What a statement says about the calls that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// They may happen.
    Allow,
    /// They may not, whatever else is said.
    Deny,
}

#[derive(Debug, Clone, PartialEq)]
enum Actions {
    These(Vec<String>),
    AllBut(Vec<String>),
}

/// What is wrong with a document, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    /// Longer than [`DOCUMENT_CHARS_MAX`].
    #[error("the document has {chars} characters; {DOCUMENT_CHARS_MAX} are allowed")]
    TooLong {
        /// Its length.
        chars: usize,
    },
    /// Not a document of version "1".
    #[error("{place}: {why}")]
    Grammar {
        /// `Statement[2].Effect`, …
        place: String,
        /// What is wrong there.
        why: String,
    },
}

/// A fault of this place.
pub(super) fn grammar(place: impl Into<String>, why: impl Into<String>) -> PolicyFault {
    PolicyFault::Grammar { place: place.into(), why: why.into() }
}

impl Policy {
    /// Reads a document that is attached to identities.
    ///
    /// # Errors
    /// See [`PolicyFault`].
    pub fn parse(text: &str) -> Result<Policy, PolicyFault> {
        let statements = statements(text)?;
        let read = |(n, fields): (usize, &Map<String, Value>)| Statement::read(n, fields);
        let statements = statements.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Policy { statements })
    }

    /// Whether its statements about the question deny, allow, or say nothing.
    pub(super) fn effect(&self, question: &Question<'_>) -> Option<Effect> {
        let about = self.statements.iter().filter(|statement| statement.is_about(question));
        let effects = about.map(|statement| statement.effect);
        effects.reduce(|a, b| if b == Effect::Deny { b } else { a })
    }
}

/// The statements of a document, unread; `Version` and size are checked.
pub(super) fn statements(text: &str) -> Result<Vec<Map<String, Value>>, PolicyFault> {
    let chars = text.chars().count();
    if DOCUMENT_CHARS_MAX < chars {
        return Err(PolicyFault::TooLong { chars });
    }
    let document: Value = serde_json::from_str(text)
        .map_err(|fault| grammar("document", format!("it is no JSON: {fault}")))?;
    let Value::Object(fields) = document else {
        return Err(grammar("document", "it is a JSON object"));
    };
    only(&fields, &["Version", "Statement"], "")?;
    if fields.get("Version").and_then(Value::as_str) != Some("1") {
        return Err(grammar("Version", "it is \"1\""));
    }
    let statements = match fields.get("Statement") {
        Some(Value::Array(statements)) if !statements.is_empty() => statements.clone(),
        Some(Value::Object(one)) => vec![Value::Object(one.clone())],
        _ => return Err(grammar("Statement", "it is a list of one statement or more")),
    };
    let object = |(n, statement)| match statement {
        Value::Object(fields) => Ok(fields),
        _ => Err(grammar(format!("Statement[{n}]"), "it is a JSON object")),
    };
    statements.into_iter().enumerate().map(object).collect()
}

/// Refuses fields that are none of `known`, at `place` with its dot.
pub(super) fn only(
    fields: &Map<String, Value>,
    known: &[&str],
    place: &str,
) -> Result<(), PolicyFault> {
    match fields.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(other) => {
            let why = format!("there is no such element; there are {}", known.join(", "));
            Err(grammar(format!("{place}{other}"), why))
        }
    }
}

/// One text or a list of them, not empty.
pub(super) fn texts(value: &Value, place: &str) -> Result<Vec<String>, PolicyFault> {
    let scalar = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    };
    let found = match value {
        Value::Array(values) => values.iter().map(scalar).collect::<Option<Vec<_>>>(),
        one => scalar(one).map(|text| vec![text]),
    };
    let found = found.filter(|texts| !texts.is_empty());
    found.ok_or_else(|| grammar(place, "it is a text or a list of texts"))
}

/// `Effect` of a statement.
pub(super) fn effect(fields: &Map<String, Value>, place: &str) -> Result<Effect, PolicyFault> {
    match fields.get("Effect").and_then(Value::as_str) {
        Some("Allow") => Ok(Effect::Allow),
        Some("Deny") => Ok(Effect::Deny),
        _ => Err(grammar(format!("{place}Effect"), "it is Allow or Deny")),
    }
}

/// `Condition` of a statement: all of them must hold.
pub(super) fn conditions(
    fields: &Map<String, Value>,
    place: &str,
) -> Result<Vec<Condition>, PolicyFault> {
    let place = format!("{place}Condition");
    let Some(value) = fields.get("Condition") else { return Ok(Vec::new()) };
    let Value::Object(operators) = value else {
        return Err(grammar(place, "it is a JSON object of operators"));
    };
    let mut found = Vec::new();
    for (operator, keys) in operators {
        let place = format!("{place}.{operator}");
        let Value::Object(keys) = keys else {
            return Err(grammar(place, "it is a JSON object of condition keys"));
        };
        for (key, values) in keys {
            let place = format!("{place}.{key}");
            let values = texts(values, &place)?;
            let read = Condition::read(operator, key, &values);
            found.push(read.map_err(|why| grammar(place, why))?);
        }
    }
    Ok(found)
}

impl Statement {
    fn read(n: usize, fields: &Map<String, Value>) -> Result<Statement, PolicyFault> {
        let place = format!("Statement[{n}].");
        only(fields, &["Effect", "Action", "NotAction", "Resource", "Condition"], &place)?;
        let effect = effect(fields, &place)?;
        let actions = match (fields.get("Action"), fields.get("NotAction")) {
            (Some(these), None) => Actions::These(actions(these, &format!("{place}Action"))?),
            (None, Some(but)) => Actions::AllBut(actions(but, &format!("{place}NotAction"))?),
            _ => return Err(grammar(format!("{place}Action"), "either it or NotAction is given")),
        };
        let resource = format!("{place}Resource");
        let value = fields.get("Resource").unwrap_or(&Value::Null);
        let resources = texts(value, &resource)?;
        if let Some(bad) = resources.iter().find(|text| !is_resource(text)) {
            let why =
                format!("it is \"*\" or acs:<service>:<region>:<account>:<what>, not {bad:?}");
            return Err(grammar(resource, why));
        }
        Ok(Statement { effect, actions, resources, conditions: conditions(fields, &place)? })
    }

    fn is_about(&self, question: &Question<'_>) -> bool {
        let named =
            |names: &Vec<String>| names.iter().any(|name| is_action_named(name, question.action));
        let action = match &self.actions {
            Actions::These(names) => named(names),
            Actions::AllBut(names) => !named(names),
        };
        let is_there = |pattern: &String| wildcard::matches(pattern, question.resource);
        action && self.resources.iter().any(is_there) && all_hold(&self.conditions, question.facts)
    }
}

pub(super) fn all_hold(conditions: &[Condition], facts: &Facts) -> bool {
    conditions.iter().all(|condition| condition.holds(facts))
}

/// Names of actions are compared without regard to case.
pub(super) fn is_action_named(pattern: &str, action: &str) -> bool {
    wildcard::matches(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase())
}

fn actions(value: &Value, place: &str) -> Result<Vec<String>, PolicyFault> {
    let found = texts(value, place)?;
    let word = |text: &str| {
        let fits = |c: u8| c.is_ascii_alphanumeric() || b"*?-_".contains(&c);
        !text.is_empty() && text.bytes().all(fits)
    };
    let is_action = |text: &&String| {
        *text == "*" || text.split_once(':').is_some_and(|(a, b)| word(a) && word(b))
    };
    match found.iter().find(|text| !is_action(text)) {
        None => Ok(found),
        Some(bad) => Err(grammar(place, format!("it is \"*\" or <service>:<action>, not {bad:?}"))),
    }
}

fn is_resource(text: &str) -> bool {
    let parts = text.strip_prefix("acs:").map(|rest| rest.splitn(4, ':').count());
    text == "*" || parts == Some(4) && !text.ends_with(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_name_place_and_cure() {
        let ok = r#""Effect":"Allow","Action":"*","Resource":"*""#;
        for (text, expected) in [
            ("", "document: it is no JSON"),
            ("[]", "document: it is a JSON object"),
            (r#"{"Statement":[]}"#, "Version: it is \"1\""),
            (r#"{"Version":1,"Statement":[]}"#, "Version: it is \"1\""),
            (r#"{"Version":"1"}"#, "Statement: it is a list"),
            (r#"{"Version":"1","Statement":[]}"#, "Statement: it is a list"),
            (r#"{"Version":"1","Statement":[1]}"#, "Statement[0]: it is a JSON object"),
            (r#"{"Version":"1","Id":"x","Statement":[]}"#, "Id: there is no such element"),
        ] {
            let fault = Policy::parse(text).expect_err(text).to_string();
            assert!(fault.starts_with(expected), "{fault}");
        }
        for (statement, expected) in [
            (r#""Effect":"allow","Action":"*","Resource":"*""#, "Effect: it is Allow or Deny"),
            (r#""Effect":"Deny","Resource":"*""#, "Action: either it or NotAction"),
            (r#""Effect":"Deny","Action":"*""#, "Resource: it is a text"),
            (r#""Effect":"Deny","Action":[],"Resource":"*""#, "Action: it is a text"),
            (r#""Effect":"Deny","Action":"kvstore","Resource":"*""#, "Action: it is \"*\" or"),
            (r#""Effect":"Deny","NotAction":"a:b c","Resource":"*""#, "NotAction: it is \"*\" or"),
            (r#""Effect":"Deny","Action":"*","Resource":"r-1""#, "Resource: it is \"*\" or acs:"),
            (r#""Effect":"Deny","Action":"*","Resource":"acs:kvstore:*""#, "Resource: it is"),
        ] {
            let text = format!(r#"{{"Version":"1","Statement":[{{{ok}}},{{{statement}}}]}}"#);
            let fault = Policy::parse(&text).expect_err(&text).to_string();
            assert!(fault.starts_with(&format!("Statement[1].{expected}")), "{fault}");
        }
        for (rest, expected) in [
            (r#""Principal":"*""#, "Principal: there is no such element"),
            (r#""Condition":[]"#, "Condition: it is a JSON object of operators"),
            (r#""Condition":{"Bool":1}"#, "Condition.Bool: it is a JSON object of condition keys"),
            (
                r#""Condition":{"Bol":{"acs:MFAPresent":"true"}}"#,
                "Condition.Bol.acs:MFAPresent: Bol",
            ),
        ] {
            let text = format!(r#"{{"Version":"1","Statement":{{{ok},{rest}}}}}"#);
            let fault = Policy::parse(&text).expect_err(&text).to_string();
            assert!(fault.starts_with(&format!("Statement[0].{expected}")), "{fault}");
        }
    }

    #[test]
    fn size() {
        let text = |filling: usize| {
            let statement = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
            format!(r#"{{"Version":"1","Statement":[{statement}]{}}}"#, " ".repeat(filling))
        };
        let rest = DOCUMENT_CHARS_MAX - text(0).len();
        assert!(Policy::parse(&text(rest)).is_ok());
        let fault = Policy::parse(&text(rest + 1));
        assert_eq!(fault, Err(PolicyFault::TooLong { chars: DOCUMENT_CHARS_MAX + 1 }));
    }
}
