//! When a body is compressed, and how it is padded (SPEC section 6).

/// Whether a session that does not fit may be compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compression(pub(super) Mode);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    #[default]
    WhenNeeded,
    Never,
    Always,
}

impl Compression {
    /// The default: a session that fits stays as it is, so that the length of ordinary
    /// cookies tells nothing about their content. One that would not fit is compressed,
    /// and padded to a size class. What remains to be seen is whether a session fits, and
    /// its class. An attacker who can put kilobytes of text beside a secret, and asks
    /// thousands of times, finds where a class ends, and so the secret: such sessions need
    /// [`NEVER`](Self::NEVER).
    pub const WHEN_NEEDED: Self = Self(Mode::WhenNeeded);

    /// Nothing is ever compressed: no length depends on what a session repeats.
    pub const NEVER: Self = Self(Mode::Never);

    /// Compresses every session and pads none.
    ///
    /// # Danger
    /// Where an attacker can put text into a session beside a secret, and see the length
    /// of the cookie, the secret can be guessed character by character (CRIME, BREACH).
    #[must_use]
    pub const fn dangerous_always() -> Self {
        Self(Mode::Always)
    }
}

/// The padded length of a compressed body of `len` bytes, its length field included, if
/// it is at most `room`.
///
/// The classes are multiples of an eighth of the next power of two, and of 512 bytes at
/// least; the last class is `room` itself.
pub(super) fn padded_len(len: usize, room: usize) -> Option<usize> {
    let with_length = len.checked_add(4)?;
    if with_length > room {
        return None;
    }
    let step = (with_length.checked_next_power_of_two()? / 8).max(512);
    Some(with_length.next_multiple_of(step).min(room))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_has_few_classes_and_never_passes_the_room() {
        assert_eq!(padded_len(0, 2_973), Some(512));
        assert_eq!(padded_len(508, 2_973), Some(512));
        assert_eq!(padded_len(509, 2_973), Some(1_024));
        assert_eq!(padded_len(2_700, 2_973), Some(2_973));
        assert_eq!(padded_len(2_969, 2_973), Some(2_973));
        assert_eq!(padded_len(2_970, 2_973), None);
        assert_eq!(padded_len(40_000, 1 << 20), Some(40_960));
        assert_eq!(padded_len(usize::MAX, usize::MAX), None);
        let classes: std::collections::BTreeSet<_> = (0..2_969)
            .filter_map(|len| padded_len(len, 2_973))
            .collect();
        assert_eq!(classes.len(), 6);
    }
}
