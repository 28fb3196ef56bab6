//! Keys are gone from the process's memory when they have been dropped.
//!
//! Makes keys, rings, codecs and managers of known bytes, uses them, drops them, and then
//! reads all of its own writable memory. What is looked for is kept masked, so that the search does
//! not find itself; and before the drop it must find each key, or it would prove nothing.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a failure fails the test"
)]

#[path = "support/client.rs"]
#[allow(dead_code, reason = "each user needs a part of it")]
mod client;
#[path = "support/model_store.rs"]
#[allow(dead_code, reason = "each user needs a part of it")]
mod model_store;

use core::time::Duration;
use std::{
    fs,
    io::{Read as _, Seek as _, SeekFrom},
    process::Command,
    sync::{Arc, Mutex, PoisonError, mpsc::channel},
};

use aes_gcm::{
    Aes256Gcm,
    aead::{AeadInOut as _, KeyInit as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use client::Client;
use hmac::{Hmac, Mac as _};
use model_store::ModelStore;
use sealed_session::{
    EncryptedCodec, Policy, SessionData, SessionManager, SignedCodec,
    codec::AeadProvider,
    keys::{Key, KeyRing, SharedKeyRing},
    payload::Plain,
    random::{OsRandom, Random as _},
    time::{Clock as _, SystemClock},
};
use serde::{Deserialize, Serialize};
use sha2::{Sha256, block_api::compress256};
use zeroize::Zeroizing;

/// Each byte of what is looked for is kept with this in it, one step of it per position.
const MASK: u8 = 0xa7;
const CONTEXT: &str = "memory.example";
const NAME: &str = "__Host-memory";
const HOUR: Duration = Duration::from_hours(1);

/// What a user keeps to themselves. Its own memory is wiped, so that what is found is the
/// library's.
#[derive(Serialize, Deserialize, Default)]
struct Diary {
    entry: Zeroizing<String>,
    ballast: Vec<u8>,
}

impl SessionData for Diary {}

/// What uses the keys is a thread of its own that waits while its stack is searched, so that
/// nothing overwrites what was left there.
#[test]
fn no_key_is_in_memory_after_it_was_dropped() {
    look_for_keys(AeadProvider::RustCrypto);
}

#[cfg(feature = "aws-lc")]
#[test]
fn no_key_is_in_memory_of_aws_lc_after_it_was_dropped() {
    look_for_keys(AeadProvider::AwsLc);
}

/// One at a time: what one search has read would be found by another.
static SEARCH: Mutex<()> = Mutex::new(());

fn look_for_keys(provider: AeadProvider) {
    let _alone = SEARCH.lock().unwrap_or_else(PoisonError::into_inner);
    let mut window = vec![0; 1 << 20];
    let (tell, told) = channel();
    let (proceed, wait) = channel();
    let worker = std::thread::spawn(move || {
        let mut needles = Vec::new();
        let holders = Holders::new(&mut needles, provider);
        let token = holders.use_them();
        tell.send((needles, token.clone())).unwrap();
        wait.recv().unwrap();
        holders.open(&token);
        drop(holders);
        tell.send((Vec::new(), token)).unwrap();
        wait.recv().unwrap();
    });

    let (mut needles, token) = told.recv().unwrap();
    needles.extend(derive_elsewhere(&needles[0], &token));
    let found = search(&needles, &mut window);
    for (needle, found) in needles.iter().zip(&found) {
        println!("while alive: {found:3} of {}", needle.name);
        let transient = needle.name.contains("while used");
        assert!(*found > 0 || transient, "{} is not found", needle.name);
    }

    proceed.send(()).unwrap();
    assert_eq!(told.recv().unwrap().1, token);
    let found = search(&needles, &mut window);
    for (needle, found) in needles.iter().zip(&found) {
        println!("afterwards:  {found:3} of {}", needle.name);
    }
    proceed.send(()).unwrap();
    worker.join().unwrap();
    for (needle, found) in needles.iter().zip(&found) {
        // RustCrypto's AES returns its key schedule by value, and its copies on the way stay
        // on the stack until something else is written there: out of reach without `unsafe`.
        // Such a key opens one message (SECURITY.md, "Memory").
        let out_of_reach =
            provider == AeadProvider::RustCrypto && needle.name.contains("of a message");
        assert!(*found == 0 || out_of_reach, "{} is left", needle.name);
    }
}

/// Keys, and what is made of them.
struct Holders {
    keys: Vec<Key>,
    file: tempfile::NamedTempFile,
    shared: SharedKeyRing,
    encrypted: EncryptedCodec,
    signed: SignedCodec,
    manager: SessionManager<Diary>,
    texts: Vec<Zeroizing<String>>,
}

impl Holders {
    fn new(needles: &mut Vec<Needle>, provider: AeadProvider) -> Self {
        let now = SystemClock.now();
        let keys: Vec<Key> = (0..3)
            .map(|number| {
                let mut root = Zeroizing::new([0; 32]);
                OsRandom.fill(&mut *root).unwrap();
                needles.push(Needle::new(format!("root key {number}"), &*root));
                Key::from_bytes(&*root).unwrap()
            })
            .collect();
        let texts: Vec<_> = keys.iter().map(Key::to_secret_text).collect();
        for (number, text) in texts.iter().enumerate() {
            // Without the prefix, which stands in the program.
            needles.push(Needle::new(
                format!("text of key {number}"),
                &text.as_bytes()[9..],
            ));
        }
        // One ring by hand, one from a file, and one that has been exchanged for another.
        let parsed: Key = texts[1].parse().unwrap();
        let ring = KeyRing::single(parsed).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, &*ring.to_secret_toml()).unwrap();
        let shared = SharedKeyRing::from_file(file.path()).unwrap();
        let policy = Policy::new(HOUR, HOUR).unwrap();
        let rotated = ring.rotate(now, HOUR, HOUR, keys[2].clone()).unwrap();
        fs::write(&file, &*rotated.to_secret_toml()).unwrap();

        let single = KeyRing::single(keys[0].clone()).unwrap();
        let encrypted = EncryptedCodec::builder(CONTEXT, single.clone(), policy.clone());
        let signed = SignedCodec::builder(CONTEXT, single, policy.clone());
        let managed = EncryptedCodec::builder(CONTEXT, shared.clone(), policy);
        let managed = managed.aead_provider(provider);
        Self {
            keys,
            file,
            encrypted: encrypted
                .name(NAME)
                .aead_provider(provider)
                .build()
                .unwrap(),
            signed: signed.name(NAME).build().unwrap(),
            manager: SessionManager::builder(managed)
                .store(Arc::new(ModelStore::default()))
                .build()
                .unwrap(),
            shared,
            texts,
        }
    }

    /// Seals, opens, reloads, and takes a session to the store and back; gives a token.
    fn use_them(&self) -> String {
        assert_eq!(self.keys[0].clone(), self.keys[0]);
        assert!(format!("{:?}{:?}", self.shared, self.file).contains("Key("));
        assert_eq!(self.texts.len(), self.keys.len());

        let mut client = Client::default();
        let mut visit = |ballast: usize| {
            let outcome = client.visit(&self.manager, async |session| {
                session
                    .change(|diary| {
                        diary.entry = Zeroizing::new("x".repeat(100));
                        diary.ballast = (0..ballast).map(noise).collect();
                    })
                    .await
            });
            outcome.unwrap();
        };
        visit(0);
        assert!(self.shared.reload(SystemClock.now()).unwrap());
        visit(9_000);
        visit(10_000);
        visit(0);

        let identity = self.encrypted.new_identity().unwrap();
        let readable = self.signed.seal(&identity, &Plain(7_u8)).unwrap();
        self.signed.open::<Plain<u8>>(readable.value()).unwrap();
        let sealed = self.encrypted.seal(&identity, &Plain(7_u8)).unwrap();
        self.open(sealed.value());
        sealed.value().to_owned()
    }

    fn open(&self, token: &str) {
        self.encrypted.open::<Plain<u8>>(token).unwrap();
    }
}

/// Bytes that do not compress.
fn noise(n: usize) -> u8 {
    u8::try_from((n * n * 31 + n * 17) % 8_191 % 251).unwrap()
}

/// The keys derived from the first root, computed by another process: this one never has
/// them in the clear but where the library does.
fn derive_elsewhere(root: &Needle, token: &str) -> Vec<Needle> {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "derivations", "--ignored", "--nocapture"])
        .env("MASKED_ROOT", to_hex(&root.masked))
        .env("TOKEN", token)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let needles: Vec<Needle> = text
        .lines()
        .filter_map(|line| line.strip_prefix("needle "))
        .map(|line| {
            let (masked, name) = line.split_once(' ').unwrap();
            Needle {
                name: name.to_owned(),
                masked: from_hex(masked),
            }
        })
        .collect();
    assert_eq!(needles.len(), 5);
    needles
}

#[test]
#[ignore = "a part of the test above, in a process of its own"]
fn derivations() {
    let (Ok(root), Ok(token)) = (std::env::var("MASKED_ROOT"), std::env::var("TOKEN")) else {
        return;
    };
    let root: Vec<u8> = from_hex(&root).iter().enumerate().map(mask).collect();
    let token = URL_SAFE_NO_PAD.decode(token).unwrap();
    let expand = |key: &[u8], info: &[u8]| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(info);
        mac.update(&[1]);
        mac.finalize().into_bytes().to_vec()
    };
    let info = |purpose: &[u8]| {
        let len = |text: &str| u16::try_from(text.len()).unwrap().to_be_bytes();
        let (context, name) = (CONTEXT.as_bytes(), NAME.as_bytes());
        [purpose, &len(CONTEXT), context, &len(NAME), name].concat()
    };
    let [seal, sign] = [&b"SSC1/seal\0"[..], b"SSC1/sign\0"].map(|it| expand(&root, &info(it)));
    let message = expand(&seal, &[&token[..41], b"ek"].concat());
    // It is the right one: it opens the token.
    let nonce: [u8; 12] = token[29..41].try_into().unwrap();
    let mut content = token[41..token.len() - 16].to_vec();
    let tag: [u8; 16] = token[token.len() - 16..].try_into().unwrap();
    Aes256Gcm::new_from_slice(&message)
        .unwrap()
        .decrypt_inout_detached(
            &nonce.into(),
            &token[..41],
            content.as_mut_slice().into(),
            &tag.into(),
        )
        .unwrap();
    // What HMAC keeps of a key: its hash after the first block.
    let prepared = |key: &[u8]| {
        let mut block = [0x36; 64];
        block.iter_mut().zip(key).for_each(|(to, from)| *to ^= from);
        let mut state = [
            0x6a09_e667,
            0xbb67_ae85,
            0x3c6e_f372,
            0xa54f_f53a,
            0x510e_527f,
            0x9b05_688c,
            0x1f83_d9ab,
            0x5be0_cd19,
        ];
        compress256(&mut state, &[block]);
        state.map(u32::to_ne_bytes).concat()
    };
    for (name, secret) in [
        ("the sealing key, prepared", prepared(&seal)),
        ("the signing key, prepared", prepared(&sign)),
        ("the sealing key, while used", seal),
        ("the signing key, while used", sign),
        ("the key of a message, while used", message),
    ] {
        println!("needle {} {name}", to_hex(&Needle::new("", &secret).masked));
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks_exact(2);
    digits
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// Something that must not be in memory.
struct Needle {
    name: String,
    masked: Vec<u8>,
}

impl Needle {
    fn new(name: impl Into<String>, secret: &[u8]) -> Self {
        Self {
            name: name.into(),
            masked: secret.iter().enumerate().map(mask).collect(),
        }
    }

    /// Whether it stands at the start of `memory`.
    fn is_at(&self, memory: &[u8]) -> bool {
        memory.len() >= self.masked.len()
            && memory
                .iter()
                .enumerate()
                .map(mask)
                .zip(&self.masked)
                .all(|(byte, masked)| byte == *masked)
    }
}

fn mask((position, byte): (usize, &u8)) -> u8 {
    byte ^ MASK.wrapping_mul(u8::try_from(position % 251).unwrap() | 1)
}

/// How often each needle stands in this process's memory, what the search itself reads
/// excepted.
fn search(needles: &[Needle], window: &mut [u8]) -> Vec<usize> {
    let longest = needles.iter().map(|needle| needle.masked.len()).max();
    let overlap = longest.unwrap();
    let own = window.as_ptr() as u64..window.as_ptr() as u64 + window.len() as u64;
    let mut memory = fs::File::open("/proc/self/mem").unwrap();
    let mut found = vec![0; needles.len()];
    for line in fs::read_to_string("/proc/self/maps").unwrap().lines() {
        let mut fields = line.split_whitespace();
        let (range, rights) = (fields.next().unwrap(), fields.next().unwrap());
        // The kernel's own pages are not memory of the process.
        if !rights.starts_with("rw") || line.ends_with("[vvar]") {
            continue;
        }
        let (from, to) = range.split_once('-').unwrap();
        let [mut at, end] = [from, to].map(|text| u64::from_str_radix(text, 16).unwrap());
        while at < end {
            let wanted = usize::try_from(end - at).unwrap().min(window.len());
            memory.seek(SeekFrom::Start(at)).unwrap();
            // The end of a region may not be there.
            let Ok(read) = memory.read(&mut window[..wanted]) else {
                break;
            };
            if read == 0 {
                break;
            }
            // Where the window itself comes by, it shows itself.
            let shown = at..at + read as u64;
            let itself = shown.start < own.end && own.start < shown.end;
            for position in 0..read {
                let address = at + position as u64;
                if itself && own.contains(&address) {
                    continue;
                }
                for (needle, found) in needles.iter().zip(&mut found) {
                    // Quick, since there are many bytes.
                    if needle.masked[0] != mask((0, &window[position])) {
                        continue;
                    }
                    *found += usize::from(needle.is_at(&window[position..read]));
                }
            }
            at += read.saturating_sub(overlap).max(1) as u64;
            if read < wanted || at + overlap as u64 >= end {
                break;
            }
        }
    }
    window.fill(0);
    found
}
