//! A wire that loses an answer: it passes everything on between clients and a server, but
//! when a chosen text comes from the server, the connection breaks instead.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread::spawn,
};

pub(crate) struct Proxy {
    port: u16,
    cut_at: Arc<Mutex<Option<Vec<u8>>>>,
}

impl Proxy {
    pub(crate) fn to(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut_at = Arc::new(Mutex::new(None));
        let shared = Arc::clone(&cut_at);
        spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).unwrap();
                let ends = (client.try_clone().unwrap(), server.try_clone().unwrap());
                spawn(move || pass(&ends.0, &ends.1, &Mutex::new(None)));
                let cut_at = Arc::clone(&shared);
                spawn(move || pass(&server, &client, &cut_at));
            }
        });
        Self { port, cut_at }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Loses the next answer that contains `text`, and only that one.
    pub(crate) fn lose(&self, text: &[u8]) {
        *self.cut_at.lock().unwrap() = Some(text.to_owned());
    }

    /// Whether that answer has been lost.
    pub(crate) fn has_lost(&self) -> bool {
        self.cut_at.lock().unwrap().is_none()
    }
}

fn pass(mut from: &TcpStream, mut to: &TcpStream, cut_at: &Mutex<Option<Vec<u8>>>) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(len @ 1..) = from.read(&mut buffer) {
        let bytes = &buffer[..len];
        let mut cut_at = cut_at.lock().unwrap();
        let cut = cut_at
            .as_ref()
            .is_some_and(|text| bytes.windows(text.len()).any(|window| window == text));
        if cut {
            *cut_at = None;
            break;
        }
        drop(cut_at);
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
