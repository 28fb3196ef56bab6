//! Every row of the table of claims has its evidence.

use std::sync::OnceLock;

use sealed_session::{
    Values,
    compare::{
        Comparison, Effort, Sample, Target,
        evidence::{Browser, Express, Recorded},
        properties::{Document, Property, Verdict},
    },
};

/// The rows, run once for all tests.
pub(crate) fn rows() -> &'static [Property] {
    static ROWS: OnceLock<Vec<Property>> = OnceLock::new();
    ROWS.get_or_init(run)
}

/// The rows, with what is recorded in `tests/evidence`.
pub(crate) fn run() -> Vec<Property> {
    let browser: Option<Browser> =
        serde_json::from_str(include_str!("../evidence/browser.json")).unwrap();
    let express: Option<Express> =
        serde_json::from_str(include_str!("../evidence/express.json")).unwrap();
    let mut recorded = Recorded::none();
    if let Some(browser) = browser {
        recorded = recorded.with_browser(browser);
    }
    if let Some(express) = express {
        recorded = recorded.with_express(express);
    }
    let login: Values = serde_json::from_str(include_str!("../corpus/login.json")).unwrap();
    let comparison = Comparison::new()
        .sample(Sample::new("login", login))
        .target(Target::memory())
        .recorded(recorded)
        .effort(Effort {
            rounds: 1,
            phase_millis: 0,
        });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(comparison.run()).unwrap().properties
}

/// Fails until `tests/evidence/browser.json` and `express.json` are recorded.
#[test]
fn every_row_has_evidence_and_every_claim_a_verdict() {
    let rows = rows();
    let missing: Vec<String> = rows
        .iter()
        .filter(|row| !row.has_evidence() || row.verdict == Verdict::NotRecorded)
        .map(|row| format!("{}: {:?}", row.id, row.evidence))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

/// The topics of both comparisons, so that no row gets lost.
#[test]
fn both_comparisons_are_answered_row_by_row() {
    let rows = rows();
    let claimed = |by: Document| {
        let of = |row: &&Property| row.claims.iter().any(|claim| claim.by == by);
        let ids = rows.iter().filter(of).map(|row| row.id.as_str());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(
        claimed(Document::General),
        [
            "storage-location",
            "readable",
            "performance",
            "size-limit",
            "expiration",
            "restart",
            "browser-close",
            "logout",
            "authentication",
            "purpose",
            "examples"
        ]
    );
    assert_eq!(
        claimed(Document::Express),
        [
            "storage-location",
            "readable",
            "performance",
            "size-limit",
            "browser-close",
            "logout",
            "identifier",
            "every-request",
            "middleware",
            "purpose"
        ]
    );
    for row in rows {
        assert_eq!(
            row.verdict == Verdict::NotClaimed,
            row.claims.is_empty(),
            "{}",
            row.id
        );
        assert!(!row.run.is_empty() && !row.topic.is_empty());
    }
}
