//! Why a link to a primary ends.

/// What the primary said that the replica cannot go on from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It answered a step of the greeting with an error.
    #[error("the primary refuses {step}: {reply}")]
    Refused {
        /// The command that was answered.
        step: &'static str,
        /// The answer.
        reply: String,
    },
    /// It does not accept the password. Worded as operators of Redis look for it.
    #[error("Unable to AUTH to MASTER: {reply}")]
    Login {
        /// The answer.
        reply: String,
    },
    /// It cannot serve replicas yet.
    #[error("the primary is not ready: {reply}")]
    NotReady {
        /// The answer.
        reply: String,
    },
    /// It does not speak the protocol.
    #[error("the primary sent \"{line}\" where {wanted} was due")]
    Unexpected {
        /// What was due.
        wanted: &'static str,
        /// What came, escaped and cut.
        line: String,
    },
}
