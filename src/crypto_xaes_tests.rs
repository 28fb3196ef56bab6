//! C2SP's vectors for XAES-256-GCM, on the functions that seal and open;
//! `tests/foreign/README.md` says where they are from.

use shake::{
    Shake128, Shake128Reader,
    digest::{ExtendableOutput as _, Update as _, XofReader as _},
};
use xaes_256_gcm::{
    Xaes256Gcm,
    aead::{AeadInOut as _, KeyInit as _},
};

use super::*;
use crate::random::{OsRandom, Random as _};

const VECTORS: &str = include_str!("../tests/foreign/xaes/vectors.txt");

#[test]
fn full_cases_are_those_of_c2sp() {
    let mut run = 0;
    for provider in AeadProvider::EACH {
        for case in VECTORS.split("    K: ").skip(1) {
            let case = format!("    K: {case}");
            let field = |name| field(&case, name);
            let key: [u8; 32] = field("K").try_into().unwrap();
            let nonce: [u8; NONCE_LEN] = field("N").try_into().unwrap();
            let xaes = Xaes::new(*provider, &key);
            let k1 = *xaes.prepared.as_ref().unwrap().k1;
            assert_eq!(k1.to_be_bytes().to_vec(), field("K1"));
            let (message, iv) = xaes.message_key(&nonce).unwrap();
            assert_eq!(message.to_vec(), field("Kₓ"));
            assert_eq!(iv.to_vec(), field("Nₓ"));

            let (aad, sealed) = (field("AAD"), field("Ciphertext"));
            let (ciphertext, tag) = sealed.split_last_chunk().unwrap();
            let mut buffer = field("Plaintext");
            assert_eq!(xaes.seal(&nonce, &aad, &mut buffer).as_ref(), Some(tag));
            assert_eq!(buffer, ciphertext);
            assert_eq!(xaes.open(&nonce, &aad, &mut buffer, tag), Ok(()));
            assert_eq!(buffer, field("Plaintext"));
            let refused = xaes.open(&nonce, b"other", &mut buffer, tag);
            assert_eq!(refused, Err(NotAuthentic));
            run += 1;
        }
    }
    assert_eq!(run, 2 * AeadProvider::EACH.len());
    println!("C2SP XAES-256-GCM: {run} cases run, with each of the providers");
}

#[test]
fn hash_of_10_000_messages_is_that_of_c2sp() {
    accumulate(10_000, "10 000");
}

#[test]
#[ignore = "takes minutes unoptimised: scripts/foreign.sh runs it optimised"]
fn hash_of_1_000_000_messages_is_that_of_c2sp() {
    accumulate(1_000_000, "1 000 000");
}

fn accumulate(count: u32, name: &str) {
    let line = format!("The resulting hash for {name} iterations is\n\n    ");
    let (_, expected) = VECTORS.split_once(&line).unwrap();
    let (expected, _) = expected.split_once('\n').unwrap();
    for provider in AeadProvider::EACH {
        let mut stream = Shake128::default().finalize_xof();
        let mut hash = Shake128::default();
        for _ in 0..count {
            let key: [u8; 32] = take(&mut stream);
            let nonce: [u8; NONCE_LEN] = take(&mut stream);
            let plain = take_some(&mut stream);
            let aad = take_some(&mut stream);
            let xaes = Xaes::new(*provider, &key);
            let mut buffer = plain.clone();
            let tag = xaes.seal(&nonce, &aad, &mut buffer).unwrap();
            hash.update(&buffer);
            hash.update(&tag);
            assert_eq!(xaes.open(&nonce, &aad, &mut buffer, &tag), Ok(()));
            assert_eq!(buffer, plain);
        }
        let made: [u8; 32] = take(&mut hash.finalize_xof());
        assert_eq!(made.to_vec(), hex(expected), "{provider:?}");
    }
    println!("C2SP XAES-256-GCM: {count} cases run, accumulated");
}

/// What one seals, the other opens, and both seal the same.
#[test]
fn messages_are_those_of_the_crate_xaes_256_gcm() {
    for round in 0..500 {
        let [mut key, mut nonce, mut lengths] = [[0; 32]; 3];
        for bytes in [&mut key, &mut nonce, &mut lengths] {
            OsRandom.fill(bytes).unwrap();
        }
        let nonce: [u8; NONCE_LEN] = *nonce.first_chunk().unwrap();
        // Around the blocks of AES, and up to what a cookie and a record's part hold.
        let len = |high: u8, low: u8| usize::from(u16::from_be_bytes([high, low]));
        let most = if round % 10 == 0 { 5_000 } else { 100 };
        let mut plain = vec![0; len(lengths[0], lengths[1]) % most];
        let mut aad = vec![0; len(lengths[2], lengths[3]) % 100];
        OsRandom.fill(&mut plain).unwrap();
        OsRandom.fill(&mut aad).unwrap();
        for provider in AeadProvider::EACH {
            let what = format!("{provider:?} {key:?} {nonce:?} {plain:?} {aad:?}");
            let (ours, theirs) = (Xaes::new(*provider, &key), Xaes256Gcm::new(&key.into()));
            let mut sealed = plain.clone();
            let tag = ours.seal(&nonce, &aad, &mut sealed).expect(&what);
            let mut buffer = sealed.clone();
            theirs
                .decrypt_inout_detached(
                    &nonce.into(),
                    &aad,
                    buffer.as_mut_slice().into(),
                    &tag.into(),
                )
                .expect(&what);
            assert_eq!(buffer, plain, "{what}");
            let other = theirs
                .encrypt_inout_detached(&nonce.into(), &aad, buffer.as_mut_slice().into())
                .expect(&what);
            assert_eq!((&buffer, other.0), (&sealed, tag), "{what}");
            let opened = ours.open(&nonce, &aad, &mut buffer, &other.0);
            assert_eq!((opened, buffer), (Ok(()), plain.clone()), "{what}");
        }
    }
}

/// The value of a line of a case: text in quotation marks, or hexadecimal digits.
fn field(case: &str, name: &str) -> Vec<u8> {
    let line = format!("    {name}: ");
    let (_, value) = case.split_once(&line).unwrap();
    let (value, _) = value.split_once('\n').unwrap();
    let text = value.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    text.map_or_else(|| hex(value), |text| text.as_bytes().to_vec())
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
        .collect()
}

fn take<const N: usize>(stream: &mut Shake128Reader) -> [u8; N] {
    let mut bytes = [0; N];
    stream.read(&mut bytes);
    bytes
}

/// As many bytes as the first one says.
fn take_some(stream: &mut Shake128Reader) -> Vec<u8> {
    let [len] = take(stream);
    let mut bytes = vec![0; usize::from(len)];
    stream.read(&mut bytes);
    bytes
}
