//! How long a session lives: the policy, and the checks (SPEC section 5).

use core::time::Duration;

use crate::{
    claims::{Claims, Identity, LifetimeClass},
    time::{CLOCK_TOLERANCE, Timestamp},
};

/// Browsers keep no cookie for longer than 400 days (RFC 6265bis section 5.5).
pub const MAX_ABSOLUTE: Duration = Duration::from_hours(400 * 24);

/// The most lifetime classes that a token can name.
const MAX_CLASSES: usize = 4;

/// A session is issued anew when this part of its idle timeout has passed.
const REISSUE_DIVISOR: u64 = 10;

/// How long one class of sessions lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    idle: Duration,
    absolute: Duration,
    persistent: bool,
}

impl Lifetimes {
    /// Sessions that end when unused for `idle` (ASVS 7.3.1), and `absolute` after they
    /// began in any case (ASVS 7.3.2); and when the browser closes.
    ///
    /// # Errors
    /// [`PolicyError`] unless 1 second ≤ `idle` ≤ `absolute` ≤ [`MAX_ABSOLUTE`], both in
    /// whole seconds.
    pub fn new(idle: Duration, absolute: Duration) -> Result<Self, PolicyError> {
        if idle.subsec_nanos() != 0 || absolute.subsec_nanos() != 0 {
            return Err(PolicyError::Fraction);
        }
        if idle.is_zero() {
            return Err(PolicyError::NoIdle);
        }
        if idle > absolute {
            return Err(PolicyError::IdleOverAbsolute);
        }
        if absolute > MAX_ABSOLUTE {
            return Err(PolicyError::TooLong);
        }
        Ok(Self {
            idle,
            absolute,
            persistent: false,
        })
    }

    /// Lets the cookie outlive the browser, with a `Max-Age` that ends with the session:
    /// what remember-me asks for.
    #[must_use]
    pub const fn persistent(mut self) -> Self {
        self.persistent = true;
        self
    }

    /// The idle timeout.
    #[must_use]
    pub const fn idle(&self) -> Duration {
        self.idle
    }

    /// The absolute timeout.
    #[must_use]
    pub const fn absolute(&self) -> Duration {
        self.absolute
    }

    /// Whether the cookie outlives the browser.
    #[must_use]
    pub const fn is_persistent(&self) -> bool {
        self.persistent
    }

    /// When a session ends that began at `created`, used or not.
    pub(crate) fn end_of(&self, created: Timestamp, own: Option<Timestamp>) -> Timestamp {
        let end = created + self.absolute;
        own.map_or(end, |own| own.min(end))
    }
}

/// The lifetimes in force: one class that every session starts with, and up to three more
/// with names.
///
/// ```
/// use core::time::Duration;
/// use sealed_session::expiry::{Lifetimes, Policy};
///
/// const MINUTE: Duration = Duration::from_secs(60);
/// const DAY: Duration = Duration::from_secs(24 * 60 * 60);
///
/// let policy = Policy::new(30 * MINUTE, DAY)?
///     .with_class("remember-me", Lifetimes::new(30 * DAY, 365 * DAY)?.persistent())?;
/// assert!(policy.class("remember-me").is_some());
/// # Ok::<(), sealed_session::expiry::PolicyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    first: Lifetimes,
    named: Vec<(String, Lifetimes)>,
}

impl Policy {
    /// A policy of one class. Both timeouts are required.
    ///
    /// # Errors
    /// As for [`Lifetimes::new`].
    pub fn new(idle: Duration, absolute: Duration) -> Result<Self, PolicyError> {
        Lifetimes::new(idle, absolute).map(Self::from)
    }

    /// Adds a named class. Tokens carry a class by its position, so keep the order from
    /// release to release, and add new classes at the end.
    ///
    /// # Errors
    /// [`PolicyError::TooManyClasses`] beyond three, [`PolicyError::DuplicateClass`].
    pub fn with_class(
        mut self,
        name: impl Into<String>,
        lifetimes: Lifetimes,
    ) -> Result<Self, PolicyError> {
        let name = name.into();
        if self.class(&name).is_some() {
            return Err(PolicyError::DuplicateClass(name));
        }
        if self.named.len().saturating_add(1) >= MAX_CLASSES {
            return Err(PolicyError::TooManyClasses);
        }
        self.named.push((name, lifetimes));
        Ok(self)
    }

    /// The class of that name.
    #[must_use]
    pub fn class(&self, name: &str) -> Option<LifetimeClass> {
        let position = self.named.iter().position(|(known, _)| known == name)?;
        u8::try_from(position.saturating_add(1))
            .ok()
            .map(LifetimeClass)
    }

    /// The lifetimes of a class, if the policy has it.
    #[must_use]
    pub fn lifetimes(&self, class: LifetimeClass) -> Option<&Lifetimes> {
        match usize::from(class.0).checked_sub(1) {
            None => Some(&self.first),
            Some(position) => self.named.get(position).map(|(_, lifetimes)| lifetimes),
        }
    }

    /// The longest idle timeout of any class: how long a retired key must go on opening.
    #[must_use]
    pub fn longest_idle(&self) -> Duration {
        let named = self.named.iter().map(|(_, lifetimes)| lifetimes.idle);
        named.fold(self.first.idle, Duration::max)
    }

    /// The longest absolute timeout of any class: how long a revocation must be kept.
    #[must_use]
    pub fn longest_absolute(&self) -> Duration {
        let named = self.named.iter().map(|(_, lifetimes)| lifetimes.absolute);
        named.fold(self.first.absolute, Duration::max)
    }

    /// When a token of this class expires that is issued at `issued` for a session that
    /// began at `created`: `min(issued + idle, created + absolute)`; `None` if the policy
    /// has no such class.
    #[must_use]
    pub fn expires(
        &self,
        class: LifetimeClass,
        created: Timestamp,
        issued: Timestamp,
    ) -> Option<Timestamp> {
        let lifetimes = self.lifetimes(class)?;
        Some((issued + lifetimes.idle).min(created + lifetimes.absolute))
    }

    /// Whether a session with these claims is alive at `now`.
    ///
    /// Both the deadline in the token and the one of this policy hold, and the smaller
    /// wins: a tightened policy acts at once, a loosened one revives nothing.
    pub(crate) fn check(&self, claims: &Claims, now: Timestamp) -> Result<(), Lapse> {
        let lifetimes = self.lifetimes(claims.class).ok_or(Lapse::UnknownClass)?;
        let horizon = now + CLOCK_TOLERANCE;
        // `created` is not after `issued`: the format does not allow it.
        if claims.issued > horizon {
            return Err(Lapse::NotYetValid);
        }
        if now >= lifetimes.end_of(claims.created, claims.extensions.end) {
            return Err(Lapse::Absolute);
        }
        if now >= claims.expires || now >= claims.issued + lifetimes.idle {
            return Err(Lapse::Idle);
        }
        Ok(())
    }

    /// Whether a live session should be issued anew: a tenth of its idle timeout has
    /// passed, and a new token would live longer.
    pub(crate) fn needs_refresh(&self, claims: &Claims, now: Timestamp) -> bool {
        let Some(lifetimes) = self.lifetimes(claims.class) else {
            return false;
        };
        let threshold = lifetimes.idle.as_secs().div_ceil(REISSUE_DIVISOR);
        now.since(claims.issued).as_secs() >= threshold
            && self
                .expires_at(&claims.identity(), now)
                .is_some_and(|expires| expires > claims.expires)
    }

    /// As [`expires`](Self::expires), by the session's own end too.
    pub(crate) fn expires_at(&self, identity: &Identity, issued: Timestamp) -> Option<Timestamp> {
        let lifetimes = self.lifetimes(identity.class)?;
        let end = lifetimes.end_of(identity.created, identity.extensions.end);
        Some((issued + lifetimes.idle).min(end))
    }
}

impl From<Lifetimes> for Policy {
    fn from(first: Lifetimes) -> Self {
        Self {
            first,
            named: Vec::new(),
        }
    }
}

/// Why a session is not alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lapse {
    Idle,
    Absolute,
    NotYetValid,
    UnknownClass,
}

/// Lifetimes that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A timeout with a fraction of a second.
    #[error("timeouts are whole seconds")]
    Fraction,
    /// No idle timeout.
    #[error("the idle timeout is at least one second")]
    NoIdle,
    /// An idle timeout that the absolute one would never let happen.
    #[error("the idle timeout is longer than the absolute timeout")]
    IdleOverAbsolute,
    /// More than [`MAX_ABSOLUTE`].
    #[error("the absolute timeout is longer than 400 days, beyond which browsers keep no cookie")]
    TooLong,
    /// More classes than a token can name.
    #[error("a policy has at most four lifetime classes")]
    TooManyClasses,
    /// Two classes of one name.
    #[error("the policy already has a lifetime class named {0:?}")]
    DuplicateClass(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::{Extensions, Kind, Sid};

    const MINUTE: Duration = Duration::from_mins(1);
    const HOUR: Duration = Duration::from_hours(1);
    const SECOND: Duration = Duration::from_secs(1);
    const T0: Timestamp = Timestamp::from_unix_seconds(1_000_000);

    fn policy() -> Policy {
        Policy::new(30 * MINUTE, 2 * HOUR).unwrap()
    }

    fn claims(policy: &Policy, created: Timestamp, issued: Timestamp) -> Claims {
        Claims {
            kind: Kind::Inline,
            deflated: false,
            padded: false,
            class: LifetimeClass::DEFAULT,
            created,
            issued,
            expires: policy
                .expires(LifetimeClass::DEFAULT, created, issued)
                .unwrap(),
            sid: Sid([0; 16]),
            schema: 0,
            shape: 0,
            subject: None,
            extensions: Extensions::default(),
        }
    }

    #[test]
    fn a_session_ends_at_its_own_end_if_that_is_earlier() {
        let policy = policy();
        let mut claims = claims(&policy, T0, T0);
        let own = |claims: &mut Claims, end| claims.extensions.end = Some(end);
        own(&mut claims, T0 + 10 * MINUTE);
        assert_eq!(policy.check(&claims, T0 + 10 * MINUTE - SECOND), Ok(()));
        assert_eq!(
            policy.check(&claims, T0 + 10 * MINUTE),
            Err(Lapse::Absolute)
        );
        let expires = |claims: &Claims| policy.expires_at(&claims.identity(), T0);
        assert_eq!(expires(&claims), Some(T0 + 10 * MINUTE));
        own(&mut claims, T0 + 3 * HOUR);
        assert_eq!(expires(&claims), Some(T0 + 30 * MINUTE));
        claims.issued = T0 + 2 * HOUR - SECOND;
        claims.expires = T0 + 3 * HOUR;
        assert_eq!(policy.check(&claims, T0 + 2 * HOUR), Err(Lapse::Absolute));
    }

    #[test]
    fn a_session_lives_until_the_second_before_its_deadline() {
        let policy = policy();
        let idle = claims(&policy, T0, T0);
        assert_eq!(policy.check(&idle, T0 + 30 * MINUTE - SECOND), Ok(()));
        assert_eq!(policy.check(&idle, T0 + 30 * MINUTE), Err(Lapse::Idle));
        let old = claims(&policy, T0, T0 + 115 * MINUTE);
        assert_eq!(policy.check(&old, T0 + 2 * HOUR - SECOND), Ok(()));
        assert_eq!(policy.check(&old, T0 + 2 * HOUR), Err(Lapse::Absolute));
    }

    #[test]
    fn the_future_is_tolerated_for_two_minutes_only() {
        let policy = policy();
        let early = claims(&policy, T0 + CLOCK_TOLERANCE, T0 + CLOCK_TOLERANCE);
        assert_eq!(policy.check(&early, T0), Ok(()));
        assert_eq!(policy.check(&early, T0 - SECOND), Err(Lapse::NotYetValid));
    }

    #[test]
    fn tightening_acts_at_once_and_loosening_revives_nothing() {
        let tight = Policy::new(10 * MINUTE, HOUR).unwrap();
        let loose = Policy::new(HOUR, 24 * HOUR).unwrap();
        let token = claims(&policy(), T0, T0);
        assert_eq!(tight.check(&token, T0 + 10 * MINUTE), Err(Lapse::Idle));
        assert_eq!(loose.check(&token, T0 + 30 * MINUTE), Err(Lapse::Idle));
        let token = claims(&policy(), T0, T0 + 55 * MINUTE);
        assert_eq!(tight.check(&token, T0 + HOUR), Err(Lapse::Absolute));
    }

    #[test]
    fn issue_anew_after_a_tenth_of_the_idle_time_and_only_if_it_helps() {
        let policy = policy();
        let token = claims(&policy, T0, T0);
        assert!(!policy.needs_refresh(&token, T0 + 3 * MINUTE - SECOND));
        assert!(policy.needs_refresh(&token, T0 + 3 * MINUTE));
        let last = claims(&policy, T0, T0 + 100 * MINUTE);
        assert_eq!(last.expires(), T0 + 2 * HOUR);
        assert!(!policy.needs_refresh(&last, T0 + 110 * MINUTE));
    }

    #[test]
    fn classes_have_their_own_lifetimes_and_unknown_ones_are_dead() {
        let month = Lifetimes::new(720 * HOUR, 720 * HOUR).unwrap().persistent();
        let policy = policy().with_class("remember-me", month).unwrap();
        let class = policy.class("remember-me").unwrap();
        assert_eq!(class.index(), 1);
        let persistent = |class| policy.lifetimes(class).map(Lifetimes::is_persistent);
        assert_eq!(persistent(LifetimeClass::DEFAULT), Some(false));
        assert_eq!(persistent(class), Some(true));
        assert_eq!(policy.longest_idle(), 720 * HOUR);
        assert_eq!(policy.longest_absolute(), 720 * HOUR);
        let mut token = claims(&policy, T0, T0);
        token.class = class;
        token.expires = policy.expires(class, T0, T0).unwrap();
        assert_eq!(policy.check(&token, T0 + 100 * HOUR), Ok(()));
        token.class = LifetimeClass(2);
        assert_eq!(policy.check(&token, T0), Err(Lapse::UnknownClass));
        assert_eq!(policy.expires(LifetimeClass(2), T0, T0), None);
    }

    #[test]
    fn a_policy_that_cannot_be_is_refused() {
        let day = 24 * HOUR;
        let error = |idle, absolute| Policy::new(idle, absolute).unwrap_err();
        assert_eq!(error(Duration::ZERO, HOUR), PolicyError::NoIdle);
        assert_eq!(error(HOUR, MINUTE), PolicyError::IdleOverAbsolute);
        assert_eq!(error(HOUR, 400 * day + SECOND), PolicyError::TooLong);
        assert_eq!(
            error(Duration::from_millis(1_500), HOUR),
            PolicyError::Fraction
        );
        assert!(Policy::new(SECOND, 400 * day).is_ok());
        let hour = Lifetimes::new(HOUR, HOUR).unwrap();
        let full = ["a", "b", "c"].into_iter().fold(policy(), |policy, name| {
            policy.with_class(name, hour).unwrap()
        });
        assert_eq!(
            full.clone().with_class("a", hour),
            Err(PolicyError::DuplicateClass("a".to_owned()))
        );
        assert_eq!(full.with_class("d", hour), Err(PolicyError::TooManyClasses));
    }

    #[test]
    fn the_end_of_the_clock_is_not_passed() {
        let policy = policy();
        let last = claims(&policy, Timestamp::MAX, Timestamp::MAX);
        assert_eq!(last.expires(), Timestamp::MAX);
        assert_eq!(policy.check(&last, Timestamp::MAX), Err(Lapse::Absolute));
    }
}
