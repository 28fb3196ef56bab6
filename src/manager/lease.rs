//! References to a manager whose counts are not one line of memory for all threads.
//!
//! Each request holds a reference to its manager for as long as it lives. Where all threads
//! count those in one place, they wait for one another.

use core::ops::Deref;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::Inner;

/// How many threads have a count of their own. More threads share them.
const COUNTS: usize = 64;

/// A manager, and the counts of the requests that hold it.
///
/// Apart from its own count, which clones of the manager change.
#[repr(align(128))]
pub(crate) struct Leases<T> {
    any: Lease<T>,
    by_thread: [Lease<T>; COUNTS],
}

/// A reference to a manager.
pub(crate) struct Lease<T>(Arc<Counted<T>>);

/// Apart from all other counts, also where processors fetch two lines of 64 bytes at once.
#[repr(align(128))]
struct Counted<T>(Arc<Inner<T>>);

impl<T> Leases<T> {
    pub(super) fn new(manager: Inner<T>) -> Self {
        let manager = Arc::new(manager);
        let lease = || Lease(Arc::new(Counted(Arc::clone(&manager))));
        Self {
            any: lease(),
            by_thread: core::array::from_fn(|_| lease()),
        }
    }

    /// A reference that this thread counts.
    pub(crate) fn lease(&self) -> Lease<T> {
        self.lease_of(thread_number())
    }

    fn lease_of(&self, thread: usize) -> Lease<T> {
        let own = self.by_thread.get(thread % COUNTS);
        Lease(Arc::clone(&own.unwrap_or(&self.any).0))
    }
}

impl<T> Deref for Leases<T> {
    type Target = Inner<T>;

    fn deref(&self) -> &Inner<T> {
        &self.any
    }
}

impl<T> Deref for Lease<T> {
    type Target = Inner<T>;

    fn deref(&self) -> &Inner<T> {
        &self.0.0
    }
}

/// How many threads have asked before this one.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    std::thread_local! {
        static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    NUMBER.with(|number| *number)
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use std::{sync::Weak, thread};

    use super::*;
    use crate::{payload::values::Values, testing};

    fn count<T>(leases: &Leases<T>, thread: usize) -> usize {
        // Without the one that is made to count.
        Arc::strong_count(&leases.lease_of(thread).0) - 1
    }

    #[test]
    fn threads_count_apart_until_there_are_too_many() {
        let manager = testing::manager::<Values>();
        let leases = &*manager.0;
        let lease = leases.lease_of(7);
        assert_eq!([6, 7, 8].map(|thread| count(leases, thread)), [1, 2, 1]);
        assert!(Arc::ptr_eq(&lease.0, &leases.lease_of(7 + COUNTS).0));
        assert!(core::ptr::eq(&raw const *lease, &raw const **leases));
        let here = thread_number();
        assert_eq!(thread_number(), here);
        let there = thread::spawn(thread_number).join().unwrap();
        assert_ne!(there, here);
    }

    #[test]
    fn a_manager_is_dropped_with_its_last_request() {
        let manager = testing::manager::<Values>();
        let weak = Arc::downgrade(&manager.0.any.0.0);
        let requests: Vec<_> = (0..8)
            .map(|_| {
                thread::spawn({
                    let manager = manager.clone();
                    move || manager.session([&b""[..]], None)
                })
            })
            .map(|request| request.join().unwrap())
            .collect();
        drop(manager);
        assert!(weak.upgrade().is_some(), "its requests hold it");
        // On another thread than the one that counted.
        drop(requests);
        assert_eq!(Weak::strong_count(&weak), 0);
    }
}
