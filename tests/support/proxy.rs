//! A TCP proxy that cuts connections in the middle of replies.

use core::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Forwards connections to a server.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    knife: Arc<Mutex<Knife>>,
}

/// When to cut, and how often that has been done.
#[derive(Default)]
struct Knife {
    /// Bytes of replies that still pass, on whatever connection; `None` for no limit.
    left: Option<usize>,
    cuts: u64,
}

impl Proxy {
    /// Listens on a free port of this machine.
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let knife = Arc::default();
        let shared = Arc::clone(&knife);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, server, Arc::clone(&shared)));
            }
        });
        Self { address, knife }
    }

    /// Lets so many more bytes of replies pass, then cuts the connection of the next one.
    /// Whoever connects anew is served again.
    pub(crate) fn cut_after(&self, bytes: usize) {
        self.knife.lock().unwrap().left = Some(bytes);
    }

    /// How many connections were cut.
    pub(crate) fn cuts(&self) -> u64 {
        self.knife.lock().unwrap().cuts
    }
}

impl Knife {
    /// How many of these bytes pass, and whether the connection is then cut.
    fn pass(&mut self, len: usize) -> (usize, bool) {
        match self.left {
            Some(left) if left < len => {
                self.left = None;
                self.cuts += 1;
                (left, true)
            }
            left => {
                self.left = left.map(|left| left - len);
                (len, false)
            }
        }
    }
}

async fn forward(client: TcpStream, server: SocketAddr, knife: Arc<Mutex<Knife>>) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let requests = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
    });
    let mut buffer = vec![0; 4096];
    while let Ok(len @ 1..) = from_server.read(&mut buffer).await {
        let (passed, cut) = knife.lock().unwrap().pass(len);
        if to_client.write_all(&buffer[..passed]).await.is_err() || cut {
            break;
        }
    }
    requests.abort();
}
