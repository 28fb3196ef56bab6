//! The text, claims, times, bodies and order of checks of SPEC and SPEC-STORE once more, as
//! plainly as they can be said: what a token or a record must come to. Slow, and without any
//! of the library's code.

use flate2::{Decompress, FlushDecompress, Status};
use sealed_session::OpenErrorKind as Kind;

use crate::{
    forge::{Forge, row_key},
    world::{CLASSES, NOW},
};

/// The most that a token's body may inflate to.
pub const MAX_INFLATED: usize = 65_536;
/// The most that a record's body may inflate to.
pub const MAX_RECORD: usize = 1 << 20;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What must come of it, or which refusals may. There is more than one where the page
/// leaves the choice.
pub type Verdict<T> = Result<T, &'static [Kind]>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// 3 is a kind of a newer version.
    pub kind: u8,
    pub deflated: bool,
    pub padded: bool,
    pub class: u8,
    pub created: u32,
    pub issued: u32,
    pub expires: u32,
    pub sid: [u8; 16],
    pub schema: u16,
    pub shape: u16,
    pub subject: Option<[u8; 16]>,
    pub extensions: Vec<Extension>,
}

/// Type and content.
pub type Extension = (u8, Vec<u8>);

impl Claims {
    /// Claims of an inline session that began at [`NOW`].
    #[must_use]
    pub fn live() -> Self {
        Self {
            kind: 0,
            deflated: false,
            padded: false,
            class: 0,
            created: NOW,
            issued: NOW,
            expires: NOW + 1,
            sid: [7; 16],
            schema: 0,
            shape: 0,
            subject: None,
            extensions: Vec::new(),
        }
    }

    /// As they stand in a token.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let flags = self.kind
            | u8::from(self.deflated) << 2
            | u8::from(self.padded) << 3
            | u8::from(self.subject.is_some()) << 4
            | self.class << 5
            | u8::from(!self.extensions.is_empty()) << 7;
        let subject = self.subject.as_ref().map_or(&[][..], |subject| subject);
        let len = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap();
        let mut extensions = Vec::new();
        for (kind, content) in &self.extensions {
            extensions.extend([*kind, len(content)]);
            extensions.extend(content);
        }
        if !extensions.is_empty() {
            extensions.insert(0, len(&extensions));
        }
        [
            &[flags],
            &self.created.to_be_bytes()[..],
            &self.issued.to_be_bytes(),
            &self.expires.to_be_bytes(),
            &self.sid,
            &self.schema.to_be_bytes(),
            &self.shape.to_be_bytes(),
            subject,
            &extensions,
        ]
        .concat()
    }

    /// Reads them from the start of `bytes`, by the rules of step 9.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let flags = *bytes.first()?;
        let len = if flags & 0x10 == 0 { 33 } else { 49 };
        let (claims, rest) = bytes.split_at_checked(len)?;
        let number = |at: usize| u32::from_be_bytes(claims[at..at + 4].try_into().unwrap());
        let short = |at: usize| u16::from_be_bytes(claims[at..at + 2].try_into().unwrap());
        let (extensions, rest) = if flags & 0x80 == 0 {
            (Vec::new(), rest)
        } else {
            read_extensions(rest)?
        };
        let read = Self {
            kind: flags & 3,
            deflated: flags & 4 != 0,
            padded: flags & 8 != 0,
            class: flags >> 5 & 3,
            created: number(1),
            issued: number(5),
            expires: number(9),
            sid: claims[13..29].try_into().unwrap(),
            schema: short(29),
            shape: short(31),
            subject: (len == 49).then(|| claims[33..].try_into().unwrap()),
            extensions,
        };
        let ordered = read.created <= read.issued && read.issued <= read.expires;
        (ordered && read.keeps_rules_of_extensions()).then_some((read, rest))
    }

    fn keeps_rules_of_extensions(&self) -> bool {
        self.extensions.iter().all(|(kind, content)| match kind {
            1 => content.len() == 33 && matches!(content[0], 2 | 3),
            2 => content.len() == 4 && !matches!(self.kind, 1 | 2),
            3 => content.len() == 4,
            4 => content.len() == 4 && content[..] > self.created.to_be_bytes()[..],
            _ => true,
        })
    }

    /// Whether a newer version of the format wrote them (step 14).
    #[must_use]
    pub fn is_newer(&self) -> bool {
        self.kind == 3 || self.extensions.iter().any(|(kind, _)| *kind > 4)
    }

    /// When the session ends in any case; `None` without that class.
    fn end(&self) -> Option<u32> {
        let (_, absolute) = CLASSES.get(usize::from(self.class))?;
        let own = self.extensions.iter().find(|(kind, _)| *kind == 3);
        let own = own.map(|(_, end)| u32::from_be_bytes(end[..].try_into().unwrap()));
        let end = self.created.saturating_add(*absolute);
        Some(own.map_or(end, |own| own.min(end)))
    }

    /// When a token of that session expires that is issued then.
    #[must_use]
    pub fn expires(&self, issued: u32) -> Option<u32> {
        let (idle, _) = CLASSES.get(usize::from(self.class))?;
        Some(issued.saturating_add(*idle).min(self.end()?))
    }
}

fn read_extensions(bytes: &[u8]) -> Option<(Vec<Extension>, &[u8])> {
    let (total, rest) = bytes.split_first()?;
    let (mut entries, rest) = rest.split_at_checked((*total).into())?;
    let mut read: Vec<Extension> = Vec::new();
    while !entries.is_empty() {
        let (&[kind, len], tail) = entries.split_first_chunk()?;
        let (content, tail) = tail.split_at_checked(len.into())?;
        read.push((kind, content.to_vec()));
        entries = tail;
    }
    let first = read.first()?.0;
    (first > 0 && read.is_sorted_by(|a, b| a.0 < b.0)).then_some((read, rest))
}

/// Steps 1 to 18 of opening, for a reader of one suite without a store.
pub fn open(forge: &Forge, suite: u8, aad: &[u8], text: &str) -> Verdict<(Claims, Vec<u8>)> {
    const MALFORMED: &[Kind] = &[Kind::Malformed];
    match text.len() {
        0 => return Err(&[Kind::Absent]),
        1..=4096 => {}
        _ => return Err(&[Kind::TooLarge]),
    }
    let head = text.as_bytes().get(..24).ok_or(MALFORMED)?;
    let head = from_base64(head).ok_or(MALFORMED)?;
    if head[0] != suite {
        return Err(&[Kind::WrongSuite]);
    }
    if head[1..17] != forge.kid()[..] {
        return Err(&[Kind::UnknownKey]);
    }
    let token = from_base64(text.as_bytes()).ok_or(MALFORMED)?;
    if token.len() < if suite == 2 { 82 } else { 90 } {
        return Err(MALFORMED);
    }
    let content = forge.content(suite, aad, &token);
    open_content(&content.ok_or(&[Kind::NotAuthentic][..])?, NOW)
}

/// Steps 9 to 18 of opening.
pub fn open_content(content: &[u8], now: u32) -> Verdict<(Claims, Vec<u8>)> {
    let (claims, body) = Claims::read(content).ok_or(&[Kind::Malformed][..])?;
    check_times(&claims, now)?;
    if claims.is_newer() {
        return Err(&[Kind::Unsupported]);
    }
    if claims.kind != 0 {
        return Err(&[Kind::WrongKind]);
    }
    let plain = expand(&claims, body, MAX_INFLATED)?;
    Ok((claims, plain))
}

/// Steps 10 to 13 of opening.
pub fn check_times(claims: &Claims, now: u32) -> Verdict<()> {
    let end = claims.end().ok_or(&[Kind::Malformed][..])?;
    let (idle, _) = CLASSES[usize::from(claims.class)];
    let horizon = now.saturating_add(120);
    if claims.created > horizon || claims.issued > horizon {
        Err(&[Kind::NotYetValid])
    } else if now >= end {
        Err(&[Kind::ExpiredAbsolute])
    } else if now >= claims.expires || now >= claims.issued.saturating_add(idle) {
        Err(&[Kind::ExpiredIdle])
    } else {
        Ok(())
    }
}

/// Whether a live session should be issued again.
#[must_use]
pub fn needs_refresh(claims: &Claims, now: u32) -> bool {
    let (idle, _) = CLASSES[usize::from(claims.class)];
    let age = now.saturating_sub(claims.issued);
    age >= idle.div_ceil(10) && claims.expires(now) > Some(claims.expires)
}

/// Steps 19 and 20: whether a session is of the reader's own schema and shape, or has to be
/// converted.
pub fn is_own(claims: &Claims, schema: u16, shape: u16) -> Verdict<bool> {
    if claims.schema > schema {
        return Err(&[Kind::Unsupported]);
    }
    let shapes = [claims.shape, shape];
    let fits = if shapes.contains(&0) {
        !shapes.contains(&0xffff)
    } else {
        claims.shape == shape
    };
    Ok(claims.schema == schema && fits)
}

/// The checks of a record's content, for the session that `reference` names.
pub fn open_record(content: &[u8], reference: &Claims) -> Verdict<(Claims, Vec<u8>)> {
    let (claims, body) = Claims::read(content).ok_or(&[Kind::Malformed][..])?;
    if claims.is_newer() {
        return Err(&[Kind::Unsupported]);
    }
    if claims.kind != 2 {
        return Err(&[Kind::WrongKind]);
    }
    let identity = |claims: &Claims| (claims.sid, claims.created, claims.subject);
    if identity(&claims) != identity(reference) {
        return Err(&[Kind::NotAuthentic]);
    }
    let plain = expand(&claims, body, MAX_RECORD)?;
    Ok((claims, plain))
}

/// The postcard in a body.
fn expand(claims: &Claims, body: &[u8], limit: usize) -> Verdict<Vec<u8>> {
    let content = if claims.padded {
        unpad(body).ok_or(&[Kind::Malformed][..])?
    } else {
        body
    };
    if claims.deflated {
        inflate(content, limit)
    } else {
        Ok(content.to_vec())
    }
}

fn unpad(body: &[u8]) -> Option<&[u8]> {
    let (len, rest) = body.split_first_chunk::<4>()?;
    let len = u32::from_be_bytes(*len) as usize;
    let (content, padding) = rest.split_at_checked(len)?;
    padding.iter().all(|&byte| byte == 0).then_some(content)
}

/// By zlib's rules.
fn inflate(stream: &[u8], limit: usize) -> Verdict<Vec<u8>> {
    // With one byte more than allowed, too much can be seen.
    let mut plain = Vec::with_capacity(limit + 1);
    let mut zlib = Decompress::new(false);
    let status = zlib.decompress_vec(stream, &mut plain, FlushDecompress::Finish);
    let read = usize::try_from(zlib.total_in()).unwrap();
    let too_long = plain.len() > limit;
    match status {
        Ok(Status::StreamEnd) if !too_long && read == stream.len() => Ok(plain),
        _ if too_long => Err(&[Kind::TooLarge, Kind::Malformed]),
        _ => Err(&[Kind::Malformed]),
    }
}

/// Strict base64url without padding, a bit at a time.
#[must_use]
pub fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let (mut bits, mut count) = (0_u32, 0);
    for octet in text {
        let value = ALPHABET.iter().position(|known| known == octet)?;
        bits = bits << 6 | value as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    // Six bits left are a character that holds no byte; any that are left must be zero.
    (count < 6 && bits == 0).then_some(bytes)
}

#[must_use]
pub fn to_base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 4 / 3 + 1);
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte))
            << (8 * (3 - chunk.len()));
        for n in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * n) & 63) as usize]));
        }
    }
    text
}

/// Compares what the library says with the verdict; what was opened if both accept.
///
/// # Panics
/// When they differ.
pub fn agree<T, U>(
    verdict: Verdict<T>,
    library: Result<U, sealed_session::OpenError>,
) -> Option<(T, U)> {
    match (verdict, library) {
        (Ok(expected), Ok(opened)) => Some((expected, opened)),
        (Err(kinds), Err(error)) => {
            assert!(kinds.contains(&error.kind()), "{error:?}, not {kinds:?}");
            assert_eq!(error.to_string(), "no valid session");
            None
        }
        (Ok(_), Err(error)) => panic!("refused: {error:?}"),
        (Err(kinds), Ok(_)) => panic!("accepted, not {kinds:?}"),
    }
}

/// Whether the library's claims are these.
///
/// # Panics
/// When they are not.
pub fn same_claims(expected: &Claims, claims: &sealed_session::claims::Claims) {
    let found = Claims {
        kind: claims.kind() as u8,
        deflated: claims.is_deflated(),
        padded: claims.is_padded(),
        class: claims.class().index(),
        created: claims.created().unix_seconds(),
        issued: claims.issued().unix_seconds(),
        expires: claims.expires().unix_seconds(),
        schema: claims.schema(),
        shape: claims.shape(),
        subject: claims.subject().map(|subject| *subject.as_bytes()),
        // Not public.
        sid: expected.sid,
        extensions: expected.extensions.clone(),
    };
    assert_eq!(*expected, found);
    assert_eq!(*claims.session_id().as_bytes(), row_key(&expected.sid));
    assert_eq!(claims.encoded_len(), expected.to_bytes().len());
}
