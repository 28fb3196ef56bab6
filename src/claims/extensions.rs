//! Optional claims (SPEC section 4.1): read, checked and carried by every re-seal.

use crate::time::Timestamp;

/// The optional claims of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extensions {
    /// Type 1: the compressed P-256 key of the device that the session is bound to.
    pub(crate) device_key: Option<[u8; 33]>,
    /// Type 2: the stay in the store that an inline session left last.
    pub(crate) stay: Option<u32>,
    /// Type 3: an end of the session's own, beside the policy's.
    pub(crate) end: Option<Timestamp>,
    /// Type 4: the last authentication, where it is later than `created`.
    pub(crate) authenticated: Option<Timestamp>,
}

const DEVICE_KEY: u8 = 1;
const STAY: u8 = 2;
const END: u8 = 3;
const AUTHENTICATED: u8 = 4;

const BROKEN: &str = "the extensions are not as specified";

impl Extensions {
    /// Without what only inline tokens carry.
    pub(crate) fn for_store(self) -> Self {
        Self { stay: None, ..self }
    }

    /// Bytes that they take in the claims; 0 without any.
    pub(crate) fn len(&self) -> usize {
        match self.entries_len() {
            0 => 0,
            len => len.saturating_add(1),
        }
    }

    fn entries_len(&self) -> usize {
        let words = [
            self.stay.is_some(),
            self.end.is_some(),
            self.authenticated.is_some(),
        ];
        let words = words.iter().filter(|it| **it).count();
        let key = if self.device_key.is_some() { 35 } else { 0 };
        words.saturating_mul(6).saturating_add(key)
    }

    /// Appends `u8 total`, then `u8 type, u8 len, bytes` for each; nothing without any.
    pub(crate) fn append(&self, out: &mut Vec<u8>) {
        // At most 53 bytes.
        let Some(total) = u8::try_from(self.entries_len()).ok().filter(|it| *it > 0) else {
            return;
        };
        out.push(total);
        if let Some(key) = &self.device_key {
            out.extend_from_slice(&[DEVICE_KEY, 33]);
            out.extend_from_slice(key);
        }
        let words = [
            (STAY, self.stay),
            (END, self.end.map(Timestamp::unix_seconds)),
            (
                AUTHENTICATED,
                self.authenticated.map(Timestamp::unix_seconds),
            ),
        ];
        for (kind, word) in words {
            if let Some(word) = word {
                out.extend_from_slice(&[kind, 4]);
                out.extend_from_slice(&word.to_be_bytes());
            }
        }
    }

    /// Reads extensions from the start of `bytes`: them, whether one is unknown, and the
    /// rest. The rule that is broken otherwise.
    pub(crate) fn read(bytes: &[u8]) -> Result<(Self, bool, &[u8]), &'static str> {
        let (&total, rest) = bytes.split_first().ok_or(BROKEN)?;
        let (mut entries, rest) = rest.split_at_checked(total.into()).ok_or(BROKEN)?;
        if entries.is_empty() {
            return Err(BROKEN);
        }
        let (mut read, mut unknown, mut last) = (Self::default(), false, 0);
        while let [kind, len, tail @ ..] = entries {
            let (content, tail) = tail.split_at_checked((*len).into()).ok_or(BROKEN)?;
            if *kind <= last {
                return Err("extensions are not in ascending order");
            }
            last = *kind;
            entries = tail;
            unknown |= !read.take(*kind, content)?;
        }
        if entries.is_empty() {
            Ok((read, unknown, rest))
        } else {
            Err(BROKEN)
        }
    }

    /// Takes one extension; `false` if its type is unknown.
    fn take(&mut self, kind: u8, content: &[u8]) -> Result<bool, &'static str> {
        let word = || {
            let bytes: Result<[u8; 4], _> = content.try_into();
            bytes
                .map(u32::from_be_bytes)
                .map_err(|_| "an extension has another length than its type")
        };
        match kind {
            DEVICE_KEY => {
                let key: Option<[u8; 33]> = content.try_into().ok();
                let key = key.filter(|[first, ..]| matches!(first, 2 | 3));
                self.device_key = Some(key.ok_or("the device key is no compressed point")?);
            }
            STAY => self.stay = Some(word()?),
            END => self.end = Some(Timestamp::from_unix_seconds(word()?)),
            AUTHENTICATED => self.authenticated = Some(Timestamp::from_unix_seconds(word()?)),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Extensions {
        let mut key = [7; 33];
        key[0] = 2;
        Extensions {
            device_key: Some(key),
            stay: Some(0x0102_0304),
            end: Some(Timestamp::from_unix_seconds(5)),
            authenticated: Some(Timestamp::from_unix_seconds(6)),
        }
    }

    fn bytes(extensions: &Extensions) -> Vec<u8> {
        let mut out = Vec::new();
        extensions.append(&mut out);
        assert_eq!(out.len(), extensions.len());
        out
    }

    #[test]
    fn extensions_are_laid_out_as_specified() {
        let written = bytes(&all());
        assert_eq!(written[..4], [53, 1, 33, 2]);
        assert_eq!(
            written[36..],
            *b"\x02\x04\x01\x02\x03\x04\x03\x04\0\0\0\x05\x04\x04\0\0\0\x06"
        );
        assert_eq!(bytes(&Extensions::default()), b"");
        assert_eq!(bytes(&all().for_store()).len(), 48);
    }

    #[test]
    fn every_choice_of_extensions_round_trips() {
        for choice in 0..16_u8 {
            let with = |bit: u8| choice & bit != 0;
            let some = Extensions {
                device_key: all().device_key.filter(|_| with(1)),
                stay: all().stay.filter(|_| with(2)),
                end: all().end.filter(|_| with(4)),
                authenticated: all().authenticated.filter(|_| with(8)),
            };
            let mut written = bytes(&some);
            if choice > 0 {
                written.extend_from_slice(b"rest");
                assert_eq!(Extensions::read(&written), Ok((some, false, &b"rest"[..])));
            }
        }
    }

    #[test]
    fn broken_extensions_are_refused() {
        let refused = |bytes: &[u8]| assert!(Extensions::read(bytes).is_err(), "{bytes:?}");
        let good = bytes(&all());
        for len in 0..good.len() {
            refused(&good[..len]);
        }
        for bytes in [
            &[0][..],
            &[1, 9],
            &[2, 0, 0],
            &[3, 9, 0, 9],
            &[3, 9, 2, 0],
            &[4, 9, 0, 9, 0],
            &[4, 9, 0, 8, 0],
            &[5, 2, 3, 0, 0, 0],
            &[7, 3, 5, 0, 0, 0, 0, 0],
        ] {
            refused(bytes);
        }
        for first in [0, 1, 4, 0xff] {
            let mut key = good.clone();
            key[3] = first;
            refused(&key);
        }
    }

    #[test]
    fn an_unknown_type_is_noticed_and_skipped() {
        let read = Extensions::read(&[4, 5, 0, 0xff, 0, 1]);
        assert_eq!(read, Ok((Extensions::default(), true, &[1][..])));
    }
}
