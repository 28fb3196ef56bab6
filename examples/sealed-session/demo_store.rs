//! `demo`, the steps with a store: a session outgrows its cookie, and comes back.

use std::{
    env,
    io::Write as _,
    process::{Command, Stdio},
};

use sealed_session::{
    EncryptedCodec, Policy, Session, SessionManager, Values,
    manager::{DEFAULT_BUDGET, InvalidKind, OnInvalid, Place, SessionError},
    store::sqlite::SqliteStore,
    time::Clock as _,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{
    args::KEY_VARIABLE,
    demo::{ABSOLUTE, CONTEXT, Demo, IDLE},
    failure::Failure,
    sealing::value_in,
    store,
    style::{TITLE, grouped, span, styled},
};

/// The same shop; the cart has four hundred things.
const LARGE: &str = include_str!("../../tests/corpus/cart400.json");

struct Stored<'d, 'o> {
    demo: &'d mut Demo<'o>,
    manager: SessionManager<Values>,
    /// What the browser holds.
    cookie: String,
    store: SqliteStore,
    url: String,
    runtime: Runtime,
    _folder: TempDir,
}

pub(crate) fn run(demo: &mut Demo<'_>) -> Result<(), Failure> {
    let mut stored = Stored::new(demo)?;
    stored.outgrow()?;
    stored.restart()?;
    stored.shrink()?;
    stored.log_out()?;
    stored.runtime.block_on(stored.store.close());
    Ok(())
}

impl<'d, 'o> Stored<'d, 'o> {
    fn new(demo: &'d mut Demo<'o>) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()
            .map_err(|error| Failure::Environment(format!("no folder: {}", error.kind())))?;
        let path = folder.path().join("sessions.db");
        let runtime = store::runtime()?;
        let store = runtime.block_on(SqliteStore::open(&path))?;
        let policy = Policy::new(IDLE, ABSOLUTE)?;
        let codec = EncryptedCodec::builder(CONTEXT, demo.keys.clone(), policy);
        let manager = SessionManager::builder(codec.clock(demo.clock.clone()))
            .store(std::sync::Arc::new(store.clone()))
            .on_invalid(OnInvalid::Refuse)
            .build()?;
        Ok(Self {
            demo,
            manager,
            cookie: String::new(),
            store,
            url: format!("sqlite://{}", path.display()),
            runtime,
            _folder: folder,
        })
    }

    fn outgrow(&mut self) -> Result<(), Failure> {
        self.demo
            .title("Outgrow: a new login, and the cart fills up")?;
        let session = self.demo.session.clone();
        self.request(async |it| {
            it.change(|values| *values = session).await?;
            it.log_in("morgan.riley").await
        })?;
        let budget = grouped(DEFAULT_BUDGET);
        self.demo
            .line("budget", format!("{budget} bytes of name and value"))?;
        self.whereabouts("before")?;

        let large: Values = serde_json::from_str(LARGE)
            .map_err(|_| Failure::Environment("the demo's session is not JSON".to_owned()))?;
        self.request(async |it| it.change(|values| *values = large).await)?;
        let json = grouped(LARGE.len());
        self.demo
            .line("cart", format!("400 things: {json} bytes as JSON"))?;
        self.whereabouts("after")?;
        self.demo.line(
            "row",
            "opens with this cookie and the server's key together",
        )
    }

    fn restart(&mut self) -> Result<(), Failure> {
        self.demo.title("Restart: a new process reads the store")?;
        self.demo
            .line("store", "SQLite, thrown away when this ends")?;
        let (number, json) = self.decoded_elsewhere()?;
        self.demo.line("process", format!("{number}, now ended"))?;
        let large: Option<Values> = serde_json::from_str(LARGE).ok();
        if serde_json::from_str(&json).ok() != large {
            return Err(Failure::Refused("the session came back changed".to_owned()));
        }
        self.demo.accepted("the same session, value by value")
    }

    /// `decode`, as another process that shares the keys and the store with this one.
    fn decoded_elsewhere(&self) -> Result<(u32, String), Failure> {
        let failed = |error: std::io::Error| {
            Failure::Environment(format!("the demo's own program failed: {}", error.kind()))
        };
        let ring = self.demo.keys.current();
        let now = self.demo.clock.now().to_string();
        let mut child = Command::new(env::current_exe().map_err(failed)?)
            .args(["decode", "--store", &self.url, "--context", CONTEXT])
            .args(["--idle", &span(IDLE), "--absolute", &span(ABSOLUTE)])
            .args(["--at", &now])
            .env(KEY_VARIABLE, ring.to_secret_toml().as_str())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(self.cookie.as_bytes()).map_err(failed)?;
        }
        let number = child.id();
        let output = child.wait_with_output().map_err(failed)?;
        Ok((number, String::from_utf8_lossy(&output.stdout).into_owned()))
    }

    fn shrink(&mut self) -> Result<(), Failure> {
        self.demo.title("Shrink: the cart is paid for")?;
        self.whereabouts("before")?;
        let old = self.cookie.clone();
        self.request(async |it| it.change(|values| values.remove("cart")).await.map(drop))?;
        self.whereabouts("after")?;

        let new = core::mem::replace(&mut self.cookie, old);
        self.demo
            .line("replay", "the old cookie again, to change the session")?;
        let replayed = self.request(async |it| it.change(Values::clear).await);
        self.cookie = new;
        match replayed {
            Err(error @ SessionError::Conflict) => self.demo.refusal("conflict", error),
            Err(error) => Err(error.into()),
            Ok(()) => Err(Failure::Refused("the old cookie was accepted".to_owned())),
        }
    }

    fn log_out(&mut self) -> Result<(), Failure> {
        self.demo
            .title("Log out: a copy of the cookie is worth nothing")?;
        let copy = self.cookie.clone();
        self.request(async |it| it.log_out().await)?;
        self.demo
            .line("copy", "a cookie that would not expire yet")?;
        self.cookie = copy;
        match self.request(async |it| it.get().await.map(drop)) {
            Err(SessionError::Invalid(kind @ InvalidKind::Revoked)) => self
                .demo
                .refusal(kind, "on the store's list of what has ended"),
            Err(error) => Err(error.into()),
            Ok(()) => Err(Failure::Refused("the copy was accepted".to_owned())),
        }
    }

    /// One request of the browser, and its response.
    fn request(
        &mut self,
        work: impl AsyncFnOnce(&Session<Values>) -> Result<(), SessionError>,
    ) -> Result<(), SessionError> {
        let header = format!("{}={}", self.manager.cookie().name(), self.cookie);
        let headers = self.runtime.block_on(async {
            let session = self.manager.session([header.as_bytes()], None);
            work(&session).await?;
            self.manager.finish(session, 200).await
        })?;
        if let Some(header) = headers.set_cookie.first() {
            value_in(header).clone_into(&mut self.cookie);
        }
        Ok(())
    }

    fn whereabouts(&mut self, when: &str) -> Result<(), Failure> {
        let mut place = Place::Nowhere;
        self.request(async |it| {
            place = it.place().await?;
            Ok(())
        })?;
        let place = match place {
            Place::Cookie => "in the cookie",
            Place::Store => "in the store",
            _ => "nowhere",
        };
        let name = self.manager.cookie().name();
        let bytes = grouped(name.len().saturating_add(self.cookie.len()));
        let place = styled(TITLE, format!("{place:13}"));
        self.demo
            .line(when, format!("{place}  {bytes} bytes of cookie"))
    }
}
