//! Runs the vectors of `tests/vectors`, which `generate.py` computes from the specification
//! without this library. Those that need more than the public interface are run by unit tests
//! in `src/codec/vectors.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    reason = "a vector that cannot be read fails the test"
)]

#[path = "support/client.rs"]
#[allow(dead_code, reason = "only its executor is needed")]
mod client;
#[path = "vectors/reading.rs"]
mod reading;

use std::collections::{BTreeMap, BTreeSet};

use reading::{
    Notation, Typed, With, array, at, check_error, class_name, filled, hex, is_accepted, opener,
    read_value, sealer, seconds, shown, string, to_hex, vectors, with_type,
};
use sealed_session::{
    CookieConfig, OpenErrorKind, SessionManager, Values,
    claims::{Claims, Kind},
    codec::{CodecBuilder, Encrypted, Opened, Signed, Suite, encoded_len},
    keys::{Key, KeyError, KeyRing, RingError},
    manager::{InvalidKind, Presented, SessionError},
    payload::from_postcard,
    store::{RevocationId, Revoked},
    time::Timestamp,
    token::{MAX_COOKIE_LEN, SuiteId, UntrustedToken},
};
use serde_json::{Value as Json, json};

const TOKEN_FILES: [&str; 6] = [
    "encrypted",
    "signed",
    "reject",
    "extensions",
    "time",
    "body",
];

const CATEGORIES: [OpenErrorKind; 12] = [
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
    OpenErrorKind::Unsupported,
];

#[test]
fn tokens_open_and_seal_as_the_vectors_say() {
    let (mut categories, mut reasons) = (BTreeMap::<_, usize>::new(), BTreeSet::new());
    for file in TOKEN_FILES {
        let (mut accepted, mut resealed, mut rejected) = (0, 0, 0);
        for vector in vectors(file) {
            run(file, &vector);
            if is_accepted(&vector) {
                accepted += 1;
                resealed += usize::from(vector["reproducible"] == true);
            } else {
                rejected += 1;
                let expect = &vector["expect"];
                *categories
                    .entry(string(&expect["category"]).to_owned())
                    .or_default() += 1;
                reasons.insert(string(&expect["reason"]).to_owned());
            }
        }
        println!(
            "{file}.json: {accepted} accepted ({resealed} of them sealed again, the same to the \
             character), {rejected} rejected"
        );
    }
    println!("rejected, by category: {categories:?}");
    let names: Vec<_> = CATEGORIES.map(OpenErrorKind::as_str).into();
    assert!(
        names.iter().all(|it| categories.contains_key(*it)),
        "{categories:?}"
    );
    assert_eq!(categories.len(), names.len(), "{categories:?}");
    assert_eq!(reasons.len(), 27, "a rule without a vector: {reasons:?}");
}

fn run(file: &str, vector: &Json) {
    let name = format!("{file}.json: {}", string(&vector["name"]));
    let open = filled(vector, "open");
    match string(&open["suite"]) {
        "encrypted" => {
            run_with::<Encrypted>(&name, vector, &open, |builder| builder);
            #[cfg(feature = "aws-lc")]
            run_with::<Encrypted>(&format!("{name}, AWS-LC"), vector, &open, |builder| {
                builder.aead_provider(sealed_session::codec::AeadProvider::AwsLc)
            });
        }
        "signed" => run_with::<Signed>(&name, vector, &open, |builder| builder),
        other => panic!("{name}: suite {other}"),
    }
}

/// Options beside those of the vector.
type Configure<S> = fn(CodecBuilder<S>) -> CodecBuilder<S>;

fn run_with<S: Suite>(name: &str, vector: &Json, open: &Json, configure: Configure<S>) {
    let token = Token {
        name,
        vector,
        open,
        configure,
    };
    with_type(open, token);
}

struct Token<'a, S: Suite> {
    name: &'a str,
    vector: &'a Json,
    open: &'a Json,
    configure: Configure<S>,
}

impl<S: Suite> With for Token<'_, S> {
    type Output = ();

    fn with<T: Notation, const SCHEMA: u16, const SHAPE: u16>(self) {
        let Self {
            name, vector, open, ..
        } = self;
        let token = string(&vector["token"]);
        let codec = (self.configure)(opener::<S>(open)).build().expect(name);
        let aad = hex(&open["caller_aad"]);
        let scope = codec.at(at(&open["now"])).bound_to(&aad);
        let opened = scope.open::<Typed<T, SCHEMA, SHAPE>>(token);
        let expect = &vector["expect"];
        if !is_accepted(vector) {
            let error = opened.err().unwrap_or_else(|| panic!("{name}: accepted"));
            check_error(name, &error, expect);
            assert_eq!(error.to_string(), "no valid session");
            return;
        }
        let opened = opened.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let seal = filled(vector, "seal");
        assert_eq!(
            opened.data().0.show(),
            T::read(&seal["session"]["value"]).show(),
            "{name}"
        );
        let seen = json!({
            "claims": show_claims(opened.claims(), &expect["claims"]),
            "postcard": shown(scope.open_token(token).unwrap().bytes(), &expect["postcard"]),
            "needs_rekey": opened.needs_rekey(),
            "needs_refresh": opened.needs_refresh(),
        });
        assert_eq!(&seen, expect, "{name}");
        check_parts(name, vector, token);
        self.seal_again::<T, SCHEMA, SHAPE>(&seal, &opened);
    }
}

impl<S: Suite> Token<'_, S> {
    /// Seals the session from the vector's inputs: to the same token where the vector is
    /// reproducible, and in any case to one that opens to the same session.
    fn seal_again<T: Notation, const SCHEMA: u16, const SHAPE: u16>(
        &self,
        seal: &Json,
        opened: &Opened<Typed<T, SCHEMA, SHAPE>>,
    ) {
        let (name, vector) = (self.name, self.vector);
        // No public call gives a session an extension, but each re-seal carries it.
        let is_carried = seal["extensions"] != json!([]);
        let codec = sealer::<S>(seal, if is_carried { 16 } else { 0 });
        let codec = (self.configure)(codec).build().expect(name);
        let aad = hex(&seal["caller_aad"]);
        let now = at(&seal["now"]);
        let scope = codec.at(now).bound_to(&aad);
        let identity = if is_carried {
            opened.identity()
        } else {
            let began = &seal["created"];
            let created = if began.is_null() { now } else { at(began) };
            let mut identity = codec.at(created).new_identity().expect(name);
            if let Some(class) = class_name(seal["class"].as_u64().unwrap()) {
                identity = identity.with_class(codec.policy().class(&class).unwrap());
            }
            if let Some(user) = seal["user_id"].as_str() {
                identity = identity.with_subject(codec.subject(user));
            }
            identity
        };
        let data = Typed::<T, SCHEMA, SHAPE>(T::read(&seal["session"]["value"]));
        let written = &seal["session"];
        if (&written["schema"], &written["shape"]) != (&self.open["schema"], &self.open["shape"]) {
            return;
        }
        if vector["reproducible"] == true {
            let sealed = scope.seal(&identity, &data).expect(name);
            assert_eq!(sealed.value(), string(&vector["token"]), "{name}");
            assert_eq!(sealed.claims(), opened.claims(), "{name}");
            let len = sealed.value().len() + codec.name().len();
            assert!(len <= MAX_COOKIE_LEN, "{name}");
            assert_eq!(scope.plan(&identity, &data).expect(name).cookie_len(), len);
        } else if let Ok(sealed) = scope.seal(&identity, &data) {
            let again = scope
                .open::<Typed<T, SCHEMA, SHAPE>>(sealed.value())
                .expect(name);
            assert_eq!(again.data().0.show(), opened.data().0.show(), "{name}");
            if seal["compression"] == "when-needed" {
                // No vector lies between, where another's stream and ours could differ.
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
            let len = string(&vector["token"]).len() + codec.name().len();
            assert!(len > MAX_COOKIE_LEN, "{name}");
        }
    }
}

/// The parts of a token that are visible without a key.
fn check_parts(name: &str, vector: &Json, token: &str) {
    let parts = UntrustedToken::parse(token).expect(name);
    let expect = &vector["expect"];
    assert_eq!(
        parts.key_id().to_string(),
        string(&vector["derived"]["kid"]),
        "{name}"
    );
    let signed = parts.suite() == SuiteId::Signed;
    assert_eq!(parts.nonce().is_none(), signed, "{name}");
    let claims = parts.unverified_claims();
    assert_eq!(claims.is_some(), signed, "{name}");
    if let Some(claims) = claims {
        assert_eq!(
            show_claims(&claims, &expect["claims"]),
            expect["claims"],
            "{name}"
        );
    }
}

/// The claims, with the two that are not public taken from `like`.
fn show_claims(claims: &Claims, like: &Json) -> Json {
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
        "sid": like["sid"],
        "id": to_hex(claims.session_id().as_bytes()),
        "schema": claims.schema(),
        "shape": claims.shape(),
        "subject": claims.subject().map(|subject| to_hex(subject.as_bytes())),
        "extensions": like["extensions"],
    })
}

#[test]
fn keys_are_read_and_named_as_the_vectors_say() {
    for vector in vectors("keys") {
        let name = string(&vector["name"]);
        let key = string(&vector["text"]).parse::<Key>();
        if !is_accepted(&vector) {
            let error = key_error(&key.expect_err(name));
            assert_eq!(error, string(&vector["error"]), "{name}");
            continue;
        }
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
    }
}

fn key_error(error: &KeyError) -> &'static str {
    match error {
        KeyError::Prefix => "prefix",
        KeyError::Encoding => "encoding",
        KeyError::NotRandom => "not-random",
        other => panic!("{other}"),
    }
}

#[test]
fn ring_files_are_judged_as_the_vectors_say() {
    for vector in vectors("rings") {
        let name = string(&vector["name"]);
        let mut file = match vector.get("hex") {
            Some(bytes) => hex(bytes),
            None => string(&vector["toml"]).as_bytes().to_vec(),
        };
        if let Some(len) = vector["filled"].as_u64() {
            file.resize(len.try_into().unwrap(), b'#');
        }
        let ring = KeyRing::from_toml(&file).and_then(|ring| {
            let idle = vector.get("idle").map(seconds);
            idle.map_or(Ok(()), |idle| ring.check_idle(idle))
                .map(|()| ring)
        });
        if !is_accepted(&vector) {
            let (error, line) = ring_error(&ring.expect_err(name));
            assert_eq!(error, string(&vector["error"]), "{name}");
            assert_eq!(line.map(|it| it as u64), vector["line"].as_u64(), "{name}");
            continue;
        }
        let ring = ring.expect(name);
        let keys = ring.keys().iter().map(|key| {
            let until = key.opens_until().map(Timestamp::unix_seconds);
            json!([
                key.key().id().to_string(),
                key.seals_from().unix_seconds(),
                until
            ])
        });
        assert_eq!(keys.collect::<Json>(), vector["keys"], "{name}");
        for expected in vector["roles"].as_array().unwrap() {
            let now = at(&expected[0]);
            let sealing = ring.sealing_key(now).map(|key| key.key().id());
            let roles = ring.keys().iter().map(|key| {
                if !key.opens_at(now) {
                    "closed"
                } else if sealing == Some(key.key().id()) {
                    "seals"
                } else if key.seals_from() > now {
                    "pending"
                } else {
                    "opens"
                }
            });
            assert_eq!(json!(roles.collect::<Vec<_>>()), expected[1], "{name}");
        }
    }
}

fn ring_error(error: &RingError) -> (&'static str, Option<usize>) {
    match error {
        RingError::Syntax(line) => ("syntax", Some(*line)),
        RingError::Key { line, error } => (key_error(error), Some(*line)),
        RingError::Empty | RingError::TooMany => ("count", None),
        RingError::Duplicate(_) => ("twice", None),
        RingError::Published(_) => ("published", None),
        RingError::SameStart(_) => ("same-start", None),
        RingError::NeverSeals(_) => ("order", None),
        RingError::NoSealingKey(_) => ("gap", None),
        RingError::ClosesTooEarly { .. } => ("closes-early", None),
        other => panic!("{other}"),
    }
}

#[test]
fn postcard_is_read_as_the_vectors_say() {
    struct Bytes<'a>(&'a Json);

    impl With for Bytes<'_> {
        type Output = ();

        fn with<T: Notation, const SCHEMA: u16, const SHAPE: u16>(self) {
            let (vector, name) = (self.0, string(&self.0["name"]));
            let bytes = hex(&vector["bytes"]);
            let read = from_postcard::<T>(&bytes);
            if is_accepted(vector) {
                let expected = T::read(&vector["value"]);
                assert_eq!(read.expect(name).show(), expected.show(), "{name}");
                let written = postcard::to_allocvec(&expected).unwrap();
                assert_eq!(json!(written == bytes), vector["canonical"], "{name}");
            } else {
                assert!(read.is_none(), "{name}: accepted");
            }
        }
    }

    for vector in vectors("postcard") {
        let session = json!({"type": vector["type"], "schema": 0, "shape": 0});
        with_type(&session, Bytes(&vector));
    }
}

#[test]
fn values_are_read_and_written_as_the_vectors_say() {
    for vector in vectors("values") {
        let name = string(&vector["name"]);
        let cbor = hex(&vector["cbor"]);
        let read = from_postcard::<Values>(&postcard::to_allocvec(&cbor).unwrap());
        if is_accepted(&vector) {
            let expected = Values::read(&vector["value"]);
            assert_eq!(read.expect(name).show(), expected.show(), "{name}");
            let same = cbor_of(&expected) == cbor;
            assert_eq!(json!(same), vector["canonical"], "{name}");
        } else {
            assert!(read.is_none(), "{name}: accepted");
        }
    }
}

fn cbor_of(values: &Values) -> Vec<u8> {
    postcard::from_bytes(&postcard::to_allocvec(values).unwrap()).unwrap()
}

#[test]
fn json_becomes_values_and_back_as_the_vectors_say() {
    for vector in vectors("json") {
        let name = string(&vector["name"]);
        if let Some(written) = vector.get("written") {
            let values = Values::read(&vector["value"]);
            let ours = serde_json::to_string(&values).unwrap();
            // This notation distinguishes integers from floats.
            let [ours, theirs] = [&ours, string(written)].map(|json| {
                serde_json::from_str::<Values>(json)
                    .unwrap()
                    .show()
                    .to_string()
            });
            assert_eq!(ours, theirs, "{name}");
            continue;
        }
        let read = serde_json::from_str::<Values>(string(&vector["json"]));
        if is_accepted(&vector) {
            let read = read.expect(name);
            assert_eq!(read.show(), Values::read(&vector["value"]).show(), "{name}");
            assert_eq!(to_hex(&cbor_of(&read)), string(&vector["cbor"]), "{name}");
        } else {
            assert!(read.is_err(), "{name}: accepted");
        }
    }
}

#[test]
fn members_of_json_are_in_order_of_their_bytes() {
    let vectors = vectors("json");
    let vector = vectors
        .iter()
        .find(|it| it["name"] == "written: members in order")
        .unwrap();
    let read_value = read_value(&json!({"map": vector["value"]}));
    assert_eq!(
        serde_json::to_string(&read_value).unwrap(),
        string(&vector["written"])
    );
}

#[test]
fn of_several_cookies_one_counts_as_the_vectors_say() {
    for vector in vectors("cookies") {
        let name = string(&vector["name"]);
        let open = filled(&vector, "open");
        let scope = opener::<Encrypted>(&open);
        let cookie = CookieConfig::named(string(&open["name"])).build().unwrap();
        let manager: SessionManager<Values> = SessionManager::builder(scope)
            .cookie(cookie)
            .build()
            .expect(name);
        let lines: Vec<_> = vector["cookies"]
            .as_array()
            .unwrap()
            .iter()
            .map(string)
            .collect();
        let session = manager.session(lines.iter().map(|line| line.as_bytes()), None);
        let seen = client::block_on(async {
            match session.presented().await? {
                Presented::Nothing => Ok("absent".to_owned()),
                Presented::Invalid(InvalidKind::Token(kind)) => Ok(kind.as_str().to_owned()),
                Presented::Invalid(InvalidKind::Ambiguous) => Ok("ambiguous".to_owned()),
                Presented::Valid => {
                    let claims = session.claims().await?.unwrap();
                    Ok(format!("{claims:?}"))
                }
                other => panic!("{name}: {other:?}"),
            }
        });
        let seen = seen.unwrap_or_else(|error: SessionError| match error {
            SessionError::Unsupported => "unsupported".to_owned(),
            other => panic!("{name}: {other}"),
        });
        let expected = match vector["expect"].get("token") {
            Some(token) => {
                let opened = manager.codec().open_token(string(token)).expect(name);
                format!("{:?}", opened.claims())
            }
            None => string(&vector["expect"]["category"]).to_owned(),
        };
        assert_eq!(seen, expected, "{name}");
    }
}

#[test]
fn entries_of_revocations_merge_as_the_vectors_say() {
    let entry = |json: &Json| Revoked {
        id: RevocationId([0; 32]),
        not_before: at(&json[0]),
        expires: at(&json[1]),
    };
    let mut merged = 0;
    for vector in vectors("revocations") {
        let before = &vector["before"];
        if vector.get("after").is_some() {
            let before = (!before.is_null()).then(|| entry(before));
            let after = entry(&vector["new"]).after(before);
            assert_eq!(after, entry(&vector["after"]), "{}", vector["name"]);
            merged += 1;
        }
    }
    assert!(merged > 5);
}

#[test]
fn subjects_are_those_of_the_vectors() {
    let mut compared = 0;
    for vector in vectors("derivations") {
        if vector.get("subject").is_some() {
            let mut open = filled(&json!({"open": {}}), "open");
            open["context"] = vector["context"].clone();
            let codec = opener::<Encrypted>(&open).build().unwrap();
            let subject = codec.subject(string(&vector["user_id"]));
            assert_eq!(subject.as_bytes(), &array(&vector["subject"]), "{vector}");
            compared += 1;
        }
    }
    assert!(compared > 5);
}
