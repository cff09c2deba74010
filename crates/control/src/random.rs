//! The operating system's randomness, for identifiers and secrets. Must not know what it is used
//! for.

/// Fills `bytes` from the operating system.
///
/// # Panics
/// When the operating system has no randomness to give: nothing safe can be made then.
pub fn fill(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system provides randomness");
}

/// `RequestId` of an answer: an upper-case UUID.
pub fn request_id() -> String {
    uuid::Uuid::new_v4().to_string().to_uppercase()
}
