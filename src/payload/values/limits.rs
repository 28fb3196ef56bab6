//! How deep values may be nested.

use super::ValueError;

/// How many arrays and maps may be nested in each other.
///
/// The top-level map of a [`Values`](super::Values) is the first level. Anything
/// deeper is [`ValueError::TooDeep`], whether it is converted, written or read.
pub const MAX_DEPTH: usize = 64;

/// What may still be nested at some place.
#[derive(Clone, Copy)]
pub(super) struct Depth {
    levels: usize,
    wrappers: usize,
}

impl Depth {
    /// Outside of any array or map.
    pub(super) const ROOT: Self = Self {
        levels: MAX_DEPTH,
        wrappers: 4 * MAX_DEPTH,
    };

    /// One array or map further in.
    #[inline]
    pub(super) fn enter(self) -> Result<Self, ValueError> {
        let levels = self.levels.checked_sub(1).ok_or(ValueError::TooDeep)?;
        Ok(Self { levels, ..self })
    }

    /// One `Some` or newtype further in. They leave no trace in a `Value`, but
    /// a type that consists of nothing else would recurse without end.
    pub(super) fn wrap(self) -> Result<Self, ValueError> {
        let wrappers = self.wrappers.checked_sub(1).ok_or(ValueError::TooDeep)?;
        Ok(Self { wrappers, ..self })
    }
}

/// The capacity to reserve when that many entries are announced. The number can be an
/// attacker's.
pub(super) fn capacity(announced: usize) -> usize {
    announced.min(64)
}
