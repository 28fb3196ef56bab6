//! When a body is compressed, and how it is padded (SPEC section 6).

/// What may be compressed: a length that depends on compression tells something about what
/// was compressed to whoever can put text beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compression(pub(super) Mode);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    #[default]
    InStore,
    WhenNeeded,
    Never,
    Always,
}

impl Compression {
    /// The default: cookies never, so that their length depends on the length of a session
    /// and on nothing else. What does not fit moves to a store, whose records are
    /// padded, and compressed from 4,096 bytes on: only who reads the store's rows sees
    /// their lengths.
    pub const IN_STORE: Self = Self(Mode::InStore);

    /// Nothing is ever compressed, in cookies or stores.
    pub const NEVER: Self = Self(Mode::Never);

    /// As [`IN_STORE`](Self::IN_STORE), and a session that does not fit its cookie is
    /// compressed there too, and padded to a size class: for sessions that must grow and
    /// have no store.
    ///
    /// # Danger
    /// Whether a session fits, and its class, can be seen. An attacker who can put kilobytes
    /// of text beside a secret, and asks thousands of times, finds where a class ends, and
    /// so the secret.
    #[must_use]
    pub const fn dangerous_when_needed() -> Self {
        Self(Mode::WhenNeeded)
    }

    /// Compresses every session and pads no cookie.
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
