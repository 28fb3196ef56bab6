//! The command line with a store: what goes there, what comes back, what is said when it
//! cannot.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a panic fails the test"
)]

use command::{Output, Ring};

mod command;

/// Whatever happens, the password of a URL is not shown.
#[track_caller]
fn assert_hidden(output: &Output) {
    let said = format!("{}{}", output.stdout, output.stderr);
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn what_cannot_be_a_store_is_wrong_usage_and_not_repeated() {
    let ring = Ring::new();
    for command in ["encode", "decode", "revoke"] {
        for (url, why) in [
            (
                "memory:",
                "error: a store in memory would end with this process",
            ),
            ("", "error: not the URL of a store: sqlite://, postgres://"),
            ("me:hunter2@host/db", "error: not the URL of a store"),
            (
                "mysql://me:hunter2@host/db",
                "error: not the URL of a store",
            ),
        ] {
            let output = ring.run(&[command, "--store", url], "{}");
            output.failed(2, why);
            assert_hidden(&output);
        }
        let url = "redis://me:hunter2@host";
        let signed = ring.run(&[command, "--signed", "--store", url], "{}");
        assert_eq!((signed.code, signed.stdout.as_str()), (2, ""));
        assert_hidden(&signed);
        let misplaced = ring.run(&[command, url, url], "{}");
        misplaced.failed(2, "error: a URL stands where none belongs");
        assert_hidden(&misplaced);
    }
    assert_eq!(ring.run(&["revoke"], "").code, 2, "without a store");
}

#[test]
fn a_store_whose_feature_is_off_is_named() {
    let ring = Ring::new();
    for (scheme, feature, on) in [
        ("sqlite", "store-sqlite", cfg!(feature = "store-sqlite")),
        (
            "postgres",
            "store-postgres",
            cfg!(feature = "store-postgres"),
        ),
        ("redis", "store-redis", cfg!(feature = "store-redis")),
    ] {
        if !on {
            let url = format!("{scheme}://me:hunter2@host");
            let output = ring.run(&["encode", "--store", &url], "{}");
            output.failed(3, "error: ");
            assert!(output.stderr.contains(feature), "{}", output.stderr);
            assert_hidden(&output);
        }
    }
}

/// Nothing listens on that port.
#[cfg(any(feature = "store-postgres", feature = "store-redis"))]
#[test]
fn a_server_that_is_down_exits_with_3_and_one_line() {
    let ring = Ring::new();
    let value = ring.encode(&[], "{}");
    let mut schemes = Vec::new();
    if cfg!(feature = "store-postgres") {
        schemes.push("postgres");
    }
    if cfg!(feature = "store-redis") {
        schemes.extend(["redis", "redis-cluster"]);
    }
    for scheme in schemes {
        let url = format!("{scheme}://me:hunter2@127.0.0.1:1/");
        for (command, stdin) in [("encode", "{}"), ("decode", &value)] {
            let output = ring.run(&[command, "--store", &url], stdin);
            output.failed(3, "error: the session store does not answer: ");
            assert_hidden(&output);
        }
    }
}

#[cfg(feature = "store-sqlite")]
mod sqlite {
    use core::time::Duration;

    use command::{cli, cli_with_variable, corpus};
    use sealed_session::time::{Clock as _, SystemClock};

    use super::*;

    fn url(ring: &Ring, file: &str) -> String {
        format!("sqlite://{}/{file}", ring.folder.path().display())
    }

    #[test]
    fn what_fits_the_cookie_stays_there_and_everything_comes_back_as_the_same_bytes() {
        let ring = Ring::new();
        let url = url(&ring, "sessions.db");
        let store = ["--store", &url];
        for name in ["minimal", "login", "flash", "cart10", "oauth"] {
            let json = corpus(name);
            let value = ring.encode(&store, &json);
            let alone = ring.decode(&[], &value).succeeded();
            assert_eq!(alone, format!("{json}\n"), "{name}");
            assert_eq!(ring.decode(&store, &value).succeeded(), alone, "{name}");
        }
        for name in ["cart40", "cart400"] {
            let json = corpus(name);
            // It may fit 4096 bytes.
            let small = [&store[..], &["--limit", "1000"]].concat();
            let value = ring.encode(&small, &json);
            assert_eq!(value.len(), 163, "{name}");
            for _ in 0..2 {
                let decoded = ring.decode(&store, &value).succeeded();
                assert_eq!(decoded, format!("{json}\n"), "{name}");
            }
        }
        let value = ring.encode(&store, "{}");
        assert_eq!(ring.decode(&store, &value).succeeded(), "{}\n");
    }

    #[test]
    fn a_large_session_needs_no_option_but_the_store() {
        let ring = Ring::new();
        let url = url(&ring, "sessions.db");
        let json = corpus("cart400");
        let value = ring.encode(&["--store", &url, "--subject", "42"], &json);
        assert_eq!(value.len(), 184);
        let header = ring.encode(&["--store", &url, "--set-cookie"], &json);
        let rest = header.strip_prefix("Set-Cookie: __Host-session=").unwrap();
        let (value, attributes) = rest.split_once("; ").unwrap();
        assert_eq!(attributes, "HttpOnly; SameSite=Lax; Secure; Path=/");
        let decoded = ring.decode(&["--store", &url, value], "").succeeded();
        assert_eq!(decoded, format!("{json}\n"));
        let secrets = ring.secrets();
        let (variable, options) = (
            format!("ssc1_key_{}", secrets[0]),
            ["open", "--store", &url],
        );
        let decoded = cli_with_variable(&options, value, Some(&variable)).succeeded();
        assert_eq!(decoded, format!("{json}\n"));
    }

    #[test]
    fn a_reference_is_worth_nothing_without_its_store_or_its_keys() {
        let (ring, other) = (Ring::new(), Ring::new());
        let (url, empty) = (url(&ring, "sessions.db"), url(&ring, "empty.db"));
        let value = ring.encode(&["--store", &url], &corpus("cart400"));

        ring.refuses(&[], &value, "wrong-kind");
        let alone = ring.decode(&[], &value);
        assert!(
            alone.stderr.contains("give --store URL"),
            "{}",
            alone.stderr
        );

        ring.encode(&["--store", &empty], "{}");
        ring.refuses(&["--store", &empty], &value, "gone");
        other.refuses(&["--store", &url], &value, "unknown-key");
        let name = ["--store", &url, "--name", "__Host-other"];
        ring.refuses(&name, &value, "not-authentic");
        ring.refuses(&["--store", &url], "", "absent");
        ring.refuses(&["--store", &url], &format!("{value}; x=y"), "malformed");
    }

    #[test]
    fn a_stored_session_expires_like_any_other() {
        let ring = Ring::new();
        let url = url(&ring, "sessions.db");
        let value = ring.encode(&["--store", &url], &corpus("cart400"));
        let at = |minutes: u64| (SystemClock.now() + Duration::from_mins(minutes)).to_string();
        ring.decode(&["--store", &url, "--at", &at(29)], &value)
            .succeeded();
        ring.refuses(&["--store", &url, "--at", &at(31)], &value, "expired-idle");
    }

    #[test]
    fn a_session_stored_in_the_far_future_does_not_sweep_out_those_of_today() {
        let ring = Ring::new();
        let url = url(&ring, "sessions.db");
        let json = corpus("cart400");
        let value = ring.encode(&["--store", &url], &json);
        ring.encode(&["--store", &url, "--at", "2100-01-01T00:00:00Z"], &json);
        let decoded = ring.decode(&["--store", &url], &value).succeeded();
        assert_eq!(decoded, format!("{json}\n"));
    }

    #[test]
    fn the_claims_of_a_reference_say_where_the_session_is() {
        let ring = Ring::new();
        let url = url(&ring, "sessions.db");
        for (name, kind, place) in [
            ("login", "inline", "cookie"),
            ("cart400", "reference", "store"),
        ] {
            let json = corpus(name);
            let value = ring.encode(&["--store", &url, "--subject", "42"], &json);
            let shown = ring.decode(&["--store", &url, "--claims"], &value);
            let shown = shown.succeeded();
            assert!(shown.ends_with(&format!("\"data\":{json}}}\n")), "{shown}");
            let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
            let claims = &shown["claims"];
            assert_eq!(
                (&claims["kind"], &claims["place"]),
                (&kind.into(), &place.into())
            );
            assert_eq!(claims["subject"].as_str().unwrap().len(), 32);
            assert!(claims["expires"].is_string());
        }
    }

    #[test]
    fn what_was_revoked_is_refused_wherever_it_lives() {
        let ring = Ring::new();
        let url = url(&ring, "sessions.db");
        let store = ["--store", &url];
        let encode = |name: &str, user: &str| {
            ring.encode(&["--store", &url, "--subject", user], &corpus(name))
        };
        let [inline, stored] = ["login", "cart400"].map(|name| encode(name, "1"));
        let [small, large] = ["login", "cart400"].map(|name| encode(name, "2"));
        let other = encode("cart400", "3");
        for value in [&inline, &stored] {
            let said = ring.run(&["revoke", "--store", &url], value).succeeded();
            assert!(said.starts_with("revoked: the session"), "{said}");
            ring.refuses(&store, value, "revoked");
        }
        let said = ring.run(&["revoke", "--store", &url, "--user", "2"], "");
        said.succeeded();
        for value in [&small, &large] {
            ring.refuses(&store, value, "revoked");
        }
        ring.decode(&store, &other).succeeded();
        // For as long as it could live elsewhere, with longer timeouts than the default.
        let later = (SystemClock.now() + Duration::from_hours(48)).to_string();
        let longer = ["--idle", "20d", "--absolute", "30d", "--at", &later];
        let kept = ring.encode(&[&store[..], &longer[..4]].concat(), &corpus("login"));
        ring.run(&[&["revoke"], &store[..], &longer[..2]].concat(), &kept)
            .succeeded();
        ring.refuses(&[&store[..], &longer].concat(), &kept, "revoked");
        ring.run(&["revoke", "--store", &url], "nonsense")
            .failed(1, "malformed: ");
        assert_eq!(
            ring.run(&["revoke", "--store", &url, "--user", "2", &other], "")
                .code,
            2
        );
    }

    #[test]
    fn a_session_too_large_for_the_store_and_a_limit_too_small_for_a_reference_are_refused() {
        let ring = Ring::new();
        let url = url(&ring, "sessions.db");
        let json = format!("{{\"note\":\"{}\"}}", "customer ".repeat(130_000));
        let output = ring.run(&["encode", "--store", &url], &json);
        output.failed(1, "too-large: the session needs ");
        assert!(output.stderr.contains("1048576"), "{}", output.stderr);
        ring.assert_silent(&output);
        ring.run(&["encode", "--store", &url, "--limit", "150"], "{}")
            .failed(2, "error: the budget must be at least ");
    }

    #[test]
    fn files_that_cannot_be_a_store_exit_with_3() {
        let ring = Ring::new();
        let value = ring.encode(&[], "{}");
        let missing = url(&ring, "missing.db");
        for command in ["decode", "revoke"] {
            let output = ring.run(&[command, "--store", &missing], &value);
            output.failed(3, "error: the session store failed: there is no such file");
        }
        assert!(!ring.folder.path().join("missing.db").exists());
        cli(&["decode", "--store", &missing], "").failed(2, "error: no keys: ");
        for file in ["missing/x.db", "ring.toml/x.db", "ring.toml", ""] {
            let before = ring.text();
            let output = ring.run(&["encode", "--store", &url(&ring, file)], "{}");
            output.failed(3, "error: the session store failed: ");
            ring.assert_silent(&output);
            assert_eq!(ring.text(), before);
        }
    }
}
