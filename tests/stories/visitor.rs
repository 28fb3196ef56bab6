//! A client over real HTTP with the cookies of a browser.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Empty};
use hyper::{Method, Request, body::Bytes, client::conn::http1, header::HeaderMap};
use hyper_util::rt::TokioIo;
use sealed_session::testing::{Browser, Site};
use sealed_session::time::TestClock;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Runtime,
};

/// One browser, or one tab of it: clones have the cookies of the moment.
#[derive(Clone)]
pub struct Visitor {
    pub browser: Browser,
    address: SocketAddr,
}

/// A response, all of it.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Reply {
    pub fn values(&self, name: &str) -> Vec<&str> {
        let values = self.headers.get_all(name).iter();
        values.map(|value| value.to_str().unwrap()).collect()
    }

    /// The lines of `Set-Cookie`.
    pub fn cookies(&self) -> Vec<&str> {
        self.values("set-cookie")
    }

    /// Everything it says to clients and caches about sessions.
    pub fn says_nothing(&self) -> bool {
        ["set-cookie", "vary", "cache-control", "x-session"]
            .iter()
            .all(|name| self.values(name).is_empty())
    }
}

impl Visitor {
    pub fn new(address: SocketAddr, clock: &TestClock) -> Self {
        Self {
            browser: Browser::with_clock(clock.clone()),
            address,
        }
    }

    pub fn get(&mut self, path: &str) -> Reply {
        self.send("GET", path, &[])
    }

    pub fn post(&mut self, path: &str) -> Reply {
        self.send("POST", path, &[])
    }

    /// A request that must be answered.
    pub fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
        let reply = self.try_send(method, path, headers);
        reply.expect("a response")
    }

    /// A request, and its response unless the server hung up.
    pub fn try_send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Option<Reply> {
        let request = self.request(method, path, headers);
        let reply = runtime().block_on(exchange(self.address, request))?;
        self.receive(path, &reply);
        Some(reply)
    }

    /// Asks for an upgrade, and gives the response, and what comes back for a frame of
    /// text that says `hi`.
    pub fn upgrade(&mut self, path: &str) -> (Reply, Vec<u8>) {
        let headers = [
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let request = self.request("GET", path, &headers);
        let (reply, echo) = runtime().block_on(upgrade(self.address, request));
        self.receive(path, &reply);
        (reply, echo)
    }

    pub fn cookie(&self) -> Option<String> {
        self.browser.value("__Host-session").map(str::to_owned)
    }

    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Request<Empty<Bytes>> {
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(path)
            .header("host", self.address.to_string());
        let given = |name| headers.iter().any(|(it, _)| *it == name);
        if let Some(cookies) = self.browser.cookie_header(&self.url(path), Site::Same)
            && !given("cookie")
        {
            request = request.header("cookie", cookies);
        }
        if !given("sec-fetch-dest") {
            request = request.header("sec-fetch-dest", "document");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Empty::new()).unwrap()
    }

    /// Keeps the cookies of a response. Every one must be such that a browser keeps it.
    fn receive(&mut self, path: &str, reply: &Reply) {
        let url = self.url(path);
        for line in reply.cookies() {
            assert!(self.browser.receive(&url, line), "not kept: {line}");
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn runtime() -> Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap()
}

async fn exchange(address: SocketAddr, request: Request<Empty<Bytes>>) -> Option<Reply> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await.ok()?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    connection.abort();
    Some(Reply {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    })
}

async fn upgrade(address: SocketAddr, request: Request<Empty<Bytes>>) -> (Reply, Vec<u8>) {
    // Masked with zeros, so that it reads the same when it is sent back as it is.
    const FRAME: [u8; 8] = [0x81, 0x82, 0, 0, 0, 0, b'h', b'i'];
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection.with_upgrades());
    let response = sender.send_request(request).await.unwrap();
    let reply = Reply {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: String::new(),
    };
    let upgraded = hyper::upgrade::on(response).await.unwrap();
    let mut stream = TokioIo::new(upgraded);
    stream.write_all(&FRAME).await.unwrap();
    let mut echo = Vec::new();
    while !echo.ends_with(b"hi") {
        if stream.read_buf(&mut echo).await.unwrap() == 0 {
            break;
        }
    }
    (reply, echo)
}
