//! The value of a set. (first, plain form)

/// First form.
#[derive(Debug, Default, Clone)]
pub struct Set {}

impl Set {
    /// Number of elements.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "Collection::is_empty")]
    pub fn len(&self) -> usize {
        0
    }

    /// Name as OBJECT ENCODING gives it.
    #[must_use]
    pub fn encoding(&self) -> &'static str {
        "listpack"
    }
}
