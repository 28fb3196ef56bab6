//! Reads the vectors; `README.md` describes them. Shared by `tests/vectors.rs` and the unit
//! tests beside the code.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a vector that cannot be read fails the test; each user needs a part of this"
)]

use core::time::Duration;
use std::{collections::VecDeque, fs, path::Path, sync::Mutex};

use sealed_session::{
    OpenError, Policy, SealError, SessionData, Values,
    codec::{Codec, CodecBuilder, Suite},
    expiry::Lifetimes,
    keys::{Key, KeyRing, RingKey},
    payload::{
        Compression,
        values::{Map, Value},
    },
    random::{Random, RandomError},
    time::{TestClock, Timestamp},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

/// The vectors of a file.
pub(crate) fn vectors(file: &str) -> Vec<Json> {
    match read(file) {
        Json::Array(vectors) if !vectors.is_empty() => vectors,
        _ => panic!("{file}.json holds no vectors"),
    }
}

/// That part of a vector (`seal` or `open`), with the fields that the vector leaves out.
pub(crate) fn filled(vector: &Json, part: &str) -> Json {
    let mut all = read("defaults")[part].take();
    let given = vector[part].as_object().unwrap().clone();
    all.as_object_mut().unwrap().extend(given);
    all
}

fn read(file: &str) -> Json {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/vectors/{file}.json"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

pub(crate) fn is_accepted(vector: &Json) -> bool {
    match string(&vector["verdict"]) {
        "accept" => true,
        "reject" => false,
        other => panic!("verdict {other}"),
    }
}

pub(crate) fn string(json: &Json) -> &str {
    json.as_str().unwrap_or_else(|| panic!("no text: {json}"))
}

pub(crate) fn hex(json: &Json) -> Vec<u8> {
    let text = string(json);
    assert!(text.is_ascii() && text.len().is_multiple_of(2), "{text}");
    (0..text.len() / 2)
        .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
        .collect()
}

pub(crate) fn array<const N: usize>(json: &Json) -> [u8; N] {
    hex(json).try_into().unwrap()
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

pub(crate) fn from_base64url(json: &Json) -> Vec<u8> {
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
    BASE64_URL_SAFE_NO_PAD.decode(string(json)).unwrap()
}

/// Bytes as a vector shows them: in full, or their length and hash.
pub(crate) fn shown(bytes: &[u8], like: &Json) -> Json {
    if like.is_string() {
        json!(to_hex(bytes))
    } else {
        json!({"len": bytes.len(), "sha256": to_hex(&Sha256::digest(bytes))})
    }
}

pub(crate) fn at(json: &Json) -> Timestamp {
    Timestamp::from_unix_seconds(u32::try_from(json.as_u64().unwrap()).unwrap())
}

pub(crate) fn seconds(json: &Json) -> Duration {
    Duration::from_secs(json.as_u64().unwrap())
}

/// The error's category and reason are those of `expect`.
pub(crate) fn check_error(name: &str, error: &OpenError, expect: &Json) {
    assert_eq!(
        (error.kind().as_str(), error.reason()),
        (string(&expect["category"]), string(&expect["reason"])),
        "{name}"
    );
}

// --- Codecs

/// The name of a policy's class, of which vectors have the number only.
pub(crate) fn class_name(class: u64) -> Option<String> {
    (class != 0).then(|| format!("class {class}"))
}

pub(crate) fn policy(json: &Json) -> Policy {
    let mut lifetimes = json
        .as_array()
        .unwrap()
        .iter()
        .map(|each| Lifetimes::new(seconds(&each[0]), seconds(&each[1])).unwrap());
    let first = Policy::from(lifetimes.next().unwrap());
    (1..).zip(lifetimes).fold(first, |policy, (class, each)| {
        policy.with_class(class_name(class).unwrap(), each).unwrap()
    })
}

pub(crate) fn ring(json: &Json) -> KeyRing {
    let keys = json.as_array().unwrap().iter().map(|each| {
        let key = RingKey::new(Key::from_bytes(&hex(&each[0])).unwrap(), at(&each[1]));
        match &each[2] {
            Json::Null => key,
            until => key.with_opens_until(at(until)),
        }
    });
    KeyRing::dangerous_with_published_keys(keys).unwrap()
}

/// The codec that opens, from `open` with all its fields.
pub(crate) fn opener<S: Suite>(open: &Json) -> CodecBuilder<S> {
    let codec = codec(open, ring(&open["keys"]));
    open["accept_also"]
        .as_array()
        .unwrap()
        .iter()
        .fold(codec, |codec, also| {
            codec.accept_also(string(&also[0]), string(&also[1]), at(&also[2]))
        })
}

/// The codec that seals, from `seal` with all its fields. It draws the bytes of `random` from
/// `skip` on.
pub(crate) fn sealer<S: Suite>(seal: &Json, skip: usize) -> CodecBuilder<S> {
    sealer_of_ring(seal, &json!([[seal["root"], 0, null]]), skip)
}

/// The same, with that ring.
pub(crate) fn sealer_of_ring<S: Suite>(seal: &Json, keys: &Json, skip: usize) -> CodecBuilder<S> {
    let random = hex(&seal["random"]).into_iter().skip(skip).collect();
    codec(seal, ring(keys))
        .compression(match string(&seal["compression"]) {
            "in-store" => Compression::IN_STORE,
            "never" => Compression::NEVER,
            "when-needed" => Compression::dangerous_when_needed(),
            "always" => Compression::dangerous_always(),
            other => panic!("compression {other}"),
        })
        .dangerous_random(Prepared(Mutex::new(random)))
}

/// A codec is not built before its first key seals: that is checked when a server starts.
fn codec<S: Suite>(place: &Json, ring: KeyRing) -> CodecBuilder<S> {
    let first = ring.keys().iter().map(RingKey::seals_from).min().unwrap();
    Codec::<S>::builder(string(&place["context"]), ring, policy(&place["policy"]))
        .name(string(&place["name"]))
        .clock(TestClock::at(first.max(at(&place["now"]))))
}

/// Gives the bytes of the vector, and fails when they are used up.
struct Prepared(Mutex<VecDeque<u8>>);

impl Random for Prepared {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        let mut left = self.0.lock().unwrap();
        for byte in bytes {
            *byte = left.pop_front().ok_or(RandomError)?;
        }
        Ok(())
    }
}

/// The refusal's name in SPEC section 5.
pub(crate) fn refusal(error: &SealError) -> &'static str {
    match error {
        SealError::NotYetValid => "future",
        SealError::UnknownClass(_) => "class",
        SealError::Expired => "expired",
        SealError::Encode(_) => "encoding",
        SealError::TooLarge { .. } => "too-large",
        SealError::NoSealingKey => "no-key",
        SealError::Random(_) => "random",
        other => panic!("{other}"),
    }
}

// --- Sessions

/// A session type in the notation of the vectors.
pub(crate) trait Notation: Serialize + DeserializeOwned {
    fn read(json: &Json) -> Self;
    /// The same for equal sessions, without abbreviations.
    fn show(&self) -> Json;
}

/// That type with a vector's schema and shape.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Typed<T, const SCHEMA: u16, const SHAPE: u16>(pub(crate) T);

impl<T: Notation, const SCHEMA: u16, const SHAPE: u16> SessionData for Typed<T, SCHEMA, SHAPE> {
    const SCHEMA: u16 = SCHEMA;
    const SHAPE: u16 = SHAPE;
}

/// What is done with a session type.
pub(crate) trait With {
    type Output;
    fn with<T: Notation, const SCHEMA: u16, const SHAPE: u16>(self) -> Self::Output;
}

/// Does it with the type, schema and shape of a session, or of `open`.
pub(crate) fn with_type<W: With>(json: &Json, what: W) -> W::Output {
    match string(&json["type"]) {
        "unit" => with_schema::<W, Unit>(json, what),
        "bytes" => with_schema::<W, Octets>(json, what),
        "text" => with_schema::<W, Text>(json, what),
        "values" => with_schema::<W, Values>(json, what),
        "example" => with_schema::<W, Example>(json, what),
        other => panic!("session type {other}"),
    }
}

fn with_schema<W: With, T: Notation>(json: &Json, what: W) -> W::Output {
    macro_rules! each {
        ($($schema:literal, $shape:literal;)*) => {
            match (json["schema"].as_u64().unwrap(), json["shape"].as_u64().unwrap()) {
                $(($schema, $shape) => what.with::<T, $schema, $shape>(),)*
                other => panic!("schema and shape {other:?}"),
            }
        };
    }
    each! {
        0, 0; 0, 1; 0, 6; 0, 0x1234; 0, 0x1235; 0, 0xfffe; 0, 0xffff;
        1, 0; 1, 0x1234; 1, 0xffff; 2, 0x1234; 513, 0xffff; 65535, 0xffff;
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Unit;

impl Notation for Unit {
    fn read(json: &Json) -> Self {
        assert!(json.is_null());
        Self
    }

    fn show(&self) -> Json {
        Json::Null
    }
}

/// Postcard writes a sequence of `u8` as it writes bytes.
#[derive(Serialize, Deserialize)]
pub(crate) struct Octets(Vec<u8>);

impl Notation for Octets {
    fn read(json: &Json) -> Self {
        Self(hex(&json!(text(json))))
    }

    fn show(&self) -> Json {
        json!(to_hex(&self.0))
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Text(String);

impl Notation for Text {
    fn read(json: &Json) -> Self {
        Self(text(json))
    }

    fn show(&self) -> Json {
        json!(self.0)
    }
}

fn text(json: &Json) -> String {
    match json {
        Json::Object(object) => {
            let times = object["repeat"][1].as_u64().unwrap();
            string(&object["repeat"][0]).repeat(times.try_into().unwrap())
        }
        _ => string(json).to_owned(),
    }
}

/// All that postcard has. Wide integers are texts in the vectors.
#[derive(Serialize, Deserialize)]
pub(crate) struct Example {
    flag: bool,
    u8: u8,
    i8: i8,
    u16: u16,
    u32: u32,
    u64: u64,
    u128: u128,
    i16: i16,
    i32: i32,
    i64: i64,
    i128: i128,
    f32: f32,
    f64: f64,
    char: char,
    string: String,
    sequence: Vec<u32>,
    some: Option<u32>,
    none: Option<u32>,
    tuple: (u8, String),
    map: std::collections::BTreeMap<String, u32>,
    shapes: Vec<Shape>,
}

#[derive(Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(u32),
    Pair(u32, u32),
    Named { name: String },
}

impl Notation for Example {
    fn read(json: &Json) -> Self {
        fn wide<T: core::str::FromStr<Err: core::fmt::Debug>>(json: &mut Json) -> T {
            let number = string(json).parse().unwrap();
            *json = json!(0);
            number
        }
        let mut json = json.clone();
        let numbers = (wide(&mut json["u64"]), wide(&mut json["u128"]));
        let signed = (wide(&mut json["i64"]), wide(&mut json["i128"]));
        Self {
            u64: numbers.0,
            u128: numbers.1,
            i64: signed.0,
            i128: signed.1,
            ..Self::deserialize(json).unwrap()
        }
    }

    fn show(&self) -> Json {
        // With u128, no other format of the tests shows all of it.
        json!(to_hex(&postcard::to_allocvec(self).unwrap()))
    }
}

impl Notation for Values {
    fn read(json: &Json) -> Self {
        let mut values = Self::new();
        for (key, value) in json.as_object().unwrap() {
            values.set_raw(key, read_value(value)).unwrap();
        }
        values
    }

    fn show(&self) -> Json {
        show_entries(self.iter())
    }
}

pub(crate) fn read_value(json: &Json) -> Value {
    let Json::Object(object) = json else {
        return match json {
            Json::Null => Value::Null,
            Json::Bool(it) => Value::Bool(*it),
            Json::String(text) => Value::Text(text.clone()),
            Json::Array(items) => Value::Array(items.iter().map(read_value).collect()),
            other => panic!("value {other}"),
        };
    };
    let (kind, content) = object.iter().next().unwrap();
    match kind.as_str() {
        "int" if string(content).starts_with('-') => Value::Int(string(content).parse().unwrap()),
        "int" => Value::UInt(string(content).parse().unwrap()),
        "float" => Value::Float(f64::from_be_bytes(array(content))),
        "bytes" => Value::Bytes(hex(content)),
        "repeat" => Value::Text(text(json)),
        "nest" => (0..content[0].as_u64().unwrap()).fold(read_value(&content[1]), |inner, _| {
            Value::Array(vec![inner])
        }),
        "nest-map" => {
            (0..content[0].as_u64().unwrap()).fold(read_value(&content[1]), |inner, _| {
                let mut map = Map::new();
                map.insert("", inner);
                Value::Map(map)
            })
        }
        "map" => {
            let mut map = Map::new();
            for (key, value) in content.as_object().unwrap() {
                map.insert(key, read_value(value));
            }
            Value::Map(map)
        }
        other => panic!("kind of value {other}"),
    }
}

fn show_entries<'v>(entries: impl Iterator<Item = (&'v str, &'v Value)>) -> Json {
    entries
        .map(|(key, value)| (key.to_owned(), show_value(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn show_value(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(it) => json!(it),
        Value::Int(n) => json!({"int": n.to_string()}),
        Value::UInt(n) => json!({"int": n.to_string()}),
        Value::Float(n) => json!({"float": to_hex(&n.to_be_bytes())}),
        Value::Text(text) => json!(text),
        Value::Bytes(bytes) => json!({"bytes": to_hex(bytes)}),
        Value::Array(items) => items.iter().map(show_value).collect(),
        Value::Map(map) => json!({"map": show_entries(map.iter())}),
    }
}
