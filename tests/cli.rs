//! The command line, as a user runs it: its output, its errors, its exit codes.
//!
//! `cargo test` builds the example that runs here; with `--test cli` alone, run
//! `cargo build --example sealed-session` before, with the same features.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a panic fails the test"
)]

use core::time::Duration;
use std::{
    fs,
    process::{Command, Stdio},
};

use sealed_session::{
    EncryptedCodec, Policy, Values,
    keys::KeyRing,
    payload::Plain,
    time::{Clock as _, SystemClock, Timestamp},
    token::UntrustedToken,
};

use command::{Ring, cli, cli_with_variable, corpus, program};

mod command;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

fn key_id(value: &str) -> String {
    UntrustedToken::parse(value).unwrap().key_id().to_string()
}

fn after(duration: Duration) -> String {
    (SystemClock.now() + duration).to_string()
}

/// The value with another character at that position.
fn with_other_character(value: &str, position: usize) -> String {
    let other = if value.as_bytes()[position] == b'A' {
        "B"
    } else {
        "A"
    };
    let mut changed = value.to_owned();
    changed.replace_range(position..=position, other);
    changed
}

#[test]
fn what_is_encoded_decodes_to_the_same_bytes() {
    let ring = Ring::new();
    for name in ["minimal", "login", "flash", "cart10", "oauth"] {
        let json = corpus(name);
        for signed in [&[][..], &["--signed"]] {
            let value = ring.encode(signed, &json);
            assert!("__Host-session".len() + value.len() <= 4096, "{name}");
            let decoded = ring.decode(signed, &value).succeeded();
            assert_eq!(decoded, format!("{json}\n"), "{name}");
        }
    }
}

#[test]
fn a_session_that_does_not_fit_is_refused_with_size_limit_and_advice() {
    let ring = Ring::new();
    let output = ring.run(&["encode"], &corpus("cart400"));
    output.failed(1, "too-large: the session needs ");
    ring.assert_silent(&output);
    assert!(
        output.stderr.contains("the limit is 4096"),
        "{}",
        output.stderr
    );
    assert!(
        output.stderr.contains("keep it in a store"),
        "{}",
        output.stderr
    );
    let output = ring.run(&["encode", "--limit", "200"], &corpus("login"));
    output.failed(1, "too-large: ");
    assert!(
        output.stderr.contains("the limit is 200"),
        "{}",
        output.stderr
    );
}

#[test]
fn the_value_is_read_from_the_argument_or_from_stdin_and_only_a_line_break_is_trimmed() {
    let ring = Ring::new();
    let json = corpus("login");
    let value = ring.encode(&[], &json);
    let decoded = format!("{json}\n");
    assert_eq!(ring.decode(&[&value], "").succeeded(), decoded);
    assert_eq!(ring.decode(&[], &format!("{value}\n")).succeeded(), decoded);
    for spoiled in [
        format!("{value}\n\n"),
        format!("{value} "),
        format!(" {value}"),
        format!("{value}\r\n"),
    ] {
        ring.refuses(&[], &spoiled, "malformed");
    }
    ring.refuses(&[], "", "absent");
    ring.refuses(&[], &"A".repeat(5000), "too-large");
}

#[test]
fn another_name_context_ring_or_suite_is_refused() {
    let (ring, other) = (Ring::new(), Ring::new());
    let value = ring.encode(&[], &corpus("login"));
    let signed = ring.encode(&["--signed"], &corpus("login"));
    ring.refuses(&["--name", "__Host-other"], &value, "not-authentic");
    ring.refuses(&["--context", "other.example"], &value, "not-authentic");
    ring.refuses(&["--signed", "--name", "x"], &signed, "not-authentic");
    ring.refuses(&["--signed"], &value, "wrong-suite");
    ring.refuses(&[], &signed, "wrong-suite");
    other.refuses(&[], &value, "unknown-key");
    other.refuses(&["--signed"], &signed, "unknown-key");
}

#[test]
fn a_value_that_was_changed_cut_or_padded_anywhere_is_refused() {
    let ring = Ring::new();
    let json = corpus("login");
    let value = ring.encode(&[], &json);
    let keys = KeyRing::from_file(&ring.path).unwrap();
    let policy = Policy::new(30 * MINUTE, 24 * HOUR).unwrap();
    let codec = EncryptedCodec::builder("sealed-session", keys, policy)
        .build()
        .unwrap();
    let opens = |value: &str| codec.open::<Values>(value).is_ok();
    assert!(opens(&value), "the codec is the one of the command line");
    for position in 0..value.len() {
        assert!(
            !opens(&with_other_character(&value, position)),
            "{position}"
        );
        assert!(!opens(&value[..position]), "{position}");
    }

    for position in (0..value.len()).step_by(value.len() / 8) {
        let changed = with_other_character(&value, position);
        let output = ring.decode(&[], &changed);
        assert_eq!(
            (output.code, output.stderr.lines().count()),
            (1, 1),
            "{changed}"
        );
        ring.assert_silent(&output);
        let output = ring.decode(&[], &value[..position]);
        assert_eq!(
            (output.code, output.stderr.lines().count()),
            (1, 1),
            "{position}"
        );
        ring.assert_silent(&output);
    }
    for padded in ["=", "==", "===", "A"] {
        let output = ring.decode(&[], &format!("{value}{padded}"));
        assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{padded}");
    }
    ring.refuses(&[], &format!("{value}="), "malformed");
}

#[test]
fn a_session_ends_when_unused_and_in_any_case_and_does_not_begin_early() {
    let ring = Ring::new();
    let json = corpus("login");
    let value = ring.encode(&[], &json);
    let at = |duration| after(duration);
    ring.decode(&["--at", &at(29 * MINUTE)], &value).succeeded();
    ring.refuses(&["--at", &at(31 * MINUTE)], &value, "expired-idle");
    ring.refuses(
        &["--idle", "1s", "--at", &at(MINUTE)],
        &value,
        "expired-idle",
    );
    ring.refuses(&["--at", &at(25 * HOUR)], &value, "expired-absolute");
    let past = (SystemClock.now() - HOUR).to_string();
    ring.refuses(&["--at", &past], &value, "not-yet-valid");
    let remembered = ring.encode(&["--idle", "20d", "--absolute", "30d"], &json);
    let options = [
        "--idle",
        "20d",
        "--absolute",
        "30d",
        "--at",
        &at(15 * 24 * HOUR),
    ];
    ring.decode(&options, &remembered).succeeded();
}

#[test]
fn the_claims_stand_beside_the_data_in_readable_form() {
    let ring = Ring::new();
    let value = ring.encode(&["--subject", "42"], r#"{"b":1,"a":[true,null]}"#);
    let before = SystemClock.now();
    let shown = ring.decode(&["--claims"], &value).succeeded();
    assert!(
        shown.ends_with("},\"data\":{\"a\":[true,null],\"b\":1}}\n"),
        "{shown}"
    );
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let claims = &shown["claims"];
    let created = Timestamp::parse_rfc3339(claims["created"].as_str().unwrap()).unwrap();
    let expires = Timestamp::parse_rfc3339(claims["expires"].as_str().unwrap()).unwrap();
    assert!(before.since(created) < HOUR);
    assert_eq!(expires.since(created), 30 * MINUTE);
    assert_eq!(claims["kind"], "inline");
    assert_eq!(claims["place"], "cookie");
    assert_eq!(claims["schema"], 0);
    assert_eq!(claims["class"], 0);
    assert_eq!(claims["needs_rekey"], false);
    assert_eq!(claims["needs_refresh"], false);
    for (id, len) in [("sid", 16), ("subject", 32)] {
        let id = claims[id].as_str().unwrap();
        assert!(
            id.len() == len && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{id}"
        );
    }
}

/// Opened as `Values`, the session below would be `{"Ada": null}`.
#[test]
fn typed_data_is_named_and_never_shown_as_values() {
    let ring = Ring::new();
    let keys = KeyRing::from_file(&ring.path).unwrap();
    let policy = Policy::new(30 * MINUTE, 24 * HOUR).unwrap();
    let codec = EncryptedCodec::builder("sealed-session", keys, policy)
        .build()
        .unwrap();
    let data = Plain((1_u8, "Ada".to_owned(), 0_u8));
    let sealed = codec.seal(&codec.new_identity().unwrap(), &data).unwrap();
    let shown = ring.decode(&[], sealed.value()).succeeded();
    let json: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(json["data"], "typed data, 6 bytes, schema 0, shape 0");
    assert_eq!(json["claims"]["kind"], "inline");
    assert!(!shown.contains("Ada"), "{shown}");
}

#[test]
fn the_header_line_is_one_that_browsers_accept() {
    let ring = Ring::new();
    let header = ring.encode(&["--set-cookie"], "{}");
    let rest = header.strip_prefix("Set-Cookie: __Host-session=").unwrap();
    let (value, attributes) = rest.split_once("; ").unwrap();
    assert_eq!(attributes, "HttpOnly; SameSite=Lax; Secure; Path=/");
    assert_eq!(ring.decode(&[], value).succeeded(), "{}\n");
}

#[test]
fn a_variable_may_hold_a_key_or_a_ring_file() {
    let ring = Ring::new();
    let key = format!("ssc1_key_{}", ring.secrets()[0]);
    let value = ring.encode(&[], "{\"user\":42}");
    for variable in [key, ring.text()] {
        let output = cli_with_variable(&["open"], &value, Some(&variable));
        assert_eq!(output.succeeded(), "{\"user\":42}\n");
    }
    let bad = format!("ssc1_key_{}x", ring.secrets()[0]);
    let output = cli_with_variable(&["open"], &value, Some(&bad));
    output.failed(3, "error: SEALED_SESSION_KEY: ");
    ring.assert_silent(&output);
    cli_with_variable(&["open"], &value, Some("")).failed(3, "error: SEALED_SESSION_KEY: ");
}

#[test]
fn wrong_usage_exits_with_2() {
    let ring = Ring::new();
    let output = cli(&["encode"], "{}");
    output.failed(2, "error: no keys: ");
    assert!(output.stderr.contains("keys new"), "{}", output.stderr);
    for (args, stdin) in [
        (&["encode", "--unknown"][..], "{}"),
        (&["encode", "--idle", "30"], "{}"),
        (&["encode", "--idle", "2d"], "{}"),
        (&["encode", "--at", "yesterday"], "{}"),
        (&["encode", "--limit", "5000"], "{}"),
        (&["encode", "--limit", "20"], "{}"),
        (&["encode", "--name", "a b"], "{}"),
        (&["encode", "--name", "__host-x", "--set-cookie"], "{}"),
        (&["encode"], "[1]"),
        (&["encode"], "\"secret-text\""),
        (&["encode"], "{\"secret-text\":"),
        (&["encode"], "{\"secret-text\":1,\"secret-text\":2}"),
        (&["encode"], ""),
    ] {
        let output = ring.run(args, stdin);
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (2, ""),
            "{args:?} {stdin}"
        );
        assert!(output.stderr.starts_with("error: "), "{}", output.stderr);
        assert!(!output.stderr.contains("secret-text"), "{}", output.stderr);
    }
    assert_eq!(cli(&[], "").code, 2);
    assert_eq!(cli(&["--help"], "").code, 0);
    assert_eq!(
        cli(&["--version"], "").succeeded(),
        format!("sealed-session {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn a_key_as_an_argument_is_refused_and_not_repeated() {
    let ring = Ring::new();
    let key = format!("ssc1_key_{}", ring.secrets()[0]);
    for args in [
        &["decode", "--keys", &key][..],
        &["decode", &key],
        &["decode", &format!("--key={key}")],
    ] {
        let output = cli(args, "");
        output.failed(2, "error: a key is not an argument");
        ring.assert_silent(&output);
    }
}

#[test]
fn missing_and_broken_ring_files_exit_with_3_and_show_no_secret() {
    let ring = Ring::new();
    let missing = ring.folder.path().join("missing.toml");
    let missing = missing.to_str().unwrap();
    cli(&["encode", "--keys", missing], "{}").failed(3, "error: ");
    cli(&["keys", "list", missing], "").failed(3, "error: ");
    cli(&["keys", "rotate", missing], "").failed(3, "error: ");

    let good = ring.text();
    let broken = ring.folder.path().join("broken.toml");
    for text in [
        good.replace("\"\n", "\n"),
        good.replace("seals_from", "seals"),
        good.replace("[[key]]", "[key]"),
        good.replace("ssc1_key_", "ssc1_key_A"),
        format!("{good}{good}"),
    ] {
        fs::write(&broken, text).unwrap();
        let broken = broken.to_str().unwrap();
        for args in [&["decode", "--keys", broken][..], &["keys", "list", broken]] {
            let output = cli(args, "");
            output.failed(3, "error: ");
            ring.assert_silent(&output);
        }
    }
}

#[test]
fn a_ring_that_cannot_seal_then_exits_with_3() {
    let ring = Ring::new();
    let past = (SystemClock.now() - HOUR).to_string();
    ring.run(&["encode", "--at", &past], "{}")
        .failed(3, "error: no key");
}

#[test]
fn a_rotation_keeps_old_cookies_open_and_new_ones_carry_the_new_key() {
    let ring = Ring::new();
    let json = corpus("login");
    let shortly_before = after(55 * MINUTE);
    let shortly_after = after(65 * MINUTE);
    let old = ring.encode(&["--at", &shortly_before], &json);
    let said = cli(
        &[
            "keys",
            "rotate",
            &ring.path,
            "--activate-in",
            "1h",
            "--idle",
            "2h",
        ],
        "",
    );
    ring.assert_silent(&said);
    let said = said.succeeded();

    let ids = ring.ids();
    assert_eq!((ids.len(), &ids[0]), (2, &key_id(&old)));
    for line in [
        format!("{} seals, all of them open", ids[0]),
        format!("{} seals\n", ids[1]),
        format!("{} retires", ids[0]),
    ] {
        assert!(said.contains(&line), "{said}");
    }
    assert_eq!(
        key_id(&ring.encode(&["--at", &shortly_before], &json)),
        ids[0]
    );
    let new = ring.encode(&["--at", &shortly_after], &json);
    assert_eq!(key_id(&new), ids[1]);
    let decoded = ring.decode(&["--at", &shortly_after], &old).succeeded();
    assert_eq!(decoded, format!("{json}\n"));
    let claims = ring
        .decode(&["--claims", "--at", &shortly_after], &old)
        .succeeded();
    assert!(claims.contains("\"needs_rekey\":true"), "{claims}");
    ring.decode(&["--at", &shortly_after], &new).succeeded();
    ring.decode(&[], &new).failed(1, "not-yet-valid");
    ring.refuses(&["--at", &after(4 * HOUR)], &old, "unknown-key");
}

#[test]
fn a_rotation_that_would_log_people_out_is_refused_and_the_file_stays() {
    let ring = Ring::new();
    cli(
        &[
            "keys",
            "rotate",
            &ring.path,
            "--activate-in",
            "0s",
            "--idle",
            "1h",
        ],
        "",
    )
    .succeeded();
    let before = ring.text();
    cli(&["keys", "rotate", &ring.path, "--idle", "30d"], "").failed(3, "error: ");
    assert_eq!(ring.text(), before);
    // Nor does a codec whose sessions live longer take the ring.
    ring.run(&["encode", "--idle", "12h"], "{}")
        .failed(3, "error: the key ");
}

#[test]
fn an_emergency_refuses_everything_old_at_once() {
    let ring = Ring::new();
    let old = ring.encode(&[], "{}");
    let (secret, id) = (ring.secrets(), ring.ids());
    let said = cli(&["keys", "rotate", "--emergency", &ring.path], "").succeeded();
    assert!(said.contains("Everyone is logged out"), "{said}");
    assert!(said.contains(&format!("{} is closed", id[0])), "{said}");
    assert!(!said.contains(&secret[0]), "{said}");
    assert!(!ring.text().contains(&secret[0]), "the leaked key is gone");
    ring.refuses(&[], &old, "unknown-key");
    let new = ring.encode(&[], "{}");
    assert_eq!(ring.decode(&[], &new).succeeded(), "{}\n");
}

#[test]
fn a_list_shows_every_role_and_no_secret() {
    let ring = Ring::new();
    cli(&["keys", "rotate", &ring.path, "--idle", "1h"], "").succeeded();
    let roles = |at: Duration| {
        let output = cli(&["keys", "list", &ring.path, "--at", &after(at)], "");
        ring.assert_silent(&output);
        let table = output.succeeded();
        let cell = |line: &str| line.split_whitespace().nth(1).unwrap().to_owned();
        let roles: Vec<String> = table.lines().skip(1).map(cell).collect();
        roles
    };
    assert_eq!(roles(Duration::ZERO), ["seals", "pending"]);
    assert_eq!(roles(24 * HOUR + MINUTE), ["opens", "seals"]);
    assert_eq!(roles(48 * HOUR), ["closed", "seals"]);
    let now = cli(&["keys", "list", &ring.path], "").succeeded();
    assert!(
        ring.ids().iter().all(|id| now.contains(id.as_str())),
        "{now}"
    );
}

#[test]
fn a_new_ring_goes_to_stdout_or_to_a_file_that_is_not_there_yet() {
    let printed = cli(&["keys", "new"], "").succeeded();
    assert_eq!(
        KeyRing::from_toml(printed.as_bytes()).unwrap().keys().len(),
        1
    );
    let ring = Ring::new();
    let before = ring.text();
    let output = cli(&["keys", "new", "--out", &ring.path], "");
    output.failed(3, "error: ");
    assert!(
        output.stderr.contains("exists already"),
        "{}",
        output.stderr
    );
    assert_eq!(ring.text(), before);
    let left: Vec<_> = fs::read_dir(ring.folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "no draft stays behind");
}

#[cfg(unix)]
#[test]
fn ring_files_stay_private_and_links_to_them_stay_links() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let ring = Ring::new();
    let mode = || fs::metadata(&ring.path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(), 0o600);
    cli(&["keys", "rotate", &ring.path], "").succeeded();
    assert_eq!(mode(), 0o600);
    let link = ring.folder.path().join("link.toml");
    symlink(&ring.path, &link).unwrap();
    cli(
        &["keys", "rotate", "--emergency", link.to_str().unwrap()],
        "",
    )
    .succeeded();
    assert_eq!(mode(), 0o600);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(ring.ids().len(), 1);
}

#[test]
fn inspect_shows_what_is_known_without_a_key() {
    let ring = Ring::new();
    let value = ring.encode(&[], "{}");
    let id = ring.ids().remove(0);
    let encrypted = cli(&["inspect"], &value);
    ring.assert_silent(&encrypted);
    let encrypted = encrypted.succeeded();
    for part in [&id, "encrypted", "nonce", "41..", "tag", "Without the key"] {
        assert!(encrypted.contains(part), "{part}: {encrypted}");
    }
    let used = format!("{} of 4,096 bytes", "__Host-session".len() + value.len());
    assert!(encrypted.contains(&used), "{encrypted}");
    assert!(!encrypted.contains("Unverified"), "{encrypted}");

    let value = ring.encode(&["--signed", "--subject", "42"], "{}");
    let signed = cli(&["inspect", "--name", "n", &value], "").succeeded();
    for part in [
        &id,
        "signed",
        "Unverified",
        "subject",
        "expires",
        "read its body",
    ] {
        assert!(signed.contains(part), "{part}: {signed}");
    }
    let used = format!("{} of 4,096 bytes with the name n;", 1 + value.len());
    assert!(signed.contains(&used), "{signed}");
    cli(&["inspect", "nonsense"], "").failed(1, "malformed: ");
}

#[test]
fn the_parts_that_inspect_draws_add_up() {
    let ring = Ring::new();
    for options in [&[][..], &["--signed"]] {
        let value = ring.encode(options, &corpus("cart10"));
        let shown = cli(&["inspect", &value], "").succeeded();
        let (mut end, mut characters) = (0, 0);
        for range in shown.split_whitespace().collect::<Vec<_>>().windows(3) {
            if let Some((from, to)) = range[0].split_once("..") {
                assert_eq!(from.parse::<usize>().unwrap(), end, "no gaps");
                end = to.parse().unwrap();
                characters += range[2].parse::<usize>().unwrap();
            }
        }
        assert_eq!(end, UntrustedToken::parse(&value).unwrap().len());
        assert_eq!(characters, value.len());
    }
}

#[test]
fn the_demo_shows_each_step_in_80_columns_and_no_escape_codes() {
    let shown = cli(&["demo"], "").succeeded();
    let mut steps = vec![
        "Keys", "Seal", "Anatomy", "Open", "Alter", "Rotate", "Expire",
    ];
    if cfg!(feature = "store-sqlite") {
        steps.extend(["Outgrow", "Restart", "Shrink", "Log out"]);
        for part in [
            "in the store   198 bytes",
            "the same session, value by value",
            "refused: conflict",
            "refused: revoked",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    } else {
        assert!(shown.contains("--features store-sqlite"), "{shown}");
    }
    let mut rest = shown.as_str();
    for (number, step) in (1..).zip(steps) {
        let title = format!("{number}  {step}: ");
        rest = rest.split_once(&title).expect(&title).1;
    }
    for part in [
        "needs_rekey: false",
        "needs_rekey: true",
        "refused: not-authentic",
        "refused: expired-idle",
        "of 4,096 bytes",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains('\u{1b}'), "{shown}");
    for line in shown.lines() {
        assert!(line.chars().count() < 80, "{line}");
    }
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_ends_the_command_without_a_panic() {
    let mut child = Command::new(program())
        .arg("demo")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[cfg(not(feature = "compare"))]
#[test]
fn the_comparison_without_its_feature_says_how_to_get_it() {
    let output = cli(&["compare"], "");
    output.failed(3, "error: this was built without the comparison: cargo run");
}
