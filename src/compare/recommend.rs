//! Which strategy, by rules that can be read and argued with: the first that applies wins.

use serde::{Deserialize, Serialize};

use super::{
    cost::Load,
    report::{SampleReport, Way},
};

/// Which strategy these samples and this load ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recommendation {
    /// The strategy.
    pub way: Way,
    /// Why, in a sentence.
    pub because: String,
    /// The rules in their order, each with what was found. The first that applies decides.
    pub rules: Vec<Rule>,
}

/// A rule of the recommendation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// When it applies.
    pub when: String,
    /// What it recommends.
    pub then: Way,
    /// Why it is a rule.
    pub why: String,
    /// What was found of its condition.
    pub found: String,
    /// Whether it applies.
    pub applies: bool,
}

/// From which part of writing requests on a session belongs in a store.
const MANY_WRITES: f64 = 0.5;

/// Applies the rules. `budget` is the cookie's, `holds` whether a logout must hold for
/// copies of the cookie.
pub(super) fn recommend(
    samples: &[SampleReport],
    load: &Load,
    budget: usize,
    logout_must_hold: bool,
) -> Option<Recommendation> {
    let all = samples.len();
    let small = |sample: &&SampleReport| sample.cookie.cookie_bytes <= budget;
    let fit = samples.iter().filter(small).count();
    let writes = load.writes_per_request;
    let rules = vec![
        Rule {
            when: format!("no sample fits a cookie of {budget} bytes"),
            then: Way::Store,
            why: "the automatic strategy would keep every session in the store as well, and \
                  look for a place in the cookie at every change"
                .to_owned(),
            found: format!("{fit} of {all} fit"),
            applies: fit == 0,
        },
        Rule {
            when: format!("at least {MANY_WRITES} of the requests change the session"),
            then: Way::Store,
            why: "two parallel requests that change a session in the cookie overwrite each \
                  other without notice; in the store the second is merged or refused"
                .to_owned(),
            found: format!("{writes} of the requests"),
            applies: writes >= MANY_WRITES,
        },
        Rule {
            when: "some samples fit, and some do not".to_owned(),
            then: Way::Automatic,
            why: "what fits costs the store nothing, and what does not fit still works".to_owned(),
            found: format!("{fit} of {all} fit"),
            applies: fit > 0 && fit < all,
        },
        Rule {
            when: "all samples fit, and a logout must end copies of the cookie".to_owned(),
            then: Way::Automatic,
            why: "sessions stay in the cookie, and the store keeps the list of what was \
                  revoked; without it a copied cookie lives until it expires"
                .to_owned(),
            found: format!("{fit} of {all} fit; a logout {}", must(logout_must_hold)),
            applies: fit == all && logout_must_hold,
        },
        Rule {
            when: "all samples fit, and a copied cookie may live until it expires".to_owned(),
            then: Way::Cookie,
            why: "there is nothing to run beside the servers".to_owned(),
            found: format!("{fit} of {all} fit; a logout {}", must(logout_must_hold)),
            applies: fit == all && !logout_must_hold,
        },
    ];
    if all == 0 {
        return None;
    }
    let decides = rules.iter().find(|rule| rule.applies)?;
    Some(Recommendation {
        way: decides.then,
        because: format!("{} ({}): {}", decides.when, decides.found, decides.why),
        rules,
    })
}

fn must(holds: bool) -> &'static str {
    if holds { "must hold" } else { "need not hold" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::report::CookieFit;

    fn sample(cookie_bytes: usize) -> SampleReport {
        SampleReport {
            name: String::new(),
            json_bytes: None,
            encoded_bytes: 0,
            cookie: CookieFit {
                cookie_bytes,
                limit: 4_096,
                fits: cookie_bytes <= 4_096,
                spare: 0,
                compressed: false,
            },
            ways: Vec::new(),
        }
    }

    #[test]
    fn the_first_rule_that_applies_decides() {
        let (small, large) = (sample(400), sample(9_000));
        let calm = Load::default();
        let busy = Load {
            writes_per_request: 0.5,
            ..Load::default()
        };
        for (samples, load, logout, way) in [
            (vec![large.clone()], &calm, true, Way::Store),
            (vec![small.clone()], &busy, false, Way::Store),
            (vec![small.clone(), large], &calm, false, Way::Automatic),
            (vec![small.clone()], &calm, true, Way::Automatic),
            (vec![small], &calm, false, Way::Cookie),
        ] {
            let found = recommend(&samples, load, 3_300, logout).unwrap();
            assert_eq!(found.way, way);
            let decided = found.rules.iter().find(|rule| rule.applies).unwrap();
            assert!(found.because.starts_with(&decided.when));
        }
        assert_eq!(recommend(&[], &calm, 3_300, true), None);
    }
}
