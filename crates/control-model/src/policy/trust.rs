//! Documents that say who may assume a role. Must not know whether the caller's own account lets it
//! try.

use super::condition::{Condition, Facts};
use super::document::{self, Effect, all_hold, grammar, is_action_named};
use super::{PolicyFault, ROOT, Verdict};
use serde_json::{Map, Value};

/// A trust document that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Trust {
    statements: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq)]
struct Statement {
    effect: Effect,
    actions: Vec<String>,
    /// `acs:ram::<account>:root`, which stands for all of the account, or `…:user/<name>`,
    /// `…:role/<name>`.
    principals: Vec<String>,
    conditions: Vec<Condition>,
}

impl Trust {
    /// Reads a document.
    ///
    /// # Errors
    /// See [`PolicyFault`].
    pub fn parse(text: &str) -> Result<Trust, PolicyFault> {
        let statements = document::statements(text)?;
        let read = |(n, fields): (usize, &Map<String, Value>)| Statement::read(n, fields);
        let statements = statements.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Trust { statements })
    }

    /// Whether the principal `arn` of `account_id` may assume the role.
    pub fn decide(&self, account_id: &str, arn: &str, facts: &Facts) -> Verdict {
        let all = format!("acs:ram::{account_id}:{ROOT}");
        let about = self.statements.iter().filter(|statement| {
            let named = statement.principals.iter().any(|name| *name == all || name == arn);
            let assumes = |name: &String| is_action_named(name, "sts:AssumeRole");
            named && statement.actions.iter().any(assumes) && all_hold(&statement.conditions, facts)
        });
        about.fold(Verdict::ImplicitDeny, |verdict, statement| match (verdict, statement.effect) {
            (Verdict::ExplicitDeny, _) | (_, Effect::Deny) => Verdict::ExplicitDeny,
            (_, Effect::Allow) => Verdict::Allow,
        })
    }
}

impl Statement {
    fn read(n: usize, fields: &Map<String, Value>) -> Result<Statement, PolicyFault> {
        let place = format!("Statement[{n}].");
        document::only(fields, &["Effect", "Action", "Principal", "Condition"], &place)?;
        let effect = document::effect(fields, &place)?;
        let actions = fields.get("Action").unwrap_or(&Value::Null);
        let actions = document::texts(actions, &format!("{place}Action"))?;
        let place_of = format!("{place}Principal");
        let Some(Value::Object(kinds)) = fields.get("Principal") else {
            return Err(grammar(place_of, "it is {\"RAM\": [\"acs:ram::<account>:root\"]}"));
        };
        let mut principals = Vec::new();
        for (kind, names) in kinds {
            let place = format!("{place_of}.{kind}");
            let names = document::texts(names, &place)?;
            match kind.as_str() {
                "RAM" => principals.extend(names),
                // Services assume nothing here; the statement is kept and speaks of nobody.
                "Service" => {}
                _ => return Err(grammar(place, "principals are of RAM or Service")),
            }
        }
        if let Some(bad) = principals.iter().find(|name| !is_principal(name)) {
            let why = format!(
                "it is acs:ram::<account>:root, …:user/<name> or …:role/<name>, not {bad:?}"
            );
            return Err(grammar(format!("{place_of}.RAM"), why));
        }
        let conditions = document::conditions(fields, &place)?;
        Ok(Statement { effect, actions, principals, conditions })
    }
}

fn is_principal(text: &str) -> bool {
    let rest = text.strip_prefix("acs:ram::").and_then(|rest| rest.split_once(':'));
    let Some((account, who)) = rest else { return false };
    let named = ["user/", "role/"].iter().any(|kind| {
        who.strip_prefix(kind).is_some_and(|name| !name.is_empty() && !name.contains('*'))
    });
    account.len() == 16 && account.bytes().all(|c| c.is_ascii_digit()) && (who == ROOT || named)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "1000000000000001";

    fn trust(principal: &str, condition: &str) -> String {
        let principal = principal.replace("OWN", OWN);
        format!(
            r#"{{"Version":"1","Statement":[{{"Effect":"Allow","Action":"sts:AssumeRole",
                "Principal":{principal}{condition}}}]}}"#
        )
    }

    #[test]
    fn who_is_trusted() {
        let alice = format!("acs:ram::{OWN}:user/alice");
        for (principal, expected) in [
            (r#"{"RAM":"acs:ram::OWN:root"}"#, Verdict::Allow),
            (r#"{"RAM":["acs:ram::1000000000000002:root"]}"#, Verdict::ImplicitDeny),
            (r#"{"RAM":["acs:ram::OWN:user/bob","acs:ram::OWN:user/alice"]}"#, Verdict::Allow),
            (r#"{"RAM":["acs:ram::OWN:role/alice"]}"#, Verdict::ImplicitDeny),
            (r#"{"Service":["ecs.aliyuncs.com"]}"#, Verdict::ImplicitDeny),
        ] {
            let trust = Trust::parse(&trust(principal, "")).expect(principal);
            assert_eq!(trust.decide(OWN, &alice, &Facts::default()), expected, "{principal}");
        }
        let root = r#"{"RAM":"acs:ram::OWN:root"}"#;
        let condition = r#","Condition":{"StringEquals":{"sts:ExternalId":"x1"}}"#;
        let trust = Trust::parse(&trust(root, condition)).expect("well-formed");
        for (id, expected) in [("x1", Verdict::Allow), ("x2", Verdict::ImplicitDeny)] {
            let mut facts = Facts::default();
            facts.know("sts:ExternalId", id);
            assert_eq!(trust.decide(OWN, &alice, &facts), expected, "{id}");
        }
    }

    #[test]
    fn faults_name_the_place() {
        for (principal, expected) in [
            (r#""*""#, "Statement[0].Principal: it is"),
            (r#"{"RAM":"*"}"#, "Statement[0].Principal.RAM: it is"),
            (r#"{"RAM":"acs:ram::OWN:user/*"}"#, "Statement[0].Principal.RAM: it is"),
            (r#"{"RAM":"acs:ram::1:root"}"#, "Statement[0].Principal.RAM: it is"),
            (r#"{"Federated":"x"}"#, "Statement[0].Principal.Federated: principals are"),
        ] {
            let fault = Trust::parse(&trust(principal, "")).expect_err(principal).to_string();
            assert!(fault.starts_with(expected), "{fault}");
        }
    }
}
