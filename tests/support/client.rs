//! A client that keeps its cookie as a browser does, and requests as a framework would
//! make them, without one.

use core::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use sealed_session::{
    SessionManager,
    manager::{ResponseHeaders, SessionError},
    payload::SessionData,
    session::Session,
};

/// Runs a future that never waits for anything outside this thread.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// What kind of request it is.
#[derive(Clone, Copy)]
pub(crate) enum Dest {
    /// A page that the user goes to.
    Document,
    /// A call by a script.
    Empty,
}

/// The headers of a response that the client has received.
#[derive(Debug)]
pub(crate) struct Reply(ResponseHeaders);

impl core::ops::Deref for Reply {
    type Target = ResponseHeaders;

    fn deref(&self) -> &ResponseHeaders {
        &self.0
    }
}

/// One user's browser, as far as one cookie goes.
#[derive(Clone, Default)]
pub(crate) struct Client {
    pub(crate) cookie: Option<String>,
}

impl Client {
    /// Begins a request.
    pub(crate) fn send<T>(&self, manager: &SessionManager<T>, dest: Dest) -> Session<T>
    where
        T: SessionData + Default + Send + Sync + 'static,
    {
        let header = self
            .cookie
            .as_ref()
            .map(|value| format!("{}={value}", manager.cookie().name()));
        let dest: &[u8] = match dest {
            Dest::Document => b"document",
            Dest::Empty => b"empty",
        };
        manager.session(header.iter().map(String::as_bytes), Some(dest))
    }

    /// Receives the response to a request.
    pub(crate) fn receive(&mut self, headers: &ResponseHeaders) {
        assert!(headers.set_cookie.len() <= 1, "{:?}", headers.set_cookie);
        for line in &headers.set_cookie {
            let (pair, attributes) = line.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            // A browser keeps no more, and goes on with the old cookie.
            assert!(name.len() + value.len() <= 4096);
            let removed = attributes.contains("Max-Age=0");
            self.cookie = (!removed).then(|| value.to_owned());
        }
    }

    /// A whole request that is answered with 200.
    pub(crate) fn visit<T, R>(
        &mut self,
        manager: &SessionManager<T>,
        handler: impl AsyncFnOnce(&Session<T>) -> Result<R, SessionError>,
    ) -> Result<(R, Reply), SessionError>
    where
        T: SessionData + Default + Send + Sync + 'static,
    {
        self.visit_as(manager, Dest::Document, 200, handler)
    }

    /// A whole request, of that kind, that is answered with that status.
    pub(crate) fn visit_as<T, R>(
        &mut self,
        manager: &SessionManager<T>,
        dest: Dest,
        status: u16,
        handler: impl AsyncFnOnce(&Session<T>) -> Result<R, SessionError>,
    ) -> Result<(R, Reply), SessionError>
    where
        T: SessionData + Default + Send + Sync + 'static,
    {
        let session = self.send(manager, dest);
        let result = block_on(handler(&session))?;
        let headers = block_on(manager.finish(session, status))?;
        self.receive(&headers);
        Ok((result, Reply(headers)))
    }
}
