//! The vectors that need more than the public interface: references, records, auxiliary
//! tokens, a writer's refusals, ids. `tests/vectors.rs` runs the others.

use core::marker::PhantomData;

use serde_json::{Value as Json, json};

use super::*;
use crate::{
    claims::{Extensions, LifetimeClass, Subject},
    codec::{AeadProvider, Suite, auxiliary::Auxiliary, suite::Signed},
    time::Timestamp,
};

#[path = "../../tests/vectors/reading.rs"]
mod reading;

use reading::{
    Notation, Typed, With, array, at, check_error, filled, from_base64url, hex, is_accepted,
    opener, refusal, sealer, sealer_of_ring, shown, string, to_hex, vectors, with_type,
};

#[test]
fn references_open_and_seal_as_the_vectors_say() {
    for (provider, vector) in under_each("references") {
        let name = string(&vector["name"]);
        let open = filled(&vector, "open");
        let codec = opener::<Encrypted>(&open)
            .aead_provider(provider)
            .build()
            .unwrap();
        let scope = codec.at(at(&open["now"]));
        let (opened, expect) = (scope.open_any(string(&vector["token"])), &vector["expect"]);
        let inline = scope
            .open_token(string(&vector["token"]))
            .unwrap_err()
            .kind();
        if !is_accepted(&vector) {
            let error = opened.err().expect(name);
            check_error(name, &error, expect);
            assert_eq!(inline, error.kind(), "{name}: inline");
            continue;
        }
        let Ok(AnyToken::Reference(reference)) = opened else {
            panic!("{name}: not a reference");
        };
        assert_eq!(inline, OpenErrorKind::WrongKind, "{name}: inline");
        let seen = json!({
            "claims": show(&reference.claims),
            "handle": to_hex(&*reference.handle.secret),
            "needs_rekey": reference.needs_rekey,
            "needs_refresh": reference.needs_refresh,
        });
        assert_eq!(&seen, expect, "{name}");
        if vector["reproducible"] == true {
            let seal = filled(&vector, "seal");
            let codec = sealer::<Encrypted>(&seal, 16)
                .aead_provider(provider)
                .build()
                .unwrap();
            let identity = identity(&seal);
            let handle = handle(&seal["handle"], identity.sid);
            let sealed = codec.at(codec.now()).seal_reference(&identity, &handle);
            assert_eq!(
                sealed.expect(name).value(),
                string(&vector["token"]),
                "{name}"
            );
        }
    }
}

#[test]
fn records_open_and_seal_as_the_vectors_say() {
    for (provider, vector) in under_each("records") {
        with_type(
            &filled(&vector, "open"),
            Record {
                provider,
                vector: &vector,
            },
        );
    }
}

struct Record<'a> {
    provider: AeadProvider,
    vector: &'a Json,
}

impl With for Record<'_> {
    type Output = ();

    fn with<T: Notation, const SCHEMA: u16, const SHAPE: u16>(self) {
        let Self { provider, vector } = self;
        let (name, expect) = (string(&vector["name"]), &vector["expect"]);
        let open = filled(vector, "open");
        let max = usize::try_from(open["max_record_bytes"].as_u64().unwrap()).unwrap();
        let codec = opener::<Encrypted>(&open)
            .aead_provider(provider)
            .build()
            .unwrap();
        let reference = reference(&open);
        let record = from_base64url(&vector["record"]);
        let handle_there = handle(&open["handle"], reference.sid);
        let version = number(&open["version"]);
        let opened = codec
            .at(codec.now())
            .open_record(&reference, &handle_there, version, record.clone(), max)
            .and_then(|opened| Ok((opened.data::<Typed<T, SCHEMA, SHAPE>>()?, opened)));
        if !is_accepted(vector) {
            check_error(name, &opened.map(|_| ()).expect_err(name), expect);
            return;
        }
        let (data, opened) = opened.expect(name);
        let seal = filled(vector, "seal");
        assert_eq!(
            data.0.show(),
            T::read(&seal["session"]["value"]).show(),
            "{name}"
        );
        let seen = json!({
            "claims": show(opened.claims()),
            "postcard": shown(opened.bytes(), &expect["postcard"]),
            "needs_rekey": opened.needs_rekey(),
        });
        assert_eq!(&seen, expect, "{name}");
        if vector["reproducible"] == true {
            let codec = sealer::<Encrypted>(&seal, 16)
                .aead_provider(provider)
                .build()
                .unwrap();
            let identity = identity(&seal);
            let handle = handle(&seal["handle"], identity.sid);
            let scope = codec.at(codec.now());
            let made = scope.seal_record(&identity, &handle, number(&seal["version"]), &data, max);
            assert!(made.expect(name) == record, "{name}: sealed otherwise");
        }
    }
}

#[test]
fn auxiliary_tokens_open_and_seal_as_the_vectors_say() {
    for (provider, vector) in under_each("auxiliary") {
        let (name, expect) = (string(&vector["name"]), &vector["expect"]);
        let codec = opener::<Encrypted>(&filled(&vector, "open"));
        let codec = codec.aead_provider(provider).build().unwrap();
        let opened = codec
            .at(codec.now())
            .open_auxiliary(string(&vector["token"]));
        if !is_accepted(&vector) {
            let kind = opened.expect_err(name).kind();
            assert_eq!(kind.as_str(), string(&expect["category"]), "{name}");
            continue;
        }
        let opened = opened.expect(name);
        let mut seen = json!({
            "issued": opened.issued.unix_seconds(),
            "expires": opened.expires.unix_seconds(),
        });
        let (kind, fields) = match opened.content {
            Auxiliary::Proof { id, device } => {
                (1, vec![("id", to_hex(&id)), ("dev", to_hex(&device))])
            }
            Auxiliary::RegistrationChallenge { id } => (2, vec![("id", to_hex(&id))]),
            Auxiliary::RefreshChallenge { device } => (3, vec![("dev", to_hex(&device))]),
            Auxiliary::Binding { id, key } => (4, vec![("id", to_hex(&id)), ("key", to_hex(&key))]),
        };
        seen["type"] = kind.into();
        for (field, value) in fields {
            seen[field] = value.into();
        }
        assert_eq!(&seen, expect, "{name}");

        let mut seal = filled(&vector, "seal");
        seal["random"] = seal["nonce"].clone();
        let codec = sealer::<Encrypted>(&seal, 0)
            .aead_provider(provider)
            .build()
            .unwrap();
        let scope = codec.at(opened.issued);
        let sealed = scope
            .seal_auxiliary(&opened.content, opened.expires)
            .expect(name);
        assert_eq!(sealed, string(&vector["token"]), "{name}");
    }
}

#[test]
fn writers_refuse_what_the_vectors_say() {
    for vector in vectors("writer") {
        let seal = filled(&vector, "seal");
        match string(&vector["suite"]) {
            "encrypted" => with_type(&seal["session"], Writer::<Encrypted>(&vector, PhantomData)),
            _ => with_type(&seal["session"], Writer::<Signed>(&vector, PhantomData)),
        }
    }
}

struct Writer<'a, S: Suite>(&'a Json, PhantomData<S>);

impl<S: Suite> With for Writer<'_, S> {
    type Output = ();

    fn with<T: Notation, const SCHEMA: u16, const SHAPE: u16>(self) {
        let Self(vector, _) = self;
        let name = string(&vector["name"]);
        let seal = filled(vector, "seal");
        let expected = vector["expect"]["refusal"].as_str();
        if expected == Some("encoding") {
            // It cannot even be made.
            let value = reading::read_value(&json!({"map": seal["session"]["value"]}));
            assert!(
                crate::payload::values::from_value::<crate::Values>(&value).is_err(),
                "{name}"
            );
            return;
        }
        let limit = usize::try_from(vector["limit"].as_u64().unwrap()).unwrap();
        let codec = sealer_of_ring::<S>(&seal, &vector["keys"], 16).limit(limit);
        let codec = codec.build().unwrap();
        let data = Typed::<T, SCHEMA, SHAPE>(T::read(&seal["session"]["value"]));
        let sealed = codec.at(at(&seal["now"])).seal(&identity(&seal), &data);
        match expected {
            Some(expected) => assert_eq!(refusal(&sealed.expect_err(name)), expected, "{name}"),
            None => assert_eq!(
                sealed.expect(name).value(),
                string(&vector["token"]),
                "{name}"
            ),
        }
    }
}

#[test]
fn public_ids_are_those_of_the_vectors() {
    let vectors = vectors("derivations");
    let with_sid: Vec<_> = vectors
        .iter()
        .filter(|it| it.get("sid").is_some())
        .collect();
    assert!(!with_sid.is_empty());
    for vector in with_sid {
        let id = Sid(array(&vector["sid"])).public();
        assert_eq!(
            to_hex(id.as_bytes()),
            string(&vector["public_id"]),
            "{vector}"
        );
        assert_eq!(id.log_id(), string(&vector["log_id"]), "{vector}");
    }
}

/// Each vector, once with each provider.
fn under_each(file: &str) -> impl Iterator<Item = (AeadProvider, Json)> {
    let with = |provider| move |vector| (provider, vector);
    let each = AeadProvider::EACH.iter();
    each.flat_map(move |&provider| vectors(file).into_iter().map(with(provider)))
}

/// Of 64 bits, which numbers in JSON do not hold everywhere.
fn number(json: &Json) -> u64 {
    string(json).parse().unwrap()
}

fn handle(json: &Json, sid: Sid) -> Handle {
    Handle::new(Zeroizing::new(array(json)), sid)
}

fn extensions(json: &Json) -> Extensions {
    let entries = json.as_array().unwrap().iter().flat_map(|entry| {
        let content = hex(&entry[1]);
        let head =
            [&entry[0], &json!(content.len())].map(|it| it.as_u64().unwrap().to_le_bytes()[0]);
        [&head[..], &content].concat()
    });
    let entries: Vec<u8> = entries.collect();
    if entries.is_empty() {
        return Extensions::default();
    }
    let total = u8::try_from(entries.len()).unwrap();
    Extensions::read(&[&[total][..], &entries].concat())
        .unwrap()
        .0
}

fn identity(seal: &Json) -> Identity {
    let created = &seal["created"];
    let random = hex(&seal["random"]);
    let user = seal["user_id"].as_str();
    Identity {
        sid: Sid(*random.first_chunk().unwrap()),
        created: at(if created.is_null() {
            &seal["now"]
        } else {
            created
        }),
        class: LifetimeClass(seal["class"].as_u64().unwrap().try_into().unwrap()),
        subject: user.map(|user| Subject::of(string(&seal["context"]), user.as_bytes())),
        extensions: extensions(&seal["extensions"]),
    }
}

/// Of a reference's claims, only what a record is compared with.
fn reference(open: &Json) -> Claims {
    let created = at(&open["created"]);
    Claims {
        kind: Kind::Reference,
        deflated: false,
        padded: false,
        class: LifetimeClass::DEFAULT,
        created,
        issued: created,
        expires: created,
        sid: Sid(array(&open["sid"])),
        schema: 0,
        shape: 0,
        subject: (!open["subject"].is_null()).then(|| Subject(array(&open["subject"]))),
        extensions: Extensions::default(),
    }
}

fn show(claims: &Claims) -> Json {
    let Extensions {
        device_key,
        stay,
        end,
        authenticated,
    } = claims.extensions;
    let word = |word: u32| to_hex(&word.to_be_bytes());
    let extensions = [
        (1, device_key.map(|key| to_hex(&key))),
        (2, stay.map(word)),
        (3, end.map(|end| word(end.unix_seconds()))),
        (4, authenticated.map(|at| word(Timestamp::unix_seconds(at)))),
    ];
    let extensions = extensions
        .iter()
        .filter_map(|(kind, content)| Some(json!([kind, content.as_ref()?])));
    json!({
        "kind": claims.kind as u8,
        "deflated": claims.deflated,
        "padded": claims.padded,
        "class": claims.class.0,
        "created": claims.created.unix_seconds(),
        "issued": claims.issued.unix_seconds(),
        "expires": claims.expires.unix_seconds(),
        "sid": to_hex(&claims.sid.0),
        "id": to_hex(claims.session_id().as_bytes()),
        "schema": claims.schema,
        "shape": claims.shape,
        "subject": claims.subject.map(|subject| to_hex(&subject.0)),
        "extensions": extensions.collect::<Json>(),
    })
}
