//! One server that is full, silent, dead, or loses a reply.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use sealed_session::store::{
    Created, RevocationId, Revoked, RowKey, SessionStore, StoreErrorKind, Updated,
    redis::RedisStore,
};

use tokio::time::timeout;

use crate::{calls::*, redis_server::RedisServer};

#[test]
fn a_full_server_says_so_and_can_still_end_sessions() {
    let memory = [
        "--save",
        "",
        "--maxmemory",
        "8mb",
        "--maxmemory-policy",
        "noeviction",
    ];
    let Some(server) = RedisServer::with(&memory) else {
        return;
    };
    run(async {
        let store = connect(&server.url()).await;
        let bytes = vec![1; 1 << 20];
        let key = |n| RowKey([n; 32]);
        let mut rows = 0;
        let error = loop {
            match create(&store, &key(rows), &bytes).await {
                Ok(_) => rows += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), StoreErrorKind::Full, "{error:?}");
        let error = update(&store, &key(0), &bytes).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Full, "{error:?}");
        assert_eq!(load(&store, &key(0)).await.unwrap().unwrap().state, FIRST);
        assert_eq!(load(&store, &key(rows)).await.unwrap(), None);

        // Over the limit even when nothing is in flight.
        server.cli(&["config", "set", "maxmemory", "1mb"]);
        let revoked = Revoked {
            id: RevocationId([1; 32]),
            not_before: now(),
            expires: now() + HOUR,
        };
        let error = store.revoke(revoked, now()).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Full, "{error:?}");
        store
            .expire_at(&key(0), now() + HOUR * 2, now())
            .await
            .unwrap();
        let row = load(&store, &key(0)).await.unwrap().unwrap();
        assert!(row.expires > now() + HOUR);
        store.expire_at(&key(0), now(), now()).await.unwrap();
        store.delete(&key(1)).await.unwrap();
        assert_eq!(load(&store, &key(0)).await.unwrap(), None);
        server.cli(&["config", "set", "maxmemory", "8mb"]);
        assert_eq!(
            create(&store, &key(rows), &bytes).await.unwrap(),
            Created::Created
        );
    });
}

#[test]
fn a_server_that_waits_for_replicas_is_unreachable_for_writes() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    run(async {
        let store = connect(&server.url()).await;
        create(&store, &KEY, b"x").await.unwrap();
        server.cli(&["config", "set", "min-replicas-to-write", "1"]);
        assert_unreachable(update(&store, &KEY, b"y")).await;
        assert!(load(&store, &KEY).await.unwrap().is_some());
        server.cli(&["config", "set", "min-replicas-to-write", "0"]);
        let updated = update(&store, &KEY, b"y").await;
        assert_eq!(updated.unwrap(), Updated::Updated);
    });
}

#[test]
fn a_paused_server_is_unreachable_in_time_and_then_back() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    run(async {
        let store = connect(&server.url()).await;
        create(&store, &KEY, b"x").await.unwrap();
        server.pause();
        assert_unreachable(load(&store, &KEY)).await;
        assert_unreachable(load(&store, &KEY)).await;
        assert_unreachable(update(&store, &KEY, b"y")).await;
        let error = RedisStore::connect(&server.url(), impatient())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unreachable);
        server.resume();
        let (took, row) = recovery(&store, &KEY).await;
        assert!(row.is_some() && took < PATIENCE * 2 + SLACK, "{took:?}");
    });
}

#[test]
fn a_late_reply_is_not_taken_for_that_to_the_next_call() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    run(async {
        let store = connect(&server.url()).await;
        let other = RowKey([8; 32]);
        create(&store, &KEY, b"late").await.unwrap();
        create(&store, &other, b"next").await.unwrap();

        // Nobody waits any more, and the connection stays.
        server.pause();
        timeout(PATIENCE / 4, load(&store, &KEY)).await.unwrap_err();
        server.resume();
        assert_eq!(load(&store, &other).await.unwrap().unwrap().bytes, b"next");

        // The time is up, and the connection is given up.
        server.pause();
        assert_unreachable(load(&store, &KEY)).await;
        server.resume();
        assert_eq!(load(&store, &other).await.unwrap().unwrap().bytes, b"next");
        assert_eq!(load(&store, &KEY).await.unwrap().unwrap().bytes, b"late");
    });
}

#[test]
fn those_who_wait_for_another_to_connect_are_answered_in_time() {
    let Some(mut server) = RedisServer::start() else {
        return;
    };
    run(async {
        let store = Arc::new(connect(&server.url()).await);
        server.kill();
        // It lets everybody in, and says nothing.
        let silent = TcpListener::bind(("127.0.0.1", server.port)).unwrap();
        for _ in 0..2 {
            let calls: Vec<_> = (0..8)
                .map(|n| {
                    let store = Arc::clone(&store);
                    tokio::spawn(async move {
                        assert_unreachable(load(&store, &RowKey([n; 32]))).await;
                    })
                })
                .collect();
            for call in calls {
                call.await.unwrap();
            }
        }
        drop(silent);
        server.restart();
        let (_, row) = recovery(&store, &KEY).await;
        assert_eq!(row, None);
    });
}

#[test]
fn a_killed_server_comes_back_with_its_rows() {
    let Some(mut server) = RedisServer::durable() else {
        return;
    };
    run(async {
        let store = connect(&server.url()).await;
        create(&store, &KEY, b"x").await.unwrap();
        server.kill();
        assert_unreachable(load(&store, &KEY)).await;
        server.restart();
        let (_, row) = recovery(&store, &KEY).await;
        assert_eq!(row.unwrap().bytes, b"x");

        // Not even one error, when nothing was sent in between.
        server.kill();
        server.restart();
        assert_eq!(update(&store, &KEY, b"y").await.unwrap(), Updated::Updated);
    });
}

#[test]
fn a_write_whose_reply_was_lost_does_not_lose_against_itself() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    let (port, keep) = proxy(server.port);
    run(async {
        let url = format!("redis://127.0.0.1:{port}");
        let (store, direct) = (connect(&url).await, connect(&server.url()).await);
        // The server knows the scripts, so the lost reply is that of the write.
        create(&direct, &RowKey([1; 32]), b"x").await.unwrap();
        update(&direct, &RowKey([1; 32]), b"x").await.unwrap();

        keep.store(0, Ordering::SeqCst);
        assert_eq!(create(&store, &KEY, b"x").await.unwrap(), Created::Created);
        assert_eq!(keep.swap(0, Ordering::SeqCst), ALL, "no reply was lost");
        assert_eq!(update(&store, &KEY, b"y").await.unwrap(), Updated::Updated);
        assert_eq!(keep.load(Ordering::SeqCst), ALL, "no reply was lost");
        let row = load(&direct, &KEY).await.unwrap().unwrap();
        assert_eq!((row.state.version, row.bytes), (2, b"y".to_vec()));

        // The same change by somebody else is no repetition.
        assert_eq!(update(&store, &KEY, b"y").await.unwrap(), Updated::Conflict);
        assert_eq!(create(&store, &KEY, b"y").await.unwrap(), Created::Exists);
    });
}

#[test]
fn a_reply_that_ends_in_the_middle_is_a_lost_connection() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    let (port, keep) = proxy(server.port);
    run(async {
        let url = format!("redis://127.0.0.1:{port}");
        let store = connect(&url).await;
        let bytes = [7; 1000];
        create(&store, &KEY, &bytes).await.unwrap();
        for length in [1, 3, 5, 100, 1000] {
            keep.store(length, Ordering::SeqCst);
            let row = load(&store, &KEY).await.unwrap().unwrap();
            assert_eq!(row.bytes, bytes);
            assert_eq!(keep.load(Ordering::SeqCst), ALL, "no reply was cut");
        }
        // That of a greeting, too.
        keep.store(3, Ordering::SeqCst);
        assert_unreachable(RedisStore::connect(&url, impatient())).await;
        assert_eq!(keep.load(Ordering::SeqCst), ALL, "no reply was cut");
    });
}

/// As many bytes of a reply as there are.
const ALL: usize = usize::MAX;

/// Passes bytes on to `server`. When the number is set, it passes so many bytes of the
/// next reply, drops the connection, and sets the number to [`ALL`].
fn proxy(server: u16) -> (u16, Arc<AtomicUsize>) {
    let keep = Arc::new(AtomicUsize::new(ALL));
    let kept = Arc::clone(&keep);
    let port = relay(server, move |_| Some(kept.swap(ALL, Ordering::SeqCst)));
    (port, keep)
}

/// Passes bytes on to `server`. `passes` is told the connection's number, from 0, and says
/// how many bytes of a reply pass, after which the connection is dropped if there are more;
/// with `None` all of the reply is lost, and the connection stays.
fn relay(server: u16, passes: impl Fn(usize) -> Option<usize> + Send + Sync + 'static) -> u16 {
    let passes = Arc::new(passes);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for (number, client) in listener.incoming().enumerate() {
            let mut client = client.unwrap();
            let mut upstream = TcpStream::connect(("127.0.0.1", server)).unwrap();
            let (mut from, mut to) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut from, &mut to));
            let passes = Arc::clone(&passes);
            thread::spawn(move || {
                let mut reply = [0; 4096];
                while let Ok(length @ 1..) = upstream.read(&mut reply) {
                    let Some(most) = passes(number) else {
                        continue;
                    };
                    client.write_all(&reply[..most.min(length)]).unwrap();
                    if most < length {
                        break;
                    }
                }
                let _ = client.shutdown(Shutdown::Both);
                let _ = upstream.shutdown(Shutdown::Both);
            });
        }
    });
    port
}

#[test]
fn a_silent_connection_is_given_up_though_no_caller_waits_for_its_time_to_be_up() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    // The first connection falls silent; later ones do not.
    let is_silent = Arc::new(AtomicBool::new(false));
    let connections = Arc::new(AtomicUsize::new(0));
    let port = {
        let (is_silent, connections) = (Arc::clone(&is_silent), Arc::clone(&connections));
        relay(server.port, move |number| {
            connections.fetch_max(number + 1, Ordering::SeqCst);
            (number > 0 || !is_silent.load(Ordering::SeqCst)).then_some(ALL)
        })
    };
    run(async {
        let store = connect(&format!("redis://127.0.0.1:{port}")).await;
        create(&store, &KEY, b"x").await.unwrap();
        is_silent.store(true, Ordering::SeqCst);
        let mut last = None;
        for _ in 0..6 {
            // A request's own limit, half of the store's.
            last = timeout(PATIENCE / 2, load(&store, &KEY)).await.ok();
        }
        assert!(last.unwrap().unwrap().is_some());
        assert_eq!(connections.load(Ordering::SeqCst), 2);
    });
}
