//! `--store`: sessions that move to a store when they do not fit the cookie.

use std::{path::Path, sync::Arc};

use sealed_session::{
    CookieConfig, OpenErrorKind, SessionData, SessionManager, Values,
    expiry::MAX_ABSOLUTE,
    manager::{OnInvalid, Revocation, SessionError},
    store,
    time::Timestamp,
};
use tokio::runtime::{self, Runtime};

use crate::{
    args::{DecodeArgs, EncodeArgs, RevokeArgs, SealingArgs},
    decode::{Data, Decoded},
    encode,
    failure::Failure,
    sealing,
    visit::Visit,
};

/// Seals the session on stdin, and gives the value of its `Set-Cookie` header.
pub(crate) fn encode(args: &EncodeArgs, url: &str) -> Result<String, Failure> {
    let there = Sessions::<Values>::at(&args.sealing, url, args.limit, Use::Add)?;
    let data = encode::session()?;
    let headers = there.runtime.block_on(async {
        let session = there.manager.session(core::iter::empty(), None);
        session.change(|values| values.clone_from(&data)).await?;
        if let Some(user) = &args.subject {
            session.log_in(user).await?;
        }
        there.manager.finish(session, 200).await
    })?;
    if let Some(header) = headers.set_cookie.into_iter().next() {
        return Ok(header);
    }
    // A session without anything in it does not begin; a cookie of it can be had.
    let scope = there.manager.codec().at(there.now);
    let sealed = scope.seal(&scope.new_identity()?, &data)?;
    let header = there.manager.cookie().set_cookie(sealed.value(), None);
    header.map_err(|error| Failure::Refused(format!("too-large: {error}")))
}

pub(crate) fn decode(args: &DecodeArgs, url: &str) -> Result<Decoded, Failure> {
    let there = Sessions::<Data>::at(&args.sealing, url, None, Use::Read)?;
    let value = sealing::value(args.value.as_deref())?;
    let needs = there.open(&value)?;
    let header = there.header(&value);
    there.runtime.block_on(async {
        let session = there.manager.session([header.as_bytes()], None);
        let claims = session.claims().await?;
        Ok(Decoded {
            data: session.get().await?,
            claims: claims.ok_or(SessionError::Gone)?,
            place: session.place().await?,
            needs,
        })
    })
}

pub(crate) fn revoke(args: &RevokeArgs, url: &str) -> Result<(), Failure> {
    let sealing = SealingArgs {
        // What is revoked must stay so for as long as the application's sessions live.
        absolute: MAX_ABSOLUTE,
        ..args.sealing.clone()
    };
    let there = Sessions::<Data>::at(&sealing, url, None, Use::Change)?;
    if let Some(user) = &args.user {
        let revoked = there.manager.revoke_subject(user);
        return Ok(there.runtime.block_on(revoked)?);
    }
    let value = sealing::value(args.value.as_deref())?;
    there.open(&value)?;
    let header = there.header(&value);
    let session = there.manager.session([header.as_bytes()], None);
    Ok(there.runtime.block_on(session.log_out())?)
}

/// What a command does with the store.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Reads what is there.
    Read,
    /// Changes what is there.
    Change,
    /// Adds to it; a store may begin with that.
    Add,
}

/// Sessions as a server would have them, at one instant.
struct Sessions<T> {
    runtime: Runtime,
    manager: SessionManager<T>,
    now: Timestamp,
}

impl<T: SessionData + Default + Send + Sync + 'static> Sessions<T> {
    fn at(
        args: &SealingArgs,
        url: &str,
        budget: Option<usize>,
        purpose: Use,
    ) -> Result<Self, Failure> {
        let (codec, clock, now) = sealing::builder(args)?;
        let cookie = CookieConfig::named(args.name.as_str())
            .build()
            .map_err(|error| Failure::Usage(error.to_string()))?;
        if purpose != Use::Add {
            assert_there(url)?;
        }
        let runtime = runtime()?;
        let store = Visit {
            store: runtime.block_on(store::connect(url))?,
            reading: purpose == Use::Read,
        };
        let mut builder = SessionManager::builder(codec.clock(clock.clone()))
            .cookie(cookie)
            .store(Arc::new(store))
            .revocation(Revocation::Strict)
            .on_invalid(OnInvalid::Refuse)
            .max_guest_record_bytes(usize::MAX);
        if let Some(bytes) = budget {
            builder = builder.budget(bytes);
        }
        let manager = builder.build()?;
        clock.set(now);
        Ok(Self {
            runtime,
            manager,
            now,
        })
    }

    /// Refuses what does not open, as without a store; of a session in the cookie, whether
    /// it needs to be sealed, or issued, anew.
    fn open(&self, value: &str) -> Result<Option<(bool, bool)>, Failure> {
        match self.manager.codec().at(self.now).open_token(value) {
            Ok(token) => Ok(Some((token.needs_rekey(), token.needs_refresh()))),
            // A reference.
            Err(error) if error.kind() == OpenErrorKind::WrongKind => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn header(&self, value: &str) -> String {
        format!("{}={value}", self.manager.cookie().name())
    }
}

/// What the clients of stores run on.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Environment(format!("no runtime: {}", error.kind())))
}

/// A file that is missing has no sessions, and is more likely a mistake than a store: it is
/// not made in order to read it.
fn assert_there(url: &str) -> Result<(), Failure> {
    match url.strip_prefix("sqlite:") {
        Some(path) if !Path::new(path.strip_prefix("//").unwrap_or(path)).exists() => Err(
            Failure::Environment("the session store failed: there is no such file".to_owned()),
        ),
        _ => Ok(()),
    }
}
