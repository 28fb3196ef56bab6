//! The sessions to compare with: the reader's, or this project's corpus.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use sealed_session::{Values, compare::Sample};

use crate::failure::Failure;

/// The corpus of this project's tests, smallest first.
const CORPUS: [(&str, &str); 7] = [
    (
        "minimal",
        include_str!("../../../tests/corpus/minimal.json"),
    ),
    ("login", include_str!("../../../tests/corpus/login.json")),
    ("flash", include_str!("../../../tests/corpus/flash.json")),
    ("oauth", include_str!("../../../tests/corpus/oauth.json")),
    ("cart10", include_str!("../../../tests/corpus/cart10.json")),
    ("cart40", include_str!("../../../tests/corpus/cart40.json")),
    (
        "cart400",
        include_str!("../../../tests/corpus/cart400.json"),
    ),
];

/// With more, each would be measured too little.
const MOST: usize = 64;

pub(super) fn samples(data: Option<&Path>) -> Result<Vec<Sample>, Failure> {
    let mut samples = Vec::new();
    let Some(path) = data else {
        for (name, json) in CORPUS {
            samples.push(sample(name.to_owned(), json, name)?);
        }
        return Ok(samples);
    };
    for file in files(path)? {
        let shown = file.display().to_string();
        let bytes = fs::read(&file).map_err(|error| unreadable(&file, &error))?;
        let text = String::from_utf8(bytes)
            .map_err(|_| Failure::Usage(format!("{shown} is not JSON: not UTF-8")))?;
        let stem = file.file_stem().unwrap_or(OsStr::new("session"));
        let name = stem.to_string_lossy().into_owned();
        if text.trim_start().starts_with('[') {
            let several: Vec<Values> =
                serde_json::from_str(&text).map_err(|error| not_json(&shown, &error))?;
            for (number, values) in (1_usize..).zip(several) {
                let json = serde_json::to_string(&values).map_or(0, |json| json.len());
                let sample = Sample::new(format!("{name} {number}"), values);
                samples.push(sample.with_json_bytes(json));
            }
        } else {
            samples.push(sample(name, &text, &shown)?);
        }
    }
    match samples.len() {
        0 => Err(Failure::Usage(format!(
            "{} holds no session",
            path.display()
        ))),
        many if many > MOST => Err(Failure::Usage(format!(
            "{} holds {many} sessions, more than {MOST}: choose some",
            path.display()
        ))),
        _ => Ok(samples),
    }
}

/// The file, or the folder's files that end in `.json`, by name.
fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let data = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !data.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    let entries = fs::read_dir(path).map_err(|error| unreadable(path, &error))?;
    for entry in entries {
        let file = entry.map_err(|error| unreadable(path, &error))?.path();
        let json = file
            .extension()
            .is_some_and(|it| it.eq_ignore_ascii_case("json"));
        if json && file.is_file() {
            files.push(file);
        }
    }
    if files.is_empty() {
        let shown = path.display();
        return Err(Failure::Usage(format!(
            "{shown} has no file that ends in .json"
        )));
    }
    files.sort();
    Ok(files)
}

fn sample(name: String, json: &str, shown: &str) -> Result<Sample, Failure> {
    let values: Values = serde_json::from_str(json).map_err(|error| not_json(shown, &error))?;
    Ok(Sample::new(name, values).with_json_bytes(json.trim().len()))
}

/// Without the parser's own message, which may quote the session.
fn not_json(shown: &str, error: &serde_json::Error) -> Failure {
    let what = if error.is_data() {
        "not a JSON object that a session can be (no key twice, at most 64 levels)"
    } else {
        "not JSON"
    };
    let (line, column) = (error.line(), error.column());
    Failure::Usage(format!("{shown} is {what}: line {line}, column {column}"))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let kind = error.kind();
    Failure::Environment(format!("{} cannot be read: {kind}", path.display()))
}
