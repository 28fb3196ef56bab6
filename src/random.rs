//! Where random bytes come from.

/// A source of random bytes that an attacker cannot predict.
///
/// Production code uses [`OsRandom`]; tests and vectors inject a known sequence.
pub trait Random: Send + Sync + 'static {
    /// Fills `bytes`.
    ///
    /// # Errors
    /// [`RandomError`] when the source cannot deliver. There is no fallback: nothing is
    /// sealed without fresh randomness (ASVS 11.5.2).
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError>;
}

/// The operating system's generator, asked for every value. Nothing is pooled in user
/// space, so a forked or cloned process cannot repeat a nonce.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        getrandom::fill(bytes).map_err(|_| RandomError)
    }
}

impl<R: Random + ?Sized> Random for std::sync::Arc<R> {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        (**self).fill(bytes)
    }
}

/// The random number generator did not deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the random number generator did not deliver")]
pub struct RandomError;

/// `N` fresh bytes.
pub(crate) fn array<const N: usize>(random: &dyn Random) -> Result<[u8; N], RandomError> {
    let mut bytes = [0; N];
    random.fill(&mut bytes)?;
    Ok(bytes)
}
