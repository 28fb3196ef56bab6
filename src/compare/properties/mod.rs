//! What is claimed of cookies and of server sessions, and what is found when it is run.
//!
//! Two widely read comparisons state how the two differ. Each of their claims has a row
//! here, in few words; so has what they leave out. What can be run in this process is run,
//! each time, with a cookie, with a store in memory and with the automatic strategy; what
//! needs a browser or Express is taken from a record that names version and command.

mod beyond;
mod claims;
mod lab;
mod seeds;

use serde::{Deserialize, Serialize};

use super::{
    evidence::{Recorded, RecordedVerdict},
    kit::Kit,
    report::SampleReport,
};
pub(super) use claims::ids;
use claims::{ROWS, Row};
use lab::{Found, Outcome};

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Property {
    /// The claim's id, the same in every report.
    pub id: String,
    /// What it is about.
    pub topic: String,
    /// What is claimed, shortened; empty for what nobody claims.
    pub claims: Vec<Claim>,
    /// What was run.
    pub run: String,
    /// What was found with a session in the cookie.
    pub cookie: String,
    /// What was found with a session in a store.
    pub store: String,
    /// What was found with the automatic strategy.
    pub automatic: String,
    /// Whether the claims hold.
    pub verdict: Verdict,
    /// Why the verdict is what it is.
    pub because: String,
    /// Where the findings come from.
    pub evidence: Vec<Evidence>,
}

/// A claim of one of the comparisons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// By which comparison.
    pub by: Document,
    /// Of what.
    pub of: About,
    /// In few words.
    pub text: String,
}

/// One of two widely read comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Document {
    /// Of sessions and cookies in general.
    General,
    /// Of sessions and cookies in Express.
    Express,
}

/// What a claim is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum About {
    /// Data in a cookie.
    Cookie,
    /// A session at the server.
    Session,
}

/// Whether the claims of a row hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As they are made.
    Holds,
    /// With conditions that they do not name.
    HoldsInPart,
    /// Not.
    DoesNotHold,
    /// Nobody claims it; what was found speaks for itself.
    NotClaimed,
    /// It needs a record that is not there, or could not be run.
    NotRecorded,
}

impl Verdict {
    /// In words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::HoldsInPart => "holds in part",
            Self::DoesNotHold => "does not hold",
            Self::NotClaimed => "not claimed",
            Self::NotRecorded => "not recorded yet",
        }
    }
}

/// Where a finding comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Evidence {
    /// It was run for this report, in this process.
    Run {
        /// The experiment's name.
        experiment: String,
    },
    /// It was run before, and recorded.
    Recorded {
        /// With what, and its version.
        with: String,
        /// The command that does it again.
        command: String,
        /// When.
        recorded: String,
        /// What was run.
        run: String,
    },
    /// It was run and failed.
    Failed {
        /// Why.
        why: String,
    },
    /// It is not there.
    Missing {
        /// What is missing: `browser` or `express`.
        record: String,
    },
}

impl Property {
    /// Whether all that the row says has been run.
    #[must_use]
    pub fn has_evidence(&self) -> bool {
        let good = |it: &Evidence| matches!(it, Evidence::Run { .. } | Evidence::Recorded { .. });
        !self.evidence.is_empty() && self.evidence.iter().all(good)
    }
}

/// Who has to have recorded something for a row to be complete.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    Nobody,
    Browser,
    Express,
}

/// Runs every row. `holds` is the largest payload that a cookie was found to hold.
pub(super) async fn run(
    kit: &Kit,
    samples: &[SampleReport],
    holds: Option<usize>,
    recorded: &Recorded,
    stop: &super::Stop,
) -> Vec<Property> {
    let mut properties = Vec::new();
    let total = ROWS.len() as u64;
    for (done, row) in (0_u64..).zip(&ROWS) {
        let phase = "properties";
        if stop.asked(super::Progress { phase, done, total }) {
            break;
        }
        let kit = kit.with_own_clock();
        let found = match row.id {
            "performance" => Some(seeds::performance(samples)),
            "size-limit" => Some(seeds::size_limit(&kit, holds).await),
            id => lab::run(id, &kit).await,
        };
        properties.push(property(row, found, recorded));
    }
    properties
}

fn property(row: &Row, found: Option<Outcome>, recorded: &Recorded) -> Property {
    let mut property = Property {
        id: row.id.to_owned(),
        topic: row.topic.to_owned(),
        claims: row.claims(),
        run: row.run.to_owned(),
        cookie: String::new(),
        store: String::new(),
        automatic: String::new(),
        verdict: Verdict::NotRecorded,
        because: String::new(),
        evidence: Vec::new(),
    };
    let mut verdicts = Vec::new();
    match found {
        Some(Ok(found)) => {
            let Found {
                cookie,
                store,
                automatic,
                verdict,
                because,
            } = found;
            (property.cookie, property.store, property.automatic) = (cookie, store, automatic);
            property.because = because;
            verdicts.extend(verdict);
            property.evidence.push(Evidence::Run {
                experiment: row.id.to_owned(),
            });
        }
        Some(Err(error)) => property.evidence.push(Evidence::Failed {
            why: error.to_string(),
        }),
        None => {}
    }
    let mut missing = false;
    if let Some((browser, claim)) = recorded.in_browser(row.id) {
        let with = &browser.browser;
        add(&mut property.cookie, with, &claim.cookie);
        add(&mut property.store, with, &claim.store);
        add(&mut property.automatic, with, &claim.automatic);
        add(&mut property.because, with, &claim.because);
        verdicts.push(claim.verdict.into());
        property.evidence.push(Evidence::Recorded {
            with: with.clone(),
            command: browser.command.clone(),
            recorded: browser.recorded.clone(),
            run: claim.run.clone(),
        });
    } else if row.needs == Needs::Browser {
        missing = true;
        property.evidence.push(Evidence::Missing {
            record: "browser".to_owned(),
        });
    }
    if let Some((express, claim)) = recorded.in_express(row.id) {
        add(&mut property.cookie, "cookie-session", &claim.cookie);
        add(
            &mut property.store,
            "express-session in memory",
            &claim.memory,
        );
        add(&mut property.store, "with Redis", &claim.redis);
        if row.needs == Needs::Express {
            add(&mut property.because, "Express", &claim.because);
            verdicts.push(claim.verdict.into());
        }
        property.evidence.push(Evidence::Recorded {
            with: format!(
                "{} on Node.js {}",
                express.packages.join(", "),
                express.node
            ),
            command: express.command.clone(),
            recorded: express.recorded.clone(),
            run: claim.run.clone(),
        });
    } else if row.needs == Needs::Express {
        missing = true;
        property.evidence.push(Evidence::Missing {
            record: "express".to_owned(),
        });
    }
    if !missing && property.has_evidence() {
        property.verdict = joined(&verdicts);
    }
    property
}

/// Adds a recorded finding to one of this process.
fn add(text: &mut String, with: &str, finding: &str) {
    if finding.is_empty() {
        return;
    }
    if !text.is_empty() {
        text.push_str("; ");
    }
    text.push_str(with);
    text.push_str(": ");
    text.push_str(finding);
}

/// Where findings differ, a claim holds in part.
fn joined(verdicts: &[Verdict]) -> Verdict {
    match verdicts {
        [] => Verdict::NotClaimed,
        [first, rest @ ..] if rest.iter().all(|other| other == first) => *first,
        _ => Verdict::HoldsInPart,
    }
}

impl From<RecordedVerdict> for Verdict {
    fn from(recorded: RecordedVerdict) -> Self {
        match recorded {
            RecordedVerdict::Holds => Self::Holds,
            RecordedVerdict::HoldsInPart => Self::HoldsInPart,
            RecordedVerdict::DoesNotHold => Self::DoesNotHold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::evidence::{Browser, BrowserClaim, Express, ExpressClaim};

    fn row(id: &str) -> &'static Row {
        ROWS.iter().find(|row| row.id == id).unwrap()
    }

    fn browser(verdict: RecordedVerdict) -> Recorded {
        let text = |text: &str| text.to_owned();
        Recorded::none().with_browser(Browser {
            schema: 1,
            browser: text("Browser 1"),
            command: text("scripts/browser.sh"),
            recorded: text("2026-11-22"),
            claims: vec![BrowserClaim {
                claim: text("browser-close"),
                run: text("closed"),
                cookie: text("gone"),
                store: text("gone"),
                automatic: text("gone"),
                verdict,
                because: text("it forgets"),
            }],
        })
    }

    #[expect(clippy::unnecessary_wraps, reason = "as it is handed over")]
    fn found(verdict: Option<Verdict>) -> Option<Outcome> {
        Some(Ok(Found {
            verdict,
            ..Found::unclaimed(["a", "b", "c"].map(str::to_owned), "seen")
        }))
    }

    #[test]
    fn a_row_is_complete_only_with_the_record_that_it_needs() {
        let closed = row("browser-close");
        let without = property(closed, found(None), &Recorded::none());
        assert_eq!(without.verdict, Verdict::NotRecorded);
        assert!(!without.has_evidence());
        let with = property(closed, found(None), &browser(RecordedVerdict::HoldsInPart));
        assert_eq!(with.verdict, Verdict::HoldsInPart);
        assert!(with.has_evidence());
        assert_eq!(with.cookie, "a; Browser 1: gone");
        assert_eq!(with.because, "seen; Browser 1: it forgets");
        assert_eq!(property(closed, None, &Recorded::none()).evidence.len(), 1);
    }

    #[test]
    fn an_experiment_that_fails_is_no_evidence() {
        let failed = property(
            row("logout"),
            Some(Err("no room".into())),
            &Recorded::none(),
        );
        assert_eq!(failed.verdict, Verdict::NotRecorded);
        assert!(!failed.has_evidence());
        let nothing = property(row("logout"), None, &Recorded::none());
        assert!(!nothing.has_evidence());
    }

    #[test]
    fn findings_that_differ_make_a_claim_hold_in_part() {
        let closed = row("browser-close");
        for (ours, theirs, verdict) in [
            (Verdict::Holds, RecordedVerdict::Holds, Verdict::Holds),
            (
                Verdict::Holds,
                RecordedVerdict::DoesNotHold,
                Verdict::HoldsInPart,
            ),
            (
                Verdict::DoesNotHold,
                RecordedVerdict::DoesNotHold,
                Verdict::DoesNotHold,
            ),
        ] {
            let both = property(closed, found(Some(ours)), &browser(theirs));
            assert_eq!(both.verdict, verdict);
        }
        assert_eq!(joined(&[]), Verdict::NotClaimed);
    }

    #[test]
    fn express_decides_only_about_its_own_claims() {
        let text = |text: &str| text.to_owned();
        let claim = |claim: &str| ExpressClaim {
            claim: text(claim),
            run: text("run"),
            cookie: text("readable"),
            memory: text("not readable"),
            redis: text("not readable either"),
            verdict: RecordedVerdict::Holds,
            because: text("it is signed only"),
        };
        let recorded = Recorded::none().with_express(Express {
            schema: 1,
            node: text("24"),
            packages: vec![text("express-session 1")],
            command: text("scripts/express.sh"),
            recorded: text("2026-11-22"),
            machine: text("a machine"),
            measured: Vec::new(),
            claims: vec![claim("readable"), claim("middleware")],
        });
        let ours = property(
            row("readable"),
            found(Some(Verdict::DoesNotHold)),
            &recorded,
        );
        assert_eq!(ours.verdict, Verdict::DoesNotHold);
        assert_eq!(ours.cookie, "a; cookie-session: readable");
        assert_eq!((ours.because.as_str(), ours.evidence.len()), ("seen", 2));
        let theirs = property(row("middleware"), None, &recorded);
        assert_eq!(theirs.verdict, Verdict::Holds);
        assert_eq!(theirs.because, "Express: it is signed only");
    }

    #[test]
    fn no_two_rows_have_the_same_id() {
        let mut ids: Vec<&str> = ids().collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), ROWS.len());
    }
}
