//! Documents of who may call: the account, its AccessKeys, its console users, and the claims that
//! make a request happen once. Secrets are sealed; this module must not know how.

use serde::{Deserialize, Serialize};

/// Owner of everything; one per installation until there are members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// 16 digits.
    pub account_id: String,
    /// Unix milliseconds.
    pub created_unix_ms: i64,
}

/// An encrypted secret, as the vault writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// Which master key.
    pub key_id: String,
    /// 12 bytes in lower-case hex.
    pub nonce: String,
    /// Ciphertext with its tag in lower-case hex.
    pub ciphertext: String,
}

/// A key pair that signs API calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// `LTAI…`, 24 characters.
    pub access_key_id: String,
    /// Account it acts for.
    pub account_id: String,
    /// Principal that it signs as: `root`, or what the user was called when it was made.
    pub principal: String,
    /// The user that it signs as; `None` for root.
    #[serde(default)]
    pub user_id: Option<String>,
    /// The 30-character secret.
    pub secret: Sealed,
    /// Whether it is accepted.
    pub state: KeyState,
    /// Unix milliseconds.
    pub created_unix_ms: i64,
}

/// Whether an AccessKey is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyState {
    /// Accepted.
    Active,
    /// Known and refused.
    Inactive,
}

/// A person's login to the console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleUser {
    /// Login name.
    pub name: String,
    /// Account it acts for.
    pub account_id: String,
    /// argon2id in PHC string form.
    pub password_hash: String,
}

/// What the first start made and later starts announce.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// The root account.
    pub account_id: String,
    /// Its first AccessKey.
    pub access_key_id: String,
    /// Its console user.
    pub console_user: String,
    /// That user's first password.
    pub console_password: Sealed,
    /// Password of the quickstart instance, made ahead of it.
    pub quickstart_password: Sealed,
    /// The secrets above were printed once.
    pub announced: bool,
}

/// A client token that was used: the same request again is answered with the same resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenClaim {
    /// Keyed digest of action and parameters, hex.
    pub fingerprint: String,
    /// What the request made.
    pub resource_id: String,
}

/// A port of the host that belongs to an instance for life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortClaim {
    /// Owner.
    pub instance_id: String,
}

/// How far the audit log was at the last start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditMark {
    /// Number of its newest line.
    pub last_seq: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_of_before_are_read() {
        let key = AccessKey {
            access_key_id: "LTAI".into(),
            account_id: "1000000000000001".into(),
            principal: "root".into(),
            user_id: None,
            secret: Sealed { key_id: "k".into(), nonce: "00".into(), ciphertext: "11".into() },
            state: KeyState::Active,
            created_unix_ms: 0,
        };
        let mut body = serde_json::to_value(&key).expect("plain data");
        body.as_object_mut().expect("an object").remove("user_id").expect("there");
        assert_eq!(serde_json::from_value::<AccessKey>(body).expect("read"), key);
    }
}
