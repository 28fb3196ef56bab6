//! From CBOR to a [`Map`], strictly (SPEC 8.2).
//!
//! `minicbor` reads items one by one. It accepts heads that are not the shortest and bounds
//! neither depth nor counts: that is done here, before anything is allocated.

use minicbor::data::Type;
use minicbor::decode::{Decoder, Error};

use super::limits::capacity;
use super::map::{Key, Map};
use super::rows::Rows;
use super::write::{as_half, as_single, from_half, head_len, length};
use super::{MAX_DEPTH, Value, packed, table};

/// The map whose CBOR is `bytes`, all of them.
pub(super) fn read(bytes: &[u8]) -> Option<Map> {
    let mut reader = Reader(Decoder::new(bytes));
    let map = reader.map(MAX_DEPTH, None)?;
    (reader.left() == 0).then_some(map)
}

/// Reads CBOR from its beginning.
pub(super) struct Reader<'a>(Decoder<'a>);

impl<'a> Reader<'a> {
    /// How many bytes are left.
    fn left(&self) -> usize {
        let len = self.0.input().len();
        len.saturating_sub(self.0.position())
    }

    /// Reads an item whose head has to be the shortest: `parts` are its argument and how many
    /// bytes follow the head.
    fn strict<T>(
        &mut self,
        read: impl FnOnce(&mut Decoder<'a>) -> Result<T, Error>,
        parts: impl FnOnce(&T) -> (u64, usize),
    ) -> Option<T> {
        let before = self.left();
        let item = read(&mut self.0).ok()?;
        let (argument, content) = parts(&item);
        let taken = before.saturating_sub(self.left());
        (taken == head_len(argument).saturating_add(content)).then_some(item)
    }

    fn unsigned(&mut self) -> Option<u64> {
        self.strict(Decoder::u64, |&n| (n, 0))
    }

    fn negative(&mut self) -> Option<i64> {
        self.strict(Decoder::i64, |&n| ((!n).cast_unsigned(), 0))
    }

    pub(super) fn tag(&mut self) -> Option<u64> {
        let tag = self.strict(Decoder::tag, |&tag| (tag.into(), 0))?;
        Some(tag.into())
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        self.strict(Decoder::bytes, |bytes| (length(bytes.len()), bytes.len()))
    }

    fn text(&mut self) -> Option<&'a str> {
        self.strict(Decoder::str, |text| (length(text.len()), text.len()))
    }

    /// Reads the head of an array or a map, each of whose entries takes `least` bytes or more.
    pub(super) fn count(
        &mut self,
        read: impl FnOnce(&mut Decoder<'a>) -> Result<Option<u64>, Error>,
        least: usize,
    ) -> Option<usize> {
        let count = self.strict(read, |count| (count.unwrap_or(u64::MAX), 0))??;
        let count = usize::try_from(count).ok()?;
        (count.saturating_mul(least) <= self.left()).then_some(count)
    }

    /// Reads a value that may hold `depth` levels of arrays and maps.
    fn value(&mut self, depth: usize) -> Option<Value> {
        Some(match self.0.datatype().ok()? {
            Type::Null => self.0.null().map(|()| Value::Null).ok()?,
            Type::Bool => Value::Bool(self.0.bool().ok()?),
            Type::U8 | Type::U16 | Type::U32 | Type::U64 => Value::UInt(self.unsigned()?),
            Type::I8 | Type::I16 | Type::I32 | Type::I64 => Value::Int(self.negative()?),
            Type::F16 | Type::F32 | Type::F64 => Value::Float(self.float()?),
            Type::Bytes => Value::Bytes(self.bytes()?.to_vec()),
            Type::String => Value::Text(self.text()?.to_owned()),
            Type::Array => Value::Array(self.array(depth)?),
            Type::Map => Value::Map(self.map(depth, None)?),
            Type::Tag => Value::Text(packed::read(self)?),
            _ => return None,
        })
    }

    /// Reads a finite float, in the shortest form that is exact.
    fn float(&mut self) -> Option<f64> {
        let start = self.0.position();
        let (head, rest) = self.0.input().get(start..)?.split_first()?;
        let (float, is_shortest) = match head {
            0xf9 => {
                self.0.set_position(start.saturating_add(3));
                (from_half(u16::from_be_bytes(*rest.first_chunk()?)), true)
            }
            0xfa => {
                let float = self.0.f32().ok()?.into();
                (float, as_half(float).is_none())
            }
            _ => {
                let float = self.0.f64().ok()?;
                (float, as_single(float).is_none())
            }
        };
        (float.is_finite() && is_shortest).then_some(float)
    }

    fn array(&mut self, depth: usize) -> Option<Vec<Value>> {
        let depth = depth.checked_sub(1)?;
        let count = self.count(Decoder::array, 1)?;
        let mut items = Vec::with_capacity(capacity(count));
        let mut rows = Rows::default();
        for _ in 0..count {
            items.push(if self.0.datatype().ok()? == Type::Map {
                Value::Map(self.map(depth, Some(&mut rows))?)
            } else {
                self.value(depth)?
            });
        }
        Some(items)
    }

    /// Reads a map. `rows` is what the earlier maps of the same array had.
    fn map(&mut self, depth: usize, mut rows: Option<&mut Rows<Key>>) -> Option<Map> {
        let depth = depth.checked_sub(1)?;
        let count = self.count(Decoder::map, 2)?;
        let mut entries: Vec<(Key, Value)> = Vec::with_capacity(capacity(count));
        for _ in 0..count {
            let key = self.key(rows.as_deref_mut())?;
            if entries.last().is_some_and(|(last, _)| **last >= *key) {
                return None;
            }
            entries.push((key, self.value(depth)?));
        }
        Some(Map::from_sorted(entries))
    }

    fn key(&mut self, rows: Option<&mut Rows<Key>>) -> Option<Key> {
        let key = match self.0.datatype().ok()? {
            Type::U8 | Type::U16 | Type::U32 | Type::U64 => table::get(self.unsigned()?)?,
            Type::I8 | Type::I16 | Type::I32 | Type::I64 => {
                // -1 - n
                let place = usize::try_from(!self.negative()?).ok()?;
                return rows?.get(place).cloned();
            }
            Type::String => Key::new(self.text()?),
            _ => return None,
        };
        if let Some(rows) = rows {
            rows.place(&key);
        }
        Some(key)
    }
}
