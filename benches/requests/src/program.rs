//! The programs, and what is to be compared with what.

use core::fmt;

/// One server: a framework, what gives it sessions, and what a request does with its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    pub framework: Framework,
    pub library: Library,
    pub place: Place,
    pub work: Work,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framework {
    ActixWeb,
    Axum,
    Hyper,
    Poem,
    Rocket,
    Salvo,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// No sessions at all.
    None,
    Ours,
    /// The same, with its AES-256-GCM of AWS-LC.
    OursAwsLc,
    ActixSession,
    PrivateCookieJar,
    /// With its default: the id as it is.
    TowerSessions,
    /// With its `with_private`: the id sealed, as ours always is.
    TowerSessionsPrivate,
}

/// Where the session lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Nowhere,
    Cookie,
    Memory,
    Redis,
}

/// What the measured request does with its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// There is no session.
    Bare,
    /// There is one, and the handler does not look at it.
    Untouched,
    Read,
    Written,
}

/// All programs, those of a framework together, its bare one first.
pub fn all() -> Vec<Program> {
    use Framework::{ActixWeb, Axum, Hyper, Poem, Rocket, Salvo};
    use Library::{
        ActixSession, Ours, OursAwsLc, PrivateCookieJar, TowerSessions, TowerSessionsPrivate,
    };
    use Place::{Cookie, Memory, Redis};
    use Work::{Read, Untouched, Written};

    let mut programs = Vec::new();
    for framework in FRAMEWORKS {
        programs.push(Program::bare(framework));
        let mut add = |library, place, works: &[Work]| {
            programs.extend(works.iter().map(|&work| Program {
                framework,
                library,
                place,
                work,
            }));
        };
        let each = [Untouched, Read, Written];
        add(Ours, Cookie, &each);
        match framework {
            Axum => {
                add(Ours, Memory, &each);
                add(Ours, Redis, &[Read]);
                add(OursAwsLc, Cookie, &[Read]);
                add(OursAwsLc, Memory, &[Read, Written]);
                add(OursAwsLc, Redis, &[Read]);
                add(PrivateCookieJar, Cookie, &[Read, Written]);
                for library in [TowerSessions, TowerSessionsPrivate] {
                    add(library, Memory, &each);
                    add(library, Redis, &[Read]);
                }
            }
            ActixWeb => add(ActixSession, Cookie, &each),
            Hyper | Poem | Rocket | Salvo => {}
        }
    }
    programs
}

/// In the order of the report.
pub const FRAMEWORKS: [Framework; 6] = [
    Framework::Hyper,
    Framework::Axum,
    Framework::ActixWeb,
    Framework::Rocket,
    Framework::Poem,
    Framework::Salvo,
];

impl Program {
    pub fn bare(framework: Framework) -> Self {
        Self {
            framework,
            library: Library::None,
            place: Place::Nowhere,
            work: Work::Bare,
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        all().into_iter().find(|it| it.to_string() == name)
    }

    /// Those of ours that do the same, if this is a peer's.
    pub fn counterparts(&self) -> Vec<Self> {
        let mut ours = all();
        ours.retain(|it| {
            let same = Self {
                library: it.library,
                ..*self
            };
            self.library.is_peer() && it.library.is_ours() && *it == same
        });
        ours
    }

    /// Whether every answer carries a new cookie. In a store, ours leaves the cookie as it
    /// is; tower-sessions sets it whenever the data changed.
    pub fn sets_cookie(&self) -> bool {
        let each_change = matches!(
            self.library,
            Library::TowerSessions | Library::TowerSessionsPrivate
        );
        self.work == Work::Written && (self.place == Place::Cookie || each_change)
    }

    /// Whether this is also measured with one connection: ours in the cookie, and whatever
    /// reads.
    pub fn for_one_client(&self) -> bool {
        let ours = self.library.is_ours() && self.place == Place::Cookie;
        ours || matches!(self.work, Work::Bare | Work::Read)
    }
}

/// `framework.library.place.work`, or `framework.bare`.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (framework, work) = (self.framework.name(), self.work.name());
        if self.library == Library::None {
            return write!(f, "{framework}.{work}");
        }
        let library = match self.library {
            Library::Ours => "ours",
            Library::OursAwsLc => "ours-aws-lc",
            peer => peer.name(),
        };
        write!(f, "{framework}.{library}.{}.{work}", self.place.name())
    }
}

impl Framework {
    pub const fn name(self) -> &'static str {
        match self {
            Self::ActixWeb => "actix-web",
            Self::Axum => "axum",
            Self::Hyper => "hyper",
            Self::Poem => "poem",
            Self::Rocket => "rocket",
            Self::Salvo => "salvo",
        }
    }
}

impl Library {
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "–",
            Self::Ours => "sealed-session",
            Self::OursAwsLc => "sealed-session (AWS-LC)",
            Self::ActixSession => "actix-session",
            Self::PrivateCookieJar => "PrivateCookieJar",
            Self::TowerSessions => "tower-sessions",
            Self::TowerSessionsPrivate => "tower-sessions-private",
        }
    }

    pub const fn is_ours(self) -> bool {
        matches!(self, Self::Ours | Self::OursAwsLc)
    }

    /// Somebody else's.
    pub const fn is_peer(self) -> bool {
        !self.is_ours() && !matches!(self, Self::None)
    }

    /// Whether the client's cookie is encrypted and authenticated.
    pub const fn seals_cookie(self) -> bool {
        !matches!(self, Self::None | Self::TowerSessions)
    }
}

impl Place {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nowhere => "–",
            Self::Cookie => "cookie",
            Self::Memory => "memory",
            Self::Redis => "redis",
        }
    }
}

impl Work {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Untouched => "untouched",
            Self::Read => "read",
            Self::Written => "written",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_has_a_name_of_its_own_and_a_bare_one_to_be_compared_with() {
        let all = all();
        for program in &all {
            assert_eq!(Program::named(&program.to_string()), Some(*program));
            assert!(all.contains(&Program::bare(program.framework)));
        }
    }

    #[test]
    fn every_peer_has_one_of_ours_at_the_same_work() {
        for program in all() {
            let ours = program.counterparts();
            assert_eq!(
                ours.iter().any(|it| it.library == Library::Ours),
                program.library.is_peer(),
                "{program}"
            );
            for it in ours {
                assert_eq!((it.place, it.work), (program.place, program.work));
            }
        }
        let of_both = all()
            .iter()
            .filter(|it| it.counterparts().len() == 2)
            .count();
        assert_eq!(
            of_both, 7,
            "reading and writing in memory, Redis, PrivateCookieJar"
        );
    }

    #[test]
    fn one_client_meets_a_counterpart_of_every_peer_that_it_meets() {
        let all = all();
        for peer in all.iter().filter(|it| it.for_one_client()) {
            assert!(peer.counterparts().iter().all(Program::for_one_client));
        }
        let of_ours = |work| {
            let ours = all.iter().filter(|it| it.library == Library::Ours);
            ours.filter(|it| it.work == work && it.for_one_client())
                .count()
        };
        assert_eq!(of_ours(Work::Written), FRAMEWORKS.len());
    }
}
