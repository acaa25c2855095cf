//! Passwords and random secrets: made, hashed and compared. Only hashes are ever stored.

use std::sync::LazyLock;

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use rustls::crypto::ring::default_provider;
use sha2::{Digest, Sha256};

/// Characters of a password: fewer are guessed, more are hashed by nobody who logs in.
pub const LENGTHS: std::ops::RangeInclusive<usize> = 12..=256;

/// Bytes that nobody can guess: 256 bits.
const SECRET: usize = 32;

/// Why no secret or hash can be made.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random numbers")]
    NoRandom,
    /// Argon2 refused: for want of memory, or its parameters.
    #[error("the password can't be hashed: {0}")]
    Hash(String),
}

/// A fresh secret as 64 hexadecimal digits.
pub fn secret() -> Result<String, CredentialError> {
    Ok(hex::encode(random::<SECRET>()?))
}

fn random<const N: usize>() -> Result<[u8; N], CredentialError> {
    let mut bytes = [0; N];
    let filled = default_provider().secure_random.fill(&mut bytes);
    filled.map(|()| bytes).map_err(|_| CredentialError::NoRandom)
}

/// What is stored of a random secret, and found by it. A fast hash is enough where nothing can be guessed.
pub fn fingerprint(secret: &str) -> String {
    hex::encode(Sha256::digest(secret))
}

/// The Argon2id hash of a password as a PHC string: 19 MiB, two passes, one lane.
///
/// Takes some 20 ms of a processor and 19 MiB: not for the threads of the runtime.
pub fn hash_password(password: &str) -> Result<String, CredentialError> {
    let salt = random::<16>()?;
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|error| CredentialError::Hash(error.to_string()))
}

/// Whether this is the password of a hash; without a hash the same work is done, and it is not. As costly as
/// [`hash_password`].
pub fn is_password(password: &str, hash: Option<&str>) -> bool {
    /// Of a secret that was thrown away.
    static NOBODYS: LazyLock<Option<String>> =
        LazyLock::new(|| hash_password(&secret().ok()?).ok());
    let compared = hash.or(NOBODYS.as_deref());
    let same = compared.is_some_and(|compared| {
        Argon2::default().verify_password(password.as_bytes(), compared).is_ok()
    });
    same && hash.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_of_a_hash_is_right() {
        let hash = hash_password("correct horse battery").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, hash_password("correct horse battery").unwrap(), "each has its own salt");
        assert!(is_password("correct horse battery", Some(&hash)));
        for (wrong, of) in [
            ("correct horse batterx", Some(hash.as_str())),
            ("", Some(&hash)),
            ("correct horse battery", None),
            ("correct horse battery", Some("damaged")),
        ] {
            assert!(!is_password(wrong, of), "{wrong} {of:?}");
        }
    }

    #[test]
    fn secrets_differ_and_have_256_bits() {
        let (one, two) = (secret().unwrap(), secret().unwrap());
        assert_eq!(one.len(), 64);
        assert_ne!(one, two);
        assert_ne!(fingerprint(&one), one);
    }
}
