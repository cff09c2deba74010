//! Secrets at rest: the master key, sealing with AES-256-GCM, password hashes and check values.
//! Must not know what the secrets open.

use crate::audit::chain::ChainKey;
use crate::{hex, random};
use admin::Verifier;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use control_model::Sealed;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const KEY_BYTES: usize = 32;

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key file cannot be read or made.
    #[error("master key {path}: {source}")]
    Key {
        /// Where.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// The key file is not 32 bytes, or others may read it.
    #[error("master key {path}: {why}")]
    BadKey {
        /// Where.
        path: PathBuf,
        /// What is wrong and what to do.
        why: &'static str,
    },
    /// The secret was sealed for another owner, by another key, or was changed.
    #[error("a sealed secret of {owner} cannot be opened")]
    Unopenable {
        /// Whose.
        owner: String,
    },
}

/// Holds the master key. One per data directory.
pub struct Vault {
    key_id: String,
    cipher: Aes256Gcm,
    token_key: [u8; 32],
    audit_key: [u8; 32],
}

impl Vault {
    /// Reads `path`, or makes it (mode 0600) on the first start.
    ///
    /// # Errors
    /// When the file cannot be read or made, or is no key.
    pub fn open(path: &Path) -> Result<Vault, VaultError> {
        let failed = |source| VaultError::Key { path: path.to_owned(), source };
        match read_key(path) {
            Ok(Ok(key)) => Ok(Vault::from_key(&key)),
            Ok(Err(why)) => Err(VaultError::BadKey { path: path.to_owned(), why }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut key = [0; KEY_BYTES];
                random::fill(&mut key);
                write_private(path, &key).map_err(failed)?;
                Ok(Vault::from_key(&key))
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// A vault over this key.
    pub fn from_key(key: &[u8; KEY_BYTES]) -> Vault {
        let id = Sha256::new().chain_update(b"larder master key id").chain_update(key).finalize();
        let key_id = hex::encode(&id[..8]);
        let token_key = mac(key, b"larder client token key");
        let audit_key = mac(key, b"larder audit chain key");
        let cipher = Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key));
        Vault { key_id, cipher, token_key, audit_key }
    }

    /// Tells this key from others; says nothing about it.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Encrypts `secret` so that it opens only for `owner`.
    pub fn seal(&self, owner: &str, secret: &str) -> Sealed {
        let mut nonce = [0; 12];
        random::fill(&mut nonce);
        let aad = associated(&self.key_id, owner);
        let payload = Payload { msg: secret.as_bytes(), aad: aad.as_bytes() };
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), payload);
        let sealed = sealed.expect("AES-GCM refuses only texts of gigabytes");
        let (nonce, ciphertext) = (hex::encode(&nonce), hex::encode(&sealed));
        Sealed { key_id: self.key_id.clone(), nonce, ciphertext }
    }

    /// The secret.
    ///
    /// # Errors
    /// [`VaultError::Unopenable`].
    pub fn open_sealed(&self, owner: &str, sealed: &Sealed) -> Result<String, VaultError> {
        let opened = || {
            let nonce: [u8; 12] = hex::decode(&sealed.nonce)?.try_into().ok()?;
            let ciphertext = hex::decode(&sealed.ciphertext)?;
            let aad = associated(&sealed.key_id, owner);
            let payload = Payload { msg: &ciphertext, aad: aad.as_bytes() };
            let plain = self.cipher.decrypt(&Nonce::from(nonce), payload).ok()?;
            String::from_utf8(plain).ok()
        };
        opened().ok_or_else(|| VaultError::Unopenable { owner: owner.to_owned() })
    }

    /// Reads the key that a first start made; makes none.
    ///
    /// # Errors
    /// When the file cannot be read, or is no key.
    pub fn read(path: &Path) -> Result<Vault, VaultError> {
        let failed = |source| VaultError::Key { path: path.to_owned(), source };
        let key = read_key(path).map_err(failed)?;
        let key = key.map_err(|why| VaultError::BadKey { path: path.to_owned(), why })?;
        Ok(Vault::from_key(&key))
    }

    /// What links the lines of the audit log.
    pub fn audit_key(&self) -> ChainKey {
        ChainKey::new(&self.audit_key)
    }

    /// Digest of a request that may hold secrets; the same request always gives the same.
    pub fn fingerprint(&self, request: &str) -> String {
        hex::encode(&mac(&self.token_key, request.as_bytes()))
    }
}

fn associated(key_id: &str, owner: &str) -> String {
    format!("larder sealed 1\n{key_id}\n{owner}")
}

fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// The check value of a data-plane password under a fresh salt.
pub fn verifier(password: &str) -> Verifier {
    let mut salt = [0; 16];
    random::fill(&mut salt);
    let mac = mac(&salt, password.as_bytes());
    Verifier { salt: hex::encode(&salt), mac: hex::encode(&mac) }
}

/// Whether `verifier` is that of `password`.
pub fn accepts(verifier: &Verifier, password: &str) -> bool {
    let salt = hex::decode(&verifier.salt).unwrap_or_default();
    let wanted = hex::decode(&verifier.mac).unwrap_or_default();
    let mac = Hmac::<Sha256>::new_from_slice(&salt).expect("HMAC takes keys of any length");
    mac.chain_update(password).verify_slice(&wanted).is_ok()
}

/// argon2id hash of a console password in PHC form. Takes tens of milliseconds.
pub fn hash_password(password: &str) -> String {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.expect("argon2 with default parameters takes any password").to_string()
}

/// Whether `password` has this hash. Takes tens of milliseconds, also when it does not.
pub fn password_matches(password: &str, hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
}

type KeyOrWhyNot = Result<[u8; KEY_BYTES], &'static str>;

fn read_key(path: &Path) -> io::Result<KeyOrWhyNot> {
    let mut file = fs::File::open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        return Ok(Err("others may read it; chmod 600 it"));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes.try_into().map_err(|_| "it is not 32 bytes; restore it from your backup"))
}

/// Writes a file of mode 0600 so that it is whole or absent after a crash.
///
/// # Errors
/// As the file system says.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    make_private_dir(directory)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", random::request_id()));
    let temporary = directory.join(name);
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&temporary)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    let renamed = written.and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = renamed {
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    fs::File::open(directory)?.sync_all()
}

/// Makes a directory of mode 0700 with its parents; one that exists stays as it is.
///
/// # Errors
/// As the file system says.
pub fn make_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    #[test]
    fn opens_only_for_owner_and_key_and_unchanged() {
        let vault = Vault::from_key(&[7; 32]);
        let sealed = vault.seal("a", "secret");
        assert_eq!(vault.open_sealed("a", &sealed).expect("own"), "secret");
        assert_ne!(vault.seal("a", "secret"), sealed, "nonces are fresh");
        assert!(vault.open_sealed("b", &sealed).is_err());
        assert!(Vault::from_key(&[8; 32]).open_sealed("a", &sealed).is_err());
        let other_key = Sealed { key_id: "0".into(), ..sealed.clone() };
        assert!(vault.open_sealed("a", &other_key).is_err());
        let mut bent = sealed;
        bent.ciphertext
            .replace_range(0..1, if bent.ciphertext.starts_with('0') { "1" } else { "0" });
        assert!(vault.open_sealed("a", &bent).is_err());
    }

    #[test]
    fn key_file_is_private_kept_and_checked() {
        let scratch = Scratch::new();
        let path = scratch.path().join("data/master.key");
        let sealed = Vault::open(&path).expect("made").seal("a", "secret");
        let mode = fs::metadata(&path).expect("exists").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = Vault::open(&path).expect("read");
        assert_eq!(again.open_sealed("a", &sealed).expect("same key"), "secret");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("chmod");
        assert!(matches!(Vault::open(&path), Err(VaultError::BadKey { .. })));
        write_private(&path, b"short").expect("written");
        assert!(matches!(Vault::open(&path), Err(VaultError::BadKey { .. })));
    }

    #[test]
    fn check_values() {
        let made = verifier("Abcdefg1");
        let salt = hex::decode(&made.salt).expect("hex");
        assert_eq!((salt.len(), made.mac.len()), (16, 64));
        assert_eq!(made.mac, hex::encode(&mac(&salt, b"Abcdefg1")));
        assert_ne!(verifier("Abcdefg1").salt, made.salt);
        // RFC 4231, test case 2.
        assert_eq!(
            hex::encode(&mac(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn console_passwords() {
        let hash = hash_password("correct horse");
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        assert!(password_matches("correct horse", &hash));
        assert!(!password_matches("correct horsf", &hash));
        assert!(!password_matches("", "not a hash"));
    }
}
