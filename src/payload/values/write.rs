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
        (Key::Table(number), _) if head_len((*number).into()) <= row_len => out.u8(*number)?,
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
    if let Some(half) = as_half(float) {
        out.writer_mut().extend(&[0xf9]);
        out.writer_mut().extend(&half.to_be_bytes());
    } else if let Some(single) = as_single(float) {
        out.f32(single)?;
    } else {
        out.f64(float)?;
    }
    Ok(())
}

/// The same number in IEEE 754 binary32, if it has one.
#[expect(clippy::cast_possible_truncation, reason = "compared afterwards")]
pub(super) fn as_single(float: f64) -> Option<f32> {
    let single = float as f32;
    (f64::from(single).to_bits() == float.to_bits()).then_some(single)
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
    use super::*;

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
}
