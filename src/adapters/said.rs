//! What the sessions of one response have handed out.

use crate::manager::ResponseHeaders;

/// Tokens that sessions have handed out with a response, and ends of tokens: they must reach
/// the client, whatever becomes of another session and of the response.
#[derive(Clone, Default)]
pub(super) struct Said(Vec<ResponseHeaders>);

impl Said {
    pub(super) fn add(&mut self, headers: ResponseHeaders) {
        if headers.hands_out() {
            self.0.push(headers);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn each(&self) -> impl Iterator<Item = &ResponseHeaders> {
        self.0.iter()
    }
}
