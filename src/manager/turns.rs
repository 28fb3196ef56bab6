//! One request does what many need, and the others wait for its outcome.

use core::{
    future::poll_fn,
    task::{Poll, Waker},
};
use std::sync::Mutex;

use super::lock;
use crate::store::StoreError;

/// How a turn ended.
pub(super) type Outcome = Result<(), StoreError>;

/// A turn that one request has at a time.
///
/// As with any lock across an await, who has it and is not polled holds up those that wait.
// Wakers of its own: the library has no runtime, and `event-listener` is three crates.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    taken: bool,
    /// How many turns have ended.
    ended: u64,
    /// Of the last one; `None` where its request was cancelled.
    outcome: Option<Outcome>,
    /// Each is woken when the turn ends, however it ends.
    waiting: Vec<Waker>,
}

/// What a request gets that waits.
pub(super) enum Next<'a> {
    Turn(Turn<'a>),
    /// Another request's turn has ended.
    Outcome(Outcome),
}

impl Turns {
    /// The turn, unless another request has it.
    pub(super) fn take(&self) -> Option<Turn<'_>> {
        self.take_in(&mut lock(&self.0))
    }

    /// The turn, or the outcome of the one that another request has. Where that request is
    /// cancelled, one of those that wait takes its turn.
    pub(super) async fn next(&self) -> Next<'_> {
        let first = lock(&self.0).ended;
        // When this request was last put among those that wait, and how to wake it.
        let mut queued: Option<(u64, Waker)> = None;
        poll_fn(|context| {
            let mut state = lock(&self.0);
            if state.ended != first
                && let Some(outcome) = &state.outcome
            {
                return Poll::Ready(Next::Outcome(outcome.clone()));
            }
            if let Some(turn) = self.take_in(&mut state) {
                return Poll::Ready(Next::Turn(turn));
            }
            let waker = context.waker();
            let waits =
                |(ended, queued): &(u64, Waker)| *ended == state.ended && queued.will_wake(waker);
            if !queued.as_ref().is_some_and(waits) {
                state.waiting.push(waker.clone());
                queued = Some((state.ended, waker.clone()));
            }
            Poll::Pending
        })
        .await
    }

    fn take_in(&self, state: &mut State) -> Option<Turn<'_>> {
        let free = !core::mem::replace(&mut state.taken, true);
        // Not `then_some`: a turn that is made ends, also one that was not free.
        free.then(|| Turn {
            turns: self,
            outcome: None,
        })
    }
}

/// The right to do it. It ends also where the request is cancelled.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    outcome: Option<Outcome>,
}

impl Turn<'_> {
    /// Ends the turn, with an outcome for those that wait.
    pub(super) fn end(mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.turns.0);
        state.taken = false;
        state.ended = state.ended.wrapping_add(1);
        state.outcome = self.outcome.take();
        let waiting = core::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use core::{pin::pin, task::Context};
    use std::{sync::Arc, task::Wake};

    use super::*;

    struct Task;

    impl Wake for Task {
        fn wake(self: Arc<Self>) {}
    }

    #[test]
    fn one_takes_the_turn_until_it_ends() {
        let turns = Turns::default();
        let first = turns.take();
        assert!(first.is_some());
        assert!(turns.take().is_none());
        assert!(turns.take().is_none(), "losing ends nothing");
        drop(first);
        assert!(turns.take().is_some());
    }

    #[test]
    fn a_waiting_request_queues_once_however_often_polled() {
        let turns = Turns::default();
        let mut turn = turns.take();
        let mut next = pin!(turns.next());
        let waker = Arc::new(Task).into();
        let mut context = Context::from_waker(&waker);
        for _ in 0..2 {
            for _ in 0..3 {
                assert!(next.as_mut().poll(&mut context).is_pending());
                assert_eq!(lock(&turns.0).waiting.len(), 1);
            }
            // Another takes over what was cancelled.
            drop(turn);
            turn = turns.take();
            assert!(lock(&turns.0).waiting.is_empty());
        }
        turn.unwrap().end(Ok(()));
        let outcome = next.as_mut().poll(&mut context);
        assert!(matches!(outcome, Poll::Ready(Next::Outcome(Ok(())))));
    }
}
