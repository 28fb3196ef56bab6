//! `demo`: a session's life, step by step.

use core::{fmt::Display, time::Duration};
use std::io::Write;

use sealed_session::{
    CookieConfig, EncryptedCodec, Policy, Values,
    codec::{Opened, Sealed},
    cookie,
    keys::{Key, KeyId, KeyRing, SharedKeyRing},
    time::{Clock as _, TestClock, Timestamp},
    token::UntrustedToken,
};

use crate::{
    anatomy::{Anatomy, budget},
    failure::Failure,
    style::{BAD, GOOD, NEW, QUIET, TITLE, grouped, span, styled},
};

/// A shop's session: who is logged in, and ten things in the cart.
const SESSION: &str = include_str!("../../tests/corpus/cart10.json");

pub(crate) const CONTEXT: &str = "shop.example.com";
pub(crate) const IDLE: Duration = Duration::from_mins(30);
pub(crate) const ABSOLUTE: Duration = Duration::from_hours(24);
const FIVE_MINUTES: Duration = Duration::from_mins(5);
const ACTIVATION: Duration = Duration::from_mins(10);

pub(crate) struct Demo<'o> {
    out: &'o mut dyn Write,
    pub(crate) clock: TestClock,
    pub(crate) keys: SharedKeyRing,
    codec: EncryptedCodec,
    pub(crate) session: Values,
    step: u8,
}

pub(crate) fn run(out: &mut dyn Write) -> Result<(), Failure> {
    let mut demo = Demo::new(out)?;
    demo.show_keys()?;
    let sealed = demo.seal()?;
    demo.show_anatomy(&sealed)?;
    let opened = demo.open(&sealed)?;
    demo.alter(&sealed)?;
    let renewed = demo.rotate(&sealed, &opened)?;
    demo.expire(&renewed)?;
    outgrow(&mut demo)?;
    demo.end()
}

#[cfg(feature = "store-sqlite")]
use crate::demo_store::run as outgrow;

#[cfg(not(feature = "store-sqlite"))]
fn outgrow(demo: &mut Demo<'_>) -> Result<(), Failure> {
    let hint = "\nTo see a session outgrow its cookie, move to a store and back:\n  \
                cargo run -qr --features store-sqlite --example sealed-session -- demo";
    Ok(writeln!(demo.out, "{hint}")?)
}

impl<'o> Demo<'o> {
    fn new(out: &'o mut dyn Write) -> Result<Self, Failure> {
        let clock = TestClock::at(Timestamp::from_unix_seconds(1_795_338_000));
        let keys = SharedKeyRing::from(KeyRing::single(Key::generate()?)?);
        let policy = Policy::new(IDLE, ABSOLUTE)?;
        let codec = EncryptedCodec::builder(CONTEXT, keys.clone(), policy)
            .clock(clock.clone())
            .build()?;
        let session = serde_json::from_str(SESSION)
            .map_err(|_| Failure::Environment("the demo's session is not JSON".to_owned()))?;
        Ok(Self {
            out,
            clock,
            keys,
            codec,
            session,
            step: 0,
        })
    }

    fn show_keys(&mut self) -> Result<(), Failure> {
        self.title("Keys: one, thrown away when this ends")?;
        let id = self.sealing_key()?;
        self.line("key", styled(NEW, id))?;
        self.line("lifetime", lifetimes())
    }

    fn seal(&mut self) -> Result<Sealed, Failure> {
        self.title("Seal: a session becomes a cookie")?;
        let identity = self.codec.new_identity()?;
        let identity = identity.with_subject(self.codec.subject("morgan.riley"));
        let sealed = self.codec.seal(&identity, &self.session)?;
        let config = CookieConfig::default();
        let header = config
            .set_cookie(sealed.value(), None)
            .map_err(|error| Failure::Refused(format!("too-large: {error}")))?;
        let (_, attributes) = header.split_once("; ").unwrap_or_default();
        let start = sealed.value().get(..20).unwrap_or_default();
        let packed = sealed_session::codec::encoded_len(&self.session)?;

        self.line("session", "a login, and a cart of ten things")?;
        self.line("as JSON", format!("{} bytes", grouped(SESSION.len())))?;
        self.line("packed", format!("{} bytes", grouped(packed)))?;
        let characters = grouped(sealed.value().len());
        self.line("sealed", format!("{characters} characters"))?;
        let name = styled(TITLE, config.name());
        writeln!(
            self.out,
            "\n  Set-Cookie: {name}={start}…;\n    {attributes}"
        )?;
        Ok(sealed)
    }

    fn show_anatomy(&mut self, sealed: &Sealed) -> Result<(), Failure> {
        self.title("Anatomy: what the cookie is made of")?;
        let token = UntrustedToken::parse(sealed.value())?;
        let anatomy = Anatomy::with_claims(&token, sealed.claims().encoded_len());
        anatomy.table(self.out)?;
        writeln!(self.out)?;
        anatomy.text(sealed.value(), self.out)?;
        writeln!(self.out)?;
        budget(self.codec.name(), sealed.value(), self.out)
    }

    fn open(&mut self, sealed: &Sealed) -> Result<Opened<Values>, Failure> {
        self.title("Open: the next request, five minutes later")?;
        self.clock.advance(FIVE_MINUTES);
        let request = format!("theme=dark; {}={}", self.codec.name(), sealed.value());
        let value = cookie::candidates([request.as_bytes()], self.codec.name()).next();
        let opened = self.codec.open::<Values>(value.unwrap_or_default())?;
        let claims = *opened.claims();

        if opened.data() != &self.session {
            return Err(Failure::Refused("the session came back changed".to_owned()));
        }
        self.accepted("the same session")?;
        self.line("began", claims.created())?;
        self.line(
            "expires",
            format!("{} if it stays unused", claims.expires()),
        )?;
        self.line(
            "session",
            format!("{} in logs", claims.session_id().log_id()),
        )?;
        let user: Option<String> = opened.data().get("display_name").ok().flatten();
        self.line("user", user.unwrap_or_default())?;
        Ok(opened)
    }

    fn alter(&mut self, sealed: &Sealed) -> Result<(), Failure> {
        self.title("Alter: one byte of the cart")?;
        // Every fourth character begins a byte, and touches no other: three bytes of the
        // token take four characters.
        let middle = sealed.value().len() / 8;
        let (at, byte) = (middle.saturating_mul(4), middle.saturating_mul(3));
        let swap = |(position, character)| match (position == at, character) {
            (true, 'A') => 'B',
            (true, _) => 'A',
            (false, same) => same,
        };
        let altered: String = sealed.value().chars().enumerate().map(swap).collect();
        self.line("byte", format!("{byte}, which character {at} begins"))?;
        self.refused(&altered)?;
        self.line("client", "is told \"no valid session\", and nothing else")
    }

    fn rotate(&mut self, sealed: &Sealed, opened: &Opened<Values>) -> Result<Sealed, Failure> {
        self.title("Rotate: a new key, and nobody is logged out")?;
        let old = self.sealing_key()?;
        let ring =
            self.keys
                .current()
                .rotate(self.clock.now(), ACTIVATION, IDLE, Key::generate()?)?;
        self.keys.replace(ring.clone(), self.clock.now())?;
        for entry in ring.keys() {
            let (from, until) = (entry.seals_from(), entry.opens_until());
            let what = match until {
                Some(until) => format!("opens until {until}"),
                None => format!("seals from  {from}"),
            };
            self.line("key", format!("{}  {what}", short(entry.key().id())))?;
        }
        self.line("before", format!("sealed under {}", short(old)))?;
        self.line("", format!("needs_rekey: {}", opened.needs_rekey()))?;

        self.clock.advance(ACTIVATION);
        self.at_the_clock()?;
        let old_cookie = self.codec.open::<Values>(sealed.value())?;
        self.accepted("the old cookie still opens")?;
        self.line("", format!("needs_rekey: {}", old_cookie.needs_rekey()))?;
        let renewed = self.codec.seal(&old_cookie.identity(), old_cookie.data())?;
        let new = self.codec.open::<Values>(renewed.value())?;
        let token = UntrustedToken::parse(renewed.value())?;
        let id = styled(NEW, short(token.key_id()));
        self.line("after", format!("sealed under {id}, the same session"))?;
        self.line("", format!("needs_rekey: {}", new.needs_rekey()))?;
        Ok(renewed)
    }

    fn expire(&mut self, renewed: &Sealed) -> Result<(), Failure> {
        self.title("Expire: the user goes to lunch")?;
        self.line("expires", renewed.claims().expires())?;
        self.clock.advance(IDLE);
        self.at_the_clock()?;
        self.refused(renewed.value())
    }

    fn end(&mut self) -> Result<(), Failure> {
        let next = "\nNow with keys of your own:\n  \
                    alias sealed-session='cargo run -qr --example sealed-session --'\n  \
                    sealed-session keys new --out ring.toml\n  \
                    echo '{\"user\":42}' | sealed-session encode --keys ring.toml > cookie\n  \
                    sealed-session decode --keys ring.toml < cookie";
        Ok(writeln!(self.out, "{next}")?)
    }

    fn sealing_key(&self) -> Result<KeyId, Failure> {
        let ring = self.keys.current();
        let entry = ring.sealing_key(self.clock.now());
        let entry = entry.ok_or(sealed_session::SealError::NoSealingKey)?;
        Ok(entry.key().id())
    }

    pub(crate) fn title(&mut self, title: &str) -> Result<(), Failure> {
        self.step = self.step.saturating_add(1);
        let gap = if self.step == 1 { "" } else { "\n" };
        let title = styled(TITLE, format!("{}  {title}", self.step));
        Ok(writeln!(self.out, "{gap}{title}\n")?)
    }

    pub(crate) fn line(&mut self, name: &str, value: impl Display) -> Result<(), Failure> {
        let name = styled(QUIET, format!("{name:8}"));
        Ok(writeln!(self.out, "  {name}  {value}")?)
    }

    fn at_the_clock(&mut self) -> Result<(), Failure> {
        let now = self.clock.now();
        self.line("clock", format!("{now} now"))
    }

    pub(crate) fn accepted(&mut self, what: &str) -> Result<(), Failure> {
        self.line("result", format!("{}: {what}", styled(GOOD, "opened")))
    }

    /// Opens what must not open.
    fn refused(&mut self, value: &str) -> Result<(), Failure> {
        match self.codec.open::<Values>(value) {
            Ok(_) => Err(Failure::Refused("the demo's codec opened it".to_owned())),
            Err(error) => self.refusal(error.kind(), error.reason()),
        }
    }

    pub(crate) fn refusal(&mut self, kind: impl Display, why: impl Display) -> Result<(), Failure> {
        let refused = styled(BAD, "refused");
        self.line("result", format!("{refused}: {kind}"))?;
        self.line("log", why)
    }
}

fn lifetimes() -> String {
    let (idle, absolute) = (span(IDLE), span(ABSOLUTE));
    format!("{idle} unused, {absolute} in any case")
}

/// Enough of an id to tell two apart.
fn short(id: KeyId) -> String {
    let id = id.to_string();
    format!("{}…", id.get(..8).unwrap_or_default())
}
