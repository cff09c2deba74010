//! Sessions of roles: what a SecurityToken holds. The token is the only place of a session: sealed
//! by the vault, it needs no store, and nobody can change it. Must not know who may begin one.

use crate::error::{self, ApiError};
use crate::hex;
use crate::vault::Vault;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use control_model::Sealed;
use serde::{Deserialize, Serialize};

const OWNER: &str = "sts/security-token";
/// Bytes of the nonce that a token begins with.
const NONCE_BYTES: usize = 12;

/// One session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// `STS.…`.
    pub(crate) access_key_id: String,
    /// What its requests are signed with.
    pub(crate) secret: String,
    /// Account of the role.
    pub(crate) account_id: String,
    /// Which role.
    pub(crate) role_id: String,
    /// Name that whoever began it gave it.
    pub(crate) session_name: String,
    /// What it may do at most, as a document.
    pub(crate) policy: Option<String>,
    /// Unix milliseconds.
    pub(crate) expires_unix_ms: i64,
}

impl Session {
    /// The token that carries the session.
    pub(crate) fn token(&self, vault: &Vault) -> String {
        let text = serde_json::to_string(self).expect("plain data");
        let sealed = vault.seal(OWNER, &text);
        let bytes = hex::decode(&format!("{}{}", sealed.nonce, sealed.ciphertext));
        STANDARD.encode(bytes.expect("the vault writes hex"))
    }

    /// The session that a token carries, if it is of this key and not over.
    ///
    /// # Errors
    /// `InvalidSecurityToken.Malformed`, `.MismatchWithAccessKey` or `.Expired`.
    pub(crate) fn read(
        vault: &Vault,
        token: &str,
        access_key_id: &str,
        now_unix_ms: i64,
    ) -> Result<Session, ApiError> {
        let session = Session::open(vault, token);
        let session = session.ok_or_else(|| error::TOKEN_MALFORMED.plain())?;
        if session.access_key_id != access_key_id {
            return Err(error::TOKEN_MISMATCH.plain());
        }
        if session.expires_unix_ms <= now_unix_ms {
            return Err(error::TOKEN_EXPIRED.plain());
        }
        Ok(session)
    }

    fn open(vault: &Vault, token: &str) -> Option<Session> {
        let bytes = STANDARD.decode(token).ok().filter(|bytes| NONCE_BYTES < bytes.len())?;
        let (nonce, ciphertext) = bytes.split_at(NONCE_BYTES);
        let sealed = Sealed {
            key_id: vault.key_id().to_owned(),
            nonce: hex::encode(nonce),
            ciphertext: hex::encode(ciphertext),
        };
        serde_json::from_str(&vault.open_sealed(OWNER, &sealed).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_of_its_key_time_and_installation() {
        let session = Session {
            access_key_id: "STS.a".into(),
            secret: "s".into(),
            account_id: "1".into(),
            role_id: "2".into(),
            session_name: "n".into(),
            policy: None,
            expires_unix_ms: 100,
        };
        let vault = Vault::from_key(&[1; 32]);
        let token = session.token(&vault);
        assert_eq!(Session::read(&vault, &token, "STS.a", 99).expect("good"), session);
        let bent = format!("{}{}", if token.starts_with('A') { 'B' } else { 'A' }, &token[1..]);
        let code = |vault: &Vault, token: &str, id: &str, now| {
            Session::read(vault, token, id, now).expect_err("refused").code.into_owned()
        };
        let other = Vault::from_key(&[2; 32]);
        assert_eq!(code(&vault, &token, "STS.a", 100), "InvalidSecurityToken.Expired");
        assert_eq!(code(&vault, &token, "STS.b", 0), "InvalidSecurityToken.MismatchWithAccessKey");
        for (vault, token) in [(&other, &*token), (&vault, &*bent), (&vault, "AAAA"), (&vault, "ä")]
        {
            assert_eq!(code(vault, token, "STS.a", 0), "InvalidSecurityToken.Malformed");
        }
    }
}
