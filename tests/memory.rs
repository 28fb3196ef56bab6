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

use aes::{
    Aes256Enc,
    cipher::{BlockCipherEncrypt as _, KeyInit as _},
};
use aes_gcm::{Aes256Gcm, aead::AeadInOut as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use client::{Client, Dest, block_on};
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
        let tokens = holders.use_them();
        tell.send((needles, tokens.clone())).unwrap();
        wait.recv().unwrap();
        holders.open(&tokens);
        drop(holders);
        tell.send((Vec::new(), tokens)).unwrap();
        wait.recv().unwrap();
    });

    let (mut needles, tokens) = told.recv().unwrap();
    needles.extend(derive_elsewhere(&needles[..2], &tokens));
    let found = search(&needles, &mut window);
    report("while alive", &needles, &found);
    for (needle, found) in needles.iter().zip(&found) {
        let may_be_gone = needle.name.contains("while used")
            // Elsewhere a schedule has another form.
            || needle.name.contains("round keys") && !has_aes_instructions();
        assert!(*found > 0 || may_be_gone, "{} not found", needle.name);
    }

    proceed.send(()).unwrap();
    assert_eq!(told.recv().unwrap().1, tokens);
    let found = search(&needles, &mut window);
    report("afterwards", &needles, &found);
    proceed.send(()).unwrap();
    worker.join().unwrap();
    for (needle, found) in needles.iter().zip(&found) {
        assert!(*found == 0, "{} left", needle.name);
    }
}

/// Both providers then keep the round keys as FIPS 197 has them.
fn has_aes_instructions() -> bool {
    cfg!(target_arch = "x86_64") && aes::hardware_accelerated()
}

/// Prints how often each was found; the fewest and all, where several go by one name.
fn report(when: &str, needles: &[Needle], found: &[usize]) {
    let mut found = found.iter().copied();
    for group in needles.chunk_by(|one, next| one.name == next.name) {
        let counts: Vec<usize> = found.by_ref().take(group.len()).collect();
        let (least, all) = (counts.iter().min().unwrap(), counts.iter().sum::<usize>());
        println!("{when}: {least:3}, {all:3} in all, of {}", group[0].name);
    }
}

/// Keys, and what is made of them.
struct Holders {
    keys: Vec<Key>,
    file: tempfile::NamedTempFile,
    shared: SharedKeyRing,
    encrypted: EncryptedCodec,
    signed: SignedCodec,
    store: Arc<ModelStore>,
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
        let store = Arc::new(ModelStore::default());
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
                .store(store.clone())
                .build()
                .unwrap(),
            store,
            shared,
            texts,
        }
    }

    /// Seals, opens, reloads, and takes a session to the store and back; gives a token, a
    /// reference, and the record that it refers to, after what is authenticated with it.
    fn use_them(&self) -> [String; 3] {
        assert_eq!(self.keys[0].clone(), self.keys[0]);
        assert!(format!("{:?}{:?}", self.shared, self.file).contains("Key("));
        assert_eq!(self.texts.len(), self.keys.len());

        let mut client = Client::default();
        let visit = |client: &mut Client, ballast: usize| {
            let outcome = client.visit(&self.manager, async |session| {
                session.change(|present| *present = diary(ballast)).await
            });
            outcome.unwrap();
        };
        visit(&mut client, 0);
        assert!(self.shared.reload(SystemClock.now()).unwrap());
        visit(&mut client, 9_000);
        visit(&mut client, 10_000);
        visit(&mut client, 0);
        let before = self.store.dump();
        let mut stored = Client::default();
        visit(&mut stored, 9_000);

        let identity = self.encrypted.new_identity().unwrap();
        let readable = self.signed.seal(&identity, &Plain(7_u8)).unwrap();
        self.signed.open::<Plain<u8>>(readable.value()).unwrap();
        let sealed = self.encrypted.seal(&identity, &Plain(7_u8)).unwrap();
        let rows = self.store.dump();
        let mut new = rows.iter().filter(|row| !before.contains(row));
        let (key, row) = new.next().unwrap();
        let version = row.state.version.to_be_bytes();
        let record = [&key.0[..], &version[..], &row.bytes].concat();
        let tokens = [
            sealed.into_value(),
            stored.cookie.unwrap(),
            URL_SAFE_NO_PAD.encode(record),
        ];
        self.open(&tokens);
        tokens
    }

    /// The long message first: it takes more of the stack than the short one then overwrites.
    fn open(&self, [token, reference, _]: &[String; 3]) {
        let client = Client {
            cookie: Some(reference.clone()),
        };
        let session = client.send(&self.manager, Dest::Empty);
        block_on(session.read(|diary| assert_eq!(diary.ballast.len(), 9_000))).unwrap();
        self.encrypted.open::<Plain<u8>>(token).unwrap();
    }
}

fn diary(ballast: usize) -> Diary {
    Diary {
        entry: Zeroizing::new("x".repeat(100)),
        ballast: (0..ballast).map(noise).collect(),
    }
}

/// Bytes that do not compress.
fn noise(n: usize) -> u8 {
    u8::try_from((n * n * 31 + n * 17) % 8_191 % 251).unwrap()
}

/// The keys derived from the first roots, computed by another process: this one never has
/// them in the clear but where the library does.
fn derive_elsewhere(roots: &[Needle], tokens: &[String; 3]) -> Vec<Needle> {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "derivations", "--ignored", "--nocapture"])
        .env(
            "MASKED_ROOTS",
            to_hex(&roots[0].masked) + " " + &to_hex(&roots[1].masked),
        )
        .env("TOKENS", tokens.join(" "))
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
    assert_eq!(needles.len(), 4 + 4 * 17 + 2);
    needles
}

#[test]
#[ignore = "a part of the test above, in a process of its own"]
fn derivations() {
    let (Ok(roots), Ok(tokens)) = (std::env::var("MASKED_ROOTS"), std::env::var("TOKENS")) else {
        return;
    };
    let mut roots = roots.split(' ').map(|root| {
        let bytes: Vec<u8> = from_hex(root).iter().enumerate().map(mask).collect();
        <[u8; 32]>::try_from(bytes).unwrap()
    });
    let [root, other_root] = [roots.next().unwrap(), roots.next().unwrap()];
    let sub_key = |root, purpose: &[u8], name: &str| {
        let len = |text: &str| u16::try_from(text.len()).unwrap().to_be_bytes();
        let parts = [CONTEXT.as_bytes(), &len(name), name.as_bytes()].concat();
        expand(root, &[purpose, &len(CONTEXT), &parts].concat())
    };
    let print = |name: &str, secret: &[u8]| {
        println!("needle {} {name}", to_hex(&Needle::new("", secret).masked));
    };

    let sign = sub_key(&root, b"SSC1/sign\0", NAME);
    print("the signing key, prepared", &prepared_for_hmac(&sign));
    print("the signing key, while used", &sign);
    let store = sub_key(&root, b"SSC1/store\0", NAME);
    print("the storing key, prepared", &prepared_for_hmac(&store));
    print("the storing key, while used", &store);

    let seal = sub_key(&root, b"SSC1/seal\0", NAME);
    let print_aes = |name: &str, key: &[u8; 32], transient: &str| {
        for round_key in round_keys(key) {
            print(&format!("round keys of {name}{transient}"), &round_key);
        }
        print(&format!("K1 of {name}{transient}"), &k1(key));
        // K1 is made of it, and so is GCM's hash key.
        let zero = encrypt(key, [0; 16]);
        print(&format!("the zero block by {name}, while used"), &zero);
    };
    print_aes("the sealing key", &seal, "");
    let print_message = |name: &str, message: &[u8; 32]| {
        print_aes(name, message, ", while used");
        // Its hash key as POLYVAL has it (RFC 8452 appendix A): reversed, and multiplied by x.
        let h = u128::from_be_bytes(encrypt(message, [0; 16]));
        let h = (h << 1) ^ (0xc200_0000_0000_0000_0000_0000_0000_0001 & (h >> 127).wrapping_neg());
        let name = format!("POLYVAL's key, by {name}, while used");
        print(&name, &h.to_le_bytes());
    };
    // These are the right ones: they open what was sealed.
    let mut tokens = tokens
        .split(' ')
        .map(|it| URL_SAFE_NO_PAD.decode(it).unwrap());
    let mut next = || tokens.next().unwrap();
    let (message, _) = open(&seal, &next(), &[]);
    print_message("the key of a message", &message);
    let seal = sub_key(&other_root, b"SSC1/seal\0", "__Host-session");
    let (_, content) = open(&seal, &next(), &[]);
    let handle: [u8; 32] = *content.last_chunk().unwrap();
    let store = sub_key(&other_root, b"SSC1/store\0", "__Host-session");
    let key = expand(&store, &handle);
    print_aes("the key of a record", &key, ", while used");
    let record = next();
    let (extra, record) = record.split_at(40);
    assert!(record.len() > 5_000, "long enough for the wide path of AES");
    let (message, _) = open(&key, record, extra);
    print_message("the key of a long message", &message);
}

fn expand(key: &[u8], info: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(info);
    mac.update(&[1]);
    mac.finalize().into_bytes().into()
}

/// What HMAC keeps of a key: its hash after the first block.
fn prepared_for_hmac(key: &[u8; 32]) -> Vec<u8> {
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
}

fn encrypt(key: &[u8; 32], block: [u8; 16]) -> [u8; 16] {
    let mut block = block.into();
    Aes256Enc::new(key.into()).encrypt_block(&mut block);
    block.into()
}

fn k1(key: &[u8; 32]) -> [u8; 16] {
    let l = u128::from_be_bytes(encrypt(key, [0; 16]));
    ((l << 1) ^ (0x87 & (l >> 127).wrapping_neg())).to_ne_bytes()
}

/// The key of a message, and its content.
fn open(key: &[u8; 32], token: &[u8], extra: &[u8]) -> ([u8; 32], Vec<u8>) {
    let (header, rest) = token.split_at(41);
    let (content, tag) = rest.split_last_chunk::<16>().unwrap();
    let k1 = u128::from_ne_bytes(k1(key));
    let mut message = [0; 32];
    for (half, number) in message.chunks_mut(16).zip(1..) {
        let input = [&[0, number, b'X', 0], &header[17..29]].concat();
        let input = u128::from_be_bytes(input.try_into().unwrap()) ^ k1;
        half.copy_from_slice(&encrypt(key, input.to_be_bytes()));
    }
    let (nonce, mut content): ([u8; 12], _) = (header[29..].try_into().unwrap(), content.to_vec());
    Aes256Gcm::new((&message).into())
        .decrypt_inout_detached(
            &nonce.into(),
            &[header, extra].concat(),
            content.as_mut_slice().into(),
            tag.into(),
        )
        .unwrap();
    (message, content)
}

/// AES-256's key expansion (FIPS 197 section 5.2); the first two are the key itself.
fn round_keys(key: &[u8; 32]) -> [[u8; 16]; 15] {
    // The S-box: inverses by counting up powers of 3 and of its inverse, and an affine map.
    let mut s_box = [0x63; 256];
    let (mut p, mut q) = (1_u8, 1_u8);
    loop {
        p ^= (p << 1) ^ if p & 0x80 == 0 { 0 } else { 0x1b };
        q ^= q << 1;
        q ^= q << 2;
        q ^= q << 4;
        q ^= if q & 0x80 == 0 { 0 } else { 0x09 };
        let turned = [1, 2, 3, 4].map(|by| q.rotate_left(by));
        s_box[usize::from(p)] = turned.iter().fold(q ^ 0x63, |all, one| all ^ one);
        if p == 1 {
            break;
        }
    }
    let mut words: Vec<u32> = key
        .chunks(4)
        .map(|word| u32::from_be_bytes(word.try_into().unwrap()))
        .collect();
    for number in 8..60 {
        let substitute = |word: u32| {
            let bytes = word.to_be_bytes().map(|byte| s_box[usize::from(byte)]);
            u32::from_be_bytes(bytes)
        };
        let last = words[number - 1];
        let turned = match number % 8 {
            0 => substitute(last.rotate_left(8)) ^ (1 << (23 + number / 8)),
            4 => substitute(last),
            _ => last,
        };
        words.push(words[number - 8] ^ turned);
    }
    let bytes: Vec<u8> = words.into_iter().flat_map(u32::to_be_bytes).collect();
    *bytes.as_chunks().0.as_array().unwrap()
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
    // Quick, since there are many bytes: which needles begin with this one.
    let mut by_start = vec![Vec::new(); 256];
    for (number, needle) in needles.iter().enumerate() {
        by_start[usize::from(needle.masked[0])].push(number);
    }
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
            for (position, byte) in window[..read].iter().enumerate() {
                for &number in &by_start[usize::from(byte ^ MASK)] {
                    let address = at + position as u64;
                    if !(itself && own.contains(&address)) {
                        let is_here = needles[number].is_at(&window[position..read]);
                        found[number] += usize::from(is_here);
                    }
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
