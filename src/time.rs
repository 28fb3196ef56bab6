//! Instants as the token carries them, and where they come from.
//!
//! Nothing in this crate reads the system clock except [`SystemClock`], so that every
//! deadline can be tested without waiting.

use core::{fmt, time::Duration};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use ::time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// How far clocks may disagree: an instant that lies up to this far in the future is
/// still accepted (SPEC section 5). Instants in the past get no tolerance.
pub const CLOCK_TOLERANCE: Duration = Duration::from_mins(2);

/// An instant in whole seconds since 1970-01-01T00:00:00Z, as tokens carry it
/// (SPEC section 4): 32 bits, good until 2106-02-07.
///
/// Arithmetic saturates at both ends and never wraps.
///
/// ```
/// use core::time::Duration;
/// use sealed_session::time::Timestamp;
///
/// let noon = Timestamp::parse_rfc3339("2026-11-22T12:00:00Z").unwrap();
/// assert_eq!(noon.unix_seconds(), 1_795_348_800);
/// assert_eq!((noon + Duration::from_secs(60)).to_string(), "2026-11-22T12:01:00Z");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u32);

impl Timestamp {
    /// 1970-01-01T00:00:00Z, before every token.
    pub const MIN: Self = Self(0);
    /// 2106-02-07T06:28:15Z, the last instant a token can name.
    pub const MAX: Self = Self(u32::MAX);

    /// The instant that many seconds after 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_unix_seconds(seconds: u32) -> Self {
        Self(seconds)
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn unix_seconds(self) -> u32 {
        self.0
    }

    /// Reads an RFC 3339 instant such as `2026-11-22T00:00:00Z`; `None` if it is not one,
    /// or lies outside [`MIN`](Self::MIN) and [`MAX`](Self::MAX). Fractions are cut off.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let instant = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        u32::try_from(instant.unix_timestamp()).ok().map(Self)
    }

    /// How long after `earlier` this instant lies; zero if it lies before.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(u64::from(self.0.saturating_sub(earlier.0)))
    }
}

impl core::ops::Add<Duration> for Timestamp {
    type Output = Self;

    /// Later by whole seconds, at most [`Timestamp::MAX`].
    fn add(self, later: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u32::try_from(later.as_secs()).unwrap_or(u32::MAX)),
        )
    }
}

impl core::ops::Sub<Duration> for Timestamp {
    type Output = Self;

    /// Earlier by whole seconds, at least [`Timestamp::MIN`].
    fn sub(self, earlier: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(u32::try_from(earlier.as_secs()).unwrap_or(u32::MAX)),
        )
    }
}

impl From<SystemTime> for Timestamp {
    /// Instants outside the range become its nearest end.
    fn from(instant: SystemTime) -> Self {
        let seconds = instant
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        Self(u32::try_from(seconds).unwrap_or(u32::MAX))
    }
}

impl From<Timestamp> for OffsetDateTime {
    fn from(instant: Timestamp) -> Self {
        // Every 32-bit second lies inside the calendar's range.
        Self::from_unix_timestamp(i64::from(instant.0)).unwrap_or(Self::UNIX_EPOCH)
    }
}

/// RFC 3339 in UTC.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = OffsetDateTime::from(*self)
            .format(&Rfc3339)
            .map_err(|_| fmt::Error)?;
        f.pad(&text)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where "now" comes from.
pub trait Clock: Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }
}

/// A clock that stands still until it is moved. Clones share their hands.
///
/// ```
/// use core::time::Duration;
/// use sealed_session::time::{Clock, TestClock, Timestamp};
///
/// let clock = TestClock::at(Timestamp::from_unix_seconds(1_000));
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now().unix_seconds(), 1_060);
/// ```
#[derive(Clone, Debug)]
pub struct TestClock(Arc<AtomicU32>);

impl TestClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(AtomicU32::new(now.0)))
    }

    /// Moves the hands to `now`.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::SeqCst);
    }

    /// Moves the hands forward.
    pub fn advance(&self, by: Duration) {
        self.set(self.now() + by);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(Timestamp::MAX + Duration::from_secs(1), Timestamp::MAX);
        assert_eq!(Timestamp::MIN + Duration::MAX, Timestamp::MAX);
        assert_eq!(Timestamp::MIN - Duration::from_secs(1), Timestamp::MIN);
        assert_eq!(Timestamp::MIN.since(Timestamp::MAX), Duration::ZERO);
    }

    #[test]
    fn text_round_trips_at_the_ends_of_the_range() {
        for instant in [Timestamp::MIN, Timestamp::MAX] {
            assert_eq!(
                Timestamp::parse_rfc3339(&instant.to_string()),
                Some(instant)
            );
        }
        assert_eq!(Timestamp::parse_rfc3339("2106-02-07T06:28:16Z"), None);
        assert_eq!(Timestamp::parse_rfc3339("1969-12-31T23:59:59Z"), None);
        assert_eq!(Timestamp::parse_rfc3339("2026-11-22"), None);
    }

    #[test]
    fn a_system_clock_outside_the_range_saturates() {
        assert_eq!(
            Timestamp::from(UNIX_EPOCH - Duration::from_secs(5)),
            Timestamp::MIN
        );
        assert_eq!(
            Timestamp::from(UNIX_EPOCH + Duration::from_secs(1 << 33)),
            Timestamp::MAX
        );
    }
}
