//! Which bytes of a token are what.

use sealed_session::{
    claims::{Claims, Kind},
    token::{SuiteId, UntrustedToken},
};
use serde::Serialize;

/// A range of bytes that belong together.
#[derive(Serialize)]
pub(crate) struct Part {
    name: &'static str,
    start: usize,
    end: usize,
    note: String,
}

/// The parts of a token, in order and without gaps (SPEC section 1.2). Where the claims end
/// only the key can tell: `claims` are those of a token that was opened.
pub(crate) fn parts(token: &UntrustedToken, claims: Option<&Claims>) -> Vec<Part> {
    let suite = match token.suite() {
        SuiteId::Encrypted => "1: encrypted with XAES-256-GCM",
        _ => "not the one of this server",
    };
    let id = token.key_id().to_string();
    let id = id.get(..8).unwrap_or_default();
    let nonce = token.nonce().map_or(0, <[u8]>::len);
    let (first, second) = match claims {
        None => (token.content_len(), 0),
        Some(claims) => {
            let first = claims.encoded_len();
            (first, token.content_len().saturating_sub(first))
        }
    };
    let sealed = match claims {
        None => "sealed: only the key tells them apart",
        Some(_) => "sealed: when it began and ends, its id, whose it is",
    };
    let fixed = [
        ("suite", 1, suite.to_owned()),
        (
            "key id",
            16,
            format!("{id}… names the key and commits to it"),
        ),
        (
            "nonce",
            nonce,
            "random, new whenever it is sealed".to_owned(),
        ),
        (
            claims.map_or("claims, body", |_| "claims"),
            first,
            sealed.to_owned(),
        ),
        ("body", second, claims.map_or_else(String::new, body)),
        (
            "tag",
            usize::MAX,
            "proves that nothing was touched".to_owned(),
        ),
    ];
    let mut start: usize = 0;
    let mut parts = Vec::new();
    for (name, len, note) in fixed {
        let end = start.saturating_add(len).min(token.len());
        if start < end {
            parts.push(Part {
                name,
                start,
                end,
                note,
            });
        }
        start = end;
    }
    parts
}

fn body(claims: &Claims) -> String {
    match (claims.kind(), claims.is_deflated()) {
        (Kind::Reference, _) => "sealed: the handle that opens the row in the store",
        (_, true) => "sealed: the session, compressed and padded",
        _ => "sealed: the session",
    }
    .to_owned()
}
