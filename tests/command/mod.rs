//! The command line as a user runs it, and a ring file for it.
#![allow(dead_code, unreachable_pub, reason = "each user needs a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic fails the test"
)]

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use sealed_session::keys::KeyRing;

pub struct Output {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    #[track_caller]
    pub fn succeeded(self) -> String {
        assert_eq!(
            (self.code, self.stderr.as_str()),
            (0, ""),
            "{}",
            self.stdout
        );
        self.stdout
    }

    /// One line on stderr that begins like this, and nothing else.
    #[track_caller]
    pub fn failed(&self, code: i32, start: &str) {
        assert_eq!(
            (self.code, self.stdout.as_str()),
            (code, ""),
            "{}",
            self.stderr
        );
        assert!(self.stderr.starts_with(start), "{}", self.stderr);
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
    }
}

pub fn cli(args: &[&str], stdin: &str) -> Output {
    cli_with_variable(args, stdin, None)
}

pub fn cli_with_variable(args: &[&str], stdin: &str, key: Option<&str>) -> Output {
    let mut command = Command::new(program());
    command
        .env_remove("SEALED_SESSION_KEY")
        .env_remove("CLICOLOR_FORCE");
    if let Some(key) = key {
        command.env("SEALED_SESSION_KEY", key);
    }
    let mut child = command
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that fails early reads no input.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    Output {
        code: output.status.code().expect("ended by itself"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// `target/<profile>/examples`, beside the `deps` that this test runs from.
pub fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let name = format!("sealed-session{}", std::env::consts::EXE_SUFFIX);
    let program = profile.join("examples").join(name);
    assert!(program.exists(), "cargo build --example sealed-session");
    program
}

/// A folder with a ring file.
pub struct Ring {
    pub folder: tempfile::TempDir,
    pub path: String,
}

impl Ring {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ring.toml").to_str().unwrap().to_owned();
        cli(&["keys", "new", "--out", &path], "").succeeded();
        Self { folder, path }
    }

    pub fn run(&self, args: &[&str], stdin: &str) -> Output {
        let command = [args, &["--keys", &self.path]].concat();
        cli(&command, stdin)
    }

    pub fn encode(&self, more: &[&str], json: &str) -> String {
        let value = self.run(&[&["encode"], more].concat(), json).succeeded();
        value.trim_end().to_owned()
    }

    pub fn decode(&self, more: &[&str], value: &str) -> Output {
        self.run(&[&["decode"], more].concat(), value)
    }

    /// Asserts that `decode` refuses, and says nothing about keys, token or session.
    #[track_caller]
    pub fn refuses(&self, more: &[&str], value: &str, kind: &str) {
        let output = self.decode(more, value);
        output.failed(1, &format!("{kind}: no valid session ("));
        self.assert_silent(&output);
    }

    #[track_caller]
    pub fn assert_silent(&self, output: &Output) {
        let said = format!("{}{}", output.stdout, output.stderr);
        for secret in self.secrets() {
            assert!(!said.contains(&secret), "{said}");
        }
        for content in [
            "7fb77e3a", "morgan", "Morgan", "6EhWI93j", "customer", "locale",
        ] {
            assert!(!said.contains(content), "{said}");
        }
    }

    pub fn secrets(&self) -> Vec<String> {
        let text = self.text();
        let secrets = text
            .split('"')
            .filter_map(|part| part.strip_prefix("ssc1_key_"));
        let secrets: Vec<String> = secrets.map(str::to_owned).collect();
        assert!(!secrets.is_empty());
        secrets
    }

    pub fn text(&self) -> String {
        fs::read_to_string(&self.path).unwrap()
    }

    /// Ids of the keys, oldest first.
    pub fn ids(&self) -> Vec<String> {
        let ring = KeyRing::from_file(&self.path).unwrap();
        let ids = ring.keys().iter().map(|entry| entry.key().id().to_string());
        ids.collect()
    }
}

/// A session of the corpus, its members sorted as `decode` prints them.
pub fn corpus(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let json = fs::read_to_string(path.join(name).with_extension("json")).unwrap();
    sorted(serde_json::from_str(&json).unwrap()).to_string()
}

fn sorted(json: serde_json::Value) -> serde_json::Value {
    match json {
        serde_json::Value::Object(members) => {
            let members = members.into_iter().map(|(name, it)| (name, sorted(it)));
            let members: std::collections::BTreeMap<_, _> = members.collect();
            members.into_iter().collect()
        }
        serde_json::Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}
