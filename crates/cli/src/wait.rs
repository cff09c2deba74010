//! Waiting for a change: what to make of each look at the instance, and when to look again. Pure;
//! the loop that calls and pauses is in `verbs`.

use std::time::Duration;

/// What a wait is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Status `Normal`.
    Normal,
    /// The instance does not exist any more.
    Gone,
}

/// What one look showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// Its `InstanceStatus`.
    Status(String),
    /// The API does not know it.
    Absent,
    /// The API could not be asked just now; it may be restarting.
    Unknown,
}

/// What follows from a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The goal is reached.
    Done,
    /// Look again later.
    Again,
    /// The goal will not be reached by waiting.
    Failed,
}

/// Judges one look.
#[must_use]
pub fn judge(goal: Goal, sight: &Sight) -> Verdict {
    match (goal, sight) {
        (Goal::Normal, Sight::Status(status)) => match status.as_str() {
            "Normal" => Verdict::Done,
            "Error" | "Released" => Verdict::Failed,
            _ => Verdict::Again,
        },
        (Goal::Gone, Sight::Absent) => Verdict::Done,
        (Goal::Normal, Sight::Absent) => Verdict::Failed,
        (Goal::Gone, Sight::Status(_)) | (_, Sight::Unknown) => Verdict::Again,
    }
}

/// Pause before look number `looks` + 1: quick at first, since most changes take a second.
#[must_use]
pub fn pause(looks: u32) -> Duration {
    Duration::from_millis(if looks < 10 { 200 } else { 1_000 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts() {
        let status = |name: &str| Sight::Status(name.to_owned());
        let rows = [
            (Goal::Normal, status("Creating"), Verdict::Again),
            (Goal::Normal, status("Unavailable"), Verdict::Again),
            (Goal::Normal, status("Normal"), Verdict::Done),
            (Goal::Normal, status("Error"), Verdict::Failed),
            (Goal::Normal, Sight::Absent, Verdict::Failed),
            (Goal::Normal, Sight::Unknown, Verdict::Again),
            (Goal::Gone, status("Normal"), Verdict::Again),
            (Goal::Gone, status("Error"), Verdict::Again),
            (Goal::Gone, Sight::Absent, Verdict::Done),
            (Goal::Gone, Sight::Unknown, Verdict::Again),
        ];
        for (goal, sight, verdict) in rows {
            assert_eq!(judge(goal, &sight), verdict, "{goal:?} {sight:?}");
        }
    }
}
