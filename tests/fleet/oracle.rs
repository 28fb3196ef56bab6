//! What a server must answer, reckoned beside the library from the rules in SECURITY.md:
//! it sees which server did what when, and no token.

use core::fmt;
use std::collections::HashMap;

use crate::server::{CLASSES, SYNC};

/// How far a clock may be off: any two then disagree by less than a minute.
pub(crate) const SKEW: u32 = 29;
/// How far a clock is set forward or back at once while its server runs.
pub(crate) const STEP: u32 = 3;
/// From then on no server accepts what was revoked. Counted by the clock of a server, which
/// may have been set back meanwhile.
pub(crate) const REVOCATION_DELAY: u32 = SYNC + STEP;
/// Ahead of the present instant, sessions of a user are ended that a server whose clock is
/// ahead has just begun (SECURITY.md).
const SUBJECT_MARGIN: u32 = 60;
/// How often one user may be logged out everywhere in so short a time that each delays the
/// next login by a second.
const REPEATED: u32 = 10;
/// By true time a session lives no longer than its time and what clocks disagree; a login
/// after "log out everywhere" begins up to 61 seconds ahead, and more where that is repeated.
const SLACK: u32 = 2 * SKEW + SUBJECT_MARGIN + 1 + REPEATED;
/// How far ahead of a server's clock a token may have been issued.
const TOLERANCE: u32 = 120;

/// A session, whatever its cookies are.
pub(crate) struct Life {
    /// By the clock of the server that began it.
    pub(crate) created: u32,
    /// That is later than the clock showed, since the user had been logged out everywhere.
    pub(crate) delayed: bool,
    pub(crate) class: usize,
    pub(crate) user: Option<u32>,
    pub(crate) ended: Option<End>,
    /// Counts how often it has moved to the store: only its newest reference must open.
    pub(crate) moves: u32,
    pub(crate) stored: bool,
}

/// When and where a session was ended.
#[derive(Clone, Copy)]
pub(crate) struct End {
    pub(crate) at: u32,
    pub(crate) server: usize,
}

/// One cookie.
#[derive(Clone, Copy)]
pub(crate) struct Token {
    pub(crate) life: usize,
    /// By the clock of the server that issued it, and truly.
    pub(crate) issued: u32,
    pub(crate) issued_truly: u32,
    /// If it is a reference, which one.
    pub(crate) reference: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accept,
    Refuse(Why),
    /// The rules allow both.
    Either,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    Expired,
    Revoked,
    NotYet,
}

/// "Log out everywhere": ends every session that has truly begun by then, whatever the
/// clocks show.
struct UserEnd {
    /// How many sessions had begun.
    lives: usize,
    /// What begins afterwards begins later than that.
    not_before: u32,
    end: End,
}

#[derive(Default)]
pub(crate) struct Oracle {
    lives: Vec<Life>,
    users: HashMap<u32, Vec<UserEnd>>,
    pub(crate) violations: Vec<String>,
    /// The longest that a session was accepted after its revocation.
    pub(crate) longest_delay: u32,
}

impl Oracle {
    pub(crate) fn begin(
        &mut self,
        (created, delayed): (u32, bool),
        class: usize,
        user: Option<u32>,
    ) -> usize {
        self.lives.push(Life {
            created,
            delayed,
            class,
            user,
            ended: None,
            moves: 0,
            stored: false,
        });
        self.lives.len() - 1
    }

    pub(crate) fn life(&mut self, life: usize) -> &mut Life {
        &mut self.lives[life]
    }

    pub(crate) fn lives(&self) -> usize {
        self.lives.len()
    }

    /// The session has ended; the first end counts.
    pub(crate) fn end(&mut self, life: usize, at: u32, server: usize) {
        self.lives[life].ended.get_or_insert(End { at, server });
    }

    /// All sessions of the user have ended, by a server whose clock shows `local`.
    pub(crate) fn end_user(&mut self, user: u32, local: u32, at: u32, server: usize) {
        let ends = self.users.entry(user).or_default();
        ends.retain(|known| known.end.at + 2 * CLASSES[1].1 > at);
        let not_before = local + SUBJECT_MARGIN;
        let last = ends.last().map_or(0, |known| known.not_before);
        // No login begins later than that.
        let after_the_last = last.max((last + 1).min(not_before + TOLERANCE));
        ends.push(UserEnd {
            lives: self.lives.len(),
            not_before: after_the_last.max(not_before),
            end: End { at, server },
        });
    }

    /// Whether a login of that user is refused: it would begin too far ahead.
    pub(crate) fn must_wait(&self, user: u32, local: u32) -> bool {
        self.earliest_start(user, local) > local + TOLERANCE
    }

    /// The earliest instant at which a session of that user begins.
    pub(crate) fn earliest_start(&self, user: u32, local: u32) -> u32 {
        let ends = self.users.get(&user).into_iter().flatten();
        ends.map(|known| known.not_before + 1).fold(local, u32::max)
    }

    /// When the session ended, if it has.
    pub(crate) fn ended(&self, life: usize) -> impl Iterator<Item = End> {
        let number = life;
        let life = &self.lives[life];
        let everywhere = life.user.and_then(|user| self.users.get(&user));
        let everywhere = everywhere.into_iter().flatten();
        let everywhere = everywhere.filter(move |known| number < known.lives);
        life.ended
            .into_iter()
            .chain(everywhere.map(|known| known.end))
    }

    /// From when on, by a server's clock, the token is not accepted.
    pub(crate) fn expires(&self, token: &Token) -> u32 {
        let life = &self.lives[token.life];
        let (idle, absolute) = CLASSES[life.class];
        (token.issued + idle).min(life.created + absolute)
    }

    /// What `server`, whose clock shows `local`, must answer at the true time `now`.
    pub(crate) fn verdict(&self, token: &Token, server: usize, local: u32, now: u32) -> Verdict {
        let life = &self.lives[token.life];
        let (idle, absolute) = CLASSES[life.class];
        let too_late = now > token.issued_truly + idle + SLACK
            || i64::from(now) > i64::from(life.created) + i64::from(absolute + SLACK);
        if local >= self.expires(token) || too_late {
            return Verdict::Refuse(Why::Expired);
        }
        if life.delayed && token.issued > local + TOLERANCE {
            return Verdict::Refuse(Why::NotYet);
        }
        let mut verdict = Verdict::Accept;
        for end in self.ended(token.life) {
            if end.server == server || now >= end.at + REVOCATION_DELAY {
                return Verdict::Refuse(Why::Revoked);
            }
            verdict = Verdict::Either;
        }
        // A reference to where the session no longer is may open for a while.
        if token
            .reference
            .is_some_and(|known| !life.stored || known != life.moves)
        {
            verdict = Verdict::Either;
        }
        verdict
    }

    /// Notes what a server did; `what` tells the rest if that breaks a rule.
    pub(crate) fn compare(
        &mut self,
        token: &Token,
        verdict: Verdict,
        accepted: bool,
        now: u32,
        what: impl FnOnce() -> String,
    ) {
        match (verdict, accepted) {
            (Verdict::Accept, false) => self.violation(format!("live and refused: {}", what())),
            (Verdict::Refuse(why), true) => {
                self.violation(format!("{why:?} and accepted: {}", what()));
            }
            (Verdict::Either, true) => {
                let late = self.ended(token.life).map(|end| now - end.at).max();
                self.longest_delay = self.longest_delay.max(late.unwrap_or(0));
            }
            _ => {}
        }
    }

    pub(crate) fn violation(&mut self, text: impl fmt::Display) {
        self.violations.push(text.to_string());
    }
}
