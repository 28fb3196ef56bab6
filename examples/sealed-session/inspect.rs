//! `inspect`: what anybody can know of a cookie value, without a key.

use std::io::Write;

use sealed_session::{
    claims::Claims,
    token::{SuiteId, UntrustedToken},
};

use crate::{
    anatomy::{Anatomy, budget},
    args::InspectArgs,
    decode,
    failure::Failure,
    sealing,
    style::{BAD, TITLE, styled},
};

pub(crate) fn run(args: &InspectArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let value = sealing::value(args.value.as_deref())?;
    let token = UntrustedToken::parse(&value)?;
    let suite = match token.suite() {
        SuiteId::Encrypted => "1, encrypted (AES-256-GCM)",
        SuiteId::Signed => "2, signed (HMAC-SHA-256)",
        SuiteId::Record => "3, a row of a store, encrypted (AES-256-GCM)",
        _ => "unknown",
    };
    line(out, "suite", suite)?;
    line(out, "key id", token.key_id())?;
    if let Some(nonce) = token.nonce() {
        let hex: Vec<String> = nonce.iter().map(|byte| format!("{byte:02x}")).collect();
        line(out, "nonce", hex.concat())?;
    }
    line(out, "length", format!("{} bytes", token.len()))?;
    line(out, "content", format!("{} bytes", token.content_len()))?;
    line(out, "text", format!("{} characters", value.len()))?;
    writeln!(out)?;
    budget(&args.name, &value, out)?;
    writeln!(out)?;
    Anatomy::of(&token).table(out)?;
    writeln!(out)?;
    if token.suite() == SuiteId::Signed {
        signed(token.unverified_claims().as_ref(), out)
    } else {
        sealed(out)
    }
}

fn sealed(out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(
        out,
        "Without the key nobody can know: what the session holds, when it began and\n\
         ends, its id, whose it is, and whether the token is authentic."
    )?;
    Ok(())
}

fn signed(claims: Option<&Claims>, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(
        out,
        "{}: anybody could have written these claims.",
        styled(BAD, "Unverified")
    )?;
    match claims {
        None => writeln!(out, "  They break the format's rules: no codec opens this.")?,
        Some(claims) => {
            line(out, "kind", decode::kind(claims))?;
            line(out, "created", claims.created())?;
            line(out, "issued", claims.issued())?;
            line(out, "expires", claims.expires())?;
            line(out, "session", claims.session_id().log_id())?;
            let nobody = || "none".to_owned();
            line(
                out,
                "subject",
                decode::subject(claims).unwrap_or_else(nobody),
            )?;
            line(out, "class", claims.class().index())?;
            line(out, "schema", claims.schema())?;
            line(out, "shape", claims.shape())?;
        }
    }
    writeln!(
        out,
        "\nAnybody who holds this token can read its body. Without the key nobody can\n\
         know whether it is authentic."
    )?;
    Ok(())
}

fn line(out: &mut dyn Write, name: &str, value: impl core::fmt::Display) -> Result<(), Failure> {
    let name = styled(TITLE, format!("{name:8}"));
    Ok(writeln!(out, "  {name}  {value}")?)
}
