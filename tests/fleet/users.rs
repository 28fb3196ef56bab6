//! Users with a browser, thieves with copies of their cookies, and forgers.

use sealed_session::{
    SealError,
    manager::{Presented, SessionError},
    payload::Plain,
};

use crate::{
    client::{Client, Dest},
    oracle::{REVOCATION_DELAY, Token, Verdict, Why},
    server::{Account, CLASSES},
    world::{Event, World},
};

/// Two browsers share a user.
const BROWSERS: u32 = 2;

#[derive(Default)]
pub(crate) struct User {
    client: Client,
    token: Option<Token>,
    /// What the session must hold.
    count: u64,
}

/// A copy of a cookie.
pub(crate) struct Loot {
    client: Client,
    token: Token,
    owner: u32,
    server: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Look,
    Count,
    /// The session gets a ballast of so many bytes.
    Resize(u32),
    LogIn {
        remember: bool,
    },
    Renew,
    LogOut,
}

impl World {
    /// A user's request, and the plan for the next one.
    pub(crate) fn visit(&mut self, user: usize, wanted: Option<usize>) {
        let server = self.balance(wanted);
        self.request(user, server);
        match self.dice.below(1_000) {
            0..15 => self.forge(user),
            15..17 => self.log_out_everywhere(user),
            _ => {}
        }
        self.come_back(user);
    }

    fn request(&mut self, user: usize, server: usize) {
        self.tally.requests += 1;
        self.asked(server);
        let local = self.servers[server].tick(self.now);
        let owner = u32::try_from(user).unwrap();
        let account = (owner / BROWSERS).to_string();
        let mut browser = core::mem::take(&mut self.users[user]);
        let verdict = browser
            .token
            .map(|token| (token, self.oracle.verdict(&token, server, local, self.now)));
        let held = browser.client.cookie.clone();
        let (with, without) = (self.act_with_session(), self.act_without_session());
        let dest = if self.dice.per_mille(700) {
            Dest::Document
        } else {
            Dest::Empty
        };
        let ballast = self.ballast(with);

        let manager = self.servers[server].manager().unwrap();
        let outcome = browser
            .client
            .visit_as(manager, dest, 200, async |session| {
                let valid = session.presented().await? == Presented::Valid;
                let seen = session.get().await?;
                let act = if valid { with } else { without };
                match act {
                    Act::Look | Act::Count => {}
                    Act::Renew => session.renew().await?,
                    Act::LogOut => session.log_out().await?,
                    Act::LogIn { remember } => {
                        session.log_in(&account).await?;
                        if remember {
                            let class = manager.codec().policy().class("remember-me");
                            session.set_class(class.unwrap()).await?;
                        }
                    }
                    Act::Resize(_) => {
                        session
                            .change(|data| data.ballast.clone_from(&ballast))
                            .await?;
                    }
                }
                if matches!(act, Act::Count | Act::Resize(_) | Act::LogIn { .. }) {
                    let count = |data: &mut Account| {
                        data.owner = owner;
                        data.count += 1;
                    };
                    session.change(count).await?;
                }
                Ok((valid, seen, act))
            });
        let (valid, seen, act) = match outcome {
            Ok((done, _)) => done,
            Err(error) => {
                self.failed(&error, owner, verdict, server, local);
                self.users[user] = browser;
                return;
            }
        };
        self.judge(verdict, valid, server, local);
        if valid && (seen.owner, seen.count) != (owner, browser.count) {
            let text = format!("user {user} found {} of {}", seen.count, seen.owner);
            self.oracle.violation(text);
        }
        if matches!(act, Act::Count | Act::Resize(_) | Act::LogIn { .. }) {
            browser.count = if valid { browser.count + 1 } else { 1 };
        }
        let life = self.follow(
            verdict.map(|(token, _)| token),
            valid,
            act,
            owner,
            server,
            local,
        );
        self.receive(&mut browser, held, life, act, owner, (server, local));
        self.users[user] = browser;
    }

    /// Which session it is after the request.
    fn follow(
        &mut self,
        token: Option<Token>,
        valid: bool,
        act: Act,
        owner: u32,
        server: usize,
        local: u32,
    ) -> Option<usize> {
        let old = token.filter(|_| valid).map(|token| token.life);
        let ends = matches!(act, Act::LogIn { .. } | Act::Renew | Act::LogOut);
        if let Some(life) = old.filter(|_| ends) {
            self.oracle.end(life, self.now, server);
        }
        let class = old.map_or(0, |life| self.oracle.life(life).class);
        match act {
            Act::LogIn { remember } => {
                self.tally.logins += 1;
                let user = owner / BROWSERS;
                let created = self.oracle.earliest_start(user, local);
                let class = usize::from(remember);
                let created = (created, created > local);
                Some(self.oracle.begin(created, class, Some(user)))
            }
            Act::Renew => {
                self.tally.renewals += 1;
                let before = self.oracle.life(old?);
                let (created, user) = ((before.created, before.delayed), before.user);
                Some(self.oracle.begin(created, class, user))
            }
            Act::LogOut => {
                self.tally.logouts += 1;
                None
            }
            Act::Count | Act::Resize(_) if !valid => {
                Some(self.oracle.begin((local, false), 0, None))
            }
            _ => old.or(token.map(|token| token.life)),
        }
    }

    /// The response: which cookie the browser has now.
    fn receive(
        &mut self,
        browser: &mut User,
        held: Option<String>,
        life: Option<usize>,
        act: Act,
        owner: u32,
        (server, local): (usize, u32),
    ) {
        let before = browser.token;
        let changed = browser.client.cookie != held;
        let begins = life.is_some() && before.map(|token| token.life) != life;
        match (&browser.client.cookie, life) {
            (Some(value), Some(life)) if changed => {
                self.tally.cookies += 1;
                let manager = self.servers[server].manager().unwrap();
                let stored = manager.codec().open_token(value).is_err();
                let known = self.oracle.life(life);
                let was = core::mem::replace(&mut known.stored, stored);
                let moved = stored && !was;
                known.moves += u32::from(moved);
                let token = Token {
                    life,
                    issued: local.max(known.created),
                    issued_truly: self.now,
                    reference: stored.then_some(known.moves),
                };
                self.tally.to_store += u64::from(moved);
                self.tally.to_cookie += u64::from(was && !stored);
                browser.token = Some(token);
                if self.dice.per_mille(60) {
                    self.steal(&browser.client, token, owner, None);
                }
            }
            (None, _) => {
                browser.token = None;
                if changed && act != Act::LogOut {
                    let text = format!("server {server} cleared a cookie at {}", self.now);
                    self.oracle.violation(text);
                }
            }
            _ if begins => {
                let text = format!("server {server} set no cookie at {}", self.now);
                self.oracle.violation(text);
            }
            _ => {}
        }
        // What was ended is tried again, at once and after the delay.
        let ended = matches!(act, Act::LogIn { .. } | Act::Renew | Act::LogOut);
        if let (true, Some(token), Some(_)) = (ended, before, &held) {
            let client = Client { cookie: held };
            let soon = self.dice.below(REVOCATION_DELAY);
            let later = self.dice.between(REVOCATION_DELAY, 4 * REVOCATION_DELAY);
            for delay in [soon, later] {
                self.steal(&client, token, owner, Some(delay));
            }
        }
    }

    /// Somebody copies a cookie, and tries it later.
    fn steal(&mut self, client: &Client, token: Token, owner: u32, delay: Option<u32>) {
        let server = self.balance(delay.and_then(|_| self.just_asked()));
        let delay = delay.unwrap_or_else(|| match self.dice.below(4) {
            0 => self.until_deadline(&token, server),
            1 => self.dice.below(60),
            2 => self.dice.below(CLASSES[0].0),
            _ => self.dice.below(2 * CLASSES[1].1),
        });
        let loot = Loot {
            client: client.clone(),
            token,
            owner,
            server,
        };
        self.at(delay, Event::Steal(Box::new(loot)));
    }

    pub(crate) fn replay(&mut self, mut loot: Loot) {
        self.tally.requests += 1;
        self.tally.stolen += 1;
        let server = self.balance(Some(loot.server));
        let local = self.servers[server].tick(self.now);
        let verdict = self.oracle.verdict(&loot.token, server, local, self.now);
        let manager = self.servers[server].manager().unwrap();
        let outcome = loot
            .client
            .visit_as(manager, Dest::Empty, 200, async |session| {
                let valid = session.presented().await? == Presented::Valid;
                Ok((valid, session.get().await?.owner))
            });
        match outcome {
            Ok(((valid, owner), _)) => {
                self.judge(Some((loot.token, verdict)), valid, server, local);
                if valid && owner != loot.owner {
                    let text = format!("a cookie of {} opened that of {owner}", loot.owner);
                    self.oracle.violation(text);
                }
            }
            Err(error) => {
                let verdict = Some((loot.token, verdict));
                self.failed(&error, loot.owner, verdict, server, local);
            }
        }
    }

    /// A cookie that nobody sealed, or that another fleet did.
    fn forge(&mut self, user: usize) {
        self.tally.requests += 1;
        self.tally.forged += 1;
        let server = self.balance(None);
        let local = self.servers[server].tick(self.now);
        let manager = self.servers[server].manager().unwrap();
        let own = self.users[user].client.cookie.clone().unwrap_or_default();
        let value = match self.dice.below(4) {
            0 if !own.is_empty() => {
                let place = self.dice.below(u32::try_from(own.len()).unwrap()) as usize;
                let other = if own.as_bytes()[place] == b'A' {
                    "B"
                } else {
                    "A"
                };
                format!("{}{other}{}", &own[..place], &own[place + 1..])
            }
            1 if !own.is_empty() => own[..own.len() - 1].to_owned(),
            2 => "A".repeat(self.dice.between(1, 5_000) as usize),
            _ => {
                let now = sealed_session::time::Timestamp::from_unix_seconds(local);
                let scope = self.foreign.at(now);
                let identity = scope.new_identity().unwrap();
                scope
                    .seal(&identity, &Plain(7_u8))
                    .unwrap()
                    .value()
                    .to_owned()
            }
        };
        let mut client = Client {
            cookie: Some(value),
        };
        let outcome = client.visit_as(manager, Dest::Empty, 200, async |session| {
            session.presented().await
        });
        if !matches!(outcome, Ok((Presented::Invalid(_), _))) {
            let text = format!("server {server} took a forgery for {outcome:?}");
            self.oracle.violation(text);
        }
    }

    /// Somebody ends all sessions of a user, on any server; often once more, after somebody
    /// has logged in again.
    pub(crate) fn log_out_everywhere(&mut self, user: usize) {
        self.tally.requests += 1;
        self.tally.everywhere += 1;
        let server = self.balance(None);
        let local = self.servers[server].tick(self.now);
        let account = u32::try_from(user).unwrap() / BROWSERS;
        let manager = self.servers[server].manager().unwrap();
        match crate::client::block_on(manager.revoke_subject(account.to_string())) {
            Ok(()) => self.oracle.end_user(account, local, self.now, server),
            // Where revocations are switched off on purpose.
            Err(SessionError::NoStore) => {}
            Err(error) => self.oracle.violation(error),
        }
        if self.dice.per_mille(800) {
            let again = self.dice.below(12);
            self.at(again, Event::EverywhereAgain(user));
        }
    }

    pub(crate) fn log_out_everywhere_again(&mut self, user: usize) {
        let server = self.balance(None);
        self.request(user, server);
        self.log_out_everywhere(user);
    }

    /// When the user comes back: soon mostly, and often where it is close.
    fn come_back(&mut self, user: usize) {
        let token = self.users[user].token;
        let (delay, server) = match (self.dice.below(100), token) {
            (0..3, Some(token)) => {
                let server = self.balance(None);
                (self.until_deadline(&token, server), Some(server))
            }
            (3..70, _) => (self.dice.between(1, 120), None),
            (70..92, _) => (self.dice.between(120, CLASSES[0].0), None),
            (92..98, _) => (self.dice.between(1_700, 1_900), None),
            _ => (self.dice.between(1_900, CLASSES[1].0 + 100), None),
        };
        self.at(delay, Event::Visit(user, server));
    }

    /// From now to within a second of the token's end, by that server's clock.
    fn until_deadline(&self, token: &Token, server: usize) -> u32 {
        let ends = i64::from(self.oracle.expires(token)) - self.servers[server].skew;
        let at = ends + i64::from(self.dice.below(3)) - 1;
        u32::try_from(at - i64::from(self.now)).unwrap_or(0)
    }

    fn judge(&mut self, verdict: Option<(Token, Verdict)>, valid: bool, server: usize, local: u32) {
        let Some((token, verdict)) = verdict else {
            self.tally.without_cookie += 1;
            if valid {
                self.oracle.violation("a session without a cookie");
            }
            return;
        };
        let close = local.abs_diff(self.oracle.expires(&token)) <= 1;
        self.tally.at_the_deadline += u64::from(close);
        match (valid, verdict) {
            (true, _) => self.tally.accepted += 1,
            (false, Verdict::Refuse(Why::Expired)) => self.tally.expired += 1,
            (false, Verdict::Refuse(Why::Revoked)) => self.tally.revoked += 1,
            (false, Verdict::Refuse(Why::NotYet)) => self.tally.early += 1,
            (false, _) => self.tally.either += 1,
        }
        let what = self.describe(&token, server, local);
        self.oracle
            .compare(&token, verdict, valid, self.now, || what);
    }

    /// A request that failed: right only where its session was just revoked elsewhere, or
    /// where a login follows too many that were ended.
    fn failed(
        &mut self,
        error: &SessionError,
        owner: u32,
        verdict: Option<(Token, Verdict)>,
        server: usize,
        local: u32,
    ) {
        let just_revoked = matches!(verdict, Some((_, Verdict::Either)));
        if just_revoked && matches!(error, SessionError::Gone) {
            self.tally.either += 1;
            return;
        }
        if let SessionError::Seal(SealError::NotYetValid) = error
            && self.oracle.must_wait(owner / BROWSERS, local)
        {
            self.tally.early += 1;
            return;
        }
        let token = verdict.map(|(token, _)| self.describe(&token, server, local));
        let text = format!("{error}: {}", token.unwrap_or_default());
        self.oracle.violation(text);
    }

    fn act_with_session(&self) -> Act {
        match self.dice.below(1_000) {
            0..300 => Act::Count,
            300..330 => Act::Resize(if self.dice.per_mille(400) { 4_000 } else { 0 }),
            330..335 => Act::LogIn {
                remember: self.dice.per_mille(300),
            },
            335..339 => Act::Renew,
            339..343 => Act::LogOut,
            _ => Act::Look,
        }
    }

    fn act_without_session(&self) -> Act {
        match self.dice.below(10) {
            0..2 => Act::Look,
            2..4 => Act::Count,
            _ => Act::LogIn {
                remember: self.dice.per_mille(200),
            },
        }
    }

    fn ballast(&self, act: Act) -> Vec<u8> {
        let Act::Resize(len) = act else {
            return Vec::new();
        };
        let words = (0..len / 8).flat_map(|_| self.dice.next().to_le_bytes());
        words.collect()
    }
}
