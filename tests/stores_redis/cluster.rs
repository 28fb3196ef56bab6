//! A cluster whose primaries fail one after the other.

use std::time::Instant;

use sealed_session::store::{RowKey, Updated};

use crate::{
    calls::*,
    redis_server::{RedisCluster, RedisServer},
};

#[test]
fn a_cluster_survives_a_dead_and_a_silent_primary() {
    let Some(mut cluster) = RedisCluster::start() else {
        return;
    };
    run(async {
        let store = connect(&cluster.url()).await;
        // One row for each of the first three nodes.
        let keys: Vec<RowKey> = (0..3)
            .map(|node| {
                let mut keys = (0..=255).map(|n| RowKey([n; 32]));
                keys.find(|key| cluster.primary_of(&row_name(key), 0) == node)
                    .unwrap()
            })
            .collect();
        for key in &keys {
            create(&store, key, b"x").await.unwrap();
        }

        let silent = 0;
        cluster.nodes[silent].pause();
        let start = Instant::now();
        assert_unreachable(load(&store, &keys[silent])).await;
        assert!(load(&store, &keys[1]).await.unwrap().is_some());
        let (_, row) = recovery(&store, &keys[silent]).await;
        assert_eq!(row.unwrap().bytes, b"x");
        println!("a silent primary: loads again after {:?}", start.elapsed());
        let updated = update(&store, &keys[silent], b"y").await;
        assert_eq!(updated.unwrap(), Updated::Updated);
        cluster.nodes[silent].resume();

        let dead = 1;
        cluster.nodes[dead].kill();
        let start = Instant::now();
        let (_, row) = recovery(&store, &keys[dead]).await;
        assert_eq!(row.unwrap().bytes, b"x");
        println!("a dead primary: loads again after {:?}", start.elapsed());
        let updated = update(&store, &keys[dead], b"y").await;
        assert_eq!(updated.unwrap(), Updated::Updated);
        cluster.nodes[dead].restart();

        for key in &keys {
            let (_, row) = recovery(&store, key).await;
            assert!(row.is_some());
        }

        cluster.nodes.iter_mut().for_each(RedisServer::kill);
        assert_unreachable(load(&store, &keys[0])).await;
        cluster.nodes.iter_mut().for_each(RedisServer::restart);
        let start = Instant::now();
        let (_, row) = recovery(&store, &keys[0]).await;
        assert_eq!(row, None, "it was in memory only");
        println!("all nodes: loads again after {:?}", start.elapsed());
    });
}
