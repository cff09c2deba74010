//! Who may do what: an explicit Deny wins, then any Allow, else nobody may. The root principal of
//! an account is above policies. Must not know how callers prove who they are, nor where documents
//! are kept.

mod condition;
mod document;
pub mod managed;
mod trust;
mod wildcard;

pub use condition::Facts;
pub use document::{DOCUMENT_CHARS_MAX, Policy, PolicyFault};
pub use trust::Trust;

use document::Effect;

/// What is about to be done.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// `kvstore:CreateInstance`, …
    pub action: &'a str,
    /// `acs:kvstore:<region>:<account>:instance/<id>`, …
    pub resource: &'a str,
    /// What else is known of the call.
    pub facts: &'a Facts,
}

/// The verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Allow,
    /// No statement allows it.
    ImplicitDeny,
    /// A statement denies it.
    ExplicitDeny,
}

/// Name of the principal that is the account itself.
pub const ROOT: &str = "root";

/// Decides one question by all policies of a principal.
pub fn decide(policies: &[Policy], question: &Question<'_>) -> Verdict {
    let effects = policies.iter().filter_map(|policy| policy.effect(question));
    effects.fold(Verdict::ImplicitDeny, |verdict, effect| match (verdict, effect) {
        (Verdict::ExplicitDeny, _) | (_, Effect::Deny) => Verdict::ExplicitDeny,
        (_, Effect::Allow) => Verdict::Allow,
    })
}

#[cfg(test)]
mod tests;
