//! The sub-keys of a ring for one codec, derived once per ring.

use zeroize::Zeroizing;

use super::{AeadProvider, Suite};
use crate::{
    crypto::Prf,
    keys::{Key, KeyId, KeyRing},
    time::Timestamp,
};

/// Where a token is valid: the application's context and the cookie's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Domain {
    pub(super) context: String,
    pub(super) name: String,
    /// For a former domain: until when its tokens are still opened.
    pub(super) until: Option<Timestamp>,
}

/// The prepared keys of one ring.
pub(super) struct KeyTable<S: Suite> {
    pub(super) generation: u64,
    ring: KeyRing,
    /// In the order of the ring's keys: its id, beside it for quick search, and its
    /// sub-keys in each domain.
    keyed: Vec<(KeyId, Vec<SubKeys<S>>)>,
}

/// The sub-keys of one key in one domain.
pub(super) struct SubKeys<S: Suite> {
    /// `K_seal` or `K_sign`, by the codec's suite.
    pub(super) token: S::Key,
    /// `K_store`, under which handles are expanded.
    pub(super) store: Prf,
    /// `K_aux`.
    pub(super) auxiliary: S::Key,
}

impl<S: Suite> KeyTable<S> {
    pub(super) fn new(
        ring: &KeyRing,
        generation: u64,
        provider: AeadProvider,
        domains: &[Domain],
    ) -> Self {
        let derive = |key: &Key| {
            let keyed = domains.iter().map(|domain| {
                let sub_key = |purpose| sub_key(key, purpose, &domain.context, &domain.name);
                SubKeys {
                    token: S::prepare(provider, &sub_key(S::PURPOSE)),
                    store: Prf::new(&sub_key(b"SSC1/store\0")),
                    auxiliary: S::prepare(provider, &sub_key(b"SSC1/aux\0")),
                }
            });
            (key.id(), keyed.collect())
        };
        Self {
            generation,
            keyed: ring
                .keys()
                .iter()
                .map(|entry| derive(entry.key()))
                .collect(),
            ring: ring.clone(),
        }
    }

    /// The key that seals at `now`, in the codec's own domain.
    pub(super) fn sealing(&self, now: Timestamp) -> Option<(KeyId, &SubKeys<S>)> {
        let id = self.ring.sealing_key(now)?.key().id();
        Some((id, self.opening(id, now)?.first()?))
    }

    /// The key of that id if it opens at `now`, in each domain.
    pub(super) fn opening(&self, id: KeyId, now: Timestamp) -> Option<&[SubKeys<S>]> {
        self.keyed
            .iter()
            .zip(self.ring.keys())
            .find(|((own, _), entry)| *own == id && entry.opens_at(now))
            .map(|((_, keyed), _)| keyed.as_slice())
    }

    /// Whether a newer key than that one seals at `now`.
    pub(super) fn is_superseded(&self, id: KeyId, now: Timestamp) -> bool {
        self.ring.is_superseded(id, now)
    }
}

/// `K_p = EXPAND(root, "SSC1/" p 0x00 || u16(len ctx) || ctx || u16(len name) || name)`
///
/// `purpose` is `"SSC1/" p 0x00`.
pub(super) fn sub_key(key: &Key, purpose: &[u8], context: &str, name: &str) -> Zeroizing<[u8; 32]> {
    // The builder refuses names and contexts that do not fit 16 bits.
    let len = |text: &str| u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes();
    key.prf().expand(&[
        purpose,
        &len(context),
        context.as_bytes(),
        &len(name),
        name.as_bytes(),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sub_key_is_the_one_of_the_specification() {
        let key = Key::from_bytes(&(0..32).collect::<Vec<_>>()).unwrap();
        let key = sub_key(&key, b"SSC1/seal\0", "example.com", "__Host-session");
        let (high, low) = key.split_first_chunk().unwrap();
        assert_eq!(
            (u128::from_be_bytes(*high), low),
            (
                0x65d3_5b87_b614_6dc1_c19b_2d70_5613_8cc4,
                &0xad5d_d1e4_2cb6_2e8a_d8f9_070f_df90_c6b6_u128.to_be_bytes()[..]
            )
        );
    }
}
