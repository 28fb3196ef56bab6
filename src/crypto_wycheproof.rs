//! Wycheproof's cases, on the functions that seal and open; `tests/foreign/README.md` says
//! where they are from and which of them apply.

use serde_json::Value as Json;

use super::*;

const AES_GCM: &str = include_str!("../tests/foreign/wycheproof/aes_gcm_test.json");
const HMAC: &str = include_str!("../tests/foreign/wycheproof/hmac_sha256_test.json");
const HKDF: &str = include_str!("../tests/foreign/wycheproof/hkdf_sha256_test.json");

#[test]
fn aes_256_gcm_does_as_wycheproof_says() {
    let (mut valid, mut invalid, mut skipped) = (0, 0, 0);
    for case in cases(AES_GCM, 316) {
        let (Ok(key), Ok(iv)) = (
            <[u8; 32]>::try_from(bytes(&case["key"])),
            <[u8; 12]>::try_from(bytes(&case["iv"])),
        ) else {
            skipped += 1;
            continue;
        };
        let tag: [u8; TAG_LEN] = bytes(&case["tag"]).try_into().unwrap();
        let (aad, plain, sealed) = (bytes(&case["aad"]), bytes(&case["msg"]), bytes(&case["ct"]));
        let is_valid = case["result"] == "valid";
        for provider in AeadProvider::EACH {
            let what = format!("{provider:?}, {}", case["tcId"]);
            let mut buffer = sealed.clone();
            let opened = provider.open(&key, &iv, &aad, &mut buffer, &tag);
            if is_valid {
                assert_eq!((opened, &buffer), (Ok(()), &plain), "{what}");
                let made = provider.seal(&key, &iv, &aad, &mut buffer);
                assert_eq!((made, &buffer), (Some(tag), &sealed), "{what}");
            } else {
                assert_eq!(opened, Err(NotAuthentic), "{what}");
                let left = if provider.keeps_refused() {
                    sealed.clone()
                } else {
                    vec![0; sealed.len()]
                };
                assert_eq!(buffer, left, "plaintext without a tag: {what}");
            }
        }
        if is_valid {
            valid += 1;
        } else {
            invalid += 1;
        }
    }
    report("AES-256-GCM", valid, invalid, skipped);
    assert_eq!((valid, invalid, skipped), (39, 27, 250));
}

#[test]
fn hmac_sha_256_does_as_wycheproof_says() {
    let (mut valid, mut invalid, mut skipped) = (0, 0, 0);
    for case in cases(HMAC, 174) {
        let Some(prf) = prf(&bytes(&case["key"])) else {
            skipped += 1;
            continue;
        };
        let (message, tag) = (bytes(&case["msg"]), bytes(&case["tag"]));
        let (whole, is_valid) = (tag.len() == HASH_LEN, case["result"] == "valid");
        let made = prf.mac(&[&message]);
        assert_eq!(made[..tag.len()] == tag, is_valid, "{}", case["tcId"]);
        // In parts, and whole; half a tag is none.
        let (head, rest) = message.split_at(message.len() / 2);
        for parts in [&[&message[..]][..], &[head, rest]] {
            let verified = prf.verify(parts, &tag).is_ok();
            assert_eq!(verified, is_valid && whole, "{}", case["tcId"]);
        }
        if is_valid {
            valid += 1;
        } else {
            invalid += 1;
        }
    }
    report("HMAC-SHA-256", valid, invalid, skipped);
    assert_eq!((valid, invalid, skipped), (60, 108, 6));
}

/// Extract is HMAC under the salt, Expand's first block is `EXPAND`, and each that follows is
/// HMAC of the one before it (RFC 5869).
#[test]
fn hkdf_sha_256_does_as_wycheproof_says() {
    let (mut valid, mut skipped) = (0, 0);
    for case in cases(HKDF, 86) {
        let salt = prf(&bytes(&case["salt"]));
        let Some(salt) = salt.filter(|_| case["result"] == "valid") else {
            skipped += 1;
            continue;
        };
        let info = bytes(&case["info"]);
        let expand = Prf::new(&salt.mac(&[&bytes(&case["ikm"])]));
        let mut block = *expand.expand(&[&info]);
        let mut made = block.to_vec();
        for number in 2..=u8::MAX {
            block = expand.mac(&[&block, &info, &[number]]);
            made.extend(block);
        }
        let size = usize::try_from(case["size"].as_u64().unwrap()).unwrap();
        let expected = bytes(&case["okm"]);
        assert_eq!((expected.len(), &made[..size]), (size, &expected[..]));
        valid += 1;
    }
    report("HKDF-SHA-256", valid, 0, skipped);
    assert_eq!((valid, skipped), (72, 14));
}

fn cases(file: &str, count: usize) -> Vec<Json> {
    let file: Json = serde_json::from_str(file).unwrap();
    let groups = file["testGroups"].as_array().unwrap().iter();
    let cases: Vec<Json> = groups
        .flat_map(|group| group["tests"].as_array().unwrap().clone())
        .collect();
    assert_eq!(cases.len(), count);
    assert_eq!(file["numberOfTests"], count);
    cases
}

/// A key filled up with zeros, as HMAC does; `None` for more than the 32 bytes of keys here.
fn prf(key: &[u8]) -> Option<Prf> {
    let mut whole = [0; HASH_LEN];
    whole.get_mut(..key.len())?.copy_from_slice(key);
    Some(Prf::new(&whole))
}

fn bytes(hex: &Json) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    (0..hex.len() / 2)
        .map(|n| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).unwrap())
        .collect()
}

fn report(what: &str, valid: u32, invalid: u32, skipped: u32) {
    let run = valid + invalid;
    println!(
        "Wycheproof {what}: {run} cases run ({valid} valid, {invalid} invalid), {skipped} do not apply"
    );
}
