//! Redis servers and clusters of Debian's `redis-server`, each in a folder of its own, gone
//! with the value that stands for it.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a helper of tests"
)]

use std::{
    collections::HashSet,
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// One server on a port of 127.0.0.1.
#[derive(Debug)]
pub(crate) struct RedisServer {
    process: Child,
    arguments: Vec<String>,
    folder: TempDir,
    pub(crate) port: u16,
}

impl RedisServer {
    /// Without persistence; `None` where there is no redis-server.
    pub(crate) fn start() -> Option<Self> {
        Self::with(&["--save", "", "--appendonly", "no"])
    }

    /// With every write on disk before it is confirmed.
    pub(crate) fn durable() -> Option<Self> {
        Self::with(&[
            "--save",
            "",
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
        ])
    }

    /// With these arguments besides port and folder.
    pub(crate) fn with(arguments: &[&str]) -> Option<Self> {
        available().then(|| {
            let folder = TempDir::new().unwrap();
            Self::launch(folder, arguments, |port| {
                vec!["--port".into(), port.to_string()]
            })
        })
    }

    /// With TLS only, under the name `localhost`; and the certificate of its authority.
    pub(crate) fn tls() -> Option<(Self, Vec<u8>)> {
        available().then(|| {
            let folder = TempDir::new().unwrap();
            let authority = certificates(folder.path());
            let fixed = ["--save", "", "--tls-auth-clients", "no"];
            let server = Self::launch(folder, &fixed, |port| {
                let own = |name| format!("./{name}");
                [
                    ["--port", "0"].map(String::from),
                    ["--tls-port".into(), port.to_string()],
                    ["--tls-cert-file".into(), own("server.pem")],
                    ["--tls-key-file".into(), own("server.key")],
                    ["--tls-ca-cert-file".into(), own("ca.pem")],
                ]
                .concat()
            });
            (server, authority)
        })
    }

    fn launch(folder: TempDir, fixed: &[&str], listen: impl Fn(u16) -> Vec<String>) -> Self {
        // Another process may take the port before the server does.
        for _ in 0..5 {
            let port = free_port();
            let mut arguments: Vec<String> = fixed.iter().map(|&s| s.into()).collect();
            arguments.extend(listen(port));
            let mut process = spawn(folder.path(), &arguments);
            if answers(&mut process, port) {
                return Self {
                    process,
                    arguments,
                    folder,
                    port,
                };
            }
        }
        panic!("redis-server does not start; its log is in redis.log");
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Stops it as a debugger would: connections stay open, nothing is answered.
    pub(crate) fn pause(&self) {
        self.signal("STOP");
    }

    pub(crate) fn resume(&self) {
        self.signal("CONT");
    }

    /// Without any chance to say goodbye.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// On the same port and folder, after [`kill`](Self::kill).
    pub(crate) fn restart(&mut self) {
        self.process = spawn(self.folder.path(), &self.arguments);
        assert!(answers(&mut self.process, self.port), "no restart");
    }

    /// What `redis-cli` prints.
    pub(crate) fn cli(&self, arguments: &[&str]) -> String {
        cli(self.port, arguments)
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([format!("-{name}"), self.process.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Three primaries with a replica each. A dead primary is replaced within seconds.
#[derive(Debug)]
pub(crate) struct RedisCluster {
    pub(crate) nodes: Vec<RedisServer>,
}

impl RedisCluster {
    pub(crate) fn start() -> Option<Self> {
        if !available() {
            return None;
        }
        let nodes: Vec<_> = (0..6).map(|_| Self::node()).collect();
        let ranges = [("0", "5460"), ("5461", "10922"), ("10923", "16383")];
        for (node, (first, last)) in nodes.iter().zip(ranges) {
            node.cli(&["cluster", "addslotsrange", first, last]);
        }
        let first = &nodes[0];
        for node in &nodes[1..] {
            let [port, bus] = [node.port, bus_port(node)].map(|port| port.to_string());
            first.cli(&["cluster", "meet", "127.0.0.1", &port, &bus]);
        }
        let cluster = Self { nodes };
        cluster.wait("to meet", |node| {
            node.cli(&["cluster", "info"])
                .contains("cluster_known_nodes:6")
        });
        for (primary, replica) in cluster.nodes[..3].iter().zip(&cluster.nodes[3..]) {
            let id = primary.cli(&["cluster", "myid"]);
            replica.cli(&["cluster", "replicate", id.trim()]);
        }
        cluster.wait("to be whole", |node| {
            node.cli(&["cluster", "info"]).contains("cluster_state:ok")
                && node.cli(&["cluster", "nodes"]).matches("slave").count() == 3
        });
        cluster.wait("to replicate", |node| {
            let replication = node.cli(&["info", "replication"]);
            replication.contains("master_link_status:up") || replication.contains("state=online")
        });
        Some(cluster)
    }

    fn node() -> RedisServer {
        let fixed = [
            "--save",
            "",
            "--appendonly",
            "no",
            "--cluster-enabled",
            "yes",
        ];
        let timing = [
            ["--cluster-node-timeout", "1000"],
            ["--cluster-replica-validity-factor", "0"],
            ["--repl-diskless-sync-delay", "0"],
        ];
        let fixed = [fixed.as_slice(), timing.as_flattened()].concat();
        RedisServer::launch(TempDir::new().unwrap(), &fixed, |port| {
            let bus = free_port().to_string();
            let port = port.to_string();
            ["--port", &port, "--cluster-port", &bus]
                .map(String::from)
                .to_vec()
        })
    }

    /// With all nodes.
    pub(crate) fn url(&self) -> String {
        let hosts: Vec<_> = self
            .nodes
            .iter()
            .map(|node| format!("127.0.0.1:{}", node.port))
            .collect();
        format!("redis-cluster://{}", hosts.join(","))
    }

    /// The index of the primary that has the key now, as `witness` sees it.
    pub(crate) fn primary_of(&self, key: &str, witness: usize) -> usize {
        let witness = &self.nodes[witness];
        let slot: u16 = witness
            .cli(&["cluster", "keyslot", key])
            .trim()
            .parse()
            .unwrap();
        let nodes = witness.cli(&["cluster", "nodes"]);
        let owner = nodes
            .lines()
            .map(|line| line.split(' ').collect::<Vec<_>>())
            .find(|fields| fields[8..].iter().any(|range| contains(range, slot)))
            .unwrap();
        let address = owner[1].split('@').next().unwrap();
        let port: u16 = address.rsplit(':').next().unwrap().parse().unwrap();
        self.nodes
            .iter()
            .position(|node| node.port == port)
            .unwrap()
    }

    fn wait(&self, what: &str, done: impl Fn(&RedisServer) -> bool) {
        let end = Instant::now() + Duration::from_secs(30);
        while !self.nodes.iter().all(&done) {
            assert!(Instant::now() < end, "the cluster took too long {what}");
            sleep(Duration::from_millis(50));
        }
    }
}

fn bus_port(node: &RedisServer) -> u16 {
    let at = node.arguments.iter().position(|a| a == "--cluster-port");
    node.arguments[at.unwrap() + 1].parse().unwrap()
}

fn contains(range: &str, slot: u16) -> bool {
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    match (first.parse::<u16>(), last.parse::<u16>()) {
        (Ok(first), Ok(last)) => (first..=last).contains(&slot),
        _ => false,
    }
}

fn available() -> bool {
    let missing: HashSet<_> = ["redis-server", "redis-cli", "openssl"]
        .into_iter()
        .filter(|command| {
            let mut version = Command::new(command);
            let version = version.arg(if *command == "openssl" {
                "version"
            } else {
                "--version"
            });
            version.stdout(Stdio::null()).status().is_err()
        })
        .collect();
    if missing.is_empty() {
        return true;
    }
    eprintln!("SKIPPED tests with Redis: {missing:?} not found (apt-get install redis openssl)");
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "a skipped test fails under CI=true"
    );
    false
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn spawn(folder: &Path, arguments: &[String]) -> Child {
    let log = fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("redis.log"))
        .unwrap();
    Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--daemonize", "no"])
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(log.try_clone().unwrap())
        .stdout(log)
        .spawn()
        .unwrap()
}

/// Waits until it answers a command in any way (with TLS: hangs up), or has ended.
fn answers(process: &mut Child, port: u16) -> bool {
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end && process.try_wait().unwrap().is_none() {
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
            let mut reply = [0; 64];
            stream
                .set_read_timeout(Some(Duration::from_secs(5)))
                .unwrap();
            let _ = stream.write_all(b"PING\r\n");
            let length = stream.read(&mut reply).unwrap_or(0);
            if !reply[..length].starts_with(b"-LOADING") {
                return true;
            }
        }
        sleep(Duration::from_millis(20));
    }
    let _ = process.kill();
    let _ = process.wait();
    false
}

fn cli(port: u16, arguments: &[&str]) -> String {
    let output = Command::new("redis-cli")
        .args(["-p", &port.to_string()])
        .args(arguments)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// An authority, and a certificate by it for `localhost`.
fn certificates(folder: &Path) -> Vec<u8> {
    let openssl = |arguments: &str| {
        let output = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    fs::write(folder.join("names"), "subjectAltName=DNS:localhost\n").unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!(
        "req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=authority -days 2"
    ));
    openssl(&format!(
        "req {key} -keyout server.key -out server.csr -subj /CN=localhost"
    ));
    openssl(
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile names",
    );
    fs::read(folder.join("ca.pem")).unwrap()
}
