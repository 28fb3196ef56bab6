//! Any bytes in a store's row, under a reference that is authentic: the bytes as they are, as
//! the content of a record that is authentic too, or as changes to what the library stored.
//! The row opens where the second reader says so, and the session goes on from there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealed_session::manager::{InvalidKind, Presented};
use sealed_session_fuzz::{
    forge::row_key,
    reader,
    session::{Octets, postcard},
    stored::Stored,
    world,
};

const HANDLE: [u8; 32] = [9; 32];
const SID: [u8; 16] = [7; 16];

fuzz_target!(|data: &[u8]| {
    match data.split_first() {
        Some((0, bytes)) => raw(bytes),
        Some((1, content)) => forged(content),
        Some((_, changes)) => altered(changes),
        None => {}
    }
});

/// Nobody without the key makes a record.
fn raw(bytes: &[u8]) {
    let stored = Stored::new();
    stored.plant(row_key(&SID), bytes.to_vec());
    let (presented, data) = stored.read(&reference());
    assert!(matches!(presented, Presented::Invalid(_)), "{presented:?}");
    assert_eq!(data, []);
}

fn forged(content: &[u8]) {
    let stored = Stored::new();
    let record = world::FORGE.record(&HANDLE, &SID, 1, &[8; 24], content);
    stored.plant(row_key(&SID), record);
    let token = reference();
    let (presented, data) = stored.read(&token);
    let verdict = reader::open_record(content, &claims());
    let expected = verdict.and_then(|(claims, plain)| {
        let octets = sealed_session::payload::from_postcard::<Octets>(&plain);
        let octets = octets.filter(|_| claims.schema == 0);
        octets.ok_or(&[sealed_session::OpenErrorKind::Schema][..])
    });
    match (expected, presented) {
        (Ok(octets), Presented::Valid) => {
            assert_eq!(octets.0, data);
            go_on(&stored, &token, data);
        }
        (Err(kinds), Presented::Invalid(kind)) => {
            let named = |kind: &sealed_session::OpenErrorKind| match kind {
                // To an application it is a row that is not there.
                sealed_session::OpenErrorKind::NotAuthentic => InvalidKind::Gone,
                kind => InvalidKind::Token(*kind),
            };
            assert!(kinds.iter().map(named).any(|it| it == kind), "{kind:?}");
            assert_eq!(data, []);
        }
        (expected, presented) => panic!("{presented:?}, not {:?}", expected.map(|_| ())),
    }
}

/// A change of the data is there at the next request.
fn go_on(stored: &Stored, token: &str, mut data: Vec<u8>) {
    data.push(1);
    // Too large for a cookie, so that it stays where it is.
    data.resize(data.len() + 4_000, 2);
    if postcard(&Octets(data.clone())).len() > reader::MAX_RECORD {
        return;
    }
    let headers = stored.write(token, &data).unwrap();
    let token = match &headers.set_cookie[..] {
        [] => token,
        [line] => line.split(['=', ';']).nth(1).unwrap(),
        more => panic!("{}", more.len()),
    };
    assert_eq!(stored.read(token), (Presented::Valid, data));
    assert_eq!(stored.rows().len(), 1);
}

/// What the library stored opens as it is and in no other form.
fn altered(changes: &[u8]) {
    let stored = Stored::new();
    let data = [&[3; 4_000], changes].concat();
    let headers = stored.write("", &data).unwrap();
    let token = headers.set_cookie[0].split(['=', ';']).nth(1).unwrap();
    let (key, row) = stored.rows().pop().unwrap();
    let mut bytes = row.bytes.clone();
    // Each change is a position and the bits to turn; the last may cut the end off.
    for change in changes.chunks_exact(3) {
        let at = usize::from(u16::from_be_bytes([change[0], change[1]])) % bytes.len();
        bytes[at] ^= change[2];
    }
    if let [cut] = changes.chunks_exact(3).remainder() {
        bytes.truncate(bytes.len().saturating_sub((*cut).into()));
    }
    let same = bytes == row.bytes;
    stored.replant(key, &row, bytes);
    let (presented, read) = stored.read(token);
    assert_eq!(presented == Presented::Valid, same);
    assert_eq!(read == data, same);
}

fn claims() -> reader::Claims {
    reader::Claims {
        kind: 1,
        deflated: false,
        padded: false,
        class: 0,
        created: world::NOW,
        issued: world::NOW,
        expires: world::NOW + 1_800,
        sid: SID,
        schema: 0,
        subject: None,
    }
}

fn reference() -> String {
    let content = [&claims().to_bytes()[..], &HANDLE].concat();
    world::FORGE.encrypted(&[7; 24], b"", &content)
}
