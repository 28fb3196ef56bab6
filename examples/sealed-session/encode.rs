//! `encode`: a JSON object on stdin, sealed into a cookie value.

use std::io::{Read as _, Write};

use sealed_session::{
    CookieConfig, Values,
    codec::{Encrypted, Signed, Suite},
    token::MAX_COOKIE_LEN,
};

use crate::{args::EncodeArgs, failure::Failure, sealing, store};

pub(crate) fn run(args: &EncodeArgs, out: &mut dyn Write) -> Result<(), Failure> {
    if let Some(url) = &args.store {
        let header = store::encode(args, sealing::store_url(url)?)?;
        return if args.set_cookie {
            Ok(writeln!(out, "Set-Cookie: {header}")?)
        } else {
            Ok(writeln!(out, "{}", sealing::value_in(&header))?)
        };
    }
    let value = if args.sealing.signed {
        seal::<Signed>(args)
    } else {
        seal::<Encrypted>(args)
    }?;
    if args.set_cookie {
        let config = CookieConfig::named(args.sealing.name.as_str())
            .build()
            .map_err(|error| Failure::Usage(error.to_string()))?;
        let header = config
            .set_cookie(&value, None)
            .map_err(|error| Failure::Refused(format!("too-large: {error}")))?;
        writeln!(out, "Set-Cookie: {header}")?;
    } else {
        writeln!(out, "{value}")?;
    }
    Ok(())
}

fn seal<S: Suite>(args: &EncodeArgs) -> Result<String, Failure> {
    let (codec, now) = sealing::codec::<S>(&args.sealing, args.limit.unwrap_or(MAX_COOKIE_LEN))?;
    let session = session()?;
    let scope = codec.at(now);
    let mut identity = scope.new_identity()?;
    if let Some(user) = &args.subject {
        identity = identity.with_subject(codec.subject(user));
    }
    Ok(scope.seal(&identity, &session)?.into_value())
}

/// The JSON object on stdin.
pub(crate) fn session() -> Result<Values, Failure> {
    let mut json = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut json)
        .map_err(|error| sealing::stdin_failed(&error))?;
    // The parser's own message may quote the session.
    serde_json::from_slice(&json).map_err(|error| {
        let what = if error.is_data() {
            "not a JSON object that a session can be (no key twice, at most 64 levels)"
        } else {
            "not JSON"
        };
        let place = match (error.line(), error.column()) {
            (1, 0) => String::new(),
            (line, column) => format!(": line {line}, column {column}"),
        };
        Failure::Usage(format!("stdin is {what}{place}"))
    })
}
