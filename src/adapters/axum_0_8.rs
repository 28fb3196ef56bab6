//! axum 0.8: [`Session<T>`](Session) as an extractor, and [`SessionError`] as a response.
//! The layer is tower's, [`SessionLayer`](super::tower_0_3::SessionLayer).
//!
//! ```
//! use axum::{Router, routing::{get, post}};
//! use sealed_session::{Session, SessionData, SessionManager};
//! use sealed_session::{adapters::tower_0_3::SessionLayer, manager::SessionError};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, Default, SessionData)]
//! struct Shop { cart: Vec<String> }
//!
//! async fn cart(session: Session<Shop>) -> Result<String, SessionError> {
//!     session.read(|shop| shop.cart.join("\n")).await
//! }
//!
//! async fn add(session: Session<Shop>, item: String) -> Result<(), SessionError> {
//!     session.change(|shop| shop.cart.push(item)).await
//! }
//!
//! fn app(manager: SessionManager<Shop>) -> Router {
//!     Router::new()
//!         .route("/cart", get(cart).post(add))
//!         .layer(SessionLayer::new(manager))
//! }
//! ```
//!
//! `Router::layer` puts every route into a box of its own, whatever the layer does. Around
//! the whole router the layer costs less, and routes cannot be added to it any more:
//!
//! ```
//! use axum::{Router, ServiceExt, extract::Request, routing::IntoMakeService};
//! use sealed_session::{SessionManager, Values, adapters::tower_0_3::{SessionLayer, SessionService}};
//! use tower_layer::Layer;
//!
//! fn service(
//!     app: Router,
//!     manager: SessionManager<Values>,
//! ) -> IntoMakeService<SessionService<Router, Values, sealed_session::adapters::tower_0_3::StatusOnly>> {
//!     let app = SessionLayer::new(manager).layer(app);
//!     ServiceExt::<Request>::into_make_service(app) // for axum::serve
//! }
//! ```
//!
//! * `Session<T>` is the request's session, read when it is first used. It fails only
//!   where the route has no layer for `T`.
//! * `Option<Session<T>>` is the session if the client has a valid one. It fails where that
//!   cannot be known.
//! * To shape what is answered, take `Result<Session<T>, SessionRejection>`, or say it once
//!   for all routes with [`on_error`](super::tower_0_3::SessionLayer::on_error): that is
//!   also asked where a handler returns a [`SessionError`].

use axum_core::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};

use crate::{
    manager::{Presented, SessionError},
    payload::SessionData,
    session::Session,
};

impl<T, S> FromRequestParts<S> for Session<T>
where
    T: SessionData + Default + Send + Sync + 'static,
    S: Sync,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, SessionRejection> {
        let session = parts.extensions.get::<Self>();
        session.cloned().ok_or(SessionRejection::MissingLayer)
    }
}

impl<T, S> OptionalFromRequestParts<S> for Session<T>
where
    T: SessionData + Default + Send + Sync + 'static,
    S: Sync,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &S,
    ) -> Result<Option<Self>, SessionRejection> {
        let session = <Self as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        let valid = session.presented().await? == Presented::Valid;
        Ok(valid.then_some(session))
    }
}

/// Why a request has no session to extract.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionRejection {
    /// The route has no [`SessionLayer`](super::tower_0_3::SessionLayer) for this type of
    /// session.
    #[error("this route has no session layer for this type of session")]
    MissingLayer,
    /// The session cannot be read.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// The status that fits, and a line that tells the client no more.
impl IntoResponse for SessionRejection {
    fn into_response(self) -> Response {
        match self {
            Self::MissingLayer => {
                (StatusCode::INTERNAL_SERVER_ERROR, self.to_string()).into_response()
            }
            Self::Session(error) => error.into_response(),
        }
    }
}

/// As for [`SessionRejection`]; the layer's
/// [`on_error`](super::tower_0_3::SessionLayer::on_error) finds the error in the response's
/// extensions.
impl IntoResponse for SessionError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, self.client_message()).into_response();
        response.extensions_mut().insert(self);
        response
    }
}
