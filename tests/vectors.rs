//! Runs the vectors of SPEC section 9: `vectors/*.json`, which `vectors/generate.py`
//! computes from the specification without this library.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    reason = "a vector that cannot be read fails the test"
)]

use core::time::Duration;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
    path::Path,
    sync::Mutex,
};

use sealed_session::{
    OpenErrorKind, Policy, SessionData, Values,
    claims::{Claims, Kind},
    codec::{Codec, CodecBuilder, Encrypted, Opened, Signed, Suite, encoded_len},
    expiry::Lifetimes,
    keys::{Key, KeyError, KeyRing, RingError, RingKey},
    payload::{
        Compression,
        values::{Map, Value},
    },
    random::{Random, RandomError},
    time::{TestClock, Timestamp},
    token::{MAX_COOKIE_LEN, SuiteId, UntrustedToken},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

/// Files of sealed tokens; `keys.json` and `derivations.json` are read by tests of their own,
/// `records.json` by unit tests beside the code, since no public interface opens a record.
const TOKEN_FILES: [&str; 6] = ["encrypted", "signed", "body", "values", "time", "reject"];

const CATEGORIES: [OpenErrorKind; 11] = [
    OpenErrorKind::Absent,
    OpenErrorKind::Malformed,
    OpenErrorKind::WrongSuite,
    OpenErrorKind::WrongKind,
    OpenErrorKind::UnknownKey,
    OpenErrorKind::NotAuthentic,
    OpenErrorKind::ExpiredIdle,
    OpenErrorKind::ExpiredAbsolute,
    OpenErrorKind::NotYetValid,
    OpenErrorKind::TooLarge,
    OpenErrorKind::Schema,
];

#[test]
fn tokens_open_and_seal_as_the_vectors_say() {
    let mut categories: BTreeMap<String, usize> = BTreeMap::new();
    let mut reasons = BTreeSet::new();
    for file in TOKEN_FILES {
        let (mut accepted, mut resealed, mut rejected) = (0, 0, 0);
        for vector in vectors(file) {
            if run(file, &vector) {
                accepted += 1;
                resealed += usize::from(vector["reproducible"] == true);
            } else {
                rejected += 1;
                let category = string(&vector["expect"]["category"]);
                *categories.entry(category.to_owned()).or_default() += 1;
                reasons.insert(string(&vector["expect"]["reason"]).to_owned());
            }
        }
        println!(
            "{file}.json: {accepted} accepted ({resealed} of them sealed again, the same to the \
             character), {rejected} rejected"
        );
    }
    println!("rejected, by category: {categories:?}");
    println!("rejected for {} different reasons", reasons.len());
    for category in CATEGORIES {
        assert!(
            categories.contains_key(category.as_str()),
            "no vector is rejected as {category}"
        );
    }
    assert_eq!(categories.len(), CATEGORIES.len(), "{categories:?}");
    assert_eq!(reasons.len(), 20, "a rule without a vector: {reasons:?}");
}

#[test]
fn keys_are_read_and_named_as_the_vectors_say() {
    let (mut accepted, mut rejected) = (0, 0);
    for vector in vectors("keys") {
        let name = string(&vector["name"]);
        let key = string(&vector["text"]).parse::<Key>();
        if vector["verdict"] == "accept" {
            let key = key.expect(name);
            assert_eq!(
                key,
                Key::from_bytes(&hex(&vector["root"])).unwrap(),
                "{name}"
            );
            assert_eq!(*key.to_secret_text(), string(&vector["text"]), "{name}");
            assert_eq!(key.id().to_string(), string(&vector["kid"]), "{name}");
            assert_eq!(vector["published"], true);
            assert_eq!(
                KeyRing::single(key.clone()),
                Err(RingError::Published(key.id())),
                "{name}"
            );
            accepted += 1;
        } else {
            let error = match key.expect_err(name) {
                KeyError::Prefix => "prefix",
                KeyError::Encoding => "encoding",
                KeyError::NotRandom => "not-random",
                other => panic!("{name}: {other}"),
            };
            assert_eq!(error, string(&vector["error"]), "{name}");
            rejected += 1;
        }
    }
    println!("keys.json: {accepted} accepted, {rejected} rejected");
    assert!(accepted > 0 && rejected > 0);
}

/// What of the derivations the public interface shows. The sub-keys, the message key, the
/// first vector's token, the row keys and the record are compared by unit tests, beside the
/// code that makes them.
#[test]
fn derivations_are_those_of_the_vectors() {
    let (mut checked, mut elsewhere) = (0, 0);
    for vector in vectors("derivations") {
        let name = string(&vector["name"]);
        if let Some(subject) = vector.get("subject") {
            let codec = Codec::<Encrypted>::builder(
                string(&vector["context"]),
                published_ring(&[((0..32).collect(), 0)]),
                Policy::new(Duration::from_mins(1), Duration::from_mins(1)).unwrap(),
            );
            let made = codec.build().unwrap().subject(string(&vector["user_id"]));
            assert_eq!(made.as_bytes()[..], hex(subject), "{name}");
        } else if let Some(token) = vector.get("token") {
            let root = Key::from_bytes(&hex(&vector["root"])).unwrap();
            assert_eq!(
                root.id().to_string(),
                string(&vector["derived"]["kid"]),
                "{name}"
            );
            match UntrustedToken::parse(string(token)) {
                Ok(token) => {
                    assert_eq!(token.suite(), SuiteId::Record, "{name}");
                    assert_eq!(token.key_id(), root.id(), "{name}");
                    assert_eq!(token.nonce().unwrap(), hex(&vector["nonce"]), "{name}");
                    let len = string(&vector["plaintext"]).len() / 2;
                    assert_eq!(token.content_len(), len, "{name}");
                }
                Err(error) => assert_eq!(error.reason(), "shorter than any token", "{name}"),
            }
        } else {
            // Row keys: the library's own are no part of its interface.
            let mut hash = Sha256::new();
            hash.update(b"SSC1/store-id\0");
            hash.update(hex(&vector["sid"]));
            assert_eq!(hash.finalize()[..], hex(&vector["row_key"]), "{name}");
            elsewhere += 1;
        }
        checked += 1;
    }
    println!("derivations.json: {checked} compared, {elsewhere} of them also by unit tests");
    assert!(checked > elsewhere);
}

/// Runs one vector; whether it is one to accept.
fn run(file: &str, vector: &Json) -> bool {
    let name = format!("{file}.json: {}", string(&vector["name"]));
    let open = &vector["open"];
    match string(&open["suite"]) {
        "encrypted" => {
            let accepted = with_type::<Encrypted>(&name, vector, |builder| builder);
            #[cfg(feature = "aws-lc")]
            assert_eq!(
                with_type::<Encrypted>(&format!("{name}, AWS-LC"), vector, |builder| {
                    builder.aead_provider(sealed_session::codec::AeadProvider::AwsLc)
                }),
                accepted
            );
            accepted
        }
        "signed" => with_type::<Signed>(&name, vector, |builder| builder),
        other => panic!("{name}: suite {other}"),
    }
}

/// What a codec is built with beside what the vector says.
type Configure<S> = fn(CodecBuilder<S>) -> CodecBuilder<S>;

fn with_type<S: Suite>(name: &str, vector: &Json, with: Configure<S>) -> bool {
    match string(&vector["open"]["type"]) {
        "values" => with_schema::<S, Values>(name, vector, with),
        "example" => with_schema::<S, Example>(name, vector, with),
        "bytes" => with_schema::<S, Octets>(name, vector, with),
        "text" => with_schema::<S, Text>(name, vector, with),
        "unit" => with_schema::<S, Unit>(name, vector, with),
        other => panic!("{name}: session type {other}"),
    }
}

fn with_schema<S: Suite, T: Notation>(name: &str, vector: &Json, with: Configure<S>) -> bool {
    match vector["open"]["schema"].as_u64() {
        Some(0) => check::<S, T, 0>(name, vector, with),
        Some(1) => check::<S, T, 1>(name, vector, with),
        Some(513) => check::<S, T, 513>(name, vector, with),
        Some(65535) => check::<S, T, 65535>(name, vector, with),
        other => panic!("{name}: schema {other:?}"),
    }
}

fn check<S: Suite, T: Notation, const SCHEMA: u16>(
    name: &str,
    vector: &Json,
    with: Configure<S>,
) -> bool {
    let open = &vector["open"];
    let token = string(&vector["token"]);
    let codec = opener::<S>(open, with);
    let now = at(&open["now"]);
    let aad = hex(&open["caller_aad"]);
    let scope = codec.at(now).bound_to(&aad);
    let opened = scope.open::<AsSchema<SCHEMA, T>>(token);
    let expected = &vector["expect"];

    if vector["verdict"] == "reject" {
        let Err(error) = opened else {
            panic!("{name}: accepted");
        };
        assert_eq!(
            (error.kind().as_str(), error.reason()),
            (string(&expected["category"]), string(&expected["reason"])),
            "{name}"
        );
        assert_eq!(error.to_string(), "no valid session");
        return false;
    }
    assert_eq!(vector["verdict"], "accept", "{name}");

    let opened = opened.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    let data = T::read(&expected["session"]);
    assert_eq!(opened.data().0.show(), data.show(), "{name}");
    assert_eq!(show_claims(opened.claims()), expected["claims"], "{name}");
    assert_eq!(
        opened.needs_reseal(),
        expected["needs_reseal"],
        "{name}: reseal"
    );
    assert_eq!(
        opened.needs_reissue(),
        expected["needs_reissue"],
        "{name}: reissue"
    );
    let unread = scope.open_token(token).unwrap();
    assert_eq!(
        show_postcard(unread.bytes(), &expected["postcard"]),
        expected["postcard"],
        "{name}"
    );
    assert_eq!(unread.claims(), opened.claims());
    check_parts(name, vector, token);
    seal_again::<S, T, SCHEMA>(name, vector, &opened, with);
    true
}

/// What anybody can see of a token, without a key.
fn check_parts(name: &str, vector: &Json, token: &str) {
    let parts = UntrustedToken::parse(token).expect(name);
    let derived = &vector["derived"];
    let header = hex(&derived["header"]);
    let content = hex(&derived["claims"]).len() + hex(&derived["body"]).len();
    assert_eq!(
        parts.key_id().to_string(),
        string(&derived["kid"]),
        "{name}"
    );
    assert_eq!(parts.suite() as u8, header[0], "{name}");
    assert_eq!(header[1..17], hex(&derived["kid"]), "{name}");
    assert_eq!(parts.nonce().unwrap_or_default(), &header[17..], "{name}");
    assert_eq!(parts.content_len(), content, "{name}");
    let readable = parts.unverified_claims().map(|claims| show_claims(&claims));
    let signed = parts.suite() == SuiteId::Signed;
    assert_eq!(
        readable,
        signed.then(|| vector["expect"]["claims"].clone()),
        "{name}"
    );
}

/// Seals the vector's session from its inputs: to the same token where the vector is
/// reproducible, and in any case to one that opens to the same session.
fn seal_again<S: Suite, T: Notation, const SCHEMA: u16>(
    name: &str,
    vector: &Json,
    opened: &Opened<AsSchema<SCHEMA, T>>,
    with: Configure<S>,
) {
    let seal = &vector["seal"];
    let now = at(&seal["now"]);
    let aad = hex(&seal["caller_aad"]);
    let random = Prepared(Mutex::new(hex(&seal["random"]).into()));
    let ring = published_ring(&[(hex(&seal["root"]), 0)]);
    let codec = Codec::<S>::builder(string(&seal["context"]), ring, policy(&seal["policy"]));
    let codec = with(codec)
        .name(string(&seal["name"]))
        .compression(match string(&seal["compression"]) {
            "when-needed" => Compression::dangerous_when_needed(),
            "never" => Compression::NEVER,
            "always" => Compression::dangerous_always(),
            other => panic!("{name}: compression {other}"),
        })
        .clock(TestClock::at(now))
        .dangerous_random(random)
        .build()
        .expect(name);
    let mut identity = codec.at(at(&seal["created"])).new_identity().expect(name);
    if let Some(class) = class_name(seal["class"].as_u64().unwrap()) {
        identity = identity.with_class(codec.policy().class(&class).unwrap());
    }
    if let Some(user_id) = seal["user_id"].as_str() {
        identity = identity.with_subject(codec.subject(user_id));
    }
    let scope = codec.at(now).bound_to(&aad);
    let data = AsSchema::<SCHEMA, T>(T::read(&seal["session"]["value"]));

    if vector["reproducible"] == true {
        let sealed = scope.seal(&identity, &data).expect(name);
        assert_eq!(sealed.value(), string(&vector["token"]), "{name}");
        assert_eq!(sealed.claims(), opened.claims(), "{name}");
        assert!(
            sealed.value().len() + codec.name().len() <= MAX_COOKIE_LEN,
            "{name}"
        );
        let plan = scope.plan(&identity, &data).expect(name);
        assert_eq!(plan.cookie_len(), sealed.value().len() + codec.name().len());
    } else if let Ok(sealed) = scope.seal(&identity, &data) {
        let again = scope
            .open::<AsSchema<SCHEMA, T>>(sealed.value())
            .expect(name);
        assert_eq!(again.data().0.show(), opened.data().0.show(), "{name}");
        if seal["compression"] == "when-needed" {
            // No vector lies between, where a stranger's stream and ours could differ.
            let long = encoded_len(&data).unwrap() > 3_000;
            let claims = again.claims();
            assert_eq!(
                (claims.is_deflated(), claims.is_padded()),
                (long, long),
                "{name}"
            );
        }
        assert_eq!(again.identity(), opened.identity(), "{name}");
    } else {
        // Only one vector is larger than this library writes.
        assert!(
            string(&vector["token"]).len() + codec.name().len() > MAX_COOKIE_LEN,
            "{name}"
        );
    }
}

// --- Reading the files -----------------------------------------------------------------

fn vectors(file: &str) -> Vec<Json> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/vectors/{file}.json"));
    let text = fs::read_to_string(&path).unwrap();
    let mut content: Json = serde_json::from_str(&text).unwrap();
    assert_eq!(content["format"], "SSC1");
    match content["vectors"].take() {
        Json::Array(vectors) if !vectors.is_empty() => vectors,
        _ => panic!("{file}.json holds no vectors"),
    }
}

fn string(json: &Json) -> &str {
    json.as_str()
        .unwrap_or_else(|| panic!("not a text: {json}"))
}

fn hex(json: &Json) -> Vec<u8> {
    let text = string(json);
    assert!(text.is_ascii() && text.len().is_multiple_of(2), "{text}");
    (0..text.len() / 2)
        .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
        .collect()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn at(json: &Json) -> Timestamp {
    Timestamp::from_unix_seconds(u32::try_from(json.as_u64().unwrap()).unwrap())
}

fn seconds(json: &Json) -> Duration {
    Duration::from_secs(json.as_u64().unwrap())
}

/// What the classes of a vector's policy are called: they have numbers only.
fn class_name(class: u64) -> Option<String> {
    (class != 0).then(|| format!("class {class}"))
}

fn policy(json: &Json) -> Policy {
    let classes = json.as_array().unwrap();
    let lifetimes =
        |json: &Json| Lifetimes::new(seconds(&json["idle"]), seconds(&json["absolute"])).unwrap();
    let first = Policy::from(lifetimes(&classes[0]));
    (1..)
        .zip(&classes[1..])
        .fold(first, |policy, (class, json)| {
            let name = class_name(class).unwrap();
            policy.with_class(name, lifetimes(json)).unwrap()
        })
}

fn published_ring(keys: &[(Vec<u8>, u32)]) -> KeyRing {
    let entry = |(root, from): &(Vec<u8>, u32)| {
        RingKey::new(
            Key::from_bytes(root).unwrap(),
            Timestamp::from_unix_seconds(*from),
        )
    };
    KeyRing::dangerous_with_published_keys(keys.iter().map(entry)).unwrap()
}

fn opener<S: Suite>(open: &Json, with: Configure<S>) -> Codec<S> {
    let keys = open["keys"].as_array().unwrap().iter().map(|entry| {
        let key = Key::from_bytes(&hex(&entry["root"])).unwrap();
        let key = RingKey::new(key, at(&entry["seals_from"]));
        match &entry["opens_until"] {
            Json::Null => key,
            until => key.with_opens_until(at(until)),
        }
    });
    let ring = KeyRing::dangerous_with_published_keys(keys).unwrap();
    let mut builder = Codec::<S>::builder(string(&open["context"]), ring, policy(&open["policy"]))
        .name(string(&open["name"]))
        .clock(TestClock::at(at(&open["now"])));
    for also in open["accept_also"].as_array().unwrap() {
        let until = at(&also["until"]);
        builder = builder.accept_also(string(&also["context"]), string(&also["name"]), until);
    }
    with(builder).build().unwrap()
}

fn show_claims(claims: &Claims) -> Json {
    json!({
        "kind": match claims.kind() {
            Kind::Inline => 0,
            Kind::Reference => 1,
            Kind::Record => 2,
            other => panic!("kind {other:?}"),
        },
        "deflated": claims.is_deflated(),
        "padded": claims.is_padded(),
        "class": claims.class().index(),
        "created": claims.created().unix_seconds(),
        "issued": claims.issued().unix_seconds(),
        "expires": claims.expires().unix_seconds(),
        "sid": to_hex(claims.session_id().as_bytes()),
        "schema": claims.schema(),
        "subject": claims.subject().map(|subject| to_hex(subject.as_bytes())),
    })
}

/// The bytes as the vector gives them: in full, or their length and hash.
fn show_postcard(bytes: &[u8], like: &Json) -> Json {
    if like.is_string() {
        json!(to_hex(bytes))
    } else {
        json!({"len": bytes.len(), "sha256": to_hex(&Sha256::digest(bytes))})
    }
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

// --- Sessions ----------------------------------------------------------------------------

/// A session type with the schema of a vector.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct AsSchema<const SCHEMA: u16, T>(T);

impl<const SCHEMA: u16, T: Serialize + DeserializeOwned> SessionData for AsSchema<SCHEMA, T> {
    const SCHEMA: u16 = SCHEMA;
}

/// How the vectors write a session.
trait Notation: Serialize + DeserializeOwned {
    fn read(json: &Json) -> Self;
    /// The same for equal sessions, without abbreviations.
    fn show(&self) -> Json;
}

#[derive(Serialize, Deserialize)]
struct Unit;

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
struct Octets(Vec<u8>);

impl Notation for Octets {
    fn read(json: &Json) -> Self {
        Self(hex(json))
    }

    fn show(&self) -> Json {
        json!(to_hex(&self.0))
    }
}

#[derive(Serialize, Deserialize)]
struct Text(String);

impl Notation for Text {
    fn read(json: &Json) -> Self {
        Self(match json {
            Json::String(text) => text.clone(),
            _ => repeated(&json["repeat"]),
        })
    }

    fn show(&self) -> Json {
        json!(self.0)
    }
}

fn repeated(json: &Json) -> String {
    let times = usize::try_from(json[1].as_u64().unwrap()).unwrap();
    string(&json[0]).repeat(times)
}

/// All that postcard has; see `vectors/README.md`.
#[derive(Serialize, Deserialize)]
struct Example {
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
    map: BTreeMap<String, u32>,
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
        Self::deserialize(json).unwrap()
    }

    fn show(&self) -> Json {
        serde_json::to_value(self).unwrap()
    }
}

impl Notation for Values {
    fn read(json: &Json) -> Self {
        let mut values = Self::new();
        for (key, value) in &read_map(json) {
            values.set_raw(key, value.clone()).unwrap();
        }
        values
    }

    fn show(&self) -> Json {
        show_entries(self.iter())
    }
}

fn read_map(json: &Json) -> Map {
    let entries = json.as_array().unwrap().iter();
    let entries: Vec<_> = entries
        .map(|entry| (string(&entry[0]).to_owned(), read_value(&entry[1])))
        .collect();
    entries.try_into().unwrap()
}

fn read_value(json: &Json) -> Value {
    let (kind, content) = json.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "null" => Value::Null,
        "bool" => Value::Bool(content.as_bool().unwrap()),
        "int" => Value::Int(string(content).parse().unwrap()),
        "uint" => Value::UInt(string(content).parse().unwrap()),
        "float" => {
            let bits = u64::from_str_radix(string(content), 16).unwrap();
            Value::Float(f64::from_bits(bits))
        }
        "text" => Value::Text(string(content).to_owned()),
        "repeat" => Value::Text(repeated(content)),
        "bytes" => Value::Bytes(hex(content)),
        "array" => Value::Array(content.as_array().unwrap().iter().map(read_value).collect()),
        "nest" => (0..content[0].as_u64().unwrap()).fold(read_value(&content[1]), |inner, _| {
            Value::Array(vec![inner])
        }),
        "map" => Value::Map(read_map(content)),
        other => panic!("kind of value {other}"),
    }
}

fn show_entries<'v>(entries: impl Iterator<Item = (&'v str, &'v Value)>) -> Json {
    entries
        .map(|(key, value)| json!([key, show_value(value)]))
        .collect()
}

fn show_value(value: &Value) -> Json {
    match value {
        Value::Null => json!({"null": null}),
        Value::Bool(v) => json!({"bool": v}),
        Value::Int(n) => json!({"int": n.to_string()}),
        Value::UInt(n) => json!({"uint": n.to_string()}),
        Value::Float(n) => json!({"float": format!("{:016x}", n.to_bits())}),
        Value::Text(text) => json!({"text": text}),
        Value::Bytes(bytes) => json!({"bytes": to_hex(bytes)}),
        Value::Array(items) => json!({"array": items.iter().map(show_value).collect::<Json>()}),
        Value::Map(map) => json!({"map": show_entries(map.iter())}),
    }
}
