//! Real servers for tests: started here on a free port in a temporary folder, and stopped
//! when they are dropped.
#![allow(dead_code, reason = "each test uses what it needs")]

use std::{
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

pub(crate) mod proxy;

/// A PostgreSQL server of its own.
pub(crate) struct Postgres {
    bin: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    tls: bool,
    child: Option<Child>,
}

impl Postgres {
    /// A fresh server, or `None` where PostgreSQL is not installed; under `CI=true` that is a
    /// failure.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(false)
    }

    /// The same with a self-signed certificate, refusing connections without TLS.
    pub(crate) fn start_tls() -> Option<Self> {
        Self::start_with(true)
    }

    fn start_with(tls: bool) -> Option<Self> {
        let Some(bin) = postgres_bin() else {
            skipped("PostgreSQL is not installed");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("pg-").tempdir().unwrap();
        let mut server = Self {
            bin,
            folder,
            port: free_port(),
            tls,
            child: None,
        };
        if is_root() {
            run(Command::new("chown")
                .arg("postgres")
                .arg(server.folder.path()));
        }
        let mut initdb = server.command("initdb");
        initdb.args(["--auth=trust", "--no-sync", "--username=web", "--pgdata"]);
        run(initdb.arg(server.data()));
        if tls {
            server.make_certificate();
        }
        server.restart();
        Some(server)
    }

    /// Where clients connect.
    pub(crate) fn url(&self) -> String {
        format!("postgres://web@127.0.0.1:{}/postgres", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Freezes every process of the server: connections stay open and nothing answers.
    pub(crate) fn pause(&self) {
        self.signal("STOP");
    }

    pub(crate) fn resume(&self) {
        self.signal("CONT");
    }

    /// Ends every process at once, as a crash does.
    pub(crate) fn kill(&mut self) {
        self.signal("KILL");
        if let Some(mut child) = self.child.take() {
            child.wait().unwrap();
        }
    }

    /// As `pg_ctl stop -m fast` does: it ends what is in flight, and says so.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            run(Command::new("kill").arg("-INT").arg(child.id().to_string()));
            child.wait().unwrap();
        }
    }

    /// Starts it, again if it ran before, on the same data and port.
    pub(crate) fn restart(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
        // What a killed server leaves behind.
        let _ = std::fs::remove_file(self.data().join("postmaster.pid"));
        let mut server = self.command("postgres");
        server.arg("-D").arg(self.data());
        server.args(["-p", &self.port.to_string(), "-h", "127.0.0.1", "-k", ""]);
        server.args(["-c", "fsync=off", "-c", "max_connections=60"]);
        if self.tls {
            server.args(["-c", "ssl=on"]);
        }
        let log = std::fs::File::create(self.folder.path().join("log")).unwrap();
        server.stdout(Stdio::null()).stderr(log);
        // A group of its own, so that every process of it can be reached.
        self.child = Some(server.process_group(0).spawn().unwrap());
        let deadline = Instant::now() + Duration::from_mins(1);
        while !self.is_ready() {
            assert!(Instant::now() < deadline, "{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Runs SQL as the owner, and gives back what it prints.
    pub(crate) fn sql(&self, sql: &str) -> String {
        let output = self.psql(sql).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{sql}: {text}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn sql_in_background(&self, sql: &str) -> Child {
        let mut psql = self.psql(sql);
        psql.stdout(Stdio::null()).stderr(Stdio::null());
        psql.spawn().unwrap()
    }

    fn psql(&self, sql: &str) -> Command {
        let mut psql = self.command("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        psql.arg(self.url());
        psql
    }

    fn is_ready(&self) -> bool {
        let mut ready = self.command("pg_isready");
        ready.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
        ready.status().unwrap().success()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A program of PostgreSQL's, as a user that it accepts: it refuses root.
    fn command(&self, program: &str) -> Command {
        let program = self.bin.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
            command.arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        // No certificates and passwords of whoever runs the tests.
        command.env("HOME", self.folder.path());
        command
    }

    fn make_certificate(&self) {
        let data = self.data();
        let mut openssl = Command::new("openssl");
        openssl.args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ]);
        openssl.args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
        ]);
        openssl.arg("-keyout").arg(data.join("server.key"));
        run(openssl.arg("-out").arg(data.join("server.crt")));
        let key = data.join("server.key");
        run(Command::new("chmod").arg("600").arg(&key));
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&key));
        }
        std::fs::write(
            data.join("pg_hba.conf"),
            "hostssl all all 127.0.0.1/32 trust\n",
        )
        .unwrap();
    }

    fn signal(&self, signal: &str) {
        if let Some(child) = &self.child {
            signal_group(child.id(), signal);
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends a signal to every process of the group that `leader` leads. PostgreSQL gives each
/// of its processes a session of its own, so those are looked up by their parent.
fn signal_group(leader: u32, signal: &str) {
    let of_parent = Command::new("pgrep")
        .arg("-P")
        .arg(leader.to_string())
        .output();
    let children = of_parent.map(|out| String::from_utf8_lossy(&out.stdout).into_owned());
    let mut kill = Command::new("kill");
    kill.arg(format!("-{signal}")).arg("--");
    kill.arg(format!("-{leader}"));
    kill.args(children.unwrap_or_default().split_whitespace());
    // Some may have ended in the meantime.
    let _ = kill.stderr(Stdio::null()).status();
}

/// The newest PostgreSQL that Debian's packages, or the path, have.
fn postgres_bin() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let debian = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let has_all = |bin: &PathBuf| bin.join("initdb").is_file() && bin.join("postgres").is_file();
    let mut found: Vec<PathBuf> = debian.filter(has_all).collect();
    found.sort();
    found.pop().or_else(|| path.into_iter().find(has_all))
}

fn skipped(why: &str) {
    println!("SKIPPED: {why}");
    let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(!ci, "a skipped test fails under CI=true: {why}");
}

fn is_root() -> bool {
    let owner = std::fs::metadata("/proc/self").map(|data| {
        use std::os::unix::fs::MetadataExt as _;
        data.uid()
    });
    owner.is_ok_and(|uid| uid == 0)
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}");
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}
