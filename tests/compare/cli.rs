//! `compare` as a user runs it.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use sealed_session::compare::Report;
use serde_json::Value as Json;

use crate::{
    command::{Output, cli, corpus, program},
    schema::violations,
};

/// A folder with files of these names and contents.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

fn path(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

fn compare(args: &[&str]) -> Output {
    let short = ["compare", "--rounds", "1", "--without-claims"];
    cli(&[&short, args].concat(), "")
}

#[test]
fn the_corpus_is_reported_as_json_of_the_schema_as_a_page_and_as_markdown() {
    let folder = folder(&[]);
    let (page, markdown) = (path(&folder, "report.html"), path(&folder, "report.md"));
    let outputs = ["--html", &page, "--markdown", &markdown];
    let whole = ["compare", "--rounds", "1", "--json"];
    let json = cli(&[&whole[..], &outputs].concat(), "").succeeded();
    let parsed: Json = serde_json::from_str(&json).unwrap();
    assert_eq!(violations(&parsed), [""; 0]);
    let report: Report = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (report.partial.as_deref(), report.troubles.as_slice()),
        (None, [].as_slice())
    );
    let names = report.samples.iter().map(|sample| sample.name.as_str());
    let corpus = [
        "minimal", "login", "flash", "oauth", "cart10", "cart40", "cart400",
    ];
    assert_eq!(names.collect::<Vec<_>>(), corpus);
    assert_eq!(report.method.stores, ["memory", "SQLite"]);
    for sample in &report.samples {
        // The cookie, unless it is too small, and both stores by both other strategies.
        assert_eq!(
            sample.ways.len(),
            4 + usize::from(sample.cookie.fits),
            "{}",
            sample.name
        );
        for way in &sample.ways {
            assert!(way.read.is_some() && way.change.is_some() && way.per_core.is_some());
            let counted = way.store.as_deref() != Some("SQLite");
            assert_eq!(way.allocations.is_some(), counted, "{way:?}");
            assert_eq!(way.at_rest_bytes.is_some(), way.record_bytes > 0);
        }
    }

    let page = fs::read_to_string(page).unwrap();
    assert_eq!(page.matches("<svg viewBox=\"0 0 520").count(), 4);
    for sample in corpus {
        assert!(
            page.contains(&format!("<td class=\"t\">{sample}</td>")),
            "{sample}"
        );
    }
    // It needs nothing from anywhere: no address but those of the page's own parts.
    for outside in ["http:", "https:", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    let markdown = fs::read_to_string(markdown).unwrap();
    assert!(markdown.contains("| cart400 |") && markdown.contains("## What breaks first"));
}

#[test]
fn a_file_an_array_and_a_folder_give_their_sessions_and_a_name_is_only_text() {
    let login = corpus("login");
    let name = "<script>alert(1)<|script>.json";
    let array = format!("[{login}, {{}}]");
    let files = [
        (name, &*login),
        ("two.json", &array),
        ("not a session.txt", "no"),
    ];
    let folder = folder(&files);
    let page = path(&folder, "page.htm");
    let data = folder.path().to_str().unwrap();
    let json = compare(&["--data", data, "--json", "--html", &page]).succeeded();
    let report: Report = serde_json::from_str(&json).unwrap();
    let names = report.samples.iter().map(|sample| sample.name.as_str());
    let expected = ["<script>alert(1)<|script>", "two 1", "two 2"];
    assert_eq!(names.collect::<Vec<_>>(), expected);
    let [first, second, _] = &report.samples[..] else {
        unreachable!()
    };
    assert_eq!(first.json_bytes, second.json_bytes);
    assert_eq!(first.encoded_bytes, second.encoded_bytes);
    let page = fs::read_to_string(page).unwrap();
    assert!(!page.contains("<script>alert"), "{name}");
    assert!(page.contains("<td class=\"t\">&lt;script&gt;alert(1)&lt;|script&gt;</td>"));

    let one = path(&folder, "two.json");
    let table = compare(&["--data", &one]).succeeded();
    assert!(
        table.contains("two 2") && !table.contains("alert"),
        "{table}"
    );
    assert!(table.contains("Recommended: automatic"), "{table}");
}

#[test]
fn what_is_no_session_is_one_line_that_does_not_quote_it() {
    let secret = "hunter2hunter2";
    let broken = format!("{{\"password\":\"{secret}\",}}");
    let twice = format!("{{\"{secret}\":1,\"{secret}\":2}}");
    let files = [
        ("broken.json", &*broken),
        ("twice.json", &twice),
        ("number.json", "7"),
    ];
    let folder = folder(&files);
    let empty = tempfile::tempdir().unwrap();
    let empty_list = self::folder(&[("none.json", "[]")]);
    let shown = |folder: &tempfile::TempDir| folder.path().to_str().unwrap().to_owned();
    for (data, code, start) in [
        (
            path(&folder, "broken.json"),
            2,
            "is not JSON: line 1, column ",
        ),
        (
            path(&folder, "twice.json"),
            2,
            "is not a JSON object that a session can be",
        ),
        (
            path(&folder, "number.json"),
            2,
            "is not a JSON object that a session can be",
        ),
        (shown(&empty), 2, "has no file that ends in .json"),
        (path(&empty_list, "none.json"), 2, "holds no session"),
        (path(&folder, "missing.json"), 3, "cannot be read: "),
    ] {
        let output = compare(&["--data", &data]);
        output.failed(code, &format!("error: {data} {start}"));
        assert!(!output.stderr.contains(secret), "{}", output.stderr);
    }
}

#[test]
fn options_that_make_no_sense_are_wrong_usage() {
    for args in [
        ["--users", "0"],
        ["--requests-per-second", "-1"],
        ["--writes-per-request", "2"],
        ["--round-trip-ms", "NaN"],
        ["--uplink-mbit", "0"],
        ["--rounds", "0"],
        ["--store", "memory:"],
        ["--store", "mysql://me:hunter2@host/db"],
    ] {
        // Written as one, so that a minus is not taken for an option.
        let output = cli(&["compare", &args.join("=")], "");
        assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{args:?}");
        assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
    }
}

#[test]
fn an_output_that_cannot_be_written_is_told_before_anything_is_measured() {
    let folder = folder(&[]);
    for option in ["--html", "--markdown"] {
        let file = path(&folder, "missing/report");
        let output = cli(&["compare", option, &file], "");
        output.failed(3, &format!("error: {file} cannot be written: "));
    }
}

#[test]
fn a_store_that_cannot_be_reached_leaves_a_report_of_the_others() {
    let folder = folder(&[("login.json", &corpus("login"))]);
    let url = format!("sqlite://{}", path(&folder, "missing/sessions.db"));
    let data = path(&folder, "login.json");
    let output = compare(&["--data", &data, "--store", &url, "--json"]);
    assert_eq!(output.code, 3);
    assert!(
        output
            .stderr
            .starts_with("error: SQLite 2: the session store failed"),
        "{}",
        output.stderr
    );
    assert_eq!(output.stderr.lines().count(), 1);
    let report: Report = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(report.troubles.len(), 1);
    assert_eq!(report.method.stores, ["memory", "SQLite"]);
    assert!(report.samples[0].ways.iter().all(|way| way.read.is_some()));
}

#[test]
fn a_store_of_the_readers_own_stands_beside_the_embedded_ones_and_keeps_nothing() {
    let folder = folder(&[("login.json", &corpus("login"))]);
    let file = path(&folder, "sessions.db");
    let url = format!("sqlite://{file}");
    let data = path(&folder, "login.json");
    let json = compare(&["--data", &data, "--store", &url, "--json"]).succeeded();
    let report: Report = serde_json::from_str(&json).unwrap();
    assert_eq!(report.method.stores, ["memory", "SQLite", "SQLite 2"]);
    assert!(
        !json.contains(folder.path().to_str().unwrap()),
        "a path is in the report"
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        use sealed_session::{
            store::{SessionStore as _, sqlite::SqliteStore},
            time::Timestamp,
        };
        let store = SqliteStore::open(&file).await.unwrap();
        assert_eq!(
            store.delete_expired(Timestamp::MAX, 1_000).await.unwrap(),
            0
        );
    });
}

#[test]
fn a_session_too_large_for_any_store_is_refused_and_the_others_are_reported() {
    let large = format!("{{\"note\":\"{}\"}}", "customer ".repeat(130_000));
    let login = corpus("login");
    let folder = folder(&[("large.json", &*large), ("login.json", &login)]);
    let data = folder.path().to_str().unwrap();
    let output = compare(&["--data", data, "--json"]);
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(
        output.stderr.contains("large") && output.stderr.contains("1048576"),
        "{}",
        output.stderr
    );
    assert!(!output.stderr.contains("customer"), "{}", output.stderr);
    assert_eq!(output.stderr.lines().count(), 1);
    let report: Report = serde_json::from_str(&output.stdout).unwrap();
    let login = report
        .samples
        .iter()
        .find(|sample| sample.name == "login")
        .unwrap();
    assert_eq!(login.ways.len(), 5);
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_leaves_a_partial_report_that_says_so() {
    let folder = folder(&[]);
    let page = path(&folder, "report.html");
    let child = Command::new(program())
        .args(["compare", "--rounds", "10000", "--json", "--html", &page])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let process = Path::new("/proc").join(child.id().to_string());
    // Until it listens to the signal, which is bit 1 of a mask.
    loop {
        let status = fs::read_to_string(process.join("status")).unwrap();
        let caught = status
            .lines()
            .find_map(|line| line.strip_prefix("SigCgt:"))
            .unwrap();
        if u64::from_str_radix(caught.trim(), 16).unwrap() & 0b10 != 0 {
            break;
        }
        std::thread::yield_now();
    }
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(killed.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let line = String::from_utf8(output.stderr).unwrap();
    assert!(
        line.starts_with("error: the report is partial: stopped while "),
        "{line}"
    );
    assert_eq!(line.lines().count(), 1, "{line}");
    let parsed: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(violations(&parsed), [""; 0]);
    assert!(
        parsed["partial"]
            .as_str()
            .unwrap()
            .starts_with("stopped while ")
    );
    assert_eq!(parsed["samples"].as_array().unwrap().len(), 7);
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("Partial report: stopped while "));
}
