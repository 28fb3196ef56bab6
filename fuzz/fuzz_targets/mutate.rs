//! Seals first and changes afterwards: of two tokens and everything that can be made of them
//! by turning bits, cutting, inserting and splicing, nothing but the two texts opens; and they
//! only where they were sealed for.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sealed_session::codec::{Codec, Encrypted, Signed, Suite};
use sealed_session_fuzz::{
    reader,
    session::Octets,
    world::{self, CONTEXT, NAME},
};

#[derive(Debug, Arbitrary)]
struct Input {
    signed: bool,
    data: Vec<u8>,
    other_data: Vec<u8>,
    aad: Vec<u8>,
    opener: Opener,
    /// Whether the changes are to the bytes of the token, or to its text.
    decoded: bool,
    changes: Vec<Change>,
}

#[derive(Clone, Copy, Debug, PartialEq, Arbitrary)]
enum Change {
    Flip {
        at: u16,
        bits: u8,
    },
    Set {
        at: u16,
        to: u8,
    },
    Insert {
        at: u16,
        byte: u8,
    },
    Remove {
        at: u16,
    },
    Cut {
        at: u16,
    },
    Swap {
        a: u16,
        b: u16,
    },
    /// From here on, the other token.
    Splice {
        at: u16,
    },
    /// All of the other token, after this one.
    Append,
}

/// Who opens it. All but the first refuse every token.
#[derive(Clone, Copy, Debug, PartialEq, Arbitrary)]
enum Opener {
    Sealer,
    OtherKey,
    OtherContext,
    OtherName,
    OtherAad,
    OtherSuite,
}

fuzz_target!(|input: Input| {
    if input.signed {
        check::<Signed, Encrypted>(&input);
    } else {
        check::<Encrypted, Signed>(&input);
    }
});

fn check<S: Suite, Other: Suite>(input: &Input) {
    let codec: Codec<S> = world::codec();
    let seal = |data: &[u8]| {
        let identity = codec.new_identity().unwrap();
        let data = Octets(data[..data.len().min(1_000)].to_vec());
        let sealed = codec.bound_to(&input.aad).seal(&identity, &data).unwrap();
        (sealed.into_value(), data)
    };
    let (token, data) = seal(&input.data);
    let (other, other_data) = seal(&input.other_data);
    let text = change(input, &token, &other);

    let opened = open::<S, Other>(input, &codec, &text);
    let expected = match input.opener {
        Opener::Sealer if text == token => Some(data),
        Opener::Sealer if text == other => Some(other_data),
        _ => None,
    };
    assert!(opened == expected, "{:?}", input.opener);
}

fn open<S: Suite, Other: Suite>(input: &Input, codec: &Codec<S>, text: &str) -> Option<Octets> {
    let (root, other_root) = (world::root(), world::other_root());
    let build = |root, context, name: &str| -> Codec<S> {
        let builder = world::builder(root, context);
        builder.name(name).build().unwrap()
    };
    let by = |codec: &Codec<S>| codec.bound_to(&input.aad).open(text);
    let opened = match input.opener {
        Opener::Sealer => by(codec),
        Opener::OtherKey => by(&build(&other_root, CONTEXT, NAME)),
        Opener::OtherContext => by(&build(&root, "example.org", NAME)),
        Opener::OtherName => by(&build(&root, CONTEXT, "__Host-other")),
        Opener::OtherAad => codec.bound_to(&[&input.aad[..], b"x"].concat()).open(text),
        Opener::OtherSuite => {
            let codec: Codec<Other> = world::codec();
            codec.bound_to(&input.aad).open(text)
        }
    };
    opened.ok().map(|opened| opened.into_data())
}

/// The token's text after all changes.
fn change(input: &Input, token: &str, other: &str) -> String {
    let form = |text: &str| {
        if input.decoded {
            reader::from_base64(text.as_bytes()).unwrap()
        } else {
            text.as_bytes().to_vec()
        }
    };
    let (mut bytes, other) = (form(token), form(other));
    for change in input.changes.iter().take(16) {
        apply(*change, &mut bytes, &other);
    }
    if input.decoded {
        reader::to_base64(&bytes)
    } else {
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn apply(change: Change, bytes: &mut Vec<u8>, other: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    let len = bytes.len();
    let place = |at: u16| usize::from(at) % len;
    match change {
        Change::Flip { at, bits } => bytes[place(at)] ^= bits,
        Change::Set { at, to } => bytes[place(at)] = to,
        Change::Insert { at, byte } => bytes.insert(place(at), byte),
        Change::Remove { at } => drop(bytes.remove(place(at))),
        Change::Cut { at } => bytes.truncate(place(at)),
        Change::Swap { a, b } => bytes.swap(place(a), place(b)),
        Change::Splice { at } => {
            bytes.truncate(place(at));
            bytes.extend(other.iter().skip(place(at)));
        }
        Change::Append => bytes.extend(other),
    }
}
