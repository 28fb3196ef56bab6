//! Any bytes in a store's row, under a reference that is authentic: the bytes as they are, as
//! the content of a record that is authentic too, or as changes to what the library stored.
//! The row opens where the second reader says so, and the session goes on from there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealed_session::{
    OpenErrorKind,
    manager::{InvalidKind, Presented, SessionError},
};
use sealed_session_fuzz::{
    forge::row_key,
    reader::{self, Claims},
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

/// Only a holder of the key makes a record.
fn raw(bytes: &[u8]) {
    let stored = Stored::new();
    stored.plant(row_key(&SID), bytes.to_vec());
    let (presented, data) = stored.read(&reference()).unwrap();
    assert!(matches!(presented, Presented::Invalid(_)), "{presented:?}");
    assert_eq!(data, []);
}

fn forged(content: &[u8]) {
    let stored = Stored::new();
    let record = world::FORGE.record(&HANDLE, &SID, 1, &[8; 24], content);
    stored.plant(row_key(&SID), record);
    let token = reference();
    let verdict = reader::open_record(content, &claims());
    let expected = verdict.and_then(|(claims, plain)| {
        let octets = sealed_session::payload::from_postcard::<Octets>(&plain);
        let octets = octets.filter(|_| reader::is_own(&claims, 0, 0) == Ok(true));
        reader::is_own(&claims, 0, 0).and(octets.ok_or(&[OpenErrorKind::Schema]))
    });
    match (expected, stored.read(&token)) {
        (Ok(octets), Ok((Presented::Valid, data))) => {
            assert_eq!(octets.0, data);
            go_on(&stored, &token, data);
        }
        (Err(kinds), Ok((Presented::Invalid(kind), data))) => {
            let named = |kind: &OpenErrorKind| match kind {
                // To an application it is a row that is not there.
                OpenErrorKind::NotAuthentic => InvalidKind::Gone,
                kind => InvalidKind::Token(*kind),
            };
            assert!(kinds.iter().map(named).any(|it| it == kind), "{kind:?}");
            assert_eq!(data, []);
        }
        (Err([OpenErrorKind::Unsupported]), Err(SessionError::Unsupported)) => {
            keep(&stored, &token)
        }
        (expected, read) => panic!("{read:?}, not {:?}", expected.map(|_| ())),
    }
}

/// A session of a newer version stays as it is, in the cookie and in the store.
fn keep(stored: &Stored, token: &str) {
    let rows = stored.rows();
    let written = stored.write(token, &[1]);
    assert!(matches!(written, Err(SessionError::Unsupported)));
    assert_eq!(stored.fail(token).set_cookie, [""; 0]);
    assert_eq!(stored.rows(), rows);
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
    assert_eq!(stored.read(token).unwrap(), (Presented::Valid, data));
    let [(_, row)] = &stored.rows()[..] else {
        panic!("another row");
    };
    // What belongs to the session is in its new record.
    let version = row.state.version;
    let content = world::FORGE.record_content(&HANDLE, &SID, version, &row.bytes);
    let (written, _) = Claims::read(content.as_ref().unwrap()).unwrap();
    let expected = Claims {
        kind: 2,
        padded: true,
        ..claims()
    };
    assert_eq!(written, expected);
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
    let (presented, read) = stored.read(token).unwrap();
    assert_eq!(presented == Presented::Valid, same);
    assert_eq!(read == data, same);
}

/// Those of the reference.
fn claims() -> Claims {
    let word = |seconds: u32| (world::NOW + seconds).to_be_bytes().to_vec();
    Claims {
        kind: 1,
        expires: world::NOW + 600,
        sid: SID,
        extensions: vec![(1, vec![2; 33]), (3, word(600)), (4, word(1))],
        ..Claims::live()
    }
}

fn reference() -> String {
    let content = [&claims().to_bytes()[..], &HANDLE].concat();
    world::FORGE.encrypted(&[7; 24], b"", &content)
}
