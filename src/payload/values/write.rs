//! From a [`Map`] to CBOR (SPEC 8.2).

use core::convert::Infallible;

use minicbor::{Encoder, encode};

use super::map::{Key, Map};
use super::rows::Rows;
use super::{Depth, Value, ValueError, packed};
use crate::{payload::encoded::Growing, wiped::Wiped};

pub(super) type Output = Encoder<Growing>;

/// The CBOR of a map: the shortest in all that the format leaves open.
pub(super) fn write(map: &Map) -> Result<Wiped, ValueError> {
    let mut out = Encoder::new(Growing::default());
    write_map(&mut out, map, None, Depth::ROOT)?;
    Ok(out.into_writer().0)
}

fn write_value(out: &mut Output, value: &Value, depth: Depth) -> Result<(), ValueError> {
    match value {
        Value::Null => out.null()?.ok()?,
        Value::Bool(v) => out.bool(*v)?.ok()?,
        Value::Int(n) => out.i64(*n)?.ok()?,
        Value::UInt(n) => out.u64(*n)?.ok()?,
        Value::Float(n) => write_float(out, *n)?,
        Value::Text(text) => packed::write(out, text)?,
        Value::Bytes(bytes) => out.bytes(bytes)?.ok()?,
        Value::Array(items) => {
            let depth = depth.enter()?;
            out.array(length(items.len()))?;
            let mut rows = Rows::default();
            for item in items {
                match item {
                    Value::Map(map) => write_map(out, map, Some(&mut rows), depth)?,
                    _ => write_value(out, item, depth)?,
                }
            }
        }
        Value::Map(map) => write_map(out, map, None, depth)?,
    }
    Ok(())
}

/// Writes a map. `rows` is what the earlier maps of the same array had.
fn write_map<'a>(
    out: &mut Output,
    map: &'a Map,
    mut rows: Option<&mut Rows<&'a Key>>,
    depth: Depth,
) -> Result<(), ValueError> {
    let depth = depth.enter()?;
    out.map(length(map.len()))?;
    for (key, value) in map.entries() {
        let row = rows.as_mut().and_then(|rows| rows.place(&key));
        write_key(out, key, row)?;
        write_value(out, value, depth)?;
    }
    Ok(())
}

/// Writes a key in the shortest of its forms; of equals, the first of table, row, text.
fn write_key(out: &mut Output, key: &Key, row: Option<usize>) -> Result<(), ValueError> {
    let row = row.map(length);
    let row_len = row.map_or(usize::MAX, head_len);
    match (key, row) {
        (Key::Table(number, _), _) if head_len((*number).into()) <= row_len => out.u8(*number)?,
        // -1 - n
        (_, Some(n)) if row_len <= key.len().saturating_add(1) => out.i64(!n.cast_signed())?,
        _ => out.str(key)?,
    };
    Ok(())
}

/// Writes the shortest float that is exact.
fn write_float(out: &mut Output, float: f64) -> Result<(), ValueError> {
    if !float.is_finite() {
        return Err(ValueError::NotFinite);
    }
    let single = as_single(float);
    if let Some(half) = as_half(float) {
        out.writer_mut().extend(&[0xf9]);
        out.writer_mut().extend(&half.to_be_bytes());
    } else if f64::from(single) == float {
        out.f32(single)?;
    } else {
        out.f64(float)?;
    }
    Ok(())
}

#[expect(clippy::cast_possible_truncation, reason = "the nearest is asked for")]
pub(super) fn as_single(float: f64) -> f32 {
    float as f32
}

/// The same number in IEEE 754 binary16, if it has one.
pub(super) fn as_half(float: f64) -> Option<u16> {
    let bits = float.to_bits();
    let sign = (bits >> 48) & 0x8000;
    let exponent = (bits >> 52) & 0x7ff;
    // Biased by 1023 there and by 15 here, less 1 for the bit that is not written; a smaller
    // number has its fraction shifted.
    let (exponent, lost) = match exponent {
        1009..=1038 => (exponent.saturating_sub(1009), 42),
        999..=1008 => (0, 1051_u64.saturating_sub(exponent)),
        0 if bits << 1 == 0 => return u16::try_from(sign).ok(),
        _ => return None,
    };
    let fraction = (bits & 0x000f_ffff_ffff_ffff) | 0x0010_0000_0000_0000;
    let half = sign | (exponent << 10).saturating_add(fraction >> lost);
    let exact = fraction.trailing_zeros() >= u32::try_from(lost).ok()?;
    exact.then(|| u16::try_from(half).ok())?
}

/// A number of IEEE 754 binary16.
pub(super) fn from_half(half: u16) -> f64 {
    let (exponent, fraction) = ((half >> 10) & 0x1f, f64::from(half & 0x3ff));
    let magnitude = match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 => f64::INFINITY,
        _ => (fraction + 1024.0) * 2_f64.powi(i32::from(exponent).saturating_sub(25)),
    };
    if half >> 15 == 0 {
        magnitude
    } else {
        -magnitude
    }
}

/// The bytes of a shortest head with this argument.
pub(super) const fn head_len(argument: u64) -> usize {
    match argument {
        0..=0x17 => 1,
        0x18..=0xff => 2,
        0x100..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => 9,
    }
}

pub(super) fn length(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

impl encode::Write for Growing {
    type Error = Infallible;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.extend(bytes);
        Ok(())
    }
}

/// Memory does not fail to be written.
impl From<encode::Error<Infallible>> for ValueError {
    fn from(_: encode::Error<Infallible>) -> Self {
        Self::Unserializable
    }
}

#[cfg(test)]
mod tests {
    use super::super::read::read;
    use super::*;

    /// What this JSON becomes, in hex; it is read as the same.
    fn cbor(json: &str) -> String {
        let map: Map = serde_json::from_str(json).unwrap();
        let bytes = write(&map).unwrap();
        assert_eq!(read(&bytes), Some(map));
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The bytes of one value under the key `x`.
    fn value(json: &str) -> String {
        let map = cbor(&format!(r#"{{"x":{json}}}"#));
        map.strip_prefix("a16178").unwrap().to_owned()
    }

    #[test]
    fn integers_have_the_shortest_heads() {
        for (json, hex) in [
            ("0", "00"),
            ("23", "17"),
            ("24", "1818"),
            ("255", "18ff"),
            ("256", "190100"),
            ("65535", "19ffff"),
            ("65536", "1a00010000"),
            ("4294967295", "1affffffff"),
            ("4294967296", "1b0000000100000000"),
            ("18446744073709551615", "1bffffffffffffffff"),
            ("-1", "20"),
            ("-24", "37"),
            ("-25", "3818"),
            ("-256", "38ff"),
            ("-9223372036854775808", "3b7fffffffffffffff"),
        ] {
            assert_eq!(value(json), hex);
        }
    }

    /// The last four are the smallest and the largest of binary16.
    #[test]
    fn floats_are_the_shortest_that_are_exact() {
        for (json, hex) in [
            ("0.0", "f90000"),
            ("-0.0", "f98000"),
            ("1.0", "f93c00"),
            ("-4.5", "f9c480"),
            ("1.1", "fb3ff199999999999a"),
            ("3.4028234663852886e38", "fa7f7fffff"),
            ("1e300", "fb7e37e43c8800759c"),
            ("5e-324", "fb0000000000000001"),
            ("1.401298464324817e-45", "fa00000001"),
            ("65505.0", "fa477fe100"),
            ("65536.0", "fa47800000"),
            ("2.9802322387695312e-8", "fa33000000"),
            ("5.960464477539063e-8", "f90001"),
            ("0.00006097555160522461", "f903ff"),
            ("0.00006103515625", "f90400"),
            ("65504.0", "f97bff"),
        ] {
            assert_eq!(value(json), hex);
        }
    }

    #[test]
    fn every_binary16_is_written_as_it_is_read() {
        for half in 0..=u16::MAX {
            let float = from_half(half);
            let finite = half & 0x7c00 != 0x7c00;
            assert_eq!(float.is_finite(), finite);
            assert_eq!(as_half(float), finite.then_some(half), "{half:04x}");
        }
        assert_eq!(as_half(f64::NAN), None);
    }

    #[test]
    fn floats_that_json_does_not_have_are_refused() {
        for float in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut map = Map::new();
            map.insert("x", float);
            assert_eq!(write(&map).err(), Some(ValueError::NotFinite));
        }
    }

    #[test]
    fn the_other_values_are_plain_cbor() {
        for (json, hex) in [
            ("null", "f6"),
            ("false", "f4"),
            ("true", "f5"),
            (r#""""#, "60"),
            (r#""é""#, "62c3a9"),
            ("[]", "80"),
            ("[1,[2]]", "82018102"),
            ("{}", "a0"),
        ] {
            assert_eq!(value(json), hex);
        }
        let mut map = Map::new();
        map.insert("x", vec![0_u8, 255]);
        assert_eq!(*write(&map).unwrap(), *b"\xa1\x61x\x42\x00\xff");
    }

    /// `auth_time` has the number 0, `user_id` 22, `username` 23 and `access_token` 24.
    #[test]
    fn names_of_the_table_are_numbers_and_maps_are_sorted_by_name() {
        assert_eq!(cbor("{}"), "a0");
        assert_eq!(
            cbor(r#"{"username":1,"b":2,"access_token":3,"auth_time":4,"user_id":5}"#),
            "a5181803000461620216051701"
        );
        assert_eq!(value(r#"{"user_id":1}"#), "a11601");
    }

    #[test]
    fn rows_refer_to_the_keys_of_earlier_rows() {
        // A reference of one byte beats text, and a name of the table that takes two.
        assert_eq!(
            value(r#"[{"b":1,"aud":2},{"b":3,"aud":4},5,{"c":6,"b":7}]"#),
            "84a2182002616201a22004210305a22107616306"
        );
        // A name of the table that takes one is as short, and comes first.
        assert_eq!(value(r#"[{"user_id":1},{"user_id":2}]"#), "82a11601a11602");
        // Neither a nested map nor another array refers to what is outside.
        assert_eq!(
            value(r#"[{"b":{"b":[{"b":1}]}},[{"b":2}]]"#),
            "82a16162a1616281a161620181a1616202"
        );
        // The empty key is as short as a reference, which comes first.
        assert_eq!(value(r#"[{"":1},{"":2}]"#), "82a16001a12002");
    }

    #[test]
    fn a_reference_that_is_longer_than_its_key_is_not_written() {
        // 24 keys before these three: an empty one, one of a letter, a name of two bytes.
        let first: Vec<String> = (0..24).map(|n| format!(r#""A{n:02}":0"#)).collect();
        let rows = format!(
            r#"[{{{}}},{{"":1,"b":1,"aud":1}},{{"":2,"b":2,"aud":2}}]"#,
            first.join(",")
        );
        let hex = value(&rows);
        // As text, by number, and by the place 26.
        assert!(hex.ends_with("a36002182002381a02"), "{hex}");
    }

    #[test]
    fn what_is_nested_too_deep_is_refused() {
        let nested = |levels| {
            let inner = (1..levels).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
            let mut map = Map::new();
            map.insert("x", inner);
            map
        };
        assert_eq!(read(&write(&nested(64)).unwrap()), Some(nested(64)));
        assert_eq!(write(&nested(65)).err(), Some(ValueError::TooDeep));
    }
}
