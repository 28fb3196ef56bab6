//! A client that keeps its connection and its one cookie.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Empty};
use hyper::{Request, body::Bytes, client::conn::http1, header::HeaderMap};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

pub(crate) struct Browser {
    address: SocketAddr,
    connection: Option<http1::SendRequest<Empty<Bytes>>>,
    pub(crate) cookie: Option<String>,
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    /// The cookie's new value, empty if it is removed; `None` without a `Set-Cookie`.
    fn set_cookie(&self) -> Option<&str> {
        let line = self.headers.get("set-cookie")?.to_str().unwrap();
        let value = line.strip_prefix("__Host-session=").unwrap();
        value.split(';').next()
    }
}

impl Browser {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            connection: None,
            cookie: None,
        }
    }

    /// A request with its cookie; keeps what the response sets.
    pub(crate) async fn send(&mut self, method: &str, path: &str) -> Reply {
        let cookie = self
            .cookie
            .as_ref()
            .map(|it| format!("__Host-session={it}"));
        let reply = self.send_with(method, path, cookie.as_deref()).await;
        if let Some(value) = reply.set_cookie() {
            assert!(value.len() + "__Host-session".len() <= 4096);
            self.cookie = (!value.is_empty()).then(|| value.to_owned());
        }
        reply
    }

    /// A request with that `Cookie` header.
    pub(crate) async fn send_with(
        &mut self,
        method: &str,
        path: &str,
        cookie: Option<&str>,
    ) -> Reply {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost");
        if let Some(cookie) = cookie {
            request = request.header("cookie", cookie);
        }
        let request = request.body(Empty::new()).unwrap();
        let sender = self.sender().await;
        sender.ready().await.unwrap();
        let response = sender.send_request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    async fn sender(&mut self) -> &mut http1::SendRequest<Empty<Bytes>> {
        if self.connection.is_none() {
            let stream = TcpStream::connect(self.address).await.unwrap();
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            self.connection = Some(sender);
        }
        self.connection.as_mut().unwrap()
    }
}
