//! A TCP proxy that can cut a connection in the middle of a reply.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Forwards connections to a server.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    /// Bytes of replies that still pass; negative for no limit.
    budget: Arc<AtomicI64>,
}

impl Proxy {
    /// Listens on a free port of this machine.
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let budget = Arc::new(AtomicI64::new(-1));
        let rest = Arc::clone(&budget);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, server, Arc::clone(&rest)));
            }
        });
        Self { address, budget }
    }

    /// Lets so many more bytes of replies pass, then cuts the connection that is served.
    pub(crate) fn cut_after(&self, bytes: i64) {
        self.budget.store(bytes, Ordering::SeqCst);
    }
}

async fn forward(client: TcpStream, server: SocketAddr, budget: Arc<AtomicI64>) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let requests = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
    });
    let mut buffer = vec![0; 4096];
    while let Ok(len @ 1..) = from_server.read(&mut buffer).await {
        let rest = budget.load(Ordering::SeqCst);
        if rest >= 0 {
            let passed = usize::try_from(rest).unwrap().min(len);
            let _ = to_client.write_all(&buffer[..passed]).await;
            if passed < len {
                // Cut: and whoever connects anew is served again.
                budget.store(-1, Ordering::SeqCst);
                break;
            }
            budget.store(rest - i64::try_from(len).unwrap(), Ordering::SeqCst);
        } else if to_client.write_all(&buffer[..len]).await.is_err() {
            break;
        }
    }
    requests.abort();
}
