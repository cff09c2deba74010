//! Who may do what. Only the root principal of an account exists now, and it may do everything with
//! what its account owns; members and roles will be decided here. Must not know how callers prove
//! who they are.

/// What is about to be done.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Principal's name within its account.
    pub principal: &'a str,
    /// `kvstore:CreateInstance`, …
    pub permission: &'a str,
}

/// The verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Allow,
    /// No statement allows it.
    ImplicitDeny,
}

/// Name of the principal that is the account itself.
pub const ROOT: &str = "root";

/// Decides one question.
pub fn decide(question: Question<'_>) -> Verdict {
    if question.principal == ROOT { Verdict::Allow } else { Verdict::ImplicitDeny }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_root_is_allowed() {
        let ask = |principal| decide(Question { principal, permission: "kvstore:DeleteInstance" });
        assert_eq!(ask("root"), Verdict::Allow);
        assert_eq!(ask("alice"), Verdict::ImplicitDeny);
        assert_eq!(ask(""), Verdict::ImplicitDeny);
    }
}
