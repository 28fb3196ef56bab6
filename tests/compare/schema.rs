//! The part of JSON Schema that `docs/compare.schema.json` uses.

use serde_json::Value as Json;

pub(crate) fn schema() -> Json {
    serde_json::from_str(include_str!("../../docs/compare.schema.json")).unwrap()
}

/// Where the report is not what the schema says; nothing if it is.
pub(crate) fn violations(report: &Json) -> Vec<String> {
    let root = schema();
    let mut found = Vec::new();
    check(&root, &root, report, "report", &mut found);
    found
}

fn check(root: &Json, schema: &Json, value: &Json, at: &str, found: &mut Vec<String>) {
    for (keyword, rule) in schema.as_object().unwrap() {
        match keyword.as_str() {
            "$ref" => {
                let name = rule.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                check(root, &root["$defs"][name], value, at, found);
            }
            "anyOf" => {
                let any = rule.as_array().unwrap().iter().any(|one| {
                    let mut of_one = Vec::new();
                    check(root, one, value, at, &mut of_one);
                    of_one.is_empty()
                });
                if !any {
                    found.push(format!("{at} is none of what it may be"));
                }
            }
            "const" if value != rule => found.push(format!("{at} is not {rule}")),
            "enum" if !rule.as_array().unwrap().contains(value) => {
                found.push(format!("{at} is not of {rule}"));
            }
            "minimum" if value.as_f64().is_some_and(|it| it < rule.as_f64().unwrap()) => {
                found.push(format!("{at} is below {rule}"));
            }
            "type" => {
                let good = match rule.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "null" => value.is_null(),
                    "number" => value.is_number(),
                    "integer" => value.is_u64(),
                    other => unreachable!("{other}"),
                };
                if !good {
                    found.push(format!("{at} is not of type {rule}"));
                }
            }
            "items" => {
                for (place, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, rule, item, &format!("{at}[{place}]"), found);
                }
            }
            "required" => {
                let names = rule
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|it| it.as_str().unwrap());
                let missing = names.filter(|name| value.get(name).is_none());
                found.extend(missing.map(|name| format!("{at} has no {name}")));
            }
            "properties" => {
                for (name, inner) in value.as_object().into_iter().flatten() {
                    match rule.get(name) {
                        Some(rule) => check(root, rule, inner, &format!("{at}.{name}"), found),
                        None => found.push(format!("{at}.{name} is not in the schema")),
                    }
                }
            }
            // Those of before that hold, and what says nothing of the value.
            "const"
            | "enum"
            | "minimum"
            | "additionalProperties"
            | "description"
            | "title"
            | "$schema"
            | "$defs" => {}
            other => unreachable!("the validator does not know {other}"),
        }
    }
}

#[test]
fn the_validator_finds_what_is_missing_added_or_of_another_type() {
    let report: Json =
        serde_json::from_str(r#"{"schema":2,"load":{"users":-1},"more":[]}"#).unwrap();
    let found = violations(&report);
    for expected in [
        "report.schema is not 1",
        "report has no samples",
        "report.more is not in the schema",
        "report.load.users is below 0",
        "report.load has no uplink_megabits",
    ] {
        assert!(
            found.iter().any(|it| it == expected),
            "{expected}: {found:?}"
        );
    }
}
