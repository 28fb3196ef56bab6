//! Payloads from 64 bytes to 64 KiB, and the sizes at which the strategies cross.
//!
//! Sizes are exact, so their crossings are found by bisection over what the codec plans.
//! Times are measured at each point and read off the straight line between two points in
//! between, and their crossing is found by bisection over that.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{
    cost::{Load, request_millis},
    report::{Crossing, CrossingKind, SweepPoint, SweepWay, Way},
};
use crate::{EncryptedCodec, SealError, SessionData};

/// The points that are measured, in bytes of payload; and the largest that a cookie holds.
pub(super) const SIZES: [usize; 11] = [
    64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768, 65_536,
];

/// In words, for the report.
pub(super) const PAYLOAD: &str =
    "random bytes, which do not compress: the hardest payload for a cookie";

/// Characters of the value of a reference without a subject (SPEC-STORE section 1).
const REFERENCE_CHARACTERS: usize = 163;

/// A payload and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filler(pub(super) Vec<u8>);

impl Filler {
    /// Bytes that do not compress: xorshift64, the same every time.
    pub(super) fn random(len: usize) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let next = core::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let [byte, ..] = state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_be_bytes();
            byte
        });
        Self(next.take(len).collect())
    }

    /// Bytes that repeat themselves as the entries of a list do.
    pub(super) fn repeated(len: usize) -> Self {
        const ENTRY: &[u8] = b"{\"sku\":\"MX-2041\",\"name\":\"espresso cup\",\"qty\":2},";
        Self(ENTRY.iter().copied().cycle().take(len).collect())
    }
}

impl SessionData for Filler {}

impl Serialize for Filler {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Filler {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl de::Visitor<'_> for Bytes {
            type Value = Filler;

            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Filler, E> {
                Ok(Filler(bytes.to_vec()))
            }

            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Filler, E> {
                Ok(Filler(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}

/// The largest value up to `most` for which `holds`, which holds up to some value and not
/// after it; `None` if it does not hold for 0.
pub(super) fn largest(most: usize, mut holds: impl FnMut(usize) -> bool) -> Option<usize> {
    if !holds(0) {
        return None;
    }
    let (mut low, mut high) = (0, most.saturating_add(1));
    while high.saturating_sub(low) > 1 {
        let middle = usize::midpoint(low, high);
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(low)
}

/// The crossings that follow from sizes alone, and the largest payload of a cookie.
pub(super) fn sizes(
    wide: &EncryptedCodec,
    compressing: &EncryptedCodec,
    budgeted: &EncryptedCodec,
) -> Result<(Vec<Crossing>, usize), SealError> {
    let identity = wide.new_identity()?;
    let fits = |codec: &EncryptedCodec, data: &Filler| {
        codec.plan(&identity, data).is_ok_and(|plan| plan.fits())
    };
    let most = SIZES.last().copied().unwrap_or_default();
    let holds = largest(most, |len| fits(wide, &Filler::random(len)));
    let compressed = largest(most, |len| fits(compressing, &Filler::repeated(len)));
    let keeps = largest(most, |len| fits(budgeted, &Filler::random(len)));
    let reference = wide.name().len().saturating_add(REFERENCE_CHARACTERS);
    let shorter = largest(most, |len| {
        let plan = wide.plan(&identity, &Filler::random(len));
        plan.is_ok_and(|plan| plan.cookie_len() <= reference)
    });
    let longer = shorter.map(|len| len.saturating_add(1));
    let crossing = |kind, payload_bytes: Option<usize>, text: &dyn Fn(usize) -> String| Crossing {
        kind,
        store: None,
        payload_bytes,
        text: payload_bytes.map_or_else(|| "no payload at all".to_owned(), text),
    };
    let limit = wide.limit();
    let budget = budgeted.limit();
    let crossings = vec![
        crossing(CrossingKind::CookieHolds, holds, &|len| {
            format!("a cookie of {limit} bytes carries {len} bytes that do not compress")
        }),
        crossing(CrossingKind::CookieHoldsCompressed, compressed, &|len| {
            format!(
                "and {len} bytes that repeat themselves, where compression in cookies is asked \
                 for; its length then tells something of the content"
            )
        }),
        crossing(CrossingKind::AutomaticMoves, keeps, &|len| {
            format!(
                "the automatic strategy keeps up to {len} bytes in the cookie, by its budget of \
                 {budget}"
            )
        }),
        crossing(CrossingKind::CookieIsLonger, longer, &|len| {
            format!("from {len} bytes on the cookie is longer than a reference to a store")
        }),
    ];
    Ok((crossings, holds.unwrap_or_default()))
}

/// From which payload on a store answers sooner than the cookie, with this load's round
/// trip and uplink: the smallest at which it does, found by bisection.
pub(super) fn faster(points: &[SweepPoint], store: &str, load: &Load, holds: usize) -> Crossing {
    let sooner = |payload: usize| {
        let at = |way, store| request_at(points, way, store, payload as f64, load);
        Some(at(Way::Store, Some(store))? < at(Way::Cookie, None)?)
    };
    let smallest = SIZES.first().copied().unwrap_or_default();
    let (conditions, beyond) = (
        format!(
            "with {} ms to the store and {} Mbit/s from the browser",
            load.round_trip_millis, load.uplink_megabits
        ),
        format!("as far as a cookie goes, {holds} bytes"),
    );
    let (payload_bytes, text) = match (sooner(smallest), sooner(holds)) {
        (None, _) | (_, None) => (None, "not measured".to_owned()),
        (_, Some(false)) => (
            None,
            format!("{store} is never sooner than the cookie, {conditions}, {beyond}"),
        ),
        (Some(true), _) => (
            Some(smallest),
            format!("{store} is sooner than the cookie from the smallest payload on, {conditions}"),
        ),
        (Some(false), Some(true)) => {
            let slower = largest(holds, |len| sooner(len.max(smallest)) == Some(false));
            let from = slower.map(|len| len.saturating_add(1));
            let shown = from.unwrap_or_default();
            (
                from,
                format!("{store} is sooner than the cookie from {shown} bytes on, {conditions}"),
            )
        }
    };
    Crossing {
        kind: CrossingKind::StoreIsFaster,
        store: Some(store.to_owned()),
        payload_bytes,
        text,
    }
}

/// Milliseconds of a mean request of this load at a payload between two points.
fn request_at(
    points: &[SweepPoint],
    way: Way,
    store: Option<&str>,
    payload: f64,
    load: &Load,
) -> Option<f64> {
    let known = points.iter().filter_map(|point| {
        let found = |it: &&SweepWay| it.way == way && it.store.as_deref() == store;
        let way = point.ways.iter().find(found)?;
        Some((point.payload_bytes as f64, sweep_millis(way, load)?))
    });
    let mut below: Option<(f64, f64)> = None;
    for (size, millis) in known {
        if size >= payload {
            return Some(match below {
                Some((from, start)) if size > from => {
                    start + (millis - start) * (payload - from) / (size - from)
                }
                _ => millis,
            });
        }
        below = Some((size, millis));
    }
    None
}

fn sweep_millis(way: &SweepWay, load: &Load) -> Option<f64> {
    let (read, change) = (way.read?, way.change?);
    let work = super::cost::mixed(load, read.p50, change.p50) / 1e6;
    let trips = super::cost::mixed(load, way.round_trips.read, way.round_trips.change);
    Some(request_millis(
        load,
        work,
        trips,
        way.request_header_bytes as f64,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bisection_finds_the_last_value_that_holds() {
        for most in [0_usize, 1, 2, 7, 100, 65_536] {
            for last in [0, 1, most / 2, most] {
                let last = last.min(most);
                assert_eq!(largest(most, |value| value <= last), Some(last));
            }
        }
        assert_eq!(largest(10, |_| false), None);
    }

    #[test]
    fn fillers_have_their_length_and_only_one_kind_compresses() {
        for len in [0, 1, 64, 3_000] {
            let random = Filler::random(len);
            assert_eq!(random.0.len(), len);
            assert_eq!(Filler::repeated(len).0.len(), len);
        }
        let deflated = |data: &Filler| miniz_oxide::deflate::compress_to_vec(&data.0, 6).len();
        assert!(deflated(&Filler::random(3_000)) >= 3_000);
        assert!(deflated(&Filler::repeated(3_000)) < 300);
    }
}
