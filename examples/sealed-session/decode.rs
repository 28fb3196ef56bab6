//! `decode`: a cookie value, opened and printed as JSON.

use std::io::Write;

use sealed_session::{
    Values,
    claims::{Claims, Kind},
    codec::{Encrypted, Opened, Signed, Suite},
    token::MAX_COOKIE_LEN,
};
use serde::Serialize;

use crate::{args::DecodeArgs, failure::Failure, sealing};

pub(crate) fn run(args: &DecodeArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let opened = if args.sealing.signed {
        open::<Signed>(args)
    } else {
        open::<Encrypted>(args)
    }?;
    let json = if args.claims {
        serde_json::to_string(&WithClaims::of(&opened))
    } else {
        serde_json::to_string(opened.data())
    };
    let json = json.map_err(|_| Failure::Refused("schema: the data is not JSON".to_owned()))?;
    Ok(writeln!(out, "{json}")?)
}

fn open<S: Suite>(args: &DecodeArgs) -> Result<Opened<Values>, Failure> {
    let (codec, now) = sealing::codec::<S>(&args.sealing, MAX_COOKIE_LEN)?;
    let value = sealing::value(args.value.as_deref())?;
    Ok(codec.at(now).open(&value)?)
}

#[derive(Serialize)]
struct WithClaims<'a> {
    claims: ClaimsJson,
    data: &'a Values,
}

impl<'a> WithClaims<'a> {
    fn of(opened: &'a Opened<Values>) -> Self {
        let claims = opened.claims();
        Self {
            claims: ClaimsJson {
                kind: kind(claims),
                created: claims.created().to_string(),
                issued: claims.issued().to_string(),
                expires: claims.expires().to_string(),
                sid: claims.session_id().log_id(),
                subject: subject(claims),
                class: claims.class().index(),
                schema: claims.schema(),
                deflated: claims.is_deflated(),
                needs_reseal: opened.needs_reseal(),
                needs_reissue: opened.needs_reissue(),
            },
            data: opened.data(),
        }
    }
}

#[derive(Serialize)]
struct ClaimsJson {
    kind: &'static str,
    created: String,
    issued: String,
    expires: String,
    /// The short hash for logs, never the id.
    sid: String,
    subject: Option<String>,
    class: u8,
    schema: u16,
    deflated: bool,
    needs_reseal: bool,
    needs_reissue: bool,
}

pub(crate) fn kind(claims: &Claims) -> &'static str {
    match claims.kind() {
        Kind::Inline => "inline",
        Kind::Reference => "reference",
        Kind::Record => "record",
        _ => "unknown",
    }
}

pub(crate) fn subject(claims: &Claims) -> Option<String> {
    let subject = claims.subject()?;
    let number = u64::from_be_bytes(*subject.as_bytes());
    Some(format!("{number:016x}"))
}
