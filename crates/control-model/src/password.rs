//! The rule for data-plane passwords. Must not know how they are stored.

const SPECIAL: &str = "!@#$%^&*()_+-=";

/// What is wrong with a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    /// Not 8–32 characters.
    #[error("a password has 8 to 32 characters")]
    Length,
    /// A character outside letters, digits and the special ones.
    #[error("a password is made of letters, digits and !@#$%^&*()_+-=")]
    Character,
    /// Fewer than three kinds.
    #[error("a password has at least three of: upper case, lower case, digits, !@#$%^&*()_+-=")]
    Kinds,
}

/// Checks a password that a person chose.
///
/// # Errors
/// The first rule broken.
pub fn check(password: &str) -> Result<(), PasswordFault> {
    if !(8..=32).contains(&password.chars().count()) {
        return Err(PasswordFault::Length);
    }
    let kinds: [fn(char) -> bool; 4] = [
        |c| c.is_ascii_uppercase(),
        |c| c.is_ascii_lowercase(),
        |c| c.is_ascii_digit(),
        |c| SPECIAL.contains(c),
    ];
    if !password.chars().all(|c| kinds.iter().any(|kind| kind(c))) {
        return Err(PasswordFault::Character);
    }
    if kinds.iter().filter(|kind| password.contains(**kind)).count() < 3 {
        return Err(PasswordFault::Kinds);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        let cases = [
            ("Abcdefg1", Ok(())),
            ("abcdef1_", Ok(())),
            ("ABC123!@#$%^&*()_+-=", Ok(())),
            ("Abcdef1", Err(PasswordFault::Length)),
            ("Abcdefghijklmnopqrstuvwxyz1234567", Err(PasswordFault::Length)),
            ("Abc defg1", Err(PasswordFault::Character)),
            ("Abcdefg1é", Err(PasswordFault::Character)),
            ("abcdefgh1", Err(PasswordFault::Kinds)),
            ("abcdefgh", Err(PasswordFault::Kinds)),
        ];
        for (password, expected) in cases {
            assert_eq!(check(password), expected, "{password}");
        }
    }
}
