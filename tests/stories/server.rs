//! A server in a thread of its own.

use std::{
    net::SocketAddr,
    sync::mpsc,
    thread::{self, JoinHandle},
};

use tokio::sync::oneshot;

/// Resolves when the server is to stop.
pub type Stop = oneshot::Receiver<()>;

/// Runs until it is dropped.
pub struct Server {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// `run` serves until `Stop` resolves, and says where once it listens, which is on a
    /// free port of 127.0.0.1.
    pub fn start(run: impl FnOnce(mpsc::Sender<SocketAddr>, Stop) + Send + 'static) -> Self {
        let (listening, address) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || run(listening, stopped));
        Self {
            address: address.recv().expect("the server to listen"),
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// As [`start`](Self::start), with a listener and a runtime of tokio's.
    pub fn with_tokio<F, R>(serve: F) -> Self
    where
        F: FnOnce(tokio::net::TcpListener, Stop) -> R + Send + 'static,
        R: Future<Output = ()>,
    {
        Self::start(|listening, stop| {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                listening.send(listener.local_addr().unwrap()).unwrap();
                serve(listener, stop).await;
            });
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let stopped = thread.join();
            assert!(
                stopped.is_ok() || thread::panicking(),
                "the server panicked"
            );
        }
    }
}
