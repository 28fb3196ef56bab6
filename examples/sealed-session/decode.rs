//! `decode`: a cookie value, opened and printed as JSON.

use std::io::Write;

use sealed_session::{
    OpenErrorKind, SessionData, Values,
    claims::{Claims, Kind},
    codec::{Encrypted, Signed, Suite},
    manager::Place,
    payload::from_postcard,
    token::MAX_COOKIE_LEN,
};
use serde::{Deserialize, Serialize, Serializer};

use crate::{args::DecodeArgs, failure::Failure, sealing, store};

/// A session, and what its token says of it.
pub(crate) struct Decoded {
    pub(crate) data: Data,
    pub(crate) claims: Claims,
    pub(crate) place: Place,
    /// Whether it needs to be sealed, or issued, anew; known of sessions in the cookie.
    pub(crate) needs: Option<(bool, bool)>,
}

/// The data of a session of any type. Only that of `Values` describes itself.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Data {
    Values(Values),
    Typed { len: usize, schema: u16, shape: u16 },
}

/// Every version of every type is an earlier one of this.
impl SessionData for Data {
    const SCHEMA: u16 = u16::MAX;
    const SHAPE: u16 = 1;

    fn migrate(schema: u16, shape: u16, bytes: &[u8]) -> Option<Self> {
        if (schema, shape) == (Values::SCHEMA, Values::SHAPE) {
            return from_postcard(bytes).map(Self::Values);
        }
        Some(Self::Typed {
            len: bytes.len(),
            schema,
            shape,
        })
    }
}

impl Default for Data {
    fn default() -> Self {
        Self::Values(Values::default())
    }
}

/// As `decode` prints it.
struct Shown<'a>(&'a Data);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Data::Values(values) => values.serialize(serializer),
            Data::Typed { len, schema, shape } => serializer.collect_str(&format_args!(
                "typed data, {len} bytes, schema {schema}, shape {shape}"
            )),
        }
    }
}

pub(crate) fn run(args: &DecodeArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let decoded = match &args.store {
        Some(url) => store::decode(args, sealing::store_url(url)?),
        None if args.sealing.signed => open::<Signed>(args),
        None => open::<Encrypted>(args),
    }?;
    let json = if args.claims || matches!(decoded.data, Data::Typed { .. }) {
        serde_json::to_string(&WithClaims::of(&decoded))
    } else {
        serde_json::to_string(&Shown(&decoded.data))
    };
    let json = json.map_err(|_| Failure::Refused("schema: the data is not JSON".to_owned()))?;
    Ok(writeln!(out, "{json}")?)
}

fn open<S: Suite>(args: &DecodeArgs) -> Result<Decoded, Failure> {
    let (codec, now) = sealing::codec::<S>(&args.sealing, MAX_COOKIE_LEN)?;
    let value = sealing::value(args.value.as_deref())?;
    let opened = codec.at(now).open(&value).map_err(|error| {
        // Of the kinds that this suite seals, the only other one.
        let is_reference = error.kind() == OpenErrorKind::WrongKind;
        match error.into() {
            Failure::Refused(line) if is_reference => {
                Failure::Refused(format!("{line}: it refers to a store, give --store URL"))
            }
            failure => failure,
        }
    })?;
    Ok(Decoded {
        claims: *opened.claims(),
        place: Place::Cookie,
        needs: Some((opened.needs_rekey(), opened.needs_refresh())),
        data: opened.into_data(),
    })
}

#[derive(Serialize)]
struct WithClaims<'a> {
    claims: ClaimsJson,
    data: Shown<'a>,
}

impl<'a> WithClaims<'a> {
    fn of(decoded: &'a Decoded) -> Self {
        let claims = &decoded.claims;
        Self {
            claims: ClaimsJson {
                kind: kind(claims),
                place: match decoded.place {
                    Place::Store => "store",
                    _ => "cookie",
                },
                created: claims.created().to_string(),
                issued: claims.issued().to_string(),
                expires: claims.expires().to_string(),
                sid: claims.session_id().log_id(),
                subject: subject(claims),
                class: claims.class().index(),
                schema: claims.schema(),
                shape: claims.shape(),
                deflated: claims.is_deflated(),
                needs_rekey: decoded.needs.map(|(reseal, _)| reseal),
                needs_refresh: decoded.needs.map(|(_, reissue)| reissue),
            },
            data: Shown(&decoded.data),
        }
    }
}

#[derive(Serialize)]
struct ClaimsJson {
    kind: &'static str,
    place: &'static str,
    created: String,
    issued: String,
    expires: String,
    /// The short hash for logs, never the id.
    sid: String,
    subject: Option<String>,
    class: u8,
    schema: u16,
    shape: u16,
    deflated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    needs_rekey: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    needs_refresh: Option<bool>,
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
    let number = u128::from_be_bytes(*subject.as_bytes());
    Some(format!("{number:032x}"))
}
