//! Any [`tower_service`] over `http` 1: axum, tonic, warp, hyper through `hyper-util`.
//!
//! ```
//! use http::{Request, Response};
//! use sealed_session::{Session, SessionManager, Values, adapters::tower_0_3::SessionLayer};
//! use tower_layer::Layer;
//!
//! async fn handler<B>(request: Request<B>) -> Result<Response<String>, std::convert::Infallible> {
//!     let session = request.extensions().get::<Session<Values>>().cloned().unwrap();
//!     // … session.read(…).await, session.change(…).await …
//! #   let _ = session;
//!     Ok(Response::new("hello".to_owned()))
//! }
//!
//! # fn layer(manager: SessionManager<Values>) {
//! # struct ServiceFn<F>(F);
//! # impl<F, R, Q> tower_service::Service<Q> for ServiceFn<F> where F: FnMut(Q) -> R, R: Future<Output = Result<Response<String>, std::convert::Infallible>> {
//! #     type Response = Response<String>; type Error = std::convert::Infallible; type Future = R;
//! #     fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> { Ok(()).into() }
//! #     fn call(&mut self, q: Q) -> R { (self.0)(q) }
//! # }
//! # fn service_fn<F>(f: F) -> ServiceFn<F> { ServiceFn(f) }
//! let service = SessionLayer::new(manager).layer(service_fn(handler::<String>));
//! # fn check<S: tower_service::Service<Request<String>>>(_: S) {}
//! # check(service);
//! # }
//! ```
//!
//! # Rules
//! 1. The request's extensions hold a [`Session<T>`](crate::Session), one for each layer's
//!    `T`. Put the layer inside of whatever answers without a handler, and outside of what
//!    uses the session.
//! 2. The session is saved when the response's head is ready. A service that fails, panics
//!    or is dropped saves nothing.
//! 3. A session that cannot be saved replaces the response; so does a
//!    [`SessionError`](crate::manager::SessionError) in the response's extensions, where the
//!    application has said how with [`on_error`](SessionLayer::on_error).
//!
//! A proxy that caches must honour `Vary` and `Cache-Control`; see
//! [`ResponseHeaders::apply`](crate::manager::ResponseHeaders::apply).

mod layer;
mod response;
mod service;

pub use layer::{OnError, SessionLayer, StatusOnly};
pub use response::ResponseFuture;
pub use service::SessionService;
