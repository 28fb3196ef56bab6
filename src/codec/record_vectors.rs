//! The vectors of SPEC section 10, which were computed outside Rust: row keys, references,
//! records. The names of revocations are compared where they are made.

use core::time::Duration;
use std::{collections::VecDeque, sync::Mutex};

use serde_json::{Value as Json, json};

use super::{
    tests::{MAX, NOW, hex},
    *,
};
use crate::{
    claims::{Extensions, LifetimeClass, Subject},
    codec::{AeadProvider, CodecBuilder, EncryptedCodec},
    expiry::{Lifetimes, Policy},
    keys::{Key, KeyRing, RingKey},
    payload::{Compression, Plain},
    random::Random,
    time::{TestClock, Timestamp},
};

#[test]
fn row_keys_are_those_of_the_vectors() {
    let all = vectors(RECORDS).into_iter().chain(vectors(DERIVATIONS));
    let mut checked = 0;
    for vector in all.filter(|vector| vector.get("sid").is_some()) {
        let sid = Sid(array(&vector["sid"]));
        let key = vector.get("row_key").or(vector["derived"].get("row_key"));
        assert_eq!(
            hex(sid.public().as_bytes()),
            string(key.unwrap()),
            "{vector}"
        );
        checked += 1;
    }
    assert_eq!(checked, 7);
}

#[test]
fn references_open_and_seal_as_the_vectors_say() {
    let (mut accepted, mut rejected) = (0, 0);
    for (provider, vector) in under_each(RECORDS) {
        let Some(token) = vector.get("token").map(string) else {
            continue;
        };
        let name = string(&vector["name"]);
        let codec = opener(&vector["open"], provider);
        let scope = codec.at(codec.now());
        let opened = scope.open_any(token);
        let inline = scope.open_token(token).unwrap_err();
        let expected = &vector["expect"];
        if vector["verdict"] == "reject" {
            let error = opened.err().expect(name);
            check_error(name, &error, expected);
            assert_eq!(inline.kind(), error.kind(), "{name}: inline");
            rejected += 1;
            continue;
        }
        let Ok(AnyToken::Reference(reference)) = opened else {
            panic!("{name}: not a reference");
        };
        assert_eq!(inline.kind(), OpenErrorKind::WrongKind, "{name}: inline");
        let seen = json!({
            "claims": show(&reference.claims),
            "handle": hex(&*reference.handle.secret),
            "needs_reseal": reference.needs_reseal,
            "needs_reissue": reference.needs_reissue,
        });
        assert_eq!(&seen, expected, "{name}");

        let seal = &vector["seal"];
        assert_eq!(seal["schema"], 0, "{name}");
        let (codec, identity, handle) = sealer(seal, provider);
        let sealed = codec
            .at(codec.now())
            .seal_reference(&identity, &handle)
            .expect(name);
        assert_eq!(sealed.value(), token, "{name}");
        accepted += 1;
    }
    assert!(accepted > 5 && rejected > 5);
}

#[test]
fn records_open_and_seal_as_the_vectors_say() {
    let (mut accepted, mut resealed, mut rejected) = (0, 0, 0);
    for (provider, vector) in under_each(RECORDS) {
        let Some(record) = vector.get("record").map(bytes) else {
            continue;
        };
        let name = string(&vector["name"]);
        let open = &vector["open"];
        assert_eq!(
            (&open["type"], &open["schema"]),
            (&json!("text"), &json!(0))
        );
        let codec = opener(open, provider);
        let mut reference = reference(&open["sid"], seconds(&open["created"]));
        reference.subject = (!open["subject"].is_null()).then(|| Subject(array(&open["subject"])));
        let opened = codec.at(codec.now()).open_record(
            &reference,
            &handle(&open["handle"], reference.sid),
            number(&open["version"]),
            record.clone(),
            usize::try_from(open["max_record_bytes"].as_u64().unwrap()).unwrap(),
        );
        let opened = opened.and_then(|opened| {
            let data = opened.data::<Plain<String>>()?;
            Ok((opened, data))
        });
        let expected = &vector["expect"];
        if vector["verdict"] == "reject" {
            check_error(name, &opened.map(|_| ()).expect_err(name), expected);
            rejected += 1;
            continue;
        }
        let (opened, data) = opened.expect(name);
        assert_eq!(data, text(&expected["session"]), "{name}");
        assert_eq!(show(opened.claims()), expected["claims"], "{name}");
        assert_eq!(opened.needs_reseal(), expected["needs_reseal"], "{name}");
        let postcard = match &expected["postcard"] {
            Json::String(_) => json!(hex(opened.bytes())),
            _ => json!({
                "len": opened.bytes().len(),
                "sha256": hex(&crate::crypto::sha256(&[opened.bytes()])),
            }),
        };
        assert_eq!(postcard, expected["postcard"], "{name}");
        accepted += 1;
        if vector["reproducible"] == true {
            let seal = &vector["seal"];
            let (codec, identity, handle) = sealer(seal, provider);
            let version = number(&seal["version"]);
            let made = codec
                .at(codec.now())
                .seal_record(&identity, &handle, version, &data, MAX)
                .expect(name);
            assert!(made == record, "{name}: sealed otherwise");
            resealed += 1;
        }
    }
    assert!(accepted > resealed && resealed > 5 && rejected > 5);
}

/// It is neither padded nor deflated, which no writer leaves it.
#[test]
fn the_record_among_the_derivations_opens() {
    let vectors = vectors(DERIVATIONS);
    let vector = vectors
        .iter()
        .find(|vector| vector.get("handle").is_some())
        .unwrap();
    let root = Key::from_bytes(&bytes(&vector["root"])).unwrap();
    let ring = [RingKey::new(root, Timestamp::MIN)];
    let codec = EncryptedCodec::builder(
        string(&vector["context"]),
        KeyRing::dangerous_with_published_keys(ring).unwrap(),
        Policy::new(Duration::from_mins(1), Duration::from_mins(1)).unwrap(),
    );
    let name = string(&vector["cookie_name"]);
    let codec = codec.name(name).clock(TestClock::at(NOW)).build().unwrap();
    let record = token::decode_text(string(&vector["token"])).unwrap();
    let plaintext = bytes(&vector["plaintext"]);
    let Read { claims, body, .. } = Claims::read(&plaintext).unwrap();
    let mut reference = claims;
    reference.kind = Kind::Reference;
    let version = vector["version"].as_u64().unwrap();
    let opened = codec
        .at(NOW)
        .open_record(
            &reference,
            &handle(&vector["handle"], reference.sid),
            version,
            record.to_vec(),
            MAX,
        )
        .unwrap();
    assert_eq!((*opened.claims(), opened.bytes()), (claims, body));
}

const RECORDS: &str = include_str!("../../tests/vectors/records.json");
const DERIVATIONS: &str = include_str!("../../tests/vectors/derivations.json");

fn vectors(file: &str) -> Vec<Json> {
    match serde_json::from_str::<Json>(file).unwrap()["vectors"].take() {
        Json::Array(vectors) => vectors,
        _ => panic!("no vectors"),
    }
}

/// Each vector, once with each provider.
fn under_each(file: &str) -> impl Iterator<Item = (AeadProvider, Json)> {
    let with = |provider| move |vector| (provider, vector);
    let each = AeadProvider::EACH.iter();
    each.flat_map(move |&provider| vectors(file).into_iter().map(with(provider)))
}

fn check_error(name: &str, error: &OpenError, expected: &Json) {
    let seen = json!({"category": error.kind().as_str(), "reason": error.reason()});
    assert_eq!(&seen, expected, "{name}");
}

fn string(json: &Json) -> &str {
    json.as_str().unwrap()
}

/// Of 64 bits, which numbers in JSON do not hold everywhere.
fn number(json: &Json) -> u64 {
    string(json).parse().unwrap()
}

fn seconds(json: &Json) -> Timestamp {
    Timestamp::from_unix_seconds(json.as_u64().unwrap().try_into().unwrap())
}

fn bytes(json: &Json) -> Vec<u8> {
    let digits = string(json).as_bytes().chunks_exact(2);
    digits
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn array<const N: usize>(json: &Json) -> [u8; N] {
    bytes(json).try_into().unwrap()
}

fn handle(json: &Json, sid: Sid) -> Handle {
    Handle::new(Zeroizing::new(array(json)), sid)
}

fn text(json: &Json) -> Plain<String> {
    Plain(match json {
        Json::String(text) => text.clone(),
        _ => string(&json["repeat"][0])
            .repeat(json["repeat"][1].as_u64().unwrap().try_into().unwrap()),
    })
}

/// Of a reference's claims, only what a record is compared with.
fn reference(sid: &Json, created: Timestamp) -> Claims {
    Claims {
        kind: Kind::Reference,
        deflated: false,
        padded: false,
        class: LifetimeClass::DEFAULT,
        created,
        issued: created,
        expires: created,
        sid: Sid(array(sid)),
        schema: 0,
        shape: 0,
        subject: None,
        extensions: Extensions::default(),
    }
}

fn show(claims: &Claims) -> Json {
    json!({
        "kind": claims.kind as u8,
        "deflated": claims.deflated,
        "padded": claims.padded,
        "class": claims.class.0,
        "created": claims.created.unix_seconds(),
        "issued": claims.issued.unix_seconds(),
        "expires": claims.expires.unix_seconds(),
        "sid": hex(&claims.sid.0),
        "schema": claims.schema,
        "subject": claims.subject.map(|subject| hex(&subject.0)),
    })
}

fn policy(json: &Json) -> Policy {
    let lifetimes = |json: &Json| {
        let [idle, absolute] =
            ["idle", "absolute"].map(|key| Duration::from_secs(json[key].as_u64().unwrap()));
        Lifetimes::new(idle, absolute).unwrap()
    };
    let mut classes = json.as_array().unwrap().iter().map(lifetimes);
    let first = Policy::from(classes.next().unwrap());
    (1..)
        .zip(classes)
        .fold(first, |policy, (class, lifetimes)| {
            policy
                .with_class(format!("class {class}"), lifetimes)
                .unwrap()
        })
}

fn builder(json: &Json, ring: Vec<RingKey>) -> CodecBuilder<Encrypted> {
    let ring = KeyRing::dangerous_with_published_keys(ring).unwrap();
    // Opening a record asks for no policy.
    let policy = json.get("policy").map_or_else(
        || Policy::new(Duration::from_mins(1), Duration::from_mins(1)).unwrap(),
        policy,
    );
    EncryptedCodec::builder(string(&json["context"]), ring, policy)
        .name(string(&json["name"]))
        .clock(TestClock::at(seconds(&json["now"])))
}

fn opener(open: &Json, provider: AeadProvider) -> EncryptedCodec {
    let keys = open["keys"].as_array().unwrap().iter().map(|entry| {
        let key = Key::from_bytes(&bytes(&entry["root"])).unwrap();
        let key = RingKey::new(key, seconds(&entry["seals_from"]));
        match &entry["opens_until"] {
            Json::Null => key,
            until => key.with_opens_until(seconds(until)),
        }
    });
    let also = open["accept_also"].as_array().unwrap().iter();
    also.fold(builder(open, keys.collect()), |builder, also| {
        let until = seconds(&also["until"]);
        builder.accept_also(string(&also["context"]), string(&also["name"]), until)
    })
    .aead_provider(provider)
    .build()
    .unwrap()
}

fn sealer(seal: &Json, provider: AeadProvider) -> (EncryptedCodec, Identity, Handle) {
    let root = Key::from_bytes(&bytes(&seal["root"])).unwrap();
    let codec = builder(seal, vec![RingKey::new(root, Timestamp::MIN)])
        .compression(match seal.get("compression").map(string) {
            None | Some("when-needed") => Compression::dangerous_when_needed(),
            Some("never") => Compression::NEVER,
            Some(other) => panic!("compression {other}"),
        })
        .dangerous_random(Prepared(Mutex::new(bytes(&seal["nonce"]).into())))
        .aead_provider(provider)
        .build()
        .unwrap();
    let identity = Identity {
        sid: Sid(array(&seal["sid"])),
        created: seconds(&seal["created"]),
        class: LifetimeClass(seal["class"].as_u64().unwrap().try_into().unwrap()),
        subject: seal["user_id"].as_str().map(|user| codec.subject(user)),
        extensions: Extensions::default(),
    };
    (codec, identity, handle(&seal["handle"], identity.sid))
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
